/// `y = (x - mean) / sqrt(variance + eps) * weight + bias`, statistics given. torch.nn.functional.batch_norm in eval mode.
struct BatchNorm: Operator {
  static let torchName = "batch_norm"
  static let onnxName: String? = "BatchNormalization"

  let epsilon: Double

  /// Inputs: x `[N, C, ...]`, mean, variance, weight and bias `[C]`.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32])
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
    return TensorSpec(shape: inputs[0].shape, dtype: .float32)
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
}

extension Functional {
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
