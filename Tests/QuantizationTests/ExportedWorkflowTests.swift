import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor
import Testing

/// A convolution with a batch norm, a second one without, a linear layer.
private final class Network: Module {
  let conv = Conv2d(2, 3, kernelSize: 3, stride: 2, padding: 1, bias: true)
  let norm = BatchNorm2d(3)
  let relu = ReLU()
  let drop = Dropout(p: 0.5)
  let fc = Linear(12, 4)

  override func forward(_ x: Tensor) -> Tensor {
    fc(drop(relu(norm(conv(x)))).flatten(from: 1))
  }
}

private final class Branching: Module {
  override func forward(_ x: Tensor) throws -> Tensor {
    try Functional.sum(x).item() > 0 ? Functional.sine(x) : Functional.cosine(x)
  }
}

private final class Attentive: Module {
  let attn = MultiheadAttention(8, numHeads: 2)

  override func forward(_ x: Tensor) -> Tensor { attn(x, x, x).output }
}

@Suite("Exported graphs") struct ExportedWorkflowTests {
  private func batch(_ seed: Int = 0) throws -> Tensor {
    try Tensor(
      (0..<64).map { Float(($0 * 37 + seed * 11) % 23) * 0.1 - 1 + Float(seed) * 0.1 },
      shape: [2, 2, 4, 4])
  }

  /// Weights and statistics that differ from channel to channel.
  private func network() throws -> Network {
    let model = Network()
    func values(_ shape: [Int], _ step: Int, _ offset: Float) throws -> Tensor {
      let count = shape.reduce(1, *)
      return try Tensor(
        (0..<count).map { Float(($0 * step + 3) % 17) * 0.06 - 0.5 + offset }, shape: shape)
    }
    model.conv.weight.value = try values([3, 2, 3, 3], 7, 0)
    model.conv.bias?.value = try values([3], 5, 0)
    model.fc.weight.value = try values([4, 12], 11, 0)
    model.fc.bias?.value = try values([4], 8, 0.1)
    model.norm.weight?.value = try values([3], 6, 1)
    model.norm.bias?.value = try values([3], 4, 0)
    model.norm.runningMean?.value = try values([3], 9, 0.2)
    model.norm.runningVar?.value = try values([3], 3, 1.1)
    return model
  }

  private func export(_ model: Module) throws -> GraphModule {
    try exportForTraining(model, exampleInputs: [batch()])
  }

  private func names(_ module: GraphModule) -> [String] { module.graph.nodes.map(\.name) }

  // MARK: Capture

  @Test("Layers become operators with their names; what has a mode stays")
  func captures() throws {
    let model = try network().eval()
    let exported = try export(model)
    #expect(
      names(exported) == [
        "input.0", "conv.weight", "conv.bias", "conv", "norm", "relu", "drop", ":flatten",
        "fc.weight", "fc.bias", "fc", "output",
      ])
    #expect(exported.graph.nodes.compactMap(\.modulePath) == ["norm", "drop"])
    #expect(try exported.evaluate([batch(3)]) == model.evaluate(batch(3)))
    #expect(exported.parameters.count == 6)
  }

  @Test("Opened attention computes what attention does, on other inputs too")
  func opensAttention() throws {
    let model = Attentive().eval()
    func input(_ seed: Int) throws -> Tensor {
      try Tensor((0..<48).map { Float(($0 * 29 + seed) % 19) * 0.1 - 0.9 }, shape: [3, 2, 8])
    }
    let exported = try exportForTraining(model, exampleInputs: [input(0)])
    #expect(exported.graph.nodes.allSatisfy { $0.attributePath?.hasPrefix("constant") != true })
    #expect(try exported.evaluate([input(5)]) == model.evaluate(input(5)))
  }

  @Test("The mode of a captured graph can be changed")
  func switchesModes() throws {
    let exported = try export(network())
    let norm = try #require(exported[module: "norm"] as? BatchNorm2d)
    let before = norm.runningMean?.value
    moveExportedModelToEval(exported)
    _ = exported([try batch()])
    #expect(norm.runningMean?.value == before)
    moveExportedModelToTrain(exported)
    _ = exported([try batch()])
    #expect(norm.runningMean?.value != before)
  }

  @Test("What depends on elements can't be captured")
  func refusesDataDependentCode() throws {
    let error = #expect(throws: OctetError.self) {
      try exportForTraining(Branching(), exampleInputs: [batch()])
    }
    #expect(error?.code == .untraceable)
  }

  @Test("Only captured graphs are prepared, and only once")
  func refusesOtherGraphs() throws {
    let quantizer = try XNNPACKQuantizer().setGlobal(.symmetric())
    let error = #expect(throws: OctetError.self) {
      try preparePT2E(fuseFX(network().eval(), exampleInputs: [batch()]), quantizer)
    }
    #expect(error?.fix.contains("exportForTraining") == true)
    let prepared = try preparePT2E(export(network().eval()), quantizer)
    #expect(throws: OctetError.self) { try preparePT2E(prepared, quantizer) }
  }

  // MARK: After training

  @Test("Batch norms are folded, element by element")
  func folds() throws {
    let model = try network().eval()
    let prepared = try preparePT2E(
      export(model), XNNPACKQuantizer().setGlobal(.symmetric(isPerChannel: true)))
    let weight: [Float] = try #require(prepared[attribute: "conv.weight"]).value.elements()
    let bias: [Float] = try #require(prepared[attribute: "conv.bias"]).value.elements()
    let (old, shift) = (
      try model.conv.weight.value.elements(as: Float.self),
      try #require(model.conv.bias).value.elements(as: Float.self)
    )
    let (gamma, beta, mean, variance) = (
      try #require(model.norm.weight).value.elements(as: Float.self),
      try #require(model.norm.bias).value.elements(as: Float.self),
      try #require(model.norm.runningMean).value.elements(as: Float.self),
      try #require(model.norm.runningVar).value.elements(as: Float.self)
    )
    for i in weight.indices {
      let c = i / 18
      let r = 1 / (variance[c] + 1e-5).squareRoot()
      #expect(weight[i] == old[i] * (gamma[c] * r))
      #expect(bias[c] == (shift[c] - mean[c]) * r * gamma[c] + beta[c])
    }
    // Its own weight is left alone, and the graph still computes what the model does.
    #expect(try model.conv.weight.value.elements(as: Float.self) == old)
    let got: [Float] = try prepared.evaluate([batch()]).elements()
    let want: [Float] = try model.evaluate(batch()).elements()
    for (a, b) in zip(got, want) { #expect(abs(a - b) < 1e-5) }
    #expect(!prepared.graph.nodes.contains { prepared.module(of: $0) is BatchNorm })
  }

  @Test("A converted linear layer rounds as the formulas say")
  func rounds() throws {
    let model = Linear(5, 3).eval()
    model.weight.value = try Tensor(
      (0..<15).map { Float(($0 * 7) % 15) * 0.13 - 0.9 }, shape: [3, 5])
    model.bias?.value = try Tensor([0.3, -0.7, 0.05] as [Float], shape: [3])
    let x = try Tensor((0..<20).map { Float(($0 * 3) % 20) * 0.21 - 1.7 }, shape: [4, 5])
    let prepared = try preparePT2E(
      exportForTraining(model, exampleInputs: [x]), XNNPACKQuantizer().setGlobal(.symmetric()))
    _ = try prepared.evaluate([x])
    var scales: [String: (scale: Float, zero: Int)] = [:]
    for node in prepared.graph.nodes {
      guard let observer = node.observer(in: prepared), let value = node.arguments[0] else {
        continue
      }
      let parameters = try observer.calculateParameters()
      guard case .integer(let zeros) = parameters.zeroPoints else { continue }
      scales[value.name] = (parameters.scales[0], zeros[0])
    }
    let converted = try convertPT2E(prepared)
    func rounded(_ x: Float, _ name: String, _ low: Float = -128) throws -> Float {
      let (scale, zero) = try #require(scales[name])
      let q = (x * Float(1 / Double(scale))).rounded(.toNearestOrEven) + Float(zero)
      return (min(max(q, low), 127) - Float(zero)) * scale
    }
    let xs = try x.elements(as: Float.self).map { try rounded($0, "input.0") }
    let ws = try model.weight.value.elements(as: Float.self).map {
      try rounded($0, "weight", -127)
    }
    let bias: [Float] = try #require(model.bias).value.elements()
    let got: [Float] = try converted.evaluate([x]).elements()
    for i in got.indices {
      var sum = bias[i % 3]
      for k in 0..<5 { sum += xs[i / 3 * 5 + k] * ws[i % 3 * 5 + k] }
      #expect(try abs(got[i] - rounded(sum, ":linear")) < 1e-5)
    }
    let integers = try #require(converted[attribute: "weight_quantized"]).value
    #expect(integers.dtype == .int8)
    let (scale, _) = try #require(scales["weight"])
    #expect(
      try integers.elements(as: Int8.self)
        == model.weight.value.elements(as: Float.self).map {
          Int8(min(max(($0 * Float(1 / Double(scale))).rounded(.toNearestOrEven), -127), 127))
        })
  }

  @Test("Folded and unfolded weights give the same bits, and so do copies")
  func foldsQuantizedWeights() throws {
    let model = try network().eval()
    for config in [
      try QuantizationConfig.symmetric(), try .symmetric(isPerChannel: true),
      try .symmetric(isDynamic: true),
    ] {
      let prepared = try preparePT2E(export(model), XNNPACKQuantizer().setGlobal(config))
      for seed in 0..<3 { _ = try prepared.evaluate([batch(seed)]) }
      let copy = try prepared.copy()
      #expect(try copy.evaluate([batch(7)]) == prepared.evaluate([batch(7)]))
      let folded = try convertPT2E(prepared)
      let open = try convertPT2E(copy, foldQuantize: false)
      #expect(try folded.evaluate([batch(9)]) == open.evaluate([batch(9)]))
      #expect(try folded.copy().evaluate([batch(9)]) == open.evaluate([batch(9)]))
      #expect(folded[attribute: "fc.weight"] == nil && open[attribute: "fc.weight"] != nil)
      // Integers, scales and zero points are state: a copy takes them from a dictionary.
      let other = try folded.copy()
      var state = StateDictionary()
      for (name, tensor) in folded.stateDictionary().entries {
        state[name] = tensor.dtype == .int8 ? try tensor.clone() : tensor
      }
      #expect(state.names.contains("fc.weight_quantized"))
      try other.load(state)
      #expect(try other.evaluate([batch(9)]) == open.evaluate([batch(9)]))
    }
  }

  @Test("Conversion wants calibrated observers")
  func refusesObserversWithoutData() throws {
    let quantizer = try XNNPACKQuantizer().setGlobal(.symmetric())
    let prepared = try preparePT2E(export(network().eval()), quantizer)
    let error = #expect(throws: OctetError.self) { try convertPT2E(prepared) }
    #expect(error?.code == .notObserved && error?.argument == "input.0")
  }

  @Test("Parameters that are chosen at run time follow the input")
  func choosesAtRunTime() throws {
    let model = Linear(4, 4, bias: false).eval()
    let identity = (0..<16).map { Float($0 % 5 == 0 ? 1 : 0) }
    model.weight.value = try Tensor(identity, shape: [4, 4])
    let x = try Tensor([-1, 0, 0.5, 3] as [Float], shape: [1, 4])
    let prepared = try preparePT2E(
      exportForTraining(model, exampleInputs: [x]),
      XNNPACKQuantizer().setGlobal(.symmetric(isDynamic: true)))
    let converted = try convertPT2E(prepared)
    for factor: Float in [1, 0.01, 1000] {
      let values = try x.elements(as: Float.self).map { $0 * factor }
      let scale = max((values[3] - values[0]) / 255, 0x1p-12)
      let zero = -128 - (values[0] / scale).rounded(.toNearestOrEven)
      let got: [Float] = try converted.evaluate([Tensor(values, shape: [1, 4])]).elements()
      for (a, value) in zip(got, values) {
        let q = min(
          max((value * Float(1 / Double(scale))).rounded(.toNearestOrEven) + zero, -128), 127)
        #expect(abs(a - (q - zero) * scale) <= 1e-5 * abs(value))
      }
    }
  }

  // MARK: While training

  @Test("A trained pair is folded onto the grid of its fake quantizer")
  func trainsPairs() throws {
    let model = try network()
    let prepared = try prepareQATPT2E(
      export(model), XNNPACKQuantizer().setGlobal(.symmetric(isPerChannel: true, isQAT: true)))
    let form = try #require(prepared[module: "conv"] as? QAT.ConvBn2d)
    #expect(form.weight === model.conv.weight)
    // Chance has no place here.
    prepared[module: "drop"]?.eval()
    for seed in 0..<3 {
      prepared.zeroGradients()
      try Functional.mean(Functional.square(prepared([batch(seed)]))).backward()
      for parameter in [model.conv.weight, try #require(model.norm.weight), model.fc.weight] {
        let gradient = try #require(parameter.gradient)
        #expect(try Functional.sum(Functional.square(gradient)).item() > 1e-6)
      }
      for parameter in prepared.parameters {
        let gradient = try #require(parameter.gradient)
        try noGrad { parameter.value = try Functional.subtract(parameter.value, gradient * 0.05) }
      }
    }
    moveExportedModelToEval(prepared)
    disableObserver(prepared)
    let trained = try prepared.evaluate([batch(5)])
    let scales = try form.weightFakeQuant.calculateParameters().scales
    let float = try #require(try form.toFloat() as? Conv2d)
    let converted = try convertPT2E(prepared)
    let integers: [Int8] = try #require(converted[attribute: "conv.weight_quantized"]).value
      .elements()
    let folded: [Float] = try float.weight.value.elements()
    for i in folded.indices {
      let q = (folded[i] * (1 / scales[i / 18])).rounded(.toNearestOrEven)
      #expect(Float(integers[i]) == min(max(q, -127), 127))
    }
    #expect(try #require(converted[attribute: "conv.bias"]).value == #require(float.bias).value)
    #expect(!converted.graph.nodes.contains { converted.module(of: $0) is BatchNorm })
    // Training chooses scales by the run-time rule, conversion by the observers': values in between may round to a neighbour.
    let step = try #require(output(of: "fc", in: converted))
    let (a, b) = (
      try trained.elements(as: Float.self),
      try converted.evaluate([batch(5)]).elements(as: Float.self)
    )
    for (x, y) in zip(a, b) { #expect(abs(x - y) <= step * 2.01) }
  }

  /// The scale that a value is rounded with.
  private func output(of name: String, in module: GraphModule) -> Float? {
    module.graph.nodes.lazy.filter { $0.arguments.first??.name == name }
      .compactMap { $0.op.flatMap(LoweredOperators.decomposed)?.scale }.first.map { Float($0) }
  }

  @Test("Statistics move in training only, and a pair that isn't quantized is folded at the end")
  func leavesFloatPairs() throws {
    let model = try network()
    let prepared = try prepareQATPT2E(
      export(model), X86InductorQuantizer().setModuleName("", .x86Inductor(isQAT: true)))
    #expect(prepared[module: "conv"] is QAT.ConvBn2d)
    let plain = try prepareQATPT2E(export(network()), XNNPACKQuantizer())
    let norm = try #require(plain[module: "norm"] as? BatchNorm2d)
    let before = norm.runningVar?.value
    _ = plain([try batch()])
    #expect(norm.runningVar?.value != before)
    moveExportedModelToEval(plain)
    let want: [Float] = try plain.evaluate([batch(2)]).elements()
    let converted = try convertPT2E(plain)
    #expect(!converted.graph.nodes.contains { converted.module(of: $0) is BatchNorm })
    let got: [Float] = try converted.evaluate([batch(2)]).elements()
    for (a, b) in zip(got, want) { #expect(abs(a - b) < 1e-5) }
  }
}
