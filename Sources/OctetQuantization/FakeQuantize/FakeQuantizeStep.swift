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

  // MARK: One value

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

  // MARK: Runs of float32

  /// `value` for a run of elements.
  func apply(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
    // Clamping first and rounding then gives the same integers, and allows rounding by adding a big number.
    let isSmall = max(abs(low - zero), abs(high - zero)) <= 0x1p21
    let vectorized = isReal || !isSmall ? 0 : count / 16 * 16
    if vectorized > 0 { applyVectors(x, y, vectorized) }
    for i in vectorized..<count { y[i] = value(x[i]) }
  }

  private func applyVectors(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    typealias Lanes = SIMD16<Float>
    let source = UnsafeRawPointer(x)
    let target = UnsafeMutableRawPointer(y)
    let least = Lanes(repeating: Float(low - zero))
    let most = Lanes(repeating: Float(high - zero))
    let tooBig = Lanes(repeating: 0x1p63)
    let rounder = Lanes(repeating: 0x1.8p23)
    for offset in stride(from: 0, to: count * 4, by: 64) {
      var steps = source.loadUnaligned(fromByteOffset: offset, as: Lanes.self) * inverse
      steps.replace(with: least, where: .!(steps .< tooBig))
      steps.replace(with: least, where: steps .< least)
      steps.replace(with: most, where: steps .> most)
      let rounded = (steps + rounder) - rounder
      target.storeBytes(of: rounded * scale, toByteOffset: offset, as: Lanes.self)
    }
  }
}
