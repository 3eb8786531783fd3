import OctetGraph
import OctetNN
import OctetTensor

/// Steps of given kinds that run one after the other, each read by the next alone. A kind is what torch calls a function, or `batch_norm`
/// for batch norms.
struct StepPattern: Sendable {
  /// The kinds that are taken at each place.
  let kinds: [Set<String>]

  init(_ kinds: Set<String>...) { self.kinds = kinds }

  /// Every sequence of the graph, in the order of their first steps.
  func matches(in model: GraphModule) -> [[Node]] {
    model.graph.nodes.compactMap { sequence(from: $0, in: model) }
  }

  private func sequence(from first: Node, in model: GraphModule) -> [Node]? {
    var steps: [Node] = []
    var next: Node? = first
    for kind in kinds {
      guard let node = next, let found = node.kind(in: model), kind.contains(found) else {
        return nil
      }
      // What comes from elsewhere, such as the weight, isn't what goes on.
      if let last = steps.last, kinds.count > 1, !node.activations.contains(last.value) {
        return nil
      }
      steps.append(node)
      next = node.users.count == 1 ? node.users[0] : nil
    }
    return steps
  }
}

extension Node {
  /// The kind of a step: what torch calls its function.
  func kind(in model: GraphModule) -> String? {
    if op != nil { return functionName }
    return model.module(of: self) is BatchNorm ? "batch_norm" : nil
  }

  /// Kinds of steps that have a weight as their second argument.
  static let weighted: Set<String> = [
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
  ]

  /// What the step reads, but for weights and biases.
  var activations: [Value] {
    let values = arguments.compactMap { $0 }
    return functionName.map(Self.weighted.contains) == true ? Array(values.prefix(1)) : values
  }

  /// True when the step was recorded in the module at `path`, or in one below.
  func isInside(path: String) -> Bool { scopes.contains { $0.path == path } }

  /// True when the step was recorded in a module of exactly this type, or in one below.
  func isInside(type: ObjectIdentifier) -> Bool { scopes.contains { $0.type == type } }

  /// Says how input, weight and output of a layer are quantized.
  func annotateLayer(_ config: QuantizationConfig, output: QuantizationSpec? = nil) {
    var inputs: [Value: any QuantizationSpecBase] = [:]
    if let value = arguments.first ?? nil { inputs[value] = config.inputActivation }
    if arguments.count > 1, let value = arguments[1] { inputs[value] = config.weight }
    annotation = QuantizationAnnotation(inputs: inputs, output: output)
  }
}
