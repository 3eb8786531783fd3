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
