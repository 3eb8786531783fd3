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
  }
}

extension Quantized {
  /// What quantized batch norms share: quint8 or qint8 `[N, C, spatial...]` in, the same type out (channels last in memory), by
  /// the running statistics; see `Functional.quantizedBatchNorm`.
  public class BatchNorm: Module {
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
    /// The real value of one step of the output, float32 `[]`.
    public let scale: Buffer
    /// The integer that stands for 0 in the output, int64 `[]`.
    public let zeroPoint: Buffer

    /// The input's number of dimensions.
    var rank: Int { 4 }
    /// True for the forms that end in a ReLU.
    var appliesReLU: Bool { false }

    /// γ 1, β 0, mean 0, variance 1.
    ///
    /// - Throws: `invalidQuantizer` for an output scale or zero point that no type has.
    public init(_ features: Int, epsilon: Double = 1e-5, scale: Double = 1, zeroPoint: Int = 0)
      throws
    {
      self.epsilon = epsilon
      weight = Parameter(try Tensor(repeating: Float(1), shape: [features]))
      bias = Parameter(try Tensor(repeating: Float(0), shape: [features]))
      runningMean = Buffer(try Tensor(repeating: Float(0), shape: [features]))
      runningVar = Buffer(try Tensor(repeating: Float(1), shape: [features]))
      numBatchesTracked = Buffer(Tensor(scalar: Int64(0)))
      (self.scale, self.zeroPoint) = try outputBuffers(scale, zeroPoint, "Quantized.BatchNorm")
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.BatchNorm, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        float.features, epsilon: float.epsilon, scale: output.scale, zeroPoint: output.zeroPoint)
      weight.value = float.weight.value
      bias.value = float.bias.value
      runningMean.value = float.runningMean.value
      runningVar.value = float.runningVar.value
      numBatchesTracked.value = float.numBatchesTracked.value
    }

    public override var details: String {
      "\(weight.value.count), epsilon: \(epsilon), \(outputDetails(scale, zeroPoint))"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try requireRank(rank, input, "\(type(of: self))")
      return try Functional.quantizedBatchNorm(
        input, mean: runningMean.value, variance: runningVar.value, weight: weight.value,
        bias: bias.value, epsilon: epsilon, scale: scale.value.item(),
        zeroPoint: Int(zeroPoint.value.item()), relu: appliesReLU)
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

/// Buffers for an output's scale and zero point, of the types that torch's state has.
func outputBuffers(_ scale: Double, _ zeroPoint: Int, _ operation: String) throws
  -> (scale: Buffer, zeroPoint: Buffer)
{
  _ = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: .qint32, operation: operation)
  return (Buffer(Tensor(scalar: Float(scale))), Buffer(Tensor(scalar: Int64(zeroPoint))))
}

/// Scale and zero point as modules print them.
func outputDetails(_ scale: Buffer, _ zeroPoint: Buffer) -> String {
  let values = try? (scale.value.item(), Int(zeroPoint.value.item()))
  return values.map { "scale: \($0.0), zeroPoint: \($0.1)" } ?? ""
}
