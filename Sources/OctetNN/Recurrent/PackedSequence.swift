import OctetTensor

/// Sequences of different lengths without padding: the first step of every sequence, then the second of those that have one,
/// and so on, longest sequences first. torch.nn.utils.rnn.PackedSequence.
public struct PackedSequence: Sendable {
  /// `[n, features...]`, n the sum of all lengths.
  public let data: Tensor
  /// Sequences still running at each step; never growing.
  public let batchSizes: [Int]
  /// The batch index of each sequence in the order of `data`; nil when that is the batch's own order.
  public let sortedIndices: [Int]?

  /// A packed sequence from its parts.
  ///
  /// - Throws: `invalidArgument` when the sizes grow, aren't positive, or don't sum up to the data; or when the indices aren't
  ///   a permutation of the sequences.
  public init(data: Tensor, batchSizes: [Int], sortedIndices: [Int]? = nil) throws(OctetError) {
    try Self.check(batchSizes, rows: data.shape.first ?? 0, "pack_padded_sequence")
    if let sortedIndices, sortedIndices.sorted() != Array(0..<batchSizes[0]) {
      throw OctetError(
        .invalidArgument, operation: "pack_padded_sequence", argument: "sorted_indices",
        expected: "each of the \(batchSizes[0]) sequences once", received: "\(sortedIndices)")
    }
    self.data = data
    self.batchSizes = batchSizes
    self.sortedIndices = sortedIndices
  }

  /// Packs a padded batch. torch.nn.utils.rnn.pack_padded_sequence.
  ///
  /// - Parameters:
  ///   - padded: `[T, B, features...]`, batch first `[B, T, features...]`.
  ///   - lengths: of the B sequences, each in 1...T.
  ///   - enforceSorted: refuses lengths that grow.
  /// - Throws: `invalidArgument` for lengths that don't fit.
  public init(
    padded: Tensor, lengths: [Int], batchFirst: Bool = false, enforceSorted: Bool = true
  ) throws(OctetError) {
    let operation = "pack_padded_sequence"
    guard padded.rank >= 2 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "at least two dimensions [T, B, ...]", received: "shape \(padded.shape)")
    }
    let steps = batchFirst ? try padded.transposed(0, 1) : padded
    guard lengths.count == steps.shape[1], !lengths.isEmpty,
      lengths.allSatisfy({ (1...max(steps.shape[0], 1)).contains($0) && $0 <= steps.shape[0] })
    else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "lengths",
        expected: "\(steps.shape[1]) lengths in 1...\(steps.shape[0])", received: "\(lengths)")
    }
    let order = lengths.indices.sorted {
      lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1
    }
    let isSorted = order == Array(lengths.indices)
    guard isSorted || !enforceSorted else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "lengths",
        expected: "lengths that don't grow", received: "\(lengths)",
        fix: "sort the batch by length, or pass enforceSorted: false")
    }
    let longest = lengths[order[0]]
    let sizes = (0..<longest).map { step in lengths.count { $0 > step } }
    let index = try Tensor(order.map(Int64.init), shape: [order.count])
    let sorted = isSorted ? steps : try Functional.indexSelect(steps, dim: 1, index: index)
    var rows: [Tensor] = []
    for (step, size) in sizes.enumerated() {
      rows.append(try sorted.select(dim: 0, index: step).slice(dim: 0, 0..<size))
    }
    try self.init(
      data: Functional.concatenate(rows), batchSizes: sizes, sortedIndices: isSorted ? nil : order)
  }

  /// The lengths of the sequences, in the batch's order.
  public var lengths: [Int] {
    let sorted = (0..<batchSizes[0]).map { sequence in batchSizes.count { $0 > sequence } }
    guard let sortedIndices else { return sorted }
    var result = sorted
    for (place, index) in sortedIndices.enumerated() { result[index] = sorted[place] }
    return result
  }

  /// The padded batch `[T, B, features...]`, batch first `[B, T, features...]`, and the lengths.
  /// torch.nn.utils.rnn.pad_packed_sequence.
  ///
  /// - Parameters:
  ///   - padding: what fills the places after a sequence's end.
  ///   - totalLength: T, the longest length when nil.
  /// - Throws: `dtypeMismatch` for data that isn't float32; `invalidArgument` for a total length below the longest.
  public func padded(
    batchFirst: Bool = false, padding: Float = 0, totalLength: Int? = nil
  ) throws(OctetError) -> (padded: Tensor, lengths: [Int]) {
    let operation = "pad_packed_sequence"
    guard data.dtype == .float32 else {
      throw OctetError(
        .dtypeMismatch, operation: operation, argument: "sequence", expected: "dtype float32",
        received: "dtype \(data.dtype.rawValue)")
    }
    let total = totalLength ?? batchSizes.count
    guard total >= batchSizes.count else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "total_length",
        expected: "at least the longest length \(batchSizes.count)", received: "\(total)")
    }
    let (batch, features) = (batchSizes[0], Array(data.shape.dropFirst()))
    var (steps, row): ([Tensor], Int) = ([], 0)
    for step in 0..<total {
      let size = step < batchSizes.count ? batchSizes[step] : 0
      let running = try data.slice(dim: 0, row..<row + size)
      let rest = try Tensor(repeating: padding, shape: [batch - size] + features)
      let whole = size == batch ? running : try Functional.concatenate([running, rest])
      steps.append(try whole.unsqueezed(0))
      row += size
    }
    var result = try Functional.concatenate(steps)
    if let index = try batchOrder() {
      result = try Functional.indexSelect(result, dim: 1, index: index)
    }
    return (batchFirst ? try result.transposed(0, 1) : result, lengths)
  }

  /// Where each sequence of the batch lies in `data`, nil when they lie in order. torch's `unsorted_indices`.
  func batchOrder() throws(OctetError) -> Tensor? {
    guard let sortedIndices else { return nil }
    var places = [Int64](repeating: 0, count: sortedIndices.count)
    for (place, index) in sortedIndices.enumerated() { places[index] = Int64(place) }
    return try Tensor(places, shape: [places.count])
  }

  /// Refuses step sizes that no packed sequence of `rows` rows has.
  package static func check(_ batchSizes: [Int], rows: Int, _ operation: String)
    throws(OctetError)
  {
    let isFalling = zip(batchSizes, batchSizes.dropFirst()).allSatisfy { $0 >= $1 }
    // The first size bounds all others, so the sum can't overflow before it is beyond any tensor.
    let sum = batchSizes.reduce((0, false)) { total, size in
      let (next, overflow) = total.0.addingReportingOverflow(size)
      return (next, total.1 || overflow)
    }
    guard let last = batchSizes.last, last > 0, isFalling, sum == (rows, false) else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "batch_sizes",
        expected: "positive sizes that don't grow and sum up to the \(rows) rows of the data",
        received: "\(batchSizes)")
    }
  }
}

/// States that follow the batch into the order of packed data and back.
public protocol BatchedState: RecurrentState {
  /// The same states with the sequences of the batch in another order.
  func selecting(_ index: Tensor) throws(OctetError) -> Self
}

extension Tensor: BatchedState {
  /// The same states with the sequences of the batch in another order.
  public func selecting(_ index: Tensor) throws(OctetError) -> Tensor {
    try Functional.indexSelect(self, dim: 1, index: index)
  }
}

extension LSTMState: BatchedState {
  /// The same states with the sequences of the batch in another order.
  public func selecting(_ index: Tensor) throws(OctetError) -> LSTMState {
    LSTMState(hidden: try hidden.selecting(index), cell: try cell.selecting(index))
  }
}

extension RecurrentModule where State: BatchedState {
  /// Runs the module on packed sequences, trapping on mistakes unless inside `collectingErrors`. States are in the batch's own
  /// order.
  ///
  /// - Returns: the output, packed as the input is, and each sequence's state after its last step.
  public final func callAsFunction(_ input: PackedSequence, _ state: State? = nil) -> (
    output: PackedSequence, state: State
  ) {
    eager(orElse: (input, .afterFailure)) {
      let order = try input.sortedIndices.map {
        try Tensor($0.map(Int64.init), shape: [$0.count])
      }
      let before = try order.flatMap { index in try state?.selecting(index) } ?? state
      let (data, after) = call(input.data, before, input.batchSizes)
      if data.isPlaceholder { return (input, .afterFailure) }
      let output = try PackedSequence(
        data: data, batchSizes: input.batchSizes, sortedIndices: input.sortedIndices)
      return (output, try input.batchOrder().map { try after.selecting($0) } ?? after)
    }
  }

  /// Runs the module on packed sequences; the first mistake anywhere inside is thrown with the module's path.
  public final func evaluate(_ input: PackedSequence, _ state: State? = nil) throws -> (
    output: PackedSequence, state: State
  ) {
    try collectingErrors { unrecordedUnlessTraining { callAsFunction(input, state) } }
  }
}
