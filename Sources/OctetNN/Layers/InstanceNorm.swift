import OctetTensor

/// What 1-d, 2-d and 3-d instance norms share. Use `InstanceNorm1d`, `InstanceNorm2d` or `InstanceNorm3d`.
///
/// Each image's channels by their own mean and (biased) variance, `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`. When
/// statistics are tracked, evaluation takes the running ones instead, and each training batch moves those by `momentum` towards
/// the mean over its images of their means and unbiased variances; without a momentum they stay as they are. As in torch,
/// `numBatchesTracked` stays 0.
public class InstanceNorm: ChannelNorm {
  /// The dimensions of a batch.
  class var rank: Int { 3 }

  /// γ 1 and β 0 when `affine`, mean 0 and variance 1 when statistics are tracked. Traps on features that aren't positive.
  ///
  /// - Parameters:
  ///   - features: C, the channels.
  ///   - epsilon: added to the variance.
  ///   - momentum: how far running statistics move per training batch.
  ///   - affine: whether there are γ and β.
  ///   - trackRunningStats: whether there are running statistics.
  public required convenience init(
    _ features: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = false,
    trackRunningStats: Bool = false
  ) {
    self.init(
      ChannelNormParts(
        features, epsilon: epsilon, momentum: momentum, affine: affine,
        trackRunningStats: trackRunningStats, "\(Self.self)"))
  }

  package required init(_ parts: ChannelNormParts) { super.init(parts) }

  public final override var details: String {
    let tracking = ", momentum: \(momentum.map { "\($0)" } ?? "nil"), trackRunningStats: true"
    return "\(features), epsilon: \(epsilon), affine: \(isAffine)"
      + (runningMean == nil ? "" : tracking)
  }

  public final override func forward(_ input: Tensor) throws -> Tensor {
    // As in torch, the batch dimension may be left out.
    if input.rank == Self.rank - 1 { return try normalized(input.unsqueezed(0)).squeezed(0) }
    return try normalized(input)
  }

  private func normalized(_ input: Tensor) throws -> Tensor {
    try requireRank(Self.rank, input, "\(Self.self)")
    try requireChannels(features, input, "\(Self.self)")
    if !isTraining, let running = runningStatistics {
      return try Functional.batchNorm(
        input, mean: running.mean, variance: running.variance, weight: weight?.value,
        bias: bias?.value, epsilon: epsilon)
    }
    if input.rank == Self.rank, input.shape[2...].allSatisfy({ $0 == 1 }) {
      throw OctetError(
        .shapeMismatch, operation: "\(Self.self)", argument: "input",
        expected: "more than one spatial element", received: "shape \(input.shape)",
        fix: "one element has no variance: give larger images")
    }
    let output = try Functional.instanceNorm(
      input, weight: weight?.value, bias: bias?.value, epsilon: epsilon)
    if isTraining, runningMean != nil, let momentum, !input.isPlaceholder {
      let images = try input.detached().converted(to: .float32).reshaped(
        [1, input.shape[0] * features] + input.shape[2...])
      try track(Functional.channelStatistics(images), by: momentum)
    }
    return output
  }
}

/// Over `[N, C, L]`; N may be left out. torch.nn.InstanceNorm1d.
public final class InstanceNorm1d: InstanceNorm {}

/// Over `[N, C, H, W]`; N may be left out. torch.nn.InstanceNorm2d.
public final class InstanceNorm2d: InstanceNorm {
  override class var rank: Int { 4 }
}

/// Over `[N, C, D, H, W]`; N may be left out. torch.nn.InstanceNorm3d.
public final class InstanceNorm3d: InstanceNorm {
  override class var rank: Int { 5 }
}
