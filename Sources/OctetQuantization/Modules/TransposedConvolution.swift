import OctetNN
import OctetTensor

extension Quantized.Convolution {
  /// The quantized form of an observed transposed float layer.
  convenience init(_ float: TransposedConvolution, _ context: ConversionContext) throws {
    let output = try context.outputParameters()
    let rank = float.kernelSize.count
    let weights = try ConvolutionWeights(
      rank: rank, transposed: context.quantizedWeight(float.weight.value),
      bias: float.bias?.value, stride: float.stride, padding: float.padding,
      outputPadding: float.outputPadding, dilation: float.dilation, groups: float.groups,
      operation: "Quantized.ConvTranspose\(rank)d")
    try self.init(weights, scale: output.scale, zeroPoint: output.zeroPoint)
  }
}

extension Quantized {
  /// Transposed convolution of `[N, C, L]` on integers. torch.ao.nn.quantized.ConvTranspose1d.
  public final class ConvTranspose1d: Convolution {
    /// A module around a qint8 weight `[C, O/groups, k]`, per tensor or per channel along axis 1, and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, scale: Double,
      zeroPoint: Int
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 1, transposed: weight, bias: bias, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups,
        operation: "Quantized.ConvTranspose1d")
      try self.init(weights, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Transposed convolution of `[N, C, H, W]` on integers. torch.ao.nn.quantized.ConvTranspose2d.
  public final class ConvTranspose2d: Convolution {
    /// A module around a qint8 weight `[C, O/groups, kh, kw]`, per tensor or per channel along axis 1, and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      outputPadding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1, scale: Double,
      zeroPoint: Int
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 2, transposed: weight, bias: bias, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups,
        operation: "Quantized.ConvTranspose2d")
      try self.init(weights, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Transposed convolution of `[N, C, D, H, W]` on integers. torch.ao.nn.quantized.ConvTranspose3d.
  public final class ConvTranspose3d: Convolution {
    /// A module around a qint8 weight `[C, O/groups, kd, kh, kw]`, per tensor or per channel along axis 1, and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      outputPadding: [Int] = [0, 0, 0], dilation: [Int] = [1, 1, 1], groups: Int = 1, scale: Double,
      zeroPoint: Int
    ) throws {
      let weights = try ConvolutionWeights(
        rank: 3, transposed: weight, bias: bias, stride: stride, padding: padding,
        outputPadding: outputPadding, dilation: dilation, groups: groups,
        operation: "Quantized.ConvTranspose3d")
      try self.init(weights, scale: scale, zeroPoint: zeroPoint)
    }
  }
}
