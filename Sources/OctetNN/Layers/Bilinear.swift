import OctetTensor

/// `y = x₁ᵀ W x₂ + b` for each output: `[..., in₁]` and `[..., in₂]` in, `[..., N]` out. torch.nn.Bilinear.
public final class Bilinear: Module, TwoInputModule {
  /// The size of the first input's last dimension.
  public let in1Features: Int
  /// The size of the second input's last dimension.
  public let in2Features: Int
  /// N, the size of the output's last dimension.
  public let outFeatures: Int
  /// `[N, in₁, in₂]`.
  public let weight: Parameter
  /// `[N]`, nil for none.
  public let bias: Parameter?

  /// A layer with random weights in `±1 / sqrt(in₁)`.
  public init(_ in1Features: Int, _ in2Features: Int, _ outFeatures: Int, bias: Bool = true) {
    self.in1Features = positive(in1Features, "in1Features", "Bilinear")
    self.in2Features = positive(in2Features, "in2Features", "Bilinear")
    self.outFeatures = positive(outFeatures, "outFeatures", "Bilinear")
    weight = Parameter(
      uniformWeights([outFeatures, in1Features, in2Features], fanIn: in1Features, "Bilinear"))
    self.bias =
      bias ? Parameter(uniformWeights([outFeatures], fanIn: in1Features, "Bilinear")) : nil
  }

  private init(_ other: Bilinear, _ copier: ModuleCopier) throws {
    in1Features = other.in1Features
    in2Features = other.in2Features
    outFeatures = other.outFeatures
    weight = try copier(other.weight)
    bias = try copier(other.bias)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try Bilinear(self, copier)
  }

  public override var details: String {
    "\(in1Features), \(in2Features), \(outFeatures), bias: \(bias != nil)"
  }

  /// Computes the module's output.
  public func forward(_ first: Tensor, _ second: Tensor) throws -> Tensor {
    guard first.rank > 0, first.shape.dropLast() == second.shape.dropLast(),
      first.shape.last == in1Features, second.shape.last == in2Features
    else {
      throw OctetError(
        .shapeMismatch, operation: "Bilinear", argument: "second",
        expected: "shapes [..., \(in1Features)] and [..., \(in2Features)]",
        received: "\(first.shape) and \(second.shape)")
    }
    let rows = first.count / in1Features
    let products = try weight.value.permuted([0, 2, 1]).reshaped(
      [outFeatures * in2Features, in1Features])
    let partial = try Functional.linear(first.reshaped([rows, in1Features]), weight: products)
    var output = try Functional.matmul(
      partial.view([rows, outFeatures, in2Features]), second.reshaped([rows, in2Features, 1]))
    output = try output.view(Array(first.shape.dropLast()) + [outFeatures])
    return try bias.map { try Functional.add(output, $0.value) } ?? output
  }
}
