/// What a call on an embedding table does besides looking rows up.
package struct EmbeddingOptions: Sendable, Equatable {
  /// The row that isn't trained, and counts for nothing in bags; nil for none.
  package var paddingIndex: Int?
  /// Rows that are looked up and longer than this are scaled down to it, in the table; nil for any length.
  package var maxNorm: Double?
  /// p of the p-norm that measures rows.
  package var normType: Double
  /// Whether a row's gradient is divided by the number of its places among the indices.
  package var scaleGradByFreq: Bool

  package init(
    paddingIndex: Int? = nil, maxNorm: Double? = nil, normType: Double = 2,
    scaleGradByFreq: Bool = false
  ) {
    self.paddingIndex = paddingIndex
    self.maxNorm = maxNorm
    self.normType = normType
    self.scaleGradByFreq = scaleGradByFreq
  }

  /// For each row, what its gradient is divided by; nil when nothing is.
  func frequencies(_ indices: [Int], rows: Int) -> [Float]? {
    guard scaleGradByFreq else { return nil }
    var counts = [Float](repeating: 0, count: rows)
    for index in indices { counts[index] += 1 }
    return counts
  }
}

extension Operator {
  /// Refuses limits that no row has.
  func check(_ options: EmbeddingOptions) throws(OctetError) {
    if let limit = options.maxNorm, !(limit >= 0) {
      throw error(
        .invalidArgument, "max_norm", expected: "a norm of 0 or more", received: "\(limit)")
    }
    guard !options.normType.isNaN else {
      throw error(.invalidArgument, "norm_type", expected: "a number", received: "nan")
    }
  }
}

extension EmbeddingOptions {
  /// Refuses tables that are computed with in another type: their rows can't be limited in place.
  func requireOwnRows(_ op: some Operator, _ weight: Tensor) throws(OctetError) {
    guard maxNorm != nil, weight.dtype.isHalf else { return }
    throw op.error(
      .dtypeMismatch, "weight", expected: "dtype float32 with max_norm",
      received: "dtype \(weight.dtype.rawValue)", fix: "convert the table to float32")
  }

  /// Scales the rows at `indices` of a float32 table down in place: `row * (maxNorm / (norm + 1e-7))` where `norm > maxNorm`.
  /// torch's embedding_renorm_.
  func limitRows(of table: Tensor, at indices: [Int]) {
    guard let maxNorm else { return }
    let (rowStride, stride, dim) = (table.strides[0], table.strides[1], table.shape[1])
    let start = table.baseAddress.assumingMemoryBound(to: Float.self)
    var isChanged = false
    for index in Set(indices) {
      let row = start + index * rowStride
      let norm = Double(Float(norm(dim) { Double(row[$0 * stride]) }))
      guard norm > maxNorm else { continue }
      let factor = Float(maxNorm / (norm + 1e-7))
      for d in 0..<dim { row[d * stride] *= factor }
      isChanged = true
    }
    if isChanged { table.storage.markChanged() }
  }

  private func norm(_ count: Int, _ element: (Int) -> Double) -> Double {
    let sizes = (0..<count).map { abs(element($0)) }
    switch normType {
    case .infinity: return sizes.max() ?? 0
    case -.infinity: return sizes.min() ?? 0
    case 0: return Double(sizes.count { $0 != 0 })
    case 1: return sizes.reduce(0, +)
    case 2: return sizes.reduce(0) { $0 + $1 * $1 }.squareRoot()
    default: return Double.power(sizes.reduce(0) { $0 + .power($1, normType) }, 1 / normType)
    }
  }
}
