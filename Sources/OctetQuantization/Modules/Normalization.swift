import OctetNN
import OctetTensor

extension Quantized {
  /// Layer norm of integers: quint8 or qint8 in, the same type out; see `Functional.quantizedLayerNorm`.
  /// torch.ao.nn.quantized.LayerNorm.
  public final class LayerNorm: Layer {
    /// The dimensions that are normalized together.
    public let normalizedShape: [Int]
    /// Added to the variance.
    public let epsilon: Double
    /// γ of shape `normalizedShape`, nil for 1.
    public let weight: Parameter?
    /// β of shape `normalizedShape`, nil for 0.
    public let bias: Parameter?

    /// A module around float32 parameters of shape `normalizedShape`.
    ///
    /// - Throws: `invalidQuantizer` for an output scale or zero point that no type has.
    public init(
      _ normalizedShape: [Int], weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5,
      scale: Double, zeroPoint: Int
    ) throws {
      self.normalizedShape = normalizedShape
      self.epsilon = epsilon
      self.weight = weight.map { Parameter($0) }
      self.bias = bias.map { Parameter($0) }
      try super.init(output: scale, zeroPoint)
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.LayerNorm, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        float.normalizedShape, weight: float.weight?.value, bias: float.bias?.value,
        epsilon: float.epsilon, scale: output.scale, zeroPoint: output.zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LayerNorm(
        normalizedShape, weight: weight?.value, bias: bias?.value, epsilon: epsilon, scale: scale,
        zeroPoint: zeroPoint)
    }

    public override var details: String {
      "\(normalizedShape), epsilon: \(epsilon), \(outputDetails)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.quantizedLayerNorm(
        input, normalizedShape: normalizedShape, weight: weight?.value, bias: bias?.value,
        epsilon: epsilon, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Group norm of integers: quint8 or qint8 `[N, C, ...]` in, the same type out; see `Functional.quantizedGroupNorm`.
  /// torch.ao.nn.quantized.GroupNorm.
  public final class GroupNorm: Layer {
    /// Groups, a divisor of `channels`.
    public let groups: Int
    /// C, the channels.
    public let channels: Int
    /// Added to the variance.
    public let epsilon: Double
    /// γ `[C]`, nil for 1.
    public let weight: Parameter?
    /// β `[C]`, nil for 0.
    public let bias: Parameter?

    /// A module around float32 parameters `[C]`.
    ///
    /// - Throws: `invalidArgument` when `groups` doesn't divide `channels`; `invalidQuantizer` for an output scale or zero
    ///   point that no type has.
    public init(
      _ groups: Int, _ channels: Int, weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5,
      scale: Double, zeroPoint: Int
    ) throws {
      guard groups > 0, channels > 0, channels % groups == 0 else {
        throw OctetError(
          .invalidArgument, operation: "Quantized.GroupNorm", argument: "num_groups",
          expected: "a number of groups that divides num_channels \(channels)",
          received: "\(groups)")
      }
      self.groups = groups
      self.channels = channels
      self.epsilon = epsilon
      self.weight = weight.map { Parameter($0) }
      self.bias = bias.map { Parameter($0) }
      try super.init(output: scale, zeroPoint)
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.GroupNorm, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        float.groups, float.channels, weight: float.weight?.value, bias: float.bias?.value,
        epsilon: float.epsilon, scale: output.scale, zeroPoint: output.zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try GroupNorm(
        groups, channels, weight: weight?.value, bias: bias?.value, epsilon: epsilon, scale: scale,
        zeroPoint: zeroPoint)
    }

    public override var details: String {
      "\(groups), \(channels), epsilon: \(epsilon), \(outputDetails)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try requireChannels(channels, input, "Quantized.GroupNorm")
      return try Functional.quantizedGroupNorm(
        input, groups: groups, weight: weight?.value, bias: bias?.value, epsilon: epsilon,
        scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// What quantized instance norms share: quint8 or qint8 `[N, C, spatial...]` in, the same type out; see
  /// `Functional.quantizedInstanceNorm`.
  public class InstanceNorm: Layer {
    /// C, the channels.
    public let features: Int
    /// Added to the variance.
    public let epsilon: Double
    /// γ `[C]`, nil for 1.
    public let weight: Parameter?
    /// β `[C]`, nil for 0.
    public let bias: Parameter?

    /// The input's number of dimensions.
    var rank: Int { 3 }

    /// A module around float32 parameters `[C]`.
    ///
    /// - Throws: `invalidQuantizer` for an output scale or zero point that no type has.
    public required init(
      _ features: Int, weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5, scale: Double,
      zeroPoint: Int
    ) throws {
      self.features = features
      self.epsilon = epsilon
      self.weight = weight.map { Parameter($0) }
      self.bias = bias.map { Parameter($0) }
      try super.init(output: scale, zeroPoint)
    }

    /// The quantized form of an observed float layer. As in torch it normalizes by each image's own statistics, also where the float
    /// layer takes running ones.
    convenience init(_ float: OctetNN.InstanceNorm, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        float.features, weight: float.weight?.value, bias: float.bias?.value,
        epsilon: float.epsilon, scale: output.scale, zeroPoint: output.zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(
        features, weight: weight?.value, bias: bias?.value, epsilon: epsilon, scale: scale,
        zeroPoint: zeroPoint)
    }

    public override var details: String {
      "\(features), epsilon: \(epsilon), \(outputDetails)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try requireRank(rank, input, "\(type(of: self))")
      try requireChannels(features, input, "\(type(of: self))")
      return try Functional.quantizedInstanceNorm(
        input, weight: weight?.value, bias: bias?.value, epsilon: epsilon,
        scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Over `[N, C, L]`. torch.ao.nn.quantized.InstanceNorm1d.
  public final class InstanceNorm1d: InstanceNorm {}

  /// Over `[N, C, H, W]`. torch.ao.nn.quantized.InstanceNorm2d.
  public final class InstanceNorm2d: InstanceNorm {
    override var rank: Int { 4 }
  }

  /// Over `[N, C, D, H, W]`. torch.ao.nn.quantized.InstanceNorm3d.
  public final class InstanceNorm3d: InstanceNorm {
    override var rank: Int { 5 }
  }
}
