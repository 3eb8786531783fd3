import OctetNN
import OctetTensor

extension Fused {
  /// What `ConvReLU1d`, `ConvReLU2d` and `ConvReLU3d` share: `relu(conv(x))` in float32.
  public class ConvReLU: Module {
    /// The convolution.
    public let convolution: OctetNN.Convolution

    /// Fuses a convolution with a ReLU; the parameters are shared.
    init(_ convolution: OctetNN.Convolution) throws {
      self.convolution = try convolution.with(weight: convolution.weight, bias: convolution.bias)
    }

    public override func ownChildren() -> [(name: String, module: Module)] { [("0", convolution)] }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.relu(convolution.forward(input))
    }
  }

  /// torch.ao.nn.intrinsic.ConvReLU1d.
  public final class ConvReLU1d: ConvReLU {
    /// Fuses a convolution with a ReLU; the parameters are shared.
    public init(_ convolution: Conv1d) throws { try super.init(convolution) }
  }

  /// torch.ao.nn.intrinsic.ConvReLU2d.
  public final class ConvReLU2d: ConvReLU {
    /// Fuses a convolution with a ReLU; the parameters are shared.
    public init(_ convolution: Conv2d) throws { try super.init(convolution) }
  }

  /// torch.ao.nn.intrinsic.ConvReLU3d.
  public final class ConvReLU3d: ConvReLU {
    /// Fuses a convolution with a ReLU; the parameters are shared.
    public init(_ convolution: Conv3d) throws { try super.init(convolution) }
  }
}

extension Quantized {
  /// What quantized convolutions over one, two and three dimensions share: quint8 or qint8 `[N, C, spatial...]` in, the same
  /// type `[N, O, spatial...]` out (channels last in memory), requantized to the module's scale and zero point.
  public class Convolution: Module {
    private var packed: PackedConvolution
    /// The real value of one step of the output.
    public private(set) var scale: Double
    /// The integer that stands for 0 in the output.
    public private(set) var zeroPoint: Int
    private let rank: Int

    /// True for the forms that end in a ReLU.
    var appliesReLU: Bool { false }

    /// A module around a qint8 weight `[O, C/groups, kernel...]` with `rank` kernel dimensions.
    init(
      rank: Int, weight: Tensor, bias: Tensor?, stride: [Int], padding: [Int], dilation: [Int],
      groups: Int, scale: Double, zeroPoint: Int
    ) throws {
      let name = "Quantized.Conv\(rank)d"
      guard weight.rank == rank + 2 else {
        throw OctetError(
          .shapeMismatch, operation: name, argument: "weight",
          expected: "\(rank + 2) dimensions [O, C/groups, kernel...]",
          received: "shape \(weight.shape)")
      }
      packed = try PackedConvolution(
        weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, operation: name)
      _ = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: .qint32, operation: name)
      self.scale = scale
      self.zeroPoint = zeroPoint
      self.rank = rank
    }

    /// The quantized form of an observed float layer.
    convenience init(_ float: OctetNN.Convolution, _ context: ConversionContext) throws {
      let output = try context.outputParameters()
      try self.init(
        rank: float.kernelSize.count, weight: context.quantizedWeight(float.weight.value),
        bias: float.bias?.value, stride: float.stride, padding: float.padding,
        dilation: float.dilation, groups: float.groups, scale: output.scale,
        zeroPoint: output.zeroPoint)
    }

    /// qint8 `[O, C/groups, kernel...]`.
    public var weight: Tensor { packed.weight }
    /// float32 `[O]`, nil for none.
    public var bias: Tensor? { packed.bias }

    public override var details: String {
      let window = packed.shape.window
      return
        "\(packed.shape.inChannels), \(packed.shape.outChannels), kernelSize: \(window.kernel), "
        + "stride: \(window.stride), padding: \(window.padding), dilation: \(window.dilation), "
        + "groups: \(packed.shape.groups), scale: \(scale), zeroPoint: \(zeroPoint)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.quantizedConvolution(
        input, packed,
        result: .quantized(scale: scale, zeroPoint: zeroPoint, relu: appliesReLU))
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      packedState(weight: weight, bias: bias, output: (scale, zeroPoint))
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      let output = try outputParameters(state, default: (scale, zeroPoint))
      let window = packed.shape.window
      packed = try PackedConvolution(
        weight: state["weight"] ?? weight, bias: state["bias"] ?? bias, stride: window.stride,
        padding: window.padding, dilation: window.dilation, groups: packed.shape.groups,
        operation: "Quantized.Conv\(rank)d")
      (scale, zeroPoint) = output
    }
  }

  /// Convolution of `[N, C, L]` on integers. torch.ao.nn.quantized.Conv1d.
  public class Conv1d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, k]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
      groups: Int = 1, scale: Double, zeroPoint: Int
    ) throws {
      try self.init(
        rank: 1, weight: weight, bias: bias, stride: [stride], padding: [padding],
        dilation: [dilation], groups: groups, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Convolution of `[N, C, H, W]` on integers. torch.ao.nn.quantized.Conv2d.
  public class Conv2d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, kh, kw]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      dilation: [Int] = [1, 1], groups: Int = 1, scale: Double, zeroPoint: Int
    ) throws {
      try self.init(
        rank: 2, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, scale: scale, zeroPoint: zeroPoint)
    }
  }

  /// Convolution of `[N, C, D, H, W]` on integers. torch.ao.nn.quantized.Conv3d.
  public class Conv3d: Convolution {
    /// A module around a qint8 weight `[O, C/groups, kd, kh, kw]` and a float32 bias `[O]`.
    public convenience init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      dilation: [Int] = [1, 1, 1], groups: Int = 1, scale: Double, zeroPoint: Int
    ) throws {
      try self.init(
        rank: 3, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
        groups: groups, scale: scale, zeroPoint: zeroPoint)
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
