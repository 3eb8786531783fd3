import OctetNN
import OctetTensor

/// The convolution that does what `convolution` and then `norm` do in evaluation, per output channel:
/// `k = γ / sqrt(variance + ε)`, `w' = w * k`, `b' = (b - mean) * k + β`. torch.nn.utils.fusion.fuse_conv_bn_eval.
func folded<Layer: Convolution>(_ convolution: Layer, _ norm: BatchNorm) throws -> Layer {
  let (weight, bias) = try fuseConvBnWeights(
    weight: convolution.weight.value, bias: convolution.bias?.value, BatchNormValues(norm))
  return try convolution.with(weight: Parameter(weight), bias: Parameter(bias))
}

/// The linear layer that does what `linear` and then `norm` do in evaluation. torch.nn.utils.fusion.fuse_linear_bn_eval, which
/// needs γ and β; here a norm without them counts as one with 1 and 0, as in convolutions.
func folded(_ linear: Linear, _ norm: BatchNorm) throws -> Linear {
  let (weight, bias) = try fuseLinearBnWeights(
    weight: linear.weight.value, bias: linear.bias?.value, BatchNormValues(norm))
  return try Linear(weight: Parameter(weight), bias: Parameter(bias))
}

/// The transposed convolution that does what `convolution` and then `norm` do in evaluation.
func folded<Layer: TransposedConvolution>(_ convolution: Layer, _ norm: BatchNorm) throws -> Layer {
  guard convolution.groups == 1 else {
    throw OctetError(
      .unsupportedModule, operation: "fuse_modules", argument: "groups",
      expected: "a transposed convolution of one group", received: "\(convolution.groups) groups")
  }
  let (weight, bias) = try fuseConvBnWeights(
    weight: convolution.weight.value, bias: convolution.bias?.value, BatchNormValues(norm),
    transposed: true)
  return try convolution.with(weight: Parameter(weight), bias: Parameter(bias))
}

extension BatchNormValues {
  /// What a layer knows.
  ///
  /// - Throws: `unsupportedModule` when it doesn't track statistics.
  init(_ norm: BatchNorm) throws(OctetError) {
    guard let running = norm.runningStatistics else { throw needsStatistics(norm) }
    self.init(
      mean: running.mean, variance: running.variance, epsilon: norm.epsilon,
      weight: norm.weight?.value, bias: norm.bias?.value)
  }

  /// γ, ones when there is none.
  var gamma: Tensor {
    get throws { try weight ?? Tensor(repeating: Float(1), shape: mean.shape) }
  }

  /// β, zeros when there is none.
  var beta: Tensor {
    get throws { try bias ?? Tensor(repeating: Float(0), shape: mean.shape) }
  }
}

/// Refuses a batch norm that always takes the batch's own statistics.
func needsStatistics(_ norm: BatchNorm) -> OctetError {
  OctetError(
    .unsupportedModule, operation: "\(type(of: norm))", argument: "trackRunningStats",
    expected: "a batch norm with running statistics, which stand for every batch's own",
    received: "one that doesn't track them",
    fix: "make it with trackRunningStats: true and train it")
}
