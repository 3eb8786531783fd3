import OctetQuantization
import OctetTensor
import Testing

@Suite("Arguments of observers")
struct ObserverArgumentTests {
  private func expectRefusal(
    _ argument: String, _ words: String, _ location: SourceLocation = #_sourceLocation,
    _ make: () throws -> Any
  ) {
    let error = #expect(throws: OctetError.self, sourceLocation: location) { try make() }
    #expect(error?.code == .invalidConfiguration, sourceLocation: location)
    #expect(error?.argument == argument, sourceLocation: location)
    #expect(
      error?.description.contains(words) == true, "\(error?.description ?? "")",
      sourceLocation: location)
  }

  @Test("schemes belong to observers of their kind")
  func schemes() {
    for scheme in QScheme.allCases {
      if scheme.isPerChannel {
        expectRefusal("qscheme", "a per-tensor scheme") { try MinMaxObserver(scheme: scheme) }
        expectRefusal("qscheme", "received \(scheme.rawValue)") {
          try MovingAverageMinMaxObserver.factory(scheme: scheme)
        }
        expectRefusal("qscheme", "HistogramObserver: qscheme") {
          try HistogramObserver(scheme: scheme)
        }
        expectRefusal("qscheme", "a per-tensor scheme") {
          try FixedQParamsObserver(scale: 1, zeroPoint: 0, scheme: scheme)
        }
      } else {
        expectRefusal("qscheme", "a per-channel scheme") {
          try PerChannelMinMaxObserver(scheme: scheme)
        }
        expectRefusal("qscheme", "a per-channel scheme") {
          try MovingAveragePerChannelMinMaxObserver.factory(scheme: scheme)
        }
      }
    }
  }

  @Test("types, eps, ranges, bins and averaging constants")
  func values() {
    for dtype in [DType.float32, .float16, .int64, .bool, .quint2x4] {
      expectRefusal("dtype", "received \(dtype.rawValue)") { try MinMaxObserver(dtype: dtype) }
    }
    for eps in [Float(0), -1, .nan, .infinity] {
      expectRefusal("eps", "a positive finite number") { try MinMaxObserver(eps: eps) }
    }
    expectRefusal("quant_min", "a quantization range that holds 0, received 5...100") {
      try MinMaxObserver(quantMin: 5, quantMax: 100)
    }
    expectRefusal("quant_min", "quant_min below quant_max, received 10 and -10") {
      try MinMaxObserver(quantMin: 10, quantMax: -10)
    }
    expectRefusal("quant_max", "quant_min and quant_max together") {
      try MinMaxObserver(quantMin: 0)
    }
    expectRefusal("quant_min", "quant_min and quant_max together") {
      try HistogramObserver(quantMax: 127)
    }
    expectRefusal("quant_min", "inside that of quint8, received 0...300") {
      try MinMaxObserver(quantMin: 0, quantMax: 300)
    }
    expectRefusal("quant_min", "inside that of qint8") {
      try PerChannelMinMaxObserver(dtype: .qint8, quantMin: 0, quantMax: 255)
    }
    expectRefusal("reduce_range", "a range that can be halved") {
      try MinMaxObserver(reduceRange: true, quantMin: 0, quantMax: 1)
    }
    for dtype in [DType.quint8, .uint8] {
      expectRefusal("reduce_range", "false for a symmetric scheme of \(dtype.rawValue)") {
        try MinMaxObserver(dtype: dtype, scheme: .perTensorSymmetric, reduceRange: true)
      }
      expectRefusal("reduce_range", "use qint8") {
        try PerChannelMinMaxObserver(dtype: dtype, scheme: .perChannelSymmetric, reduceRange: true)
      }
    }
    for bins in [0, -1, 1 << 20 + 1, Int.max] {
      expectRefusal("bins", "1 to 1048576 bins, received \(bins)") {
        try HistogramObserver(bins: bins)
      }
    }
    for constant in [-0.1, 1.1, .nan, .infinity] {
      expectRefusal("averaging_constant", "a number in 0...1") {
        try MovingAverageMinMaxObserver(averagingConstant: constant)
      }
      expectRefusal("averaging_constant", "a number in 0...1") {
        try MovingAveragePerChannelMinMaxObserver(averagingConstant: constant)
      }
    }
  }

  @Test("run-time parameters are for observers without memory")
  func dynamic() throws {
    expectRefusal("is_dynamic", "doesn't support dynamic quantization") {
      try HistogramObserver(isDynamic: true)
    }
    expectRefusal("is_dynamic", "PerChannelMinMaxObserver") {
      try PerChannelMinMaxObserver(isDynamic: true)
    }
    expectRefusal("is_dynamic", "MovingAveragePerChannelMinMaxObserver") {
      try MovingAveragePerChannelMinMaxObserver.factory(isDynamic: true)
    }
    expectRefusal("averaging_constant", "1 for a dynamic observer") {
      try MovingAverageMinMaxObserver(isDynamic: true)
    }
    #expect(try MovingAverageMinMaxObserver(averagingConstant: 1, isDynamic: true).isDynamic)
    #expect(try MinMaxObserver(isDynamic: true).isDynamic)
  }

  @Test("fixed parameters are legal ones")
  func fixed() {
    for scale in [0, -1, .nan, .infinity, 1e-60, 1e60] {
      expectRefusal("scale", "a positive finite scale") {
        try FixedQParamsObserver(scale: scale, zeroPoint: 0)
      }
    }
    for zero in [-1, 256] {
      expectRefusal("zero_point", "a zero point in 0...255, received \(zero)") {
        try FixedQParamsObserver.factory(scale: 1, zeroPoint: zero)
      }
    }
    expectRefusal("quant_min", "both in the range of qint8") {
      try FixedQParamsObserver(scale: 1, zeroPoint: 0, dtype: .qint8)
    }
    expectRefusal("dtype", "a quantized or integer dtype") {
      try FixedQParamsObserver(scale: 1, zeroPoint: 0, dtype: .float32)
    }
  }

  @Test("the integers in use")
  func integers() throws {
    func range(_ dtype: DType, reduce: Bool = false, _ low: Int? = nil, _ high: Int? = nil) throws
      -> ClosedRange<Int>
    {
      let settings = try MinMaxObserver(
        dtype: dtype, reduceRange: reduce, quantMin: low, quantMax: high
      ).settings
      return settings.quantMin...settings.quantMax
    }
    #expect(try range(.quint8) == 0...255 && range(.quint8, reduce: true) == 0...127)
    #expect(try range(.qint8) == -128...127 && range(.qint8, reduce: true) == -64...63)
    #expect(try range(.quint8, reduce: true, 0, 255) == 0...127)
    #expect(try range(.qint8, reduce: true, -127, 127) == -64...63)
    #expect(try range(.quint4x2) == 0...15 && range(.quint4x2, reduce: true) == 0...15)
    #expect(try range(.uint16) == 0...65535 && range(.int16, reduce: true) == -32768...32767)
    #expect(try range(.qint32) == -2_147_483_648...2_147_483_647)
  }
}
