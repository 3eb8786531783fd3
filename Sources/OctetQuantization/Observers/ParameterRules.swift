import OctetTensor

/// How scale and zero point come from a range: torch's two rules, which don't agree with each other.
package enum ParameterRules {
  /// The observers' affine rule, in float32: with `m = min(min, 0)` and `M = max(max, 0)`,
  /// `scale = max((M - m) / (qmax - qmin), eps)` and `zero = clamp(qmin - rint(m / scale))`.
  ///
  /// A difference that float32 can't hold is divided in double, so finite ranges have finite scales.
  /// torch's `UniformQuantizationObserverBase._calculate_qparams`.
  package static func affine(min: Float, max: Float, qmin: Int, qmax: Int, eps: Float)
    -> (scale: Float, zeroPoint: Int)
  {
    let low = Swift.min(min, 0)
    let scale = Swift.max(quotient(from: low, to: Swift.max(max, 0), qmax - qmin), eps)
    let zero = Double(qmin) - Double((low / scale).rounded(.toNearestOrEven))
    return (scale, Int(Swift.min(Swift.max(zero, Double(qmin)), Double(qmax))))
  }

  /// The observers' symmetric rule, in float32: `scale = max(max(-min, max, 0) / ((qmax - qmin) / 2), eps)`. The zero point
  /// is a matter of the type.
  package static func symmetric(min: Float, max: Float, qmin: Int, qmax: Int, eps: Float) -> Float {
    let reach = Swift.max(-Swift.min(min, 0), Swift.max(max, 0))
    return Swift.max(reach / Float(Double(qmax - qmin) / 2), eps)
  }

  /// The rule of real zero points: `scale = (max - min) / (qmax - qmin)`, 1 when that isn't above eps;
  /// `zero = -min / scale`. The range isn't widened to hold zero.
  package static func real(min: Float, max: Float, qmin: Int, qmax: Int, eps: Float)
    -> (scale: Float, zeroPoint: Float)
  {
    let step = quotient(from: min, to: max, qmax - qmin)
    let scale = step > eps ? step : 1
    return (scale, -min / scale)
  }

  /// `(high - low) / steps` in float32, by way of double where the difference overflows, at most the largest float32.
  private static func quotient(from low: Float, to high: Float, _ steps: Int) -> Float {
    let difference = high - low
    if difference.isFinite { return difference / Float(steps) }
    let exact = (Double(high) - Double(low)) / Double(steps)
    return Float(Swift.min(exact, Double(Float.greatestFiniteMagnitude)))
  }

  /// Scales below this are raised to it by `chooseParameters`.
  private static let smallestScale: Float = 6.1e-5

  /// The rule that kernels use at run time, mostly in double. Scales aren't smaller than 6.1e-5, and are 0.1 for a range of
  /// nothing but zero.
  ///
  /// Of the two zero points that `qmin - min / scale` and `qmax - max / scale` propose, the one with the smaller error is
  /// rounded. torch's `_choose_qparams_per_tensor` and the C++ functions named choose-quantization-params.
  ///
  /// - Parameters:
  ///   - min: the smallest value, finite; `min <= max`.
  ///   - max: the largest value, finite.
  ///   - qmin: the smallest integer; `qmin < qmax`.
  ///   - qmax: the largest integer.
  ///   - preserveSparsity: makes ranges with both signs symmetric, so that zero is exact in the middle.
  ///   - reduceRange: halves `qmin` and `qmax`.
  /// - Returns: the real value of one step, and the integer that stands for zero.
  /// - Throws: `invalidQuantizer` when the range isn't finite or the wrong way round.
  package static func chooseParameters(
    min: Float, max: Float, qmin: Int, qmax: Int, preserveSparsity: Bool = false,
    reduceRange: Bool = false, operation: String = "choose_qparams"
  ) throws(OctetError) -> (scale: Double, zeroPoint: Int) {
    let (qmin, qmax) = reduceRange ? (qmin / 2, qmax / 2) : (qmin, qmax)
    guard min <= max, min.isFinite, max.isFinite else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "input",
        expected: "finite values", received: "values from \(min) to \(max)",
        fix: "look for the layer that produces NaN or infinity")
    }
    try checkIntegers(qmin, qmax, operation)
    let isBalanced = preserveSparsity && min < 0 && max > 0
    var (low, high) =
      isBalanced ? balanced(min, max, steps: qmax - qmin) : (Swift.min(min, 0), Swift.max(max, 0))
    let steps = Double(qmax - qmin)
    var scale = Swift.min(
      (Double(high) - Double(low)) / steps, Double(Float.greatestFiniteMagnitude))
    if Float(scale) == 0 || (1 / Float(scale)).isInfinite { scale = 0.1 }
    if scale < Double(smallestScale) {
      let original = Float(scale)
      scale = Double(smallestScale)
      if low == 0 {
        high = smallestScale * Float(steps)
      } else if high == 0 {
        low = -smallestScale * Float(steps)
      } else {
        low *= smallestScale / original
        high *= smallestScale / original
      }
    }
    let below = Double(low) / scale
    let above = Double(high) / scale
    let fromBelow = abs(Double(qmin)) - abs(below)
    let fromAbove = abs(Double(qmax)) - abs(above)
    var zero = fromBelow < fromAbove ? Double(qmin) - below : Double(qmax) - above
    if isBalanced && low < 0 && high > 0 { zero = Double(qmin + qmax) / 2 }
    zero = Swift.min(Swift.max(zero, Double(qmin)), Double(qmax))
    return (scale, Int(zero.rounded(.toNearestOrEven)))
  }

  /// Refuses integer ranges that are empty or beyond int32, whose arithmetic could overflow.
  package static func checkIntegers(_ qmin: Int, _ qmax: Int, _ operation: String)
    throws(OctetError)
  {
    let limits = Int(Int32.min)...Int(Int32.max)
    guard qmin < qmax, limits.contains(qmin), limits.contains(qmax) else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "quant_min",
        expected: "quant_min below quant_max, both in int32", received: "\(qmin) and \(qmax)")
    }
  }

  /// Widens the smaller side so that both end on the same scale: `-(steps / 2 + 1)` and `steps / 2` steps from zero. An end
  /// that float32 can't hold stays at its largest number.
  private static func balanced(_ min: Float, _ max: Float, steps: Int) -> (Float, Float) {
    let bottom = -(steps / 2 + 1)
    let top = steps / 2
    let scale = Double(Swift.max(abs(min / Float(bottom)), abs(max / Float(top))))
    let limit = Double(Float.greatestFiniteMagnitude)
    return (
      Float(Swift.max(scale * Double(bottom), -limit)), Float(Swift.min(scale * Double(top), limit))
    )
  }
}
