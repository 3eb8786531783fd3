extension TensorParityOperations {
  /// Pools and resizing of quantized tensors.
  static let poolOperations: [ParityOperation] = [
    pool("max_pool1d", maxPool),
    pool("max_pool2d", maxPool),
    pool("avg_pool2d", averagePool),
    pool("avg_pool3d", averagePool),
    pool("adaptive_avg_pool2d", adaptiveAveragePool),
    pool("adaptive_avg_pool3d", adaptiveAveragePool),
    pool("interpolate") { try interpolate($0, $1) },
    pool("upsample") { try interpolate($0, $1) },
    pool("upsample_bilinear") { input, a in
      try Functional.upsampleBilinear(
        input, size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor"))
    },
    pool("upsample_nearest") { input, a in
      try Functional.upsampleNearest(
        input, size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor"))
    },
  ]

  /// A function of torch.ao.nn.quantized.functional, which takes quantized tensors alone.
  private static func pool(
    _ name: String, _ body: @escaping @Sendable (Tensor, ParityAttributes) throws -> Tensor
  ) -> ParityOperation {
    .single("nn.quantized.functional.\(name)") { call in
      let input = try call.input()
      guard input.isQuantized else {
        throw OctetError(
          .quantizationMismatch, operation: call.operation, argument: "input",
          expected: "a quantized tensor", received: "dtype \(input.dtype.rawValue)")
      }
      return try body(input, call.attributes)
    }
  }

  private static func maxPool(_ input: Tensor, _ a: ParityAttributes) throws -> Tensor {
    try Functional.maxPool(
      input, kernel: a.ints("kernel_size"), stride: a.optionalInts("stride"),
      padding: a.optionalInts("padding"), dilation: a.optionalInts("dilation"),
      ceiling: a.bool("ceil_mode", default: false))
  }

  private static func averagePool(_ input: Tensor, _ a: ParityAttributes) throws -> Tensor {
    try Functional.avgPool(
      input, kernel: a.ints("kernel_size"), stride: a.optionalInts("stride"),
      padding: a.optionalInts("padding"), ceiling: a.bool("ceil_mode", default: false),
      countIncludePad: a.bool("count_include_pad", default: true),
      divisor: a.optionalInt("divisor_override"))
  }

  private static func adaptiveAveragePool(_ input: Tensor, _ a: ParityAttributes) throws -> Tensor {
    try Functional.adaptiveAvgPool(input, outputSize: a.ints("output_size"))
  }

  private static func interpolate(_ input: Tensor, _ a: ParityAttributes) throws -> Tensor {
    let name = try a.string("mode", default: "nearest")
    guard let mode = InterpolationMode(rawValue: name) else {
      throw OctetError(
        .invalidArgument, operation: "interpolate", argument: "mode",
        expected: InterpolationMode.allCases.map(\.rawValue).joined(separator: ", "),
        received: name)
    }
    return try Functional.interpolate(
      input, size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor"),
      mode: mode, alignCorners: a.optionalBool("align_corners"))
  }
}
