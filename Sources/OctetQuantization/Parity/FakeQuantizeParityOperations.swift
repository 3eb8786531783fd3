import OctetTensor

extension ObserverParityOperations {
  /// Fake-quantize functions and modules.
  static let fakeQuantizeOperations: [ParityOperation] =
    [
      ParityOperation("fake_quantize_per_tensor_affine", run: perTensor),
      ParityOperation("fake_quantize_per_channel_affine", run: perChannel),
      ParityOperation("fused_moving_avg_obs_fake_quant", run: fused),
    ]
    + ["FakeQuantize", "FusedMovingAvgObsFakeQuantize", "FixedQParamsFakeQuantize"].map { name in
      ParityOperation("fake_quantize.\(name)") {
        try train($0, ObserverRecipes.make(name, $0.attributes))
      }
    }
    + [
      ("default_fake_quant", .defaultFakeQuant),
      ("default_weight_fake_quant", .defaultWeightFakeQuant),
      ("default_per_channel_weight_fake_quant", .defaultPerChannelWeightFakeQuant),
      ("default_histogram_fake_quant", .defaultHistogramFakeQuant),
      ("default_fused_act_fake_quant", .defaultFusedActFakeQuant),
      ("default_fused_wt_fake_quant", .defaultFusedWtFakeQuant),
      ("default_fused_per_channel_wt_fake_quant", .defaultFusedPerChannelWtFakeQuant),
      ("default_fixed_qparams_range_0to1_fake_quant", .defaultFixedQParamsRange0To1FakeQuant),
      ("default_fixed_qparams_range_neg1to1_fake_quant", .defaultFixedQParamsRangeNeg1To1FakeQuant),
      ("default_embedding_fake_quant", .defaultEmbeddingFakeQuant),
      ("default_embedding_fake_quant_4bit", .defaultEmbeddingFakeQuant4Bit),
      ("default_dynamic_fake_quant", .defaultDynamicFakeQuant),
      ("fused_wt_fake_quant_range_neg_127_to_127", .fusedWtFakeQuantRangeNeg127To127),
      (
        "fused_per_channel_wt_fake_quant_range_neg_127_to_127",
        .fusedPerChannelWtFakeQuantRangeNeg127To127
      ),
    ].map { (name: String, factory: ObserverFactory) in
      ParityOperation("fake_quantize.\(name)") { try train($0, factory) }
    }

  // MARK: Functions

  private static func perTensor(_ call: ParityCase) throws -> ParityOutputs {
    let name = "fake_quantize_per_tensor_affine"
    let low = try call.attributes.int("quant_min")
    let high = try call.attributes.int("quant_max")
    if let scale = try call.optionalInput("scale") {
      return try round(
        call,
        FakeQuantization(
          name, scale: scale, zeroPoint: call.input("zero_point"), axis: nil, quantMin: low,
          quantMax: high))
    }
    return try round(
      call,
      FakeQuantization(
        name, scales: [Float(call.attributes.double("scale"))],
        zeroPoints: .integer([call.attributes.int("zero_point")]), axis: nil, quantMin: low,
        quantMax: high))
  }

  private static func perChannel(_ call: ParityCase) throws -> ParityOutputs {
    try round(
      call,
      FakeQuantization(
        "fake_quantize_per_channel_affine", scale: call.input("scale"),
        zeroPoint: call.input("zero_point"), axis: call.attributes.int("axis"),
        quantMin: call.attributes.int("quant_min"), quantMax: call.attributes.int("quant_max")))
  }

  private static func integers(_ tensor: Tensor) throws(OctetError) -> [Int] {
    let words: [Int64] = try tensor.converted(to: .int64).elements()
    return words.map(Int.init)
  }

  private static func round(_ call: ParityCase, _ rounding: FakeQuantization) throws
    -> ParityOutputs
  {
    let input = try call.input()
    var outputs = ParityOutputs(try apply(rounding, [input]))
    if let upstream = try call.optionalInput("grad_output") {
      outputs.tensors["grad.input"] = try rounding.gradient(upstream, at: input)
    }
    return outputs
  }

  private static func fused(_ call: ParityCase) throws -> ParityOutputs {
    let attributes = call.attributes
    let isPerRow = try attributes.bool("per_row_fake_quant", default: false)
    let fused = FusedMovingAverage(
      averagingConstant: Float(try attributes.double("averaging_const")),
      quantMin: try attributes.int("quant_min"), quantMax: try attributes.int("quant_max"),
      axis: isPerRow ? try attributes.int("ch_axis") : nil,
      isSymmetric: try attributes.bool("symmetric_quant", default: false))
    var state = FusedMovingAverage.State(
      minima: try call.input("running_min").elements(),
      maxima: try call.input("running_max").elements(),
      scales: try call.input("scale").elements(), zeroPoints: try integers(call.input("zero_point"))
    )
    let observes = try attributes.ints("observer_on")
    let rounds = try attributes.ints("fake_quant_on")
    let batches = try call.inputs("batch")
    guard observes.count == batches.count, rounds.count == batches.count else {
      throw OctetError(
        .invalidArgument, operation: "parity case", argument: "observer_on",
        expected: "a switch of each kind for every one of \(batches.count) batches",
        received: "\(observes.count) and \(rounds.count)")
    }
    var results: [Tensor] = []
    for (step, batch) in batches.enumerated() {
      results.append(
        try fused.step(
          batch, observes: observes[step] == 1, rounds: rounds[step] == 1, &state))
    }
    var outputs = ParityOutputs(list: results, name: "y")
    outputs.tensors["running_min"] = RangeObserver.vector(state.minima)
    outputs.tensors["running_max"] = RangeObserver.vector(state.maxima)
    add(
      QuantizationParameters(
        scales: state.scales, zeroPoints: .integer(state.zeroPoints), axis: nil, dtype: .quint8),
      "", to: &outputs)
    return outputs
  }

  // MARK: Modules

  /// Runs a fake quantizer on all batches, with the toggles that come before each.
  private static func train(_ call: ParityCase, _ factory: ObserverFactory) throws -> ParityOutputs
  {
    guard let module = factory() as? FakeQuantize else {
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation, argument: "op",
        expected: "a fake quantizer", received: factory.name)
    }
    var results: [Tensor] = []
    var last: Tensor?
    try call.forEachBatch { batch, toggles in
      for toggle in toggles { try switchTo(toggle, module) }
      results.append(try module.evaluate(batch))
      last = batch
    }
    var outputs = ParityOutputs(list: results, name: "y")
    for (name, tensor) in module.observer.ownState() where name.hasSuffix("_val") {
      outputs.tensors[name] = tensor
    }
    outputs.tensors["scale"] = module.scale.value
    let zeros = module.zeroPoint.value
    outputs.tensors["zero_point"] =
      zeros.dtype.isFloatingPoint ? zeros : try zeros.converted(to: .int64)
    add(try module.calculateParameters(), "calculated.", to: &outputs)
    if let upstream = try call.optionalInput("grad_output"), let last {
      outputs.tensors["grad.input"] = try module.gradient(upstream, at: last)
    }
    return outputs
  }

  private static func switchTo(_ toggle: String, _ module: FakeQuantize) throws {
    switch toggle {
    case "enable_fake_quant": enableFakeQuant(module)
    case "disable_fake_quant": disableFakeQuant(module)
    case "enable_observer": enableObserver(module)
    case "disable_observer": disableObserver(module)
    default:
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation, argument: "attrs.toggles",
        expected: "the name of a switch", received: toggle)
    }
  }
}
