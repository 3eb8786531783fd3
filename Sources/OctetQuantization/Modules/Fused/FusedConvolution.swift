import OctetNN
import OctetTensor

extension Fused {
  /// What convolutions with a ReLU share: `relu(conv(x))` in float32.
  public class ConvolutionReLU<Layer: OctetNN.Convolution>: Sequence {
    /// The convolution.
    public let convolution: Layer

    /// Fuses a convolution with a ReLU; the parameters are shared.
    public convenience init(_ convolution: Layer) throws {
      self.init(parts: try convolution.sharing())
    }

    required init(parts convolution: Layer) {
      self.convolution = convolution
      super.init(convolution, ReLU())
    }

    public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Self(parts: try copier(convolution))
    }
  }

  /// `relu(conv(x))` of `[N, C, L]`. torch.ao.nn.intrinsic.ConvReLU1d.
  public final class ConvReLU1d: ConvolutionReLU<OctetNN.Conv1d> {}

  /// `relu(conv(x))` of `[N, C, H, W]`. torch.ao.nn.intrinsic.ConvReLU2d.
  public final class ConvReLU2d: ConvolutionReLU<OctetNN.Conv2d> {}

  /// `relu(conv(x))` of `[N, C, D, H, W]`. torch.ao.nn.intrinsic.ConvReLU3d.
  public final class ConvReLU3d: ConvolutionReLU<OctetNN.Conv3d> {}

  /// What convolutions with a batch norm share: `norm(conv(x))` in float32, with a ReLU behind it in some forms.
  public class ConvolutionNorm<Layer: OctetNN.Convolution, Norm: OctetNN.BatchNorm>: Sequence {
    /// The convolution.
    public let convolution: Layer
    /// The batch norm of the convolution's output.
    public let norm: Norm

    /// True for forms that end in a ReLU.
    class var appliesReLU: Bool { false }

    /// Fuses a convolution with a batch norm; parameters and statistics are shared.
    ///
    /// - Throws: `shapeMismatch` when the batch norm has another number of features than the convolution has outputs,
    ///   `unsupportedModule` when it has no affine part or no running statistics.
    public convenience init(_ convolution: Layer, _ norm: Norm) throws {
      try requireTrainable(norm, convolution.outChannels, "\(Self.self)")
      self.init(parts: try convolution.sharing(), norm.sharing())
    }

    required init(parts convolution: Layer, _ norm: Norm) {
      self.convolution = convolution
      self.norm = norm
      super.init([convolution, norm] + (Self.appliesReLU ? [ReLU()] : []))
    }

    public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Self(parts: try copier(convolution), try copier(norm))
    }
  }

  /// `norm(conv(x))` of `[N, C, L]`. torch.ao.nn.intrinsic.ConvBn1d.
  public final class ConvBn1d: ConvolutionNorm<OctetNN.Conv1d, OctetNN.BatchNorm1d> {}

  /// `norm(conv(x))` of `[N, C, H, W]`. torch.ao.nn.intrinsic.ConvBn2d.
  public final class ConvBn2d: ConvolutionNorm<OctetNN.Conv2d, OctetNN.BatchNorm2d> {}

  /// `norm(conv(x))` of `[N, C, D, H, W]`. torch.ao.nn.intrinsic.ConvBn3d.
  public final class ConvBn3d: ConvolutionNorm<OctetNN.Conv3d, OctetNN.BatchNorm3d> {}

  /// `relu(norm(conv(x)))` of `[N, C, L]`. torch.ao.nn.intrinsic.ConvBnReLU1d.
  public final class ConvBnReLU1d: ConvolutionNorm<OctetNN.Conv1d, OctetNN.BatchNorm1d> {
    override class var appliesReLU: Bool { true }
  }

  /// `relu(norm(conv(x)))` of `[N, C, H, W]`. torch.ao.nn.intrinsic.ConvBnReLU2d.
  public final class ConvBnReLU2d: ConvolutionNorm<OctetNN.Conv2d, OctetNN.BatchNorm2d> {
    override class var appliesReLU: Bool { true }
  }

  /// `relu(norm(conv(x)))` of `[N, C, D, H, W]`. torch.ao.nn.intrinsic.ConvBnReLU3d.
  public final class ConvBnReLU3d: ConvolutionNorm<OctetNN.Conv3d, OctetNN.BatchNorm3d> {
    override class var appliesReLU: Bool { true }
  }
}
