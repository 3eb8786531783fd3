import OctetTensor

/// What a call over bags has besides indices.
public struct Bags: Sendable {
  /// Where each bag begins, int32 or int64 `[bags]`; nil: each row of indices `[bags, size]` is a bag.
  public var offsets: Tensor?
  /// A factor for each index, float32 of the indices' shape; nil: 1.
  public var perSampleWeights: Tensor?

  /// The arguments of one call.
  public init(offsets: Tensor? = nil, perSampleWeights: Tensor? = nil) {
    self.offsets = offsets
    self.perSampleWeights = perSampleWeights
  }

  /// The arguments of the call under way. They travel beside the input, so that hooks, observers and successors see a bag module's
  /// call as they see any other.
  @TaskLocal fileprivate static var current = Bags()
}

/// The base of modules that make bags of indices into rows: real, quantized and reference ones.
open class BagModule: Module {
  /// Computes the rows of bags. Subclasses override this.
  open func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
    throw OctetError(
      .unsupportedModule, operation: "forward", expected: "a module that overrides forward",
      received: "\(type(of: self))")
  }

  /// The rows of bags under the arguments of the call, of none when the module is called with indices alone.
  public final override func forward(_ input: Tensor) throws -> Tensor {
    try forward(input, Bags.current)
  }

  override func recordedCall(_ input: Tensor) -> any RecordedCall {
    BagCall(input: input, bags: Bags.current)
  }

  /// Runs the module on bags of indices `[n]`, trapping on mistakes unless inside `collectingErrors`.
  public final func callAsFunction(
    _ input: Tensor, offsets: Tensor?, perSampleWeights: Tensor? = nil
  ) -> Tensor {
    Bags.$current.withValue(Bags(offsets: offsets, perSampleWeights: perSampleWeights)) {
      callAsFunction(input)
    }
  }

  /// Runs the module on bags of indices `[n]`; the first mistake is thrown.
  public final func evaluate(
    _ input: Tensor, offsets: Tensor?, perSampleWeights: Tensor? = nil
  ) throws -> Tensor {
    try Bags.$current.withValue(Bags(offsets: offsets, perSampleWeights: perSampleWeights)) {
      try evaluate(input)
    }
  }
}
