import OctetTensor

/// Seeded data for tests: the same on every machine.
package struct TestRandom {
  private let source: RandomSource

  package init(_ seed: UInt64) { source = RandomSource(seed: seed) }

  /// A whole number in `range`.
  package func int(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(source.next() % UInt64(range.count))
  }

  /// One of `choices`.
  package func pick<Element>(_ choices: [Element]) -> Element {
    choices[int(0...(choices.count - 1))]
  }

  /// Reals spread over `range`.
  package func floats(_ count: Int, in range: ClosedRange<Double> = -1...1) -> [Float] {
    source.uniform(count: count, in: range)
  }

  /// Codes of all values, with the ends more often than chance would have it.
  package func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in
      switch source.next() % 4 {
      case 0: 0
      case 1: 255
      default: UInt8(truncatingIfNeeded: source.next() >> 32)
      }
    }
  }

  /// Signed codes of all values, with the ends more often than chance would have it.
  package func signedBytes(_ count: Int) -> [Int8] {
    bytes(count).map { Int8(bitPattern: $0 ^ 0x80) }
  }
}
