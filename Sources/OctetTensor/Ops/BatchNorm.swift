/// `y = (x - mean) / sqrt(variance + eps) * weight + bias`, statistics given. torch.nn.functional.batch_norm in eval mode,
/// and torch's quantized::batch_norm2d, batch_norm3d and their forms with ReLU.
struct BatchNorm: Operator {
  static let torchName = "batch_norm"
  static let onnxName: String? = "BatchNormalization"

  let epsilon: Double
  /// The result's scale and zero point for quantized inputs, nil for real ones.
  var output: NormOutput?
  /// True when results below 0 become 0; quantized inputs only.
  var relu = false

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
    let channels = output.shape[1]
    let inner = output.shape[2...].reduce(1, *)
    let scale = zip(weight, variance).map { $0 / ($1 + Float(epsilon)).squareRoot() }
    x.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        for row in 0..<(output.shape[0] * channels) {
          let c = row % channels
          let (s, m, b) = (scale[c], mean[c], bias[c])
          for i in (row * inner)..<((row + 1) * inner) { target[i] = (source[i] - m) * s + b }
        }
      }
    }
    return result
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
  ///   - mean: `[C]`; `variance`, `weight` and `bias` as well.
  public static func batchNorm(
    _ input: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor,
    epsilon: Double = 1e-5
  ) throws(OctetError) -> Tensor {
    try apply(BatchNorm(epsilon: epsilon), [input, mean, variance, weight, bias])
  }
}

/// Mean and biased variance of each channel, and how many elements a channel has.
package struct ChannelStatistics {
  package let mean: Tensor
  package let variance: Tensor
  package let count: Int
}

extension Functional {
  /// Mean and biased variance over all dimensions but the second, summed in double in memory order.
  package static func channelStatistics(_ input: Tensor) throws(OctetError) -> ChannelStatistics {
    guard input.dtype == .float32, input.rank >= 2 else {
      throw OctetError(
        .dtypeMismatch, operation: "batch_norm", argument: "input",
        expected: "float32 of shape [N, C, ...]",
        received: "\(input.dtype.rawValue) of shape \(input.shape)")
    }
    let channels = input.shape[1]
    let inner = input.shape[2...].reduce(1, *)
    let count = input.shape[0] * inner
    guard count > 1 || channels == 0 else {
      throw OctetError(
        .shapeMismatch, operation: "batch_norm", argument: "input",
        expected: "more than one value per channel when training",
        received: "shape \(input.shape)", fix: "call eval() or use a larger batch")
    }
    var mean = [Float](repeating: 0, count: channels)
    var variance = mean
    try input.contiguous().withElements(Float.self) { x in
      for c in 0..<channels {
        func total(_ term: (Double) -> Double) -> Double {
          var sum = 0.0
          for n in 0..<input.shape[0] {
            let start = (n * channels + c) * inner
            for i in start..<(start + inner) { sum += term(Double(x[i])) }
          }
          return sum
        }
        let average = total { $0 } / Double(count)
        mean[c] = Float(average)
        variance[c] = Float(total { ($0 - average) * ($0 - average) } / Double(count))
      }
    }
    return ChannelStatistics(
      mean: try Tensor(mean, shape: [channels]), variance: try Tensor(variance, shape: [channels]),
      count: count)
  }
}
