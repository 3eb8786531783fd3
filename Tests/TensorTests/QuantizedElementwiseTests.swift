import OctetTensor
import OctetTestSupport
import Testing

@Suite("Quantized arithmetic beyond torch")
struct QuantizedElementwiseTests {
  /// float32 by the rules: real values, the function, `clamp(z + rint(x * (1 / s)))`.
  private func expected(
    _ a: Tensor, _ b: Tensor, _ quantizer: Quantizer, _ function: (Float, Float) -> Float
  ) throws -> Tensor {
    let shape = Shapes.broadcast(a.shape, b.shape) ?? []
    let x: [Float] = try a.dequantized().expanded(shape).elements()
    let y: [Float] = try b.dequantized().expanded(shape).elements()
    let real = try Tensor(zip(x, y).map(function), shape: shape)
    return try Functional.quantize(real, quantizer, dtype: a.dtype)
  }

  private func operand(_ random: TestRandom, _ shape: [Int], _ dtype: DType) throws -> Tensor {
    let count = shape.reduce(1, *)
    let scale = Double(random.int(1...3000)) / 1000
    switch dtype {
    case .quint8:
      return try Tensor(
        integers: random.bytes(count), shape: shape, dtype: dtype,
        quantizer: Quantizer(scale: scale, zeroPoint: random.int(0...255), dtype: dtype))
    case .qint8:
      return try Tensor(
        integers: random.signedBytes(count), shape: shape, dtype: dtype,
        quantizer: Quantizer(scale: scale, zeroPoint: random.int(-128...127), dtype: dtype))
    default:
      return try Tensor(
        integers: (0..<count).map { _ in Int32(random.int(-100_000...100_000)) }, shape: shape,
        dtype: dtype, quantizer: Quantizer(scale: scale, zeroPoint: 5, dtype: dtype))
    }
  }

  @Test(
    "Differences, quotients and extremes follow the rule in every element",
    arguments: [DType.quint8, .qint8, .qint32])
  func functions(dtype: DType) throws {
    let random = TestRandom(31)
    for _ in 0..<200 {
      let shape = random.shape(2, in: 1...40)
      let a = try operand(random, shape, dtype)
      let b = try operand(random, random.pick([shape, [shape[1]], [1, 1]]), dtype)
      let (scale, zero) = (Double(random.int(1...3000)) / 500, random.int(0...127))
      let quantizer = try Quantizer(scale: scale, zeroPoint: zero, dtype: dtype)
      #expect(
        try Functional.quantizedSubtract(a, b, scale: scale, zeroPoint: zero)
          == expected(a, b, quantizer, -))
      #expect(
        try Functional.quantizedDivide(a, b, scale: scale, zeroPoint: zero)
          == expected(a, b, quantizer, /))
      #expect(
        try Functional.quantizedMinimum(a, b, scale: scale, zeroPoint: zero)
          == expected(a, b, quantizer) { min($0, $1) })
      #expect(
        try Functional.quantizedMaximum(a, b, scale: scale, zeroPoint: zero)
          == expected(a, b, quantizer) { max($0, $1) })
      #expect(
        try Functional.quantizedSubtract(a, b, scale: scale, zeroPoint: zero, relu: true)
          == expected(a, b, quantizer) { max($0 - $1, 0) })
    }
  }

  @Test("Sums are exact before they are rounded", arguments: [DType.quint8, .qint8])
  func sums(dtype: DType) throws {
    let random = TestRandom(37)
    for _ in 0..<200 {
      let x = try operand(random, random.shape(3, in: 1...9), dtype)
      let (scale, zero) = (Double(random.int(1...300)), random.int(0...127))
      let y = try Functional.quantizedSum(x, dims: [0, 2], scale: scale, zeroPoint: zero)
      guard case .perTensor(let sx, let zx)? = x.quantizer?.parameters,
        let range = dtype.integerRange
      else { return }
      let codes: [Int64] = try x.integerRepresentation().converted(to: .int64).elements()
      let shape = x.shape
      let want = (0..<shape[1]).map { column -> Int64 in
        var sum: Int64 = 0
        for i in 0..<shape[0] {
          for k in 0..<shape[2] {
            sum += codes[(i * shape[1] + column) * shape[2] + k] - Int64(zx)
          }
        }
        let steps = (Float(sum) * (Float(sx) / Float(scale))).rounded(.toNearestOrEven)
        return Int64(
          min(max(steps + Float(zero), Float(range.lowerBound)), Float(range.upperBound)))
      }
      #expect(
        try y.integerRepresentation().converted(to: .int64).elements(as: Int64.self) == want)
    }
  }

  @Test("Smooth activations are the function of the real value, rounded")
  func activations() throws {
    let random = TestRandom(41)
    for dtype in [DType.quint8, .qint8, .qint32] {
      let x = try operand(random, [3, 100], dtype)
      let real = try x.dequantized()
      guard let kept = x.quantizer else { return }
      let own = try Quantizer(scale: 0.1, zeroPoint: 3, dtype: dtype)
      #expect(
        try Functional.silu(x) == Functional.quantize(Functional.silu(real), kept, dtype: dtype))
      #expect(
        try Functional.mish(x, scale: 0.1, zeroPoint: 3)
          == Functional.quantize(Functional.mish(real), own, dtype: dtype))
      #expect(
        try Functional.softplus(x)
          == Functional.quantize(Functional.softplus(real), kept, dtype: dtype))
      #expect(
        try Functional.absolute(x)
          == Functional.quantize(Functional.absolute(real), kept, dtype: dtype))
    }
  }

  @Test("Moving quantized elements keeps codes; borders and blanks are zero points")
  func movement() throws {
    let x = try Tensor(
      integers: [UInt8(1), 2, 3, 4], shape: [2, 2], dtype: .quint8,
      quantizer: Quantizer(scale: 0.5, zeroPoint: 7, dtype: .quint8))
    func codes(_ tensor: Tensor) throws -> [UInt8] {
      #expect(tensor.quantizer == x.quantizer)
      return try tensor.elements()
    }
    #expect(try codes(Functional.pad(x, before: [1], after: [0])) == [7, 1, 2, 7, 3, 4])
    #expect(
      try codes(Functional.pad(x, before: [1], after: [0], mode: .constant(1.5)))
        == [10, 1, 2, 10, 3, 4])
    #expect(try codes(Functional.tril(x)) == [1, 7, 3, 4])
    #expect(try codes(Functional.flip(x, dims: [0])) == [3, 4, 1, 2])
    #expect(try codes(Functional.roll(x, shifts: [1], dims: [1])) == [2, 1, 4, 3])
    let mask = try Tensor([true, false], shape: [2])
    #expect(try codes(Functional.maskedFill(x, mask: mask, value: -1)) == [5, 2, 5, 4])
    let other = try Functional.quantizePerTensor(
      Tensor.full([2, 2], 1.25), scale: 0.25, zeroPoint: 0, dtype: .quint8)
    // 1.25 is 2.5 steps: to even.
    #expect(try codes(Functional.where(mask, x, other)) == [1, 9, 3, 9])
    #expect(try codes(Functional.stack([x, other])[1]) == [9, 9, 9, 9])
    #expect(try codes(Functional.split(x, size: 1, dim: 1)[1]) == [2, 4])
    let index = try Tensor([Int64(1), 0], shape: [2, 1])
    #expect(try codes(Functional.gather(x, dim: 1, index: index)) == [2, 3])
    #expect(
      try codes(Functional.scatter(x, dim: 1, index: index, source: other)) == [1, 9, 9, 4])
    #expect(try codes(Tensor.onesLike(x)) == [9, 9, 9, 9])
  }

  @Test("bmm is matmul of three dimensions")
  func batches() throws {
    let random = TestRandom(43)
    let (a, b) = (try operand(random, [2, 3, 5], .qint8), try operand(random, [2, 5, 4], .qint8))
    #expect(
      try Functional.quantizedBmm(a, b, scale: 9, zeroPoint: 1)
        == Functional.quantizedMatmul(a, b, scale: 9, zeroPoint: 1))
    let (x, y) = (try a.dequantized(), try b.dequantized())
    #expect(try Functional.bmm(x, y) == Functional.matmul(x, y))
  }
}
