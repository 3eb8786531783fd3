/// Each row over the last dimensions by its own mean and variance. torch.nn.functional.layer_norm.
struct LayerNorm: DifferentiableOperator {
  static let torchName = "layer_norm"
  static let onnxName: String? = "LayerNormalization"
  static var widensHalf: Bool { true }

  let normalizedShape: [Int]
  let parameters: NormParameters

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    let spec = try parameters.outputSpec(self, inputs, affineShape: normalizedShape)
    guard !normalizedShape.isEmpty, x.rank >= normalizedShape.count,
      Array(x.shape.suffix(normalizedShape.count)) == normalizedShape
    else {
      throw error(
        .shapeMismatch, "input", expected: "a shape that ends in \(normalizedShape)",
        received: "shape \(x.shape)")
    }
    return spec
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let affine = parameters.affine(inputs)
    return try Kernel.layerNorm(
      inputs[0], adding: nil, length: normalizedShape.reduce(1, *), epsilon: parameters.epsilon,
      gamma: affine.weight, beta: affine.bias, parameters.name)
  }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let length = normalizedShape.reduce(1, *)
    let affine = parameters.hasWeight || parameters.hasBias
    return try RowNormGradient(parameters: parameters, length: length) { affine ? $0 % length : 0 }(
      context)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (gamma, beta) = try parameters.values(inputs)
    let y = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    try Kernel.layerNorm(
      Kernel.Normalization(
        x: inputs[0].contiguous(), y: y, epsilon: parameters.epsilon, gamma: gamma, beta: beta,
        operation: parameters.name), length: normalizedShape.reduce(1, *))
    return y
  }
}

extension Functional {
  /// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias` over the last dimensions, in float32.
  /// torch.nn.functional.layer_norm.
  ///
  /// - Parameters:
  ///   - input: float32, its shape ending in `normalizedShape`.
  ///   - weight: γ of shape `normalizedShape`, 1 when nil; `bias` likewise, 0 when nil.
  public static func layerNorm(
    _ input: Tensor, normalizedShape: [Int], weight: Tensor? = nil, bias: Tensor? = nil,
    epsilon: Double = 1e-5
  ) throws(OctetError) -> Tensor {
    try layerNorm(input, normalizedShape, weight, bias, epsilon, "layer_norm", nil)
  }

  /// `layerNorm` of `input + other`, tensors of one shape, in one kernel: the same bits. Isn't recorded.
  package static func layerNorm(
    _ input: Tensor, adding other: Tensor, normalizedShape: [Int], weight: Tensor?, bias: Tensor?,
    epsilon: Double
  ) throws(OctetError) -> Tensor {
    let parameters = NormParameters(
      name: "layer_norm", epsilon: epsilon, hasWeight: weight != nil, hasBias: bias != nil,
      output: nil)
    let op = LayerNorm(normalizedShape: normalizedShape, parameters: parameters)
    _ = try op.outputSpec([input.spec] + [weight, bias].compactMap { $0?.spec })
    guard other.shape == input.shape, other.dtype == .float32 else {
      throw op.error(
        .shapeMismatch, "other", expected: "float32 of shape \(input.shape)",
        received: "\(other.dtype.rawValue) of shape \(other.shape)")
    }
    return try Kernel.layerNorm(
      input, adding: other, length: normalizedShape.reduce(1, *), epsilon: epsilon, gamma: weight,
      beta: bias, "layer_norm")
  }

  /// Layer norm of integers: exact sums, then float32.
  ///
  /// `mean = float32(Σq) / n`, `variance = max(float32(Σq²) / n - mean², 0)`, `r = sx / sqrt(variance * sx * sx + epsilon)`, and
  /// `clamp(zo + rint((((q - zx) - (mean - zx)) * r * weight + bias) * (1 / so)))`, ties to even. torch's quantized::layer_norm.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 per tensor, its shape ending in `normalizedShape`.
  ///   - weight: float32 of shape `normalizedShape`, 1 when nil; `bias` likewise, 0 when nil.
  ///   - scale: the result's; `zeroPoint` as well. The element type is the input's.
  public static func quantizedLayerNorm(
    _ input: Tensor, normalizedShape: [Int], weight: Tensor? = nil, bias: Tensor? = nil,
    epsilon: Double = 1e-5, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try layerNorm(
      input, normalizedShape, weight, bias, epsilon, "quantized::layer_norm",
      NormOutput(scale: scale, zeroPoint: zeroPoint))
  }

  private static func layerNorm(
    _ input: Tensor, _ shape: [Int], _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double,
    _ name: String, _ output: NormOutput?
  ) throws(OctetError) -> Tensor {
    let parameters = NormParameters(
      name: name, epsilon: epsilon, hasWeight: weight != nil, hasBias: bias != nil, output: output)
    return try apply(
      LayerNorm(normalizedShape: shape, parameters: parameters),
      [input] + [weight, bias].compactMap { $0 })
  }
}
