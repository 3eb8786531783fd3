import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor
import Testing

private final class Block: Module {
  let quant = QuantStub()
  let conv = Conv2d(2, 3, kernelSize: 3, padding: 1)
  let norm = BatchNorm2d(3)
  let relu = ReLU()
  let side = Conv2d(2, 3, kernelSize: 1)
  let join = FloatFunctional()
  let pool = MaxPool2d(2)
  let dequant = DeQuantStub()

  override func forward(_ input: Tensor) -> Tensor {
    let x = quant(input)
    return dequant(pool(join.add(relu(norm(conv(x))), side(x))))
  }
}

@Suite struct GraphWorkflowTests {
  private func batch(_ seed: Float = 0) throws -> Tensor {
    try Tensor((0..<64).map { Float(($0 * 37) % 23) * 0.1 - 1 + seed }, shape: [2, 2, 4, 4])
  }

  private func names(_ module: GraphModule) -> [String] { module.graph.nodes.map(\.name) }

  @Test func fuses() throws {
    let model = Block().eval()
    let fused = try fuseFX(model, exampleInputs: [batch()])
    #expect(names(fused) == ["input.0", "conv", "side", ":add", "pool", "output"])
    let got: [Float] = try fused.evaluate([batch()]).elements()
    let want: [Float] = try model.evaluate(batch()).elements()
    for (a, b) in zip(got, want) { #expect(abs(a - b) < 1e-5) }
  }

  @Test func refusesToFoldInTrainingMode() throws {
    let error = #expect(throws: OctetError.self) {
      try prepareFX(Block(), .init().setGlobal(.default), exampleInputs: [batch()])
    }
    #expect(error?.expected.contains("eval") == true)
  }

  @Test func refusesObserversWithoutData() throws {
    let prepared = try prepareFX(
      Block().eval(), QConfigMapping.getDefault(backend: .qnnpack), exampleInputs: [batch()])
    let error = #expect(throws: OctetError.self) { try convertFX(prepared) }
    #expect(error?.code == .notObserved && error?.argument == "input.0")
    let converted = try convertFX(prepared, allowUnobserved: true)
    #expect(try converted.evaluate([batch()]).shape == [2, 3, 2, 2])
  }

  @Test func observesSharesAndConverts() throws {
    let model = Block().eval()
    let prepared = try prepareFX(
      model, QConfigMapping.getDefault(backend: .qnnpack), exampleInputs: [batch()])
    #expect(
      names(prepared) == [
        "input.0", "activation_post_process_0", "conv", "activation_post_process_1", "side",
        "activation_post_process_2", ":add", "activation_post_process_3", "pool",
        "activation_post_process_3.1", "output",
      ])
    let float = try model.evaluate(batch())
    let observed: [Float] = try prepared.evaluate([batch()]).elements()
    let want: [Float] = try float.elements()
    for (a, b) in zip(observed, want) { #expect(abs(a - b) < 1e-5) }
    let converted = try convertFX(prepared)
    #expect(
      names(converted) == [
        "input.0", "input.0/quantize", "conv", "side", ":add", "pool", "pool/dequantize", "output",
      ])
    let integer: [Float] = try converted.evaluate([batch()]).elements()
    let span = (want.max() ?? 0) - (want.min() ?? 0)
    for (a, b) in zip(integer, want) { #expect(abs(a - b) < span * 0.03) }
    #expect(try converted.copy().evaluate([batch(1)]) == converted.evaluate([batch(1)]))
    #expect(try prepared.copy().evaluate([batch(1)]) == prepared.evaluate([batch(1)]))
  }

  @Test func leavesInFloatWhatHasNoConfiguration() throws {
    let mapping = try QConfigMapping.getDefault(backend: .qnnpack).setModuleName("side", nil)
    let prepared = try prepareFX(Block().eval(), mapping, exampleInputs: [batch()])
    _ = try prepared.evaluate([batch()])
    let converted = try convertFX(prepared)
    #expect(
      names(converted) == [
        "input.0", "input.0/quantize", "conv", "side", "side/quantize", ":add", "pool",
        "pool/dequantize", "output",
      ])
  }

  @Test func mappingPrefersTheNearestEntry() throws {
    let mapping = try QConfigMapping().setGlobal(.default)
      .setObjectType(.type(Conv2d.self), .defaultPerChannel)
      .setModuleNameRegex("s.*", .defaultDynamic)
      .setModuleNameRegex("si.*", nil)
      .setModuleName("block", .defaultQAT)
      .setModuleNameObjectTypeOrder("", .function("add"), 1, nil)
    #expect(mapping == (try mapping.setGlobal(.default).setModuleNameRegex("si.*", nil)))
    let model = ["global": "relu", "type": "conv", "regex": "side", "name": "block.conv"]
    #expect(lookup(mapping, .type(ReLU.self), model["global"]) == .default)
    #expect(lookup(mapping, .type(Conv2d.self), model["type"]) == .defaultPerChannel)
    #expect(lookup(mapping, .type(Conv2d.self), model["regex"]) == .defaultDynamic)
    #expect(lookup(mapping, .type(Conv2d.self), model["name"]) == .defaultQAT)
    #expect(mapping.qconfig(.function("add"), path: "", order: ("", 0)) == .default)
    #expect(mapping.qconfig(.function("add"), path: "", order: ("", 1)) == nil)
    #expect(throws: OctetError.self) { try mapping.setModuleNameRegex("(", nil) }
  }

  private func lookup(_ mapping: QConfigMapping, _ type: ObjectType, _ path: String?) -> QConfig? {
    mapping.qconfig(type, path: path ?? "", order: ("", 0))
  }

  @Test func refusesDifferentConfigurationsByTypeForWhatFuses() throws {
    let mapping = QConfigMapping().setGlobal(.default).setObjectType(.type(ReLU.self), nil)
    let error = #expect(throws: OctetError.self) {
      try prepareFX(Block().eval(), mapping, exampleInputs: [batch()])
    }
    #expect(error?.received.contains("conv, norm, relu") == true)
  }

  @Test func quantizesAtRunTime() throws {
    let model = Sequential(Linear(4, 3), ReLU(), Linear(3, 2)).eval()
    let x = try Tensor((0..<8).map { Float($0) * 0.3 - 1 }, shape: [2, 4])
    let prepared = try prepareFX(model, .init().setGlobal(.defaultDynamic), exampleInputs: [x])
    #expect(names(prepared).filter { $0.hasPrefix("activation") }.count == 2)
    let converted = try convertFX(prepared)
    #expect(names(converted) == ["input.0", "0", "2", "output"])
    let want: [Float] = try model.evaluate(x).elements()
    let got: [Float] = try converted.evaluate([x]).elements()
    for (a, b) in zip(got, want) { #expect(abs(a - b) < 0.05) }
  }

  @Test func takesAndGivesIntegers() throws {
    let model = Block().eval()
    let prepared = try prepareFX(
      model, QConfigMapping.getDefault(backend: .qnnpack), exampleInputs: [batch()],
      customConfig: PrepareCustomConfig().setInputQuantizedIndexes([0])
        .setOutputQuantizedIndexes([0]))
    _ = try prepared.evaluate([batch()])
    let converted = try convertFX(prepared)
    #expect(names(converted) == ["input.0", "conv", "side", ":add", "pool", "output"])
    let integers = try Functional.quantizePerTensor(
      batch(), scale: 0.02, zeroPoint: 60, dtype: .quint8)
    #expect(try converted.evaluate([integers]).dtype == .quint8)
  }

  @Test func conversionOnlyTurnsStepsOff() throws {
    let mapping = QConfigMapping().setGlobal(.default)
    let prepared = try prepareFX(
      Block().eval(), mapping.setModuleName("side", nil), exampleInputs: [batch()])
    _ = try prepared.evaluate([batch()])
    #expect(throws: OctetError.self) { try convertFX(prepared, mapping: mapping) }
    let converted = try convertFX(prepared, mapping: mapping.setGlobal(nil))
    #expect(names(converted) == ["input.0", "conv", "side", ":add", "pool", "output"])
  }

  @Test func trainsInTheGraph() throws {
    let model = Block()
    let before = model.stateDictionary()
    let prepared = try prepareQATFX(
      model, QConfigMapping.getDefaultQAT(backend: .qnnpack), exampleInputs: [batch()])
    for (name, tensor) in before.entries { #expect(model.stateDictionary()[name] == tensor) }
    try Functional.sum(prepared([batch()])).backward()
    #expect(model.conv.weight.gradient != nil)
    #expect(model.norm.runningMean?.value != before["norm.running_mean"])
    prepared.eval()
    let converted = try convertFX(prepared)
    #expect(names(converted).contains("conv"))
    #expect(
      converted.children.map { String(reflecting: type(of: $0.module)) }.contains(
        "OctetQuantization.Quantized.ConvReLU2d"))
  }
}
