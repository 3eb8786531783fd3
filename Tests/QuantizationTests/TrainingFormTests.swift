import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private func tensor(_ seed: UInt64, _ shape: [Int], in range: ClosedRange<Double> = -1...1) throws
  -> Tensor
{
  try Tensor(TestRandom(seed).floats(shape.reduce(1, *), in: range), shape: shape)
}

/// A convolution with a batch norm that has lived.
private func fused(_ seed: UInt64, bias: Bool = true) throws -> Fused.ConvBn2d {
  let conv = Conv2d(3, 4, kernelSize: 3, padding: 1, bias: bias)
  let norm = BatchNorm2d(4)
  norm.weight?.value = try tensor(seed, [4], in: 0.5...2)
  norm.bias?.value = try tensor(seed + 1, [4])
  norm.runningMean?.value = try tensor(seed + 2, [4])
  norm.runningVar?.value = try tensor(seed + 3, [4], in: 0.5...2)
  return try Fused.ConvBn2d(conv, norm)
}

private func near(_ a: Tensor, _ b: Tensor, _ tolerance: Float) throws {
  #expect(a.shape == b.shape)
  for (x, y) in zip(try a.elements(as: Float.self), try b.elements(as: Float.self)) {
    #expect(abs(x - y) <= tolerance * max(1, abs(y)), "\(x) and \(y)")
  }
}

@Suite("Training forms: layers with a rounded weight", .serialized)
struct TrainingFormTests {
  @Test("Without rounding, the fused form computes and differentiates what its parts do")
  func unroundedIsFloat() throws {
    for followsBatch in [false, true] {
      let float = try fused(1)
      let trained = try QAT.ConvBn2d(float.copy().convolution, float.copy().norm, .defaultQAT)
      trained.followsBatch = followsBatch
      disableFakeQuant(trained)
      let (x, upstream) = (try tensor(7, [2, 3, 5, 5]), try tensor(8, [2, 4, 5, 5]))
      let (want, got) = (float(x), trained(x))
      try near(got, want, 2e-5)
      try want.backward(upstream)
      try got.backward(upstream)
      func gradient(_ parameter: Parameter?) throws -> Tensor {
        try #require(parameter?.gradient)
      }
      func statistics(_ norm: BatchNorm) throws -> [Tensor] {
        [try #require(norm.runningMean?.value), try #require(norm.runningVar?.value)]
      }
      try near(gradient(trained.weight), gradient(float.convolution.weight), 2e-4)
      try near(gradient(trained.bn.weight), gradient(float.norm.weight), 2e-4)
      try near(gradient(trained.bn.bias), gradient(float.norm.bias), 2e-4)
      for (moved, expected) in zip(try statistics(trained.bn), try statistics(float.norm)) {
        try near(moved, expected, 1e-5)
      }
    }
  }

  @Test("A channel whose γ is 0 needs the way of two convolutions")
  func deadChannels() throws {
    let float = try fused(3)
    float.norm.weight?.value = try Tensor([Float(0), 1, -1, 0.5], shape: [4])
    // A form shares its statistics with the float module, so each gets a copy.
    let parts = try float.copy()
    let trained = try QAT.ConvBn2d(float.convolution, float.norm, .defaultQAT)
    let x = try tensor(4, [2, 3, 4, 4])
    #expect(try trained(x).elements(as: Float.self).contains { $0.isNaN })
    let slow = try QAT.ConvBn2d(parts.convolution, parts.norm, .defaultQAT)
    slow.followsBatch = true
    #expect(try slow(x).elements(as: Float.self).allSatisfy(\.isFinite))
  }

  @Test("The float form of a trained one is folded")
  func folding() throws {
    let trained = try QAT.ConvBnReLU2d(fused(5).convolution, fused(5).norm, .defaultQAT)
    trained.eval()
    disableFakeQuant(trained)
    let float = try #require(try trained.toFloat() as? Fused.ConvReLU2d)
    let x = try tensor(6, [2, 3, 5, 5])
    try near(float.evaluate(x), trained.evaluate(x), 2e-5)
    #expect(!float.isTraining)
    #expect(float.convolution.bias != nil)
  }

  @Test("Frozen statistics stay, through train() too, until they are asked to move")
  func freezing() throws {
    let trained = try QAT.ConvBn2d(fused(9).convolution, fused(9).norm, .defaultQAT)
    let x = try tensor(10, [2, 3, 4, 4])
    func mean() throws -> [Float] {
      try #require(try trained.bn.runningMean?.value.elements(as: Float.self))
    }
    let first = try mean()
    freezeBnStats(trained)
    _ = trained(x)
    #expect(try mean() == first)
    trained.eval().train()
    #expect(trained.isTraining && !trained.bn.isTraining && trained.isNormFrozen)
    _ = trained(x)
    #expect(try mean() == first)
    updateBnStats(trained)
    _ = trained(x)
    #expect(try mean() != first)
    let linear = try QAT.LinearBn1d(
      Fused.LinearBn1d(Linear(3, 4), BatchNorm1d(4)), .defaultQAT)
    freezeBnStats(linear)
    #expect(!linear.isNormFrozen, "as in torch, only fused convolutions hear of it")
    linear.freezeNorm(true)
    #expect(linear.isNormFrozen && !linear.bn.isTraining)
  }

  @Test("Rounded weights lie on the grid of the fake quantizer")
  func grid() throws {
    let layer = Linear(6, 3, bias: false)
    let trained = try QAT.Linear(layer, .defaultQAT)
    #expect(trained.weight === layer.weight)
    let identity = try Tensor((0..<36).map { Float($0 % 7 == 0 ? 1 : 0) }, shape: [6, 6])
    let rounded: [Float] = try trained(identity).elements()
    let scale = try #require(
      (trained.weightFakeQuant as? FakeQuantize)?.scale.value.elements(as: Float.self).first)
    for value in rounded {
      let steps = value / scale
      #expect(abs(steps - steps.rounded()) < 1e-3)
      #expect((-128...127).contains(steps.rounded()))
    }
  }

  @Test("Configurations that can't train are refused with the way out")
  func refusals() throws {
    let error = #expect(throws: OctetError.self) { _ = try QAT.Linear(Linear(2, 2), .default) }
    #expect(error?.code == .invalidConfiguration && error?.fix.contains("defaultQAT") == true)
    #expect(throws: OctetError.self) { _ = try QAT.Dynamic.Linear(Linear(2, 2), .defaultQAT) }
    _ = try QAT.Dynamic.Linear(Linear(2, 2), .defaultDynamicQAT)
    #expect(throws: OctetError.self) { _ = try QAT.Embedding(Embedding(4, 2), .defaultQAT) }
    #expect(throws: OctetError.self) {
      _ = try QAT.ConvBn2d(Conv2d(2, 3, kernelSize: 1), BatchNorm2d(4), .defaultQAT)
    }
  }
}
