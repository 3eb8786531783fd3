import OctetNN
import OctetTensor

extension Reference {
  /// What reference convolutions share, transposed ones too: float32 in and out, with the weight quantized and dequantized.
  public class Convolution: Module {
    /// float32 `[O, C/groups, kernel...]`, transposed `[C, O/groups, kernel...]`, as given.
    public let weight: Parameter
    /// float32 `[O]`, nil for none.
    public let bias: Parameter?
    /// How the weight is quantized.
    public let weightParameters: WeightParameters
    private let run: (Tensor, Tensor, Tensor?) throws -> Tensor

    init(
      rank: Int, weight: Tensor, bias: Tensor?, _ weightParameters: WeightParameters,
      operation: String, run: @escaping (Tensor, Tensor, Tensor?) throws -> Tensor
    ) throws {
      guard weight.rank == rank + 2 else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: "weight",
          expected: "\(rank + 2) dimensions", received: "shape \(weight.shape)")
      }
      try weightParameters.check(weight, operation)
      self.weight = Parameter(weight)
      self.bias = bias.map { Parameter($0) }
      self.weightParameters = weightParameters
      self.run = run
    }

    /// The weight that the module computes with. torch's `get_weight()`.
    public func effectiveWeight() throws -> Tensor {
      try weightParameters.quantizedAndBack(weight.value)
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try run(input, effectiveWeight(), bias?.value)
    }
  }

  /// Convolution of `[N, C, L]`. torch.ao.nn.quantized.reference.Conv1d.
  public final class Conv1d: Convolution {
    /// A module around a float32 weight `[O, C/groups, k]` and bias `[O]`.
    public init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      dilation: [Int] = [1], groups: Int = 1, weightParameters: WeightParameters
    ) throws {
      _ = try OctetNN.Conv1d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
      try super.init(
        rank: 1, weight: weight, bias: bias, weightParameters, operation: "Reference.Conv1d"
      ) { input, weight, bias in
        try Functional.convolution(
          input, weight: weight, bias: bias, stride: stride, padding: padding,
          dilation: dilation, groups: groups)
      }
    }
  }

  /// Convolution of `[N, C, H, W]`. torch.ao.nn.quantized.reference.Conv2d.
  public final class Conv2d: Convolution {
    /// A module around a float32 weight `[O, C/groups, kh, kw]` and bias `[O]`.
    public init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      dilation: [Int] = [1, 1], groups: Int = 1, weightParameters: WeightParameters
    ) throws {
      _ = try OctetNN.Conv2d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
      try super.init(
        rank: 2, weight: weight, bias: bias, weightParameters, operation: "Reference.Conv2d"
      ) { input, weight, bias in
        try Functional.convolution(
          input, weight: weight, bias: bias, stride: stride, padding: padding,
          dilation: dilation, groups: groups)
      }
    }
  }

  /// Convolution of `[N, C, D, H, W]`. torch.ao.nn.quantized.reference.Conv3d.
  public final class Conv3d: Convolution {
    /// A module around a float32 weight `[O, C/groups, kd, kh, kw]` and bias `[O]`.
    public init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      dilation: [Int] = [1, 1, 1], groups: Int = 1, weightParameters: WeightParameters
    ) throws {
      _ = try OctetNN.Conv3d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, dilation: dilation, groups: groups)
      try super.init(
        rank: 3, weight: weight, bias: bias, weightParameters, operation: "Reference.Conv3d"
      ) { input, weight, bias in
        try Functional.convolution(
          input, weight: weight, bias: bias, stride: stride, padding: padding,
          dilation: dilation, groups: groups)
      }
    }
  }

  /// Transposed convolution of `[N, C, L]`. torch.ao.nn.quantized.reference.ConvTranspose1d.
  public final class ConvTranspose1d: Convolution {
    /// A module around a float32 weight `[C, O/groups, k]` and bias `[O]`.
    public init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1], padding: [Int] = [0],
      outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
      weightParameters: WeightParameters
    ) throws {
      _ = try OctetNN.ConvTranspose1d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
      try super.init(
        rank: 1, weight: weight, bias: bias, weightParameters,
        operation: "Reference.ConvTranspose1d"
      ) { input, weight, bias in
        try Functional.transposedConvolution(
          input, weight: weight, bias: bias, stride: stride, padding: padding,
          outputPadding: outputPadding, dilation: dilation, groups: groups)
      }
    }
  }

  /// Transposed convolution of `[N, C, H, W]`. torch.ao.nn.quantized.reference.ConvTranspose2d.
  public final class ConvTranspose2d: Convolution {
    /// A module around a float32 weight `[C, O/groups, kh, kw]` and bias `[O]`.
    public init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
      outputPadding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1,
      weightParameters: WeightParameters
    ) throws {
      _ = try OctetNN.ConvTranspose2d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
      try super.init(
        rank: 2, weight: weight, bias: bias, weightParameters,
        operation: "Reference.ConvTranspose2d"
      ) { input, weight, bias in
        try Functional.transposedConvolution(
          input, weight: weight, bias: bias, stride: stride, padding: padding,
          outputPadding: outputPadding, dilation: dilation, groups: groups)
      }
    }
  }

  /// Transposed convolution of `[N, C, D, H, W]`. torch.ao.nn.quantized.reference.ConvTranspose3d.
  public final class ConvTranspose3d: Convolution {
    /// A module around a float32 weight `[C, O/groups, kd, kh, kw]` and bias `[O]`.
    public init(
      weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0],
      outputPadding: [Int] = [0, 0, 0], dilation: [Int] = [1, 1, 1], groups: Int = 1,
      weightParameters: WeightParameters
    ) throws {
      _ = try OctetNN.ConvTranspose3d(
        weight: Parameter(weight), bias: bias.map { Parameter($0) }, stride: stride,
        padding: padding, outputPadding: outputPadding, dilation: dilation, groups: groups)
      try super.init(
        rank: 3, weight: weight, bias: bias, weightParameters,
        operation: "Reference.ConvTranspose3d"
      ) { input, weight, bias in
        try Functional.transposedConvolution(
          input, weight: weight, bias: bias, stride: stride, padding: padding,
          outputPadding: outputPadding, dilation: dilation, groups: groups)
      }
    }
  }
}

extension Reference.Conv1d {
  /// The reference form of a float layer.
  convenience init(_ float: OctetNN.Conv1d, _ context: ConversionContext) throws {
    try self.init(
      weight: float.weight.value, bias: float.bias?.value, stride: float.stride,
      padding: float.padding, dilation: float.dilation, groups: float.groups,
      weightParameters: context.referenceParameters(float.weight.value))
  }
}

extension Reference.ConvTranspose1d {
  /// The reference form of a float layer.
  convenience init(_ float: OctetNN.ConvTranspose1d, _ context: ConversionContext) throws {
    try self.init(
      weight: float.weight.value, bias: float.bias?.value, stride: float.stride,
      padding: float.padding, outputPadding: float.outputPadding, dilation: float.dilation,
      groups: float.groups,
      weightParameters: context.referenceParameters(float.weight.value))
  }
}

extension Reference.Conv2d {
  /// The reference form of a float layer.
  convenience init(_ float: OctetNN.Conv2d, _ context: ConversionContext) throws {
    try self.init(
      weight: float.weight.value, bias: float.bias?.value, stride: float.stride,
      padding: float.padding, dilation: float.dilation, groups: float.groups,
      weightParameters: context.referenceParameters(float.weight.value))
  }
}

extension Reference.ConvTranspose2d {
  /// The reference form of a float layer.
  convenience init(_ float: OctetNN.ConvTranspose2d, _ context: ConversionContext) throws {
    try self.init(
      weight: float.weight.value, bias: float.bias?.value, stride: float.stride,
      padding: float.padding, outputPadding: float.outputPadding, dilation: float.dilation,
      groups: float.groups,
      weightParameters: context.referenceParameters(float.weight.value))
  }
}

extension Reference.Conv3d {
  /// The reference form of a float layer.
  convenience init(_ float: OctetNN.Conv3d, _ context: ConversionContext) throws {
    try self.init(
      weight: float.weight.value, bias: float.bias?.value, stride: float.stride,
      padding: float.padding, dilation: float.dilation, groups: float.groups,
      weightParameters: context.referenceParameters(float.weight.value))
  }
}

extension Reference.ConvTranspose3d {
  /// The reference form of a float layer.
  convenience init(_ float: OctetNN.ConvTranspose3d, _ context: ConversionContext) throws {
    try self.init(
      weight: float.weight.value, bias: float.bias?.value, stride: float.stride,
      padding: float.padding, outputPadding: float.outputPadding, dilation: float.dilation,
      groups: float.groups,
      weightParameters: context.referenceParameters(float.weight.value))
  }
}
