import OctetTensor

/// What 1-d, 2-d and 3-d convolutions share. Use `Conv1d`, `Conv2d` or `Conv3d`.
public class Convolution: Module {
  /// C, the channels of the input.
  public let inChannels: Int
  /// O, the channels of the output.
  public let outChannels: Int
  /// The kernel's size, one entry per spatial dimension.
  public let kernelSize: [Int]
  /// Steps between windows.
  public let stride: [Int]
  /// What stands in front of the input, and behind it unless `padding: .same` has one more there.
  public var padding: [Int] { border.before }
  /// What stands around the input: zeros, or a part of the input itself. torch's `padding_mode`.
  public var paddingMode: PaddingMode { border.mode }
  package private(set) var border: ConvolutionBorder
  /// Steps between a window's taps.
  public let dilation: [Int]
  /// Channels are split into this many independent groups.
  public let groups: Int
  /// `[O, C/groups, kernel...]`.
  public let weight: Parameter
  /// `[O]`, nil for none.
  public let bias: Parameter?

  /// A layer around existing parameters and attributes.
  ///
  /// - Throws: when they don't fit each other.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], dilation: [Int],
    groups: Int
  ) throws {
    let shape = try ConvolutionShape(
      weight: weight.value.shape, stride: stride, padding: padding, dilation: dilation,
      groups: groups, operation: "Conv")
    if let bias, bias.value.shape != [shape.outChannels] {
      throw OctetError(
        .shapeMismatch, operation: "Conv", argument: "bias",
        expected: "shape [\(shape.outChannels)]", received: "\(bias.value.shape)")
    }
    inChannels = shape.inChannels
    outChannels = shape.outChannels
    kernelSize = shape.window.kernel
    self.stride = stride
    border = ConvolutionBorder(padding)
    self.dilation = dilation
    self.groups = groups
    self.weight = weight
    self.bias = bias
  }

  /// A layer with random weights; a list of one value serves every dimension.
  package init(
    rank: Int, _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int],
    padding: Spacing, dilation: [Int], groups: Int, bias: Bool, paddingMode: PaddingMode
  ) {
    let layer = "Conv\(rank)d"
    func positives(_ list: [Int], _ argument: String) -> [Int] {
      spread(list, rank, argument, layer).map { positive($0, argument, layer) }
    }
    self.inChannels = positive(inChannels, "inChannels", layer)
    self.outChannels = positive(outChannels, "outChannels", layer)
    self.groups = positive(groups, "groups", layer)
    precondition(
      inChannels % groups == 0 && outChannels % groups == 0,
      "\(layer): groups: expected a divisor of \(inChannels) and \(outChannels), received \(groups)"
    )
    self.kernelSize = positives(kernelSize, "kernelSize")
    self.stride = positives(stride, "stride")
    self.dilation = positives(dilation, "dilation")
    switch padding {
    case .explicit(let list):
      border = ConvolutionBorder(spread(list, rank, "padding", layer), mode: paddingMode)
    case .implicit(let word):
      precondition(
        word == .valid || self.stride.allSatisfy { $0 == 1 },
        "\(layer): padding: expected strides of 1 with .same, received \(self.stride)")
      border = ConvolutionBorder(
        word, kernel: self.kernelSize, dilation: self.dilation, mode: paddingMode)
    }
    let shape = [outChannels, inChannels / groups] + self.kernelSize
    let fanIn = shape.dropFirst().reduce(1, *)
    weight = Parameter(uniformWeights(shape, fanIn: fanIn, layer))
    self.bias = bias ? Parameter(uniformWeights([outChannels], fanIn: fanIn, layer)) : nil
  }

  /// Padding as it is given: numbers, or a word.
  package enum Spacing {
    case explicit([Int])
    case implicit(ImplicitPadding)
  }

  public override var details: String {
    "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride), "
      + "padding: \(padding), dilation: \(dilation), groups: \(groups), bias: \(bias != nil)"
      + border.details
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try convolve(input, weight: weight.value, bias: bias?.value)
  }

  /// The layer's convolution with another weight and bias.
  package func convolve(_ input: Tensor, weight: Tensor, bias: Tensor?) throws -> Tensor {
    try Functional.convolution(
      border.padded(input), weight: weight, bias: bias, stride: stride, padding: border.inner,
      dilation: dilation, groups: groups)
  }

  /// A layer around the copies of another one's parameters.
  package required init(_ other: Convolution, _ copier: ModuleCopier) throws {
    inChannels = other.inChannels
    outChannels = other.outChannels
    kernelSize = other.kernelSize
    stride = other.stride
    border = other.border
    dilation = other.dilation
    groups = other.groups
    weight = try copier(other.weight)
    bias = try copier(other.bias)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try Self(self, copier)
  }

  /// The same geometry around other parameters.
  package func with(weight: Parameter, bias: Parameter?) throws -> Self {
    let layer = try Self(
      weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
    layer.border = border
    return layer
  }

  /// The same parameters and geometry in a border of another kind.
  package func with(paddingMode: PaddingMode) throws -> Self {
    let layer = try with(weight: weight, bias: bias)
    layer.border = ConvolutionBorder(padding, mode: paddingMode)
    return layer
  }
}

/// Cross-correlation of `[N, C, L]` with `[O, C/groups, k]`. torch.nn.Conv1d.
public final class Conv1d: Convolution {
  /// A layer with random weights in `±1 / sqrt(C/groups * k)`.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 1, inChannels, outChannels, kernelSize: [kernelSize], stride: [stride],
      padding: .explicit([padding]), dilation: [dilation], groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  /// The same with a list: one value for each dimension, or one for all.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, bias: Bool = true,
    paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 1, inChannels, outChannels, kernelSize: kernelSize, stride: stride,
      padding: .explicit(padding), dilation: dilation, groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  /// The same with padding that follows from the kernel. Traps on `.same` with strides other than 1.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: ImplicitPadding, dilation: [Int] = [1], groups: Int = 1, bias: Bool = true,
    paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 1, inChannels, outChannels, kernelSize: kernelSize, stride: stride,
      padding: .implicit(padding), dilation: dilation, groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  package required init(_ other: Convolution, _ copier: ModuleCopier) throws {
    try super.init(other, copier)
  }

  /// A layer around existing parameters.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], dilation: [Int],
    groups: Int
  ) throws {
    try super.init(
      weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }
}

/// Cross-correlation of `[N, C, H, W]` with `[O, C/groups, kh, kw]`. torch.nn.Conv2d.
public final class Conv2d: Convolution {
  /// A layer with random weights in `±1 / sqrt(C/groups * kh * kw)`, the same sizes for every dimension.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      dilation: [dilation], groups: groups, bias: bias, paddingMode: paddingMode)
  }

  /// The same with a list: one value for each dimension, or one for all.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, bias: Bool = true,
    paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride,
      padding: .explicit(padding), dilation: dilation, groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  /// The same with padding that follows from the kernel. Traps on `.same` with strides other than 1.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: ImplicitPadding, dilation: [Int] = [1], groups: Int = 1, bias: Bool = true,
    paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride,
      padding: .implicit(padding), dilation: dilation, groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  package required init(_ other: Convolution, _ copier: ModuleCopier) throws {
    try super.init(other, copier)
  }

  /// A layer around existing parameters.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], dilation: [Int],
    groups: Int
  ) throws {
    try super.init(
      weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }
}

/// Cross-correlation of `[N, C, D, H, W]` with `[O, C/groups, kd, kh, kw]`. torch.nn.Conv3d.
public final class Conv3d: Convolution {
  /// A layer with random weights in `±1 / sqrt(C/groups * kd * kh * kw)`, the same sizes for every dimension.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      dilation: [dilation], groups: groups, bias: bias, paddingMode: paddingMode)
  }

  /// The same with a list: one value for each dimension, or one for all.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, bias: Bool = true,
    paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride,
      padding: .explicit(padding), dilation: dilation, groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  /// The same with padding that follows from the kernel. Traps on `.same` with strides other than 1.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: ImplicitPadding, dilation: [Int] = [1], groups: Int = 1, bias: Bool = true,
    paddingMode: PaddingMode = .zeros
  ) {
    super.init(
      rank: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride,
      padding: .implicit(padding), dilation: dilation, groups: groups, bias: bias,
      paddingMode: paddingMode)
  }

  package required init(_ other: Convolution, _ copier: ModuleCopier) throws {
    try super.init(other, copier)
  }

  /// A layer around existing parameters.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], dilation: [Int],
    groups: Int
  ) throws {
    try super.init(
      weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }
}
