/// What a derivative reads besides the gradient: the tape keeps no more than that.
package struct SavedForBackward: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// The operator's inputs.
  package static let inputs = SavedForBackward(rawValue: 1)
  /// The operator's result.
  package static let output = SavedForBackward(rawValue: 2)
}

/// What an operator's derivative gets to know.
package struct BackwardContext {
  /// The gradient with respect to the result, of the result's shape and float type; any strides.
  package let gradient: Tensor
  /// Whether somebody wants the gradient with respect to each input.
  package let needs: [Bool]
  /// Shapes and types of the inputs.
  package let inputSpecs: [TensorSpec]
  /// What `savedInputs` kept when `saved` has `.inputs`, none otherwise.
  package let inputs: [Tensor]
  /// The result when `saved` has `.output`.
  package let output: Tensor?
}

/// An operator with a derivative.
package protocol DifferentiableOperator: Operator {
  /// What `gradients` reads.
  var saved: SavedForBackward { get }

  /// The inputs that `gradients` reads, when it doesn't read all: only these must stay as they are until then.
  func savedInputs(_ inputs: [Tensor]) -> [Tensor]

  /// The gradients with respect to the inputs, each of its input's shape and type; nil for inputs that need none or have
  /// none (indices).
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?]
}

extension DifferentiableOperator {
  package var saved: SavedForBackward { .inputs }

  package func savedInputs(_ inputs: [Tensor]) -> [Tensor] { inputs }
}

extension Tensor {
  /// Evaluates `op` and puts the result on the tape when the current task records. What runs inside isn't recorded.
  static func recording<Op: Operator>(_ op: Op, _ inputs: [Tensor], _ output: TensorSpec)
    throws(OctetError) -> Tensor
  {
    guard ExecutionMode.current.recordsGradients else { return try op.evaluate(inputs, output) }
    var result = try withoutRecording { () throws(OctetError) in try op.evaluate(inputs, output) }
    // An operator that had nothing to do gives back its input, which keeps its own place on the tape.
    if result.gradientNode != nil { result = result.detached() }
    if result.dtype.isFloatingPoint { result.gradientNode = node(op, inputs, result) }
    return result
  }

  private static func node<Op: Operator>(_ op: Op, _ inputs: [Tensor], _ result: Tensor)
    -> GradientNode
  {
    let nodes = inputs.map(\.gradientNode)
    let name = op.name
    guard let differentiable = op as? any DifferentiableOperator else {
      return GradientNode(name, inputs: nodes, saved: []) { _ throws(OctetError) in
        throw OctetError(
          .invalidArgument, operation: "backward", argument: name,
          expected: "operators with derivatives between the leaves and the loss",
          received: name, fix: "detach its input, or compute it inside noGrad")
      }
    }
    let needs = nodes.map { $0 != nil }
    let specs = inputs.map(\.spec)
    let saved = differentiable.saved
    let keptInputs =
      saved.contains(.inputs) ? differentiable.savedInputs(inputs).map { SavedTensor($0) } : []
    let keptOutput = saved.contains(.output) ? SavedTensor(result) : nil
    return GradientNode(
      name, inputs: nodes, saved: keptInputs + (keptOutput.map { [$0] } ?? [])
    ) { gradient throws(OctetError) in
      try differentiable.gradients(
        BackwardContext(
          gradient: gradient, needs: needs, inputSpecs: specs, inputs: keptInputs.map(\.tensor),
          output: keptOutput?.tensor))
    }
  }

  /// Runs `body` with the tape switched off, keeping the type of its errors.
  static func withoutRecording<Value>(_ body: () throws(OctetError) -> Value) throws(OctetError)
    -> Value
  {
    var mode = ExecutionMode.current
    mode.recordsGradients = false
    return try mode.run(body)
  }
}
