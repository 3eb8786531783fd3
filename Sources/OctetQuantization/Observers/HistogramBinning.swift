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
  /// Values that are worth a thread of their own.
  private static let grain = 1 << 18

  // MARK: Counting

  /// How many values each bin holds. Values outside the range aren't counted; the upper end belongs to the last bin.
  ///
  /// Counts are exact however many values there are, and are rounded to float32 once.
  func count(_ values: UnsafeBufferPointer<Float>) -> [Float] {
    guard let start = values.baseAddress else { return [Float](repeating: 0, count: bins) }
    let parts = Swift.max(1, Swift.min(values.count / Self.grain, Kernels.maxThreads))
    var counts = [Int](repeating: 0, count: parts * bins)
    counts.withUnsafeMutableBufferPointer { slots in
      let job = CountJob(
        start: start, count: values.count, slots: slots, parts: parts, binning: self)
      if parts == 1 { job.run(0..<1) } else { parallelFor(parts, grain: 1) { job.run($0) } }
    }
    return (0..<bins).map { bin in
      Float((0..<parts).reduce(0) { $0 + counts[$1 * bins + bin] })
    }
  }

  /// Adds the counts of some values to `slots`.
  fileprivate func add(_ values: UnsafeBufferPointer<Float>, to slots: UnsafeMutablePointer<Int>) {
    // A range of one value is widened by 1 on both sides; where float32 can't, the middle bin takes all.
    let low = min == max ? min - 1 : min
    let high = min == max ? max + 1 : max
    if !(high > low) {
      for value in values where value == min { slots[bins / 2] += 1 }
    } else if ((high - low) * Float(bins)).isFinite {
      let (scale, width) = (Float(bins), high - low)
      for value in values where value >= low && value <= high {
        slots[Swift.min(Int((value - low) * scale / width), bins - 1)] += 1
      }
    } else {
      let (scale, width) = (Double(bins), Double(high) - Double(low))
      for value in values where value >= low && value <= high {
        let place = (Double(value) - Double(low)) * scale / width
        slots[Swift.min(Int(place), bins - 1)] += 1
      }
    }
  }

  // MARK: Moving

  /// An older histogram over `old`, a part of this range, in this range's bins.
  ///
  /// A histogram of one value has no width: its place gets the weight of all `newCounts`, as in torch.
  func rebin(_ histogram: [Float], from old: Extremes, adding newCounts: [Float]) -> [Float] {
    if old.min == old.max {
      let place = withUnsafePointer(to: old.min) { count(UnsafeBufferPointer(start: $0, count: 1)) }
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

/// Parts of a big batch. Each part has counts of its own.
private struct CountJob: @unchecked Sendable {
  let start: UnsafePointer<Float>
  let count: Int
  let slots: UnsafeMutableBufferPointer<Int>
  let parts: Int
  let binning: HistogramBinning

  func run(_ range: Range<Int>) {
    guard let base = slots.baseAddress else { return }
    for part in range {
      let begin = count / parts * part
      let end = part == parts - 1 ? count : count / parts * (part + 1)
      binning.add(
        UnsafeBufferPointer(start: start + begin, count: end - begin),
        to: base + part * binning.bins)
    }
  }
}
