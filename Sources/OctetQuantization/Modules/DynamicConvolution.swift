import OctetNN
import OctetTensor

extension Dynamic {
  /// What convolutions with integer weights and real activations share, transposed ones too. The input is quantized to quint8 by
  /// the range of its values; the output takes the same scale and zero point, which clamps it to the input's range, and is
  /// dequantized. That is torch's rule, and why `quantizeDynamic` doesn't install these modules.
  public class Convolution: Module {
    private let weights: ConvolutionWeights
    /// True when activations take 0...127 of 0...255.
    public let reduceRange: Bool

    required init(_ weights: ConvolutionWeights, reduceRange: Bool) throws {
      self.weights = weights
      self.reduceRange = reduceRange
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(weights.copy(), reduceRange: reduceRange)
    }

    /// The dynamic form of a float layer.
    convenience init(_ float: OctetNN.Convolution, _ context: ConversionContext) throws {
      try self.init(
        ConvolutionWeights(
          float, weight: context.quantizedWeight(float.weight.value),
          operation: "Dynamic.Conv\(float.kernelSize.count)d"),
        reduceRange: true)
    }

    /// The dynamic form of a transposed float layer.
    convenience init(_ float: TransposedConvolution, _ context: ConversionContext) throws {
      let rank = float.kernelSize.count
      try self.init(
        ConvolutionWeights(
          rank: rank, transposed: context.quantizedWeight(float.weight.value),
          bias: float.bias?.value, stride: float.stride, padding: float.padding,
          outputPadding: float.outputPadding, dilation: float.dilation, groups: float.groups,
          operation: "Dynamic.ConvTranspose\(rank)d"),
        reduceRange: true)
    }

    /// qint8 `[O, C/groups, kernel...]`, transposed `[C, O/groups, kernel...]`.
    public var weight: Tensor { weights.packed.weight }
    /// float32 `[O]`, nil for none.
    public var bias: Tensor? { weights.packed.bias }

    public override var details: String { weights.details }

    public override func forward(_ input: Tensor) throws -> Tensor {
      let (scale, zeroPoint) = try RuntimeParameters.choose(
        for: input, reduceRange: reduceRange, operation: weights.operation)
      let quantized = try Functional.quantizePerTensor(
        input, scale: scale, zeroPoint: zeroPoint, dtype: .quint8)
      let output = try weights.convolve(
        quantized, result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: false))
      return try output.dequantized()
    }
  }

  /// Convolution of `[N, C, L]` with integer weights. torch.ao.nn.quantized.dynamic.Conv1d.
  public final class Conv1d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, k]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      dilation: [Int] = [1],
      groups: Int = 1, paddingMode: PaddingMode = .zeros, reduceRange: Bool = true
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 1, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, paddingMode: paddingMode, operation: "Dynamic.Conv1d")
      try self.init(weights, reduceRange: reduceRange)
    }
  }

  /// Convolution of `[N, C, H, W]` with integer weights. torch.ao.nn.quantized.dynamic.Conv2d.
  public final class Conv2d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, kh, kw]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      dilation: [Int] = [1, 1],
      groups: Int = 1, paddingMode: PaddingMode = .zeros, reduceRange: Bool = true
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 2, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, paddingMode: paddingMode, operation: "Dynamic.Conv2d")
      try self.init(weights, reduceRange: reduceRange)
    }
  }

  /// Convolution of `[N, C, D, H, W]` with integer weights. torch.ao.nn.quantized.dynamic.Conv3d.
  public final class Conv3d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, kd, kh, kw]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      dilation: [Int] = [1, 1, 1],
      groups: Int = 1, reduceRange: Bool = true
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 3, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, operation: "Dynamic.Conv3d")
      try self.init(weights, reduceRange: reduceRange)
    }
  }

  /// Transposed convolution of `[N, C, L]` with integer weights. torch.ao.nn.quantized.dynamic.ConvTranspose1d.
  public final class ConvTranspose1d: Convolution {
    /// A module around a qint8 weight `[C, O/groups, k]`, per tensor or per channel along axis 1, and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, reduceRange: Bool = true
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 1, transposed: weight, bias: bias, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups,
        operation: "Dynamic.ConvTranspose1d")
      try self.init(weights, reduceRange: reduceRange)
    }
  }

  /// Transposed convolution of `[N, C, H, W]` with integer weights. torch.ao.nn.quantized.dynamic.ConvTranspose2d.
  public final class ConvTranspose2d: Convolution {
    /// A module around a qint8 weight `[C, O/groups, kh, kw]`, per tensor or per channel along axis 1, and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      outputPadding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1,
      reduceRange: Bool = true
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 2, transposed: weight, bias: bias, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups,
        operation: "Dynamic.ConvTranspose2d")
      try self.init(weights, reduceRange: reduceRange)
    }
  }

  /// Transposed convolution of `[N, C, D, H, W]` with integer weights. torch.ao.nn.quantized.dynamic.ConvTranspose3d.
  public final class ConvTranspose3d: Convolution {
    /// A module around a qint8 weight `[C, O/groups, kd, kh, kw]`, per tensor or per channel along axis 1, and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      outputPadding: [Int] = [0, 0, 0], dilation: [Int] = [1, 1, 1], groups: Int = 1,
      reduceRange: Bool = true
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 3, transposed: weight, bias: bias, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups,
        operation: "Dynamic.ConvTranspose3d")
      try self.init(weights, reduceRange: reduceRange)
    }
  }
}
