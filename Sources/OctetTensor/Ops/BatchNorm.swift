/// `y = (x - mean) / sqrt(variance + eps) * weight + bias`, statistics given. torch.nn.functional.batch_norm in eval mode,
/// and torch's quantized::batch_norm2d, batch_norm3d and their forms with ReLU.
struct BatchNorm: DifferentiableOperator {
  static let torchName = "batch_norm"
  static let onnxName: String? = "BatchNormalization"
  static var widensHalf: Bool { true }

  let epsilon: Double
  /// The result's scale and zero point for quantized inputs, nil for real ones.
  var output: NormOutput?
  /// True when results below 0 become 0; quantized inputs only.
  var relu = false
  /// True when mean and variance are the batch's own, so that gradients pass through them too.
  var ofBatch = false

  /// Inputs: x `[N, C, ...]`, mean, variance, weight and bias `[C]`.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let quantizer = try output?.quantizer(self, inputs[0], name: "quantized::batch_norm")
    if output == nil { try require(inputs[0], "input", dtypes: [.float32]) }
    guard inputs[0].rank >= 2 else {
      throw error(
        .shapeMismatch, "input", expected: "shape [N, C, ...]", received: "\(inputs[0].shape)")
    }
    for (spec, name) in zip(inputs[1...], ["running_mean", "running_var", "weight", "bias"]) {
      try require(spec, name, dtypes: [.float32])
      guard spec.shape == [inputs[0].shape[1]] else {
        throw error(
          .shapeMismatch, name,
          expected: "one value for each of the \(inputs[0].shape[1]) channels",
          received: "shape \(spec.shape)")
      }
    }
    guard epsilon >= 0, epsilon.isFinite else {
      throw error(
        .invalidArgument, "eps", expected: "a finite number that isn't negative",
        received: "\(epsilon)")
    }
    return TensorSpec(shape: inputs[0].shape, dtype: inputs[0].dtype, quantizer: quantizer)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let mean: [Float] = try inputs[1].elements()
    let variance: [Float] = try inputs[2].elements()
    let weight: [Float] = try inputs[3].elements()
    let bias: [Float] = try inputs[4].elements()
    let scale = zip(weight, variance).map { $0 / ($1 + Float(epsilon)).squareRoot() }
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        FloatBatchNorm(shape: output.shape)
          .normalize(source, mean: mean, scale: scale, bias: bias, target)
      }
    }
    return result
  }

  /// With `r = 1 / sqrt(variance + epsilon)`, `d = x - mean`, `S = Σ dy` and `P = Σ dy * d`: `dx = weight * r * dy`, when the statistics
  /// are the batch's minus `weight * r / n * (S + d * r² * P)`; `dmean = -weight * r * S`, `dvariance = -weight * r³ / 2 * P`,
  /// `dweight = r * P`, `dbias = S`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, dy) = (try context.inputs[0].contiguous(), try context.gradient.contiguous())
    let mean: [Float] = try context.inputs[1].elements()
    let variance: [Float] = try context.inputs[2].elements()
    let weight: [Float] = try context.inputs[3].elements()
    let planes = FloatBatchNorm(shape: x.shape)
    let inverse = variance.map { 1 / (Double($0) + epsilon).squareRoot() }
    let dx = try Tensor(uninitialized: x.shape, dtype: .float32)
    var plain = [Double](repeating: 0, count: planes.channels)
    var weighted = plain
    x.withElements(Float.self) { x in
      dy.withElements(Float.self) { dy in
        dx.withMutableElements(Float.self) { dx in
          guard let x = x.baseAddress, let dy = dy.baseAddress, let dx = dx.baseAddress else {
            return
          }
          planes.sums(x, dy, mean: mean, &plain, &weighted)
          if !context.needs[0] { return }
          let coefficients = mean.indices.map { c -> (a: Float, b: Float, c: Float) in
            let (w, r) = (Double(weight[c]), inverse[c])
            guard ofBatch else { return (Float(w * r), 0, 0) }
            let share = w * r / Double(planes.count)
            return (Float(w * r), Float(-share * r * r * weighted[c]), Float(-share * plain[c]))
          }
          planes.combine(x, dy, mean: mean, coefficients, dx)
        }
      }
    }
    func channels(_ value: (Int) -> Double) throws(OctetError) -> Tensor {
      try Tensor(mean.indices.map { Float(value($0)) }, shape: [mean.count])
    }
    let factor = mean.indices.map { Double(weight[$0]) * inverse[$0] }
    return [
      dx,
      ofBatch ? nil : try channels { -factor[$0] * plain[$0] },
      ofBatch ? nil : try channels { -factor[$0] * inverse[$0] * inverse[$0] / 2 * weighted[$0] },
      try channels { inverse[$0] * weighted[$0] }, try channels { plain[$0] },
    ]
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard case .perTensor(let scale, _)? = inputs[0].quantizer?.parameters,
      case .perTensor(let outputScale, _)? = output.quantizer?.parameters
    else { return inputs[0] }
    let mean: [Float] = try inputs[1].elements()
    let variance: [Float] = try inputs[2].elements()
    let weight: [Float] = try inputs[3].elements()
    let bias: [Float] = try inputs[4].elements()
    let ratio = Float(scale) / Float(outputScale)
    let gain = zip(weight, variance).map { 1 / ($1 + Float(epsilon)).squareRoot() * $0 }
    let shift = gain.indices.map { (bias[$0] - mean[$0] * gain[$0]) / Float(outputScale) }
    let y = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer,
      format: .channelsLast)
    try Kernel.batchNorm(
      inputs[0].contiguous(.channelsLast), alpha: gain.map { $0 * ratio }, beta: shift, relu: relu,
      into: y, "quantized::batch_norm")
    return y
  }
}

extension Functional {
  /// Batch norm of integers by given statistics, in float32 with every step rounded:
  /// `g = 1 / sqrt(variance + epsilon) * weight`, `alpha = g * (sx / so)`, `beta = (bias - mean * g) / so`, and
  /// `clamp(zo + rint(alpha * (q - zx) + beta))`, ties to even, clamped below at zo when `relu`. The result lies channels last.
  /// torch's quantized::batch_norm2d, batch_norm3d, batch_norm2d_relu and batch_norm3d_relu.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 per tensor, `[N, C, ...]`.
  ///   - mean: float32 `[C]`; `variance`, `weight` and `bias` as well.
  ///   - scale: the result's; `zeroPoint` as well. The element type is the input's.
  public static func quantizedBatchNorm(
    _ input: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor,
    epsilon: Double = 1e-5, scale: Double, zeroPoint: Int, relu: Bool = false
  ) throws(OctetError) -> Tensor {
    try apply(
      BatchNorm(
        epsilon: epsilon, output: NormOutput(scale: scale, zeroPoint: zeroPoint), relu: relu),
      [input, mean, variance, weight, bias])
  }

  /// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias` per channel, in float32.
  /// torch.nn.functional.batch_norm with `training=False`.
  ///
  /// - Parameters:
  ///   - input: `[N, C, ...]`.
  ///   - mean: `[C]`; `variance` as well.
  ///   - weight: `[C]`, 1 when nil; `bias` likewise, 0 when nil.
  public static func batchNorm(
    _ input: Tensor, mean: Tensor, variance: Tensor, weight: Tensor? = nil, bias: Tensor? = nil,
    epsilon: Double = 1e-5
  ) throws(OctetError) -> Tensor {
    try apply(
      BatchNorm(epsilon: epsilon),
      [
        input, mean, variance, channels(weight, else: 1, like: mean),
        channels(bias, else: 0, like: mean),
      ])
  }

  /// A parameter per channel, or `value` for each where there is none.
  static func channels(_ parameter: Tensor?, else value: Float, like statistics: Tensor)
    throws(OctetError) -> Tensor
  {
    if let parameter { return parameter }
    return try Tensor(repeating: value, shape: statistics.shape).converted(to: statistics.dtype)
  }
}
