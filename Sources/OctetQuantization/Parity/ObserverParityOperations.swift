import OctetTensor

/// The operations of observers, fake quantizers and configurations.
package enum ObserverParityOperations {
  /// Every line.
  package static let all =
    chooseOperations + observerOperations + fakeQuantizeOperations + configurationOperations

  /// Scales and zero points chosen for each of a list of inputs.
  private static let chooseOperations: [ParityOperation] = [
    choose("_choose_qparams_per_tensor") { input, attributes in
      try Functional.chooseQParamsPerTensor(
        input, reduceRange: attributes.bool("reduce_range", default: false))
    },
    choose("quantized_decomposed.choose_qparams") { input, attributes in
      try Functional.chooseQParams(
        input, quantMin: attributes.int("quant_min"), quantMax: attributes.int("quant_max"),
        eps: Float(attributes.double("eps")), dtype: attributes.dtype())
    },
    choose("quantized_decomposed.choose_qparams_symmetric") { input, attributes in
      try Functional.chooseQParamsSymmetric(
        input, quantMin: attributes.int("quant_min"), quantMax: attributes.int("quant_max"),
        eps: Float(attributes.double("eps")), dtype: attributes.dtype())
    },
  ]

  private static func choose(
    _ name: String,
    _ body:
      @escaping @Sendable (Tensor, ParityAttributes) throws -> (
        scale: Double, zeroPoint: Int
      )
  ) -> ParityOperation {
    ParityOperation(name) { call in
      let chosen = try call.inputs("input").map { try body($0, call.attributes) }
      return [
        "scale": try Tensor(chosen.map(\.scale), shape: [chosen.count]),
        "zero_point": try Tensor(chosen.map { Int64($0.zeroPoint) }, shape: [chosen.count]),
      ]
    }
  }

  // MARK: Observers

  private static let observerOperations: [ParityOperation] =
    [
      "MinMaxObserver", "MovingAverageMinMaxObserver", "PerChannelMinMaxObserver",
      "MovingAveragePerChannelMinMaxObserver", "HistogramObserver", "FixedQParamsObserver",
      "PlaceholderObserver", "NoopObserver", "RecordingObserver",
    ].map { name in
      ParityOperation("observer.\(name)") {
        try observe($0, ObserverRecipes.make(name, $0.attributes))
      }
    }
    + [
      ("default_observer", .defaultObserver),
      ("default_weight_observer", .defaultWeightObserver),
      ("default_histogram_observer", .defaultHistogramObserver),
      ("default_per_channel_weight_observer", .defaultPerChannelWeightObserver),
      ("default_float_qparams_observer", .defaultFloatQParamsObserver),
      ("default_float_qparams_observer_4bit", .defaultFloatQParamsObserver4Bit),
      (
        "per_channel_weight_observer_range_neg_127_to_127",
        .perChannelWeightObserverRangeNeg127To127
      ),
      ("weight_observer_range_neg_127_to_127", .weightObserverRangeNeg127To127),
      ("default_placeholder_observer", .defaultPlaceholderObserver),
      ("default_dynamic_quant_observer", .defaultDynamicQuantObserver),
      ("default_debug_observer", .defaultDebugObserver),
    ].map { (name: String, factory: ObserverFactory) in
      ParityOperation("observer.\(name)") { try observe($0, factory) }
    }

  /// Shows an observer all batches, and tells what it gives and keeps.
  private static func observe(_ call: ParityCase, _ factory: ObserverFactory) throws
    -> ParityOutputs
  {
    let observer = factory()
    var outputs = ParityOutputs(
      list: try call.inputs("batch").map { try observer.evaluate($0) }, name: "y")
    if let recording = observer as? RecordingObserver {
      for (i, tensor) in recording.tensors.enumerated() { outputs.tensors["value.\(i)"] = tensor }
    }
    if try observer is any IntegerRanged
      || call.attributes.bool("calculate_qparams", default: false)
    {
      add(try observer.calculateParameters(), "", to: &outputs)
    }
    for (name, tensor) in observer.ownState() where name != "eps" && outputs.tensors[name] == nil {
      outputs.tensors[name] = tensor
    }
    return outputs
  }

  /// Scale and zero point in the types that cases have.
  static func add(
    _ parameters: QuantizationParameters, _ prefix: String, to outputs: inout ParityOutputs
  ) {
    outputs.tensors["\(prefix)scale"] = RangeObserver.vector(parameters.scales)
    switch parameters.zeroPoints {
    case .real(let zeros): outputs.tensors["\(prefix)zero_point"] = RangeObserver.vector(zeros)
    case .integer(let zeros):
      outputs.tensors["\(prefix)zero_point"] = try? Tensor(
        zeros.map(Int64.init), shape: [zeros.count])
    }
  }

  // MARK: Configurations

  private static let configurationOperations: [ParityOperation] =
    QConfig.names.map { name in
      ParityOperation("qconfig.\(name)") { try configure($0, QConfig.named(name)) }
    }
    + [
      ParityOperation("qconfig.get_default_qconfig") { call in
        try configure(
          call,
          .getDefaultQConfig(
            backend: Backend(named: call.attributes.string("backend", default: "x86")),
            version: call.attributes.int("version", default: 0)))
      },
      ParityOperation("qconfig.get_default_qat_qconfig") { call in
        try configure(
          call,
          .getDefaultQATQConfig(
            backend: Backend(named: call.attributes.string("backend", default: "x86")),
            version: call.attributes.int("version", default: 1)))
      },
      ParityOperation("qconfig.QConfig") { call in
        try configure(call, configuration(call.attributes))
      },
    ]

  /// A configuration from the descriptions of its two sides.
  package static func configuration(_ attributes: ParityAttributes) throws -> QConfig {
    func side(_ name: String) throws -> ObserverFactory {
      let arguments = try attributes.dictionary(name)
      return try ObserverRecipes.make(arguments.string("class"), arguments)
    }
    return QConfig(activation: try side("activation"), weight: try side("weight"))
  }

  private static func configure(_ call: ParityCase, _ qconfig: QConfig) throws -> ParityOutputs {
    let activation = qconfig.activation()
    let weight = qconfig.weight()
    var outputs = ParityOutputs(
      list: try call.inputs("batch").map { try activation.evaluate($0) }, name: "activation.y")
    outputs.tensors["weight.y.0"] = try weight.evaluate(call.input("weight"))
    for (prefix, observer) in [("activation.", activation), ("weight.", weight)] {
      // Observers that calculate nothing have no such outputs.
      if let parameters = try? observer.calculateParameters() {
        add(parameters, prefix, to: &outputs)
      }
    }
    return outputs
  }
}
