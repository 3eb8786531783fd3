import OctetTensor

/// How many values lie where, on a grid that is the same for all data: each octave, from `2^e` to `2^(e + 1)`, has 64 equal
/// bins, on both sides of zero, from the smallest denormal number to the largest float32.
///
/// Values are known to 1/64 of themselves, whatever their range, so no first batch decides what later ones may hold and no
/// outlier blurs the rest. Histograms of any two batches may be added, in any order: the sum says what one pass over both would.
/// Memory is fixed, 32768 counts of 64 bits. NaN and infinities are counted apart.
public struct GridHistogram: Sendable, Equatable {
  /// A bin that isn't empty: its ends, smaller first, and how many values it holds.
  package struct Bin: Equatable {
    package var low: Float
    package var high: Float
    package var count: UInt64

    /// The middle, in double.
    package var middle: Double { (Double(low) + Double(high)) / 2 }
  }

  /// Counts by the upper 15 bits of a float32: those from zero upwards, then those from zero downwards.
  private var counts: [UInt64]

  /// No values.
  public init() {
    counts = [UInt64](repeating: 0, count: ObserveKernels.gridBins)
  }

  /// A histogram from counts that were kept; nil unless there are as many as bins.
  package init?(counts: [UInt64]) {
    guard counts.count == ObserveKernels.gridBins else { return nil }
    self.counts = counts
  }

  /// The counts, to keep.
  package var allCounts: [UInt64] { counts }

  /// Counts the values of one more float tensor.
  ///
  /// - Throws: `quantizationMismatch` for quantized tensors.
  public mutating func add(_ values: Tensor) throws(OctetError) {
    guard !values.isQuantized else {
      throw OctetError(
        .quantizationMismatch, operation: "GridHistogram", argument: "values",
        expected: "a float tensor", received: "a quantized one (\(values.dtype.rawValue))")
    }
    if values.count == 0 { return }
    let reals = try values.converted(to: .float32)
    try ObserveKernels.countOnGrid(reals.contiguous(reals.preferredFormat), into: &counts)
  }

  /// Takes in all values of another histogram.
  public mutating func merge(_ other: GridHistogram) {
    for i in counts.indices { counts[i] &+= other.counts[i] }
  }

  /// The bins that aren't empty, from the smallest values to the largest.
  package var bins: [Bin] {
    let (side, finite) = (ObserveKernels.gridSide, ObserveKernels.gridFiniteBins)
    var found: [Bin] = []
    for i in (0..<finite).reversed() where counts[side + i] > 0 {
      found.append(
        Bin(low: -Self.edge(i + 1), high: 0 - ObserveKernels.gridEdge(i), count: counts[side + i]))
    }
    for i in 0..<finite where counts[i] > 0 {
      found.append(Bin(low: ObserveKernels.gridEdge(i), high: Self.edge(i + 1), count: counts[i]))
    }
    return found
  }

  /// The last bin ends at the largest float32.
  private static func edge(_ bin: Int) -> Float {
    min(ObserveKernels.gridEdge(bin), .greatestFiniteMagnitude)
  }

  /// How many values are finite.
  public var finiteCount: UInt64 {
    let (side, finite) = (ObserveKernels.gridSide, ObserveKernels.gridFiniteBins)
    return counts[0..<finite].reduce(0, &+) &+ counts[side..<side + finite].reduce(0, &+)
  }

  /// How many values are NaN or infinite.
  public var nonFiniteCount: UInt64 { counts.reduce(0, &+) &- finiteCount }

  /// The value below which `fraction`, 0...1, of the finite values lie, spread evenly inside their bins; nil without values.
  public func quantile(_ fraction: Double) -> Float? {
    let bins = bins
    guard let last = bins.last else { return nil }
    let wanted = fraction * Double(finiteCount)
    var below = 0.0
    for bin in bins {
      let count = Double(bin.count)
      if below + count >= wanted {
        let part = Swift.max(wanted - below, 0) / count
        return Float(Double(bin.low) + part * (Double(bin.high) - Double(bin.low)))
      }
      below += count
    }
    return last.high
  }
}
