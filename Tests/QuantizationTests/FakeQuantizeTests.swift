import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

@Suite("Fake quantization")
struct FakeQuantizeTests {
  /// The formula on integers of any size.
  private func reference(_ x: Float, _ scale: Float, _ zero: Int, _ low: Int, _ high: Int) -> Float
  {
    let q = Float(zero) + (x * (1 / scale)).rounded(.toNearestOrEven)
    let clamped = abs(q) < 0x1p63 ? min(max(Int(q), low), high) : low
    return Float(Double(clamped - zero) * Double(scale))
  }

  private static let odd: [Float] = [
    0, -0.0, .nan, .infinity, -.infinity, 1e30, -1e30, 1e19, -1e19, .leastNonzeroMagnitude, 0.5,
    1.5,
    2.5, -0.5, -1.5, 127.4, 127.5, 127.6, -128.4, -128.5, -128.6, 255.5, 8_388_609,
  ]

  @Test(
    "per tensor, every length around the vector width and beyond one thread's share",
    arguments: [
      (Float(0.1), 0, 0, 255), (1, 0, -128, 127), (0.037, 100, 0, 127), (3, -3, -8, 7),
      (1e-30, 0, 0, 255), (1e30, 7, 0, 15), (0.25, 0, -32768, 32767),
      (0.01, 5, -2_147_483_648, 2_147_483_647),
    ])
  func perTensor(scale: Float, zero: Int, low: Int, high: Int) throws {
    for count in [0, 1, 15, 16, 17, 31, 33, 1000, 70_000] {
      let reach = Double(scale) * Double(min(high - low, 1 << 20))
      var values = TestRandom(UInt64(count)).floats(count, in: -reach...reach)
      for (i, value) in Self.odd.enumerated() where i < count { values[(i * 37) % count] = value }
      let x = try Tensor(values, shape: [count])
      let y: [Float] = try Functional.fakeQuantizePerTensorAffine(
        x, scale: Double(scale), zeroPoint: zero, quantMin: low, quantMax: high
      ).elements()
      let expected = values.map { reference($0, scale, zero, low, high) }
      #expect(y == expected)
      #expect(y.allSatisfy { $0 != 0 || $0.sign == .plus })
    }
  }

  @Test("per channel on each axis, with integer and real zero points", arguments: [0, 1, 2, -1])
  func perChannel(axis: Int) throws {
    let shape = [3, 5, 19]
    let values = TestRandom(5).floats(3 * 5 * 19, in: -20...20)
    let x = try Tensor(values, shape: shape)
    let at = axis < 0 ? axis + 3 : axis
    let channels = shape[at]
    let inner = shape[(at + 1)...].reduce(1, *)
    let scales = TestRandom(6).floats(channels, in: 0.01...0.3)
    let zeros = (0..<channels).map { $0 * 9 % 100 }
    let y: [Float] = try Functional.fakeQuantizePerChannelAffine(
      x, scales: scales, zeroPoints: .integer(zeros), axis: axis, quantMin: 0, quantMax: 127
    ).elements()
    let reals = TestRandom(7).floats(channels, in: -10...300)
    let r: [Float] = try Functional.fakeQuantizePerChannelAffine(
      x, scales: scales, zeroPoints: .real(reals), axis: axis, quantMin: 0, quantMax: 255
    ).elements()
    for (i, value) in values.enumerated() {
      let c = i / inner % channels
      #expect(y[i] == reference(value, scales[c], zeros[c], 0, 127))
      let q = (reals[c] + value * (1 / scales[c])).rounded(.toNearestOrEven)
      let clamped = min(max(Double(q), 0), 255)
      #expect(r[i] == Float((clamped - Double(reals[c])) * Double(scales[c])))
    }
  }

  @Test("other float types keep their type")
  func otherTypes() throws {
    let values = TestRandom(8).floats(100, in: -5...5)
    let x = try Tensor(values, shape: [100])
    for dtype in [DType.float16, .bfloat16, .float64] {
      let y = try Functional.fakeQuantizePerTensorAffine(
        x.converted(to: dtype), scale: 0.03, zeroPoint: 4, quantMin: -128, quantMax: 127)
      #expect(y.dtype == dtype)
      let rounded: [Double] = try x.converted(to: dtype).converted(to: .float64).elements()
      let inverse = Double(1 / 0.03 as Float)
      let expected = try Tensor(
        rounded.map { value -> Double in
          let steps =
            dtype == .float64 ? value * inverse : Double(Float(value) * Float(inverse))
          let q = min(max(4 + steps.rounded(.toNearestOrEven), -128), 127)
          return (q - 4) * Double(0.03 as Float)
        }, shape: [100]
      ).converted(to: .float32).converted(to: dtype == .float64 ? .float32 : dtype)
      let got: [Float] = try y.converted(to: .float32).elements()
      #expect(try got == expected.converted(to: .float32).elements())
    }
  }

  @Test("channels-last input keeps its format and its values")
  func formats() throws {
    let x = try Tensor(TestRandom(2).floats(2 * 3 * 4 * 5, in: -2...2), shape: [2, 3, 4, 5])
    let last = try x.contiguous(.channelsLast)
    let plain: [Float] = try Functional.fakeQuantizePerTensorAffine(
      x, scale: 0.02, zeroPoint: 10, quantMin: 0, quantMax: 127
    ).elements()
    let y = try Functional.fakeQuantizePerTensorAffine(
      last, scale: 0.02, zeroPoint: 10, quantMin: 0, quantMax: 127)
    #expect(y.isChannelsLast)
    #expect(try y.elements() == plain)
  }

  @Test("wrong parameters are refused by name")
  func refusals() throws {
    let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    func refuse(_ argument: String, _ words: String, _ call: () throws -> Tensor) {
      let error = #expect(throws: OctetError.self) { try call() }
      #expect(error?.argument == argument, "\(error?.description ?? "")")
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    func tensorWise(_ scale: Double, _ zero: Int, _ low: Int = 0, _ high: Int = 255) throws
      -> Tensor
    {
      try Functional.fakeQuantizePerTensorAffine(
        x, scale: scale, zeroPoint: zero, quantMin: low, quantMax: high)
    }
    for scale in [0, -1, .nan, .infinity, 1e-60] {
      refuse("scale", "a positive finite scale") { try tensorWise(scale, 0) }
    }
    refuse("zero_point", "zero point 256") { try tensorWise(1, 256) }
    refuse("zero_point", "zero point -1") { try tensorWise(1, -1) }
    refuse("quant_min", "255 and 0") { try tensorWise(1, 0, 255, 0) }
    func channelWise(_ scales: [Float], _ zeros: QuantizationParameters.ZeroPoints, _ axis: Int)
      throws -> Tensor
    {
      try Functional.fakeQuantizePerChannelAffine(
        x, scales: scales, zeroPoints: zeros, axis: axis, quantMin: 0, quantMax: 255)
    }
    refuse("axis", "axis 2") { try channelWise([1, 1], .integer([0, 0]), 2) }
    refuse("scale", "3 scales") { try channelWise([1, 1, 1], .integer([0, 0, 0]), 0) }
    refuse("zero_point", "2 zero points") { try channelWise([1, 1], .integer([0]), 0) }
    refuse("zero_point", "finite zero points") { try channelWise([1, 1], .real([0, .nan]), 0) }
    refuse("scale", "expected dtype float32, received dtype float64") {
      try Functional.fakeQuantizePerChannelAffine(
        x, scale: Tensor([1, 1] as [Double], shape: [2]),
        zeroPoint: Tensor([0, 0] as [Int32], shape: [2]), axis: 0, quantMin: 0, quantMax: 255)
    }
    refuse("scale", "one scale") {
      try Functional.fakeQuantizePerTensorAffine(
        x, scale: Tensor([1, 1] as [Float], shape: [2]),
        zeroPoint: Tensor([0, 0] as [Int32], shape: [2]), quantMin: 0, quantMax: 255)
    }
    refuse("input", "received dtype int32") {
      try Functional.fakeQuantizePerTensorAffine(
        Tensor([1] as [Int32], shape: [1]), scale: 1, zeroPoint: 0, quantMin: 0, quantMax: 255)
    }
  }

  // MARK: Modules

  private func batch(_ seed: UInt64) throws -> Tensor {
    try Tensor(TestRandom(seed).floats(48, in: -Double(seed + 1)...2), shape: [4, 12])
  }

  @Test("observing and rounding are what the observer and the function give one after the other")
  func halves() throws {
    let module = ObserverFactory.defaultFakeQuant()
    let observer = try MovingAverageMinMaxObserver(reduceRange: true, quantMin: 0, quantMax: 255)
    for seed in 0..<5 as Range<UInt64> {
      let x = try batch(seed)
      try observer.observe(x)
      let parameters = try observer.calculateParameters()
      guard case .integer(let zeros) = parameters.zeroPoints else { continue }
      let expected: [Float] = try Functional.fakeQuantizePerTensorAffine(
        x, scale: Double(parameters.scales[0]), zeroPoint: zeros[0], quantMin: 0, quantMax: 127
      ).elements()
      #expect(try module.evaluate(x).elements() == expected)
      #expect(try module.calculateParameters() == parameters)
    }
  }

  @Test("switches act on every fake quantizer of a model and on nothing else")
  func switches() throws {
    let layers = [ReLU(), ReLU()]
    let model = Sequential(layers)
    let fake = ObserverFactory.defaultFakeQuant()
    let plain = try MinMaxObserver()
    layers[0].activationPostProcess = fake
    layers[1].activationPostProcess = plain
    let x = try batch(0)
    let quantizer = fake as? FakeQuantize
    disableFakeQuant(model)
    #expect(try model.evaluate(x).elements(as: Float.self) == x.relu().elements())
    #expect(plain.batchCount == 1)
    let before: [Float]? = try quantizer?.scale.value.elements()
    disableObserver(model)
    enableFakeQuant(model)
    let y: [Float] = try model.evaluate(try batch(5)).elements()
    #expect(try quantizer?.scale.value.elements() == before)
    #expect(plain.batchCount == 2, "plain observers go on")
    let step = before?[0] ?? 0
    #expect(y.allSatisfy { ($0 / step).rounded() * step == $0 })
    enableObserver(model)
    _ = try model.evaluate(try batch(6))
    #expect(try quantizer?.scale.value.elements() != before)
    #expect(quantizer?.observerEnabled.value.dtype == .uint8)
  }

  @Test("fused: the run-time rule while training, the observers' rule for conversion")
  func fused() throws {
    let module = ObserverFactory.defaultFusedWtFakeQuant() as? FakeQuantize
    var range: (Float, Float)?
    for seed in 0..<4 as Range<UInt64> {
      let x = try batch(seed)
      let values: [Float] = try x.elements()
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      if let (a, b) = range {
        range = (a + 0.01 * (low - a), b + 0.01 * (high - b))
      } else {
        range = (low, high)
      }
      let y: [Float]? = try module?.evaluate(x).elements()
      let chosen = try ParameterRules.chooseParameters(
        min: range?.0 ?? 0, max: range?.1 ?? 0, qmin: -128, qmax: 127, preserveSparsity: true)
      #expect(y == values.map { reference($0, Float(chosen.scale), chosen.zeroPoint, -128, 127) })
      #expect(try module?.scale.value.elements() == [Float(chosen.scale)])
      #expect(
        try module?.calculateParameters().scales
          == [max(-(range?.0 ?? 0), range?.1 ?? 0) / 127.5])
    }
  }

  @Test("fused: switches, fresh buffers, one-sided symmetric ranges, and NaN")
  func fusedEdges() throws {
    let module = try FusedMovingAvgObsFakeQuantize(
      observer: MovingAveragePerChannelMinMaxObserver.factory(
        dtype: .qint8, scheme: .perChannelSymmetric, quantMin: -128, quantMax: 127))
    let x = try Tensor([0, 1, 2, 255, -4, 0, 1, 2] as [Float], shape: [2, 4])
    module.enableObserver(false)
    module.enableFakeQuant(false)
    #expect(try module.evaluate(x) === x)
    module.enableFakeQuant()
    _ = try module.evaluate(x)
    #expect(try module.scale.value.elements(as: Float.self) == [0.1, 0.1])
    #expect(try module.zeroPoint.value.elements(as: Int32.self) == [127, 127])
    module.enableObserver()
    _ = try module.evaluate(x)
    #expect(try module.scale.value.elements(as: Float.self) == [1, 4 / 128])
    #expect(try module.zeroPoint.value.elements(as: Int32.self) == [-128, 0])
    let before = try module.stateDictionary().entries.map {
      try $0.tensor.converted(to: .float64).elements(as: Double.self)
    }
    let bad = try Tensor([0, 1, 2, .nan, -4, 0, 1, 2] as [Float], shape: [2, 4])
    let error = #expect(throws: OctetError.self) { try module.evaluate(bad) }
    #expect(error?.code == .invalidQuantizer)
    let after = try module.stateDictionary().entries.map {
      try $0.tensor.converted(to: .float64).elements(as: Double.self)
    }
    #expect(before == after, "a refused batch leaves no trace")
    let empty = try Tensor([] as [Float], shape: [2, 0])
    #expect(try module.evaluate(empty).count == 0)
  }

  @Test("observers that don't fit are refused")
  func observers() {
    for factory in [ObserverFactory.defaultPlaceholderObserver, .identity, .defaultDebugObserver] {
      let error = #expect(throws: OctetError.self) { try FakeQuantize(observer: factory) }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.description.contains(factory.name) == true)
    }
    let moving = #expect(throws: OctetError.self) {
      try FusedMovingAvgObsFakeQuantize(observer: .defaultObserver)
    }
    #expect(moving?.description.contains("a MovingAverageMinMaxObserver or") == true)
    let fixed = #expect(throws: OctetError.self) {
      try FixedQParamsFakeQuantize.factory(observer: .defaultObserver)
    }
    #expect(fixed?.description.contains("a FixedQParamsObserver") == true)
  }

  @Test("fixed parameters stay what they are")
  func fixed() throws {
    let module = ObserverFactory.defaultFixedQParamsRangeNeg1To1FakeQuant()
    for seed in 0..<3 as Range<UInt64> {
      let x = try batch(seed)
      let values: [Float] = try x.elements()
      #expect(
        try module.evaluate(x).elements() == values.map { reference($0, 1 / 128, 128, 0, 255) })
      #expect(try module.calculateParameters().scales == [1.0 / 128])
    }
  }
}
