import OctetNN
import OctetTensor

/// A float convolution that computes with a weight it is given.
protocol ConvolutionLayer: Module {
  var weight: Parameter { get }
  var bias: Parameter? { get }
  func convolve(_ input: Tensor, weight: Tensor, bias: Tensor?) throws -> Tensor
}

extension OctetNN.Convolution: ConvolutionLayer {}
extension OctetNN.TransposedConvolution: ConvolutionLayer {}

extension Reference {
  /// What reference convolutions share, transposed ones too: float32 in and out, with the weight quantized and dequantized.
  public class Convolution: Module {
    /// float32 `[O, C/groups, kernel...]`, transposed `[C, O/groups, kernel...]`, as given.
    public let weight: Parameter
    /// float32 `[O]`, nil for none.
    public let bias: Parameter?
    private let rounding: WeightRounding
    /// The float layer around the same parameters.
    private let layer: any ConvolutionLayer

    /// The number of kernel dimensions.
    var rank: Int { 1 }

    required init(_ layer: any ConvolutionLayer, _ parameters: WeightParameters) throws {
      weight = layer.weight
      bias = layer.bias
      self.layer = layer
      rounding = WeightRounding(parameters)
      super.init()
      let value = weight.value
      guard value.rank == rank + 2 else {
        throw OctetError(
          .shapeMismatch, operation: "Reference.\(Self.self)", argument: "weight",
          expected: "\(rank + 2) dimensions", received: "shape \(value.shape)")
      }
      try parameters.check(value, "Reference.\(Self.self)")
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.Convolution, _ context: ConversionContext) throws {
      try self.init(float.sharing(), context.referenceParameters(float.weight.value))
    }

    /// The reference form of a transposed float layer.
    convenience init(_ float: TransposedConvolution, _ context: ConversionContext) throws {
      let layer = try float.with(weight: float.weight, bias: float.bias)
      try self.init(layer, context.referenceParameters(float.weight.value))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Self(copier(layer as Module) as? any ConvolutionLayer ?? layer, weightParameters)
    }

    public final override func ownChildren() -> [(name: String, module: Module)] { [] }

    /// How the weight is quantized.
    public var weightParameters: WeightParameters { rounding.parameters }

    /// The weight that the module computes with. torch's `get_weight()`.
    public func effectiveWeight() throws -> Tensor {
      try weightParameters.quantizedAndBack(weight.value)
    }

    public override var details: String { "\(layer.details), weight: \(rounding.details)" }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try layer.convolve(input, weight: effectiveWeight(), bias: bias?.value)
    }
  }

  /// Convolution of `[N, C, L]`. torch.ao.nn.quantized.reference.Conv1d.
  public final class Conv1d: Convolution {
    /// A module around a float32 weight `[O, C/groups, k]` and bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      dilation: [Int] = [1], groups: Int = 1, paddingMode: PaddingMode = .zeros,
      weightParameters: WeightParameters
    ) throws {
      let layer = try OctetNN.Conv1d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
      try self.init(layer.with(paddingMode: paddingMode), weightParameters)
    }
  }

  /// Convolution of `[N, C, H, W]`. torch.ao.nn.quantized.reference.Conv2d.
  public final class Conv2d: Convolution {
    override var rank: Int { 2 }

    /// A module around a float32 weight `[O, C/groups, kh, kw]` and bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      dilation: [Int] = [1, 1], groups: Int = 1, paddingMode: PaddingMode = .zeros,
      weightParameters: WeightParameters
    ) throws {
      let layer = try OctetNN.Conv2d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
      try self.init(layer.with(paddingMode: paddingMode), weightParameters)
    }
  }

  /// Convolution of `[N, C, D, H, W]`. torch.ao.nn.quantized.reference.Conv3d.
  public final class Conv3d: Convolution {
    override var rank: Int { 3 }

    /// A module around a float32 weight `[O, C/groups, kd, kh, kw]` and bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      dilation: [Int] = [1, 1, 1], groups: Int = 1, paddingMode: PaddingMode = .zeros,
      weightParameters: WeightParameters
    ) throws {
      let layer = try OctetNN.Conv3d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
      try self.init(layer.with(paddingMode: paddingMode), weightParameters)
    }
  }

  /// Transposed convolution of `[N, C, L]`. torch.ao.nn.quantized.reference.ConvTranspose1d.
  public final class ConvTranspose1d: Convolution {
    /// A module around a float32 weight `[C, O/groups, k]` and bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
      weightParameters: WeightParameters
    ) throws {
      let layer = try OctetNN.ConvTranspose1d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
      try self.init(layer, weightParameters)
    }
  }

  /// Transposed convolution of `[N, C, H, W]`. torch.ao.nn.quantized.reference.ConvTranspose2d.
  public final class ConvTranspose2d: Convolution {
    override var rank: Int { 2 }

    /// A module around a float32 weight `[C, O/groups, kh, kw]` and bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      outputPadding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1,
      weightParameters: WeightParameters
    ) throws {
      let layer = try OctetNN.ConvTranspose2d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
      try self.init(layer, weightParameters)
    }
  }

  /// Transposed convolution of `[N, C, D, H, W]`. torch.ao.nn.quantized.reference.ConvTranspose3d.
  public final class ConvTranspose3d: Convolution {
    override var rank: Int { 3 }

    /// A module around a float32 weight `[C, O/groups, kd, kh, kw]` and bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      outputPadding: [Int] = [0, 0, 0], dilation: [Int] = [1, 1, 1], groups: Int = 1,
      weightParameters: WeightParameters
    ) throws {
      let layer = try OctetNN.ConvTranspose3d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
      try self.init(layer, weightParameters)
    }
  }
}
