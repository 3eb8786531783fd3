import OctetTensor

/// What one scale and one zero point do to values: `y = (clamp(q, quantMin, quantMax) - zero) * scale` with
/// `q = zero + rint(x * (1 / scale))`, or `q = rint(zero + x * (1 / scale))` for a real zero point.
///
/// `1 / scale` is float32. A `q` that no 64-bit integer holds, NaN and infinities too, counts as below the range, as in torch.
struct FakeQuantizeStep: Sendable {
  private let scale: Float
  private let inverse: Float
  private let zero: Double
  private let isReal: Bool
  private let low: Double
  private let high: Double

  init(scale: Float, zeroPoint: Int, low: Int, high: Int) {
    self.init(
      scale: scale, zero: Double(zeroPoint), isReal: false, low: Double(low), high: Double(high))
  }

  init(scale: Float, realZeroPoint: Float, low: Int, high: Int) {
    self.init(
      scale: scale, zero: Double(realZeroPoint), isReal: true, low: Double(low), high: Double(high))
  }

  private init(scale: Float, zero: Double, isReal: Bool, low: Double, high: Double) {
    self.scale = scale
    inverse = 1 / scale
    self.zero = zero
    self.isReal = isReal
    self.low = low
    self.high = high
  }

  /// The integer before clamping; far below any range when 64 bits don't hold it.
  private func integer(_ x: Float) -> Double {
    let steps = x * inverse
    let q =
      isReal
      ? (Float(zero) + steps).rounded(.toNearestOrEven)
      : Float(zero) + steps.rounded(.toNearestOrEven)
    return abs(q) < 0x1p63 ? Double(q) : -0x1p63
  }

  private func integer(_ x: Double) -> Double {
    let steps = x * Double(inverse)
    let q =
      isReal
      ? (zero + steps).rounded(.toNearestOrEven) : zero + steps.rounded(.toNearestOrEven)
    return abs(q) < 0x1p63 ? q : -0x1p63
  }

  private func real(_ q: Double) -> Double {
    // Adding zero turns -0 into 0: integers have no sign of zero.
    (Swift.min(Swift.max(q, low), high) - zero) * Double(scale) + 0
  }

  /// The value after rounding to the quantized grid.
  func value(_ x: Float) -> Float { Float(real(integer(x))) }
  /// The value after rounding to the quantized grid.
  func value(_ x: Double) -> Double { real(integer(x)) }

  /// True when the value lies inside the range, where the gradient passes.
  func passes(_ x: Float) -> Bool { (low...high).contains(integer(x)) }
  /// True when the value lies inside the range, where the gradient passes.
  func passes(_ x: Double) -> Bool { (low...high).contains(integer(x)) }
}
