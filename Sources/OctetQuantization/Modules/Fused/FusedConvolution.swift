import OctetNN
import OctetTensor

extension Fused {
  /// `relu(conv(x))` in float32. torch.ao.nn.intrinsic.ConvReLU1d.
  public final class ConvReLU1d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv1d

    /// Fuses a convolution with a ReLU; the parameters are shared.
    public convenience init(_ convolution: OctetNN.Conv1d) throws {
      self.init(parts: try convolution.sharing())
    }

    private init(parts convolution: OctetNN.Conv1d) {
      self.convolution = convolution
      super.init(convolution, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvReLU1d(parts: try copier(convolution))
    }
  }

  /// `relu(conv(x))` in float32. torch.ao.nn.intrinsic.ConvReLU2d.
  public final class ConvReLU2d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv2d

    /// Fuses a convolution with a ReLU; the parameters are shared.
    public convenience init(_ convolution: OctetNN.Conv2d) throws {
      self.init(parts: try convolution.sharing())
    }

    private init(parts convolution: OctetNN.Conv2d) {
      self.convolution = convolution
      super.init(convolution, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvReLU2d(parts: try copier(convolution))
    }
  }

  /// `relu(conv(x))` in float32. torch.ao.nn.intrinsic.ConvReLU3d.
  public final class ConvReLU3d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv3d

    /// Fuses a convolution with a ReLU; the parameters are shared.
    public convenience init(_ convolution: OctetNN.Conv3d) throws {
      self.init(parts: try convolution.sharing())
    }

    private init(parts convolution: OctetNN.Conv3d) {
      self.convolution = convolution
      super.init(convolution, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvReLU3d(parts: try copier(convolution))
    }
  }

  /// `norm(conv(x))` in float32. torch.ao.nn.intrinsic.ConvBn1d.
  public final class ConvBn1d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv1d
    /// The batch norm of the convolution's output.
    public let norm: OctetNN.BatchNorm1d

    /// Fuses a convolution with a batch norm; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: OctetNN.Conv1d, _ norm: OctetNN.BatchNorm1d) throws {
      try requireTrainable(norm, convolution.outChannels, "ConvBn1d")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    private init(parts convolution: OctetNN.Conv1d, _ norm: OctetNN.BatchNorm1d) {
      self.convolution = convolution
      self.norm = norm
      super.init(convolution, norm)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvBn1d(parts: try copier(convolution), try copier(norm))
    }
  }

  /// `norm(conv(x))` in float32. torch.ao.nn.intrinsic.ConvBn2d.
  public final class ConvBn2d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv2d
    /// The batch norm of the convolution's output.
    public let norm: OctetNN.BatchNorm2d

    /// Fuses a convolution with a batch norm; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: OctetNN.Conv2d, _ norm: OctetNN.BatchNorm2d) throws {
      try requireTrainable(norm, convolution.outChannels, "ConvBn2d")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    private init(parts convolution: OctetNN.Conv2d, _ norm: OctetNN.BatchNorm2d) {
      self.convolution = convolution
      self.norm = norm
      super.init(convolution, norm)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvBn2d(parts: try copier(convolution), try copier(norm))
    }
  }

  /// `norm(conv(x))` in float32. torch.ao.nn.intrinsic.ConvBn3d.
  public final class ConvBn3d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv3d
    /// The batch norm of the convolution's output.
    public let norm: OctetNN.BatchNorm3d

    /// Fuses a convolution with a batch norm; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: OctetNN.Conv3d, _ norm: OctetNN.BatchNorm3d) throws {
      try requireTrainable(norm, convolution.outChannels, "ConvBn3d")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    private init(parts convolution: OctetNN.Conv3d, _ norm: OctetNN.BatchNorm3d) {
      self.convolution = convolution
      self.norm = norm
      super.init(convolution, norm)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvBn3d(parts: try copier(convolution), try copier(norm))
    }
  }

  /// `relu(norm(conv(x)))` in float32. torch.ao.nn.intrinsic.ConvBnReLU1d.
  public final class ConvBnReLU1d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv1d
    /// The batch norm of the convolution's output.
    public let norm: OctetNN.BatchNorm1d

    /// Fuses a convolution with a batch norm and a ReLU; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: OctetNN.Conv1d, _ norm: OctetNN.BatchNorm1d) throws {
      try requireTrainable(norm, convolution.outChannels, "ConvBnReLU1d")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    private init(parts convolution: OctetNN.Conv1d, _ norm: OctetNN.BatchNorm1d) {
      self.convolution = convolution
      self.norm = norm
      super.init(convolution, norm, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvBnReLU1d(parts: try copier(convolution), try copier(norm))
    }
  }

  /// `relu(norm(conv(x)))` in float32. torch.ao.nn.intrinsic.ConvBnReLU2d.
  public final class ConvBnReLU2d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv2d
    /// The batch norm of the convolution's output.
    public let norm: OctetNN.BatchNorm2d

    /// Fuses a convolution with a batch norm and a ReLU; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: OctetNN.Conv2d, _ norm: OctetNN.BatchNorm2d) throws {
      try requireTrainable(norm, convolution.outChannels, "ConvBnReLU2d")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    private init(parts convolution: OctetNN.Conv2d, _ norm: OctetNN.BatchNorm2d) {
      self.convolution = convolution
      self.norm = norm
      super.init(convolution, norm, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvBnReLU2d(parts: try copier(convolution), try copier(norm))
    }
  }

  /// `relu(norm(conv(x)))` in float32. torch.ao.nn.intrinsic.ConvBnReLU3d.
  public final class ConvBnReLU3d: Sequence {
    /// The convolution.
    public let convolution: OctetNN.Conv3d
    /// The batch norm of the convolution's output.
    public let norm: OctetNN.BatchNorm3d

    /// Fuses a convolution with a batch norm and a ReLU; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: OctetNN.Conv3d, _ norm: OctetNN.BatchNorm3d) throws {
      try requireTrainable(norm, convolution.outChannels, "ConvBnReLU3d")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    private init(parts convolution: OctetNN.Conv3d, _ norm: OctetNN.BatchNorm3d) {
      self.convolution = convolution
      self.norm = norm
      super.init(convolution, norm, ReLU())
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      ConvBnReLU3d(parts: try copier(convolution), try copier(norm))
    }
  }
}
