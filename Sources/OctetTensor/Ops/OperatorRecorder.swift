/// Notes which operators a function is made of, and the specs they are given.
///
/// The function gets stand-ins for its tensors; what is computed from a stand-in is one. Calls of tensors that nothing stands for
/// aren't noted, nor is what operators call inside.
package final class OperatorRecorder: @unchecked Sendable {
  // Only the task that opened the scope runs operators in it.

  /// An operator with what it was given.
  package typealias Call = (operation: any Operator, inputs: [TensorSpec])

  private var calls: [Call] = []

  func note(_ operation: any Operator, _ inputs: [TensorSpec]) {
    calls.append((operation, inputs))
  }

  /// The operators that `body` applies to its stand-ins, in order.
  ///
  /// - Parameter body: is handed what makes a stand-in for a tensor.
  package static func calls(in body: (_ standIn: (Tensor) -> Tensor) throws -> Tensor) throws
    -> [Call]
  {
    let recorder = OperatorRecorder()
    var mode = ExecutionMode.current
    mode.recorder = recorder
    _ = try ExecutionMode.$current.withValue(mode) { try body { $0.standing(true) } }
    return recorder.calls
  }
}

extension Tensor {
  /// The same elements, off the tape, as a stand-in or as itself.
  func standing(_ isStandIn: Bool) -> Tensor {
    Tensor(
      storage: storage, offset: offset, shape: shape, strides: strides, dtype: dtype,
      quantizer: quantizer, isPlaceholder: isStandIn)
  }
}
