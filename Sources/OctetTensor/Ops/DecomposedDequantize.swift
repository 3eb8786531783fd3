/// Real elements from plain integers: `x = (q - zeroPoint) * scale`. torch.ops.quantized_decomposed.dequantize_per_*.
struct DecomposedDequantize: Operator {
  static let torchName = "quantized_decomposed.dequantize"
  static let onnxName: String? = "DequantizeLinear"

  let name: String
  let span: DecomposedSpan
  let range: DecomposedRange

  /// Inputs: q, scales, zero points.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [range.dtype])
    try require(inputs[1], "scales", dtypes: [.float32, .float64])
    try require(inputs[2], "zero_points", dtypes: DecomposedSpan.zeroPointTypes)
    _ = try span.layout(inputs[0].shape, operation: name)
    return TensorSpec(shape: inputs[0].shape, dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let q: [Int64] = try inputs[0].converted(to: .int64).elements()
    let zeros: [Double] = try inputs[2].converted(to: .float64).elements()
    let layout = try span.layout(output.shape, operation: name)
    if span == .tensor { return try evaluateWhole(inputs, zeros, output) }
    let values: [Float]
    if inputs[1].dtype == .float64 {
      let parameters = try DecomposedParameters<Double>(
        inputs[1].elements(), zeros, count: layout.count, operation: name)
      values = dequantize(q, zeros, parameters.scales, layout.inner)
    } else {
      let parameters = try DecomposedParameters<Float>(
        inputs[1].elements(), zeros, count: layout.count, operation: name)
      values = dequantize(q, zeros, parameters.scales, layout.inner)
    }
    return try Tensor(values, shape: output.shape)
  }

  private func evaluateWhole(_ inputs: [Tensor], _ zeros: [Double], _ output: TensorSpec)
    throws(OctetError) -> Tensor
  {
    let scales: [Double] = try inputs[1].converted(to: .float64).elements()
    let checked = try DecomposedParameters(scales, zeros, count: 1, operation: name)
    return try DecomposedDequantizePerTensor(
      name: name, scale: checked.scales[0], zeroPoint: Int(clampingReal: checked.zeroPoints[0]),
      range: range
    ).evaluate([inputs[0]], output)
  }

  private func dequantize<Real: BinaryFloatingPoint>(
    _ q: [Int64], _ zeros: [Double], _ scales: [Real], _ inner: Int
  ) -> [Float] {
    q.indices.map { i in
      let channel = i / inner % scales.count
      return Float(Real(Double(q[i]) - zeros[channel]) * scales[channel])
    }
  }
}

/// `dequantize_per_tensor` of the decomposed operators: parameters are attributes.
struct DecomposedDequantizePerTensor: Operator {
  static let torchName = "quantized_decomposed.dequantize_per_tensor"
  static let onnxName: String? = "DequantizeLinear"

  let name: String
  let scale: Double
  let zeroPoint: Int
  let range: DecomposedRange

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [range.dtype])
    _ = try DecomposedParameters([scale], [Double(zeroPoint)], count: 1, operation: name)
    return TensorSpec(shape: inputs[0].shape, dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let q: [Float] = try inputs[0].converted(to: .float32).elements()
    let (factor, zero) = (Float(scale), Float(zeroPoint))
    return try Tensor(q.map { ($0 - zero) * factor }, shape: output.shape)
  }
}

extension QuantizedDecomposed {
  /// `x = (float32(q) - zeroPoint) * scale`, in float32. torch.ops.quantized_decomposed.dequantize_per_tensor.
  ///
  /// - Parameters:
  ///   - input: plain integers of type `dtype`, any shape.
  ///   - quantMin: the bounds that the integers were clamped to; they take no part.
  public static func dequantizePerTensor(
    _ input: Tensor, scale: Double, zeroPoint: Int, quantMin: Int, quantMax: Int, dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantized_decomposed.dequantize_per_tensor"
    let op = DecomposedDequantizePerTensor(
      name: name, scale: scale, zeroPoint: zeroPoint,
      range: try DecomposedRange(quantMin, quantMax, dtype: dtype, operation: name))
    return try apply(op, [input])
  }

  /// `x = float32((q - zeroPoints[c]) * scales[c])` for each index of `axis`.
  /// torch.ops.quantized_decomposed.dequantize_per_channel.
  ///
  /// - Parameters:
  ///   - scales: float64 or float32 `[C]`.
  ///   - zeroPoints: integers `[C]`.
  public static func dequantizePerChannel(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, axis: Int, quantMin: Int, quantMax: Int,
    dtype: DType
  ) throws(OctetError) -> Tensor {
    try dequantize(
      "quantized_decomposed.dequantize_per_channel", .channel(axis: axis), input, scales,
      zeroPoints, (quantMin, quantMax, dtype))
  }

  /// `x = float32((q - zeroPoints[t]) * scales[t])` for each row t along the last dimension.
  /// torch.ops.quantized_decomposed.dequantize_per_token.
  ///
  /// - Parameters:
  ///   - input: `[..., K]`.
  ///   - scales: float64 or float32 `[..., 1]`.
  ///   - zeroPoints: integers `[..., 1]`.
  public static func dequantizePerToken(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, quantMin: Int, quantMax: Int,
    dtype: DType
  ) throws(OctetError) -> Tensor {
    try dequantize(
      "quantized_decomposed.dequantize_per_token", .token, input, scales, zeroPoints,
      (quantMin, quantMax, dtype))
  }

  /// `x = (q - zeroPoints[g]) * scales[g]` for each run g of `groupSize` elements of a row.
  /// torch.ops.quantized_decomposed.dequantize_per_channel_group.
  ///
  /// - Parameters:
  ///   - input: `[O, K]`; `groupSize` divides K, and is K when it is larger and there is one scale a row.
  ///   - scales: float32 `[O, K / groupSize]`.
  ///   - zeroPoints: int32 `[O, K / groupSize]`.
  public static func dequantizePerChannelGroup(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, quantMin: Int, quantMax: Int,
    dtype: DType, groupSize: Int = 128
  ) throws(OctetError) -> Tensor {
    try dequantize(
      "quantized_decomposed.dequantize_per_channel_group",
      .group(size: Self.groupSize(groupSize, input, scales)), input, scales, zeroPoints,
      (quantMin, quantMax, dtype))
  }

  private static func dequantize(
    _ name: String, _ span: DecomposedSpan, _ input: Tensor, _ scales: Tensor,
    _ zeroPoints: Tensor, _ range: (low: Int, high: Int, dtype: DType)
  ) throws(OctetError) -> Tensor {
    let op = DecomposedDequantize(
      name: name, span: span,
      range: try DecomposedRange(range.low, range.high, dtype: range.dtype, operation: name))
    return try apply(op, [input, scales, zeroPoints])
  }
}
