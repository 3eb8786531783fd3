import OctetTensor
import OctetTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A function of one operand: on real tensors, on quantized ones, and in double.
private struct Function: Sendable, CustomTestStringConvertible {
  let name: String
  let real: @Sendable (Tensor) throws -> Tensor
  /// With an output scale and zero point; nil where the result keeps the input's, or has fixed ones.
  var given: (@Sendable (Tensor, Double, Int) throws -> Tensor)?
  /// The output's scale and zero point for quint8 and for qint8, where they are fixed.
  var fixed: (scale: Double, unsigned: Int, signed: Int)?
  let exact: @Sendable (Double) -> Double
  var testDescription: String { name }

  static let all: [Function] = [
    Function(
      name: "hardswish", real: { try Functional.hardswish($0) },
      given: { try Functional.hardswish($0, scale: $1, zeroPoint: $2) },
      exact: { $0 * min(max($0 + 3, 0), 6) / 6 }),
    Function(
      name: "leaky_relu", real: { try Functional.leakyReLU($0, negativeSlope: 0.3) },
      given: { try Functional.leakyReLU($0, negativeSlope: 0.3, scale: $1, zeroPoint: $2) },
      exact: { $0 > 0 ? $0 : 0.3 * $0 }),
    Function(
      name: "elu", real: { try Functional.elu($0, alpha: 1.4) },
      given: { try Functional.elu($0, alpha: 1.4, scale: $1, zeroPoint: $2) },
      exact: { $0 < 0 ? 1.4 * expm1($0) : $0 }),
    Function(
      name: "celu", real: { try Functional.celu($0, alpha: 0.7) },
      given: { try Functional.celu($0, alpha: 0.7, scale: $1, zeroPoint: $2) },
      exact: { $0 < 0 ? 0.7 * expm1($0 / 0.7) : $0 }),
    Function(
      name: "sigmoid", real: { try Functional.sigmoid($0) },
      given: { try Functional.sigmoid($0, scale: $1, zeroPoint: $2) },
      fixed: (1.0 / 256, 0, -128), exact: { 1 / (1 + exp(-$0)) }),
    Function(
      name: "tanh", real: { try Functional.tanh($0) }, fixed: (2.0 / 256, 128, 0),
      exact: { tanh($0) }),
    Function(
      name: "hardsigmoid", real: { try Functional.hardsigmoid($0) }, fixed: (1.0 / 256, 0, -128),
      exact: { min(max($0 + 3, 0), 6) / 6 }),
    Function(
      name: "gelu", real: { try Functional.gelu($0) },
      exact: { $0 * (1 + erf($0 / 2.0.squareRoot())) / 2 }),
    Function(
      name: "gelu tanh", real: { try Functional.gelu($0, approximate: .tanh) },
      exact: {
        0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
      }
    ),
    Function(
      name: "threshold", real: { try Functional.threshold($0, threshold: 0, value: -0.25) },
      exact: { $0 > 0 ? $0 : -0.25 }),
    Function(name: "relu6", real: { try Functional.relu6($0) }, exact: { min(max($0, 0), 6) }),
    Function(
      name: "hardtanh", real: { try Functional.hardtanh($0, min: -0.5, max: 0.75) },
      exact: { min(max($0, -0.5), 0.75) }),
    Function(
      name: "clamp", real: { try Functional.clamp($0, max: 0.5) }, exact: { min($0, 0.5) }),
  ]
}

/// Scales and zero points of which some make ties, some saturate.
private struct Parameters {
  let scale: Double
  let zeroPoint: Int

  static func random(_ random: TestRandom, _ dtype: DType) throws -> Parameters {
    let range = try #require(dtype.integerRange)
    let scales = [0.05, 0.03125, 0.5, 1e-4, 3.7, 0.02 + Double(random.int(0...1000)) * 1e-4]
    let zeros = [range.lowerBound, range.upperBound, random.int(range)]
    return Parameters(scale: random.pick(scales), zeroPoint: random.pick(zeros))
  }
}

@Suite("Functions of one operand")
struct ElementwiseFunctionTests {
  /// Every code, `repeats` times.
  private func codes(_ dtype: DType, _ parameters: Parameters, repeats: Int) throws -> Tensor {
    let quantizer = try Quantizer(
      scale: parameters.scale, zeroPoint: parameters.zeroPoint, dtype: dtype)
    let bytes = (0..<(256 * repeats)).map { UInt8(truncatingIfNeeded: $0) }
    let shape = [2, 128 * repeats]
    if dtype == .quint8 {
      return try Tensor(integers: bytes, shape: shape, dtype: dtype, quantizer: quantizer)
    }
    return try Tensor(
      integers: bytes.map { Int8(bitPattern: $0) }, shape: shape, dtype: dtype,
      quantizer: quantizer)
  }

  private func integers(_ tensor: Tensor) throws -> [Int64] {
    try tensor.integerRepresentation().converted(to: .int64).elements()
  }

  /// What the whole operator should give: dequantize, the real function, quantize, each by its own kernel.
  private func composed(_ x: Tensor, _ result: Tensor, _ function: Function) throws -> [Int64] {
    let real = try function.real(x.dequantized())
    return try integers(
      Functional.quantizePerTensor(
        real, scale: result.qScale(), zeroPoint: result.qZeroPoint(), dtype: x.dtype))
  }

  @Test("A table gives what dequantizing, computing and quantizing give", arguments: Function.all)
  private func tables(_ function: Function) throws {
    let random = TestRandom(3)
    for turn in 0..<50 {
      let dtype: DType = turn % 2 == 0 ? .quint8 : .qint8
      let x = try codes(dtype, .random(random, dtype), repeats: 1 + turn % 3)
      let kept = try function.real(x)
      #expect(try integers(kept) == composed(x, kept, function))
      if let fixed = function.fixed {
        #expect(try kept.qScale() == fixed.scale)
        #expect(try kept.qZeroPoint() == (dtype == .quint8 ? fixed.unsigned : fixed.signed))
      } else {
        #expect(kept.quantizer == x.quantizer)
      }
      if let given = function.given {
        let output = try Parameters.random(random, dtype)
        let y = try given(x, output.scale, output.zeroPoint)
        #expect(try y.qScale() == output.scale && y.qZeroPoint() == output.zeroPoint)
        #expect(try integers(y) == composed(x, y, function))
      }
    }
  }

  @Test("Few elements, which need no table, give the same", arguments: Function.all)
  private func fewElements(_ function: Function) throws {
    let x = try codes(.quint8, Parameters(scale: 0.04, zeroPoint: 101), repeats: 1)
    let all = try integers(function.real(x))
    for length in [1, 7, 127] {
      let few = try function.real(x.slice(dim: 1, 0..<length))
      #expect(few.shape == [2, length])
      #expect(try integers(few) == Array(all[0..<length]) + Array(all[128..<(128 + length)]))
    }
  }

  @Test("Real functions agree with double arithmetic", arguments: Function.all)
  private func realFunctions(_ function: Function) throws {
    let values = TestRandom(5).floats(4000, in: -9...9) + [0, -0.0, 30, -30, 6, -3, 3]
    let y: [Float] = try function.real(Tensor(values, shape: [values.count])).elements()
    for (x, y) in zip(values, y) {
      let want = function.exact(Double(x))
      #expect(
        abs(Double(y) - want) <= 2e-6 * max(1, abs(want)), "\(function.name)(\(x)) is \(y)")
    }
    let nan: [Float] = try function.real(Tensor([Float.nan], shape: [1])).elements()
    #expect(nan[0].isNaN)
  }

  @Test("Memory formats and strides don't change results", arguments: Function.all)
  private func layouts(_ function: Function) throws {
    let random = TestRandom(9)
    let quantizer = try Quantizer(scale: 0.06, zeroPoint: 120, dtype: .quint8)
    let x = try Tensor(
      integers: random.bytes(2 * 3 * 5 * 12), shape: [2, 3, 5, 12], dtype: .quint8,
      quantizer: quantizer)
    let y = try function.real(x)
    let last = try function.real(x.contiguous(.channelsLast))
    #expect(last.isChannelsLast)
    #expect(try integers(last) == integers(y))
    let strided = try function.real(x.slice(dim: 3, 0..<12, step: 2))
    #expect(try integers(strided) == integers(y.slice(dim: 3, 0..<12, step: 2)))
    #expect(try function.real(x.slice(dim: 0, 0..<0)).shape == [0, 3, 5, 12])
  }

  @Test("Wide integers are computed one by one", arguments: Function.all)
  private func wideIntegers(_ function: Function) throws {
    let quantizer = try Quantizer(scale: 0.01, zeroPoint: 5, dtype: .qint32)
    let values: [Int32] = [.min, -100_000, -301, -300, 0, 5, 6, 105, 605, 606, 40000, .max]
    let x = try Tensor(integers: values, shape: [12], dtype: .qint32, quantizer: quantizer)
    let y = try function.real(x)
    let clips = ["relu6", "hardtanh", "clamp"].contains(function.name)
    if !clips { #expect(try integers(y) == composed(x, y, function)) }
    let real: [Float] = try y.dequantized().elements()
    // The difference to the zero point wraps around for the first; fixed scales hold values up to 1/2 or 1.
    for (q, r) in zip(values, real).dropFirst() {
      let top = function.name.hasSuffix("sigmoid") ? 0.5 : .infinity
      let want = min(function.exact(0.01 * (Double(q) - 5)), top)
      #expect(abs(Double(r) - want) <= 0.006 + 1e-6 * abs(want), "\(function.name) of code \(q)")
    }
  }
}

@Suite("Functions of one operand refuse what they can't compute")
struct ElementwiseFunctionErrorTests {
  private func quantized() throws -> Tensor {
    let quantizer = try Quantizer(scale: 0.1, zeroPoint: 3, dtype: .quint8)
    return try Tensor(
      integers: [UInt8](repeating: 7, count: 6), shape: [2, 3], dtype: .quint8,
      quantizer: quantizer)
  }

  private func perChannel() throws -> Tensor {
    let quantizer = try Quantizer(
      scales: [0.1, 0.2], zeroPoints: [0, 1], axis: 0, shape: [2, 3], dtype: .quint8)
    return try Tensor(
      integers: [UInt8](repeating: 7, count: 6), shape: [2, 3], dtype: .quint8,
      quantizer: quantizer)
  }

  @Test(arguments: Function.all)
  private func typesAndSchemes(_ function: Function) throws {
    let channels = #expect(throws: OctetError.self) { try function.real(perChannel()) }
    #expect(channels?.code == .invalidQuantizer)
    #expect(channels?.description.contains("per-channel") == true)
    let integers = #expect(throws: OctetError.self) {
      try function.real(Tensor([Int64(1)], shape: [1]))
    }
    #expect(integers?.code == .dtypeMismatch)
    guard let given = function.given else { return }
    let plain = #expect(throws: OctetError.self) {
      try given(Tensor([Float(1)], shape: [1]), 0.1, 0)
    }
    #expect(plain?.code == .quantizationMismatch)
    #expect(plain?.description.contains("quantized") == true)
    for scale in [0, -0.1, .nan, .infinity] {
      let error = #expect(throws: OctetError.self) { try given(quantized(), scale, 0) }
      #expect(error?.code == .invalidQuantizer && error?.argument == "scale")
    }
    let zero = #expect(throws: OctetError.self) { try given(quantized(), 0.1, 256) }
    #expect(zero?.argument == "zero_point")
  }

  @Test func attributes() throws {
    let x = try quantized()
    #expect(throws: OctetError.self) { try Functional.celu(x, alpha: 0) }
    #expect(throws: OctetError.self) { try Functional.clamp(x, min: .nan) }
    let order = #expect(throws: OctetError.self) { try Functional.hardtanh(x, min: 2, max: 1) }
    #expect(order?.argument == "min_val")
  }

  @Test func eagerCallsLeaveTheirErrorToTheScope() throws {
    let x = try perChannel()
    let error = #expect(throws: OctetError.self) {
      try collectingErrors { x.sigmoid().tanh().relu6() }
    }
    #expect(error?.operation == "sigmoid")
  }
}
