import OctetTensor
import Testing

@Suite("Decomposed quantize and dequantize")
struct DecomposedTests {
  @Test(
    "Per tensor: rounds to even before the zero point comes, clamps, and takes NaN as the largest")
  func quantizePerTensor() throws {
    let x = try Tensor([Float(0.5), 1.5, 2.5, -0.5, 1000, -.infinity, .nan], shape: [7])
    let q = try QuantizedDecomposed.quantizePerTensor(
      x, scale: 1, zeroPoint: 3, quantMin: -128, quantMax: 100, dtype: .int8)
    #expect(q.dtype == .int8 && !q.isQuantized)
    #expect(try q.elements(as: Int8.self) == [3, 5, 5, 3, 100, -128, 100])
    let wide = try QuantizedDecomposed.quantizePerTensor(
      x, scale: 1, zeroPoint: 0, quantMin: Int(Int32.min), quantMax: Int(Int32.max), dtype: .int32)
    #expect(
      try wide.elements(as: Int32.self) == [0, 2, 2, 0, 1000, .min, .max])
    let half = try QuantizedDecomposed.quantizePerTensor(
      x.converted(to: .float16), scale: 0.5, zeroPoint: 0, quantMin: 0, quantMax: 255,
      dtype: .uint8)
    #expect(try half.elements(as: UInt8.self) == [1, 3, 5, 0, 255, 0, 255])
  }

  @Test("Per tensor: the reciprocal is taken in double and rounded once")
  func reciprocal() throws {
    let scale = 0.00214854861
    let x = try Tensor([Float(0.273939937)], shape: [1])
    let q = try QuantizedDecomposed.quantizePerTensor(
      x, scale: scale, zeroPoint: 0, quantMin: 0, quantMax: 255, dtype: .uint8)
    #expect(
      try q.elements(as: UInt8.self)
        == [UInt8((Float(0.273939937) * Float(1 / scale)).rounded(.toNearestOrEven))])
  }

  @Test("Dequantize is (q - zero) * scale for every span")
  func dequantize() throws {
    let q = try Tensor([Int8(-128), 0, 127, 5], shape: [2, 2])
    let tensor = try QuantizedDecomposed.dequantizePerTensor(
      q, scale: 0.5, zeroPoint: 2, quantMin: -128, quantMax: 127, dtype: .int8)
    #expect(try tensor.elements(as: Float.self) == [-65, -1, 62.5, 1.5])
    let scales = try Tensor([0.5, 2.0], shape: [2])
    let zeros = try Tensor([Int64(1), -1], shape: [2])
    let channel = try QuantizedDecomposed.dequantizePerChannel(
      q, scales: scales, zeroPoints: zeros, axis: 1, quantMin: -128, quantMax: 127, dtype: .int8)
    #expect(try channel.elements(as: Float.self) == [-64.5, 2, 63, 12])
    let rows = try QuantizedDecomposed.dequantizePerToken(
      q, scales: scales.view([2, 1]), zeroPoints: zeros.view([2, 1]), quantMin: -128,
      quantMax: 127, dtype: .int8)
    #expect(try rows.elements(as: Float.self) == [-64.5, -0.5, 256, 12])
    let group = try QuantizedDecomposed.dequantizePerChannelGroup(
      q, scales: Tensor([Float(0.5), 2], shape: [2, 1]), zeroPoints: zeros.view([2, 1]),
      quantMin: -128, quantMax: 127, dtype: .int8, groupSize: 128)
    #expect(try group.elements(as: Float.self) == [-64.5, -0.5, 256, 12])
  }

  @Test("Tokens and groups add the zero point before rounding, channels after it")
  func order() throws {
    let x = try Tensor([Float(0.5), 1.5], shape: [1, 2])
    let one = try Tensor([1.0], shape: [1, 1])
    let zero = try Tensor([Int64(1)], shape: [1, 1])
    let token = try QuantizedDecomposed.quantizePerToken(
      x, scales: one, zeroPoints: zero, quantMin: -128, quantMax: 127, dtype: .int8)
    #expect(try token.elements(as: Int8.self) == [2, 2])
    let group = try QuantizedDecomposed.quantizePerChannelGroup(
      x, scales: one.converted(to: .float32), zeroPoints: zero, quantMin: -128, quantMax: 127,
      dtype: .int8, groupSize: 2)
    #expect(try group.elements(as: Int8.self) == [2, 2])
    let channel = try QuantizedDecomposed.quantizePerChannel(
      x, scales: one.view([1]), zeroPoints: zero.view([1]), axis: 0, quantMin: -128,
      quantMax: 127, dtype: .int8)
    #expect(try channel.elements(as: Int8.self) == [1, 3])
  }

  @Test("Parameters of tokens: symmetric and asymmetric, rows of zeros and one-sided rows")
  func tokenParameters() throws {
    let x = try Tensor([Float(0), 0, -127, 12.7, 0, 255, -255, 0], shape: [4, 2])
    let symmetric = try QuantizedDecomposed.chooseQParamsPerToken(x)
    #expect(
      try symmetric.scale.elements(as: Float.self) == [
        Float(1e-5) / 127, 1, Float(255) / 127, Float(255) / 127,
      ])
    #expect(try symmetric.zeroPoint.elements(as: Float.self) == [0, 0, 0, 0])
    let affine = try QuantizedDecomposed.chooseQParamsPerTokenAsymmetric(x)
    #expect(affine.scale.shape == [4, 1])
    #expect(
      try affine.scale.elements(as: Double.self) == [
        Double(Float.ulpOfOne), Double(Float(139.7) / 255), 1, 1,
      ])
    #expect(try affine.zeroPoint.elements(as: Int64.self)[2...] == [-128, 127])
  }

  @Test("Mistakes are refused with the argument's name")
  func mistakes() throws {
    let x = try Tensor([Float](repeating: 1, count: 6), shape: [2, 3])
    func refusal(_ body: () throws -> Tensor) -> String {
      do {
        _ = try body()
        return "accepted"
      } catch {
        return (error as? OctetError)?.argument ?? "untyped"
      }
    }
    func perTensor(_ scale: Double, _ low: Int, _ high: Int, _ dtype: DType) -> String {
      refusal {
        try QuantizedDecomposed.quantizePerTensor(
          x, scale: scale, zeroPoint: 0, quantMin: low, quantMax: high, dtype: dtype)
      }
    }
    #expect(perTensor(0, 0, 255, .uint8) == "scales")
    #expect(perTensor(.nan, 0, 255, .uint8) == "scales")
    #expect(perTensor(1, -1, 255, .uint8) == "quant_min")
    #expect(perTensor(1, 5, 4, .uint8) == "quant_min")
    #expect(perTensor(1, 0, 255, .quint8) == "dtype")
    #expect(perTensor(1, 0, 1, .float32) == "dtype")
    func channel(_ count: Int, _ zeros: Int, axis: Int) -> String {
      refusal {
        try QuantizedDecomposed.quantizePerChannel(
          x, scales: Tensor([Double](repeating: 1, count: count), shape: [count]),
          zeroPoints: Tensor([Int64](repeating: 0, count: zeros), shape: [zeros]), axis: axis,
          quantMin: 0, quantMax: 255, dtype: .uint8)
      }
    }
    #expect(channel(2, 2, axis: 0) == "accepted")
    #expect(channel(3, 2, axis: 0) == "scales")
    #expect(channel(2, 3, axis: 0) == "zero_points")
    #expect(channel(2, 2, axis: 2) == "axis")
    func group(_ size: Int) -> String {
      refusal {
        try QuantizedDecomposed.quantizePerChannelGroup(
          x, scales: Tensor([Float](repeating: 1, count: 2), shape: [2, 1]),
          zeroPoints: Tensor([Int64](repeating: 0, count: 2), shape: [2, 1]), quantMin: 0,
          quantMax: 255, dtype: .uint8, groupSize: size)
      }
    }
    #expect(group(3) == "accepted")
    #expect(group(2) == "group_size")
    #expect(group(1) == "group_size")
  }
}
