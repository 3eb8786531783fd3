import OctetNN
import OctetTensor

extension Fused {
  /// `relu(linear(x))` in float32. torch.ao.nn.intrinsic.LinearReLU.
  public final class LinearReLU: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear

    /// Fuses a linear layer with a ReLU; the parameters are shared.
    public init(_ linear: OctetNN.Linear) throws {
      self.linear = try linear.sharing()
      super.init(self.linear, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LinearReLU(copier(linear))
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
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the layer has outputs.
    public init(_ linear: OctetNN.Linear, _ norm: BatchNorm1d) throws {
      try requireFeatures(norm, linear.outFeatures, "LinearBn1d")
      self.linear = try linear.sharing()
      self.norm = norm.sharing()
      super.init(self.linear, self.norm)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LinearBn1d(copier(linear), copier(norm))
    }
  }

  /// `leakyReLU(linear(x))` in float32. torch.ao.nn.intrinsic.LinearLeakyReLU.
  public final class LinearLeakyReLU: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear
    /// The factor of negative values.
    public let negativeSlope: Double

    /// Fuses a linear layer with a leaky ReLU; the parameters are shared.
    public init(_ linear: OctetNN.Linear, _ activation: LeakyReLU) throws {
      self.linear = try linear.sharing()
      negativeSlope = activation.negativeSlope
      super.init(self.linear, LeakyReLU(negativeSlope: negativeSlope))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LinearLeakyReLU(copier(linear), LeakyReLU(negativeSlope: negativeSlope))
    }
  }

  /// `tanh(linear(x))` in float32. torch.ao.nn.intrinsic.LinearTanh.
  public final class LinearTanh: Sequence {
    /// The linear part.
    public let linear: OctetNN.Linear

    /// Fuses a linear layer with a tanh; the parameters are shared.
    public init(_ linear: OctetNN.Linear) throws {
      self.linear = try linear.sharing()
      super.init(self.linear, Tanh())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LinearTanh(copier(linear))
    }
  }
}
