/// Parts of a range that observers choose from: both ends drawn towards zero by one factor, from 1 down to 1/128, so that a
/// range keeps its shape. Ends on the far side of zero stay there.
struct RangeCandidates: Sequence {
  let min: Float
  let max: Float

  /// Factors `2^(-i / 8)`, the whole range first.
  private static let factors = (0...56).map { i in
    Float(sign: .plus, exponent: -i / 8, significand: 1) / steps[i % 8]
  }
  private static let steps: [Float] = (0..<8).map { i in
    // 2^(i / 8) by repeated square roots: exact enough, and the same everywhere.
    let eighth = Float(2).squareRoot().squareRoot().squareRoot()
    return (0..<i).reduce(Float(1)) { product, _ in product * eighth }
  }

  func makeIterator() -> AnyIterator<(min: Float, max: Float)> {
    var factors = Self.factors.makeIterator()
    return AnyIterator { factors.next().map { (min * $0, max * $0) } }
  }
}
