import OctetTensor

/// The straight-through derivative: rounding counts as the identity, clamping as itself.
extension FakeQuantization: DifferentiableOperator {
  /// `dx = dy` where the integer before clamping lies in the range, 0 elsewhere.
  package func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try gradient(context.gradient, at: context.inputs[0])]
  }
}
