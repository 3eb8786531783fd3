import OctetTensor

/// What batch norms and instance norms share: γ and β per channel, and running statistics. torch's `_NormBase`.
public class ChannelNorm: Module {
  /// C, the channels.
  public let features: Int
  /// Added to the variance.
  public let epsilon: Double
  /// How far running statistics move per training batch; nil: see the layers.
  public let momentum: Double?
  /// γ `[C]`, nil without affine part.
  public let weight: Parameter?
  /// β `[C]`, nil without affine part.
  public let bias: Parameter?
  /// `[C]`, nil when statistics aren't tracked.
  public let runningMean: Buffer?
  /// `[C]`, nil when statistics aren't tracked.
  public let runningVar: Buffer?
  /// Training batches that the statistics come from, int64 `[]`, nil when they aren't tracked.
  public let numBatchesTracked: Buffer?

  /// A layer around parts.
  package required init(_ parts: ChannelNormParts) {
    features = parts.features
    epsilon = parts.epsilon
    momentum = parts.momentum
    weight = parts.weight
    bias = parts.bias
    runningMean = parts.runningMean
    runningVar = parts.runningVar
    numBatchesTracked = parts.numBatchesTracked
  }

  private var parts: ChannelNormParts {
    ChannelNormParts(
      features: features, epsilon: epsilon, momentum: momentum, weight: weight, bias: bias,
      runningMean: runningMean, runningVar: runningVar, numBatchesTracked: numBatchesTracked)
  }

  /// A second layer around the same parameters and statistics, in the same mode.
  package final func sharing() -> Self { Self(parts).train(isTraining) }

  public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    Self(try parts.copied(copier))
  }

  /// True when γ and β are parameters.
  public final var isAffine: Bool { weight != nil }

  /// Running mean and variance, nil when they aren't tracked.
  package final var runningStatistics: (mean: Tensor, variance: Tensor)? {
    guard let runningMean, let runningVar else { return nil }
    return (runningMean.value, runningVar.value)
  }

  /// Moves running statistics by `step` towards each of several groups' statistics `[groups * C]`, and takes the mean of those.
  ///
  /// - Parameter statistics: biased variances, which count as unbiased ones here.
  final func track(_ statistics: ChannelStatistics, by step: Double) throws {
    guard let runningMean, let runningVar else { return }
    let correction = Float(statistics.count) / Float(max(statistics.count - 1, 1))
    let step = Float(step)
    func move(_ running: Buffer, _ batch: Tensor, _ factor: Float) throws {
      let old: [Float] = try running.value.elements()
      let new: [Float] = try batch.elements()
      let groups = new.count / features
      let moved = old.indices.map { c in
        let sum = (0..<groups).reduce(Float(0)) { sum, group in
          sum + ((1 - step) * old[c] + step * (new[group * features + c] * factor))
        }
        return groups == 1 ? sum : sum / Float(groups)
      }
      running.value = try Tensor(moved, shape: [features])
    }
    if statistics.mean.count == 0 { return }
    try move(runningMean, statistics.mean, 1)
    try move(runningVar, statistics.variance, correction)
  }
}

/// What a norm over channels is made of.
package struct ChannelNormParts {
  let features: Int
  let epsilon: Double
  let momentum: Double?
  var weight: Parameter?
  var bias: Parameter?
  var runningMean: Buffer?
  var runningVar: Buffer?
  var numBatchesTracked: Buffer?

  /// The same around copies.
  func copied(_ copier: ModuleCopier) throws -> ChannelNormParts {
    var parts = self
    parts.weight = try copier(weight)
    parts.bias = try copier(bias)
    parts.runningMean = try copier(runningMean)
    parts.runningVar = try copier(runningVar)
    parts.numBatchesTracked = try copier(numBatchesTracked)
    return parts
  }
}

extension ChannelNormParts {
  /// γ 1 and β 0 when `affine`, mean 0 and variance 1 when statistics are tracked. Traps on features that aren't positive.
  init(
    _ features: Int, epsilon: Double, momentum: Double?, affine: Bool, trackRunningStats: Bool,
    _ layer: String
  ) {
    func filled(_ value: Float) -> Tensor {
      eager { try Tensor(repeating: value, shape: [features]) }
    }
    self.init(
      features: positive(features, "features", layer), epsilon: epsilon, momentum: momentum)
    if affine {
      weight = Parameter(filled(1))
      bias = Parameter(filled(0))
    }
    if trackRunningStats {
      runningMean = Buffer(filled(0))
      runningVar = Buffer(filled(1))
      numBatchesTracked = Buffer(Tensor(scalar: Int64(0)))
    }
  }
}
