#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension RandomSource {
  /// `count` values of the normal distribution with mean 0 and variance 1, by Marsaglia's polar method (1964).
  public func normal(count: Int) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(max(count, 0))
    while values.count < count {
      let x = unit()
      let y = unit()
      let radius = x * x + y * y
      guard radius > 0, radius < 1 else { continue }
      let factor = (-2 * log(radius) / radius).squareRoot()
      values.append(Float(x * factor))
      if values.count < count { values.append(Float(y * factor)) }
    }
    return values
  }

  /// Even over -1..<1.
  private func unit() -> Double { Double(Int64(bitPattern: next()) >> 10) * 0x1p-53 }
}
