import OctetGraph
import OctetNN
import OctetTensor

/// Quantizes what TorchInductor fuses into integer kernels on x86: what linear layers, convolutions and products of matrices read, then
/// pools, concatenations and flattenings behind them. Outputs stay in float until the next operator reads them; in training the
/// outputs of layers with a batch norm are rounded where they are made.
/// torch.ao.quantization.quantizer.x86_inductor_quantizer.X86InductorQuantizer.
///
/// Module names go first, then operators, then the global configuration; a configuration that is nil keeps its steps in float. Setters
/// give back a quantizer with one more entry.
public struct X86InductorQuantizer: PT2EQuantizer {
  private var global: QuantizationConfig?
  private var moduleNames: [(path: String, config: QuantizationConfig?)] = []
  private var functions: [(name: String, config: QuantizationConfig?)] = []

  /// A quantizer that quantizes nothing yet.
  public init() {}

  /// torch's `set_global`.
  ///
  /// - Throws: `invalidConfiguration` when others are for training, or for run-time parameters, and this one isn't.
  public func setGlobal(_ config: QuantizationConfig) throws(OctetError) -> X86InductorQuantizer {
    try check(config, "set_global")
    var copy = self
    copy.global = config
    return copy
  }

  /// For steps in the module at a path. torch's `set_module_name_qconfig`.
  ///
  /// - Throws: `invalidConfiguration` when others are for training, or for run-time parameters, and this one isn't.
  public func setModuleName(_ path: String, _ config: QuantizationConfig?) throws(OctetError)
    -> X86InductorQuantizer
  {
    try check(config, "set_module_name_qconfig")
    var copy = self
    copy.moduleNames.removeAll { $0.path == path }
    copy.moduleNames.append((path, config))
    return copy
  }

  /// For calls of a function (`conv2d`, `linear`, `matmul`, `cat` …), by itself or inside a layer. torch's `set_function_type_qconfig`.
  ///
  /// - Throws: `invalidConfiguration` for a function that this quantizer doesn't quantize, and when others are for training, or for
  ///   run-time parameters, and this one isn't.
  public func setFunction(_ name: String, _ config: QuantizationConfig?) throws(OctetError)
    -> X86InductorQuantizer
  {
    let known = Self.layers.union(Self.followers).union(["matmul"])
    guard known.contains(name) else {
      throw OctetError(
        .invalidConfiguration, operation: "set_function_type_qconfig", argument: "function_type",
        expected: "one of \(known.sorted().joined(separator: ", "))", received: "'\(name)'")
    }
    try check(config, "set_function_type_qconfig")
    var copy = self
    copy.functions.removeAll { $0.name == name }
    copy.functions.append((name, config))
    return copy
  }

  private func check(_ config: QuantizationConfig?, _ operation: String) throws(OctetError) {
    let known = [global] + moduleNames.map(\.config) + functions.map(\.config)
    guard let config, let other = known.lazy.compactMap({ $0 }).first,
      config.isQAT != other.isQAT || config.isDynamic != other.isDynamic
    else { return }
    throw OctetError(
      .invalidConfiguration, operation: operation, argument: "quantization_config",
      expected: "configurations that are alike in isQAT and isDynamic",
      received:
        "isQAT \(config.isQAT) and isDynamic \(config.isDynamic) beside \(other.isQAT) and \(other.isDynamic)",
      fix: "use one quantizer for each way of quantizing")
  }

  /// Annotates by module names, functions, then for all others; then lets outputs share.
  public func annotate(_ model: GraphModule) throws {
    for (path, config) in moduleNames {
      annotate(model, config) { steps in steps.allSatisfy { $0.isInside(path: path) } }
    }
    for (name, config) in functions {
      annotate(model, config) { steps in steps.filter { $0.functionName == name }.count == 1 }
    }
    if let global {
      let known = Self.layers.union(Self.followers)
      annotate(model, global) { steps in
        steps.filter { $0.functionName.map(known.contains) == true }.count == 1
      }
    }
    for node in model.graph.nodes where node.annotation?.endsPattern == true {
      guard let function = node.functionName, Self.followers.contains(function),
        let value = node.activations.first
      else { continue }
      node.annotation?.output = SharedQuantizationSpec(.edge(value, node))
    }
  }

  private func annotate(
    _ model: GraphModule, _ config: QuantizationConfig?, where isMeant: ([Node]) -> Bool
  ) {
    for rule in Self.rules {
      if let config, rule.isForTraining && !config.isQAT { continue }
      if config?.isDynamic == true, !rule.isDynamic { continue }
      for steps in rule.pattern.matches(in: model)
      where !steps.contains(where: \.isTaken) && isMeant(steps) {
        if let config {
          rule.annotate(steps, config)
        } else {
          for step in steps { step.take() }
        }
      }
    }
    if config?.isDynamic == true { return }
    for node in model.graph.nodes where !node.isTaken && isMeant([node]) {
      guard let function = node.functionName, Self.followers.contains(function) else { continue }
      guard let config else {
        node.take()
        continue
      }
      follow(node, function, config)
    }
  }

  // MARK: Rules

  /// A pattern, and what is said of its steps.
  private struct Rule: Sendable {
    let pattern: StepPattern
    var isForTraining = false
    var isDynamic = false
    let annotate: @Sendable ([Node], QuantizationConfig) -> Void
  }

  private static let clamps: Set<String> = ["relu", "hardtanh", "hardswish", "relu6", "silu"]

  /// The patterns in their order: an operator more is a line here.
  private static let rules: [Rule] = [
    Rule(
      pattern: StepPattern(["conv2d"], ["batch_norm"], ["add"], ["relu"]), isForTraining: true,
      annotate: layer),
    Rule(
      pattern: StepPattern(["conv2d"], ["batch_norm"], ["add"]), isForTraining: true,
      annotate: layer),
    Rule(
      pattern: StepPattern(["conv2d"], ["batch_norm"], clamps), isForTraining: true,
      annotate: layer),
    Rule(pattern: StepPattern(["conv2d"], ["batch_norm"]), isForTraining: true, annotate: layer),
    Rule(pattern: StepPattern(["conv2d"], ["add"], ["relu"]), annotate: layer),
    Rule(pattern: StepPattern(["conv2d"], ["add"]), annotate: layer),
    Rule(pattern: StepPattern(["conv2d"], clamps), annotate: layer),
    Rule(pattern: StepPattern(["conv1d"], ["relu"]), annotate: layer),
    Rule(pattern: StepPattern(["conv2d"]), annotate: layer),
    Rule(pattern: StepPattern(["linear"], ["add"], ["relu"]), isDynamic: true, annotate: layer),
    Rule(pattern: StepPattern(["linear"], ["add"]), isDynamic: true, annotate: layer),
    Rule(
      pattern: StepPattern(["linear"], ["relu", "leaky_relu", "tanh", "gelu"]), isDynamic: true,
      annotate: layer),
    Rule(pattern: StepPattern(["linear"]), isDynamic: true, annotate: layer),
    Rule(pattern: StepPattern(["matmul"]), annotate: product),
  ]

  /// Functions that the global configuration is for.
  private static let layers: Set<String> = ["conv1d", "conv2d", "linear"]

  /// Functions that are quantized where they follow what is, whose outputs are rounded as their inputs are.
  private static let followers: Set<String> = [
    "max_pool2d", "cat", "avg_pool2d", "adaptive_avg_pool2d", "flatten",
  ]

  /// Input and weight of the layer; behind a convolution the other operand of the sum; behind a batch norm the pattern's output.
  private static func layer(_ steps: [Node], _ config: QuantizationConfig) {
    steps[0].annotateLayer(config)
    for step in steps.dropFirst() { step.take() }
    if let sum = steps.firstIndex(where: { $0.functionName == "add" }),
      steps[0].functionName != "linear", let input = config.inputActivation
    {
      let others = steps[sum].activations.filter { $0.node != steps[sum - 1] }
      for other in others { steps[sum].annotation?.inputs[other] = input }
    }
    let last = steps[steps.count - 1]
    if steps.contains(where: { $0.op == nil }) { last.annotation?.output = config.outputActivation }
    last.annotation?.endsPattern = true
  }

  private static func product(_ steps: [Node], _ config: QuantizationConfig) {
    var inputs: [Value: any QuantizationSpecBase] = [:]
    for value in steps[0].activations { inputs[value] = config.inputActivation }
    steps[0].annotation = QuantizationAnnotation(inputs: inputs)
    steps[0].annotation?.endsPattern = true
  }

  /// A step whose inputs all come out of quantized patterns is one itself.
  private func follow(_ node: Node, _ function: String, _ config: QuantizationConfig) {
    let sources = function == "cat" ? node.activations : Array(node.activations.prefix(1))
    guard let first = sources.first, let input = config.inputActivation,
      sources.allSatisfy({ $0.node.annotation?.endsPattern == true })
    else { return }
    // A flattening is worth it in front of what takes integers.
    let takers = Self.layers.union(Self.followers).union(["matmul"])
    if function == "flatten", !node.users.isEmpty,
      !node.users.contains(where: { $0.functionName.map(takers.contains) == true })
    {
      return
    }
    var inputs: [Value: any QuantizationSpecBase] = [:]
    for value in sources { inputs[value] = SharedQuantizationSpec(.edge(first, node)) }
    inputs[first] = input
    node.annotation = QuantizationAnnotation(inputs: inputs)
    node.annotation?.endsPattern = true
  }
}
