import OctetNN
import OctetTensor

/// What a batch norm knows in evaluation, each float32 `[C]`.
public struct BatchNormValues: Sendable {
  /// The running mean.
  public var mean: Tensor
  /// The running variance.
  public var variance: Tensor
  /// Added to the variance.
  public var epsilon: Double
  /// γ, nil for ones.
  public var weight: Tensor?
  /// β, nil for zeros.
  public var bias: Tensor?

  /// Values from their parts.
  public init(
    mean: Tensor, variance: Tensor, epsilon: Double = 1e-5, weight: Tensor? = nil,
    bias: Tensor? = nil
  ) {
    self.mean = mean
    self.variance = variance
    self.epsilon = epsilon
    self.weight = weight
    self.bias = bias
  }
}

/// The weight and bias of a convolution that does what convolution and batch norm do in evaluation, in float32 with every step
/// rounded: `r = 1 / sqrt(variance + ε)`, `w' = w * (γ * r)`, `b' = (b - mean) * r * γ + β`.
/// torch.nn.utils.fusion.fuse_conv_bn_weights.
///
/// - Parameters:
///   - weight: `[O, C/groups, kernel...]`, transposed `[C, O, kernel...]`.
///   - bias: `[O]`, nil for zeros.
///   - norm: of the O output channels.
/// - Throws: `shapeMismatch` when a tensor hasn't O elements.
public func fuseConvBnWeights(
  weight: Tensor, bias: Tensor?, _ norm: BatchNormValues, transposed: Bool = false
) throws -> (weight: Tensor, bias: Tensor) {
  let fold = try Fold(
    weight, bias, norm, axis: transposed ? 1 : 0, operation: "fuse_conv_bn_weights")
  let shift = fold.mean.indices.map {
    (fold.bias[$0] - fold.mean[$0]) * fold.inverse[$0] * fold.gamma[$0] + fold.beta[$0]
  }
  return try fold.result(weight, shift)
}

/// The weight and bias of a linear layer that does what linear layer and batch norm do in evaluation, in float32 with every step
/// rounded: `k = γ * (1 / sqrt(variance + ε))`, `w' = w * k`, `b' = (b - mean) * k + β`.
/// torch.nn.utils.fusion.fuse_linear_bn_weights.
///
/// - Parameters:
///   - weight: `[N, K]`.
///   - bias: `[N]`, nil for zeros.
///   - norm: of the N outputs.
/// - Throws: `shapeMismatch` when a tensor hasn't N elements.
public func fuseLinearBnWeights(
  weight: Tensor, bias: Tensor?, _ norm: BatchNormValues
) throws -> (weight: Tensor, bias: Tensor) {
  let fold = try Fold(weight, bias, norm, axis: 0, operation: "fuse_linear_bn_weights")
  let shift = fold.mean.indices.map {
    (fold.bias[$0] - fold.mean[$0]) * fold.scale[$0] + fold.beta[$0]
  }
  return try fold.result(weight, shift)
}

/// A batch norm's values as numbers, checked against the weight's output axis.
private struct Fold {
  let mean: [Float]
  let inverse: [Float]
  let gamma: [Float]
  let beta: [Float]
  let bias: [Float]
  let axis: Int

  init(
    _ weight: Tensor, _ bias: Tensor?, _ norm: BatchNormValues, axis: Int, operation: String
  ) throws {
    guard weight.dtype == .float32, weight.rank > max(axis, 1) else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected: "a float32 weight with inputs and outputs",
        received: "\(weight.dtype.rawValue) of shape \(weight.shape)")
    }
    let channels = weight.shape[axis]
    func values(_ tensor: Tensor?, _ fallback: Float, _ argument: String) throws -> [Float] {
      guard let tensor else { return [Float](repeating: fallback, count: channels) }
      guard tensor.shape == [channels] else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: argument,
          expected: "shape [\(channels)], one value for each output of the weight",
          received: "\(tensor.shape)")
      }
      return try tensor.elements()
    }
    mean = try values(norm.mean, 0, "mean")
    inverse = try values(norm.variance, 1, "variance").map {
      1 / ($0 + Float(norm.epsilon)).squareRoot()
    }
    gamma = try values(norm.weight, 1, "weight of the batch norm")
    beta = try values(norm.bias, 0, "bias of the batch norm")
    self.bias = try values(bias, 0, "bias")
    self.axis = axis
  }

  var scale: [Float] { zip(gamma, inverse).map { $0 * $1 } }

  func result(_ weight: Tensor, _ shift: [Float]) throws -> (weight: Tensor, bias: Tensor) {
    var values: [Float] = try weight.elements()
    let scale = scale
    let inner = weight.shape[(axis + 1)...].reduce(1, *)
    for i in values.indices { values[i] *= scale[i / inner % scale.count] }
    return (
      try Tensor(values, shape: weight.shape), try Tensor(shift, shape: [shift.count])
    )
  }
}
