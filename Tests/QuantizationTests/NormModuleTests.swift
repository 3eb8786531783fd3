import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private final class Network: Module {
  let quant = QuantStub()
  let bn = BatchNorm2d(4)
  let relu = ReLU()
  let group = GroupNorm(2, 4)
  let instance = InstanceNorm2d(4, affine: true)
  let pool = AvgPool2d(2)
  let up = Upsample(scaleFactor: 2)
  let head = AdaptiveAvgPool2d(2)
  let layer = LayerNorm([4, 2, 2])
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let y = instance(group(relu(bn(quant(x)))))
    return dequant(layer(head(up(pool(y)))))
  }
}

private func network() throws -> Network {
  let model = Network()
  let random = TestRandom(1)
  model.bn.runningMean?.value = try Tensor(random.floats(4), shape: [4])
  model.bn.runningVar?.value = try Tensor(random.floats(4, in: 0.5...2), shape: [4])
  for parameter in [model.bn.weight, model.group.weight, model.instance.weight] {
    parameter?.value = try Tensor(random.floats(4, in: 0.5...2), shape: [4])
  }
  return model.eval()
}

private func images(_ seed: UInt64) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(6 * 4 * 64, in: -2...2), shape: [6, 4, 8, 8])
}

@Suite("Normalization modules through the eager workflow")
struct NormModuleTests {
  @Test func convertedNormsStayCloseToTheirFloatForms() throws {
    let model = try network()
    let x = try images(3)
    let want: [Float] = try model.evaluate(x).elements()
    try fuseModules(model, [["bn", "relu"]])
    #expect(model.bn.current(as: Fused.BNReLU2d.self)?.norm is BatchNorm2d)
    #expect(try model.evaluate(x).elements(as: Float.self) == want, "fusing keeps the function")
    model.qconfig = .default
    try prepare(model)
    _ = try model.evaluate(x)
    try convert(model)
    #expect(model.bn.current is Quantized.BNReLU2d)
    #expect(model.group.current is Quantized.GroupNorm)
    #expect(model.instance.current is Quantized.InstanceNorm2d)
    #expect(model.layer.current is Quantized.LayerNorm)
    let got: [Float] = try model.evaluate(x).elements()
    let signal = want.reduce(0.0) { $0 + Double($1 * $1) }
    let noise = zip(got, want).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    // Averaging 16 values that hardly depend on each other leaves a sixteenth of their power in the same steps.
    #expect(signal / noise > 100, "quantization noise 20 dB below the signal")
  }

  @Test func stateHasTorchsNames() throws {
    let batch = try Quantized.BatchNorm2d(3, scale: 0.5, zeroPoint: 7)
    #expect(
      batch.stateDictionary().names == [
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked", "scale",
        "zero_point",
      ])
    #expect("\(batch)".hasSuffix("BatchNorm2d(3, epsilon: 1e-05, scale: 0.5, zeroPoint: 7)"))
    let layer = try Quantized.LayerNorm(
      [3], weight: Tensor(repeating: Float(2), shape: [3]), bias: nil, scale: 0.5, zeroPoint: 7)
    #expect(layer.stateDictionary().names == ["weight", "scale", "zero_point"])
    let copy = try Quantized.LayerNorm(
      [3], weight: Tensor(repeating: Float(1), shape: [3]), bias: nil, scale: 1, zeroPoint: 0)
    try copy.load(layer.stateDictionary())
    let x = try Functional.quantizePerTensor(
      Tensor([0, 1, 2] as [Float], shape: [1, 3]), scale: 0.1, zeroPoint: 3, dtype: .quint8)
    let (a, b) = (try copy.evaluate(x), try layer.evaluate(x))
    #expect(a.quantizer == b.quantizer)
    #expect(
      try a.integerRepresentation().elements(as: UInt8.self)
        == b.integerRepresentation().elements(as: UInt8.self))
  }

  @Test func wrongInputsAreRefused() throws {
    let x = try Functional.quantizePerTensor(
      Tensor(repeating: Float(1), shape: [2, 6, 4]), scale: 0.1, zeroPoint: 3, dtype: .quint8)
    let modules: [Module] = [
      try Quantized.BatchNorm2d(6), try Quantized.BNReLU3d(6),
      try Quantized.GroupNorm(1, 5, weight: nil, bias: nil, scale: 1, zeroPoint: 0),
      try Quantized.InstanceNorm2d(6, weight: nil, bias: nil, scale: 1, zeroPoint: 0),
      try Quantized.InstanceNorm1d(5, weight: nil, bias: nil, scale: 1, zeroPoint: 0),
      try Quantized.LayerNorm([5], weight: nil, bias: nil, scale: 1, zeroPoint: 0),
      try Quantized.LayerNorm([4], weight: nil, bias: nil, scale: 1, zeroPoint: 256),
    ]
    for module in modules {
      #expect(throws: OctetError.self) { _ = try module.evaluate(x) }
    }
    #expect(throws: OctetError.self) {
      try Quantized.GroupNorm(4, 6, weight: nil, bias: nil, scale: 1, zeroPoint: 0)
    }
    #expect(throws: OctetError.self) { try Quantized.BatchNorm2d(6, scale: -1) }
  }
}
