import OctetTensor

/// What 1-d, 2-d and 3-d batch norms share. Use `BatchNorm1d`, `BatchNorm2d` or `BatchNorm3d`.
///
/// In evaluation `y = (x - runningMean) / sqrt(runningVar + epsilon) * weight + bias` per channel. In training the batch's own
/// mean and (biased) variance take their place, and the running ones move by `momentum` towards the batch's mean and
/// unbiased variance.
public class BatchNorm: Module {
  /// C, the channels.
  public let features: Int
  /// Added to the variance.
  public let epsilon: Double
  /// How far running statistics move per training batch.
  public let momentum: Double
  /// γ `[C]`.
  public let weight: Parameter
  /// β `[C]`.
  public let bias: Parameter
  /// `[C]`.
  public let runningMean: Buffer
  /// `[C]`.
  public let runningVar: Buffer
  /// Training batches seen, int64 `[]`.
  public let numBatchesTracked: Buffer
  private let ranks: ClosedRange<Int>

  /// A layer around parts.
  package required init(_ parts: BatchNormParts) {
    features = parts.features
    epsilon = parts.epsilon
    momentum = parts.momentum
    ranks = parts.ranks
    weight = parts.weight
    bias = parts.bias
    runningMean = parts.runningMean
    runningVar = parts.runningVar
    numBatchesTracked = parts.numBatchesTracked
  }

  private var parts: BatchNormParts {
    BatchNormParts(
      features: features, epsilon: epsilon, momentum: momentum, ranks: ranks, weight: weight,
      bias: bias, runningMean: runningMean, runningVar: runningVar,
      numBatchesTracked: numBatchesTracked)
  }

  /// A second layer around the same parameters and statistics, in the same mode.
  package func sharing() -> Self { Self(parts).train(isTraining) }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    var parts = parts
    parts.weight = try copier(weight)
    parts.bias = try copier(bias)
    parts.runningMean = try copier(runningMean)
    parts.runningVar = try copier(runningVar)
    parts.numBatchesTracked = try copier(numBatchesTracked)
    return Self(parts)
  }

  public override var details: String {
    "\(features), epsilon: \(epsilon), momentum: \(momentum)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    guard ranks.contains(input.rank) else {
      throw OctetError(
        .shapeMismatch, operation: "\(type(of: self))", argument: "input",
        expected: "\(ranks.lowerBound)...\(ranks.upperBound) dimensions [N, C, ...]",
        received: "shape \(input.shape)")
    }
    if !isTraining {
      return try Functional.batchNorm(
        input, mean: runningMean.value, variance: runningVar.value, weight: weight.value,
        bias: bias.value, epsilon: epsilon)
    }
    let (output, statistics) = try Functional.trainingBatchNorm(
      input, weight: weight.value, bias: bias.value, epsilon: epsilon)
    try track(statistics)
    return output
  }

  private func track(_ batch: ChannelStatistics) throws {
    let correction = Float(batch.count) / Float(max(batch.count - 1, 1))
    let step = Float(momentum)
    func moved(_ running: Buffer, _ current: Tensor, _ factor: Float) throws -> Tensor {
      let old: [Float] = try running.value.elements()
      let new: [Float] = try current.elements()
      return try Tensor(
        zip(old, new).map { (1 - step) * $0 + step * ($1 * factor) }, shape: [features])
    }
    runningMean.value = try moved(runningMean, batch.mean, 1)
    runningVar.value = try moved(runningVar, batch.variance, correction)
    let seen: [Int64] = try numBatchesTracked.value.elements()
    numBatchesTracked.value = Tensor(scalar: (seen.first ?? 0) + 1)
  }
}

/// What a batch norm is made of.
package struct BatchNormParts {
  let features: Int
  let epsilon: Double
  let momentum: Double
  let ranks: ClosedRange<Int>
  var weight: Parameter
  var bias: Parameter
  var runningMean: Buffer
  var runningVar: Buffer
  var numBatchesTracked: Buffer
}

extension BatchNormParts {
  /// γ 1, β 0, mean 0, variance 1.
  init(_ features: Int, epsilon: Double, momentum: Double, ranks: ClosedRange<Int>) {
    func filled(_ value: Float) -> Tensor {
      eager { try Tensor(repeating: value, shape: [features]) }
    }
    self.init(
      features: positive(features, "features", "BatchNorm"), epsilon: epsilon, momentum: momentum,
      ranks: ranks, weight: Parameter(filled(1)), bias: Parameter(filled(0)),
      runningMean: Buffer(filled(0)), runningVar: Buffer(filled(1)),
      numBatchesTracked: Buffer(Tensor(scalar: Int64(0))))
  }
}

/// Batch norm over `[N, C]` or `[N, C, L]`. torch.nn.BatchNorm1d.
public final class BatchNorm1d: BatchNorm {
  /// γ 1, β 0, mean 0, variance 1.
  public convenience init(_ features: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
    self.init(BatchNormParts(features, epsilon: epsilon, momentum: momentum, ranks: 2...3))
  }
}

/// Batch norm over `[N, C, H, W]`. torch.nn.BatchNorm2d.
public final class BatchNorm2d: BatchNorm {
  /// γ 1, β 0, mean 0, variance 1.
  public convenience init(_ features: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
    self.init(BatchNormParts(features, epsilon: epsilon, momentum: momentum, ranks: 4...4))
  }
}

/// Batch norm over `[N, C, D, H, W]`. torch.nn.BatchNorm3d.
public final class BatchNorm3d: BatchNorm {
  /// γ 1, β 0, mean 0, variance 1.
  public convenience init(_ features: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
    self.init(BatchNormParts(features, epsilon: epsilon, momentum: momentum, ranks: 5...5))
  }
}
