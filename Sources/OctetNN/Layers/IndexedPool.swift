import OctetTensor

/// The base of max pools, which can tell where in its plane each result stands.
public class IndexedPool: Module {
  /// Whether `withIndices` may be called. torch's `return_indices`, with which a call gives both; here a plain call gives the results
  /// alone.
  public let returnIndices: Bool

  init(returnIndices: Bool) { self.returnIndices = returnIndices }

  /// The results, and their places in row-major order over the spatial dimensions of their planes. Subclasses override it.
  func pooledWithIndices(_ input: Tensor) throws -> (output: Tensor, indices: Tensor) {
    throw OctetError(
      .unsupportedModule, operation: "withIndices", argument: "self", expected: "a max pool",
      received: "\(type(of: self))")
  }

  /// The results, and where in its plane each stands: int64 of the output's shape, in row-major order over the spatial dimensions; of
  /// equal elements the first counts. Traps on mistakes unless inside `collectingErrors`.
  public final func withIndices(_ input: Tensor) -> (output: Tensor, indices: Tensor) {
    running(IndexedPool.self, orElse: (Tensor.placeholder, Tensor.placeholder)) {
      try $0.recorded(input, of: self)
    }
  }

  /// `withIndices`; the first mistake is thrown.
  public final func evaluateWithIndices(_ input: Tensor) throws -> (output: Tensor, indices: Tensor)
  {
    try collectingErrors { unrecordedUnlessTraining { withIndices(input) } }
  }

  private func recorded(_ input: Tensor, of handle: Module) throws -> (
    output: Tensor, indices: Tensor
  ) {
    guard returnIndices else {
      throw OctetError(
        .unsupportedModule, operation: "withIndices", argument: "returnIndices",
        expected: "a pool with returnIndices: true", received: "\(type(of: self)) without",
        fix: "make it with returnIndices: true")
    }
    guard let recorder = ExecutionMode.recorder else { return try pooledWithIndices(input) }
    let results = try recorder.record(IndexedPoolCall(input: input), of: handle) {
      let result = try pooledWithIndices(input)
      return [result.output, result.indices]
    }
    return (results.first ?? .placeholder, results.dropFirst().first ?? .placeholder)
  }
}
