import OctetTensor

/// What 1-d, 2-d and 3-d transposed convolutions share. Use `ConvTranspose1d`, `ConvTranspose2d` or `ConvTranspose3d`.
public class TransposedConvolution: Module {
  /// C, the channels of the input.
  public let inChannels: Int
  /// O, the channels of the output.
  public let outChannels: Int
  /// The kernel's size, one entry per spatial dimension.
  public let kernelSize: [Int]
  /// Steps between the places where input positions begin in the output.
  public let stride: [Int]
  /// What is cut off the output, on both sides.
  public let padding: [Int]
  /// What is added at the output's end.
  public let outputPadding: [Int]
  /// Steps between a window's taps.
  public let dilation: [Int]
  /// Channels are split into this many independent groups.
  public let groups: Int
  /// `[C, O/groups, kernel...]`.
  public let weight: Parameter
  /// `[O]`, nil for none.
  public let bias: Parameter?

  /// A layer around existing parameters and attributes.
  ///
  /// - Throws: when they don't fit each other.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], outputPadding: [Int],
    dilation: [Int], groups: Int
  ) throws {
    let shape = try ConvolutionShape(
      transposed: weight.value.shape, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, operation: "ConvTranspose")
    if let bias, bias.value.shape != [shape.outChannels] {
      throw OctetError(
        .shapeMismatch, operation: "ConvTranspose", argument: "bias",
        expected: "shape [\(shape.outChannels)]", received: "\(bias.value.shape)")
    }
    inChannels = shape.inChannels
    outChannels = shape.outChannels
    kernelSize = shape.window.kernel
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.dilation = dilation
    self.groups = groups
    self.weight = weight
    self.bias = bias
  }

  /// A layer with random weights in `±1 / sqrt(O/groups * taps)`; a list of one value serves every dimension. Traps on sizes that
  /// don't fit each other.
  package init(
    rank: Int, _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int],
    padding: [Int], outputPadding: [Int], dilation: [Int], groups: Int, bias: Bool
  ) {
    let layer = "ConvTranspose\(rank)d"
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
    self.padding = spread(padding, rank, "padding", layer)
    self.outputPadding = spread(outputPadding, rank, "outputPadding", layer)
    self.dilation = positives(dilation, "dilation")
    let shape = [inChannels, outChannels / groups] + self.kernelSize
    let fanIn = shape.dropFirst().reduce(1, *)
    weight = Parameter(uniformWeights(shape, fanIn: fanIn, layer))
    self.bias = bias ? Parameter(uniformWeights([outChannels], fanIn: fanIn, layer)) : nil
  }

  public override var details: String {
    "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride), "
      + "padding: \(padding), outputPadding: \(outputPadding), dilation: \(dilation), "
      + "groups: \(groups), bias: \(bias != nil)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try convolve(input, weight: weight.value, bias: bias?.value)
  }

  /// The layer's convolution with another weight and bias.
  package func convolve(_ input: Tensor, weight: Tensor, bias: Tensor?) throws -> Tensor {
    guard input.rank == kernelSize.count + 2 else {
      throw OctetError(
        .shapeMismatch, operation: "\(type(of: self))", argument: "input",
        expected: "\(kernelSize.count + 2) dimensions [N, C, spatial...]",
        received: "shape \(input.shape)")
    }
    return try Functional.transposedConvolution(
      input, weight: weight, bias: bias, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups)
  }

  /// A layer around the copies of another one's parameters.
  package required init(_ other: TransposedConvolution, _ copier: ModuleCopier) throws {
    inChannels = other.inChannels
    outChannels = other.outChannels
    kernelSize = other.kernelSize
    stride = other.stride
    padding = other.padding
    outputPadding = other.outputPadding
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
    try Self(
      weight: weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups)
  }
}

/// Transposed convolution of `[N, C, L]` with `[C, O/groups, k]`. torch.nn.ConvTranspose1d.
public final class ConvTranspose1d: TransposedConvolution {
  /// A layer with random weights, the same sizes for every dimension. Traps on sizes that don't fit each other.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      outputPadding: [outputPadding], dilation: [dilation], groups: groups, bias: bias)
  }

  /// The same with a list: one value for each dimension, or one for all.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
    bias: Bool = true
  ) {
    super.init(
      rank: 1, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, bias: bias)
  }

  package required init(_ other: TransposedConvolution, _ copier: ModuleCopier) throws {
    try super.init(other, copier)
  }

  /// A layer around existing parameters and attributes.
  ///
  /// - Throws: when they don't fit each other.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], outputPadding: [Int],
    dilation: [Int], groups: Int
  ) throws {
    try super.init(
      weight: weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups)
  }
}

/// Transposed convolution of `[N, C, H, W]` with `[C, O/groups, kh, kw]`. torch.nn.ConvTranspose2d.
public final class ConvTranspose2d: TransposedConvolution {
  /// A layer with random weights, the same sizes for every dimension. Traps on sizes that don't fit each other.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      outputPadding: [outputPadding], dilation: [dilation], groups: groups, bias: bias)
  }

  /// The same with a list: one value for each dimension, or one for all.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
    bias: Bool = true
  ) {
    super.init(
      rank: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, bias: bias)
  }

  package required init(_ other: TransposedConvolution, _ copier: ModuleCopier) throws {
    try super.init(other, copier)
  }

  /// A layer around existing parameters and attributes.
  ///
  /// - Throws: when they don't fit each other.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], outputPadding: [Int],
    dilation: [Int], groups: Int
  ) throws {
    try super.init(
      weight: weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups)
  }
}

/// Transposed convolution of `[N, C, D, H, W]` with `[C, O/groups, kd, kh, kw]`. torch.nn.ConvTranspose3d.
public final class ConvTranspose3d: TransposedConvolution {
  /// A layer with random weights, the same sizes for every dimension. Traps on sizes that don't fit each other.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      outputPadding: [outputPadding], dilation: [dilation], groups: groups, bias: bias)
  }

  /// The same with a list: one value for each dimension, or one for all.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
    bias: Bool = true
  ) {
    super.init(
      rank: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, bias: bias)
  }

  package required init(_ other: TransposedConvolution, _ copier: ModuleCopier) throws {
    try super.init(other, copier)
  }

  /// A layer around existing parameters and attributes.
  ///
  /// - Throws: when they don't fit each other.
  public required init(
    weight: Parameter, bias: Parameter?, stride: [Int], padding: [Int], outputPadding: [Int],
    dilation: [Int], groups: Int
  ) throws {
    try super.init(
      weight: weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups)
  }
}
