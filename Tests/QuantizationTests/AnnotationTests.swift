import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor
import Testing

/// A quantizer that a test writes down.
private struct ScriptedQuantizer: PT2EQuantizer {
  let script: (GraphModule) throws -> Void

  init(_ script: @escaping (GraphModule) throws -> Void) { self.script = script }

  func annotate(_ model: GraphModule) throws { try script(model) }
}

/// Three values that are joined twice.
private final class Joins: Module {
  override func forward(_ x: Tensor) throws -> Tensor {
    let (a, b, c) = (
      try Functional.sine(x), try Functional.cosine(x), try Functional.exponential(x)
    )
    let first = try Functional.concatenate([a, b], dim: 1)
    return try Functional.concatenate([first, c], dim: 1)
  }
}

/// One value that two steps read.
private final class Fork: Module {
  override func forward(_ x: Tensor) throws -> Tensor {
    let root = try Functional.sine(x)
    return try Functional.add(Functional.exponential(root), Functional.cosine(root))
  }
}

private final class Projection: Module {
  let fc = Linear(4, 3)

  override func forward(_ x: Tensor) -> Tensor { fc(x) }
}

@Suite("Annotations") struct AnnotationTests {
  private func sample(_ factor: Float = 1) throws -> Tensor {
    try Tensor((0..<8).map { Float($0 * 5 % 8) * 0.4 * factor - 1.3 }, shape: [2, 4])
  }

  private func bytes(_ range: ClosedRange<Int> = -128...127) throws -> QuantizationSpec {
    try QuantizationSpec(
      MinMaxObserver.factory(
        dtype: .int8, quantMin: range.lowerBound, quantMax: range.upperBound))
  }

  private func node(_ model: GraphModule, _ name: String) throws -> Node {
    try #require(model.graph.node(named: name))
  }

  /// The observers of values, by name, weights included.
  private func observers(_ model: GraphModule) -> [(value: String, observer: Observer)] {
    model.graph.nodes.compactMap { node in
      guard let observer = node.observer(in: model), let value = node.arguments[0] else {
        return nil
      }
      return (value.name, observer)
    }
  }

  private func prepare(_ model: Module, _ script: @escaping (GraphModule) throws -> Void) throws
    -> GraphModule
  {
    try preparePT2E(
      exportForTraining(model.eval(), exampleInputs: [sample()]), ScriptedQuantizer(script))
  }

  @Test("A chain of shared specifications ends in one observer")
  func sharesAlongChains() throws {
    let spec = try bytes()
    let prepared = try prepare(Joins()) { model in
      let (first, second) = (try self.node(model, ":cat"), try self.node(model, ":cat.1"))
      for name in [":sin", ":cos"] {
        try self.node(model, name).annotation = QuantizationAnnotation(output: spec)
      }
      for cat in [first, second] {
        let values = cat.arguments.compactMap { $0 }
        let shared = SharedQuantizationSpec(.edge(values[0], cat))
        cat.annotation = QuantizationAnnotation(
          inputs: [values[0]: spec, values[1]: shared], output: shared)
      }
      // The second one starts with what isn't shared yet, and shares what comes out of the first.
      let values = second.arguments.compactMap { $0 }
      second.annotation = QuantizationAnnotation(
        inputs: [values[1]: spec, values[0]: SharedQuantizationSpec(.edge(values[1], second))],
        output: SharedQuantizationSpec(.edge(values[1], second)))
    }
    let found = observers(prepared)
    #expect(found.map(\.value) == [":sin", ":cos", ":exp", ":cat", ":cat.1"])
    for entry in found { #expect(entry.observer === found[0].observer) }
    _ = try prepared.evaluate([sample()])
    // One range for all of them: of sine, cosine and exponential together.
    let x: [Float] = try sample().elements()
    let seen = try #require(found[0].observer as? MinMaxObserver)
    #expect(
      abs(Float(try seen.maxVal.value.item()) - (x.map { exponential($0) }.max() ?? 0)) < 1e-5)
    #expect(Float(try seen.minVal.value.item()) < -0.9)
  }

  private func exponential(_ x: Float) -> Float {
    var (term, sum) = (Double(1), Double(1))
    for n in 1..<40 {
      term *= Double(x) / Double(n)
      sum += term
    }
    return Float(sum)
  }

  @Test("Readers of a value share where they want the same, unless they may not")
  func sharesImplicitly() throws {
    let spec = try bytes()
    for (allows, other, count) in [
      (true, spec, 1), (false, spec, 3), (true, try bytes(-127...127), 2),
    ] {
      let prepared = try prepare(Fork()) { model in
        let root = try self.node(model, ":sin")
        root.annotation = QuantizationAnnotation(output: spec)
        try self.node(model, ":exp").annotation = QuantizationAnnotation(
          inputs: [root.value: spec], allowsImplicitSharing: allows)
        try self.node(model, ":cos").annotation = QuantizationAnnotation(
          inputs: [root.value: other], allowsImplicitSharing: allows)
      }
      #expect(Set(observers(prepared).map { ObjectIdentifier($0.observer) }).count == count)
      // Where there is one observer there is one step; the others stand behind it, each in front of its reader.
      #expect(observers(prepared).count == count)
      let exponential = try node(prepared, ":exp")
      #expect(exponential.arguments[0]?.node.observer(in: prepared) != nil)
    }
  }

  @Test("A derived bias has the input's scale times the weight's")
  func derivesParameters() throws {
    let model = Projection().eval()
    model.fc.weight.value = try Tensor(
      (0..<12).map { Float(($0 * 5) % 12) * 0.1 - 0.5 }, shape: [3, 4])
    model.fc.bias?.value = try Tensor([0.4, -1.3, 0.02] as [Float], shape: [3])
    let input = try bytes()
    let weight = try QuantizationSpec(
      MinMaxObserver.factory(
        dtype: .int8, scheme: .perTensorSymmetric, quantMin: -127, quantMax: 127))
    let prepared = try prepare(model) { graph in
      let linear = try self.node(graph, "fc")
      let values = linear.arguments.compactMap { $0 }
      let bias = try DerivedQuantizationSpec(
        derivedFrom: [.edge(values[0], linear), .edge(values[1], linear)], dtype: .int32
      ) { observers in
        let scales = try observers.map { try $0.calculateParameters().scales[0] }
        return QuantizationParameters(
          scales: [scales[0] * scales[1]], zeroPoints: .integer([0]), axis: nil, dtype: .int32)
      }
      linear.annotation = QuantizationAnnotation(
        inputs: [values[0]: input, values[1]: weight, values[2]: bias])
    }
    _ = try prepared.evaluate([sample()])
    let copy = try prepared.copy()
    for graph in [prepared, copy] {
      let found = observers(graph)
      let scales = try ["input.0", "fc.weight", "fc.bias"].map { name in
        try #require(found.first { $0.value == name }).observer.calculateParameters().scales[0]
      }
      #expect(scales[2] == scales[0] * scales[1])
      let converted = try convertPT2E(graph)
      let integers = try #require(converted[attribute: "fc.bias_quantized"]).value
      #expect(integers.dtype == .int32)
      let bias: [Float] = try #require(model.fc.bias).value.elements()
      #expect(
        try integers.elements(as: Int32.self)
          == bias.map { Int32(($0 * Float(1 / Double(scales[2]))).rounded(.toNearestOrEven)) })
    }
  }

  @Test("Fixed parameters ignore the data")
  func fixesParameters() throws {
    let fixed = try FixedQParamsQuantizationSpec(dtype: .uint8, scale: 1.0 / 256, zeroPoint: 3)
    let prepared = try prepare(Fork()) { model in
      try self.node(model, ":exp").annotation = QuantizationAnnotation(output: fixed)
    }
    _ = try prepared.evaluate([sample(50)])
    let parameters = try observers(prepared)[0].observer.calculateParameters()
    #expect(parameters.scales == [1.0 / 256] && parameters.zeroPoints == .integer([3]))
  }

  @Test("Annotations that can't be are refused in words")
  func refuses() throws {
    let spec = try bytes()
    func refusal(_ script: @escaping (GraphModule, Node, Node) throws -> Void) -> String? {
      let error = #expect(throws: OctetError.self) {
        try prepare(Fork()) { model in
          try script(model, self.node(model, ":sin"), self.node(model, ":exp"))
        }
      }
      #expect(error?.code == .invalidConfiguration)
      return error?.received
    }
    // Sharing with what isn't annotated.
    #expect(
      refusal { _, root, reader in
        reader.annotation = QuantizationAnnotation(output: SharedQuantizationSpec(.node(root)))
      } == ":sin")
    // Two that share with each other.
    #expect(
      refusal { _, root, reader in
        root.annotation = QuantizationAnnotation(output: SharedQuantizationSpec(.node(reader)))
        reader.annotation = QuantizationAnnotation(output: SharedQuantizationSpec(.node(root)))
      } == "a ring")
    // Parameters that depend on themselves.
    #expect(
      refusal { _, root, _ in
        root.annotation = QuantizationAnnotation(
          output: try DerivedQuantizationSpec(derivedFrom: [.node(root)], dtype: .int32) {
            try $0[0].calculateParameters()
          })
      } == "a ring")
    // An input that the step doesn't read.
    #expect(
      refusal { _, root, reader in
        root.annotation = QuantizationAnnotation(inputs: [reader.value: spec])
      } == ":exp")
  }

  @Test("Specifications check their arguments")
  func checksSpecifications() {
    #expect(throws: OctetError.self) { try bytes(5...5) }
    #expect(throws: OctetError.self) {
      try QuantizationSpec(MinMaxObserver.factory(dtype: .int8, quantMin: 7, quantMax: -7))
    }
    let error = #expect(throws: OctetError.self) {
      try QuantizationSpec(
        PerChannelMinMaxObserver.factory(
          chAxis: -1, dtype: .int8, scheme: .perChannelSymmetric))
    }
    #expect(error?.argument == "ch_axis" && error?.received == "-1")
    #expect(throws: OctetError.self) {
      try FixedQParamsQuantizationSpec(dtype: .uint8, scale: 0, zeroPoint: 0)
    }
    #expect(throws: OctetError.self) {
      try FixedQParamsQuantizationSpec(dtype: .float32, scale: 1, zeroPoint: 0)
    }
    #expect(throws: OctetError.self) {
      try DerivedQuantizationSpec(derivedFrom: [], dtype: .int8, quantMin: -200) { _ in
        QuantizationParameters(scales: [1], zeroPoints: .integer([0]), axis: nil, dtype: .int8)
      }
    }
  }

  @Test("The first of several quantizers has its way")
  func composes() throws {
    let narrow = try bytes(-7...7)
    let first = ScriptedQuantizer { model in
      let linear = try #require(model.graph.node(named: "fc"))
      linear.annotation = QuantizationAnnotation(output: narrow)
    }
    let both = try ComposableQuantizer([first, XNNPACKQuantizer().setGlobal(.symmetric())])
    let prepared = try preparePT2E(
      exportForTraining(Projection().eval(), exampleInputs: [sample()]), both)
    #expect(observers(prepared).map(\.value) == ["fc"])
    let greedy = ScriptedQuantizer { model in
      let linear = try #require(model.graph.node(named: "fc"))
      linear.annotation = QuantizationAnnotation(
        inputs: [try #require(linear.arguments[0]): narrow])
    }
    let error = #expect(throws: OctetError.self) {
      try preparePT2E(
        exportForTraining(Projection().eval(), exampleInputs: [sample()]),
        ComposableQuantizer([first, greedy]))
    }
    #expect(error?.argument == "fc" && error?.received.contains("ScriptedQuantizer") == true)
  }

  @Test("One quantizer can't turn modules off, the other can")
  func turnsModulesOff() throws {
    #expect(throws: OctetError.self) { try XNNPACKQuantizer().setModuleName("fc", nil) }
    let off = try X86InductorQuantizer().setModuleName("fc", nil).setGlobal(.x86Inductor())
    let prepared = try preparePT2E(
      exportForTraining(Projection().eval(), exampleInputs: [sample()]), off)
    #expect(observers(prepared).isEmpty)
    #expect(throws: OctetError.self) { try off.setFunction("linear", .x86Inductor(isQAT: true)) }
    #expect(throws: OctetError.self) {
      try off.setFunction("linear", .x86Inductor(isDynamic: true))
    }
    #expect(throws: OctetError.self) { try off.setFunction("sin", .x86Inductor()) }
  }
}
