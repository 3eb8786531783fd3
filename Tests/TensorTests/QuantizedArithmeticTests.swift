import OctetTensor
import OctetTestSupport
import Testing

/// Plain arithmetic in the kernels' order of rounding, written apart from them.
private struct Operand {
  let tensor: Tensor
  let codes: [Int]
  let scale: Float
  let zero: Int

  static func random(_ random: TestRandom, _ shape: [Int], _ dtype: DType) throws -> Operand {
    let count = shape.reduce(1, *)
    let scale = random.pick([0.05, 0.5, 0.0217, 1e-3, 2.5])
    let range = try #require(dtype.integerRange)
    let zero = random.pick([range.lowerBound, range.upperBound, random.int(range)])
    let quantizer = try Quantizer(scale: scale, zeroPoint: zero, dtype: dtype)
    let bytes = random.bytes(count)
    let (tensor, codes) =
      if dtype == .quint8 {
        (
          try Tensor(integers: bytes, shape: shape, dtype: dtype, quantizer: quantizer),
          bytes.map(Int.init)
        )
      } else {
        (
          try Tensor(
            integers: bytes.map { Int8(bitPattern: $0) }, shape: shape, dtype: dtype,
            quantizer: quantizer), bytes.map { Int(Int8(bitPattern: $0)) }
        )
      }
    return Operand(tensor: tensor, codes: codes, scale: Float(scale), zero: zero)
  }

  func real(_ i: Int) -> Float { scale * Float(codes[i] - zero) }
}

private func rounded(_ steps: Float, _ zero: Int, _ dtype: DType, relu: Bool = false) -> Int64 {
  let range = dtype.integerRange ?? 0...0
  let low = relu ? max(zero, range.lowerBound) : range.lowerBound
  let value = Double(steps.rounded(.toNearestOrEven)) + Double(zero)
  return Int64(min(max(value, Double(low)), Double(range.upperBound)))
}

private func integers(_ tensor: Tensor) throws -> [Int64] {
  try tensor.integerRepresentation().converted(to: .int64).elements()
}

@Suite("Arithmetic of quantized tensors")
struct QuantizedArithmeticTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let seed: Int
    var dtype: DType { seed % 2 == 0 ? .quint8 : .qint8 }
    var relu: Bool { seed % 3 == 0 }
    /// An output that some results leave.
    var output: (scale: Double, zero: Int) {
      ([0.1, 0.02, 1.7][seed % 3], [0, 40, 127][seed / 3 % 3])
    }
    var testDescription: String { "\(seed) \(dtype.rawValue)\(relu ? " relu" : "")" }
  }
  static let cases = (0..<24).map { Case(seed: $0) }

  @Test(arguments: cases)
  func sumsAndProducts(_ c: Case) throws {
    let random = TestRandom(UInt64(c.seed))
    let shape = [random.int(1...5), random.int(1...9), random.int(1...40)]
    let (x, y) = (
      try Operand.random(random, shape, c.dtype), try Operand.random(random, shape, c.dtype)
    )
    let (so, zo) = c.output
    let sum = try Functional.quantizedAdd(
      x.tensor, y.tensor, scale: so, zeroPoint: zo, relu: c.relu)
    let product = try Functional.quantizedMultiply(
      x.tensor, y.tensor, scale: so, zeroPoint: zo, relu: c.relu)
    let inverse = 1 / Float(so)
    let multiplier = x.scale * y.scale * inverse
    #expect(sum.dtype == c.dtype && product.shape == shape)
    #expect(
      try integers(sum)
        == x.codes.indices.map {
          rounded((x.real($0) + y.real($0)) * inverse, zo, c.dtype, relu: c.relu)
        })
    #expect(
      try integers(product)
        == x.codes.indices.map {
          let exact = Float((x.codes[$0] - x.zero) * (y.codes[$0] - y.zero))
          return rounded(exact * multiplier, zo, c.dtype, relu: c.relu)
        })
  }

  @Test(arguments: [
    ([4, 1, 6], [1, 3, 6], [4, 3, 6]), ([3, 4, 5], [5], [3, 4, 5]), ([], [2, 3], [2, 3]),
    ([1], [7], [7]), ([2, 0], [2, 1], [2, 0]), ([2, 3, 4, 5], [1, 3, 1, 1], [2, 3, 4, 5]),
  ])
  func broadcasting(_ a: [Int], _ b: [Int], _ shape: [Int]) throws {
    let random = TestRandom(8)
    let (x, y) = (try Operand.random(random, a, .quint8), try Operand.random(random, b, .quint8))
    let whole = (
      try x.tensor.expanded(shape).contiguous(), try y.tensor.expanded(shape).contiguous()
    )
    for (p, q) in [(x.tensor, y.tensor), (y.tensor, x.tensor)] {
      let sum = try Functional.quantizedAdd(p, q, scale: 0.3, zeroPoint: 90)
      #expect(sum.shape == shape)
      #expect(
        try integers(sum)
          == integers(
            Functional.quantizedAdd(whole.0, whole.1, scale: 0.3, zeroPoint: 90)))
    }
  }

  @Test func layoutsDontChangeResults() throws {
    let random = TestRandom(4)
    let (x, y) = (
      try Operand.random(random, [2, 3, 4, 6], .qint8),
      try Operand.random(random, [2, 3, 4, 6], .qint8)
    )
    let want = try integers(
      Functional.quantizedMultiply(x.tensor, y.tensor, scale: 0.3, zeroPoint: -3))
    let last = try Functional.quantizedMultiply(
      x.tensor.contiguous(.channelsLast), y.tensor, scale: 0.3, zeroPoint: -3)
    #expect(last.isChannelsLast)
    #expect(try integers(last) == want)
    let transposed = try Functional.quantizedMultiply(
      x.tensor.transposed(0, 3), y.tensor.transposed(0, 3), scale: 0.3, zeroPoint: -3)
    #expect(try integers(transposed.transposed(0, 3)) == want)
  }

  @Test func wideIntegers() throws {
    let quantizer = try Quantizer(scale: 0.5, zeroPoint: 1, dtype: .qint32)
    let values: [Int32] = [-2_000_000_000, -7, 1, 2, 100_001, .max]
    let x = try Tensor(integers: values, shape: [6], dtype: .qint32, quantizer: quantizer)
    let sum = try Functional.quantizedAdd(x, x, scale: 0.5, zeroPoint: 0)
    #expect(
      try sum.elements(as: Int32.self) == [
        .min, -16, 0, 2, 200_000, .max,
      ])
    let product = try Functional.quantizedMultiply(x, x, scale: 0.25, zeroPoint: 3, relu: true)
    #expect(try product.elements(as: Int32.self) == [.max, 67, 3, 4, .max, .max])
  }

  @Test(arguments: cases)
  func scalars(_ c: Case) throws {
    let random = TestRandom(UInt64(100 + c.seed))
    let x = try Operand.random(random, [300], c.dtype)
    let range = try #require(c.dtype.integerRange)
    for other in [0, 1, -1, 0.3, 7.7, -7.7, 400, -400] {
      let sum = try Functional.addScalar(x.tensor, other, relu: c.relu)
      let step = try sum.qScale()
      let real: [Float] = try sum.dequantized().elements()
      #expect(range.contains(try sum.qZeroPoint()))
      for (i, value) in real.enumerated() {
        let exact = Double(x.real(i)) + other
        let want = c.relu ? max(exact, 0) : exact
        // Half a step of the number, half a step of the result.
        #expect(abs(Double(value) - want) <= 0.51 * (Double(x.scale) + step), "\(other) at \(i)")
      }
      let product = try Functional.multiplyScalar(x.tensor, other, relu: c.relu)
      let products: [Float] = try product.dequantized().elements()
      for (i, value) in products.enumerated() {
        let exact = Double(x.real(i)) * other
        let want = c.relu ? max(exact, 0) : exact
        #expect(abs(Double(value) - want) <= 1e-5 * abs(want), "\(other) at \(i)")
      }
    }
  }

  @Test(arguments: cases)
  func matrices(_ c: Case) throws {
    let random = TestRandom(UInt64(200 + c.seed))
    let (b, m, n, k) = (
      random.int(1...3), random.int(1...9), random.int(1...19), random.int(1...40)
    )
    let x = try Operand.random(random, [b, m, k], c.dtype)
    let y = try Operand.random(random, c.relu ? [k, n] : [b, k, n], c.dtype)
    let (so, zo) = c.output
    let z = try Functional.quantizedMatmul(x.tensor, y.tensor, scale: so, zeroPoint: zo)
    #expect(z.shape == [b, m, n])
    let multiplier = x.scale * y.scale / Float(so)
    var want: [Int64] = []
    for i in 0..<b {
      for row in 0..<m {
        for column in 0..<n {
          var sum = 0
          for t in 0..<k {
            let right = y.codes[(c.relu ? 0 : i * k * n) + t * n + column]
            sum += (x.codes[(i * m + row) * k + t] - x.zero) * (right - y.zero)
          }
          want.append(rounded(Float(sum) * multiplier, zo, c.dtype))
        }
      }
    }
    #expect(try integers(z) == want)
    let real: [Float] = try Functional.matmul(x.tensor.dequantized(), y.tensor.dequantized())
      .elements()
    for (i, value) in real.enumerated() {
      let steps = Double(value) / so + Double(zo)
      if steps > -127, steps < 126, want[i] != 0 {
        #expect(abs(steps - Double(want[i])) <= 0.51 + abs(steps) * 1e-3)
      }
    }
  }

  @Test func emptyMatrices() throws {
    let random = TestRandom(1)
    let x = try Operand.random(random, [2, 3, 0], .qint8).tensor
    let y = try Operand.random(random, [2, 0, 4], .qint8).tensor
    let z = try Functional.quantizedMatmul(x, y, scale: 1, zeroPoint: -5)
    #expect(try integers(z) == [Int64](repeating: -5, count: 24))
    let wide = try Operand.random(random, [4, 5], .qint8).tensor
    #expect(try Functional.quantizedMatmul(y, wide, scale: 1, zeroPoint: 0).shape == [2, 0, 5])
    let real: [Float] = try Functional.matmul(x.dequantized(), y.dequantized()).elements()
    #expect(real == [Float](repeating: 0, count: 24))
  }

  @Test(arguments: cases)
  func concatenation(_ c: Case) throws {
    let random = TestRandom(UInt64(300 + c.seed))
    let dim = c.seed % 3
    let parts = try (0..<4).map { _ in
      var shape = [3, 2, 70]
      shape[dim] = random.int(0...5)
      return try Operand.random(random, shape, c.dtype).tensor
    }
    let (so, zo) = c.output
    let quantized = try Functional.quantizedConcatenate(
      parts, dim: dim, scale: so, zeroPoint: zo, relu: c.relu)
    let joined = try Functional.concatenate(parts, dim: dim - 3)
    #expect(joined.quantizer == parts[0].quantizer)
    var start = 0
    for part in parts {
      let end = start + part.shape[dim]
      func want(_ scale: Double, _ zero: Int) throws -> [Int64] {
        let real = try part.dequantized()
        return try integers(
          Functional.quantizePerTensor(real, scale: scale, zeroPoint: zero, dtype: c.dtype))
      }
      let floor = c.relu ? Int64(zo) : Int64.min
      #expect(
        try integers(quantized.slice(dim: dim, start..<end)) == want(so, zo).map { max($0, floor) })
      #expect(
        try integers(joined.slice(dim: dim, start..<end))
          == want(parts[0].qScale(), parts[0].qZeroPoint()))
      start = end
    }
  }

  @Test func realForms() throws {
    let random = TestRandom(6)
    let a = random.floats(60)
    let b = random.floats(20)
    let (x, y) = (try Tensor(a, shape: [3, 4, 5]), try Tensor(b, shape: [4, 5]))
    let (sum, product): ([Float], [Float]) = (try (x + y).elements(), try (x * y).elements())
    #expect(sum == a.indices.map { a[$0] + b[$0 % 20] })
    #expect(product == a.indices.map { a[$0] * b[$0 % 20] })
    let joined: [Float] = try Functional.concatenate([y, y], dim: 0).elements()
    #expect(joined == b + b)
    #expect(try Functional.addScalar(y, 2, relu: true).elements() == b.map { max($0 + 2, 0) })
  }
}

@Suite("Softmax, prelu and dropout")
struct ChannelFunctionTests {
  @Test(arguments: [([5, 9], 1), ([7], 0), ([2, 3, 4], -2), ([2, 3, 4, 2], 0)])
  func softmaxSumsToOne(_ shape: [Int], _ dim: Int) throws {
    let x = try Operand.random(TestRandom(2), shape, .quint8)
    let y = try Functional.softmax(x.tensor, dim: dim, scale: 1.0 / 256, zeroPoint: 0)
    let real: [Float] = try Functional.softmax(x.tensor.dequantized(), dim: dim).elements()
    let axis = dim < 0 ? dim + shape.count : dim
    let (size, inner) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
    for lane in 0..<(real.count / size) {
      let start = lane / inner * size * inner + lane % inner
      let places = (0..<size).map { start + $0 * inner }
      // Differences of int codes keep the exponents exact.
      let top = places.map { x.codes[$0] }.max() ?? 0
      let weights = places.map { exponential(Double(x.scale) * Double(x.codes[$0] - top)) }
      let sum = weights.reduce(0, +)
      for (place, weight) in zip(places, weights) {
        #expect(abs(Double(real[place]) - weight / sum) <= 1e-5)
      }
    }
    #expect(
      try integers(y)
        == integers(
          Functional.quantizePerTensor(
            Tensor(real, shape: shape), scale: 1.0 / 256, zeroPoint: 0, dtype: .quint8)))
  }

  /// A power series on a small argument, squared back.
  private func exponential(_ x: Double) -> Double {
    let small = x / 4096
    var term = 1.0
    var sum = 1.0
    for i in 1...12 {
      term *= small / Double(i)
      sum += term
    }
    for _ in 0..<12 { sum *= sum }
    return sum
  }

  @Test func softmaxChoosesItsDimensionAsTorchDid() throws {
    for (shape, dim) in [([4], 0), ([3, 4], 1), ([2, 3, 4], 0), ([2, 3, 2, 2], 1)] {
      let x = try Tensor(TestRandom(3).floats(shape.reduce(1, *)), shape: shape)
      let (legacy, named): ([Float], [Float]) = (
        try Functional.softmax(x).elements(), try Functional.softmax(x, dim: dim).elements()
      )
      #expect(legacy == named)
    }
    #expect(try Functional.softmax(Tensor(scalar: Float(3))).item() == 1)
  }

  @Test(arguments: [1, 6], [DType.quint8, .qint8])
  func prelu(_ parameters: Int, _ dtype: DType) throws {
    let random = TestRandom(7)
    for _ in 0..<20 {
      let x = try Operand.random(random, [2, 6, 50], dtype)
      let w = try Operand.random(random, [parameters], dtype)
      let y = try Functional.prelu(x.tensor, weight: w.tensor, scale: 0.2, zeroPoint: 17)
      let one = try integers(
        Functional.quantizePerTensor(
          Tensor([Float(1)], shape: [1]), scale: w.tensor.qScale(), zeroPoint: w.zero, dtype: dtype)
      )
      let multiplier = x.scale * w.scale / 0.2
      let want = x.codes.indices.map { i in
        let difference = x.codes[i] - x.zero
        let weight = difference > 0 ? Int(one[0]) : w.codes[parameters == 1 ? 0 : i / 50 % 6]
        return rounded(Float(difference * (weight - w.zero)) * multiplier, 17, dtype)
      }
      #expect(try integers(y) == want)
    }
    let x = try Tensor([Float(-2), 3, -4, 5], shape: [1, 2, 2])
    let slopes = try Tensor([Float(0.5), 0.25], shape: [2])
    let real: [Float] = try Functional.prelu(x, weight: slopes).elements()
    #expect(real == [-1, 3, -1, 5])
  }

  @Test func dropoutScalesWhatItKeeps() throws {
    let x = try Tensor(repeating: Float(3), shape: [20_000])
    let y: [Float] = try Functional.dropout(x, p: 0.25).elements()
    #expect(Set(y) == [0, 4])
    let share = Double(y.filter { $0 == 0 }.count) / 20_000
    #expect(abs(share - 0.25) < 0.02)
    #expect(
      try Functional.dropout(x, p: 0.25, training: false).elements() == x.elements(as: Float.self))
    #expect(try Functional.dropout(x, p: 1).elements() == [Float](repeating: 0, count: 20_000))
  }
}

@Suite("Arithmetic of quantized tensors refuses what it can't compute")
struct QuantizedArithmeticErrorTests {
  private func codes(_ shape: [Int], _ dtype: DType = .quint8, scale: Double = 0.1) throws -> Tensor
  {
    let quantizer = try Quantizer(scale: scale, zeroPoint: 3, dtype: dtype)
    let bytes = [UInt8](repeating: 5, count: shape.reduce(1, *))
    if dtype == .quint8 {
      return try Tensor(integers: bytes, shape: shape, dtype: dtype, quantizer: quantizer)
    }
    return try Tensor(
      integers: bytes.map { Int8(bitPattern: $0) }, shape: shape, dtype: dtype,
      quantizer: quantizer)
  }

  private func perChannel(_ shape: [Int]) throws -> Tensor {
    let quantizer = try Quantizer(
      scales: [Double](repeating: 0.1, count: shape[0]),
      zeroPoints: [Int](repeating: 0, count: shape[0]), axis: 0, shape: shape, dtype: .quint8)
    return try Tensor(
      integers: [UInt8](repeating: 5, count: shape.reduce(1, *)), shape: shape, dtype: .quint8,
      quantizer: quantizer)
  }

  private typealias Call = @Sendable (Tensor, Tensor, Double, Int) throws -> Tensor
  private static let calls: [Call] = [
    { try Functional.quantizedAdd($0, $1, scale: $2, zeroPoint: $3) },
    { try Functional.quantizedMultiply($0, $1, scale: $2, zeroPoint: $3) },
    { try Functional.quantizedMatmul($0, $1, scale: $2, zeroPoint: $3) },
    { try Functional.quantizedConcatenate([$0, $1], scale: $2, zeroPoint: $3) },
  ]

  @Test(arguments: calls.indices)
  func operandsAndOutputs(_ index: Int) throws {
    let call = Self.calls[index]
    let x = try codes([4, 4])
    #expect(try call(x, x, 0.1, 0).isQuantized)
    let real = try Tensor(repeating: Float(1), shape: [4, 4])
    for (a, b) in [(x, real), (real, x)] {
      let error = #expect(throws: OctetError.self) { try call(a, b, 0.1, 0) }
      #expect(error?.code == .quantizationMismatch)
      #expect(error?.description.contains("quantized") == true)
    }
    let other = #expect(throws: OctetError.self) { try call(x, codes([4, 4], .qint8), 0.1, 0) }
    #expect(other?.code == .dtypeMismatch)
    let channels = #expect(throws: OctetError.self) { try call(x, perChannel([4, 4]), 0.1, 0) }
    #expect(channels?.code == .invalidQuantizer)
    let shape = #expect(throws: OctetError.self) { try call(x, codes([3, 5]), 0.1, 0) }
    #expect(shape?.code == .shapeMismatch)
    for scale in [0, -1, .nan, .infinity] {
      let error = #expect(throws: OctetError.self) { try call(x, x, scale, 0) }
      #expect(error?.argument == "scale")
    }
    let zero = #expect(throws: OctetError.self) { try call(x, x, 0.1, -1) }
    #expect(zero?.argument == "zero_point")
  }

  @Test func scalars() throws {
    let x = try codes([4])
    for other in [Double.nan, .infinity, 1e300] {
      #expect(throws: OctetError.self) { try Functional.addScalar(x, other) }
    }
    for other in [Double.nan, .infinity, 1e300, 1e-50] {
      #expect(throws: OctetError.self) { try Functional.multiplyScalar(x, other) }
    }
    #expect(throws: OctetError.self) { try Functional.addScalar(perChannel([2]), 1) }
    #expect(throws: OctetError.self) { try Functional.multiplyScalar(perChannel([2]), 1) }
  }

  @Test func lists() throws {
    #expect(throws: OctetError.self) { try Functional.concatenate([]) }
    let x = try codes([2, 3])
    for dim in [2, -3] {
      let error = #expect(throws: OctetError.self) { try Functional.concatenate([x, x], dim: dim) }
      #expect(error?.argument == "dim")
    }
    let rank = #expect(throws: OctetError.self) { try Functional.concatenate([x, codes([2])]) }
    #expect(rank?.code == .shapeMismatch)
  }

  @Test func matricesAndSlopes() throws {
    let x = try codes([4])
    #expect(throws: OctetError.self) {
      try Functional.quantizedMatmul(x, x, scale: 1, zeroPoint: 0)
    }
    let image = try codes([2, 4, 5])
    let count = #expect(throws: OctetError.self) {
      try Functional.prelu(image, weight: codes([3]), scale: 1, zeroPoint: 0)
    }
    #expect(count?.code == .shapeMismatch)
    let dim = #expect(throws: OctetError.self) {
      try Functional.softmax(image, dim: 3, scale: 1, zeroPoint: 0)
    }
    #expect(dim?.argument == "dim")
    #expect(throws: OctetError.self) { try Functional.softmax(image, dim: 1) }
  }
}
