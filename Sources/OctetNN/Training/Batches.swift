import OctetTensor

/// Rows of some tensors in batches, in an order that the seed and the epoch decide. torch.utils.data.DataLoader over a TensorDataset.
public struct Batches: Sendable {
  /// What rows are taken of: one first dimension.
  public let tensors: [Tensor]
  /// Rows of a batch; the last one may have fewer.
  public let size: Int
  /// Whether a last batch of fewer rows is left out.
  public let dropsLast: Bool
  /// What decides the order, nil for the tensors' own.
  public let seed: UInt64?

  /// Batches of tensors.
  ///
  /// - Throws: `shapeMismatch` when the first dimensions differ or there is none; `invalidArgument` for a size below 1.
  public init(_ tensors: [Tensor], size: Int, seed: UInt64? = nil, dropsLast: Bool = false)
    throws(OctetError)
  {
    guard size > 0 else {
      throw OctetError(
        .invalidArgument, operation: "Batches", argument: "size", expected: "a positive number",
        received: "\(size)")
    }
    let rows = tensors.first?.shape.first
    guard let rows, tensors.allSatisfy({ $0.shape.first == rows }) else {
      throw OctetError(
        .shapeMismatch, operation: "Batches", argument: "tensors",
        expected: "tensors of as many rows as the first one",
        received: "shapes \(tensors.map(\.shape))")
    }
    var dense: [Tensor] = []
    for tensor in tensors {
      try tensor.requirePlainElements("Batches")
      dense.append(try tensor.contiguous())
    }
    self.tensors = dense
    self.size = size
    self.seed = seed
    self.dropsLast = dropsLast
  }

  /// Rows in all.
  public var rows: Int { tensors[0].shape[0] }

  /// Batches of an epoch.
  public var count: Int { dropsLast ? rows / size : (rows + size - 1) / size }

  /// The order of rows in an epoch: Fisher and Yates' shuffle by a generator of the seed and the epoch.
  public func order(epoch: Int) -> [Int] {
    var order = Array(0..<rows)
    guard let seed else { return order }
    let random = RandomSource(
      seed: seed &+ UInt64(truncatingIfNeeded: epoch) &* 0xD1B5_4A32_D192_ED03)
    for i in stride(from: rows - 1, to: 0, by: -1) {
      order.swapAt(i, Int(random.next() % UInt64(i + 1)))
    }
    return order
  }

  /// A batch of an epoch's order, one tensor for each of `tensors`.
  public func batch(_ index: Int, of order: [Int]) throws(OctetError) -> [Tensor] {
    guard (0..<count).contains(index), order.count == rows else {
      throw OctetError(
        .outOfRange, operation: "Batches", argument: "index",
        expected: "a batch in 0..<\(count) of an order of \(rows) rows",
        received: "batch \(index) of \(order.count)")
    }
    let chosen = order[(index * size)..<min((index + 1) * size, rows)]
    var result: [Tensor] = []
    for tensor in tensors { result.append(try tensor.gatheringRows(chosen)) }
    return result
  }
}
