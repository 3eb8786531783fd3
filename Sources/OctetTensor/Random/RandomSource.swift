import Synchronization

/// The seeded generator behind everything random: the same seed gives the same numbers on every machine.
///
/// SplitMix64 (Steele, Lea and Flood, 2014).
public final class RandomSource: Sendable {
  /// What layers draw their first weights from, and dropout who becomes zero; `$shared.withValue` gives a task one of its own.
  @TaskLocal public static var shared = RandomSource(seed: 0)

  private let state: Mutex<UInt64>

  /// A generator of its own.
  public init(seed: UInt64) { state = Mutex(seed) }

  /// Starts again from `seed`. torch.manual_seed.
  public func reseed(_ seed: UInt64) { state.withLock { $0 = seed } }

  /// The next 64 bits.
  public func next() -> UInt64 {
    state.withLock { state in
      state &+= Self.step
      return Self.mixed(state)
    }
  }

  /// Where the generator stands: a generator with this seed goes on as this one does.
  public var seed: UInt64 { state.withLock { $0 } }

  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mixed(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The draw at a place of a stream, even over 0..<1, without drawing those before.
  package static func unit(seed: UInt64, place: UInt64) -> Double {
    Double(mixed(seed &+ (place &+ 1) &* step) >> 11) * 0x1p-53
  }

  /// `count` values spread evenly over `range`.
  public func uniform(count: Int, in range: ClosedRange<Double>) -> [Float] {
    (0..<count).map { _ in
      let unit = Double(next() >> 11) * 0x1p-53
      return Float(range.lowerBound + unit * (range.upperBound - range.lowerBound))
    }
  }
}
