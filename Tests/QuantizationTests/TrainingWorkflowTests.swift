import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private final class Network: Module {
  let quant = QuantStub()
  let conv = Conv2d(2, 4, kernelSize: 3, padding: 1, bias: false)
  let bn = BatchNorm2d(4)
  let relu = ReLU()
  let fc = Linear(64, 3)
  let sigmoid = Sigmoid()
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let y = relu(bn(conv(quant(x)))).maxPool2d(2)
    return dequant(sigmoid(fc(y.flatten(from: 1))))
  }

  static let fusions = [["conv", "bn", "relu"]]
}

private func images(_ seed: UInt64, _ count: Int = 4) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(count * 2 * 64, in: -2...2), shape: [count, 2, 8, 8])
}

private func network() throws -> Network {
  RandomSource.shared.reseed(11)
  let model = Network()
  model.qconfig = try .getDefaultQATQConfig(backend: .fbgemm, version: 1)
  return model
}

@Suite("Quantization-aware training: fuse, prepare, train, convert", .serialized)
struct TrainingWorkflowTests {
  @Test func trainedModelConvertsToWhatItComputed() throws {
    let model = try network()
    try fuseModulesQAT(model, Network.fusions)
    #expect(model.conv.current is Fused.ConvBnReLU2d)
    try prepareQAT(model)
    #expect(model.conv.current is QAT.ConvBnReLU2d && model.fc.current is QAT.Linear)
    #expect(model.quant.activationPostProcess is FusedMovingAvgObsFakeQuantize)
    #expect(model.sigmoid.activationPostProcess is FixedQParamsFakeQuantize)
    #expect(model.relu.activationPostProcess == nil && model.bn.current is Identity)
    let before: [Float] = try model.fc.weight.value.elements()
    for step in 0..<6 {
      model.zeroGradients()
      let loss = try Functional.mean(Functional.square(model(images(UInt64(step)))))
      try loss.backward()
      try noGrad {
        for parameter in model.parameters {
          let gradient = try #require(parameter.gradient)
          parameter.value = try Functional.subtract(parameter.value, gradient * 0.1)
        }
      }
    }
    #expect(try model.fc.weight.value.elements() != before, "the handle's parameter trains")
    model.eval()
    disableObserver(model)
    let x = try images(99)
    let trained: [Float] = try model.evaluate(x).elements()
    try convert(model)
    #expect(model.conv.current is Quantized.ConvReLU2d && model.fc.current is Quantized.Linear)
    #expect(model.namedModules().allSatisfy { $0.module.activationPostProcess == nil })
    let converted: [Float] = try model.evaluate(x).elements()
    // Sigmoid's results have 256 steps; two roundings may fall to different sides.
    for (a, b) in zip(trained, converted) { #expect(abs(a - b) <= 2.0 / 256) }
  }

  @Test func nothingIsPlacedWhenPreparationFails() throws {
    let model = try network().eval()
    let eval = #expect(throws: OctetError.self) { try prepareQAT(model) }
    #expect(eval?.fix.contains("train()") == true)
    model.train()
    model.fc.qconfig = .default
    let error = #expect(throws: OctetError.self) { try prepareQAT(model) }
    #expect(error?.modulePath == "fc")
    for (_, module) in model.namedModules() {
      #expect(module.activationPostProcess == nil)
      #expect(!(module is any TrainingForm))
    }
  }

  @Test func fusionInTrainingKeepsBatchNorms() throws {
    let model = try network()
    let mixed = try network()
    mixed.bn.eval()
    #expect(throws: OctetError.self) { try fuseModulesQAT(mixed, Network.fusions) }
    #expect(mixed.conv.current === mixed.conv)
    #expect(throws: OctetError.self) { try fuseModules(model, Network.fusions) }
    try fuseModulesQAT(model.eval(), Network.fusions)
    #expect(model.conv.current is Fused.ConvReLU2d, "in evaluation mode the batch norm is folded")
  }

  @Test func refusedConversionLeavesFakeQuantizersAlone() throws {
    let model = try network()
    try prepareQAT(model)
    _ = model(try images(1))
    let trained = try #require(model.fc.current as? QAT.Linear)
    let before = trained.weightFakeQuant.stateDictionary().entries.map { "\($0.tensor)" }
    model.quant.activationPostProcess = FakeQuantize.factoryForTests()
    #expect(throws: OctetError.self) { try convert(model) }
    #expect(model.fc.current === trained)
    #expect(trained.weightFakeQuant.stateDictionary().entries.map { "\($0.tensor)" } == before)
  }

  @Test func weightsAreQuantizedWithTheirOwnParameters() throws {
    func scale(precomputed: Bool) throws -> (trained: Float, converted: Double) {
      let model = try network()
      model.qconfig = .defaultQAT
      try prepareQAT(model)
      _ = model(try images(1))
      let fake = try #require(
        (model.fc.current as? QAT.Linear)?.weightFakeQuant as? FakeQuantize)
      let trained = try #require(fake.calculateParameters().scales.first)
      // The range that the weight's own extremes would give is another one now.
      model.fc.weight.value = model.fc.weight.value.detached() * 3
      try convert(model, removeQConfig: false, usePrecomputedFakeQuant: precomputed)
      #expect(model.fc.qconfig == .defaultQAT)
      let weight = try #require(model.fc.current as? Quantized.Linear).weight
      return (trained, try weight.qScale())
    }
    let kept = try scale(precomputed: true)
    #expect(kept.converted == Double(kept.trained))
    // One more look moves a moving average by a hundredth of the way.
    let moved = try scale(precomputed: false)
    #expect(abs(moved.converted / Double(moved.trained) - 1.02) < 1e-3)
  }

  @Test func runTimeActivationsAreRoundedOnTheWayIn() throws {
    let model = Sequential(Linear(8, 6), ReLU(), Linear(6, 2))
    model.qconfig = .defaultDynamicQAT
    try prepareQAT(model, target: .runTime)
    #expect(model[0].current is QAT.Dynamic.Linear && model[0].watchesInput)
    let x = try Tensor(TestRandom(5).floats(32), shape: [4, 8])
    let trained = model(x)
    model.eval()
    let again: [Float] = try model.evaluate(x).elements()
    #expect(try trained.elements() == again)
    try convert(model, to: .dynamic)
    #expect(model[0].current is Dynamic.Linear && !model[0].watchesInput)
    for (a, b) in zip(again, try model.evaluate(x).elements(as: Float.self)) {
      #expect(abs(a - b) < 0.05)
    }
  }

  @Test func oneCallDoesItAll() throws {
    let (a, b) = (try network(), try network())
    for model in [a, b] { model.qconfig = .default }
    let data = try (0..<3).map { (try images(UInt64($0)), try images(0)) }
    try quantize(a) { try defaultEvalFn($0, data) }
    b.eval()
    try prepare(b)
    for (x, _) in data { _ = try b.evaluate(x) }
    try convert(b)
    let x = try images(7)
    #expect(try a.evaluate(x).elements(as: Float.self) == b.evaluate(x).elements())
    let trained = try network()
    try quantizeQAT(trained) { _ = $0(try images(3)) }
    #expect(trained.fc.current is Quantized.Linear)
  }
}

extension FakeQuantize {
  /// A fake quantizer that has seen nothing.
  fileprivate static func factoryForTests() -> Observer { ObserverFactory.defaultFakeQuant() }
}
