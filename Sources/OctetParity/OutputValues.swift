import OctetTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The elements of an output, widened without loss: integers of integer and quantized types, reals of the others.
package enum OutputValues {
  /// Plain integers, truth values, or the integers of a quantized tensor.
  case integers([Int64])
  /// Floating-point elements.
  case reals([Double])

  /// The stored elements in logical order.
  package init(_ tensor: Tensor) throws(OctetError) {
    let plain: Tensor
    if tensor.isQuantized {
      plain = try tensor.unpacked().integerRepresentation()
    } else {
      plain = tensor
    }
    if plain.dtype.isFloatingPoint {
      self = .reals(try plain.converted(to: .float64).elements())
    } else {
      self = .integers(try plain.converted(to: .int64).elements())
    }
  }

  /// The real values in logical order: quantized elements are dequantized.
  package static func reals(of tensor: Tensor) throws(OctetError) -> [Double] {
    let real = tensor.isQuantized ? try tensor.dequantized() : tensor
    return try real.converted(to: .float64).elements()
  }
}

/// How far an output lies from the oracle's.
package struct Deviation: Sendable, Equatable {
  /// The number of elements.
  package var count = 0
  /// Elements that differ at all.
  package var differing = 0
  /// The largest difference; infinite when one side isn't finite or isn't a number.
  package var worst = 0.0
  /// Where the largest difference is, in logical order.
  package var worstIndex = 0

  /// No elements yet.
  package init() {}

  /// Takes an element in; `difference` isn't negative.
  mutating func note(_ index: Int, difference: Double) {
    count += 1
    if difference == 0 { return }
    differing += 1
    let size = difference.isNaN ? .infinity : difference
    if size > worst { (worst, worstIndex) = (size, index) }
  }

  /// The differences of two lists of the same length. NaN equals NaN.
  package init(got: [Double], want: [Double]) {
    for (i, (g, w)) in zip(got, want).enumerated() {
      let same = g == w || (g.isNaN && w.isNaN)
      note(i, difference: same ? 0 : abs(g - w))
    }
  }

  /// The differences of two lists of the same length.
  package init(got: [Int64], want: [Int64]) {
    for (i, (g, w)) in zip(got, want).enumerated() {
      note(i, difference: Double(g > w ? g.magnitudeAbove(w) : w.magnitudeAbove(g)))
    }
  }

  /// `10 * log10(sum ref² / sum (ref - got)²)` in dB, infinite when the lists are equal, NaN when it can't be told.
  package static func sqnr(got: [Double], reference: [Double]) -> Double {
    var signal = 0.0
    var noise = 0.0
    for (g, r) in zip(got, reference) {
      signal += r * r
      noise += (r - g) * (r - g)
    }
    return noise == 0 ? .infinity : 10 * log10(signal / noise)
  }
}

extension Int64 {
  /// The distance to a smaller or equal integer.
  fileprivate func magnitudeAbove(_ low: Int64) -> UInt64 {
    UInt64(bitPattern: self &- low)
  }
}
