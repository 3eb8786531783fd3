import OctetNN
import OctetTensor
import OctetTestSupport
import Testing

private final class Mixed: Module {
  let stages = ModuleList([Linear(3, 3), ReLU()])
  let heads = ModuleDict(["big": Linear(3, 5), "small": Linear(3, 1)])

  override func forward(_ x: Tensor) -> Tensor {
    let y = stages.reduce(x) { $1($0) }
    return heads["small"].map { $0(y) } ?? y
  }
}

@Suite("Containers, unflattening and stacks of transformer layers")
struct ContainerTests {
  @Test func listsAndDictionariesNameWhatTheyHold() throws {
    let model = Mixed()
    model.stages.append(Linear(3, 3, bias: false))
    #expect(
      model.stateDictionary().names == [
        "stages.0.weight", "stages.0.bias", "stages.2.weight", "heads.big.weight",
        "heads.big.bias", "heads.small.weight", "heads.small.bias",
      ])
    #expect(model.submodule("heads.big") === model.heads["big"])
    #expect(model.stages.count == 3 && model.stages[1] is ReLU)
    #expect(try model.evaluate(Tensor(repeating: Float(1), shape: [2, 3])).shape == [2, 1])
    model.heads["big"] = nil
    model.heads["none"] = Identity()
    #expect(model.heads.names == ["small", "none"])
    model.eval()
    #expect(model.stages.allSatisfy { !$0.isTraining })
  }

  @Test func aSequenceTakesNames() throws {
    let model = Sequential(["fc": Linear(3, 4), "act": ReLU(), "out": Linear(4, 2, bias: false)])
    #expect(model.stateDictionary().names == ["fc.weight", "fc.bias", "out.weight"])
    #expect(model["act"] === model[1] && model["none"] == nil && model.count == 3)
    let x = try Tensor(TestRandom(3).floats(6), shape: [2, 3])
    let copy = try model.copy()
    #expect(copy.stateDictionary().names == model.stateDictionary().names)
    #expect(try copy.evaluate(x) == model.evaluate(x))
    try #require(model["out"] as? Linear).weight.value = Tensor(repeating: Float(0), shape: [2, 4])
    #expect(try model.evaluate(x).elements(as: Float.self) == [0, 0, 0, 0])
    #expect(try copy.evaluate(x).elements(as: Float.self) != [0, 0, 0, 0])
  }

  @Test func anEncoderCopiesItsLayer() throws {
    let layer = TransformerEncoderLayer(4, heads: 2, feedforwardDim: 6).eval()
    let encoder = try TransformerEncoder(layer, count: 2, norm: LayerNorm(4)).eval()
    let names = layer.stateDictionary().names
    #expect(
      encoder.stateDictionary().names
        == names.map { "layers.0.\($0)" } + names.map { "layers.1.\($0)" }
        + ["norm.weight", "norm.bias"])
    let x = try Tensor(TestRandom(3).floats(24), shape: [3, 2, 4])
    #expect(try encoder.evaluate(x) == LayerNorm(4).evaluate(layer.evaluate(layer.evaluate(x))))
  }

  @Test func unflattenUndoesFlatten() throws {
    let x = try Tensor(TestRandom(1).floats(24), shape: [2, 3, 4])
    let flat = try Flatten().evaluate(x)
    let back = try Unflatten(1, [3, -1]).evaluate(flat)
    #expect(back.shape == [2, 3, 4])
    #expect(try back.elements(as: Float.self) == x.elements())
    #expect(try Unflatten(-1, [2, 2]).evaluate(x).shape == [2, 3, 2, 2])
    for layer in [Unflatten(1, [5, -1]), Unflatten(2, [3, 4]), Unflatten(1, [-1, -1])] {
      #expect(throws: OctetError.self) { _ = try layer.evaluate(flat) }
    }
  }

  @Test func encodersRunTheirLayersInOrder() throws {
    let layers = (0..<2).map { _ in
      TransformerEncoderLayer(8, heads: 2, feedforwardDim: 6, dropout: 0.5)
    }
    let encoder = TransformerEncoder(layers, norm: LayerNorm(8)).eval()
    let x = try Tensor(TestRandom(2).floats(48), shape: [3, 2, 8])
    let norm = LayerNorm(8)
    let want: [Float] = try norm.evaluate(layers[1].evaluate(layers[0].evaluate(x))).elements()
    #expect(try encoder.evaluate(x).elements() == want)
    let arguments = AttentionArguments(isCausal: true)
    let causal: [Float] = try collectingErrors { encoder(x, arguments) }.elements()
    let first: [Float] = try collectingErrors {
      encoder(try x.slice(dim: 0, 0..<1), arguments)
    }.elements()
    for (a, b) in zip(causal, first) { #expect(abs(a - b) < 1e-5) }
    #expect(causal != want)
    #expect(
      encoder.stateDictionary().names.first == "layers.0.self_attn.in_proj_weight")
  }

  @Test func mistakesInsideNameTheLayer() throws {
    let encoder = TransformerEncoder([TransformerEncoderLayer(8, heads: 2, feedforwardDim: 4)])
    let error = #expect(throws: OctetError.self) {
      _ = try encoder.evaluate(Tensor(repeating: Float(1), shape: [3, 2, 7]))
    }
    #expect(error?.modulePath == "layers.0.self_attn")
  }
}
