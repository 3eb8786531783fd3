import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private func floats(_ seed: UInt64, _ shape: [Int], in range: ClosedRange<Double> = -1...1) throws
  -> Tensor
{
  try Tensor(TestRandom(seed).floats(shape.reduce(1, *), in: range), shape: shape)
}

private func weight(_ seed: UInt64, _ shape: [Int], scale: Double = 0.02) throws -> Tensor {
  try Functional.quantizePerTensor(
    Tensor(
      TestRandom(seed).signedBytes(shape.reduce(1, *)).map { Float($0) * Float(scale) },
      shape: shape), scale: scale, zeroPoint: 0, dtype: .qint8)
}

private func activations(_ seed: UInt64, _ shape: [Int]) throws -> Tensor {
  try Functional.quantizePerTensor(
    Tensor(
      TestRandom(seed).bytes(shape.reduce(1, *)).map { (Float($0) - 100) * 0.05 }, shape: shape),
    scale: 0.05, zeroPoint: 100, dtype: .quint8)
}

private func integers(_ tensor: Tensor) throws -> [UInt8] {
  try tensor.integerRepresentation().elements()
}

private func error(_ body: () throws -> Void) -> OctetError? {
  do {
    try body()
    return nil
  } catch { return error as? OctetError }
}

@Suite("Fused float modules", .serialized)
struct FusedModuleTests {
  @Test func linearFormsAreTheirParts() throws {
    let (x, layer) = (try floats(1, [5, 7], in: -3...3), Linear(7, 4))
    let y = try layer.evaluate(x)
    func equal(_ module: Module, _ expected: Tensor) throws {
      let (a, b): ([Float], [Float]) = (try module.evaluate(x).elements(), try expected.elements())
      #expect(a == b)
    }
    try equal(Fused.LinearReLU(layer), Functional.relu(y))
    try equal(Fused.LinearTanh(layer), Functional.tanh(y))
    let leaky = LeakyReLU(negativeSlope: 0.3)
    try equal(Fused.LinearLeakyReLU(layer, leaky), Functional.leakyReLU(y, negativeSlope: 0.3))
    let norm = BatchNorm1d(4)
    norm.runningMean?.value = try floats(2, [4])
    try equal(Fused.LinearBn1d(layer, norm).eval(), norm.eval().evaluate(y))
    let names = try Fused.LinearBn1d(layer, norm).stateDictionary().names
    #expect(
      names == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
        "1.num_batches_tracked",
      ])
  }

  @Test func parametersAndStatisticsAreShared() throws {
    let (conv, norm) = (Conv2d(2, 3, kernelSize: 2), BatchNorm2d(3))
    let fused = try Fused.ConvBnReLU2d(conv, norm)
    _ = try fused.train().evaluate(floats(3, [2, 2, 4, 4]))
    let tracked = try norm.numBatchesTracked?.value.elements(as: Int64.self)
    #expect(tracked == [1])
    #expect(fused.convolution.weight === conv.weight)
    let refused = error { _ = try Fused.ConvBn2d(conv, BatchNorm2d(4)) }
    #expect(refused?.code == .shapeMismatch)
  }

  @Test func foldingABatchNormKeepsTheFunction() throws {
    let conv = ConvTranspose2d(3, 4, kernelSize: [2, 3], stride: [2], padding: [1])
    let norm = BatchNorm2d(4)
    norm.runningMean?.value = try floats(4, [4])
    norm.runningVar?.value = try floats(5, [4], in: 0.5...2)
    norm.weight?.value = try floats(6, [4])
    norm.bias?.value = try floats(7, [4])
    let model = Sequential(conv, norm).eval()
    let x = try floats(8, [2, 3, 5, 4])
    let before: [Float] = try model.evaluate(x).elements()
    try fuseModules(model, [["0", "1"]])
    let after: [Float] = try model.evaluate(x).elements()
    #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-5 })
    let values = BatchNormValues(mean: try floats(1, [3]), variance: try floats(1, [4], in: 1...2))
    let refused = error {
      _ = try fuseLinearBnWeights(weight: floats(1, [4, 2]), bias: nil, values)
    }
    #expect(refused?.argument == "mean")
  }

  @Test func batchNormsWithoutAffinePartFoldInEvaluation() throws {
    for front in [
      Conv1d(3, 4, kernelSize: 2), ConvTranspose1d(3, 4, kernelSize: 2), Linear(3, 4),
    ] as [Module] {
      let norm = BatchNorm1d(4, affine: false)
      norm.runningMean?.value = try floats(4, [4])
      norm.runningVar?.value = try floats(5, [4], in: 0.5...2)
      let model = Sequential(front, norm).eval()
      let x = try floats(8, front is Linear ? [5, 3] : [2, 3, 5])
      let before: [Float] = try model.evaluate(x).elements()
      try fuseModules(model, [["0", "1"]])
      #expect(model[1].current is Identity)
      let after: [Float] = try model.evaluate(x).elements()
      #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-5 }, "\(type(of: front))")
    }
  }

  @Test func batchNormsThatLackWhatFusionNeedsAreRefused() throws {
    let untracked = BatchNorm2d(3, trackRunningStats: false)
    let plain = BatchNorm2d(3, affine: false)
    let layer = Conv2d(2, 3, kernelSize: 1)
    let model = Sequential(layer, untracked).eval()
    #expect(error { try fuseModules(model, [["0", "1"]]) }?.argument == "trackRunningStats")
    #expect(model[0].current === layer)
    for norm in [untracked, plain] {
      let model = Sequential(layer, norm).train()
      #expect(error { try fuseModulesQAT(model, [["0", "1"]]) }?.code == .unsupportedModule)
      #expect(error { _ = try Fused.ConvBn2d(layer, norm) }?.code == .unsupportedModule)
      #expect(error { _ = try QAT.ConvBn2d(layer, norm, .defaultQAT) }?.code == .unsupportedModule)
    }
    let linear = Linear(2, 3)
    for norm in [BatchNorm1d(3, trackRunningStats: false), BatchNorm1d(3, affine: false)] {
      #expect(error { _ = try Fused.LinearBn1d(linear, norm) }?.code == .unsupportedModule)
    }
  }

  @Test func aLoneBatchNormConvertsByItsStatistics() throws {
    func converted(_ norm: BatchNorm2d) throws -> Module {
      let model = QuantWrapper(norm)
      model.qconfig = .default
      try prepare(model.eval())
      _ = try model.evaluate(floats(1, [2, 3, 4, 4]))
      try convert(model)
      return model
    }
    let norm = BatchNorm2d(3, affine: false)
    norm.runningMean?.value = try floats(4, [3])
    norm.runningVar?.value = try floats(5, [3], in: 0.5...2)
    let affine = BatchNorm2d(3)
    affine.runningMean?.value = try floats(4, [3])
    affine.runningVar?.value = try floats(5, [3], in: 0.5...2)
    let x = try floats(2, [2, 3, 4, 4])
    let (got, want) = (try converted(norm).evaluate(x), try converted(affine).evaluate(x))
    #expect(try got.elements(as: Float.self) == want.elements(as: Float.self))
    let refused = error { _ = try converted(BatchNorm2d(3, trackRunningStats: false)) }
    #expect(refused?.argument == "trackRunningStats")
  }

  @Test func sumsTakeTwoTensorsAndConvert() throws {
    final class Net: Module {
      let (quantX, quantY, dequant) = (QuantStub(), QuantStub(), DeQuantStub())
      let sum: Fused.ConvAddReLU2d
      init(_ conv: Conv2d) throws { sum = try Fused.ConvAddReLU2d(conv) }
      override func forward(_ x: Tensor) -> Tensor { dequant(sum(quantX(x), quantY(x))) }
    }
    let (conv, x) = (Conv2d(3, 3, kernelSize: 3, padding: 1), try floats(9, [2, 3, 6, 6]))
    let net = try Net(conv)
    net.eval()
    let real: [Float] = try net.evaluate(x).elements()
    let parts: [Float] = try Functional.relu(Functional.add(conv.evaluate(x), x)).elements()
    #expect(real == parts)
    net.qconfig = .default
    try prepare(net)
    _ = try net.evaluate(x)
    try convert(net)
    #expect(net.sum.current is Quantized.ConvAddReLU2d)
    let converted: [Float] = try net.evaluate(x).elements()
    #expect(zip(real, converted).allSatisfy { abs($0 - $1) < 0.08 })
    #expect(error { _ = try Fused.ConvAdd2d(conv).evaluate(x) }?.argument == "addend")
  }
}

@Suite("Quantized, dynamic and reference linear and convolution modules", .serialized)
struct LinearConvolutionTests {
  @Test func activationsBehindLinearAreAppliedToRealValues() throws {
    let (w, x) = (try weight(1, [6, 9]), try activations(2, [4, 9]))
    let bias = try floats(3, [6])
    let real = try Functional.linear(x.dequantized(), weight: w.dequantized(), bias: bias)
    let leaky = try Quantized.LinearLeakyReLU(
      weight: w, bias: bias, negativeSlope: 0.25, scale: 0.5, zeroPoint: 60)
    let tanh = try Quantized.LinearTanh(weight: w, bias: bias, scale: 1.0 / 128, zeroPoint: 128)
    for (module, expected, scale, zero) in [
      (leaky, try Functional.leakyReLU(real, negativeSlope: 0.25), 0.5, 60),
      (tanh, try Functional.tanh(real), 1.0 / 128, 128),
    ] {
      let got = try integers(module.evaluate(x))
      let want = try integers(
        Functional.quantizePerTensor(expected, scale: scale, zeroPoint: zero, dtype: .quint8))
      #expect(zip(got, want).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }
  }

  @Test(arguments: [1, 2, 3])
  func transposedConvolutionIsThatOfItsRealValues(_ groups: Int) throws {
    let shape = [3 * groups, 2, 3, 2]
    let (w, x) = (try weight(4, shape), try activations(5, [2, 3 * groups, 5, 4]))
    let bias = try floats(6, [2 * groups])
    let module = try Quantized.ConvTranspose2d(
      weight: w, bias: bias, stride: [2, 3], padding: [1, 0], outputPadding: [1, 2],
      dilation: [2, 1], groups: groups, scale: 0.7, zeroPoint: 90)
    let real = try Functional.transposedConvolution(
      x.dequantized(), weight: w.dequantized(), bias: bias, stride: [2, 3], padding: [1, 0],
      outputPadding: [1, 2], dilation: [2, 1], groups: groups)
    let want = try Functional.quantizePerTensor(real, scale: 0.7, zeroPoint: 90, dtype: .quint8)
    let got = try module.evaluate(x)
    #expect(got.shape == want.shape)
    let differences = zip(try integers(got.contiguous()), try integers(want)).map {
      abs(Int($0) - Int($1))
    }
    #expect(differences.allSatisfy { $0 <= 1 })
    #expect(differences.filter { $0 == 1 }.count * 100 <= differences.count)
  }

  @Test func floatTransposedConvolutionAddsEveryTap() throws {
    // One input channel, one output channel, hand-counted.
    let x = try Tensor([1, 2, 3] as [Float], shape: [1, 1, 3])
    let w = try Tensor([10, 1] as [Float], shape: [1, 1, 2])
    func run(_ stride: Int, _ padding: Int, _ extra: Int, _ dilation: Int) throws -> [Float] {
      try Functional.transposedConvolution(
        x, weight: w, stride: [stride], padding: [padding], outputPadding: [extra],
        dilation: [dilation]
      ).elements()
    }
    #expect(try run(1, 0, 0, 1) == [10, 21, 32, 3])
    #expect(try run(2, 0, 0, 1) == [10, 1, 20, 2, 30, 3])
    #expect(try run(1, 1, 0, 1) == [21, 32])
    #expect(try run(2, 0, 1, 1) == [10, 1, 20, 2, 30, 3, 0])
    #expect(try run(1, 0, 0, 2) == [10, 20, 31, 2, 3])
    #expect(error { _ = try run(1, 0, 1, 1) }?.argument == "output_padding")
    #expect(error { _ = try run(1, 2, 0, 1) }?.code == .shapeMismatch)
  }

  @Test func dynamicConvolutionKeepsTheInputsParameters() throws {
    let (w, x) = (try weight(7, [4, 3, 2, 2], scale: 0.001), try floats(8, [2, 3, 5, 5]))
    let module = try Dynamic.Conv2d(weight: w, bias: nil)
    let real: [Float] = try Functional.convolution(
      x, weight: w.dequantized(), stride: [1, 1], padding: [0, 0], dilation: [1, 1]
    ).elements()
    let got: [Float] = try module.evaluate(x).elements()
    // A step of 7 bits over -1...1, on both sides.
    for (wanted, given) in zip(real, got) {
      let clamped: Float = max(-1, min(1, wanted))
      #expect(abs(clamped - given) < 0.04)
    }
    #expect(error { _ = try module.evaluate(activations(1, [1, 3, 5, 5])) } != nil)
  }

  @Test func halfWeightsAreRoundedAndSaturated() throws {
    let w = try Tensor([1 + 1 / 4096, 1e6, -1e6, 0.5] as [Float], shape: [2, 2])
    let module = try Dynamic.Linear(roundingToHalf: w, bias: nil)
    let held: [Float] = try module.weight.converted(to: .float32).elements()
    #expect(module.weight.dtype == .float16)
    #expect(held == [1, 65504, -65504, 0.5])
    let y: [Float] = try module.evaluate(Tensor([1, 2] as [Float], shape: [1, 2])).elements()
    let expected: [Float] = [131_009, -65_503]
    #expect(y == expected)
    #expect(error { _ = try module.evaluate(floats(1, [2])) }?.code == .shapeMismatch)
  }

  @Test func referenceModulesComputeWithTheRoundedWeight() throws {
    let (w, x) = (try floats(9, [3, 2, 3]), try floats(10, [2, 3, 6]))
    let quantizer = try Quantizer(
      scales: [0.1, 0.03], zeroPoints: [3, -2], axis: 1, shape: [3, 2, 3], dtype: .qint8)
    let parameters = Reference.WeightParameters(quantizer, dtype: .qint8)
    let module = try Reference.ConvTranspose1d(
      weight: w, bias: nil, stride: [2], weightParameters: parameters)
    let rounded: [Float] = try module.effectiveWeight().elements()
    let given: [Float] = try w.elements()
    #expect(rounded != given)
    #expect(zip(rounded, given).allSatisfy { abs($0 - $1) <= 0.0501 })
    let want: [Float] = try Functional.transposedConvolution(
      x, weight: module.effectiveWeight(), stride: [2], padding: [0], outputPadding: [0],
      dilation: [1]
    ).elements()
    let got: [Float] = try module.evaluate(x).elements()
    #expect(got == want)
    #expect(
      module.stateDictionary().names == [
        "weight", "weight_scale", "weight_zero_point", "weight_axis",
      ])
    let wrong = error {
      _ = try Reference.Linear(weight: floats(1, [2, 5]), bias: nil, weightParameters: parameters)
    }
    #expect(wrong != nil)
  }

  @Test func statesMakeRoundTrips() throws {
    func check(_ a: Module, _ b: Module, _ x: Tensor) throws {
      try b.load(a.stateDictionary())
      let (p, q) = (try a.evaluate(x), try b.evaluate(x))
      #expect(p.dtype == q.dtype)
      if p.isQuantized {
        #expect(try integers(p.contiguous()) == integers(q.contiguous()))
        #expect(try p.qScale() == q.qScale())
      } else {
        let (u, v): ([Float], [Float]) = (try p.elements(), try q.elements())
        #expect(u == v)
      }
    }
    func conv(_ seed: UInt64, _ scale: Double) throws -> Module {
      try Quantized.Conv2d(
        weight: weight(seed, [3, 2, 2, 2]), bias: floats(seed, [3]), padding: [1, 1],
        paddingMode: .reflect, scale: scale, zeroPoint: 7)
    }
    try check(conv(1, 0.5), conv(2, 0.25), activations(3, [1, 2, 5, 5]))
    func transposed(_ seed: UInt64) throws -> Module {
      try Dynamic.ConvTranspose1d(weight: weight(seed, [2, 3, 2]), bias: floats(seed, [3]))
    }
    try check(transposed(4), transposed(5), floats(6, [1, 2, 5]))
    func half(_ seed: UInt64) throws -> Module {
      try Dynamic.LinearReLU(roundingToHalf: floats(seed, [3, 4]), bias: floats(seed, [3]))
    }
    try check(half(7), half(8), floats(9, [2, 4]))
  }

  @Test func wrongWeightsAreRefused() throws {
    let w = try floats(1, [2, 3])
    #expect(
      error { _ = try Quantized.Linear(weight: w, bias: nil, scale: 1, zeroPoint: 0) }?.code
        == .quantizationMismatch)
    let unsigned = try Functional.quantizePerTensor(w, scale: 1, zeroPoint: 0, dtype: .quint8)
    #expect(error { _ = try Dynamic.Linear(weight: unsigned, bias: nil) }?.code == .dtypeMismatch)
    let flat = error {
      _ = try Quantized.Conv2d(weight: weight(1, [2, 3, 4]), bias: nil, scale: 1, zeroPoint: 0)
    }
    #expect(flat?.argument == "weight")
    let bias = error {
      _ = try Quantized.ConvTranspose1d(
        weight: weight(1, [4, 3, 2]), bias: floats(1, [4]), groups: 2, scale: 1, zeroPoint: 0)
    }
    #expect(bias?.argument == "bias")
    let channels = try Quantizer(
      scales: [1, 1], zeroPoints: [0, 0], axis: 0, shape: [2, 3, 2], dtype: .qint8)
    let axis = error {
      let perInput = try Functional.quantize(floats(1, [2, 3, 2]), channels, dtype: .qint8)
      _ = try Dynamic.ConvTranspose1d(weight: perInput, bias: nil)
    }
    #expect(axis?.code == .invalidQuantizer)
    let sum = try Quantized.ConvAdd2d(
      weight: weight(1, [2, 2, 1, 1]), bias: nil, scale: 1, zeroPoint: 0)
    let x = try activations(2, [1, 2, 3, 3])
    #expect(error { _ = try sum.evaluate(x, floats(1, [1, 2, 3, 3])) }?.argument == "addend")
    #expect(error { _ = try sum.evaluate(x, activations(1, [1, 2, 3, 2])) }?.argument == "addend")
  }
}
