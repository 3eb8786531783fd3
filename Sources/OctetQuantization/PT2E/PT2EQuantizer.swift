import OctetGraph
import OctetTensor

/// Says how the steps of a captured graph are quantized: a backend's knowledge. torch.ao.quantization.quantizer.Quantizer.
///
/// `preparePT2E` calls the three methods in order. A quantizer reads the graph, and stores annotations in `Node.annotation`.
public protocol PT2EQuantizer {
  /// Changes the graph so that it can be annotated; it must compute the same. torch's `transform_for_annotation`.
  func transformForAnnotation(_ model: GraphModule) throws

  /// Annotates steps that no rule has taken yet. torch's `annotate`.
  func annotate(_ model: GraphModule) throws

  /// Refuses annotations that the backend can't run. torch's `validate`.
  func validate(_ model: GraphModule) throws
}

extension PT2EQuantizer {
  /// Leaves the graph as it is.
  public func transformForAnnotation(_ model: GraphModule) throws {}

  /// Takes everything.
  public func validate(_ model: GraphModule) throws {}
}

/// Several quantizers, one after the other: what one has annotated, the next leave alone.
/// torch.ao.quantization.quantizer.ComposableQuantizer.
public struct ComposableQuantizer: PT2EQuantizer {
  /// The quantizers in their order.
  public let quantizers: [any PT2EQuantizer]

  /// Puts quantizers in a row.
  public init(_ quantizers: [any PT2EQuantizer]) { self.quantizers = quantizers }

  /// Lets each change the graph.
  public func transformForAnnotation(_ model: GraphModule) throws {
    for quantizer in quantizers { try quantizer.transformForAnnotation(model) }
  }

  /// Lets each annotate.
  ///
  /// - Throws: `invalidConfiguration` naming a step whose annotation a later quantizer has changed.
  public func annotate(_ model: GraphModule) throws {
    var before: [Node: QuantizationAnnotation] = [:]
    for quantizer in quantizers {
      try quantizer.annotate(model)
      for node in model.graph.nodes {
        guard let annotation = node.annotation else { continue }
        if let old = before[node], !old.saysTheSame(as: annotation) {
          throw OctetError(
            .invalidConfiguration, operation: "ComposableQuantizer", argument: node.name,
            expected: "quantizers that leave annotated steps alone",
            received: "\(type(of: quantizer)), which changed this one",
            fix: "put the more specific quantizer first, and skip steps that have an annotation")
        }
        before[node] = annotation
      }
    }
  }

  /// Lets each refuse.
  public func validate(_ model: GraphModule) throws {
    for quantizer in quantizers { try quantizer.validate(model) }
  }
}

extension QuantizationAnnotation {
  /// True when the same values are quantized. Taking a step that had an annotation is no change.
  fileprivate func saysTheSame(as other: QuantizationAnnotation) -> Bool {
    inputs.keys == other.inputs.keys && (output == nil) == (other.output == nil)
  }
}
