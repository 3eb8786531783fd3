import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

/// Batches of every awkward kind, all finite.
func finiteBatches(_ seed: UInt64) -> [[Float]] {
  let random = TestRandom(seed)
  return [
    random.floats(1000, in: -3...2),
    random.floats(17, in: 0...1e-42),
    [0, -0.0, 0],
    [.greatestFiniteMagnitude, -.greatestFiniteMagnitude],
    [1e38, 3e38],
    [.leastNonzeroMagnitude, -.leastNonzeroMagnitude],
    [2, 2, 2, 2],
    [-7],
    random.floats(200_003, in: -1...8),
  ]
}

private func vector(_ elements: [Float]) throws -> Tensor {
  try Tensor(elements, shape: [elements.count])
}

private func item(_ buffer: Buffer) throws -> Float { Float(try buffer.value.item()) }

@Suite("Observers of extremes")
struct ObserverRangeTests {
  @Test("the smallest and the largest value, whatever the size and the order of batches")
  func extremesDontDependOnOrder() throws {
    for seed in 0..<20 as Range<UInt64> {
      let batches = finiteBatches(seed)
      let all = batches.joined()
      let low = all.min() ?? 0
      let high = all.max() ?? 0
      let random = TestRandom(seed)
      for _ in 0..<4 {
        let observer = try MinMaxObserver()
        var left = batches
        while !left.isEmpty {
          try observer.observe(vector(left.remove(at: random.int(0...(left.count - 1)))))
        }
        #expect(try item(observer.minVal) == low && item(observer.maxVal) == high)
        #expect(observer.batchCount == batches.count)
        #expect(observer.nonFinite == NonFiniteValues())
      }
    }
  }

  @Test("zero has no sign, so that state is the same bits in every order")
  func zeroHasNoSign() throws {
    for batches in [
      [[0, -0.0]], [[-0.0], [0]], [[0], [-0.0]], [[Float](repeating: -0.0, count: 40)],
    ]
      as [[[Float]]]
    {
      let observer = try MinMaxObserver()
      let channels = try PerChannelMinMaxObserver()
      for batch in batches {
        try observer.observe(vector(batch))
        try channels.observe(Tensor(batch, shape: [1, batch.count]))
      }
      #expect(try item(observer.minVal).sign == .plus && item(observer.maxVal).sign == .plus)
      let low: [Float] = try channels.minVal.value.elements()
      let high: [Float] = try channels.maxVal.value.elements()
      #expect((low + high).allSatisfy { $0.sign == .plus && $0 == 0 })
    }
  }

  @Test("every length around the vector width, with the extremes at each place")
  func everyPlace() throws {
    for count in 1...67 {
      for place in 0..<count {
        var values = [Float](repeating: 0.5, count: count)
        values[place] = -9
        values[(place * 7 + 3) % count] = place == (place * 7 + 3) % count ? -9 : 11
        let observer = try MinMaxObserver()
        try observer.observe(vector(values))
        #expect(try item(observer.minVal) == values.min() && item(observer.maxVal) == values.max())
        values[place] = .nan
        let poisoned = try MinMaxObserver()
        try poisoned.observe(vector(values))
        #expect(try item(poisoned.minVal).isNaN && item(poisoned.maxVal).isNaN)
        #expect(poisoned.nonFinite.index == place && poisoned.nonFinite.count == 1)
      }
    }
  }

  @Test("memory formats and views don't matter")
  func formats() throws {
    let x = try Tensor(TestRandom(3).floats(2 * 5 * 4 * 6, in: -4...4), shape: [2, 5, 4, 6])
    let views = [
      x, try x.contiguous(.channelsLast), try x.permuted([3, 1, 0, 2]).permuted([2, 1, 3, 0]),
      try x.permuted([0, 1, 3, 2]).clone().permuted([0, 1, 3, 2]),
    ]
    let values: [Float] = try x.elements()
    for view in views {
      let whole = try MinMaxObserver()
      try whole.observe(view)
      #expect(try item(whole.minVal) == values.min() && item(whole.maxVal) == values.max())
      for axis in [0, 1, 2, 3, -1, -4] {
        let channels = try PerChannelMinMaxObserver(chAxis: axis)
        try channels.observe(view)
        let expected = try naiveExtremes(x, axis: axis < 0 ? axis + 4 : axis)
        #expect(try channels.minVal.value.elements(as: Float.self) == expected.map(\.min))
        #expect(try channels.maxVal.value.elements(as: Float.self) == expected.map(\.max))
      }
    }
  }

  @Test("big tensors per channel, shared among threads", arguments: [0, 1, 2])
  func bigChannels(axis: Int) throws {
    let x = try Tensor(TestRandom(9).floats(40 * 70 * 60, in: -4...4), shape: [40, 70, 60])
    let observer = try PerChannelMinMaxObserver(chAxis: axis)
    try observer.observe(x)
    let expected = try naiveExtremes(x, axis: axis)
    #expect(try observer.minVal.value.elements(as: Float.self) == expected.map(\.min))
    #expect(try observer.maxVal.value.elements(as: Float.self) == expected.map(\.max))
  }

  private func naiveExtremes(_ x: Tensor, axis: Int) throws -> [(min: Float, max: Float)] {
    let values: [Float] = try x.elements()
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    return (0..<x.shape[axis]).map { c in
      let own = values.indices.filter { $0 / inner % x.shape[axis] == c }.map { values[$0] }
      return (own.min() ?? 0, own.max() ?? 0)
    }
  }

  @Test("a NaN stays in its channel, and no parameters come of it")
  func nanPerChannel() throws {
    for axis in [0, 1] {
      let observer = try PerChannelMinMaxObserver(chAxis: axis)
      try observer.observe(Tensor([1, 2, 3, .nan, 5, 6, 7, 8] as [Float], shape: [2, 4]))
      try observer.observe(Tensor([Float](repeating: 0, count: 8), shape: [2, 4]))
      let low: [Float] = try observer.minVal.value.elements()
      #expect(low.filter(\.isNaN).count == 1)
      #expect(low[axis == 0 ? 0 : 3].isNaN)
      let error = #expect(throws: OctetError.self) { try observer.calculateParameters() }
      #expect(error?.code == .invalidQuantizer)
      #expect(
        error?.description.contains("1 non-finite values, the first (nan) at element 3 of batch 0")
          == true)
      observer.reset()
      #expect(try observer.calculateParameters().scales == [1])
      #expect(observer.nonFinite.count == 0)
    }
  }

  @Test("infinities are kept, counted and refused", arguments: [Float.infinity, -.infinity, .nan])
  func nonFinite(value: Float) throws {
    for place in [0, 5, 16, 99] {
      var values = TestRandom(1).floats(100)
      values[place] = value
      values[99] = value
      for observer in [try MinMaxObserver(), try MovingAverageMinMaxObserver()] as [RangeObserver] {
        try observer.observe(vector([1, 2]))
        try observer.observe(vector(values))
        #expect(observer.nonFinite.count == (place == 99 ? 1 : 2))
        #expect(observer.nonFinite.batch == 1 && observer.nonFinite.index == place)
        let error = #expect(throws: OctetError.self) { try observer.calculateParameters() }
        #expect(error?.code == .invalidQuantizer)
      }
    }
  }

  @Test("moving averages, step by step in float32")
  func movingAverages() throws {
    for constant in [0, 0.01, 0.3, 1] {
      let observer = try MovingAverageMinMaxObserver(averagingConstant: constant)
      let channels = try MovingAveragePerChannelMinMaxObserver(averagingConstant: constant)
      var expected: (min: Float, max: Float)?
      for step in 0..<8 as Range<UInt64> {
        let batch = TestRandom(step).floats(30, in: -Double(step + 1)...2)
        try observer.observe(vector(batch))
        try channels.observe(Tensor(batch, shape: [1, 30]))
        let (low, high) = (batch.min() ?? 0, batch.max() ?? 0)
        if let (a, b) = expected {
          expected = (a + Float(constant) * (low - a), b + Float(constant) * (high - b))
        } else {
          expected = (low, high)
        }
        #expect(
          try item(observer.minVal) == expected?.min && item(observer.maxVal) == expected?.max)
        #expect(try channels.minVal.value.elements(as: Float.self) == [expected?.min ?? 0])
        #expect(try channels.maxVal.value.elements(as: Float.self) == [expected?.max ?? 0])
      }
    }
  }

  @Test("a moving average over float32's whole width stays finite")
  func movingAverageOverflow() throws {
    let observer = try MovingAverageMinMaxObserver(averagingConstant: 0.5)
    try observer.observe(vector([-.greatestFiniteMagnitude]))
    try observer.observe(vector([.greatestFiniteMagnitude]))
    #expect(try item(observer.minVal) == 0 && item(observer.maxVal) == 0)
    #expect(try observer.calculateParameters().scales[0].isFinite)
  }

  @Test("empty batches and other float types")
  func inputs() throws {
    let observer = try MinMaxObserver()
    try observer.observe(Tensor([] as [Float], shape: [0, 3]))
    #expect(observer.batchCount == 0)
    #expect(try observer.calculateParameters().scales == [1])
    try observer.observe(vector([0.1, 2]).converted(to: .float16))
    #expect(try item(observer.minVal) == 0.099975586)
    try observer.observe(Tensor([-1, 3] as [Int32], shape: [2]))
    #expect(try item(observer.minVal) == -1 && item(observer.maxVal) == 3)
    let quantized = try vector([1, 2]).quantizedPerTensor(scale: 1, zeroPoint: 0, dtype: .quint8)
    let error = #expect(throws: OctetError.self) { try observer.observe(quantized) }
    #expect(error?.code == .quantizationMismatch)
    #expect(error?.description.contains("MinMaxObserver: input: expected a float tensor") == true)
  }

  @Test("inputs pass unchanged, and a recording observer keeps copies of its own")
  func passThrough() throws {
    let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    let observers: [Observer] = [
      try MinMaxObserver(), try HistogramObserver(), try PerChannelMinMaxObserver(),
      PlaceholderObserver(), NoopObserver(), ReuseInputObserver(), IdentityObserver(),
      try FixedQParamsObserver(scale: 0.5, zeroPoint: 3),
    ]
    for observer in observers { #expect(try observer.evaluate(x) === x) }
    let recording = RecordingObserver()
    #expect(try recording.evaluate(x) === x)
    #expect(try recording.evaluate(x) === x)
    #expect(recording.tensors.count == 2 && recording.tensors[0].storage !== x.storage)
    #expect(try recording.tensors[1].elements(as: Float.self) == [1, 2, 3, 4])
    for observer in [
      recording, PlaceholderObserver(), NoopObserver(), ReuseInputObserver(), IdentityObserver(),
    ] as [Observer] {
      let error = #expect(throws: OctetError.self) { try observer.calculateParameters() }
      #expect(error?.code == .notObserved)
      #expect(error?.description.contains("\(type(of: observer))") == true)
    }
    let fixed = try FixedQParamsObserver(scale: 0.5, zeroPoint: 3).calculateParameters()
    #expect(fixed.scales == [0.5] && fixed.zeroPoints == .integer([3]))
  }
}
