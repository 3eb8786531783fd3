import OctetNN
import OctetTensor

/// The convolution that does what `convolution` and then `norm` do in evaluation, per output channel:
/// `k = γ / sqrt(variance + ε)`, `w' = w * k`, `b' = (b - mean) * k + β`. torch.nn.utils.fusion.fuse_conv_bn_eval.
func folded<Layer: Convolution>(_ convolution: Layer, _ norm: BatchNorm) throws -> Layer {
  let (weight, bias) = try foldedParameters(
    weight: convolution.weight.value, bias: convolution.bias?.value, norm)
  return try convolution.with(weight: Parameter(weight), bias: Parameter(bias))
}

/// The linear layer that does what `linear` and then `norm` do in evaluation. torch.nn.utils.fusion.fuse_linear_bn_eval.
func folded(_ linear: Linear, _ norm: BatchNorm) throws -> Linear {
  let (weight, bias) = try foldedParameters(
    weight: linear.weight.value, bias: linear.bias?.value, norm)
  return try Linear(weight: Parameter(weight), bias: Parameter(bias))
}

/// Weight and bias scaled by a batch norm along axis 0, in float32: `1 / sqrt(variance + ε)` first, then `γ` times it.
func foldedParameters(weight: Tensor, bias: Tensor?, _ norm: BatchNorm) throws
  -> (weight: Tensor, bias: Tensor)
{
  let channels = weight.shape[0]
  guard norm.features == channels else {
    throw OctetError(
      .shapeMismatch, operation: "fuse_modules", argument: "batch norm",
      expected: "\(channels) features", received: "\(norm.features)")
  }
  let mean: [Float] = try norm.runningMean.value.elements()
  let variance: [Float] = try norm.runningVar.value.elements()
  let gamma: [Float] = try norm.weight.value.elements()
  let beta: [Float] = try norm.bias.value.elements()
  let old: [Float] = try bias?.elements() ?? [Float](repeating: 0, count: channels)
  var values: [Float] = try weight.elements()
  var shift = old
  let row = values.count / max(channels, 1)
  for c in 0..<channels {
    let inverse = 1 / (variance[c] + Float(norm.epsilon)).squareRoot()
    let k = gamma[c] * inverse
    for i in (c * row)..<((c + 1) * row) { values[i] *= k }
    shift[c] = (old[c] - mean[c]) * inverse * gamma[c] + beta[c]
  }
  return (try Tensor(values, shape: weight.shape), try Tensor(shift, shape: [channels]))
}
