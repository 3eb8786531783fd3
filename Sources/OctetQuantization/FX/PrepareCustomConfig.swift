import OctetGraph
import OctetNN

/// What `prepareFX` does differently for some modules, inputs and outputs. torch.ao.quantization.fx.custom_config.PrepareCustomConfig.
///
/// Setters give back a configuration with that setting.
public struct PrepareCustomConfig: Sendable, Equatable {
  /// Paths of modules that aren't looked into and stay in float.
  public private(set) var nonTraceableModuleNames: [String] = []
  /// Types of modules that aren't looked into and stay in float.
  public private(set) var nonTraceableModuleClasses: [ObjectType] = []
  /// Inputs that the converted model takes quantized, by place.
  public private(set) var inputQuantizedIndexes: [Int] = []
  /// Outputs that the converted model gives quantized, by place.
  public private(set) var outputQuantizedIndexes: [Int] = []

  /// Nothing special.
  public init() {}

  /// torch's `set_non_traceable_module_names`.
  public func setNonTraceableModuleNames(_ names: [String]) -> PrepareCustomConfig {
    var copy = self
    copy.nonTraceableModuleNames = names
    return copy
  }

  /// torch's `set_non_traceable_module_classes`.
  public func setNonTraceableModuleClasses(_ types: [Module.Type]) -> PrepareCustomConfig {
    var copy = self
    copy.nonTraceableModuleClasses = types.map { .type($0) }
    return copy
  }

  /// torch's `set_input_quantized_indexes`.
  public func setInputQuantizedIndexes(_ indexes: [Int]) -> PrepareCustomConfig {
    var copy = self
    copy.inputQuantizedIndexes = indexes
    return copy
  }

  /// torch's `set_output_quantized_indexes`.
  public func setOutputQuantizedIndexes(_ indexes: [Int]) -> PrepareCustomConfig {
    var copy = self
    copy.outputQuantizedIndexes = indexes
    return copy
  }

  /// Layers, and what is declared non-traceable.
  var leaves: LeafPolicy {
    let layers = LeafPolicy.layers
    return LeafPolicy { module, path in
      nonTraceableModuleNames.contains(path)
        || nonTraceableModuleClasses.contains(.type(type(of: module)))
        || layers.isLeaf(module, path)
    }
  }

  /// Notes which inputs and outputs stay quantized.
  func mark(_ graph: Graph) {
    for (index, node) in graph.placeholders.enumerated() {
      node.keepsIntegers = inputQuantizedIndexes.contains(index)
    }
    graph.output?.keepsIntegers = outputQuantizedIndexes.contains(0)
  }
}

extension Node {
  private enum IntegerKey {}

  /// True for inputs that come quantized, and for an output that leaves quantized.
  var keepsIntegers: Bool {
    get { attachments[ObjectIdentifier(IntegerKey.self)] as? Bool ?? false }
    set { attachments[ObjectIdentifier(IntegerKey.self)] = newValue }
  }
}
