import OctetNN
import OctetQuantization
import OctetTensor
import OctetTestSupport
import Testing

private final class Pair: Module {
  let first = Linear(6, 5)
  let last = Linear(5, 4)
  let inner: Sequential

  override init() {
    inner = Sequential(ReLU(), last)
    super.init()
    // Layers share one generator; these weights are the same whatever runs beside the test.
    for (seed, parameter) in parameters.enumerated() {
      let shape = parameter.value.shape
      let values = TestRandom(UInt64(seed)).floats(shape.reduce(1, *), in: -0.4...0.4)
      parameter.value = eager { try Tensor(values, shape: shape) }
    }
  }

  override func forward(_ x: Tensor) -> Tensor { inner(first(x)) }
}

private func rows(_ seed: UInt64) throws -> Tensor {
  try Tensor(TestRandom(seed).floats(48, in: -2...2), shape: [8, 6])
}

@Suite("Configurations by type, wrapping, swapping and quantizable forms", .serialized)
struct WrappingTests {
  @Test func wrappedLeavesTakeAndGiveReals() throws {
    let model = Pair().eval()
    let before: [Float] = try model.evaluate(rows(1)).elements()
    model.qconfig = .default
    model.inner[0].qconfig = nil
    propagateQConfig(model)
    try addQuantDequant(model)
    #expect(
      model.namedModules().map(\.path) == [
        "", "first", "first.quant", "first.module", "first.dequant", "last", "last.quant",
        "last.module", "last.dequant", "inner", "inner.0", "inner.1", "inner.1.quant",
        "inner.1.module", "inner.1.dequant",
      ])
    #expect(model.submodule("first.module")?.current === model.first)
    #expect(try model.evaluate(rows(1)).elements() == before)
    try prepare(model)
    _ = try model.evaluate(rows(2))
    try convert(model)
    #expect(model.submodule("first.module")?.current is Quantized.Linear)
    #expect(model.first.weight.isDropped)
    #expect(model.stateDictionary()["inner.1.module.weight"]?.dtype == .qint8)
    for (a, b) in zip(before, try model.evaluate(rows(1)).elements(as: Float.self)) {
      #expect(abs(a - b) < 0.1)
    }
  }

  @Test func wrappingDoesntKeepModelsAlive() throws {
    weak var seen: Module?
    do {
      let model = Pair().eval()
      model.qconfig = .default
      propagateQConfig(model)
      try addQuantDequant(model)
      _ = try model.evaluate(rows(1))
      seen = model.first
    }
    #expect(seen == nil)
  }

  @Test func ownBeatsNameBeatsTypeBeatsParent() throws {
    let model = Pair()
    let own = QConfig.defaultPerChannel
    model.inner[1].qconfig = own
    propagateQConfig(
      model, ["": .default, "first": .defaultDebug, "inner.0": nil],
      types: [(Linear.self, .float16Static), (ReLU.self, .defaultDebug)])
    #expect(model.first.qconfig == .defaultDebug)
    #expect(model.inner.qconfig == .default)
    #expect(model.inner[0].qconfig == nil)
    #expect(model.inner[1].qconfig == own)
    let other = Pair()
    propagateQConfig(other, types: [(Linear.self, .default)])
    #expect(other.first.qconfig == .default && other.inner[0].qconfig == nil)
  }

  @Test func onlyListedTypesAreObserved() throws {
    let model = Pair().eval()
    model.qconfig = .default
    let network = Sequential(QuantStub(), model, DeQuantStub())
    network.eval()
    network.qconfig = .default
    try prepare(network, allowList: [Linear.self])
    #expect(network[0].activationPostProcess == nil)
    #expect(model.first.activationPostProcess != nil)
  }

  @Test func swappingKeepsHooksAndMode() throws {
    let layer = Linear(6, 4)
    layer.eval()
    #expect(try swapModule(layer) === layer, "no configuration")
    layer.qconfig = .default
    let activation = ReLU()
    activation.qconfig = .default
    #expect(try swapModule(activation) === activation, "no form")
    let container = Sequential(layer)
    container.eval()
    try prepare(container)
    _ = try container.evaluate(rows(3))
    var calls: [String] = []
    layer.preHooks.append(
      ModuleHook {
        calls.append("pre"); return $1
      })
    layer.postHooks.append(
      ModuleHook {
        calls.append("post"); return $1
      })
    let swapped = try swapModule(layer)
    #expect(swapped is Quantized.Linear && !swapped.isTraining)
    let input = try rows(3).quantizedPerTensor(scale: 0.02, zeroPoint: 128, dtype: .quint8)
    _ = try swapped.evaluate(input)
    #expect(calls == ["pre", "post"])
    #expect(try swapModule(layer, to: .dynamic) is Dynamic.Linear)
    let reference = try swapModule(layer, to: .reference)
    let weight = try #require(reference as? Reference.Linear).effectiveWeight()
    let integers = try #require(swapped as? Quantized.Linear).weight
    #expect(try weight.elements(as: Float.self) == integers.dequantized().elements())
  }

  @Test func attentionIsRebuiltObservedAndConverted() throws {
    let attention = MultiheadAttention(8, numHeads: 2, addBiasKV: true, addZeroAttention: true)
    let model = Sequential(QuantStub(), attention, DeQuantStub())
    model.eval()
    model.qconfig = .default
    let x = try Tensor(TestRandom(9).floats(96, in: -2...2), shape: [4, 3, 8])
    let float: [Float] = try model.evaluate(x).elements()
    try prepare(model)
    let observed = try #require(attention.current as? Quantizable.MultiheadAttention)
    #expect(attention.activationPostProcess == nil)
    #expect(observed.linearQ.activationPostProcess != nil)
    #expect(
      observed.children.prefix(4).map(\.name) == ["linear_Q", "linear_K", "linear_V", "out_proj"])
    for (a, b) in zip(float, try model.evaluate(x).elements(as: Float.self)) {
      #expect(abs(a - b) < 1e-5)
    }
    try convert(model)
    let quantized = try #require(attention.current as? Quantized.MultiheadAttention)
    #expect(quantized.linearK.current is Quantized.Linear)
    #expect(quantized.biasK?.value.dtype == .quint8)
    let y: [Float] = try model.evaluate(x).elements()
    let noise = zip(float, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let signal = float.reduce(0) { $0 + $1 * $1 }
    #expect(signal > 100 * noise)
  }

  @Test func attentionRefusesWhatDoesntFit() throws {
    let attention = MultiheadAttention(8, numHeads: 2, keyDim: 5)
    let query = try Tensor(repeating: Float(1), shape: [3, 2, 8])
    let key = try Tensor(repeating: Float(1), shape: [4, 2, 5])
    let value = try Tensor(repeating: Float(1), shape: [4, 2, 8])
    _ = try attention.evaluate(query, key, value)
    let wrong: [(Tensor, Tensor, Tensor, AttentionArguments)] = [
      (query, query, value, AttentionArguments()),
      (query, key, try value.slice(dim: 0, 0..<3), AttentionArguments()),
      (query, try key.slice(dim: 1, 0..<1), try value.slice(dim: 1, 0..<1), AttentionArguments()),
      (query, key, value, AttentionArguments(attentionMask: key)),
      (query, key, value, AttentionArguments(keyPaddingMask: Tensor(scalar: Int64(1)))),
    ]
    for (q, k, v, arguments) in wrong {
      let error = #expect(throws: OctetError.self) {
        _ = try attention.evaluate(q, k, v, arguments)
      }
      #expect(error?.code == .shapeMismatch)
    }
  }

  @Test func causalAttentionSeesNothingAhead() throws {
    let attention = MultiheadAttention(8, numHeads: 2).eval()
    let x = try Tensor(TestRandom(4).floats(48), shape: [6, 1, 8])
    let arguments = AttentionArguments(isCausal: true)
    let whole: [Float] = try attention.evaluate(x, x, x, arguments).output.elements()
    let start = try x.slice(dim: 0, 0..<3)
    let part: [Float] = try attention.evaluate(start, start, start, arguments).output.elements()
    for (a, b) in zip(whole, part) { #expect(abs(a - b) < 1e-6) }
    let weights: [Float] = try #require(try attention.evaluate(x, x, x, arguments).weights)
      .elements()
    for row in 0..<6 {
      for column in (row + 1)..<max(6, row + 1) { #expect(weights[row * 6 + column] == 0) }
    }
  }
}
