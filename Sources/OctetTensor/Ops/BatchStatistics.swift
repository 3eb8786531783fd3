/// Mean and biased variance of each channel, and how many elements a channel has.
package struct ChannelStatistics {
  package let mean: Tensor
  package let variance: Tensor
  package let count: Int
}

extension Functional {
  /// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias` by the batch's own mean and biased variance per channel, which are
  /// returned too. torch.nn.functional.batch_norm with `training=True`.
  ///
  /// - Parameters:
  ///   - input: float32 `[N, C, ...]` with more than one value per channel; half types, weight and bias too, are computed in
  ///     float32 and rounded once.
  ///   - weight: `[C]`, 1 when nil; `bias` likewise, 0 when nil.
  package static func trainingBatchNorm(
    _ input: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws(OctetError) -> (output: Tensor, statistics: ChannelStatistics) {
    if input.dtype.isHalf {
      let wide = try trainingBatchNorm(
        input.converted(to: .float32), weight: weight?.converted(to: .float32),
        bias: bias?.converted(to: .float32), epsilon: epsilon)
      return (try wide.output.converted(to: input.dtype), wide.statistics)
    }
    let batch = try channelStatistics(input)
    let output = try apply(
      BatchNorm(epsilon: epsilon, ofBatch: true),
      [
        input, batch.mean, batch.variance, channels(weight, else: 1, like: batch.mean),
        channels(bias, else: 0, like: batch.mean),
      ])
    return (output, batch)
  }

  /// Mean and biased variance over all dimensions but the second, summed in double.
  package static func channelStatistics(_ input: Tensor) throws(OctetError) -> ChannelStatistics {
    guard input.dtype == .float32, input.rank >= 2 else {
      throw OctetError(
        .dtypeMismatch, operation: "batch_norm", argument: "input",
        expected: "float32 of shape [N, C, ...]",
        received: "\(input.dtype.rawValue) of shape \(input.shape)")
    }
    let planes = FloatBatchNorm(shape: input.shape)
    let (channels, count) = (planes.channels, planes.count)
    guard count > 1 || channels == 0 else {
      throw OctetError(
        .shapeMismatch, operation: "batch_norm", argument: "input",
        expected: "more than one value per channel when training",
        received: "shape \(input.shape)", fix: "call eval() or use a larger batch")
    }
    let x = try input.contiguous()
    let mean = try Tensor(uninitialized: [channels], dtype: .float32)
    let variance = try Tensor(uninitialized: [channels], dtype: .float32)
    x.withElements(Float.self) { x in
      mean.withMutableElements(Float.self) { mean in
        variance.withMutableElements(Float.self) { variance in
          guard let x = x.baseAddress, let mean = mean.baseAddress,
            let variance = variance.baseAddress
          else { return }
          planes.statistics(x, mean, variance)
        }
      }
    }
    return ChannelStatistics(mean: mean, variance: variance, count: count)
  }
}
