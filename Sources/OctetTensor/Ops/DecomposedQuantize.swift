/// Plain integers from real elements. torch.ops.quantized_decomposed.quantize_per_*.
struct DecomposedQuantize: Operator {
  static let torchName = "quantized_decomposed.quantize"
  static let onnxName: String? = "QuantizeLinear"

  /// How an element becomes an integer before it is clamped.
  enum Rule: Sendable {
    /// `rint(x * (1 / scale)) + zeroPoint`.
    case roundThenShift
    /// `rint(x * (1 / scale) + zeroPoint)`.
    case shiftThenRound
    /// `rint(x / scale + zeroPoint)`.
    case divideThenShift
  }

  let name: String
  let span: DecomposedSpan
  let range: DecomposedRange
  let rule: Rule

  /// Inputs: x, scales, zero points.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32, .float16, .bfloat16])
    try require(inputs[1], "scales", dtypes: [.float32, .float64])
    try require(inputs[2], "zero_points", dtypes: DecomposedSpan.zeroPointTypes)
    _ = try span.layout(inputs[0].shape, operation: name)
    return TensorSpec(shape: inputs[0].shape, dtype: range.dtype)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x: [Float] = try inputs[0].converted(to: .float32).elements()
    let zeros: [Double] = try inputs[2].converted(to: .float64).elements()
    let layout = try span.layout(output.shape, operation: name)
    if span == .tensor { return try evaluateWhole(inputs, zeros, output) }
    let codes: [Int32]
    if inputs[1].dtype == .float64 {
      let parameters = try DecomposedParameters<Double>(
        inputs[1].elements(), zeros, count: layout.count, operation: name)
      codes = quantize(x, parameters, layout.inner)
    } else {
      let parameters = try DecomposedParameters<Float>(
        inputs[1].elements(), zeros, count: layout.count, operation: name)
      codes = quantize(x, parameters, layout.inner)
    }
    return try Tensor(codes, shape: output.shape).converted(to: range.dtype)
  }

  private func evaluateWhole(_ inputs: [Tensor], _ zeros: [Double], _ output: TensorSpec)
    throws(OctetError) -> Tensor
  {
    let scales: [Double] = try inputs[1].converted(to: .float64).elements()
    let checked = try DecomposedParameters(scales, zeros, count: 1, operation: name)
    return try DecomposedQuantizePerTensor(
      name: name, scale: checked.scales[0], zeroPoint: Int(clampingReal: checked.zeroPoints[0]),
      range: range
    ).evaluate([inputs[0]], output)
  }

  private func quantize<Real: BinaryFloatingPoint>(
    _ x: [Float], _ parameters: DecomposedParameters<Real>, _ inner: Int
  ) -> [Int32] {
    let inverse = parameters.scales.map { 1 / $0 }
    let count = parameters.scales.count
    return x.indices.map { i in
      let channel = i / inner % count
      let zero = parameters.zeroPoints[channel]
      let value: Real
      switch rule {
      case .roundThenShift:
        value = (Real(x[i]) * inverse[channel]).rounded(.toNearestOrEven) + zero
      case .shiftThenRound:
        value = (Real(x[i]) * inverse[channel] + zero).rounded(.toNearestOrEven)
      case .divideThenShift:
        value = (Real(x[i]) / parameters.scales[channel] + zero).rounded(.toNearestOrEven)
      }
      return range.clamp(value)
    }
  }
}

extension DecomposedRange {
  /// The nearest integer of the range to a whole or infinite number; the largest one for NaN. No type it can hold is wider than
  /// 32 bits.
  func clamp<Real: BinaryFloatingPoint>(_ value: Real) -> Int32 {
    if value <= Real(low) { return Int32(low) }
    if value < Real(high) { return Int32(value) }
    return Int32(high)
  }
}

extension QuantizedDecomposed {
  /// `q = clamp(rint(x * (1 / scale)) + zeroPoint, quantMin, quantMax)`, 1 / scale taken in double and rounded to float32.
  /// torch.ops.quantized_decomposed.quantize_per_tensor.
  ///
  /// - Parameters:
  ///   - input: float32, float16 or bfloat16, any shape.
  ///   - dtype: a plain integer type that holds `quantMin...quantMax`.
  public static func quantizePerTensor(
    _ input: Tensor, scale: Double, zeroPoint: Int, quantMin: Int, quantMax: Int, dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantized_decomposed.quantize_per_tensor"
    let op = DecomposedQuantizePerTensor(
      name: name, scale: scale, zeroPoint: zeroPoint,
      range: try DecomposedRange(quantMin, quantMax, dtype: dtype, operation: name))
    return try apply(op, [input])
  }

  /// `q = clamp(rint(x * (1 / scales[c])) + zeroPoints[c], quantMin, quantMax)` for each index of `axis`.
  /// torch.ops.quantized_decomposed.quantize_per_channel.
  ///
  /// - Parameters:
  ///   - scales: float64 or float32 `[C]`.
  ///   - zeroPoints: integers `[C]`.
  public static func quantizePerChannel(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, axis: Int, quantMin: Int, quantMax: Int,
    dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantized_decomposed.quantize_per_channel"
    let op = DecomposedQuantize(
      name: name, span: .channel(axis: axis),
      range: try DecomposedRange(quantMin, quantMax, dtype: dtype, operation: name),
      rule: .roundThenShift)
    return try apply(op, [input, scales, zeroPoints])
  }

  /// `q = clamp(rint(x * (1 / scales[t]) + zeroPoints[t]), quantMin, quantMax)` for each row t along the last dimension: the zero
  /// point is added before rounding. torch.ops.quantized_decomposed.quantize_per_token.
  ///
  /// - Parameters:
  ///   - input: `[..., K]`.
  ///   - scales: float64 or float32 `[..., 1]`.
  ///   - zeroPoints: integers `[..., 1]`.
  public static func quantizePerToken(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, quantMin: Int, quantMax: Int,
    dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantized_decomposed.quantize_per_token"
    let op = DecomposedQuantize(
      name: name, span: .token,
      range: try DecomposedRange(quantMin, quantMax, dtype: dtype, operation: name),
      rule: .shiftThenRound)
    return try apply(op, [input, scales, zeroPoints])
  }

  /// `q = clamp(rint(x / scales[g] + zeroPoints[g]), quantMin, quantMax)` for each run g of `groupSize` elements of a row.
  /// torch.ops.quantized_decomposed.quantize_per_channel_group.
  ///
  /// - Parameters:
  ///   - input: `[O, K]`; `groupSize` divides K, and is K when it is larger and there is one scale a row.
  ///   - scales: float32 `[O, K / groupSize]`.
  ///   - zeroPoints: int32 `[O, K / groupSize]`.
  public static func quantizePerChannelGroup(
    _ input: Tensor, scales: Tensor, zeroPoints: Tensor, quantMin: Int, quantMax: Int,
    dtype: DType, groupSize: Int = 128
  ) throws(OctetError) -> Tensor {
    let name = "quantized_decomposed.quantize_per_channel_group"
    let op = DecomposedQuantize(
      name: name, span: .group(size: Self.groupSize(groupSize, input, scales)),
      range: try DecomposedRange(quantMin, quantMax, dtype: dtype, operation: name),
      rule: .divideThenShift)
    return try apply(op, [input, scales, zeroPoints])
  }

  /// One scale a row serves the whole row.
  static func groupSize(_ size: Int, _ input: Tensor, _ scales: Tensor) -> Int {
    guard let row = input.shape.last, size > row, scales.shape.last == 1 else { return size }
    return row
  }
}

/// `quantize_per_tensor` of the decomposed operators: parameters are attributes.
struct DecomposedQuantizePerTensor: Operator {
  static let torchName = "quantized_decomposed.quantize_per_tensor"
  static let onnxName: String? = "QuantizeLinear"

  let name: String
  let scale: Double
  let zeroPoint: Int
  let range: DecomposedRange

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32, .float16, .bfloat16])
    _ = try DecomposedParameters([scale], [Double(zeroPoint)], count: 1, operation: name)
    return TensorSpec(shape: inputs[0].shape, dtype: range.dtype)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x: [Float] = try inputs[0].converted(to: .float32).elements()
    let (inverse, zero) = (Float(1 / scale), Float(zeroPoint))
    let codes = x.map { range.clamp(($0 * inverse).rounded(.toNearestOrEven) + zero) }
    return try Tensor(codes, shape: output.shape).converted(to: range.dtype)
  }
}
