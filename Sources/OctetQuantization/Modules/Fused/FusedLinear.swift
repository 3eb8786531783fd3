import OctetNN
import OctetTensor

extension Fused {
  /// `relu(linear(x))` in float32. torch.ao.nn.intrinsic.LinearReLU.
  public final class LinearReLU: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear

    /// Fuses a linear layer with a ReLU; the parameters are shared.
    public convenience init(_ linear: OctetNN.Linear) throws {
      self.init(parts: try linear.sharing())
    }

    private init(parts linear: OctetNN.Linear) {
      self.linear = linear
      super.init(linear, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      LinearReLU(parts: try copier(linear))
    }
  }

  /// `norm(linear(x))` in float32. torch.ao.nn.intrinsic.LinearBn1d.
  public final class LinearBn1d: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear
    /// The batch norm of the linear part's output.
    public let norm: BatchNorm1d

    /// Fuses a linear layer with a batch norm; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the layer has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ linear: OctetNN.Linear, _ norm: BatchNorm1d) throws {
      try requireTrainable(norm, linear.outFeatures, "LinearBn1d")
      self.init(parts: try linear.sharing(), norm.sharing())
    }

    private init(parts linear: OctetNN.Linear, _ norm: BatchNorm1d) {
      self.linear = linear
      self.norm = norm
      super.init(linear, norm)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      LinearBn1d(parts: try copier(linear), try copier(norm))
    }
  }

  /// `leakyReLU(linear(x))` in float32. torch.ao.nn.intrinsic.LinearLeakyReLU.
  public final class LinearLeakyReLU: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear
    /// The factor of negative values.
    public let negativeSlope: Double

    /// Fuses a linear layer with a leaky ReLU; the parameters are shared.
    public convenience init(_ linear: OctetNN.Linear, _ activation: LeakyReLU) throws {
      self.init(parts: try linear.sharing(), activation.negativeSlope)
    }

    private init(parts linear: OctetNN.Linear, _ negativeSlope: Double) {
      self.linear = linear
      self.negativeSlope = negativeSlope
      super.init(linear, LeakyReLU(negativeSlope: negativeSlope))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      LinearLeakyReLU(parts: try copier(linear), negativeSlope)
    }
  }

  /// `tanh(linear(x))` in float32. torch.ao.nn.intrinsic.LinearTanh.
  public final class LinearTanh: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear

    /// Fuses a linear layer with a tanh; the parameters are shared.
    public convenience init(_ linear: OctetNN.Linear) throws {
      self.init(parts: try linear.sharing())
    }

    private init(parts linear: OctetNN.Linear) {
      self.linear = linear
      super.init(linear, Tanh())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      LinearTanh(parts: try copier(linear))
    }
  }
}
