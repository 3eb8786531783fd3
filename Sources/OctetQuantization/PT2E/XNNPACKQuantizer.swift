import OctetGraph
import OctetNN
import OctetTensor

/// Quantizes what XNNPACK runs in integers: linear layers, convolutions, sums, products, concatenations and average pools, each with the
/// ReLU behind it where there is one. torch.ao.quantization.quantizer.xnnpack_quantizer.XNNPACKQuantizer.
///
/// Module names go first, then module types, then the global configuration for what neither names. At the end, steps that only choose or
/// move elements share the observer of what they read. Setters give back a quantizer with one more entry.
public struct XNNPACKQuantizer: PT2EQuantizer {
  private var global: QuantizationConfig?
  private var moduleTypes: [(type: ObjectIdentifier, config: QuantizationConfig)] = []
  private var moduleNames: [(path: String, config: QuantizationConfig)] = []

  /// A quantizer that quantizes nothing yet.
  public init() {}

  /// torch's `set_global`.
  public func setGlobal(_ config: QuantizationConfig) -> XNNPACKQuantizer {
    var copy = self
    copy.global = config
    return copy
  }

  /// For steps in modules of exactly this type. torch's `set_module_type`.
  public func setModuleType(_ type: Module.Type, _ config: QuantizationConfig) -> XNNPACKQuantizer {
    var copy = self
    copy.moduleTypes.removeAll { $0.type == ObjectIdentifier(type) }
    copy.moduleTypes.append((ObjectIdentifier(type), config))
    return copy
  }

  /// For steps in the module at a path. torch's `set_module_name`.
  ///
  /// - Throws: `invalidConfiguration` for nil: this quantizer can't turn modules off.
  public func setModuleName(_ path: String, _ config: QuantizationConfig?) throws(OctetError)
    -> XNNPACKQuantizer
  {
    guard let config else {
      throw OctetError(
        .invalidConfiguration, operation: "XNNPACKQuantizer.set_module_name",
        argument: "quantization_config", expected: "a configuration",
        received: "none for '\(path)'",
        fix: "set configurations for the other modules instead of a global one")
    }
    var copy = self
    copy.moduleNames.removeAll { $0.path == path }
    copy.moduleNames.append((path, config))
    return copy
  }

  /// Numbers in sums and products become constants, which are quantized as tensors are.
  public func transformForAnnotation(_ model: GraphModule) throws {
    for node in model.graph.nodes {
      guard let op = node.op, let (sum, scalar) = LoweredOperators.tensorArithmetic(op),
        let function = node.functionName
      else { continue }
      let path = model.unusedAttribute("\(node.name)_constant")
      let constant = Tensor(scalar: scalar)
      model[attribute: path] = Buffer(constant)
      let value = model.graph.insert(
        .getAttribute(path), name: path, before: node, scopes: node.scopes)
      value.specs = [constant.spec]
      node.recordedFunction = node.recordedFunction ?? function
      node.operation = .callOperator(sum)
      node.setArguments(node.arguments + [value.value])
    }
    try model.verify()
  }

  /// Annotates by module names, module types, then for all others.
  public func annotate(_ model: GraphModule) throws {
    let isDynamic = global?.isDynamic == true
    func annotate(_ config: QuantizationConfig, where isMeant: (Node) -> Bool) {
      for rule in Self.rules where isDynamic ? rule.isDynamic : config.isQAT || !rule.isForTraining
      {
        for steps in rule.pattern.matches(in: model)
        where !steps.contains(where: \.isTaken) && steps.allSatisfy(isMeant) {
          rule.annotate(steps, config)
        }
      }
    }
    for (path, config) in moduleNames { annotate(config) { $0.isInside(path: path) } }
    for (type, config) in moduleTypes { annotate(config) { $0.isInside(type: type) } }
    if let global {
      annotate(global) { node in
        !moduleNames.contains { node.isInside(path: $0.path) }
          && !moduleTypes.contains { node.isInside(type: $0.type) }
      }
    }
    propagate(model)
  }

  // MARK: Rules

  /// A pattern, and what is said of its steps.
  private struct Rule: Sendable {
    let pattern: StepPattern
    var isForTraining = false
    var isDynamic = false
    let annotate: @Sendable ([Node], QuantizationConfig) -> Void
  }

  private static let smallConvolutions: Set<String> = ["conv1d", "conv2d"]
  private static let convolutions: Set<String> = smallConvolutions.union(["conv3d"])
  private static let transposed: Set<String> = [
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
  ]

  /// The patterns in their order: an operator more is a line here.
  private static let rules: [Rule] = [
    Rule(
      pattern: StepPattern(smallConvolutions, ["batch_norm"], ["relu"]), isForTraining: true,
      annotate: layer),
    Rule(
      pattern: StepPattern(smallConvolutions, ["batch_norm"]), isForTraining: true, annotate: layer),
    Rule(pattern: StepPattern(["linear"], ["relu"]), annotate: layer),
    Rule(pattern: StepPattern(["linear"]), isDynamic: true, annotate: layer),
    Rule(pattern: StepPattern(convolutions, ["relu"]), annotate: layer),
    Rule(pattern: StepPattern(smallConvolutions), annotate: layer),
    Rule(pattern: StepPattern(transposed, ["relu"]), annotate: layer),
    Rule(pattern: StepPattern(["adaptive_avg_pool2d"]), annotate: pool),
    Rule(pattern: StepPattern(["add"], ["relu"]), annotate: arithmetic),
    Rule(pattern: StepPattern(["add"]), annotate: arithmetic),
    Rule(pattern: StepPattern(["mul"], ["relu"]), annotate: arithmetic),
    Rule(pattern: StepPattern(["mul"]), annotate: arithmetic),
    Rule(pattern: StepPattern(["cat"]), annotate: concatenation),
  ]

  /// Functions whose results are some of their input's elements, or means of them: the observer stays the same.
  private static let sharing: Set<String> = [
    "relu", "relu6", "hardtanh", "max_pool2d", "mean", "permute", "squeeze", "adaptive_avg_pool2d",
    "view", "reshape", "flatten",
  ]

  /// Input and weight of the first step, output of the last.
  private static func layer(_ steps: [Node], _ config: QuantizationConfig) {
    steps[0].annotateLayer(config, output: steps.count == 1 ? config.outputActivation : nil)
    for step in steps.dropFirst() { step.take() }
    if steps.count > 1 { steps[steps.count - 1].annotation?.output = config.outputActivation }
  }

  /// Both operands, and the output of the last step.
  private static func arithmetic(_ steps: [Node], _ config: QuantizationConfig) {
    let operands = steps[0].activations
    guard operands.allSatisfy({ $0.spec?.dtype == .float32 }) else { return }
    steps[0].annotation = QuantizationAnnotation(
      inputs: Dictionary(
        operands.compactMap { value in config.inputActivation.map { (value, $0) } },
        uniquingKeysWith: { first, _ in first }))
    for step in steps.dropFirst() { step.take() }
    steps[steps.count - 1].annotation?.output = config.outputActivation
  }

  /// The first input, with which all others and the output share.
  private static func concatenation(_ steps: [Node], _ config: QuantizationConfig) {
    guard let first = steps[0].activations.first, let input = config.inputActivation else { return }
    let shared = SharedQuantizationSpec(.edge(first, steps[0]))
    var inputs: [Value: any QuantizationSpecBase] = [:]
    for value in steps[0].activations { inputs[value] = shared }
    inputs[first] = input
    steps[0].annotation = QuantizationAnnotation(inputs: inputs, output: shared)
  }

  /// Input and output share; with the producer where that is quantized.
  private static func pool(_ steps: [Node], _ config: QuantizationConfig) {
    guard let value = steps[0].activations.first else { return }
    let isQuantized = value.node.isTaken && value.node.annotation?.output != nil
    let input: (any QuantizationSpecBase)? =
      isQuantized ? SharedQuantizationSpec(.node(value.node)) : config.inputActivation
    guard let input else { return }
    steps[0].annotation = QuantizationAnnotation(
      inputs: [value: input], output: SharedQuantizationSpec(.edge(value, steps[0])))
  }

  private func propagate(_ model: GraphModule) {
    for node in model.graph.nodes {
      guard let function = node.functionName, Self.sharing.contains(function), !node.isTaken,
        let value = node.activations.first, value.node.annotation?.output != nil
      else { continue }
      let shared = SharedQuantizationSpec(.node(value.node))
      node.annotation = QuantizationAnnotation(inputs: [value: shared], output: shared)
    }
  }
}

extension GraphModule {
  /// A path at which no tensor stands: this one, or with `.1`, `.2`, … behind it.
  func unusedAttribute(_ path: String) -> String {
    if self[attribute: path] == nil { return path }
    var repetition = 1
    while self[attribute: "\(path).\(repetition)"] != nil { repetition += 1 }
    return "\(path).\(repetition)"
  }
}
