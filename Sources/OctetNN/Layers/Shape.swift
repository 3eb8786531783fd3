import OctetTensor

/// Dimensions `start...end` as one. torch.nn.Flatten.
public final class Flatten: Module {
  private let start: Int
  private let end: Int

  /// Keeps the batch dimension unless told otherwise.
  public init(from start: Int = 1, through end: Int = -1) {
    self.start = start
    self.end = end
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.flatten(input, from: start, through: end)
  }
}
