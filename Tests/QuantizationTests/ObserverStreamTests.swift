import Foundation
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

@Suite("Random streams through every observer")
struct ObserverStreamTests {
  private static let special: [Float] = [
    0, -0.0, .infinity, -.infinity, .nan, Float(nan: 5, signaling: true), .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
    .leastNormalMagnitude, 1, -1, 1e38, -3e38, 16_777_216,
  ]

  private static func factories() throws -> [ObserverFactory] {
    [
      .defaultObserver, .movingAverage, .defaultWeightObserver, .defaultPerChannelWeightObserver,
      .defaultFloatQParamsObserver, .defaultFakeQuant, .defaultPerChannelWeightFakeQuant,
      .defaultFusedActFakeQuant, .defaultFusedWtFakeQuant, .defaultFusedPerChannelWtFakeQuant,
      try HistogramObserver.factory(bins: 64),
      try HistogramObserver.factory(bins: 5, dtype: .qint8, scheme: .perTensorSymmetric),
      .defaultObserver.handlingNonFinite(.ignore), .movingAverage.handlingNonFinite(.ignore),
      .defaultPerChannelWeightObserver.handlingNonFinite(.ignore),
      try HistogramObserver.factory(bins: 16).handlingNonFinite(.ignore),
    ]
  }

  /// One to twenty values of one magnitude with some special ones among them.
  private func batch(_ random: TestRandom, _ count: Int, isFinite: Bool) -> [Float] {
    let factor = Float(sign: .plus, exponent: random.int(-120...126), significand: 1)
    var values = random.floats(count, in: -1...1).map { $0 * factor }
    for _ in 0..<random.int(0...3) {
      let value = random.pick(Self.special)
      if !isFinite || value.isFinite { values[random.int(0...(count - 1))] = value }
    }
    return values
  }

  @Test("finite data gives legal parameters; other data gives them, or an error with words")
  func streams() throws {
    let factories = try Self.factories()
    let environment = ProcessInfo.processInfo.environment
    let count = environment["OCTET_TEST_STREAMS"].flatMap { UInt64($0) } ?? 1_000_000
    for seed in 0..<count {
      let random = TestRandom(seed)
      let observer = random.pick(factories)()
      let length = random.int(1...20)
      let isFinite = random.int(0...2) > 0
      do {
        for _ in 0..<random.int(1...4) {
          let values = batch(random, length, isFinite: isFinite)
          let output = try observer.evaluate(Tensor(values, shape: [1, length]))
          let rounded: [Float] = try output.elements()
          // Rounding to the grid may pass float32's end from close by only.
          #expect(
            !(observer is FakeQuantize) || rounded.allSatisfy(\.isFinite)
              || values.contains { abs($0) > 1e38 })
        }
        let parameters = try observer.calculateParameters()
        #expect(parameters.scales.allSatisfy { $0 > 0 && $0.isFinite }, "seed \(seed)")
        _ = try parameters.quantizer(for: [1, length])
      } catch let error as OctetError {
        #expect(!isFinite, "seed \(seed): \(error)")
        #expect(
          [.invalidQuantizer, .invalidArgument].contains(error.code), "seed \(seed): \(error)")
        #expect(error.description.contains("expected"))
      }
    }
  }
}
