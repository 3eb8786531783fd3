import OctetNN
import OctetTensor

/// The operations of quantized and reference embedding modules.
package enum EmbeddingParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = [
    .single("nn.quantized.Embedding") {
      try Quantized.Embedding(weight: $0.state("weight")).evaluate($0.input())
    },
    .single("nn.quantized.EmbeddingBag") { call in
      try run(
        Quantized.EmbeddingBag(
          weight: call.state("weight"), includeLastOffset: includesLastOffset(call)), call)
    },
    ParityOperation("nn.quantized.Embedding.from_float") { call in
      let float = try Embedding(weight: Parameter(call.state("weight")))
      let module = try Quantized.Embedding(float, context(call))
      return try ["0": module.evaluate(call.input()), "weight": module.weight]
    },
    ParityOperation("nn.quantized.EmbeddingBag.from_float") { call in
      let float = try EmbeddingBag(weight: Parameter(call.state("weight")), mode: mode(call))
      let module = try Quantized.EmbeddingBag(float, context(call))
      return try ["0": run(module, call), "weight": module.weight]
    },
    .single("nn.quantized.reference.Embedding") {
      try Reference.Embedding(weight: $0.state("weight"), parameters: parameters($0))
        .evaluate($0.input())
    },
    .single("nn.quantized.reference.EmbeddingBag") { call in
      try run(
        Reference.EmbeddingBag(
          weight: call.state("weight"), parameters: parameters(call), mode: mode(call),
          includeLastOffset: includesLastOffset(call)), call)
    },
  ]

  private static func run(_ module: BagModule, _ call: ParityCase) throws -> Tensor {
    try module.evaluate(
      call.input(), offsets: call.optionalInput("offsets"),
      perSampleWeights: call.optionalInput("per_sample_weights"))
  }

  private static func context(_ call: ParityCase) throws -> ConversionContext {
    ConversionContext(
      qconfig: try .named(call.attributes.string("qconfig")), activation: nil,
      operation: call.operation)
  }

  /// The attribute of that name.
  static func includesLastOffset(_ call: ParityCase) throws -> Bool {
    try call.attributes.bool("include_last_offset", default: false)
  }

  /// The attribute of that name.
  static func mode(_ call: ParityCase) throws -> EmbeddingBagMode {
    let name = try call.attributes.string("mode", default: "mean")
    guard let mode = EmbeddingBagMode(rawValue: name) else {
      throw OctetError(
        .invalidConfiguration, operation: ParityAttributes.operation, argument: "attrs.mode",
        expected: EmbeddingBagMode.allCases.map(\.rawValue).joined(separator: ", "),
        received: name)
    }
    return mode
  }

  private static func parameters(_ call: ParityCase) throws -> QuantizationParameters {
    let described = try call.attributes.dictionary("weight_qparams")
    let scheme = try described.optionalScheme() ?? .perTensorAffine
    let zeroPoints = try described.doubles("zero_point")
    return QuantizationParameters(
      scales: try described.doubles("scale").map { Float($0) },
      zeroPoints: scheme == .perChannelAffineFloatQParams
        ? .real(zeroPoints.map { Float($0) })
        : .integer(zeroPoints.map { saturating($0, Int.self) }),
      axis: scheme == .perTensorAffine ? nil : try described.int("axis", default: 0),
      dtype: try described.dtype())
  }
}
