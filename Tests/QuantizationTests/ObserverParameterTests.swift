import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

@Suite("From ranges to scales and zero points")
struct ObserverParameterTests {
  private static let edges: [Float] = [
    0, 1, -1, 2, -3.5, 127.5, 1e-30, -1e-30, 1e30, -1e30, 3e38, -3e38, .leastNonzeroMagnitude,
    -.leastNonzeroMagnitude, 0.1, 255,
  ]

  private func ranges(_ seed: UInt64) -> [(Float, Float)] {
    let random = TestRandom(seed)
    let drawn = (0..<300).map { _ -> (Float, Float) in
      let pair = random.floats(2, in: -Double(random.int(1...9))...Double(random.int(1...9)))
      return (min(pair[0], pair[1]), max(pair[0], pair[1]))
    }
    return drawn + Self.edges.flatMap { a in Self.edges.map { b in (min(a, b), max(a, b)) } }
  }

  private func observe(_ observer: MinMaxObserver, _ range: (Float, Float)) throws
    -> QuantizationParameters
  {
    try observer.observe(Tensor([range.0, range.1], shape: [2]))
    return try observer.calculateParameters()
  }

  @Test(
    "affine: one step, zero exact, both ends inside half a step of the grid's",
    arguments: [
      (DType.quint8, false, 0, 255), (.quint8, true, 0, 127), (.qint8, false, -128, 127),
      (.qint8, true, -64, 63), (.uint8, false, 0, 255), (.int16, false, -32768, 32767),
      (.quint4x2, false, 0, 15),
    ])
  func affine(dtype: DType, reduceRange: Bool, low: Int, high: Int) throws {
    for range in ranges(1) {
      let parameters = try observe(MinMaxObserver(dtype: dtype, reduceRange: reduceRange), range)
      let m = min(range.0, 0)
      let difference = max(range.1, 0) - m
      let expected =
        difference.isFinite
        ? difference / Float(high - low)
        : Float((Double(max(range.1, 0)) - Double(m)) / Double(high - low))
      #expect(parameters.scales == [max(expected, 0x1p-23)])
      #expect(parameters.scales[0].isFinite)
      let zero = Double(low) - Double((m / parameters.scales[0]).rounded(.toNearestOrEven))
      #expect(parameters.zeroPoints == .integer([Int(min(max(zero, Double(low)), Double(high)))]))
      #expect(parameters.axis == nil && parameters.dtype == dtype)
    }
  }

  @Test(
    "symmetric: half the number of steps, zero in the middle",
    arguments: [
      (DType.qint8, nil, nil, false, 127.5, 0), (.qint8, -127, 127, false, 127, 0),
      (.qint8, nil, nil, true, 63.5, 0), (.quint8, nil, nil, false, 127.5, 128),
      (.quint8, 0, 255, false, 127.5, 127), (.quint8, 0, 127, false, 63.5, 63),
      (.uint16, nil, nil, false, 32767.5, 32768), (.qint32, nil, nil, false, 2147483647.5, 0),
      (.qint8, -64, 63, true, 31.5, 0),
    ] as [(DType, Int?, Int?, Bool, Double, Int)])
  func symmetric(
    dtype: DType, low: Int?, high: Int?, reduceRange: Bool, divisor: Double, zero: Int
  ) throws {
    for range in ranges(2) {
      let observer = try MinMaxObserver(
        dtype: dtype, scheme: .perTensorSymmetric, reduceRange: reduceRange, quantMin: low,
        quantMax: high, eps: 0x1p-12)
      let parameters = try observe(observer, range)
      let reach = max(-range.0, range.1, 0)
      #expect(parameters.scales == [max(reach / Float(divisor), 0x1p-12)])
      #expect(parameters.zeroPoints == .integer([zero]))
    }
  }

  @Test("real zero points: zero isn't pulled into the range")
  func realZeroPoints() throws {
    let observer = try PerChannelMinMaxObserver(scheme: .perChannelAffineFloatQParams)
    try observer.observe(
      Tensor([1, 3.55, -2, -1, 4, 4, -3e38, 3e38] as [Float], shape: [4, 2]))
    let parameters = try observer.calculateParameters()
    let wide = Float(6e38 / 255)
    let first = (3.55 as Float - 1) / 255
    let second = 1 / 255 as Float
    #expect(abs(parameters.scales[3] / wide - 1) < 1e-6)
    #expect(Array(parameters.scales[..<3]) == [first, second, 1])
    guard case .real(let zeros) = parameters.zeroPoints else {
      Issue.record("real zero points")
      return
    }
    #expect(zeros[..<3] == [-1 / first, 2 / second, -4])
    #expect(abs(zeros[3] - 127.5) < 1e-3)
  }

  @Test("the widest range in the fewest steps")
  func widest() throws {
    let observer = try MinMaxObserver(quantMin: 0, quantMax: 1)
    let widest = Float.greatestFiniteMagnitude
    let parameters = try observe(observer, (-widest, widest))
    #expect(parameters.scales == [widest] && parameters.zeroPoints == .integer([1]))
  }

  // MARK: The run-time rule

  /// The rule written out once more, on doubles that hold the same float32 values.
  private func reference(_ low: Float, _ high: Float, _ qmin: Int, _ qmax: Int, sparse: Bool)
    -> (Double, Int)
  {
    var (a, b) = (Double(low), Double(high))
    let isBalanced = sparse && a < 0 && b > 0
    if isBalanced {
      let (bottom, top) = (Float(-((qmax - qmin) / 2 + 1)), Float((qmax - qmin) / 2))
      let k = Double(max(low / bottom, high / top))
      (a, b) = (Double(Float(k * Double(bottom))), Double(Float(k * Double(top))))
    }
    (a, b) = (min(a, 0), max(b, 0))
    var scale = (b - a) / Double(qmax - qmin)
    if Float(scale) == 0 || (1 / Float(scale)).isInfinite { scale = 0.1 }
    let floor = Double(6.1e-5 as Float)
    if scale < floor {
      if a == 0 {
        b = Double(Float(floor) * Float(qmax - qmin))
      } else if b == 0 {
        a = Double(-Float(floor) * Float(qmax - qmin))
      } else {
        let amplifier = Float(floor) / Float(scale)
        (a, b) = (Double(Float(a) * amplifier), Double(Float(b) * amplifier))
      }
      scale = floor
    }
    let errorLow = abs(Double(qmin)) - abs(a / scale)
    let errorHigh = abs(Double(qmax)) - abs(b / scale)
    var zero = errorLow < errorHigh ? Double(qmin) - a / scale : Double(qmax) - b / scale
    // Balancing may have rounded a denormal end to zero.
    if isBalanced && a < 0 && b > 0 { zero = Double(qmin + qmax) / 2 }
    zero = min(max(zero, Double(qmin)), Double(qmax))
    return (scale, Int(zero.rounded(.toNearestOrEven)))
  }

  @Test(
    "at run time", arguments: [(0, 255, false), (-128, 127, true), (0, 255, true), (-8, 7, true)])
  func runTime(qmin: Int, qmax: Int, sparse: Bool) throws {
    for range in ranges(3) where range.1 < 1e38 && range.0 > -1e38 {
      let chosen = try ParameterRules.chooseParameters(
        min: range.0, max: range.1, qmin: qmin, qmax: qmax, preserveSparsity: sparse)
      let expected = reference(range.0, range.1, qmin, qmax, sparse: sparse)
      #expect(chosen.scale == expected.0 && chosen.zeroPoint == expected.1, "\(range)")
      #expect(chosen.scale >= Double(6.1e-5 as Float) && (qmin...qmax).contains(chosen.zeroPoint))
    }
  }

  @Test("at run time, the widest range still has a scale that float32 holds")
  func widestAtRunTime() throws {
    let widest = Float.greatestFiniteMagnitude
    for (low, high) in [(-widest, widest), (-1, widest), (-widest, 1), (0, widest)] {
      for sparse in [false, true] {
        let chosen = try ParameterRules.chooseParameters(
          min: low, max: high, qmin: -128, qmax: 127, preserveSparsity: sparse)
        let exact = (Double(high) - Double(low)) / 255
        #expect(chosen.scale >= exact * (1 - 1e-7) && chosen.scale < exact * 2.1)
        #expect(Float(chosen.scale).isFinite)
      }
      let fewest = try ParameterRules.chooseParameters(min: low, max: high, qmin: 0, qmax: 1)
      #expect(Float(fewest.scale) <= widest && Float(fewest.scale) > widest / 2)
    }
  }

  @Test("known answers at run time")
  func knownAnswers() throws {
    func choose(_ values: [Float], reduceRange: Bool = false) throws -> (Double, Int) {
      let chosen = try Functional.chooseQParamsPerTensor(
        Tensor(values, shape: [values.count]), reduceRange: reduceRange)
      return (chosen.scale, chosen.zeroPoint)
    }
    #expect(try choose([0, 0]) == (0.1, 0))
    #expect(try choose([]) == (0.1, 0))
    #expect(try choose([0, 255]) == (1, 0))
    #expect(try choose([-255, 0]) == (1, 255))
    #expect(try choose([-127, 0], reduceRange: true) == (1, 127))
    #expect(try choose([-1, 1e-9]).0 == (1 + Double(1e-9 as Float)) / 255)
    #expect(try choose([1e-9]) == (Double(6.1e-5 as Float), 0))
    for bad in [Float.nan, .infinity, -.infinity] {
      let error = #expect(throws: OctetError.self) { try choose([1, bad]) }
      #expect(error?.code == .invalidQuantizer)
      #expect(error?.description.contains("expected finite values") == true)
    }
    let error = #expect(throws: OctetError.self) {
      try Functional.chooseQParams(
        Tensor([1] as [Float], shape: [1]), quantMin: 3, quantMax: 3, eps: 1e-6, dtype: .int8)
    }
    #expect(error?.argument == "quant_min" && error?.code == .invalidArgument)
  }

  @Test("every observer's parameters make a quantizer, whatever finite data came")
  func parametersAreLegal() throws {
    for batch in finiteBatches(5) {
      let x = try Tensor(batch, shape: [batch.count])
      let factories: [ObserverFactory] = [
        .defaultObserver, .defaultWeightObserver, .defaultHistogramObserver,
        .movingAverage, .weightObserverRangeNeg127To127,
        try HistogramObserver.factory(dtype: .qint8, scheme: .perTensorSymmetric),
        try MinMaxObserver.factory(dtype: .qint32),
      ]
      for factory in factories {
        let observer = factory()
        try observer.observe(x)
        let quantizer = try observer.calculateParameters().quantizer(for: [batch.count])
        #expect(quantizer.scheme == .perTensorAffine)
      }
      for axis in [0, 1] {
        let observer = try PerChannelMinMaxObserver(chAxis: axis)
        try observer.observe(x.view([1, batch.count]))
        _ = try observer.calculateParameters().quantizer(for: [1, batch.count])
      }
    }
  }
}

@Suite("quantize_per_tensor_dynamic")
struct DynamicQuantizationTests {
  /// Recorded from torch 2.8.
  @Test("Scale and zero point come from the tensor's own range, for both types")
  func ranges() throws {
    let x = try Tensor([Float(-1), 0.5, 2], shape: [3])
    func quantize(_ dtype: DType, _ reduced: Bool) throws -> Tensor {
      try Functional.quantizePerTensorDynamic(x, dtype: dtype, reduceRange: reduced)
    }
    let wide = try quantize(.quint8, false)
    #expect(try wide.qScale() == 0.011764705882352941 && wide.qZeroPoint() == 85)
    #expect(try wide.elements(as: UInt8.self) == [0, 127, 255])
    let narrow = try quantize(.quint8, true)
    #expect(try narrow.qScale() == 0.023622047244094488 && narrow.qZeroPoint() == 42)
    #expect(try narrow.elements(as: UInt8.self) == [0, 63, 127])
    let signed = try quantize(.qint8, false)
    #expect(try signed.qZeroPoint() == -43 && signed.elements(as: Int8.self) == [-128, -1, 127])
    let half = try quantize(.qint8, true)
    #expect(try half.qZeroPoint() == -22 && half.elements(as: Int8.self) == [-64, -1, 63])
    let error = #expect(throws: OctetError.self) { try quantize(.qint32, false) }
    #expect(error?.argument == "dtype")
  }
}
