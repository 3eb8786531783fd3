import OctetNN
import OctetTensor

extension Quantized {
  /// What quantized convolutions over one, two and three dimensions share, transposed ones too: quint8 or qint8
  /// `[N, C, spatial...]` in, the same type `[N, O, spatial...]` out (channels last in memory), requantized to the module's
  /// scale and zero point.
  public class Convolution: Module {
    private(set) var weights: ConvolutionWeights
    /// The real value of one step of the output.
    public private(set) var scale: Double
    /// The integer that stands for 0 in the output.
    public private(set) var zeroPoint: Int

    /// True for the forms that end in a ReLU.
    var appliesReLU: Bool { false }

    init(_ weights: ConvolutionWeights, scale: Double, zeroPoint: Int) throws {
      _ = try Quantizer(
        scale: scale, zeroPoint: zeroPoint, dtype: .qint32, operation: weights.operation)
      self.weights = weights
      self.scale = scale
      self.zeroPoint = zeroPoint
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.Convolution, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      let rank = float.kernelSize.count
      let weights = try ConvolutionWeights(
        rank: rank, weight: context.quantizedWeight(float.weight.value), bias: float.bias?.value,
        stride: float.stride, padding: float.padding, dilation: float.dilation,
        groups: float.groups, operation: "Quantized.Conv\(rank)d")
      try self.init(weights, scale: output.scale, zeroPoint: output.zeroPoint)
    }

    /// qint8 `[O, C/groups, kernel...]`, transposed `[C, O/groups, kernel...]`.
    public var weight: Tensor { weights.packed.weight }
    /// float32 `[O]`, nil for none.
    public var bias: Tensor? { weights.packed.bias }

    public override var details: String {
      "\(weights.details), scale: \(scale), zeroPoint: \(zeroPoint)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try weights.convolve(
        input, result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: appliesReLU))
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      packedState(weight: weight, bias: bias, output: (scale, zeroPoint))
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      let output = try outputParameters(state, default: (scale, zeroPoint))
      weights = try weights.loading(state)
      (scale, zeroPoint) = output
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
