import OctetNN
import OctetTensor

extension Quantized {
  /// `y = x * wᵀ + b` on integers: quint8 or qint8 `[..., K]` in, the same type `[..., N]` out, requantized to the module's
  /// scale and zero point (float multiplier, ties to even). torch.ao.nn.quantized.Linear.
  public class Linear: Layer {
    private let weights: LinearWeights

    /// True for the form that ends in a ReLU.
    var appliesReLU: Bool { false }

    /// A module around a qint8 weight `[N, K]` and a float32 bias `[N]`.
    ///
    /// - Throws: when weight, bias, scale or zero point aren't legal or don't fit.
    public required init(weight: Tensor, bias: Tensor?, scale: Double, zeroPoint: Int) throws {
      weights = try LinearWeights(weight: weight, bias: bias, operation: "Quantized.Linear")
      try super.init(output: scale, zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(weight: weight, bias: bias, scale: scale, zeroPoint: zeroPoint)
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.Linear, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        weight: context.quantizedWeight(float.weight.value), bias: float.bias?.value,
        scale: output.scale, zeroPoint: output.zeroPoint)
    }

    /// qint8 `[N, K]`.
    public var weight: Tensor { weights.packed.weight }
    /// float32 `[N]`, nil for none.
    public var bias: Tensor? { weights.packed.bias }

    public override var details: String {
      "\(weights.packed.inFeatures), \(weights.packed.outFeatures), \(outputDetails)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.quantizedLinear(
        input, weights.packed,
        result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: appliesReLU))
    }

    /// What `activation` makes of the real output, quantized to the module's scale and zero point in the input's type.
    final func forward(
      _ input: Tensor, activation: (Tensor) throws(OctetError) -> Tensor
    ) throws -> Tensor {
      let real = try Functional.quantizedLinear(
        input, weights.packed, result: .real(relu: false))
      return try Functional.quantizePerTensor(
        activation(real), scale: scale, zeroPoint: zeroPoint, dtype: input.dtype)
    }
  }

  /// `Linear` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.LinearReLU.
  public final class LinearReLU: Linear {
    override var appliesReLU: Bool { true }
  }

  /// `Linear` whose real output goes through a leaky ReLU before it is quantized.
  /// torch.ao.nn.intrinsic.quantized.LinearLeakyReLU.
  public final class LinearLeakyReLU: Linear {
    /// The factor of negative values.
    public let negativeSlope: Double

    /// A module around a qint8 weight `[N, K]` and a float32 bias `[N]`.
    public init(
      weight: Tensor, bias: Tensor?, negativeSlope: Double, scale: Double, zeroPoint: Int
    ) throws {
      self.negativeSlope = negativeSlope
      try super.init(weight: weight, bias: bias, scale: scale, zeroPoint: zeroPoint)
    }

    /// A module around a qint8 weight and a float32 bias, with torch's default slope of 0.01.
    public required convenience init(weight: Tensor, bias: Tensor?, scale: Double, zeroPoint: Int)
      throws
    {
      try self.init(
        weight: weight, bias: bias, negativeSlope: 0.01, scale: scale, zeroPoint: zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LinearLeakyReLU(
        weight: weight, bias: bias, negativeSlope: negativeSlope, scale: scale,
        zeroPoint: zeroPoint)
    }

    public override var details: String { "\(super.details), negativeSlope: \(negativeSlope)" }

    /// The quantized form of an observed float module.
    convenience init(_ float: Fused.LinearLeakyReLU, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        weight: context.quantizedWeight(float.linear.weight.value),
        bias: float.linear.bias?.value, negativeSlope: float.negativeSlope, scale: output.scale,
        zeroPoint: output.zeroPoint)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try forward(input) { x throws(OctetError) in
        try Functional.leakyReLU(x, negativeSlope: negativeSlope)
      }
    }
  }

  /// `Linear` whose real output goes through a tanh before it is quantized. torch.ao.nn.intrinsic.quantized.LinearTanh.
  public final class LinearTanh: Linear {
    public override func forward(_ input: Tensor) throws -> Tensor {
      try forward(input) { x throws(OctetError) in try Functional.tanh(x) }
    }
  }
}
