import OctetTensor

/// A module whose `forward` takes two tensors.
///
/// Calls take `Module`'s path: successor or the module itself, observer, post-hooks. Pre-hooks see one input and don't run.
public protocol TwoInputModule: Module {
  /// Computes the module's output.
  func forward(_ first: Tensor, _ second: Tensor) throws -> Tensor
}

extension TwoInputModule {
  /// Runs the module, trapping on mistakes unless inside `collectingErrors`.
  public func callAsFunction(_ first: Tensor, _ second: Tensor) -> Tensor {
    reporting { try run(first, second) }
  }

  /// Runs the module; the first mistake anywhere inside is thrown with the module's path. In evaluation mode nothing is
  /// recorded on the tape.
  public func evaluate(_ first: Tensor, _ second: Tensor) throws -> Tensor {
    try collectingErrors { unrecordedUnlessTraining { callAsFunction(first, second) } }
  }

  private func run(_ first: Tensor, _ second: Tensor) throws -> Tensor {
    guard let recorder = ExecutionMode.recorder else { return try runHere(first, second) }
    return try recorder.record(BinaryCall(operands: (first, second)), of: self) {
      [try runHere(first, second)]
    }.first ?? .placeholder
  }

  private func runHere(_ first: Tensor, _ second: Tensor) throws -> Tensor {
    labelChildrenOnce()
    guard current !== self else { return try watched(forward(first, second)) }
    guard let successor = current as? any TwoInputModule else {
      throw OctetError(
        .unsupportedModule, operation: "forward", argument: "second",
        expected: "a module of two inputs in this one's place",
        received: "\(type(of: current))")
    }
    return try watched(successor.run(first, second))
  }
}
