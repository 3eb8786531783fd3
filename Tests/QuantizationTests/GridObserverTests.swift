import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private func vector(_ elements: [Float]) throws -> Tensor {
  try Tensor(elements, shape: [elements.count])
}

/// Bell-shaped values between -6 and 6.
private func bell(_ seed: UInt64, _ count: Int) -> [Float] {
  let random = TestRandom(seed)
  let parts = (0..<6).map { _ in random.floats(count, in: -1...1) }
  return (0..<count).map { i in parts.reduce(0) { $0 + $1[i] } }
}

@Suite("Histograms on the fixed grid")
struct GridHistogramTests {
  @Test("every float lies in the bin whose ends enclose it")
  func places() throws {
    let random = TestRandom(3)
    for _ in 0..<2000 {
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.int(0...Int(UInt32.max))))
      var histogram = GridHistogram()
      try histogram.add(vector([value]))
      #expect(histogram.finiteCount == (value.isFinite ? 1 : 0))
      #expect(histogram.nonFiniteCount == (value.isFinite ? 0 : 1))
      guard value.isFinite else { continue }
      let low = try #require(histogram.quantile(0))
      let high = try #require(histogram.quantile(1))
      #expect(low <= value && value <= high, "\(value): \(low)...\(high)")
      #expect(high - low <= max(abs(value) / 63, .leastNormalMagnitude))
    }
  }

  @Test("merged parts are the whole, in any order")
  func merging() throws {
    let values = bell(5, 40_000) + [.nan, .infinity, -0.0, 1e38, -0x1p-133]
    var whole = GridHistogram()
    try whole.add(vector(values))
    var merged = GridHistogram()
    for start in stride(from: 0, to: values.count, by: 997).reversed() {
      var part = GridHistogram()
      try part.add(vector(Array(values[start..<min(start + 997, values.count)])))
      merged.merge(part)
    }
    #expect(merged == whole)
    #expect(whole.finiteCount == UInt64(values.count - 2) && whole.nonFiniteCount == 2)
  }

  @Test(
    "quantiles are those of the sorted values within a bin's width", arguments: [0.01, 0.5, 0.9])
  func quantiles(fraction: Double) throws {
    let values = bell(7, 30_000)
    var histogram = GridHistogram()
    try histogram.add(vector(values))
    let sorted = values.sorted()
    let exact = sorted[Int(fraction * Double(sorted.count))]
    let found = try #require(histogram.quantile(fraction))
    #expect(abs(found - exact) <= max(abs(exact) / 32, 2e-3), "\(found), \(exact)")
  }

  @Test("quantized tensors are refused")
  func refusal() throws {
    let quantized = try Functional.quantizePerTensor(
      vector([1, 2]), scale: 1, zeroPoint: 0, dtype: .quint8)
    var histogram = GridHistogram()
    #expect(throws: OctetError.self) { try histogram.add(quantized) }
  }
}

@Suite("Observers that choose a range")
struct GridObserverTests {
  private static func all() throws -> [GridObserver] {
    [try PercentileObserver(percentile: 99.9), try MSEObserver(), try EntropyObserver()]
  }

  @Test("merged observers are one observer of everything")
  func merging() throws {
    for (whole, (left, right)) in zip(try Self.all(), zip(try Self.all(), try Self.all())) {
      let values = bell(1, 20_000)
      try whole.observe(vector(values))
      try left.observe(vector(Array(values[..<7000])))
      try right.observe(vector(Array(values[7000...])))
      try left.merge(right)
      #expect(try left.grid() == whole.grid())
      #expect(try left.calculateParameters() == whole.calculateParameters())
    }
  }

  @Test("one outlier doesn't set the scale, and even data keeps its range")
  func outliers() throws {
    for observer in [try PercentileObserver() as GridObserver, try EntropyObserver()] {
      try observer.observe(vector(bell(2, 50_000) + [1000]))
      let scale = try #require(observer.calculateParameters().scales.first)
      #expect(scale < 0.2, "\(type(of: observer)): \(scale)")
      #expect(scale > 0.01, "\(type(of: observer)): \(scale)")
    }
    let even = TestRandom(4).floats(50_000, in: -2...2)
    for observer in [try MSEObserver() as GridObserver, try EntropyObserver()] {
      try observer.observe(vector(even))
      let scale = try #require(observer.calculateParameters().scales.first)
      #expect(scale > 3.3 / 255 && scale <= 4.0 / 255, "\(type(of: observer)): \(scale)")
    }
  }

  @Test("the whole range at percentile 100, narrower ones below")
  func percentiles() throws {
    let values = bell(9, 20_000)
    var scales: [Float] = []
    for percentile in [100, 99.9, 99, 90] {
      let observer = try PercentileObserver(percentile: percentile, scheme: .perTensorSymmetric)
      try observer.observe(vector(values))
      scales += try observer.calculateParameters().scales
    }
    let reach = try #require(values.map(abs).max())
    #expect(scales[0] == reach / 127.5)
    #expect(scales == scales.sorted(by: >) && Set(scales).count == 4)
    #expect(throws: OctetError.self) { try PercentileObserver(percentile: 50) }
    #expect(throws: OctetError.self) { try PercentileObserver(percentile: .nan) }
  }

  @Test("the least squared error is the least of all candidates'")
  func leastError() throws {
    let values = bell(11, 4000) + [40]
    let observer = try MSEObserver()
    try observer.observe(vector(values))
    let chosen = try observer.calculateParameters()
    let whole = try MinMaxObserver()
    try whole.observe(vector(values))
    func error(_ parameters: QuantizationParameters) throws -> Double {
      guard case .integer(let zeros) = parameters.zeroPoints else { return .infinity }
      let rounded = try Functional.fakeQuantizePerTensorAffine(
        vector(values), scale: Double(parameters.scales[0]), zeroPoint: zeros[0], quantMin: 0,
        quantMax: 255)
      let back: [Float] = try rounded.elements()
      return zip(values, back).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    }
    #expect(try error(chosen) <= error(whole.calculateParameters()))
  }

  @Test("NaN and infinities are counted and left out")
  func nonFinite() throws {
    for observer in try Self.all() {
      try observer.observe(vector([.nan, 1, -.infinity, 3]))
      #expect(observer.nonFinite.count == 2)
      #expect(try observer.minVal.value.item() == 1)
      #expect(try observer.maxVal.value.item() == 3)
      _ = try observer.calculateParameters().quantizer(for: [4])
      observer.reset()
      #expect(!observer.hasObserved)
      #expect(try observer.calculateParameters().scales == [1])
    }
  }

  @Test("any finite stream gives legal parameters")
  func streams() throws {
    let special: [Float] = [
      0, -0.0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
      -.leastNonzeroMagnitude, 1e38, -3e38, .nan, .infinity, 1,
    ]
    for seed in 0..<600 as Range<UInt64> {
      let random = TestRandom(seed)
      let observer = random.pick(try Self.all())
      for _ in 0..<random.int(1...3) {
        let factor = Float(sign: .plus, exponent: random.int(-140...126), significand: 1)
        var values = random.floats(random.int(1...12), in: -1...1).map { $0 * factor }
        values[0] = random.pick(special + [values[0]])
        try observer.observe(vector(values))
      }
      let parameters = try observer.calculateParameters()
      #expect(parameters.scales.allSatisfy { $0 > 0 && $0.isFinite }, "seed \(seed)")
      _ = try parameters.quantizer(for: [1])
    }
  }
}

@Suite("Policies for NaN and infinities")
struct NonFinitePolicyTests {
  @Test("ignored values leave the finite ones' range, and are counted")
  func ignoring() throws {
    let made = ObserverFactory.defaultObserver.handlingNonFinite(.ignore)()
    let observer = try #require(made as? MinMaxObserver)
    try observer.observe(vector([.nan, -1, 4, .infinity]))
    #expect(try observer.minVal.value.item() == -1 && observer.maxVal.value.item() == 4)
    #expect(observer.nonFinite.count == 2 && observer.nonFinite.index == 0)
    try observer.observe(vector([.nan]))
    #expect(try observer.minVal.value.item() == -1 && observer.nonFinite.count == 3)
    _ = try observer.calculateParameters()
  }

  @Test("channels without a finite value keep what they had")
  func channels() throws {
    let observer = try PerChannelMinMaxObserver(dtype: .qint8, scheme: .perChannelSymmetric)
    observer.nonFinitePolicy = .ignore
    try observer.observe(Tensor([1, -2, .nan, 3] as [Float], shape: [2, 2]))
    try observer.observe(Tensor([5, .infinity, .nan, .nan] as [Float], shape: [2, 2]))
    let low: [Float] = try observer.minVal.value.elements()
    let high: [Float] = try observer.maxVal.value.elements()
    #expect(low == [-2, 3] && high == [5, 3])
  }
}
