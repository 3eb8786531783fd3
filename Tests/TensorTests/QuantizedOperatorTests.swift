import OctetTensor
import OctetTestSupport
import Testing

/// The output stage in words: float multiplier, ties to even, saturating.
private func requantized(
  _ acc: Double, bias: Float?, inputScale: Double, weightScale: Double, scale: Double, zero: Int,
  range: ClosedRange<Int>, relu: Bool
) -> Int {
  let product = Float(inputScale) * Float(weightScale)
  let multiplier = product / Float(scale)
  let sum = Float(acc) + (bias.map { $0 / product } ?? 0)
  let rounded = (sum * multiplier).rounded(.toNearestOrEven)
  let low = relu ? max(zero, range.lowerBound) : range.lowerBound
  return Int(min(max(Double(rounded) + Double(zero), Double(low)), Double(range.upperBound)))
}

@Suite("Quantized linear and convolution against integer arithmetic in double")
struct QuantizedOperatorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let seed: Int
    let perChannel: Bool
    let signed: Bool
    let relu: Bool
    var testDescription: String {
      "\(seed)\(perChannel ? " per channel" : "")\(signed ? " qint8" : "")\(relu ? " relu" : "")"
    }
  }

  static let cases = (0..<40).map {
    Case(seed: $0, perChannel: $0 % 2 == 0, signed: $0 % 3 == 0, relu: $0 % 5 == 0)
  }

  private func activations(_ count: Int, _ shape: [Int], _ c: Case, _ random: TestRandom) throws
    -> (tensor: Tensor, values: [Int])
  {
    if c.signed {
      let codes = random.signedBytes(count)
      let quantizer = try Quantizer(scale: 0.021, zeroPoint: -7, dtype: .qint8)
      return (
        try Tensor(integers: codes, shape: shape, dtype: .qint8, quantizer: quantizer),
        codes.map { Int($0) + 7 }
      )
    }
    let codes = random.bytes(count)
    let quantizer = try Quantizer(scale: 0.021, zeroPoint: 131, dtype: .quint8)
    return (
      try Tensor(integers: codes, shape: shape, dtype: .quint8, quantizer: quantizer),
      codes.map { Int($0) - 131 }
    )
  }

  private func weights(_ shape: [Int], _ c: Case, _ random: TestRandom) throws
    -> (tensor: Tensor, values: [Int], scales: [Double])
  {
    let codes = random.signedBytes(shape.reduce(1, *))
    let row = codes.count / shape[0]
    if c.perChannel {
      let scales = (0..<shape[0]).map { 0.002 + 0.0007 * Double($0) }
      let zeros = (0..<shape[0]).map { $0 % 3 - 1 }
      let quantizer = try Quantizer(
        scales: scales, zeroPoints: zeros, axis: 0, shape: shape, dtype: .qint8)
      return (
        try Tensor(integers: codes, shape: shape, dtype: .qint8, quantizer: quantizer),
        codes.enumerated().map { Int($1) - zeros[$0 / row] }, scales
      )
    }
    let quantizer = try Quantizer(scale: 0.0031, zeroPoint: 0, dtype: .qint8)
    return (
      try Tensor(integers: codes, shape: shape, dtype: .qint8, quantizer: quantizer),
      codes.map { Int($0) }, [Double](repeating: 0.0031, count: shape[0])
    )
  }

  @Test(arguments: cases)
  func linear(_ c: Case) throws {
    let random = TestRandom(UInt64(c.seed))
    let (m, n, k) = (random.int(1...20), random.int(1...70), random.int(1...90))
    let x = try activations(m * k, [m, k], c, random)
    let w = try weights([n, k], c, random)
    let bias = c.seed % 4 == 0 ? nil : random.floats(n, in: -2...2)
    let packed = try PackedLinear(
      weight: w.tensor, bias: bias.map { try Tensor($0, shape: [n]) })
    let (scale, zero) = (0.17, c.signed ? -3 : 60)
    let y = try Functional.quantizedLinear(
      x.tensor, packed, result: .quantized(scale: scale, zeroPoint: zero, relu: c.relu))
    let real: [Float] = try Functional.quantizedLinear(
      x.tensor, packed, result: .real(relu: c.relu)
    ).elements()
    let got = try integers(y)
    for row in 0..<m {
      for column in 0..<n {
        var acc = 0
        for i in 0..<k { acc += x.values[row * k + i] * w.values[column * k + i] }
        let expected = requantized(
          Double(acc), bias: bias?[column], inputScale: 0.021, weightScale: w.scales[column],
          scale: scale, zero: zero, range: c.signed ? -128...127 : 0...255, relu: c.relu)
        #expect(got[row * n + column] == expected)
        let product = Float(0.021) * Float(w.scales[column])
        let value = Float(acc) * product + (bias?[column] ?? 0)
        #expect(real[row * n + column] == (c.relu ? max(value, 0) : value))
      }
    }
  }

  @Test(arguments: cases)
  func convolution(_ c: Case) throws {
    let random = TestRandom(UInt64(1000 + c.seed))
    let rank = random.int(1...3)
    var reference = ReferenceConvolution()
    reference.batch = random.int(1...2)
    reference.groups = random.pick([1, 2, 5])
    let groupIn = random.pick([1, 3, 4])
    reference.inChannels = reference.groups * groupIn
    reference.outChannels = reference.groups * random.pick([1, 2, 9])
    for d in (3 - rank)..<3 {
      reference.input[d] = random.int(3...8)
      reference.kernel[d] = random.int(1...3)
      reference.stride[d] = random.int(1...2)
      reference.padding[d] = random.int(0...2)
      reference.dilation[d] = random.int(1...2)
    }
    guard reference.output.allSatisfy({ $0 > 0 }) else { return }
    let spatial = 3 - rank
    let shape = [reference.batch, reference.inChannels] + reference.input[spatial...]
    let x = try activations(shape.reduce(1, *), shape, c, random)
    let w = try weights(
      [reference.outChannels, groupIn] + reference.kernel[spatial...], c, random)
    let bias = random.floats(reference.outChannels, in: -1...1)
    let packed = try PackedConvolution(
      weight: w.tensor, bias: Tensor(bias, shape: [reference.outChannels]),
      stride: Array(reference.stride[spatial...]), padding: Array(reference.padding[spatial...]),
      dilation: Array(reference.dilation[spatial...]), groups: reference.groups)
    let (scale, zero) = (0.09, c.signed ? 12 : 128)
    let y = try Functional.quantizedConvolution(
      x.tensor, packed, result: .quantized(scale: scale, zeroPoint: zero, relu: c.relu))
    #expect(y.isChannelsLast)
    let acc = reference.run({ Double(x.values[$0]) }, { Double(w.values[$0]) })
    let got = try integers(y)
    let pixels = reference.output.reduce(1, *)
    for (i, sum) in acc.enumerated() {
      let o = i / pixels % reference.outChannels
      let expected = requantized(
        sum, bias: bias[o], inputScale: 0.021, weightScale: w.scales[o], scale: scale, zero: zero,
        range: c.signed ? -128...127 : 0...255, relu: c.relu)
      #expect(got[i] == expected)
    }
  }

  private func integers(_ tensor: Tensor) throws -> [Int] {
    tensor.dtype == .qint8
      ? try tensor.elements(as: Int8.self).map(Int.init)
      : try tensor.elements(as: UInt8.self).map(Int.init)
  }

  @Test func maxPoolIsTheFloatOneOnIntegers() throws {
    let random = TestRandom(5)
    let codes = random.bytes(2 * 3 * 7 * 6)
    let quantizer = try Quantizer(scale: 1, zeroPoint: 0, dtype: .quint8)
    let q = try Tensor(integers: codes, shape: [2, 3, 7, 6], dtype: .quint8, quantizer: quantizer)
    for (kernel, stride, padding) in [([2, 2], [2, 2], [0, 0]), ([3, 2], [2, 1], [1, 1])] {
      let integer = try Functional.maxPool(q, kernel: kernel, stride: stride, padding: padding)
      let real = try Functional.maxPool(
        q.dequantized(), kernel: kernel, stride: stride, padding: padding)
      #expect(try integer.dequantized().elements(as: Float.self) == real.elements(as: Float.self))
      #expect(integer.quantizer == quantizer)
    }
  }

  @Test func reluClampsAtTheZeroPoint() throws {
    let quantizer = try Quantizer(scale: 0.5, zeroPoint: 100, dtype: .quint8)
    let q = try Tensor(
      integers: [0, 99, 100, 101, 255] as [UInt8], shape: [5], dtype: .quint8, quantizer: quantizer)
    #expect(try Functional.relu(q).elements(as: UInt8.self) == [100, 100, 100, 101, 255])
  }
}
