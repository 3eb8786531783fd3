import OctetNN
import OctetTensor

extension Fused {
  /// `relu(norm(x))` in float32. torch.ao.nn.intrinsic.BNReLU2d.
  public final class BNReLU2d: Sequence {
    /// The batch norm.
    public let norm: OctetNN.BatchNorm2d

    /// Fuses a batch norm with a ReLU; parameters and statistics are shared.
    public init(_ norm: OctetNN.BatchNorm2d) {
      self.norm = norm.sharing()
      super.init(self.norm, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      BNReLU2d(try copier(norm))
    }
  }

  /// `relu(norm(x))` in float32. torch.ao.nn.intrinsic.BNReLU3d.
  public final class BNReLU3d: Sequence {
    /// The batch norm.
    public let norm: OctetNN.BatchNorm3d

    /// Fuses a batch norm with a ReLU; parameters and statistics are shared.
    public init(_ norm: OctetNN.BatchNorm3d) {
      self.norm = norm.sharing()
      super.init(self.norm, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      BNReLU3d(try copier(norm))
    }
  }
}

extension Quantized {
  /// What quantized batch norms share: quint8 or qint8 `[N, C, spatial...]` in, the same type out (channels last in memory), by
  /// the running statistics; see `Functional.quantizedBatchNorm`.
  public class BatchNorm: Layer {
    /// Added to the variance.
    public let epsilon: Double
    /// γ `[C]`.
    public let weight: Parameter
    /// β `[C]`.
    public let bias: Parameter
    /// `[C]`.
    public let runningMean: Buffer
    /// `[C]`.
    public let runningVar: Buffer
    /// Training batches that the statistics come from, int64 `[]`.
    public let numBatchesTracked: Buffer

    /// The input's number of dimensions.
    var rank: Int { 4 }
    /// True for the forms that end in a ReLU.
    var appliesReLU: Bool { false }

    /// γ 1, β 0, mean 0, variance 1.
    ///
    /// - Throws: `invalidQuantizer` for an output scale or zero point that no type has.
    public required init(
      _ features: Int, epsilon: Double = 1e-5, scale: Double = 1, zeroPoint: Int = 0
    ) throws {
      self.epsilon = epsilon
      weight = Parameter(try Tensor(repeating: Float(1), shape: [features]))
      bias = Parameter(try Tensor(repeating: Float(0), shape: [features]))
      runningMean = Buffer(try Tensor(repeating: Float(0), shape: [features]))
      runningVar = Buffer(try Tensor(repeating: Float(1), shape: [features]))
      numBatchesTracked = Buffer(Tensor(scalar: Int64(0)))
      try super.init(output: scale, zeroPoint)
    }

    /// The quantized form of an observed float layer; without affine part γ is 1 and β 0.
    ///
    /// - Throws: `unsupportedModule` when the layer doesn't track statistics.
    convenience init(_ float: OctetNN.BatchNorm, _ context: ConversionContext) throws {
      let values = try BatchNormValues(float)
      let output = try context.outputParameters()
      try self.init(
        float.features, epsilon: float.epsilon, scale: output.scale, zeroPoint: output.zeroPoint)
      weight.value = try values.gamma
      bias.value = try values.beta
      runningMean.value = values.mean
      runningVar.value = values.variance
      if let seen = float.numBatchesTracked { numBatchesTracked.value = seen.value }
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(weight.value.count, epsilon: epsilon, scale: scale, zeroPoint: zeroPoint)
    }

    public override var details: String {
      "\(weight.value.count), epsilon: \(epsilon), \(outputDetails)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try requireRank(rank, input, "\(type(of: self))")
      return try Functional.quantizedBatchNorm(
        input, mean: runningMean.value, variance: runningVar.value, weight: weight.value,
        bias: bias.value, epsilon: epsilon, scale: scale, zeroPoint: zeroPoint, relu: appliesReLU)
    }
  }

  /// Over `[N, C, H, W]`. torch.ao.nn.quantized.BatchNorm2d.
  public class BatchNorm2d: BatchNorm {}

  /// Over `[N, C, D, H, W]`. torch.ao.nn.quantized.BatchNorm3d.
  public class BatchNorm3d: BatchNorm {
    override var rank: Int { 5 }
  }

  /// `BatchNorm2d` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.BNReLU2d.
  public final class BNReLU2d: BatchNorm2d {
    override var appliesReLU: Bool { true }
  }

  /// `BatchNorm3d` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.BNReLU3d.
  public final class BNReLU3d: BatchNorm3d {
    override var appliesReLU: Bool { true }
  }
}
