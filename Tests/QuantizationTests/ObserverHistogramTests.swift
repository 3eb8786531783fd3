import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private func vector(_ elements: [Float]) throws -> Tensor {
  try Tensor(elements, shape: [elements.count])
}

private func counts(_ observer: HistogramObserver) throws -> [Float] {
  try observer.histogram.value.elements()
}

@Suite("Histogram observer")
struct ObserverHistogramTests {
  @Test("a batch is counted in equal bins over its own range", arguments: [1, 7, 100, 2048])
  func firstBatch(bins: Int) throws {
    let values = TestRandom(1).floats(5000, in: -2...6)
    let observer = try HistogramObserver(bins: bins)
    try observer.observe(vector(values))
    let low = values.min() ?? 0
    let high = values.max() ?? 0
    var expected = [Float](repeating: 0, count: bins)
    for value in values {
      expected[min(Int((value - low) * Float(bins) / (high - low)), bins - 1)] += 1
    }
    #expect(try counts(observer) == expected)
    #expect(try observer.minVal.value.item() == Double(low))
    #expect(try observer.maxVal.value.item() == Double(high))
  }

  @Test("a big batch, counted by several threads, has the sum of its parts' counts")
  func bigBatch() throws {
    let values = TestRandom(2).floats(1_200_001, in: -1...1) + [-1, 1]
    let whole = try HistogramObserver()
    try whole.observe(vector(values))
    let parts = try HistogramObserver()
    try parts.observe(vector([-1, 1]))
    for start in stride(from: 0, to: values.count - 2, by: 1000) {
      try parts.observe(vector(Array(values[start..<min(start + 1000, values.count - 2)])))
    }
    #expect(try counts(whole) == counts(parts))
    #expect(try counts(whole).reduce(0, +) == Float(values.count))
  }

  @Test("a growing range moves whole counts in sixteenths and loses none")
  func growth() throws {
    let observer = try HistogramObserver(bins: 64)
    var total: Float = 0
    for step in 0..<12 as Range<UInt64> {
      let reach = Double(step + 1) * 1.37
      try observer.observe(vector(TestRandom(step).floats(500, in: -reach...reach)))
      total += 500
      let now = try counts(observer)
      #expect(abs(now.reduce(0, +) - total) < 1e-2)
      #expect(now.allSatisfy { $0 >= 0 })
    }
  }

  @Test("doubling the range of a flat histogram halves the bins it fills")
  func exactMove() throws {
    let observer = try HistogramObserver(bins: 8)
    try observer.observe(vector((0..<8).map { Float($0) + 0.5 } + [0, 8]))
    #expect(try counts(observer) == [2, 1, 1, 1, 1, 1, 1, 2])
    try observer.observe(vector([16]))
    #expect(try counts(observer) == [3, 2, 2, 3, 0, 0, 0, 1])
  }

  @Test("constants: the middle bin, and the weight of the next batch once the range grows")
  func constants() throws {
    let observer = try HistogramObserver(bins: 4)
    try observer.observe(vector([2, 2, 2]))
    #expect(try counts(observer) == [0, 0, 3, 0])
    try observer.observe(vector([2]))
    #expect(try counts(observer) == [0, 0, 4, 0])
    try observer.observe(vector([0, 4]))
    #expect(try counts(observer) == [1, 0, 2, 1])
    for constant in [Float(3e38), -3e38, 1e10, .leastNonzeroMagnitude, 16_777_216] {
      let single = try HistogramObserver(bins: 4)
      try single.observe(vector([constant, constant]))
      #expect(try counts(single).reduce(0, +) == 2)
      let scale = try single.calculateParameters().scales[0]
      #expect(scale == max(abs(constant) / 255, 0x1p-23))
    }
  }

  @Test("infinities are left out and counted, NaN is refused with its place")
  func nonFinite() throws {
    let clean = try HistogramObserver()
    let dirty = try HistogramObserver()
    let values = TestRandom(4).floats(300, in: -1...1)
    try clean.observe(vector(values))
    try dirty.observe(vector(values + [.infinity, -.infinity, .infinity]))
    #expect(try counts(clean) == counts(dirty))
    #expect(try clean.calculateParameters() == dirty.calculateParameters())
    #expect(dirty.nonFinite.count == 3 && dirty.nonFinite.index == 300)
    let empty = try HistogramObserver()
    try empty.observe(vector([.infinity]))
    #expect(try empty.calculateParameters().scales == [1])
    for place in [0, 15, 16, 299] {
      var bad = values
      bad[place] = .nan
      let before = try counts(dirty)
      let error = #expect(throws: OctetError.self) { try dirty.observe(vector(bad)) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.description.contains("HistogramObserver: input") == true)
      #expect(error?.description.contains("values without NaN") == true)
      #expect(try counts(dirty) == before)
    }
  }

  @Test("any finite stream ends in legal parameters, in memory that never grows")
  func streams() throws {
    for seed in 0..<60 as Range<UInt64> {
      let random = TestRandom(seed)
      let observer = try HistogramObserver(bins: 256)
      let bytes = observer.stateDictionary().byteCount
      for _ in 0..<random.int(1...8) {
        let batches = finiteBatches(random.pick(Array(0...9)))
        try observer.observe(vector(Array(random.pick(batches).prefix(4000))))
        #expect(observer.stateDictionary().byteCount == bytes)
        #expect(observer.histogram.value.shape == [256])
      }
      #expect(try counts(observer).allSatisfy { $0.isFinite && $0 >= 0 })
      let parameters = try observer.calculateParameters()
      #expect(parameters.scales[0] > 0 && parameters.scales[0].isFinite)
      #expect(throws: Never.self) { try parameters.quantizer(for: [1]) }
    }
  }

  @Test("scaling data by a power of two scales what is chosen, from 2^-60 to 2^100")
  func homogeneous() throws {
    let values = (0..<4000).map { i -> Float in
      let u = TestRandom(UInt64(i)).floats(1, in: -1...1)[0]
      return u * u * u
    }
    let plain = try HistogramObserver(eps: .leastNonzeroMagnitude)
    try plain.observe(vector(values))
    let expected = try plain.calculateParameters()
    for exponent in [-60, -30, -1, 1, 40, 100] {
      let factor = Float(sign: .plus, exponent: exponent, significand: 1)
      let observer = try HistogramObserver(eps: .leastNonzeroMagnitude)
      try observer.observe(vector(values.map { $0 * factor }))
      let chosen = try observer.calculateParameters()
      #expect(chosen.zeroPoints == expected.zeroPoints)
      #expect(chosen.scales[0] == expected.scales[0] * factor)
    }
  }

  @Test("ranges that float32 can't hold as a difference are searched all the same")
  func widerThanFloat() throws {
    // The same shape 2^-30 as wide, which float32 holds with ease.
    let shape = TestRandom(11).floats(3000, in: -1...1).map { $0 * $0 * $0 }
    let ends: [Float] = [-0x1.fffffep127, 0x1.fffffep127]
    let wide = try HistogramObserver()
    try wide.observe(vector(shape.map { $0 * 0x1.8p127 } + ends))
    let narrow = try HistogramObserver()
    try narrow.observe(vector(shape.map { $0 * 0x1.8p97 } + ends.map { $0 * 0x1p-30 }))
    let (a, b) = (try wide.calculateParameters(), try narrow.calculateParameters())
    #expect(a.zeroPoints == b.zeroPoints)
    #expect(abs(a.scales[0] / (b.scales[0] * 0x1p30) - 1) < 1e-6)
    #expect(try counts(wide).reduce(0, +) == 3002)
  }

  @Test("outliers are cut off where that lowers the squared error")
  func outliers() throws {
    var values = TestRandom(7).floats(20_000, in: -1...1)
    values[0] = 40
    let histogram = try HistogramObserver()
    let extremes = try MinMaxObserver()
    try histogram.observe(vector(values))
    try extremes.observe(vector(values))
    let cut = try histogram.calculateParameters()
    let whole = try extremes.calculateParameters()
    #expect(cut.scales[0] < whole.scales[0])
    #expect(try error(values, cut) < error(values, whole))
  }

  private func error(_ values: [Float], _ parameters: QuantizationParameters) throws -> Double {
    let x = try vector(values)
    let quantizer = try parameters.quantizer(for: x.shape)
    let rounded: [Float] = try Functional.dequantize(
      Functional.quantize(x, quantizer, dtype: parameters.dtype)
    ).elements()
    return zip(values, rounded).reduce(0) {
      let difference = Double($1.0) - Double($1.1)
      return $0 + difference * difference
    }
  }

  @Test(
    "what torch's search answers on cubes and eighth powers",
    arguments: [
      (2048, false, DType.quint8, Float(0x1.815152p-5), 85),
      (2048, true, .quint8, 0x1.82d5acp-4, 42), (2048, false, .qint8, 0x1.00d0d0p-4, 0),
      (64, false, .quint8, 0x1.7b7b7cp-5, 86), (64, true, .quint8, 0x1.7cf9f4p-4, 43),
      (64, false, .qint8, 0x1.f5f5f6p-5, 0), (100, false, .quint8, 0x1.7da69cp-5, 86),
      (100, true, .quint8, 0x1.7f2744p-4, 43), (100, false, .qint8, 0x1.fa4c38p-5, 0),
    ])
  func knownSearch(bins: Int, reduceRange: Bool, dtype: DType, scale: Float, zero: Int) throws {
    let observer = try HistogramObserver(
      bins: bins, dtype: dtype,
      scheme: dtype == .qint8 ? .perTensorSymmetric : .perTensorAffine, reduceRange: reduceRange)
    let x = (-1000..<1000).map { Float($0) / 1000 }
    let cubes = x.map { $0 * $0 * $0 }
    try observer.observe(vector(cubes))
    try observer.observe(vector(zip(x, cubes).map { $1 * $1 * $0 * $0 * 8 }))
    try observer.observe(vector(cubes.map { $0 * 4 }))
    let parameters = try observer.calculateParameters()
    #expect(parameters.scales == [scale])
    #expect(parameters.zeroPoints == .integer([zero]))
  }

  @Test("state that no data leads to is refused, not trusted")
  func oddState() throws {
    for (low, high) in [(1, -1), (.nan, 1), (0, .infinity)] as [(Float, Float)] {
      let observer = try HistogramObserver()
      observer.minVal.value = Tensor(scalar: low)
      observer.maxVal.value = Tensor(scalar: high)
      let error = #expect(throws: OctetError.self) { try observer.calculateParameters() }
      #expect(error?.code == .invalidQuantizer)
    }
  }
}
