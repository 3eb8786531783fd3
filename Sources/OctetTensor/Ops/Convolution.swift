/// The shape rule that float and quantized convolutions share.
package struct ConvolutionShape: Sendable, Equatable {
  package var window: WindowGeometry
  package var groups: Int
  package var inChannels: Int
  package var outChannels: Int
  /// What is added at the output's end for each dimension of a transposed convolution, nil for a plain one.
  package var outputPadding: [Int]?

  /// True when input and output have changed places.
  package var isTransposed: Bool { outputPadding != nil }

  /// Checks a weight `[O, I/groups, kernel...]` against its attributes.
  package init(
    weight: [Int], stride: [Int], padding: [Int], dilation: [Int], groups: Int, operation: String
  ) throws(OctetError) {
    guard (3...5).contains(weight.count) else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected:
          "shape [out_channels, in_channels / groups, kernel...] with 1 to 3 kernel dimensions",
        received: "\(weight)")
    }
    guard groups > 0, weight[0] > 0, weight[1] > 0, weight[0] % groups == 0,
      let channels = Shapes.elementCount([weight[1], groups])
    else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "groups",
        expected: "groups that divide the \(weight[0]) channels of the weight's first dimension",
        received: "groups \(groups)")
    }
    window = try WindowGeometry(
      kernel: Array(weight[2...]), stride: stride, padding: padding, dilation: dilation,
      rank: weight.count - 2, operation: operation)
    self.groups = groups
    outChannels = weight[0]
    inChannels = channels
  }

  /// The output's shape for an input `[N, C, spatial...]`.
  package func outputShape(_ input: [Int], operation: String) throws(OctetError) -> [Int] {
    guard input.count == window.rank + 2 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "shape [N, C, \(["L", "H, W", "D, H, W"][window.rank - 1])]",
        received: "\(input)")
    }
    guard input[1] == inChannels else {
      let shares = groups == 1 ? "" : ", \(inChannels / groups) for each of \(groups) groups"
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "\(inChannels) channels (shape [N, \(inChannels), ...])\(shares)",
        received: "\(input[1]) channels (shape \(input))")
    }
    if let outputPadding {
      return try transposedShape(input, outputPadding: outputPadding, operation: operation)
    }
    guard let size = window.outputSize(Array(input[2...])) else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "a padded input at least as large as the kernel \(window.kernel)",
        received: "spatial shape \(Array(input[2...])) with padding \(window.padding)")
    }
    return [input[0], outChannels] + size
  }
}

/// Cross-correlation of `[N, C, spatial...]` with `[O, C/groups, kernel...]`. torch.nn.functional.conv1d/2d/3d.
struct Convolution: DifferentiableOperator {
  static let torchName = "conv"
  static let onnxName: String? = "Conv"
  static var widensHalf: Bool { true }

  let shape: ConvolutionShape
  let name: String

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32])
    try require(inputs[1], "weight", dtypes: [.float32])
    if inputs.count > 2 {
      try require(inputs[2], "bias", dtypes: [.float32])
      guard inputs[2].shape == [shape.outChannels] else {
        throw OctetError(
          .shapeMismatch, operation: name, argument: "bias",
          expected: "shape [\(shape.outChannels)]", received: "\(inputs[2].shape)")
      }
    }
    return TensorSpec(
      shape: try shape.outputShape(inputs[0].shape, operation: name), dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let w = try inputs[1].contiguous()
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    if result.count == 0 { return result }
    let plan = FloatConvolution(shape: shape, input: x.shape, output: output.shape)
    let bias = inputs.count > 2 ? try inputs[2].contiguous().elements(as: Float.self) : nil
    try plan.run(x.floats, w.floats, bias, result.mutableFloats)
    withExtendedLifetime((x, w)) {}
    return result
  }

  /// `dx`: the gradient through the transposed convolution; `dw`: the correlation of input and gradient; `db`: the gradient's sum
  /// over images and positions.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, w) = (try context.inputs[0].contiguous(), try context.inputs[1].contiguous())
    let dy = try context.gradient.contiguous()
    let dx = context.needs[0] ? try Tensor(repeating: Float(0), shape: x.shape) : nil
    let dw = context.needs[1] ? try Tensor(repeating: Float(0), shape: w.shape) : nil
    let plan = FloatConvolution(shape: shape, input: x.shape, output: dy.shape)
    if dy.count > 0, x.count > 0, w.count > 0 {
      try plan.runGradients(
        x.floats, w.floats, dy.floats, dw: dw?.mutableFloats, dx: dx?.mutableFloats)
    }
    withExtendedLifetime((x, w, dy)) {}
    let db = context.needs.count > 2 && context.needs[2] ? try dy.channelSums() : nil
    return [dx, dw] + (context.needs.count > 2 ? [db] : [])
  }
}

extension Functional {
  /// Cross-correlation in float32 over one to three spatial dimensions, as many as the weight has.
  /// torch.nn.functional.conv1d, conv2d, conv3d.
  ///
  /// - Parameters:
  ///   - input: `[N, C, spatial...]`.
  ///   - weight: `[O, C/groups, kernel...]`.
  ///   - bias: `[O]`.
  public static func convolution(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, stride: [Int], padding: [Int],
    dilation: [Int], groups: Int = 1
  ) throws(OctetError) -> Tensor {
    let name = "conv\(max(weight.rank - 2, 1))d"
    let shape = try ConvolutionShape(
      weight: weight.shape, stride: stride, padding: padding, dilation: dilation, groups: groups,
      operation: name)
    return try apply(
      Convolution(shape: shape, name: name), [input, weight] + (bias.map { [$0] } ?? []))
  }
}
