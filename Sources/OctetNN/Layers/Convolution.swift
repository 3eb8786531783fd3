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
  /// Zeros around the input, on both sides.
  public let padding: [Int]
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
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.weight = weight
    self.bias = bias
  }

  /// A layer with random weights; a list of one value serves every dimension.
  package init(
    rank: Int, _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int],
    padding: [Int], dilation: [Int], groups: Int, bias: Bool
  ) {
    let layer = "Conv\(rank)d"
    func spread(_ list: [Int], _ argument: String) -> [Int] {
      if list.count == rank { return list }
      precondition(
        list.count == 1, "\(layer): \(argument): expected \(rank) values, received \(list)")
      return [Int](repeating: list[0], count: rank)
    }
    self.inChannels = positive(inChannels, "inChannels", layer)
    self.outChannels = positive(outChannels, "outChannels", layer)
    self.groups = positive(groups, "groups", layer)
    precondition(
      inChannels % groups == 0 && outChannels % groups == 0,
      "\(layer): groups: expected a divisor of \(inChannels) and \(outChannels), received \(groups)"
    )
    self.kernelSize = spread(kernelSize, "kernelSize").map { positive($0, "kernelSize", layer) }
    self.stride = spread(stride, "stride").map { positive($0, "stride", layer) }
    self.padding = spread(padding, "padding")
    self.dilation = spread(dilation, "dilation").map { positive($0, "dilation", layer) }
    let shape = [outChannels, inChannels / groups] + self.kernelSize
    let fanIn = shape.dropFirst().reduce(1, *)
    weight = Parameter(uniformWeights(shape, fanIn: fanIn, layer))
    self.bias = bias ? Parameter(uniformWeights([outChannels], fanIn: fanIn, layer)) : nil
  }

  public override var details: String {
    "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride), "
      + "padding: \(padding), dilation: \(dilation), groups: \(groups), bias: \(bias != nil)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try convolve(input, weight: weight.value, bias: bias?.value)
  }

  /// The layer's convolution with another weight and bias.
  package func convolve(_ input: Tensor, weight: Tensor, bias: Tensor?) throws -> Tensor {
    try Functional.convolution(
      input, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try with(weight: copier(weight), bias: copier(bias))
  }

  /// The same geometry around other parameters.
  package func with(weight: Parameter, bias: Parameter?) throws -> Self {
    try Self(
      weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }
}

/// Cross-correlation of `[N, C, L]` with `[O, C/groups, k]`. torch.nn.Conv1d.
public final class Conv1d: Convolution {
  /// A layer with random weights in `±1 / sqrt(C/groups * k)`.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true
  ) {
    super.init(
      rank: 1, inChannels, outChannels, kernelSize: [kernelSize], stride: [stride],
      padding: [padding], dilation: [dilation], groups: groups, bias: bias)
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
  /// A layer with random weights in `±1 / sqrt(C/groups * kh * kw)`, square kernel and strides.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      dilation: [dilation], groups: groups, bias: bias)
  }

  /// The same with a value for height and one for width.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, bias: Bool = true
  ) {
    super.init(
      rank: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      dilation: dilation, groups: groups, bias: bias)
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
  /// A layer with random weights in `±1 / sqrt(C/groups * kd * kh * kw)`; one value serves every dimension.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1, bias: Bool = true
  ) {
    super.init(
      rank: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      dilation: dilation, groups: groups, bias: bias)
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
