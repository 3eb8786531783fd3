import OctetNN
import OctetTensor

/// The convolution that does what `convolution` and then `norm` do in evaluation, per output channel:
/// `k = γ / sqrt(variance + ε)`, `w' = w * k`, `b' = (b - mean) * k + β`. torch.nn.utils.fusion.fuse_conv_bn_eval.
func folded<Layer: Convolution>(_ convolution: Layer, _ norm: BatchNorm) throws -> Layer {
  let (weight, bias) = try fuseConvBnWeights(
    weight: convolution.weight.value, bias: convolution.bias?.value, statistics(of: norm))
  return try convolution.with(weight: Parameter(weight), bias: Parameter(bias))
}

/// The linear layer that does what `linear` and then `norm` do in evaluation. torch.nn.utils.fusion.fuse_linear_bn_eval.
func folded(_ linear: Linear, _ norm: BatchNorm) throws -> Linear {
  let (weight, bias) = try fuseLinearBnWeights(
    weight: linear.weight.value, bias: linear.bias?.value, statistics(of: norm))
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
    weight: convolution.weight.value, bias: convolution.bias?.value, statistics(of: norm),
    transposed: true)
  return try convolution.with(weight: Parameter(weight), bias: Parameter(bias))
}

/// What a batch norm folds with in evaluation.
func statistics(of norm: BatchNorm) -> BatchNormValues {
  BatchNormValues(
    mean: norm.runningMean.value, variance: norm.runningVar.value, epsilon: norm.epsilon,
    weight: norm.weight.value, bias: norm.bias.value)
}
