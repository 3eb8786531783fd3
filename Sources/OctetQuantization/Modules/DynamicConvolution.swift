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

    }

    /// The dynamic form of a float layer.
    convenience init(_ float: OctetNN.Convolution, _ context: ConversionContext) throws {
      let rank = float.kernelSize.count
      try self.init(
        ConvolutionWeights(
          rank: rank, weight: context.quantizedWeight(float.weight.value),
          bias: float.bias?.value, stride: float.stride, padding: float.padding,
          dilation: float.dilation, groups: float.groups, operation: "Dynamic.Conv\(rank)d"),
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
