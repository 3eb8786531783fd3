// torch.ao.nn.quantized.functional packs weights at every call, and so do these; modules keep theirs packed.
extension Functional {
  /// `input * weightᵀ + bias` on integers: `clamp(zo + rint((acc + bias / aw) * aw / so))` with the exact int32 accumulator and
  /// `aw = sx * sw`, each step in float32. torch.ao.nn.quantized.functional.linear.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 `[..., K]`, per tensor.
  ///   - weight: qint8 `[N, K]`, per tensor or per channel along axis 0.
  ///   - bias: float32 `[N]`.
  ///   - scale: the result's, the input's when nil.
  ///   - zeroPoint: the result's, the input's when nil.
  public static func quantizedLinear(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, scale: Double? = nil,
    zeroPoint: Int? = nil
  ) throws(OctetError) -> Tensor {
    let packed = try PackedLinear(weight: weight, bias: bias, operation: "linear")
    var result = QuantizedResult.quantized(
      scale: scale ?? 1, zeroPoint: zeroPoint ?? 0, relu: false)
    if scale == nil || zeroPoint == nil {
      let (own, zero) = (try input.qScale(), try input.qZeroPoint())
      result = .quantized(scale: scale ?? own, zeroPoint: zeroPoint ?? zero, relu: false)
    }
    return try quantizedLinear(input, packed, result: result)
  }

  /// A convolution over one dimension on integers, as `quantizedConv2d`; input `[N, C, L]`, weight `[O, C / groups, k]`.
  /// torch.ao.nn.quantized.functional.conv1d.
  public static func quantizedConv1d(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try convolution(
      "conv1d", input, weight, bias, [stride], [padding], [dilation], groups, scale, zeroPoint)
  }

  /// A convolution over two dimensions on integers, by the rule of `quantizedLinear`; padding counts as the zero point.
  /// torch.ao.nn.quantized.functional.conv2d.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 `[N, C, H, W]`, per tensor.
  ///   - weight: qint8 `[O, C / groups, kh, kw]`, per tensor or per channel along axis 0.
  ///   - bias: float32 `[O]`.
  ///   - scale: the result's.
  ///   - zeroPoint: the result's.
  /// - Returns: `[N, O, H', W']`, channels last in memory.
  public static func quantizedConv2d(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1, 1],
    padding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1, scale: Double,
    zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try convolution(
      "conv2d", input, weight, bias, stride, padding, dilation, groups, scale, zeroPoint)
  }

  /// A convolution over three dimensions on integers, as `quantizedConv2d`; input `[N, C, D, H, W]`.
  /// torch.ao.nn.quantized.functional.conv3d.
  public static func quantizedConv3d(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1, 1, 1],
    padding: [Int] = [0, 0, 0], dilation: [Int] = [1, 1, 1], groups: Int = 1, scale: Double,
    zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try convolution(
      "conv3d", input, weight, bias, stride, padding, dilation, groups, scale, zeroPoint)
  }

  private static func convolution(
    _ name: String, _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: [Int],
    _ padding: [Int], _ dilation: [Int], _ groups: Int, _ scale: Double, _ zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    guard weight.rank == stride.count + 2 else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "weight",
        expected: "\(stride.count + 2) dimensions, [O, C / groups, kernel...]",
        received: "shape \(weight.shape)")
    }
    let packed = try PackedConvolution(
      weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups, operation: name)
    return try quantizedConvolution(
      input, packed, result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: false))
  }
}
