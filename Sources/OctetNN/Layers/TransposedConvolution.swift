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

  /// A layer with random weights in `±1 / sqrt(O/groups * taps)`; a list of one value serves every dimension.
  package convenience init(
    rank: Int, _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int],
    padding: [Int], outputPadding: [Int], dilation: [Int], groups: Int, bias: Bool
  ) throws {
    let layer = "ConvTranspose\(rank)d"
    func spread(_ list: [Int]) -> [Int] {
      list.count == 1 ? [Int](repeating: list[0], count: rank) : list
    }
    guard inChannels > 0, outChannels > 0, groups > 0, inChannels % groups == 0,
      outChannels % groups == 0
    else {
      throw OctetError(
        .invalidArgument, operation: layer, argument: "groups",
        expected: "a divisor of \(inChannels) and \(outChannels)", received: "\(groups)")
    }
    let kernel = spread(kernelSize)
    guard kernel.count == rank, kernel.allSatisfy({ $0 > 0 }) else {
      throw OctetError(
        .invalidArgument, operation: layer, argument: "kernelSize",
        expected: "1 or \(rank) positive values", received: "\(kernelSize)")
    }
    let shape = [inChannels, outChannels / groups] + kernel
    let fanIn = shape.dropFirst().reduce(1, *)
    try self.init(
      weight: Parameter(uniformWeights(shape, fanIn: fanIn, layer)),
      bias: bias ? Parameter(uniformWeights([outChannels], fanIn: fanIn, layer)) : nil,
      stride: spread(stride), padding: spread(padding), outputPadding: spread(outputPadding),
      dilation: spread(dilation), groups: groups)
  }

  public override var details: String {
    "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride), "
      + "padding: \(padding), outputPadding: \(outputPadding), dilation: \(dilation), "
      + "groups: \(groups), bias: \(bias != nil)"
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    guard input.rank == kernelSize.count + 2 else {
      throw OctetError(
        .shapeMismatch, operation: "\(type(of: self))", argument: "input",
        expected: "\(kernelSize.count + 2) dimensions [N, C, spatial...]",
        received: "shape \(input.shape)")
    }
    return try Functional.transposedConvolution(
      input, weight: weight.value, bias: bias?.value, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try with(weight: copier(weight), bias: copier(bias))
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
  /// A layer with random weights; a list of one value serves every dimension.
  ///
  /// - Throws: `invalidArgument` naming the attribute that doesn't fit.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
    bias: Bool = true
  ) throws {
    try self.init(
      rank: 1, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, bias: bias)
  }
}

/// Transposed convolution of `[N, C, H, W]` with `[C, O/groups, kh, kw]`. torch.nn.ConvTranspose2d.
public final class ConvTranspose2d: TransposedConvolution {
  /// A layer with random weights; a list of one value serves every dimension.
  ///
  /// - Throws: `invalidArgument` naming the attribute that doesn't fit.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
    bias: Bool = true
  ) throws {
    try self.init(
      rank: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, bias: bias)
  }
}

/// Transposed convolution of `[N, C, D, H, W]` with `[C, O/groups, kd, kh, kw]`. torch.nn.ConvTranspose3d.
public final class ConvTranspose3d: TransposedConvolution {
  /// A layer with random weights; a list of one value serves every dimension.
  ///
  /// - Throws: `invalidArgument` naming the attribute that doesn't fit.
  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1],
    padding: [Int] = [0], outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1,
    bias: Bool = true
  ) throws {
    try self.init(
      rank: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
      outputPadding: outputPadding, dilation: dilation, groups: groups, bias: bias)
  }
}
