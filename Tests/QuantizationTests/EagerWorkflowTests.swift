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
  let fc1 = Linear(64, 8)
  let relu2 = ReLU()
  let fc2 = Linear(8, 3)
  let dequant = DeQuantStub()

  override func forward(_ x: Tensor) -> Tensor {
    let y = relu(bn(conv(quant(x)))).maxPool2d(2)
    return dequant(fc2(relu2(fc1(y.flatten(from: 1)))))
  }

  static let fusions = [["conv", "bn", "relu"], ["fc1", "relu2"]]
}

private func network(_ seed: UInt64) throws -> Network {
  RandomSource.shared.reseed(seed)
  let model = Network()
  let random = TestRandom(seed)
  model.bn.runningMean?.value = try Tensor(random.floats(4), shape: [4])
  model.bn.runningVar?.value = try Tensor(random.floats(4, in: 0.5...2), shape: [4])
  model.bn.weight?.value = try Tensor(random.floats(4, in: 0.5...2), shape: [4])
  model.bn.bias?.value = try Tensor(random.floats(4), shape: [4])
  return model.eval()
}

private func images(_ seed: UInt64, _ count: Int = 8) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(count * 2 * 64, in: -2...2), shape: [count, 2, 8, 8])
}

// Layers draw their first weights from one generator: one test at a time.
@Suite("Eager workflow: fuse, prepare, calibrate, convert", .serialized)
struct EagerWorkflowTests {
  @Test func fusingKeepsTheFunction() throws {
    let model = try network(1)
    let x = try images(2)
    let before: [Float] = try model(x).elements()
    try fuseModules(model, Network.fusions)
    let after: [Float] = try model(x).elements()
    for (a, b) in zip(before, after) { #expect(abs(a - b) <= 1e-5 * max(1, abs(a))) }
    #expect(model.conv.current is Fused.ConvReLU2d)
    #expect(model.bn.current is Identity)
    #expect(model.relu.current is Identity)
    #expect(model.fc1.current is Fused.LinearReLU)
    #expect(model.bn.weight?.isDropped == true && model.conv.weight.isDropped)
    #expect(!model.fc1.weight.isDropped, "the fused module shares the parameter")
  }

  @Test func fusionIsRefusedWithReasons() throws {
    let model = try network(1)
    let unknown = #expect(throws: OctetError.self) { try fuseModules(model, [["relu", "conv"]]) }
    #expect(unknown?.received == "ReLU, Conv2d")
    let path = #expect(throws: OctetError.self) { try fuseModules(model, [["conv", "bm"]]) }
    #expect(path?.received == "'bm'" && path?.fix.contains("bn") == true)
    model.train()
    let training = #expect(throws: OctetError.self) { try fuseModules(model, Network.fusions) }
    #expect(training?.fix.contains("eval()") == true)
    #expect(model.conv.current === model.conv, "nothing changed")
  }

  @Test func conversionComputesInIntegersAndStaysClose() throws {
    let float = try network(3)
    let model = try network(3)
    try fuseModules(model, Network.fusions)
    model.qconfig = try .getDefaultQConfig(backend: .fbgemm)
    try prepare(model)
    for seed in 10..<14 { _ = model(try images(UInt64(seed))) }
    try convert(model)
    #expect(model.quant.current is Quantized.Quantize)
    #expect(model.conv.current is Quantized.ConvReLU2d)
    #expect(model.fc1.current is Quantized.LinearReLU)
    #expect(type(of: model.fc2.current) == Quantized.Linear.self)
    #expect(model.dequant.current is Quantized.DeQuantize)
    #expect(model.fc2.weight.isDropped && model.fc1.weight.isDropped)
    #expect(
      model.namedModules().allSatisfy { !($0.module is Observer) },
      "observers are gone")
    let x = try images(12)
    let want: [Float] = try float(x).elements()
    let got: [Float] = try model(x).elements()
    let signal = want.reduce(0) { $0 + Double($1 * $1) }
    let noise = zip(want, got).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    #expect(signal / noise > 300, "about 25 dB and more")
  }

  @Test func aConvertedModelLoadsItsOwnState() throws {
    func converted(_ seed: UInt64) throws -> Network {
      let model = try network(seed)
      try fuseModules(model, Network.fusions)
      model.qconfig = .defaultPerChannel
      try prepare(model)
      _ = model(try images(seed + 1))
      try convert(model)
      return model
    }
    let (a, b) = (try converted(5), try converted(6))
    let x = try images(40)
    #expect(try a(x).elements(as: Float.self) != b(x).elements(as: Float.self))
    try b.load(a.stateDictionary())
    #expect(try a(x).elements(as: Float.self) == b(x).elements(as: Float.self))
    #expect(
      a.stateDictionary().names.starts(with: [
        "quant.scale", "quant.zero_point", "conv.weight", "conv.bias", "conv.scale",
        "conv.zero_point",
      ]))
  }

  @Test func dynamicQuantizationNeedsNoData() throws {
    let (float, model) = (try network(7), try network(7))
    try quantizeDynamic(model)
    #expect(model.fc1.current is Dynamic.Linear && model.fc2.current is Dynamic.Linear)
    #expect(model.conv.current === model.conv)
    let x = try images(8)
    let want: [Float] = try float(x).elements()
    let got: [Float] = try model(x).elements()
    let signal = want.reduce(0) { $0 + Double($1 * $1) }
    let noise = zip(want, got).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    #expect(signal / noise > 100)
  }

  @Test func aSubtreeStaysInFloat() throws {
    let model = try network(9)
    model.qconfig = .default
    model.fc2.qconfig = nil
    try prepare(model, ["conv": .defaultPerChannel])
    _ = model(try images(1))
    #expect(model.conv.qconfig == .defaultPerChannel)
    #expect(model.fc1.qconfig == .default)
    #expect(model.fc2.activationPostProcess == nil)
  }

  @Test func mistakesAreNamed() throws {
    let model = try network(11)
    let none = #expect(throws: OctetError.self) { try prepare(model) }
    #expect(none?.fix.contains("qconfig") == true)
    let early = #expect(throws: OctetError.self) { try convert(model) }
    #expect(early?.fix.contains("prepare") == true)
    model.qconfig = .default
    try prepare(model)
    let unfed = #expect(throws: OctetError.self) { try convert(model) }
    #expect(unfed?.code == .notObserved && unfed?.modulePath == "quant")
    #expect(model.conv.current === model.conv, "nothing changed")
    let twice = #expect(throws: OctetError.self) { try prepare(model) }
    #expect(twice?.received.contains("quant") == true)
    let path = #expect(throws: OctetError.self) {
      try quantizeDynamic(try network(11), only: ["relu": .defaultDynamic])
    }
    #expect(path?.received == "'relu'")
  }

  @Test func badInputsOfAConvertedModelAreErrors() throws {
    let model = try network(13)
    model.qconfig = .default
    try fuseModules(model, Network.fusions)
    try prepare(model)
    _ = model(try images(1))
    try convert(model)
    let error = #expect(throws: OctetError.self) {
      try model.evaluate(Tensor(repeating: Float(0), shape: [1, 3, 8, 8]))
    }
    #expect(error?.modulePath == "conv")
    #expect(error?.description.contains("2 channels") == true)
    let small = #expect(throws: OctetError.self) {
      try model.evaluate(Tensor(repeating: Float(0), shape: [1, 2, 4, 4]))
    }
    #expect(small?.modulePath == "fc1")
  }
}
