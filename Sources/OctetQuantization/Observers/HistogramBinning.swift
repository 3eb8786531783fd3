import OctetTensor

/// Equal bins over a range: counting values into them, and moving an older histogram into them.
///
/// All positions are float32, rounded as torch.histc and torch.linspace round them; where float32 would overflow, double
/// takes over.
struct HistogramBinning: Sendable {
  let min: Float
  let max: Float
  let bins: Int

  /// Parts that a bin is cut into when it moves.
  private static let parts = 16

  // MARK: Counting

  /// How many of a dense float32 tensor's values each bin holds. Values outside the range aren't counted; the upper end
  /// belongs to the last bin. A range of one value is widened by 1 on both sides; where float32 can't, the middle bin takes
  /// all.
  ///
  /// Counts are exact however many values there are, and are rounded to float32 once.
  func count(_ values: Tensor) throws(OctetError) -> [Float] {
    try ObserveKernels.histogram(values, low: min, high: max, bins: bins).map(Float.init)
  }

  // MARK: Moving

  /// An older histogram over `old`, a part of this range, in this range's bins.
  ///
  /// A histogram of one value has no width: its place gets the weight of all `newCounts`, as in torch.
  func rebin(_ histogram: [Float], from old: Extremes, adding newCounts: [Float])
    throws(OctetError) -> [Float]
  {
    if old.min == old.max {
      let place = try count(Tensor(scalar: old.min))
      let weight = CascadeSum.sum(newCounts)
      return place.map { $0 * weight }
    }
    let edges = Self.linspace(from: min, to: max, count: bins + 1)
    let pieces = bins * Self.parts
    let halfPiece = 0.5 * Self.difference(old.min, old.max, dividedBy: pieces)
    let step = Self.difference(old.min, old.max, dividedBy: pieces)
    var result = [Float](repeating: 0, count: bins)
    var bin = 0
    for i in 0..<pieces {
      let weight = histogram[i / Self.parts] / Float(Self.parts)
      let start = Self.point(i, of: pieces + 1, from: old.min, to: old.max, step: step)
      let middle = start + halfPiece
      // Middles hardly ever step back; when rounding makes one do so, so does the bin.
      while bin + 1 < bins && edges[bin + 1] <= middle { bin += 1 }
      while bin > 0 && edges[bin] > middle { bin -= 1 }
      result[bin] += weight
    }
    return result
  }

  /// `count` equally spaced points; counted from the nearer end, so that both ends are exact. torch.linspace.
  static func linspace(from start: Float, to end: Float, count: Int) -> [Float] {
    let step = difference(start, end, dividedBy: count - 1)
    return (0..<count).map { point($0, of: count, from: start, to: end, step: step) }
  }

  private static func point(
    _ i: Int, of count: Int, from start: Float, to end: Float, step: Float
  ) -> Float {
    i < count / 2 ? start + step * Float(i) : end - step * Float(count - i - 1)
  }

  /// `(high - low) / divisor`, by way of double where float32 can't hold the difference.
  static func difference(_ low: Float, _ high: Float, dividedBy divisor: Int) -> Float {
    let width = high - low
    if width.isFinite { return width / Float(divisor) }
    return Float((Double(high) - Double(low)) / Double(divisor))
  }
}
