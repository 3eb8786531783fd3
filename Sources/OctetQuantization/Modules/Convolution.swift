import OctetNN
import OctetTensor

extension Quantized {
  /// What quantized convolutions over one, two and three dimensions share, transposed ones too: quint8 or qint8
  /// `[N, C, spatial...]` in, the same type `[N, O, spatial...]` out (channels last in memory), requantized to the module's
  /// scale and zero point.
  public class Convolution: Layer {
    let weights: ConvolutionWeights

    /// True for the forms that end in a ReLU.
    var appliesReLU: Bool { false }

    required init(_ weights: ConvolutionWeights, scale: Double, zeroPoint: Int) throws {
      self.weights = weights
      try super.init(output: scale, zeroPoint)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(weights.copy(), scale: scale, zeroPoint: zeroPoint)
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.Convolution, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      let weights = try ConvolutionWeights(
        float, weight: context.quantizedWeight(float.weight.value),
        operation: "Quantized.Conv\(float.kernelSize.count)d")
      try self.init(weights, scale: output.scale, zeroPoint: output.zeroPoint)
    }

    /// qint8 `[O, C/groups, kernel...]`, transposed `[C, O/groups, kernel...]`.
    public var weight: Tensor { weights.packed.weight }
    /// float32 `[O]`, nil for none.
    public var bias: Tensor? { weights.packed.bias }

    public override var details: String {
      "\(weights.details), \(outputDetails)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try weights.convolve(
        input, result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: appliesReLU))
    }
  }

  /// Convolution of `[N, C, L]` on integers. torch.ao.nn.quantized.Conv1d.
  public class Conv1d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, k]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
      groups: Int = 1, paddingMode: PaddingMode = .zeros, scale: Double, zeroPoint: Int
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 1, weight: weight, bias: bias, stride: [stride], padding: [padding],
        dilation: [dilation],
        groups: groups, paddingMode: paddingMode, operation: "Quantized.Conv1d")
      try self.init(weights, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Convolution of `[N, C, H, W]` on integers. torch.ao.nn.quantized.Conv2d.
  public class Conv2d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, kh, kw]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      dilation: [Int] = [1, 1],
      groups: Int = 1, paddingMode: PaddingMode = .zeros, scale: Double, zeroPoint: Int
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 2, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, paddingMode: paddingMode, operation: "Quantized.Conv2d")
      try self.init(weights, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Convolution of `[N, C, D, H, W]` on integers. torch.ao.nn.quantized.Conv3d.
  public class Conv3d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, kd, kh, kw]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      dilation: [Int] = [1, 1, 1],
      groups: Int = 1, scale: Double, zeroPoint: Int
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 3, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, operation: "Quantized.Conv3d")
      try self.init(weights, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// `Conv1d` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.ConvReLU1d.
  public final class ConvReLU1d: Conv1d {
    override var appliesReLU: Bool { true }
  }

  /// `Conv2d` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.ConvReLU2d.
  public final class ConvReLU2d: Conv2d {
    override var appliesReLU: Bool { true }
  }

  /// `Conv3d` whose output is clamped below at its zero point. torch.ao.nn.intrinsic.quantized.ConvReLU3d.
  public final class ConvReLU3d: Conv3d {
    override var appliesReLU: Bool { true }
  }
}
