import OctetTensor

private func filled(_ value: Float, _ shape: [Int]) -> Tensor {
  eager { try Tensor(repeating: value, shape: shape) }
}

/// Rows over the last dimensions to mean 0 and variance 1, then γ and β. torch.nn.LayerNorm.
public final class LayerNorm: Module {
  /// The dimensions that are normalized together.
  public let normalizedShape: [Int]
  /// Added to the variance.
  public let epsilon: Double
  /// γ of shape `normalizedShape`, nil without affine part.
  public let weight: Parameter?
  /// β of shape `normalizedShape`, nil without affine part or bias.
  public let bias: Parameter?

  /// γ 1, β 0.
  public init(
    _ normalizedShape: [Int], epsilon: Double = 1e-5, elementwiseAffine: Bool = true,
    bias: Bool = true
  ) {
    self.normalizedShape = normalizedShape.map { positive($0, "normalizedShape", "LayerNorm") }
    self.epsilon = epsilon
    weight = elementwiseAffine ? Parameter(filled(1, normalizedShape)) : nil
    self.bias = elementwiseAffine && bias ? Parameter(filled(0, normalizedShape)) : nil
  }

  /// Over the last dimension.
  public convenience init(
    _ features: Int, epsilon: Double = 1e-5, elementwiseAffine: Bool = true, bias: Bool = true
  ) {
    self.init([features], epsilon: epsilon, elementwiseAffine: elementwiseAffine, bias: bias)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    LayerNorm(
      normalizedShape, epsilon: epsilon, elementwiseAffine: weight != nil, bias: bias != nil)
  }

  public override var details: String {
    "\(normalizedShape), epsilon: \(epsilon), affine: \(weight != nil)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.layerNorm(
      input, normalizedShape: normalizedShape, weight: weight?.value, bias: bias?.value,
      epsilon: epsilon)
  }
}

extension LayerNorm {
  /// This module's call with `x + y`, in one kernel where nobody sees the sum.
  package func callAsFunction(_ x: Tensor, adding y: Tensor) -> Tensor {
    guard let norm = unwatched(as: LayerNorm.self), x.shape == y.shape,
      [x, y].allSatisfy({ $0.dtype == .float32 && !$0.isPlaceholder }),
      ExecutionMode.joinsSteps(on: [x, y, norm.weight?.value, norm.bias?.value])
    else { return self(x + y) }
    return running(LayerNorm.self, orElse: Tensor.placeholder) {
      try Functional.layerNorm(
        x, adding: y, normalizedShape: $0.normalizedShape, weight: $0.weight?.value,
        bias: $0.bias?.value, epsilon: $0.epsilon)
    }
  }
}

/// Rows over the last dimensions divided by their root mean square, then γ. torch.nn.RMSNorm.
public final class RMSNorm: Module {
  /// The dimensions that are normalized together.
  public let normalizedShape: [Int]
  /// Added to the mean square; nil: float32's smallest step at 1.
  public let epsilon: Double?
  /// γ of shape `normalizedShape`, nil without affine part.
  public let weight: Parameter?

  /// γ 1.
  public init(_ normalizedShape: [Int], epsilon: Double? = nil, elementwiseAffine: Bool = true) {
    self.normalizedShape = normalizedShape.map { positive($0, "normalizedShape", "RMSNorm") }
    self.epsilon = epsilon
    weight = elementwiseAffine ? Parameter(filled(1, normalizedShape)) : nil
  }

  /// Over the last dimension.
  public convenience init(
    _ features: Int, epsilon: Double? = nil, elementwiseAffine: Bool = true
  ) {
    self.init([features], epsilon: epsilon, elementwiseAffine: elementwiseAffine)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    RMSNorm(normalizedShape, epsilon: epsilon, elementwiseAffine: weight != nil)
  }

  public override var details: String {
    "\(normalizedShape), epsilon: \(epsilon.map { "\($0)" } ?? "nil"), affine: \(weight != nil)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.rmsNorm(
      input, normalizedShape: normalizedShape, weight: weight?.value,
      epsilon: epsilon ?? Double(Float.ulpOfOne))
  }
}

/// Each image's groups of channels to mean 0 and variance 1, then γ and β per channel. torch.nn.GroupNorm.
public final class GroupNorm: Module {
  /// Groups, a divisor of `channels`.
  public let groups: Int
  /// C, the channels.
  public let channels: Int
  /// Added to the variance.
  public let epsilon: Double
  /// γ `[C]`, nil without affine part.
  public let weight: Parameter?
  /// β `[C]`, nil without affine part.
  public let bias: Parameter?

  /// γ 1, β 0. Traps when `groups` doesn't divide `channels`.
  public init(_ groups: Int, _ channels: Int, epsilon: Double = 1e-5, affine: Bool = true) {
    self.groups = positive(groups, "groups", "GroupNorm")
    self.channels = positive(channels, "channels", "GroupNorm")
    precondition(
      channels % groups == 0,
      "GroupNorm: groups: expected a divisor of the \(channels) channels, received \(groups)")
    self.epsilon = epsilon
    weight = affine ? Parameter(filled(1, [channels])) : nil
    bias = affine ? Parameter(filled(0, [channels])) : nil
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    GroupNorm(groups, channels, epsilon: epsilon, affine: weight != nil)
  }

  public override var details: String {
    "\(groups), \(channels), epsilon: \(epsilon), affine: \(weight != nil)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try requireChannels(channels, input, "GroupNorm")
    return try Functional.groupNorm(
      input, groups: groups, weight: weight?.value, bias: bias?.value, epsilon: epsilon)
  }
}

/// Refuses an input of another rank than `[N, C, spatial...]` has.
package func requireRank(_ rank: Int, _ input: Tensor, _ layer: String) throws(OctetError) {
  guard input.rank == rank || input.isPlaceholder else {
    throw OctetError(
      .shapeMismatch, operation: layer, argument: "input",
      expected: "\(rank) dimensions [N, C, ...]", received: "shape \(input.shape)")
  }
}

/// Refuses an input of another number of channels.
package func requireChannels(_ channels: Int, _ input: Tensor, _ layer: String)
  throws(OctetError)
{
  guard input.isPlaceholder || (input.rank >= 2 && input.shape[1] == channels) else {
    throw OctetError(
      .shapeMismatch, operation: layer, argument: "input",
      expected: "\(channels) channels [N, \(channels), ...]", received: "shape \(input.shape)")
  }
}
