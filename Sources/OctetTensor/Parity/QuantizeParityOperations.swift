extension TensorParityOperations {
  /// Quantize and dequantize: functions and modules.
  static let quantizeOperations: [ParityOperation] = [
    ParityOperation("quantize_per_tensor", run: quantizePerTensor),
    .single("quantize_per_channel", quantizePerChannel),
    ParityOperation("dequantize", run: dequantize),
    .single("nn.quantized.Quantize") { try quantize($0, $0.input()) },
    .single("nn.quantized.DeQuantize") { try Functional.dequantize($0.input()) },
  ]

  /// A tensor or a list of them; tensors of parameters replace the attributes.
  private static func quantizePerTensor(_ call: ParityCase) throws -> ParityOutputs {
    let dtype = try call.attributes.dtype()
    guard let scale = try call.optionalInput("scale") else {
      if !call.isList() { return ParityOutputs(try quantize(call, call.input())) }
      let (scales, zeros) = (
        try call.attributes.doubles("scale"), try call.attributes.ints("zero_point")
      )
      return ParityOutputs(
        list: try Functional.quantizePerTensor(
          call.inputs("input"), scales: Tensor(scales, shape: [scales.count]),
          zeroPoints: Tensor(zeros.map { Int64($0) }, shape: [zeros.count]), dtype: dtype))
    }
    let list = call.isList() ? try call.inputs("input") : [try call.input()]
    return ParityOutputs(
      list: try Functional.quantizePerTensor(
        list, scales: scale, zeroPoints: call.input("zero_point"), dtype: dtype))
  }

  private static func quantize(_ call: ParityCase, _ input: Tensor) throws(OctetError) -> Tensor {
    try Functional.quantizePerTensor(
      input, scale: call.attributes.double("scale"), zeroPoint: call.attributes.int("zero_point"),
      dtype: call.attributes.dtype())
  }

  private static func quantizePerChannel(_ call: ParityCase) throws(OctetError) -> Tensor {
    try Functional.quantizePerChannel(
      call.input(), scales: call.input("scales"), zeroPoints: call.input("zero_points"),
      axis: call.attributes.int("axis"), dtype: call.attributes.dtype())
  }

  private static func dequantize(_ call: ParityCase) throws -> ParityOutputs {
    guard call.isList() else { return ParityOutputs(try Functional.dequantize(call.input())) }
    return ParityOutputs(list: try Functional.dequantize(call.inputs("input")))
  }
}
