extension TensorParityOperations {
  /// Elementwise functions of quantized tensors.
  static let elementwiseOperations: [ParityOperation] =
    arithmeticOperations + functionOperations

  private static let arithmeticOperations: [ParityOperation] = [
    .single("quantized.add") { try add($0, relu: false) },
    .single("quantized.add_relu") { try add($0, relu: true) },
    .single("quantized.mul") { try multiply($0, relu: false) },
    .single("quantized.mul_relu") { try multiply($0, relu: true) },
    .single("quantized.add_scalar") {
      try Functional.addScalar(quantized($0, "x"), $0.attributes.double("other"))
    },
    .single("quantized.add_scalar_relu") {
      try Functional.addScalar(quantized($0, "x"), $0.attributes.double("other"), relu: true)
    },
    .single("quantized.mul_scalar") {
      try Functional.multiplyScalar(quantized($0, "x"), $0.attributes.double("other"))
    },
    .single("quantized.mul_scalar_relu") {
      try Functional.multiplyScalar(quantized($0, "x"), $0.attributes.double("other"), relu: true)
    },
    .single("quantized.cat") { try concatenate($0, relu: false) },
    .single("quantized.cat_relu") { try concatenate($0, relu: true) },
    .single("cat") {
      try Functional.concatenate($0.inputs("tensors"), dim: $0.attributes.int("dim"))
    },
    .single("quantized.matmul") {
      let output = try output($0)
      return try Functional.quantizedMatmul(
        $0.input("x"), $0.input("y"), scale: output.scale, zeroPoint: output.zeroPoint)
    },
  ]

  private static let functionOperations: [ParityOperation] = [
    .single("nn.quantized.functional.clamp") {
      try Functional.clamp(
        quantized($0), min: $0.attributes.double("min_"), max: $0.attributes.double("max_"))
    },
    .single("nn.quantized.functional.hardtanh") {
      try Functional.hardtanh(
        quantized($0), min: $0.attributes.double("min_val", default: -1),
        max: $0.attributes.double("max_val", default: 1))
    },
    .single("nn.quantized.functional.threshold") {
      try Functional.threshold(
        quantized($0), threshold: $0.attributes.double("threshold"),
        value: $0.attributes.double("value"))
    },
    .single("nn.quantized.functional.leaky_relu", leakyReLU),
    .single("nn.quantized.functional.elu") {
      let output = try output($0)
      return try Functional.elu(
        $0.input(), alpha: $0.attributes.double("alpha", default: 1), scale: output.scale,
        zeroPoint: output.zeroPoint)
    },
    .single("nn.quantized.functional.celu") {
      let output = try output($0)
      return try Functional.celu(
        $0.input(), alpha: $0.attributes.double("alpha", default: 1), scale: output.scale,
        zeroPoint: output.zeroPoint)
    },
    .single("nn.quantized.functional.hardswish") {
      let output = try output($0)
      return try Functional.hardswish(
        $0.input(), scale: output.scale, zeroPoint: output.zeroPoint)
    },
    .single("nn.quantized.functional.hardsigmoid") { try Functional.hardsigmoid(quantized($0)) },
    .single("sigmoid") { try Functional.sigmoid($0.input()) },
    .single("tanh") { try Functional.tanh($0.input()) },
    .single("nn.functional.gelu", gelu),
  ]

  /// An input of an operation that takes quantized tensors only, though Octet's function takes real ones too.
  private static func quantized(_ call: ParityCase, _ name: String = "input") throws(OctetError)
    -> Tensor
  {
    let tensor = try call.input(name)
    if tensor.isQuantized { return tensor }
    throw OctetError(
      .quantizationMismatch, operation: call.operation, argument: name,
      expected: "a quantized tensor", received: "dtype \(tensor.dtype.rawValue)")
  }

  private static func output(_ call: ParityCase) throws(OctetError) -> (
    scale: Double, zeroPoint: Int
  ) {
    (try call.attributes.double("scale"), try call.attributes.int("zero_point"))
  }

  private static func add(_ call: ParityCase, relu: Bool) throws -> Tensor {
    let output = try output(call)
    return try Functional.quantizedAdd(
      call.input("x"), call.input("y"), scale: output.scale, zeroPoint: output.zeroPoint,
      relu: relu)
  }

  private static func multiply(_ call: ParityCase, relu: Bool) throws -> Tensor {
    let output = try output(call)
    return try Functional.quantizedMultiply(
      call.input("x"), call.input("y"), scale: output.scale, zeroPoint: output.zeroPoint,
      relu: relu)
  }

  private static func concatenate(_ call: ParityCase, relu: Bool) throws -> Tensor {
    let output = try output(call)
    return try Functional.quantizedConcatenate(
      call.inputs("x"), dim: call.attributes.int("dim"), scale: output.scale,
      zeroPoint: output.zeroPoint, relu: relu)
  }

  /// Scale and zero point come together or not at all.
  private static func leakyReLU(_ call: ParityCase) throws -> Tensor {
    let slope = try call.attributes.double("negative_slope", default: 0.01)
    guard call.attributes.has("scale") else {
      return try Functional.leakyReLU(quantized(call), negativeSlope: slope)
    }
    let output = try output(call)
    return try Functional.leakyReLU(
      call.input(), negativeSlope: slope, scale: output.scale, zeroPoint: output.zeroPoint)
  }

  private static func gelu(_ call: ParityCase) throws -> Tensor {
    let name = try call.attributes.string("approximate", default: "none")
    guard let approximation = GELUApproximation(rawValue: name) else {
      throw OctetError(
        .invalidArgument, operation: call.operation, argument: "approximate",
        expected: GELUApproximation.allCases.map(\.rawValue).joined(separator: " or "),
        received: name)
    }
    return try Functional.gelu(call.input(), approximate: approximation)
  }
}
