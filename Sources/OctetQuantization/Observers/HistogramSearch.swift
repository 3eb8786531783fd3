import OctetTensor

/// Looks for the part of a histogram's range that is best kept when values are quantized to `steps` steps.
///
/// From both ends, quantile by quantile in steps of 1e-5, the end that moves over more bins moves in, while the squared
/// error over all bins falls. Values are taken to be spread evenly inside a bin; a piece of a bin from `b` to `e`, seen from
/// the middle of the step it is rounded to, costs `density / 3 * (e^3 - b^3)`.
/// torch's `HistogramObserver._non_linear_param_search`, with its rounding to float32 and its order of additions.
///
/// All errors scale with the square of a bin's width and only their order counts, so the search runs on a width between
/// 1 and 2, a power of two away from the real one: neither tiny nor huge ranges leave float32's own range.
struct HistogramSearch {
  private let histogram: [Float]
  private let min: Float
  private let max: Float
  private let steps: Double
  private let width: Double

  /// A search over `histogram`, whose bins lie between `min` and `max`, both finite.
  init(histogram: [Float], min: Float, max: Float, steps: Double) {
    self.histogram = histogram
    self.min = min
    self.max = max
    self.steps = steps
    width = ((Double(max) - Double(min)) / Double(histogram.count)).significand
  }

  /// The ends of the range that is kept.
  func narrowedRange() -> (min: Float, max: Float) {
    // One value has no range to narrow.
    if min == max { return (min, max) }
    let (first, last) = keptBins()
    return (edge(first), edge(last + 1))
  }

  /// The lower end of a bin: `min + step * bin` in float32, by way of double where that overflows.
  private func edge(_ bin: Int) -> Float {
    let step = HistogramBinning.difference(min, max, dividedBy: histogram.count)
    let place = min + step * Float(bin)
    if place.isFinite { return place }
    let exactStep = (Double(max) - Double(min)) / Double(histogram.count)
    return Float(Swift.min(Double(min) + exactStep * Double(bin), Double(max)))
  }

  /// The first and the last bin of the range that is kept.
  func keptBins() -> (first: Int, last: Int) {
    let total = Double(CascadeSum.sum(histogram))
    let cumulative = cumulativeCounts()
    let granularity = 1e-5
    var (alpha, beta) = (0.0, 1.0)
    var (first, last) = (0, histogram.count - 1)
    var smallest = Float.infinity
    while alpha < beta {
      let nextAlpha = alpha + granularity
      let nextBeta = beta - granularity
      var (left, right) = (first, last)
      while left < last && cumulative[left] < Float(nextAlpha * total) { left += 1 }
      while right > first && cumulative[right] > Float(nextBeta * total) { right -= 1 }
      var (nextFirst, nextLast) = (first, last)
      if left - first > last - right {
        nextFirst = left
        alpha = nextAlpha
      } else {
        nextLast = right
        beta = nextBeta
      }
      if nextFirst == first && nextLast == last { continue }
      let error = quantizationError(nextFirst, nextLast)
      if error > smallest { break }
      smallest = error
      (first, last) = (nextFirst, nextLast)
    }
    return (first, last)
  }

  /// Summed in double and rounded at each bin, as torch.cumsum does.
  private func cumulativeCounts() -> [Float] {
    var sum = 0.0
    return histogram.map {
      sum += Double($0)
      return Float(sum)
    }
  }

  /// The squared error of all values when the bins `first...last` are the quantized range, in units of the search's width.
  func quantizationError(_ first: Int, _ last: Int) -> Float {
    let step = width * Double(last - first + 1) / steps
    let half = Float(step / 2)
    let grid = StepGrid(step: Float(step), last: Float(steps - 1))
    let binWidth = Float(width)
    // A whole step: the integral of x squared over it.
    let wholeStep = (half * half * half - -half * -half * -half) / 3
    var errors = [Float](repeating: 0, count: histogram.count)
    for bin in histogram.indices where histogram[bin] != 0 {
      let begin = Float(bin - first) * binWidth
      let end = begin + binWidth
      let stepOfBegin = grid.step(at: begin)
      let stepOfEnd = grid.step(at: end)
      let density = histogram[bin] / binWidth
      let fromBegin = begin - (stepOfBegin + 0.5) * grid.step
      let fromEnd = end - (stepOfEnd * grid.step + half)
      var error = density * ((half * half * half - fromBegin * fromBegin * fromBegin) / 3)
      error += (stepOfEnd - stepOfBegin - 1) * (density * wholeStep)
      error += density * ((fromEnd * fromEnd * fromEnd - -half * -half * -half) / 3)
      errors[bin] = error
    }
    return CascadeSum.sum(errors)
  }
}

/// The steps of the quantized range, numbered from 0; what lies outside belongs to the first or the last.
private struct StepGrid {
  let step: Float
  let last: Float

  /// The number of the step that holds `x`: the floor of the exact quotient.
  func step(at x: Float) -> Float {
    if x < step { return 0 }
    let quotient = x / step
    if quotient >= 0x1p22 { return Swift.min(divided(x), last) }
    var floor = quotient.rounded(.towardZero)
    // The quotient may have been rounded up to a whole number; products are exact in double.
    if Double(floor) * Double(step) > Double(x) { floor -= 1 }
    return Swift.min(floor, last)
  }

  /// The quotient without its remainder, for numbers too big for the short way. torch's floor division.
  private func divided(_ x: Float) -> Float {
    let whole = (x - x.truncatingRemainder(dividingBy: step)) / step
    let floor = whole.rounded(.down)
    return whole - floor > 0.5 ? floor + 1 : floor
  }
}
