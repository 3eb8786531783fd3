extension TensorParityOperations {
  /// The decomposed operators on plain integer tensors.
  static let decomposedOperations: [ParityOperation] = [
    .single("quantized_decomposed.quantize_per_tensor") {
      let (a, r) = ($0.attributes, try range($0))
      return try QuantizedDecomposed.quantizePerTensor(
        $0.input(), scale: a.double("scale"), zeroPoint: a.int("zero_point"), quantMin: r.low,
        quantMax: r.high, dtype: r.dtype)
    },
    .single("quantized_decomposed.dequantize_per_tensor") {
      let (a, r) = ($0.attributes, try range($0))
      return try QuantizedDecomposed.dequantizePerTensor(
        $0.input(), scale: a.double("scale"), zeroPoint: a.int("zero_point"), quantMin: r.low,
        quantMax: r.high, dtype: r.dtype)
    },
    .single("quantized_decomposed.quantize_per_channel") {
      let r = try range($0)
      return try QuantizedDecomposed.quantizePerChannel(
        $0.input(), scales: $0.input("scales"), zeroPoints: $0.input("zero_points"),
        axis: $0.attributes.int("axis"), quantMin: r.low, quantMax: r.high, dtype: r.dtype)
    },
    .single("quantized_decomposed.dequantize_per_channel") {
      let r = try range($0)
      return try QuantizedDecomposed.dequantizePerChannel(
        $0.input(), scales: $0.input("scales"), zeroPoints: $0.input("zero_points"),
        axis: $0.attributes.int("axis"), quantMin: r.low, quantMax: r.high, dtype: r.dtype)
    },
    ParityOperation("quantized_decomposed.choose_qparams_per_token") {
      try wide(
        QuantizedDecomposed.chooseQParamsPerToken($0.input(), dtype: $0.attributes.dtype()))
    },
    ParityOperation("quantized_decomposed._choose_qparams_per_token_asymmetric_impl") {
      try wide(
        QuantizedDecomposed.chooseQParamsPerTokenAsymmetric(
          $0.input(), dtype: $0.attributes.dtype()))
    },
    .single("quantized_decomposed.quantize_per_token") {
      let r = try range($0)
      return try QuantizedDecomposed.quantizePerToken(
        $0.input(), scales: $0.input("scales"), zeroPoints: $0.input("zero_points"),
        quantMin: r.low, quantMax: r.high, dtype: r.dtype)
    },
    .single("quantized_decomposed.dequantize_per_token") {
      let r = try range($0)
      return try QuantizedDecomposed.dequantizePerToken(
        $0.input(), scales: $0.input("scales"), zeroPoints: $0.input("zero_points"),
        quantMin: r.low, quantMax: r.high, dtype: r.dtype)
    },
    .single("quantized_decomposed.quantize_per_channel_group") {
      let r = try range($0)
      return try QuantizedDecomposed.quantizePerChannelGroup(
        $0.input(), scales: $0.input("scales"), zeroPoints: $0.input("zero_points"),
        quantMin: r.low, quantMax: r.high, dtype: r.dtype,
        groupSize: $0.attributes.int("group_size"))
    },
    .single("quantized_decomposed.dequantize_per_channel_group") {
      let r = try range($0)
      return try QuantizedDecomposed.dequantizePerChannelGroup(
        $0.input(), scales: $0.input("scales"), zeroPoints: $0.input("zero_points"),
        quantMin: r.low, quantMax: r.high, dtype: r.dtype,
        groupSize: $0.attributes.int("group_size"))
    },
  ]

  private static func range(
    _ call: ParityCase
  ) throws(OctetError) -> (low: Int, high: Int, dtype: DType) {
    (
      try call.attributes.int("quant_min"), try call.attributes.int("quant_max"),
      try call.attributes.dtype()
    )
  }

  /// Cases hold these outputs as float64 and int64 whatever their own types are.
  private static func wide(_ parameters: (scale: Tensor, zeroPoint: Tensor)) throws -> ParityOutputs
  {
    [
      "scale": try parameters.scale.converted(to: .float64),
      "zero_point": try parameters.zeroPoint.converted(to: .int64),
    ]
  }
}
