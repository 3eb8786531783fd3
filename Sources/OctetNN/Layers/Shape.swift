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

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Flatten(from: start, through: end)
  }

  public override var details: String { "from: \(start), through: \(end)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.flatten(input, from: start, through: end)
  }
}

/// One dimension as several. torch.nn.Unflatten.
public final class Unflatten: Module {
  private let dim: Int
  private let sizes: [Int]

  /// Dimension `dim`, counted from the end when negative, becomes `sizes`, one of which may be -1.
  public init(_ dim: Int, _ sizes: [Int]) {
    self.dim = dim
    self.sizes = sizes
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Unflatten(dim, sizes) }

  public override var details: String { "dim: \(dim), sizes: \(sizes)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    guard let axis = Shapes.normalize(axis: dim, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: "Unflatten", argument: "dim",
        expected: "a dim in \(-input.rank)..<\(input.rank)", received: "dim \(dim)")
    }
    // Only this dimension's elements count for a size that is left open.
    let known = Shapes.elementCount(sizes.filter { $0 != -1 }) ?? 0
    let isOpen = sizes.count { $0 == -1 } == 1
    guard
      isOpen
        ? known > 0 && input.shape[axis] % known == 0
        : known == input.shape[axis] && sizes.allSatisfy({ $0 >= 0 })
    else {
      throw OctetError(
        .shapeMismatch, operation: "Unflatten", argument: "sizes",
        expected: "sizes that multiply to dimension \(dim), which is \(input.shape[axis])",
        received: "\(sizes)")
    }
    let parts = sizes.map { $0 == -1 ? input.shape[axis] / known : $0 }
    return try input.reshaped(
      Array(input.shape[..<axis]) + parts + Array(input.shape[(axis + 1)...]))
  }
}
