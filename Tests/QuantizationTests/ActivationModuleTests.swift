import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private final class Block: Module {
  let quant = QuantStub()
  let fc1 = Linear(6, 8)
  let hardswish = Hardswish()
  let fc2 = Linear(6, 8)
  let leaky = LeakyReLU(negativeSlope: 0.2)
  let dropout = Dropout(p: 0.3)
  let sum = FloatFunctional()
  let product = FloatFunctional()
  let join = FloatFunctional()
  let prelu = PReLU(parameters: 16)
  let elu = ELU()
  let tanh = Tanh()
  let relu6 = ReLU6()
  let sigmoid = Sigmoid()
  let softmax = Softmax(dim: 1)
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let q = quant(x)
    let (a, b) = (hardswish(fc1(q)), dropout(leaky(fc2(q))))
    let joined = join.cat([sum.addReLU(a, b), product.mul(a, b)], dim: 1)
    let gated = sigmoid(relu6(elu(prelu(product.mulScalar(sum.addScalar(joined, 0.1), -1.5)))))
    return dequant(softmax(gated))
  }
}

private func block(_ seed: UInt64) -> Block {
  RandomSource.shared.reseed(seed)
  let model = Block()
  model.eval()
  return model
}

private func batch(_ seed: UInt64) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(32 * 6, in: -2...2), shape: [32, 6])
}

// Layers draw their first weights from one generator: one test at a time.
@Suite("Activation and functional modules through prepare and convert", .serialized)
struct ActivationModuleTests {
  private func converted(_ seed: UInt64) throws -> (model: Block, real: [Float]) {
    let model = block(seed)
    let real: [Float] = try model.evaluate(batch(1)).elements()
    model.qconfig = .default
    try prepare(model)
    for i in 1...4 { _ = try model.evaluate(batch(UInt64(i))) }
    try convert(model)
    return (model, real)
  }

  @Test func everyFormIsInstalled() throws {
    let (model, real) = try converted(1)
    #expect(model.hardswish.current is Quantized.Hardswish)
    #expect(model.leaky.current(as: Quantized.LeakyReLU.self)?.negativeSlope == 0.2)
    #expect(model.dropout.current is Quantized.Dropout)
    #expect(model.sum.current is Quantized.QFunctional)
    #expect(model.prelu.current(as: Quantized.PReLU.self)?.weight.value.dtype == .quint8)
    #expect(model.elu.current is Quantized.ELU)
    #expect(model.relu6.current is Quantized.ReLU6)
    #expect(model.sigmoid.current is Sigmoid, "a float layer that takes integers, as in torch")
    #expect(model.softmax.current(as: Quantized.Softmax.self)?.dim == 1)
    #expect(model.tanh.current is Tanh)
    let quantized: [Float] = try model.evaluate(batch(1)).elements()
    for (q, r) in zip(quantized, real) { #expect(abs(q - r) <= 0.02) }
  }

  @Test func functionalModulesTakeTheirObserversParameters() throws {
    let model = block(2)
    model.qconfig = .default
    try prepare(model)
    for i in 1...3 { _ = try model.evaluate(batch(UInt64(i))) }
    let observer = try #require(model.join.activationPostProcess as? Observer)
    let parameters = try observer.calculateParameters()
    #expect(model.dropout.activationPostProcess == nil)
    try convert(model)
    let functional = try #require(model.join.current(as: Quantized.QFunctional.self))
    #expect(Float(functional.scale) == parameters.scales[0])
    #expect(parameters.zeroPoints == .integer([functional.zeroPoint]))
  }

  @Test func stateCarriesScalesZeroPointsAndSlopes() throws {
    let source = try converted(3).model
    let target = try converted(4).model
    let state = source.stateDictionary()
    #expect(state["sum.scale"] != nil && state["hardswish.zero_point"] != nil)
    #expect(state["prelu.weight"]?.dtype == .quint8)
    try target.load(state)
    let (a, b): ([Float], [Float]) = (
      try source.evaluate(batch(9)).elements(), try target.evaluate(batch(9)).elements()
    )
    #expect(a == b)
  }

  @Test func stateWithAnIllegalScaleIsRefused() throws {
    let model = try converted(5).model
    var state = model.stateDictionary()
    state["elu.scale"] = Tensor(scalar: Float(0))
    let error = #expect(throws: OctetError.self) { try model.load(state) }
    #expect(error?.description.contains("scale") == true)
  }

  @Test func floatFunctionalNamesItsPlaceInErrors() throws {
    let model = block(6)
    _ = try model.evaluate(batch(1))
    let (x, y) = (
      try Tensor(repeating: Float(1), shape: [2, 3]),
      try Tensor(repeating: Float(1), shape: [2, 4])
    )
    let error = #expect(throws: OctetError.self) {
      try collectingErrors { model.join.add(x, y) }
    }
    #expect(error?.modulePath == "join" && error?.code == .shapeMismatch)
    #expect(throws: OctetError.self) { try model.join.evaluate(x) }
    #expect(throws: OctetError.self) { try FXFloatFunctional().evaluate(x) }
    #expect(throws: OctetError.self) { try Quantized.QFunctional().evaluate(x) }
  }

  @Test func slopesAreQuantizedByAnObserverForTheirType() throws {
    let model = Sequential(QuantStub(), PReLU(parameters: 3, initial: -0.4), DeQuantStub())
    model.eval()
    model.qconfig = try QConfig(
      activation: MinMaxObserver.factory(),
      weight: MinMaxObserver.factory(dtype: .quint8, scheme: .perTensorSymmetric))
    try prepare(model)
    let x = try Tensor(TestRandom(1).floats(30), shape: [10, 3])
    _ = try model.evaluate(x)
    try convert(model)
    let prelu = try #require(
      model.children[1].module.current(as: Quantized.PReLU.self))
    #expect(try prelu.weight.value.qZeroPoint() == 128)
    let slopes: [Float] = try prelu.weight.value.dequantized().elements()
    for slope in slopes { #expect(abs(slope + 0.4) < 0.004) }
  }
}

@Suite("Activation modules refuse what they can't run")
struct ActivationModuleErrorTests {
  @Test func scales() {
    for scale in [0, -1, .nan, .infinity] {
      #expect(throws: OctetError.self) { try Quantized.Hardswish(scale: scale, zeroPoint: 0) }
      #expect(throws: OctetError.self) { try Quantized.Sigmoid(scale: scale, zeroPoint: 0) }
      #expect(throws: OctetError.self) { try Quantized.QFunctional(scale: scale) }
      #expect(throws: OctetError.self) { try Quantized.Softmax(scale: scale) }
      #expect(throws: OctetError.self) { try Quantized.ELU(scale: scale, zeroPoint: 0) }
      #expect(throws: OctetError.self) { try Quantized.LeakyReLU(scale: scale, zeroPoint: 0) }
    }
  }

  @Test func realTensors() throws {
    let real = try Tensor(repeating: Float(1), shape: [2, 3])
    let modules: [Module] = [
      Quantized.ReLU6(), try Quantized.Hardswish(scale: 1, zeroPoint: 0),
      try Quantized.Sigmoid(scale: 1, zeroPoint: 0), try Quantized.ELU(scale: 1, zeroPoint: 0),
      try Quantized.LeakyReLU(scale: 1, zeroPoint: 0), try Quantized.Softmax(dim: 1),
    ]
    for module in modules {
      let error = #expect(throws: OctetError.self) { try module.evaluate(real) }
      #expect(error?.code == .quantizationMismatch, "\(type(of: module))")
    }
    #expect(throws: OctetError.self) { try Quantized.PReLU(weight: real, scale: 1, zeroPoint: 0) }
  }

  @Test func trainingDropoutIsForRealTensors() throws {
    let dropout = Dropout(p: 0.5)
    let quantizer = try Quantizer(scale: 1, zeroPoint: 0, dtype: .quint8)
    let x = try Tensor(integers: [UInt8(4), 5], shape: [2], dtype: .quint8, quantizer: quantizer)
    #expect(try dropout.evaluate(x).elements(as: UInt8.self) == [4, 5])
    #expect(throws: OctetError.self) { try Functional.dropout(x, p: 0.5) }
    #expect(throws: OctetError.self) { try Functional.dropout(x, p: 1.5, training: false) }
  }
}
