/// Parts of a range that observers choose from: what lies within `-T...T`, for thresholds `T` from the larger of both ends
/// down to 1/128 of it. An end that is nearer to zero than `T` stays where it is.
struct RangeCandidates: Sequence {
  let min: Float
  let max: Float

  /// Thresholds over the larger end, `2^(-i / 8)`: the whole range first.
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
    let reach = Swift.max(abs(min), abs(max))
    return AnyIterator {
      factors.next().map { factor in
        let threshold = reach * factor
        return (
          Swift.min(Swift.max(min, -threshold), threshold),
          Swift.max(Swift.min(max, threshold), -threshold)
        )
      }
    }
  }
}
