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
    guard let scale = try call.optionalInput("scale") else {
      if !call.isList() { return ParityOutputs(try quantize(call, call.input())) }
      let list = try call.inputs("input")
      let scales = try call.attributes.doubles("scale")
      let zeros = try call.attributes.ints("zero_point")
      return try quantize(list, scales, zeros, call.attributes.dtype())
    }
    let scales: [Double] = try scale.converted(to: .float64).elements()
    let zeros = try integers(call.input("zero_point"))
    let list = call.isList() ? try call.inputs("input") : [try call.input()]
    return try quantize(list, scales, zeros, call.attributes.dtype())
  }

  private static func quantize(
    _ list: [Tensor], _ scales: [Double], _ zeroPoints: [Int], _ dtype: DType
  ) throws(OctetError) -> ParityOutputs {
    guard list.count == scales.count, list.count == zeroPoints.count else {
      throw OctetError(
        .shapeMismatch, operation: "quantize_per_tensor", argument: "scales",
        expected: "a scale and zero point for each of the \(list.count) tensors",
        received: "\(scales.count) scales and \(zeroPoints.count) zero points")
    }
    var results: [Tensor] = []
    for (i, tensor) in list.enumerated() {
      results.append(
        try Functional.quantizePerTensor(
          tensor, scale: scales[i], zeroPoint: zeroPoints[i], dtype: dtype))
    }
    return ParityOutputs(list: results)
  }

  private static func quantize(_ call: ParityCase, _ input: Tensor) throws(OctetError) -> Tensor {
    try Functional.quantizePerTensor(
      input, scale: call.attributes.double("scale"), zeroPoint: call.attributes.int("zero_point"),
      dtype: call.attributes.dtype())
  }

  private static func quantizePerChannel(_ call: ParityCase) throws(OctetError) -> Tensor {
    let scales = try call.input("scales")
    let zeros = try call.input("zero_points")
    let axis = try call.attributes.int("axis")
    let dtype = try call.attributes.dtype()
    if zeros.dtype.isFloatingPoint {
      return try Functional.quantizePerChannel(
        call.input(), scales: scales.converted(to: .float32).elements(),
        floatZeroPoints: zeros.converted(to: .float32).elements(), axis: axis, dtype: dtype)
    }
    return try Functional.quantizePerChannel(
      call.input(), scales: scales.converted(to: .float64).elements(),
      zeroPoints: integers(zeros), axis: axis, dtype: dtype)
  }

  private static func dequantize(_ call: ParityCase) throws -> ParityOutputs {
    guard call.isList() else { return ParityOutputs(try Functional.dequantize(call.input())) }
    return ParityOutputs(list: try call.inputs("input").map { try Functional.dequantize($0) })
  }

  /// The elements of an integer tensor.
  static func integers(_ tensor: Tensor) throws(OctetError) -> [Int] {
    let wide: [Int64] = try tensor.converted(to: .int64).elements()
    return wide.map(Int.init)
  }
}
