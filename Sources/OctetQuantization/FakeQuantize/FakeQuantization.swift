import OctetTensor

/// Rounds real values to a quantized grid and stays real. torch.fake_quantize_per_tensor_affine and
/// torch.fake_quantize_per_channel_affine.
struct FakeQuantization: Operator {
  static let torchName = "fake_quantize"

  let name: String
  let steps: [FakeQuantizeStep]
  let axis: Int?
  private let grids: FakeQuantizeGrids

  /// Checks parameters.
  ///
  /// - Throws: `invalidQuantizer` for scales that aren't positive and finite, integer zero points outside the range, or
  ///   counts that differ; `invalidArgument` for an empty range.
  init(
    _ name: String, scales: [Float], zeroPoints: QuantizationParameters.ZeroPoints, axis: Int?,
    quantMin: Int, quantMax: Int
  ) throws(OctetError) {
    func refuse(_ argument: String, _ expected: String, _ received: String) -> OctetError {
      OctetError(
        .invalidQuantizer, operation: name, argument: argument, expected: expected,
        received: received)
    }
    guard quantMin <= quantMax else {
      throw OctetError(
        .invalidArgument, operation: name, argument: "quant_min",
        expected: "quant_min not above quant_max", received: "\(quantMin) and \(quantMax)")
    }
    for scale in scales where !(scale > 0 && scale.isFinite) {
      throw refuse("scale", "a positive finite scale", "\(scale)")
    }
    self.name = name
    self.axis = axis
    switch zeroPoints {
    case .integer(let zeros):
      guard zeros.count == scales.count else {
        throw refuse("zero_point", "\(scales.count) zero points", "\(zeros.count)")
      }
      for zero in zeros where !(quantMin...quantMax).contains(zero) {
        throw refuse(
          "zero_point", "a zero point in quant_min...quant_max, \(quantMin)...\(quantMax)",
          "zero point \(zero)")
      }
      steps = zip(scales, zeros).map {
        FakeQuantizeStep(scale: $0, zeroPoint: $1, low: quantMin, high: quantMax)
      }
      grids = FakeQuantizeGrids(
        scales: scales, zeroPoints: .integer(zeros.map(Int64.init)), range: quantMin...quantMax)
    case .real(let zeros):
      guard zeros.count == scales.count else {
        throw refuse("zero_point", "\(scales.count) zero points", "\(zeros.count)")
      }
      for zero in zeros where !zero.isFinite {
        throw refuse("zero_point", "finite zero points", "zero point \(zero)")
      }
      steps = zip(scales, zeros).map {
        FakeQuantizeStep(scale: $0, realZeroPoint: $1, low: quantMin, high: quantMax)
      }
      grids = FakeQuantizeGrids(
        scales: scales, zeroPoints: .real(zeros), range: quantMin...quantMax)
    }
  }

  /// Takes parameters from tensors of one element, or one for each channel.
  ///
  /// - Throws: `dtypeMismatch` for scales that aren't float32 and for real zero points per tensor; otherwise as above.
  init(
    _ name: String, scale: Tensor, zeroPoint: Tensor, axis: Int?, quantMin: Int, quantMax: Int
  ) throws(OctetError) {
    guard scale.dtype == .float32 else {
      throw OctetError(
        .dtypeMismatch, operation: name, argument: "scale", expected: "dtype float32",
        received: "dtype \(scale.dtype.rawValue)", fix: "convert the scale to float32")
    }
    let isReal = zeroPoint.dtype.isFloatingPoint
    guard !zeroPoint.isQuantized, axis != nil || !isReal else {
      throw OctetError(
        .dtypeMismatch, operation: name, argument: "zero_point", expected: "an integer dtype",
        received: "dtype \(zeroPoint.dtype.rawValue)")
    }
    let zeroPoints: QuantizationParameters.ZeroPoints
    if isReal {
      zeroPoints = .real(try zeroPoint.converted(to: .float32).elements())
    } else {
      let words: [Int64] = try zeroPoint.converted(to: .int64).elements()
      zeroPoints = .integer(words.map(Int.init))
    }
    let scales: [Float] = try scale.elements()
    guard axis != nil || scales.count == 1 else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "scale", expected: "one scale",
        received: "shape \(scale.shape)")
    }
    try self.init(
      name, scales: scales, zeroPoints: zeroPoints, axis: axis, quantMin: quantMin,
      quantMax: quantMax)
  }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let input = inputs[0]
    guard input.dtype.isFloatingPoint else {
      throw OctetError(
        input.isQuantized ? .quantizationMismatch : .dtypeMismatch, operation: name,
        argument: "input", expected: "dtype float32, float16, bfloat16 or float64",
        received: "dtype \(input.dtype.rawValue)",
        fix: input.isQuantized ? "it is quantized already" : "convert it to float32 first")
    }
    guard let axis else { return input }
    guard let normalized = Shapes.normalize(axis: axis, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: name, argument: "axis",
        expected: "an axis of shape \(input.shape)", received: "axis \(axis)")
    }
    guard input.shape[normalized] == steps.count else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "scale",
        expected: "a scale for each of the \(input.shape[normalized]) indices of axis \(axis)",
        received: "\(steps.count) scales")
    }
    return input
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let input = inputs[0]
    let format = axis == nil ? input.preferredFormat : .contiguous
    let dense = try input.contiguous(format)
    let result = try Tensor(uninitialized: output.shape, dtype: output.dtype, format: format)
    let rows = Rows(shape: output.shape, axis: axis)
    switch output.dtype {
    case .float32: try grids.round(dense, axis: gridAxis(output), into: result)
    case .float64: map(dense, result, rows, Double.self) { $0.value($1) }
    case .float16: map(dense, result, rows, Half.self) { Half($0.value($1.float)) }
    default: map(dense, result, rows, BFloat16.self) { BFloat16($0.value($1.float)) }
    }
    return result
  }

  /// The gradient with respect to the input: `upstream` where the value lies inside the range, 0 elsewhere.
  func gradient(_ upstream: Tensor, at input: Tensor) throws(OctetError) -> Tensor {
    let spec = TensorSpec(shape: input.shape, dtype: input.dtype)
    _ = try outputSpec([spec])
    guard upstream.shape == input.shape, upstream.dtype == input.dtype else {
      throw OctetError(
        .shapeMismatch, operation: name, argument: "grad_output",
        expected: "\(input.dtype.rawValue) of shape \(input.shape)",
        received: "\(upstream.dtype.rawValue) of shape \(upstream.shape)")
    }
    let dense = try input.contiguous()
    if input.dtype == .float32 {
      let result = try Tensor(uninitialized: input.shape, dtype: .float32)
      try grids.gradient(upstream.contiguous(), at: dense, axis: gridAxis(spec), into: result)
      return result
    }
    let result = try upstream.clone(.contiguous)
    let rows = Rows(shape: input.shape, axis: axis)
    switch input.dtype {
    case .float64: mask(dense, result, rows, Double(0)) { $0.passes($1) }
    case .float16: mask(dense, result, rows, Half(0)) { $0.passes($1.float) }
    default: mask(dense, result, rows, BFloat16(0)) { $0.passes($1.float) }
    }
    return result
  }

  /// How a contiguous tensor falls into runs of one scale.
  private struct Rows {
    let count: Int
    let length: Int

    init(shape: [Int], axis: Int?) {
      let total = shape.reduce(1, *)
      guard let axis, let normalized = Shapes.normalize(axis: axis, rank: shape.count) else {
        (count, length) = (1, total)
        return
      }
      length = shape[(normalized + 1)...].reduce(1, *)
      count = length == 0 ? 0 : total / length
    }
  }

  /// The axis of channels counted from the front, nil per tensor.
  private func gridAxis(_ spec: TensorSpec) -> Int? {
    axis.flatMap { Shapes.normalize(axis: $0, rank: spec.rank) }
  }

  private func map<Scalar: TensorScalar>(
    _ input: Tensor, _ result: Tensor, _ rows: Rows, _ type: Scalar.Type,
    _ transform: (FakeQuantizeStep, Scalar) -> Scalar
  ) {
    input.withElements(Scalar.self) { source in
      result.withMutableElements(Scalar.self) { target in
        for row in 0..<rows.count {
          let step = steps[row % steps.count]
          for i in row * rows.length..<(row + 1) * rows.length {
            target[i] = transform(step, source[i])
          }
        }
      }
    }
  }

  private func mask<Scalar: TensorScalar>(
    _ input: Tensor, _ result: Tensor, _ rows: Rows, _ zero: Scalar,
    _ passes: (FakeQuantizeStep, Scalar) -> Bool
  ) {
    input.withElements(Scalar.self) { source in
      result.withMutableElements(Scalar.self) { target in
        for row in 0..<rows.count {
          let step = steps[row % steps.count]
          for i in row * rows.length..<(row + 1) * rows.length where !passes(step, source[i]) {
            target[i] = zero
          }
        }
      }
    }
  }
}

extension Functional {
  /// `y = (clamp(zero + rint(x * (1 / scale)), quantMin, quantMax) - zero) * scale`, in the type of the input.
  /// torch.fake_quantize_per_tensor_affine.
  ///
  /// - Parameters:
  ///   - input: float32, float16, bfloat16 or float64, any shape.
  ///   - scale: the real value of one step, positive and finite, rounded to float32.
  ///   - zeroPoint: the integer that stands for 0, in `quantMin...quantMax`.
  ///   - quantMin: the smallest integer.
  ///   - quantMax: the largest integer.
  public static func fakeQuantizePerTensorAffine(
    _ input: Tensor, scale: Double, zeroPoint: Int, quantMin: Int, quantMax: Int
  ) throws(OctetError) -> Tensor {
    try apply(
      FakeQuantization(
        "fake_quantize_per_tensor_affine", scales: [Float(scale)],
        zeroPoints: .integer([zeroPoint]), axis: nil, quantMin: quantMin, quantMax: quantMax),
      [input])
  }

  /// As above with parameters in tensors of one element: `scale` float32, `zeroPoint` of an integer type.
  public static func fakeQuantizePerTensorAffine(
    _ input: Tensor, scale: Tensor, zeroPoint: Tensor, quantMin: Int, quantMax: Int
  ) throws(OctetError) -> Tensor {
    try apply(
      FakeQuantization(
        "fake_quantize_per_tensor_affine", scale: scale, zeroPoint: zeroPoint, axis: nil,
        quantMin: quantMin, quantMax: quantMax), [input])
  }

  /// As `fakeQuantizePerTensorAffine` with a scale and zero point for each index of `axis`. Real zero points are added
  /// before rounding and may lie anywhere. torch.fake_quantize_per_channel_affine.
  public static func fakeQuantizePerChannelAffine(
    _ input: Tensor, scales: [Float], zeroPoints: QuantizationParameters.ZeroPoints, axis: Int,
    quantMin: Int, quantMax: Int
  ) throws(OctetError) -> Tensor {
    try apply(
      FakeQuantization(
        "fake_quantize_per_channel_affine", scales: scales, zeroPoints: zeroPoints, axis: axis,
        quantMin: quantMin, quantMax: quantMax), [input])
  }

  /// As above with parameters in tensors [C]: `scale` float32, `zeroPoint` of an integer or floating-point type.
  public static func fakeQuantizePerChannelAffine(
    _ input: Tensor, scale: Tensor, zeroPoint: Tensor, axis: Int, quantMin: Int, quantMax: Int
  ) throws(OctetError) -> Tensor {
    try apply(
      FakeQuantization(
        "fake_quantize_per_channel_affine", scale: scale, zeroPoint: zeroPoint, axis: axis,
        quantMin: quantMin, quantMax: quantMax), [input])
  }
}
