extension TensorParityOperations {
  /// Quantized functions over this room's operators.
  static let layerOperations: [ParityOperation] = [
    .single("relu") { try Functional.relu($0.input()) },
    .single("nn.quantized.functional.linear", linear),
    .single("nn.quantized.functional.conv1d") { try convolution($0, rank: 1) },
    .single("nn.quantized.functional.conv2d") { try convolution($0, rank: 2) },
    .single("nn.quantized.functional.conv3d") { try convolution($0, rank: 3) },
  ]

  private static func linear(_ call: ParityCase) throws -> Tensor {
    let input = try call.input()
    let weight = try int8Weight(call.input("weight"), call)
    let packed = try PackedLinear(
      weight: weight, bias: call.optionalInput("bias"), operation: call.operation)
    // Missing parameters are the input's.
    let scale = try call.attributes.optionalDouble("scale") ?? input.qScale()
    let zeroPoint = try call.attributes.optionalInt("zero_point") ?? input.qZeroPoint()
    return try Functional.quantizedLinear(
      input, packed, result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: false))
  }

  private static func result(_ call: ParityCase) throws(OctetError) -> QuantizedResult {
    .quantized(
      scale: try call.attributes.double("scale", default: 1),
      zeroPoint: try call.attributes.int("zero_point", default: 0), relu: false)
  }

  private static func int8Weight(
    _ weight: Tensor, _ call: ParityCase
  ) throws(OctetError) -> Tensor {
    guard weight.dtype == .qint8 else {
      throw OctetError(
        .dtypeMismatch, operation: call.operation, argument: "weight", expected: "dtype qint8",
        received: "dtype \(weight.dtype.rawValue)")
    }
    return weight
  }

  private static func convolution(_ call: ParityCase, rank: Int) throws -> Tensor {
    let mode = try call.attributes.string("padding_mode", default: "zeros")
    guard mode == "zeros" else {
      throw OctetError(
        .invalidArgument, operation: call.operation, argument: "padding_mode", expected: "zeros",
        received: mode)
    }
    let packed = try pack(
      call, weight: call.input("weight"), bias: call.optionalInput("bias"), rank: rank)
    return try Functional.quantizedConvolution(
      call.input(), packed, result: result(call))
  }

  private static func pack(
    _ call: ParityCase, weight: Tensor, bias: Tensor?, rank: Int
  ) throws -> PackedConvolution {
    let a = call.attributes
    let ones = [Int](repeating: 1, count: rank)
    let zeros = [Int](repeating: 0, count: rank)
    return try PackedConvolution(
      weight: int8Weight(weight, call), bias: bias, stride: a.ints("stride", default: ones),
      padding: a.ints("padding", default: zeros),
      dilation: a.ints("dilation", default: ones), groups: a.int("groups", default: 1),
      operation: call.operation)
  }
}
