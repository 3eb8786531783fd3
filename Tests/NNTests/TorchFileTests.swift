import Foundation
import OctetFormats
import OctetNN
import OctetTensor
import Testing

/// The model that wrote the files, with torch's names.
private final class Net: Module {
  let conv = Conv2d(2, 4, kernelSize: [3, 2], padding: .same, paddingMode: .reflect)
  let wrap = Conv2d(
    4, 4, kernelSize: [3], padding: [1, 2], groups: 2, bias: false, paddingMode: .circular)
  let edge = Conv1d(3, 4, kernelSize: 3, stride: 2, padding: 1, paddingMode: .replicate)
  let bn = BatchNorm2d(4)
  let up = ConvTranspose2d(4, 3, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1)
  let gn = GroupNorm(3, 3)
  let inorm = InstanceNorm1d(4, affine: true)
  let vol = Conv3d(1, 2, kernelSize: [2])
  let prelu = PReLU(parameters: 2)
  let emb = Embedding(7, 6)
  let bag = EmbeddingBag(7, 6, mode: .mean)
  let rms = RMSNorm(6)
  let enc = TransformerEncoderLayer(6, heads: 2, feedforwardDim: 8, batchFirst: true)
  let attn = MultiheadAttention(
    6, numHeads: 2, addBiasKV: true, keyDim: 5, valueDim: 4, batchFirst: true)
  let bilinear = Bilinear(6, 6, 3)
  let head = Sequential(Linear(6, 5), Mish(), Linear(5, 2, bias: false))
  let blocks = ModuleList([LayerNorm(6), Linear(6, 6)])
  let named = ModuleDict(["a": Linear(6, 2)])

  override func makeCopy(_ copier: ModuleCopier) throws -> Module { Net() }
}

@Suite("A model saved from torch")
struct TorchFileTests {
  private static func file(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/\(name).safetensors").path
  }

  private static func loaded() throws -> (model: Net, data: SafetensorsFile) {
    let model = Net().eval()
    try model.load(StateDictionary(loadTensors(path: file("torch_model"))))
    return (model, try SafetensorsFile(path: file("torch_results")))
  }

  /// What the model gives for the file's inputs, under the file's names.
  private static func outputs(_ model: Net, _ data: SafetensorsFile) throws -> [String: Tensor] {
    func input(_ name: String) throws -> Tensor { try data.tensor("input.\(name)") }
    let image = try input("image")
    let upscaled = try model.gn.evaluate(
      model.up.evaluate(
        model.bn.evaluate(model.wrap.evaluate(SiLU().evaluate(model.conv.evaluate(image))))))
    let rows = try model.rms.evaluate(model.emb.evaluate(input("ids")))
    let encoded = try model.enc.evaluate(rows)
    let attended = try model.attn.evaluate(encoded, input("key"), input("value"))
    let block = try #require(model.named["a"])
    var result = [
      "image": upscaled, "rows": rows, "encoded": encoded, "attended": attended.output,
      "pooled": try AdaptiveMaxPool2d(height: 3, width: 2).evaluate(upscaled),
      "series": try model.inorm.evaluate(model.edge.evaluate(input("series"))),
      "volume": try model.prelu.evaluate(model.vol.evaluate(input("volume"))),
      "bags": try model.bag.evaluate(input("ids")),
      "bilinear": try model.bilinear.evaluate(encoded, rows),
      "head": try model.head.evaluate(encoded),
      "blocks": try model.blocks[1].evaluate(model.blocks[0].evaluate(encoded)),
      "named": try block.evaluate(encoded),
      "softplus": try Softplus(beta: 2, threshold: 3).evaluate(encoded),
      "padded": try ReplicationPad2d([1, 2, 0, 3]).evaluate(image),
      "threshold": try Threshold(0.1, 20).evaluate(image),
      "celu": try CELU(alpha: 0.7).evaluate(image),
    ]
    result["weights"] = attended.weights
    return result
  }

  private static func check(_ model: Net, _ data: SafetensorsFile) throws {
    let outputs = try outputs(model, data)
    let names = data.entries.map(\.name).filter { $0.hasPrefix("output.") }
    #expect(Set(names) == Set(outputs.keys.map { "output.\($0)" }))
    for (name, output) in outputs {
      let expected = try data.tensor("output.\(name)")
      #expect(output.shape == expected.shape, "\(name)")
      let pairs = zip(try output.elements(as: Float.self), try expected.elements(as: Float.self))
      for (i, (got, want)) in pairs.enumerated() {
        #expect(abs(got - want) <= 2e-5 * max(1, abs(want)), "\(name)[\(i)]: \(got), torch \(want)")
      }
    }
  }

  @Test func loadsAsItIsAndComputesTheSame() throws {
    let (model, data) = try Self.loaded()
    let file = try SafetensorsFile(path: Self.file("torch_model"))
    #expect(Set(model.stateDictionary().names) == Set(file.entries.map(\.name)))
    #expect(try model.bn.numBatchesTracked?.value.item() == 3)
    try Self.check(model, data)
  }

  @Test func aCopyTakesItOver() throws {
    let (model, data) = try Self.loaded()
    let copy = try model.copy()
    #expect(!copy.isTraining)
    try Self.check(copy, data)
    try copy.load(Net().stateDictionary())
    try Self.check(model, data)
  }
}

/// The second model that wrote files: layers under arguments that the first one leaves at their defaults.
private final class Layers: Module {
  let rnn = RNN(
    3, 4, layers: 2, nonlinearity: .relu, bias: false, batchFirst: true, bidirectional: true)
  let lstm = LSTM(3, 4, layers: 2, bidirectional: true, projectionSize: 2)
  let gru = GRU(3, 4, layers: 2)
  let rnnCell = RNNCell(3, 4, nonlinearity: .relu)
  let lstmCell = LSTMCell(3, 4, bias: false)
  let gruCell = GRUCell(3, 4)
  let plain = BatchNorm1d(3, momentum: nil, affine: false)
  let batch = BatchNorm3d(2, trackRunningStats: false)
  let cube = BatchNorm3d(2, epsilon: 1e-3)
  let inorm = InstanceNorm2d(2, affine: true, trackRunningStats: true)
  let inorm3 = InstanceNorm3d(2, momentum: 0.5, trackRunningStats: true)
  let emb = Embedding(6, 3, paddingIndex: -2, maxNorm: 1.2, normType: 3)
  let bag = EmbeddingBag(6, 3, mode: .max, paddingIndex: 2)
  let sums = EmbeddingBag(6, 3, maxNorm: 0.9, mode: .sum, includeLastOffset: true)
  let attn = MultiheadAttention(
    4, numHeads: 2, bias: false, addZeroAttention: true, keyDim: 3, valueDim: 5)
  let enc = TransformerEncoder(
    (0..<2).map { _ in
      TransformerEncoderLayer(
        4, heads: 2, feedforwardDim: 6, activation: .gelu, layerNormEpsilon: 1e-3,
        normFirst: true, bias: false)
    }, norm: LayerNorm(4, bias: false))
  let line = ConvTranspose1d(
    4, 6, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, dilation: 2, groups: 2)
  let solid = ConvTranspose3d(2, 2, kernelSize: 2, bias: false)
  let head = Sequential([
    "fc": Linear(3, 4), "act": PReLU(parameters: 4), "out": Linear(4, 2, bias: false),
  ])
  let volume = Conv3d(
    2, 4, kernelSize: [1, 2, 2], padding: .valid, groups: 2, paddingMode: .circular)

  override func makeCopy(_ copier: ModuleCopier) throws -> Module { Layers() }
}

@Suite("Layers saved from torch")
struct TorchLayerFileTests {
  private static func file(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/\(name).safetensors").path
  }

  /// What the layers give for the file's inputs, under the file's names.
  private static func outputs(_ model: Layers, _ data: SafetensorsFile) throws -> [String: Tensor] {
    func input(_ name: String) throws -> Tensor { try data.tensor("input.\(name)") }
    let (steps, step, cube) = try (input("seq"), input("step"), input("cube"))
    let image = try input("image")
    let rnn = try model.rnn.evaluate(steps.transposed(0, 1), nil)
    let lstm = try model.lstm.evaluate(steps, nil)
    let gru = try model.gru.evaluate(steps, nil)
    let cell = try model.lstmCell.evaluate(step, nil).state
    var arguments = AttentionArguments(averagesWeights: false)
    arguments.keyPaddingMask = try input("mask")
    let attended = try model.attn.evaluate(
      input("query"), input("key"), input("value"), arguments)
    let pooled = try MaxPool2d(2, stride: 1, padding: 1, returnIndices: true)
      .evaluateWithIndices(image)
    let ids = try input("ids")
    var result = [
      "rnn": rnn.output, "rnn_h": rnn.state, "lstm": lstm.output, "lstm_h": lstm.state.hidden,
      "lstm_c": lstm.state.cell, "gru": gru.output, "gru_h": gru.state,
      "rnn_cell": try model.rnnCell.evaluate(step, nil).state, "lstm_cell": cell.hidden,
      "lstm_cell_c": cell.cell, "gru_cell": try model.gruCell.evaluate(step, nil).state,
      "plain": try model.plain.evaluate(step), "batch": try model.batch.evaluate(cube),
      "cube": try model.cube.evaluate(cube), "inorm": try model.inorm.evaluate(image),
      "inorm3": try model.inorm3.evaluate(cube), "emb": try model.emb.evaluate(ids),
      "emb_table": model.emb.weight.value, "bag": try model.bag.evaluate(ids),
      "sums": try model.sums.evaluate(
        input("flat"), offsets: input("offsets"), perSampleWeights: input("factors")),
      "sums_table": model.sums.weight.value, "attn": attended.output,
      "enc": try model.enc.evaluate(input("query")),
      "line": try model.line.evaluate(input("lead")), "solid": try model.solid.evaluate(cube),
      "head": try model.head.evaluate(step), "volume": try model.volume.evaluate(cube),
      "pool": pooled.output, "pool_i": pooled.indices,
      "bicubic": try Upsample(scaleFactor: 1.5, mode: .bicubic).evaluate(image),
    ]
    result["attn_w"] = attended.weights
    return result
  }

  @Test func loadAsTheyAreAndComputeTheSame() throws {
    let model = Layers().eval()
    let file = try SafetensorsFile(path: Self.file("torch_layers"))
    try model.load(StateDictionary(loadTensors(path: Self.file("torch_layers"))))
    #expect(Set(model.stateDictionary().names) == Set(file.entries.map(\.name)))
    let data = try SafetensorsFile(path: Self.file("torch_layer_results"))
    let outputs = try Self.outputs(model, data)
    let names = data.entries.map(\.name).filter { $0.hasPrefix("output.") }
    #expect(Set(names) == Set(outputs.keys.map { "output.\($0)" }))
    for (name, output) in outputs {
      let expected = try data.tensor("output.\(name)")
      #expect(output.shape == expected.shape && output.dtype == expected.dtype, "\(name)")
      let pairs = try zip(
        output.converted(to: .float32).elements(as: Float.self),
        expected.converted(to: .float32).elements(as: Float.self))
      for (i, (got, want)) in pairs.enumerated() {
        #expect(abs(got - want) <= 2e-5 * max(1, abs(want)), "\(name)[\(i)]: \(got), torch \(want)")
      }
    }
  }
}
