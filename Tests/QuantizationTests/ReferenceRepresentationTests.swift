import OctetGraph
import OctetNN
import OctetQuantization
import OctetTensor
import Testing

/// A layer that becomes integer arithmetic, a sum with a ReLU that does, and one without.
private final class Sums: Module {
  let fc = Linear(6, 4)

  override func forward(_ x: Tensor) throws -> Tensor {
    let y = fc(x)
    let z = try Functional.relu(Functional.add(y, Functional.sine(y)))
    return try Functional.add(z, Functional.cosine(y))
  }
}

@Suite("Reference representation") struct ReferenceRepresentationTests {
  private let x: Tensor
  private let model = Sums()

  init() throws {
    x = try Tensor((0..<30).map { Float(($0 * 7) % 30) * 0.13 - 1.9 }, shape: [5, 6])
    model.fc.weight.value = try Tensor(
      (0..<24).map { Float(($0 * 5) % 24) * 0.07 - 0.8 }, shape: [4, 6])
    model.fc.bias?.value = try Tensor([0.31, -0.77, 0.02, 1.4] as [Float], shape: [4])
  }

  private func converted(_ config: QuantizationConfig, isReference: Bool) throws -> GraphModule {
    let prepared = try preparePT2E(
      exportForTraining(model.eval(), exampleInputs: [x]), XNNPACKQuantizer().setGlobal(config))
    _ = try prepared.evaluate([x])
    return try convertPT2E(prepared, usesReferenceRepresentation: isReference)
  }

  /// What each step gives.
  private func values(_ module: GraphModule) throws -> [String: Tensor] {
    var found: [String: Tensor] = [:]
    _ = try module.run([x]) { node, results in
      found[node.name] = results[0]
      return results
    }
    return found
  }

  private func form(_ module: GraphModule, _ name: String) throws -> DecomposedForm {
    let node = try #require(module.graph.node(named: name))
    return try #require(node.op.flatMap(LoweredOperators.decomposed))
  }

  private func functions(_ module: GraphModule) -> [String: Int] {
    module.graph.nodes.compactMap(\.functionName).reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  @Test("Layers and sums become integer arithmetic that cuts off where torch's does")
  func rewrites() throws {
    let plain = try converted(.symmetric(), isReference: false)
    let rewritten = try converted(.symmetric(), isReference: true)
    let names = functions(rewritten)
    #expect(names["reference_linear"] == 1 && names["reference_add_relu"] == 1)
    #expect(names["reference_add"] == 1 && names["linear"] == nil && names["add"] == nil)
    #expect(!names.keys.contains { $0.hasPrefix("quantized_decomposed") })
    let got = try values(rewritten)

    func centred(_ name: String, _ form: DecomposedForm) throws -> [Float] {
      let integers: [Int8] = try #require(got[name]).elements()
      return integers.map { Float($0) - Float(form.zeroPoint ?? 0) }
    }
    func integers(_ values: [Float], _ form: DecomposedForm, from low: Int? = nil) -> [Int8] {
      let zero = form.zeroPoint ?? 0
      return values.map { Int8(min(max(Int($0) + zero, low ?? -128), 127)) }
    }
    // The layer: sums of products exact, bias and result cut off.
    let (input, weight, output) = (
      try form(plain, "input.0/quantize"), try form(plain, "fc.weight/dequantize"),
      try form(plain, "fc/quantize")
    )
    let (xs, ws) = (
      try centred("input.0/quantize", input), try centred("fc.weight_quantized", weight)
    )
    let bias: [Float] = try #require(model.fc.bias).value.elements()
    let product = Float(try #require(input.scale)) * Float(try #require(weight.scale))
    let factor = product / Float(try #require(output.scale))
    let layer = (0..<20).map { i -> Float in
      var sum = (bias[i % 4] / product).rounded(.towardZero)
      for k in 0..<6 { sum += xs[i / 4 * 6 + k] * ws[i % 4 * 6 + k] }
      return (sum * factor).rounded(.towardZero)
    }
    #expect(try #require(got["fc/quantize"]).elements() == integers(layer, output))

    // The sums: one cuts off and ends at its zero point, the other rounds.
    func sum(_ first: String, _ second: String, _ result: String, _ rule: FloatingPointRoundingRule)
      throws -> [Float]
    {
      let (a, b, end) = (
        try form(plain, "\(first)/quantize"), try form(plain, "\(second)/quantize"),
        try form(plain, "\(result)/quantize")
      )
      func scaled(_ name: String, _ form: DecomposedForm) throws -> [Float] {
        let factor = Float(try #require(form.scale)) / Float(try #require(end.scale))
        return try centred("\(name)/quantize", form).map { (factor * $0).rounded(rule) }
      }
      return zip(try scaled(first, a), try scaled(second, b)).map { $0 + $1 }
    }
    let relu = try form(plain, ":relu/quantize")
    #expect(
      try #require(got[":relu/quantize"]).elements()
        == integers(
          sum("fc", ":sin", ":relu", .towardZero), relu, from: relu.zeroPoint))
    #expect(
      try #require(got[":add.1/quantize"]).elements()
        == integers(
          sum(":relu", ":cos", ":add.1", .toNearestOrEven), form(plain, ":add.1/quantize")))
  }

  @Test("Results stay within two steps of the graph's")
  func staysNear() throws {
    for config in [
      try QuantizationConfig.symmetric(), try .symmetric(isPerChannel: true),
      try .symmetric(isDynamic: true),
    ] {
      let plain = try converted(config, isReference: false)
      let rewritten = try converted(config, isReference: true)
      let got: [Float] = try rewritten.evaluate([x]).elements()
      let want: [Float] = try plain.evaluate([x]).elements()
      let step = ((want.max() ?? 0) - (want.min() ?? 0)) / 255
      for (a, b) in zip(got, want) { #expect(abs(a - b) <= 2.5 * step) }
      #expect(try rewritten.copy().evaluate([x]) == rewritten.evaluate([x]))
      let names = functions(rewritten)
      if config.isDynamic {
        #expect(names["reference_linear"] == 1 && names["reference_quantize_per_tensor"] == 1)
        #expect(names["quantized_decomposed.choose_qparams"] == 1)
      } else if names["reference_dequantize_per_channel"] == 1 {
        // A scale for each channel: the layer computes in float32.
        #expect(names["linear"] == 1)
      }
    }
  }

  @Test("A layer without bias stays between roundings")
  func leavesLayersWithoutBias() throws {
    let layer = Linear(6, 3, bias: false).eval()
    layer.weight.value = try Tensor(
      (0..<18).map { Float(($0 * 5) % 18) * 0.09 - 0.7 }, shape: [3, 6])
    let prepared = try preparePT2E(
      exportForTraining(layer, exampleInputs: [x]), XNNPACKQuantizer().setGlobal(.symmetric()))
    _ = try prepared.evaluate([x])
    let copy = try prepared.copy()
    let plain = try convertPT2E(prepared)
    let rewritten = try convertPT2E(copy, usesReferenceRepresentation: true)
    #expect(functions(rewritten)["linear"] == 1)
    let got: [Float] = try rewritten.evaluate([x]).elements()
    let want: [Float] = try plain.evaluate([x]).elements()
    for (a, b) in zip(got, want) { #expect(abs(a - b) < 1e-5) }
  }
}
