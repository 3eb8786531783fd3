extension TensorParityOperations {
  /// Quantized layers and functions over this room's operators.
  static let layerOperations: [ParityOperation] = [
    .single("relu") { try Functional.relu($0.input()) },
    .single("nn.quantized.functional.linear", linear),
    .single("nn.quantized.Linear") { try linearModule($0, relu: false) },
    .single("nn.intrinsic.quantized.LinearReLU") { try linearModule($0, relu: true) },
    .single("nn.quantized.functional.conv1d") { try convolution($0, rank: 1) },
    .single("nn.quantized.functional.conv2d") { try convolution($0, rank: 2) },
    .single("nn.quantized.functional.conv3d") { try convolution($0, rank: 3) },
    .single("nn.quantized.Conv1d") { try convolutionModule($0, rank: 1, relu: false) },
    .single("nn.quantized.Conv2d") { try convolutionModule($0, rank: 2, relu: false) },
    .single("nn.quantized.Conv3d") { try convolutionModule($0, rank: 3, relu: false) },
    .single("nn.intrinsic.quantized.ConvReLU1d") {
      try convolutionModule($0, rank: 1, relu: true)
    },
    .single("nn.intrinsic.quantized.ConvReLU2d") {
      try convolutionModule($0, rank: 2, relu: true)
    },
    .single("nn.intrinsic.quantized.ConvReLU3d") {
      try convolutionModule($0, rank: 3, relu: true)
    },
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

  private static func linearModule(_ call: ParityCase, relu: Bool) throws(OctetError) -> Tensor {
    let packed = try PackedLinear(
      weight: int8Weight(call.state("weight"), call), bias: call.optionalState("bias"),
      operation: call.operation)
    return try Functional.quantizedLinear(call.input(), packed, result: result(call, relu: relu))
  }

  private static func result(
    _ call: ParityCase, relu: Bool
  ) throws(OctetError) -> QuantizedResult {
    .quantized(
      scale: try call.attributes.double("scale", default: 1),
      zeroPoint: try call.attributes.int("zero_point", default: 0), relu: relu)
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
    guard mode == "zeros" else { throw paddingMode(mode, "zeros", call) }
    let packed = try pack(
      call, weight: call.input("weight"), bias: call.optionalInput("bias"), rank: rank)
    return try Functional.quantizedConvolution(
      call.input(), packed, result: result(call, relu: false))
  }

  private static func convolutionModule(
    _ call: ParityCase, rank: Int, relu: Bool
  ) throws -> Tensor {
    let a = call.attributes
    let (groups, channels) = (try a.int("groups", default: 1), try a.int("in_channels"))
    guard groups > 0, channels % groups == 0 else {
      throw OctetError(
        .invalidArgument, operation: call.operation, argument: "groups",
        expected: "groups that divide in_channels \(channels)", received: "groups \(groups)")
    }
    let mode = try a.string("padding_mode", default: "zeros")
    let padding = try a.ints("padding", default: [Int](repeating: 0, count: rank))
    let (weight, bias) = (try call.state("weight"), call.optionalState("bias"))
    switch mode {
    case "zeros":
      let packed = try pack(call, weight: weight, bias: bias, rank: rank)
      return try Functional.quantizedConvolution(
        call.input(), packed, result: result(call, relu: relu))
    case "reflect":
      let packed = try pack(
        call, weight: weight, bias: bias, rank: rank,
        padding: [Int](repeating: 0, count: rank))
      let padded = try Functional.reflectionPad(call.input(), before: padding, after: padding)
      return try Functional.quantizedConvolution(padded, packed, result: result(call, relu: relu))
    default: throw paddingMode(mode, "zeros or reflect", call)
    }
  }

  private static func pack(
    _ call: ParityCase, weight: Tensor, bias: Tensor?, rank: Int, padding: [Int]? = nil
  ) throws -> PackedConvolution {
    let a = call.attributes
    let ones = [Int](repeating: 1, count: rank)
    let zeros = [Int](repeating: 0, count: rank)
    return try PackedConvolution(
      weight: int8Weight(weight, call), bias: bias, stride: a.ints("stride", default: ones),
      padding: padding ?? a.ints("padding", default: zeros),
      dilation: a.ints("dilation", default: ones), groups: a.int("groups", default: 1),
      operation: call.operation)
  }

  private static func paddingMode(
    _ mode: String, _ expected: String, _ call: ParityCase
  ) -> OctetError {
    OctetError(
      .invalidArgument, operation: call.operation, argument: "padding_mode", expected: expected,
      received: mode)
  }
}
