import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private final class Model: Module {
  let words = Embedding(12, 7)
  let tags = EmbeddingBag(9, 7, mode: .mean, includeLastOffset: true)

  override func forward(_ x: Tensor) -> Tensor { words(x) }
}

private func table(_ rows: Int, _ dim: Int, _ dtype: DType, seed: UInt64) throws -> Tensor {
  let random = TestRandom(seed)
  let quantizer = try Quantizer(
    scales: random.floats(rows, in: 0.01...0.2), floatZeroPoints: random.floats(rows, in: -9...20),
    axis: 0, shape: [rows, dim], dtype: dtype)
  let count = (rows * dim * dtype.bitWidth + 7) / 8
  var bytes = random.bytes(count)
  // The bits behind the last code are 0.
  let used = rows * dim * dtype.bitWidth % 8
  if used > 0, let last = bytes.last { bytes[count - 1] = last & UInt8((1 << used) - 1) }
  return try Tensor(integers: bytes, shape: [rows, dim], dtype: dtype, quantizer: quantizer)
}

private func close(_ a: Tensor, _ b: Tensor, within slack: Float) throws -> Bool {
  let (x, y): ([Float], [Float]) = (try a.elements(), try b.elements())
  return a.shape == b.shape && zip(x, y).allSatisfy { abs($0 - $1) <= slack }
}

// Layers draw their first weights from one generator: one test at a time.
@Suite("Embedding modules", .serialized)
struct EmbeddingModuleTests {
  @Test(
    "A table comes back as it was given, with rows of any length",
    arguments: [
      DType.quint8, .quint4x2, .quint2x4,
    ])
  func tableRoundTrip(dtype: DType) throws {
    for dim in [1, 3, 4, 7, 8, 17] {
      let weight = try table(5, dim, dtype, seed: UInt64(dim))
      let module = try Quantized.Embedding(weight: weight)
      let kept = try module.weight
      #expect(kept.dtype == dtype && kept.shape == weight.shape)
      #expect(kept.quantizer == weight.quantizer)
      #expect(
        try kept.integerRepresentation().elements(as: UInt8.self)
          == weight.integerRepresentation().elements(as: UInt8.self))
      // float16 keeps 11 bits of scale and bias.
      let all = try Tensor((0..<5).map(Int64.init), shape: [5])
      #expect(
        try close(
          module.evaluate(all), weight.dequantized(), within: dtype == .quint8 ? 1e-5 : 0.01))
      let other = try Quantized.Embedding(weight: table(5, dim, dtype, seed: 99))
      try other.load(module.stateDictionary())
      #expect(try other.evaluate(all).elements(as: Float.self) == module.evaluate(all).elements())
    }
  }

  @Test("Convert replaces layers and bags; a call with offsets reaches what was installed")
  func workflow() throws {
    for (qconfig, dtype, slack) in [
      (QConfig.floatQParamsWeightOnly, DType.quint8, Float(0.02)),
      (.floatQParamsWeightOnly4Bit, .quint4x2, 0.3),
    ] {
      RandomSource.shared.reseed(8)
      let model = Model()
      model.eval()
      let words = try Tensor([Int64(3), 0, 11, 3], shape: [2, 2])
      let tags = try Tensor([Int32(1), 2, 8], shape: [3])
      let offsets = try Tensor([Int32(0), 1, 3], shape: [3])
      let real = try model.evaluate(words)
      let means = try model.tags.evaluate(tags, offsets: offsets)
      model.qconfig = qconfig
      try prepare(model)
      _ = try model.evaluate(words)
      try convert(model)
      let installed = try #require(model.tags.current(as: Quantized.EmbeddingBag.self))
      #expect(try installed.weight.dtype == dtype)
      #expect(model.words.current is Quantized.Embedding)
      #expect(try close(model.evaluate(words), real, within: slack))
      // The float layer took the mean of two rows; the quantized one always sums.
      let sums: [Float] = try model.tags.evaluate(tags, offsets: offsets).elements()
      let doubled: [Float] = try means.elements()
      for d in 0..<7 {
        #expect(abs(sums[d] - doubled[d]) <= slack)
        #expect(abs(sums[7 + d] - 2 * doubled[7 + d]) <= 2 * slack)
      }
      #expect(model.tags(tags, offsets: offsets).shape == [2, 7])
    }
  }

  @Test("Weight observers without float zero points are refused, and nothing changes")
  func wrongConfiguration() throws {
    let model = Model()
    model.qconfig = .default
    try prepare(model)
    _ = try model.evaluate(Tensor([Int64(0)], shape: [1]))
    #expect {
      try convert(model, allowUnobserved: true)
    } throws: { error in
      (error as? OctetError)?.description.contains("per_channel_affine_float_qparams") == true
    }
    #expect(model.words.current is Embedding)
  }

  @Test("Tables of other types and schemes are refused")
  func wrongTables() throws {
    let real = try Tensor(TestRandom(2).floats(12), shape: [3, 4])
    func code(_ weight: Tensor) -> OctetError.Code? {
      do {
        _ = try Quantized.EmbeddingBag(weight: weight)
        return nil
      } catch { return (error as? OctetError)?.code }
    }
    #expect(code(real) == .quantizationMismatch)
    #expect(
      try code(Functional.quantizePerTensor(real, scale: 0.1, zeroPoint: 0, dtype: .quint8))
        == .invalidQuantizer)
    #expect(
      try code(Functional.quantizePerTensor(real, scale: 0.1, zeroPoint: 0, dtype: .qint8))
        == .dtypeMismatch)
    #expect(
      try code(
        Functional.quantizePerChannel(
          real, scales: [1, 1, 1, 1], floatZeroPoints: [0, 0, 0, 0], axis: 1, dtype: .quint8))
        == .invalidQuantizer)
    #expect(throws: OctetError.self) { try Embedding(weight: Parameter(real), paddingIndex: 3) }
  }

  @Test("A reference module rounds its real table to steps of 1/2, then looks up")
  func reference() throws {
    let weight = try Tensor([0.2, 0.3, -0.8, 9] as [Float], shape: [2, 2])
    let parameters = QuantizationParameters(
      scales: [0.5], zeroPoints: .integer([1]), axis: nil, dtype: .quint8)
    let indices = try Tensor([Int64(1), 0], shape: [2])
    let rows = try Reference.Embedding(weight: weight, parameters: parameters)
    #expect(try rows.evaluate(indices).elements() == [-0.5, 9, 0, 0.5] as [Float])
    #expect(rows.stateDictionary().names == ["weight", "weight_scale", "weight_zero_point"])
    let bags = try Reference.EmbeddingBag(weight: weight, parameters: parameters, mode: .max)
    let offsets = try Tensor([Int64(0)], shape: [1])
    #expect(try bags.evaluate(indices, offsets: offsets).elements() == [0, 9] as [Float])
    #expect(throws: OctetError.self) {
      try Reference.Embedding(
        weight: weight,
        parameters: QuantizationParameters(
          scales: [0.5], zeroPoints: .real([1]), axis: 0, dtype: .quint8))
    }
  }

  @Test("Training forms keep a table's options")
  func options() throws {
    let float = Embedding(6, 4, paddingIndex: -1, maxNorm: 1, normType: 1, scaleGradByFreq: true)
    float.weight.value = try Tensor(
      (0..<24).map { Float($0 % 7 - 3) * 0.5 }, shape: [6, 4])
    let trained = try QAT.Embedding(float.copy(), .defaultEmbeddingQAT)
    let input = try Tensor([0, 5, 0, 2] as [Int64], shape: [4])
    disableFakeQuant(trained)
    let (want, got) = (float(input), trained(input))
    #expect(got == want)
    for (output, weight) in [(want, float.weight), (got, trained.weight)] {
      try output.backward(Tensor(repeating: Float(1), shape: [4, 4]))
      let gradient = try #require(try weight.gradient?.elements(as: Float.self))
      // Row 0 stands twice and is divided by it, row 5 is the padding.
      #expect(gradient == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1] + [Float](repeating: 0, count: 12))
    }
    let back = try #require(try trained.toFloat() as? Embedding)
    #expect("\(back)" == "\(float)" && back.paddingIndex == 5)
    let bags = EmbeddingBag(6, 4, maxNorm: 2, mode: .sum, paddingIndex: 0)
    let form = try QAT.EmbeddingBag(bags, .defaultEmbeddingQAT)
    #expect("\(try form.toFloat())" == "\(bags)")
  }
}
