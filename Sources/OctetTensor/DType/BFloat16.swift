/// The upper half of a binary32: 8 bits of exponent, 7 of fraction.
public struct BFloat16: Sendable, Hashable {
  /// The encoding.
  public var bitPattern: UInt16

  /// Wraps an encoding.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest bfloat16, ties to even; NaN stays a (quiet) NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
    } else {
      let rounding = 0x7FFF + ((bits >> 16) & 1)
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ rounding) >> 16)
    }
  }

  /// The exact value.
  public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}

/// IEEE binary16, kept by its encoding so that it exists on every platform.
public struct Half: Sendable, Hashable {
  /// The encoding.
  public var bitPattern: UInt16

  /// Wraps an encoding.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest binary16, ties to even, overflowing to infinity; NaN stays a (quiet) NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: (bits >> 16) & 0x8000)
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 {
      bitPattern = sign | 0x7E00 | UInt16(truncatingIfNeeded: (magnitude >> 13) & 0x01FF)
    } else if magnitude >= 0x477F_F000 {
      bitPattern = sign | 0x7C00
    } else if magnitude >= 0x3880_0000 {
      let rebased = magnitude - 0x3800_0000
      let rounded = rebased + 0x0FFF + ((rebased >> 13) & 1)
      bitPattern = sign | UInt16(truncatingIfNeeded: rounded >> 13)
    } else {
      // Subnormal: adding 0.5 aligns the fraction so that the hardware rounds it.
      let aligned = Float(bitPattern: magnitude) + 0.5
      bitPattern = sign | UInt16(truncatingIfNeeded: aligned.bitPattern &- 0x3F00_0000)
    }
  }

  /// The exact value.
  public var float: Float {
    let sign = UInt32(bitPattern & 0x8000) << 16
    let exponent = UInt32(bitPattern >> 10) & 0x1F
    let fraction = UInt32(bitPattern & 0x03FF)
    if exponent == 0x1F { return Float(bitPattern: sign | 0x7F80_0000 | (fraction << 13)) }
    if exponent == 0 {
      let value = Float(fraction) * 0x1p-24
      return sign == 0 ? value : -value
    }
    return Float(bitPattern: sign | ((exponent + 112) << 23) | (fraction << 13))
  }
}
