import OctetTensor

/// What 1-d, 2-d and 3-d batch norms share. Use `BatchNorm1d`, `BatchNorm2d` or `BatchNorm3d`, which check the input's dimensions.
///
/// In evaluation `y = (x - runningMean) / sqrt(runningVar + epsilon) * weight + bias` per channel. In training, and always when
/// statistics aren't tracked, the batch's own mean and (biased) variance take their place. In training the running ones move by
/// `momentum` towards the batch's mean and unbiased variance; without a momentum they are the mean over all batches so far.
public class BatchNorm: ChannelNorm {
  /// The dimensions that an input may have.
  class var ranks: ClosedRange<Int> { 2...5 }

  /// γ 1 and β 0 when `affine`, mean 0 and variance 1 when statistics are tracked. Traps on features that aren't positive.
  ///
  /// - Parameters:
  ///   - features: C, the channels.
  ///   - epsilon: added to the variance.
  ///   - momentum: how far running statistics move per training batch; nil: they become the mean over all batches.
  ///   - affine: whether there are γ and β.
  ///   - trackRunningStats: whether there are running statistics.
  public required convenience init(
    _ features: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
    trackRunningStats: Bool = true
  ) {
    self.init(
      ChannelNormParts(
        features, epsilon: epsilon, momentum: momentum, affine: affine,
        trackRunningStats: trackRunningStats, "\(Self.self)"))
  }

  package required init(_ parts: ChannelNormParts) { super.init(parts) }

  public final override var details: String {
    "\(features), epsilon: \(epsilon), momentum: \(momentum.map { "\($0)" } ?? "nil")"
      + (isAffine ? "" : ", affine: false")
      + (runningMean == nil ? ", trackRunningStats: false" : "")
  }

  public final override func forward(_ input: Tensor) throws -> Tensor {
    guard Self.ranks.contains(input.rank) else {
      throw OctetError(
        .shapeMismatch, operation: "\(Self.self)", argument: "input",
        expected: "\(Self.ranks.lowerBound)...\(Self.ranks.upperBound) dimensions [N, C, ...]",
        received: "shape \(input.shape)")
    }
    if !isTraining, let running = runningStatistics {
      return try Functional.batchNorm(
        input, mean: running.mean, variance: running.variance, weight: weight?.value,
        bias: bias?.value, epsilon: epsilon)
    }
    let (output, statistics) = try Functional.trainingBatchNorm(
      input, weight: weight?.value, bias: bias?.value, epsilon: epsilon)
    if isTraining, let numBatchesTracked {
      let seen = (try numBatchesTracked.value.elements(as: Int64.self).first ?? 0) + 1
      try track(statistics, by: momentum ?? 1 / Double(seen))
      numBatchesTracked.value = Tensor(scalar: seen)
    }
    return output
  }
}

/// Batch norm over `[N, C]` or `[N, C, L]`. torch.nn.BatchNorm1d.
public final class BatchNorm1d: BatchNorm {
  override class var ranks: ClosedRange<Int> { 2...3 }
}

/// Batch norm over `[N, C, H, W]`. torch.nn.BatchNorm2d.
public final class BatchNorm2d: BatchNorm {
  override class var ranks: ClosedRange<Int> { 4...4 }
}

/// Batch norm over `[N, C, D, H, W]`. torch.nn.BatchNorm3d.
public final class BatchNorm3d: BatchNorm {
  override class var ranks: ClosedRange<Int> { 5...5 }
}
