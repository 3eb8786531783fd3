/// A size that may depend on the batch: `factor * N + offset` for a batch of N.
public struct SymbolicSize: Sendable, Hashable, ExpressibleByIntegerLiteral,
  CustomStringConvertible
{
  /// How often the batch is counted.
  public let factor: Int
  /// What is there for any batch.
  public let offset: Int

  /// The batch itself, N.
  public static let batch = SymbolicSize(factor: 1, offset: 0)

  /// `factor * N + offset`.
  public init(factor: Int, offset: Int) { (self.factor, self.offset) = (factor, offset) }

  /// A size that doesn't depend on the batch.
  public init(integerLiteral value: Int) { self.init(factor: 0, offset: value) }

  /// True when the size depends on the batch.
  public var isSymbolic: Bool { factor != 0 }

  /// The size for a batch of `batch`.
  ///
  /// - Throws: `shapeMismatch` when it is negative or can't be addressed.
  public func evaluated(batch: Int) throws(OctetError) -> Int {
    let (product, overflows) = factor.multipliedReportingOverflow(by: batch)
    let (size, isTooLarge) = product.addingReportingOverflow(offset)
    guard !overflows, !isTooLarge, size >= 0 else {
      throw OctetError(
        .shapeMismatch, operation: "SymbolicSize", argument: "batch",
        expected: "a batch that gives \(self) a size of 0 or more that can be addressed",
        received: "N = \(batch)")
    }
    return size
  }

  /// `7`, `N`, `3N` or `2N + 1`.
  public var description: String {
    guard isSymbolic else { return "\(offset)" }
    let batches = factor == 1 ? "N" : factor == -1 ? "-N" : "\(factor)N"
    return offset == 0 ? batches : "\(batches) \(offset < 0 ? "-" : "+") \(offset.magnitude)"
  }
}

/// The shape of a tensor for any batch of N ≥ 1: `[N, 3, 32, 32]`.
public struct SymbolicShape: Sendable, Hashable, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  /// The size of each dimension.
  public let sizes: [SymbolicSize]

  /// A shape of these sizes.
  public init(_ sizes: [SymbolicSize]) { self.sizes = sizes }

  /// A shape of these sizes: `[.batch, 3, 32, 32]`.
  public init(arrayLiteral sizes: SymbolicSize...) { self.init(sizes) }

  /// A shape that doesn't depend on the batch.
  public init(_ shape: [Int]) { self.init(shape.map { SymbolicSize(factor: 0, offset: $0) }) }

  /// True when some size depends on the batch.
  public var isSymbolic: Bool { sizes.contains(where: \.isSymbolic) }

  /// The shape for a batch of `batch`.
  ///
  /// - Throws: `shapeMismatch` when a size is negative or can't be addressed.
  public func evaluated(batch: Int) throws(OctetError) -> [Int] {
    var shape: [Int] = []
    for size in sizes { shape.append(try size.evaluated(batch: batch)) }
    return shape
  }

  /// `[N, 3, 32, 32]`.
  public var description: String {
    "[\(sizes.map(\.description).joined(separator: ", "))]"
  }
}
