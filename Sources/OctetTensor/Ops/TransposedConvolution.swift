extension ConvolutionShape {
  /// Checks the weight `[C, O/groups, kernel...]` of a transposed convolution against its attributes.
  package init(
    transposed weight: [Int], stride: [Int], padding: [Int], outputPadding: [Int],
    dilation: [Int], groups: Int, operation: String
  ) throws(OctetError) {
    guard (3...5).contains(weight.count) else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "weight",
        expected:
          "shape [in_channels, out_channels / groups, kernel...] with 1 to 3 kernel dimensions",
        received: "\(weight)")
    }
    // The weight's first dimension is divided among the groups, as in a plain convolution.
    try self.init(
      weight: weight, stride: stride, padding: padding, dilation: dilation, groups: groups,
      operation: operation)
    (inChannels, outChannels) = (outChannels, inChannels)
    guard outputPadding.count == window.rank,
      outputPadding.indices.allSatisfy({
        outputPadding[$0] >= 0
          && outputPadding[$0] < max(window.stride[$0], window.dilation[$0])
      })
    else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "output_padding",
        expected: "\(window.rank) values from 0 up to, not including, stride or dilation",
        received: "output_padding \(outputPadding) with stride \(stride), dilation \(dilation)",
        fix: "choose values below the larger of stride and dilation")
    }
    self.outputPadding = outputPadding
  }

  /// `(in - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1` for each dimension.
  func transposedShape(
    _ input: [Int], outputPadding: [Int], operation: String
  ) throws(OctetError) -> [Int] {
    let sizes = (0..<window.rank).map { d -> Int in
      // All terms but the first stay far below the integers' end.
      let rest = window.extent(d) + outputPadding[d] - 2 * window.padding[d]
      let (steps, overflow) = (input[d + 2] - 1).multipliedReportingOverflow(by: window.stride[d])
      let (size, over) = steps.addingReportingOverflow(rest)
      return overflow || over ? -1 : size
    }
    guard sizes.allSatisfy({ $0 > 0 }), input[2...].allSatisfy({ $0 > 0 }) else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "an output of at least one element in every spatial dimension",
        received:
          "spatial shape \(Array(input[2...])), kernel \(window.kernel), stride \(window.stride), "
          + "padding \(window.padding)",
        fix: "use less padding or a larger input")
    }
    return [input[0], outChannels] + sizes
  }
}

/// What each input position adds to the outputs its kernel reaches: the transpose of `Convolution`.
/// torch.nn.functional.conv_transpose1d/2d/3d.
struct TransposedConvolution: DifferentiableOperator {
  static let torchName = "conv_transpose"
  static let onnxName: String? = "ConvTranspose"
  static var widensHalf: Bool { true }

  let shape: ConvolutionShape

  var name: String { "\(Self.torchName)\(shape.window.rank)d" }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.float32])
    try require(inputs[1], "weight", dtypes: [.float32])
    if inputs.count > 2 {
      try require(inputs[2], "bias", dtypes: [.float32])
      guard inputs[2].shape == [shape.outChannels] else {
        throw error(
          .shapeMismatch, "bias", expected: "shape [\(shape.outChannels)]",
          received: "\(inputs[2].shape)")
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
    let plan = FloatTransposedConvolution(shape: shape, input: x.shape, output: output.shape)
    let bias = inputs.count > 2 ? try inputs[2].contiguous().elements(as: Float.self) : nil
    try plan.run(x.floats, w.floats, bias, result.mutableFloats)
    withExtendedLifetime((x, w)) {}
    return result
  }

  /// The plain convolution that this one transposes: it takes gradients `[N, O, ...]` to `[N, C, ...]` by the same weight.
  private var plain: ConvolutionShape {
    var shape = shape
    shape.outputPadding = nil
    (shape.inChannels, shape.outChannels) = (shape.outChannels, shape.inChannels)
    return shape
  }

  /// `dx`: the plain convolution of the gradient; `dw`: the correlation of gradient and input; `db`: the gradient's sum over images
  /// and positions.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, w) = (try context.inputs[0].contiguous(), try context.inputs[1].contiguous())
    let dy = try context.gradient.contiguous()
    let plan = FloatConvolution(shape: plain, input: dy.shape, output: x.shape)
    let isEmpty = dy.count == 0 || x.count == 0 || w.count == 0
    var results: [Tensor?] = Array(repeating: nil, count: context.needs.count)
    if context.needs[0] {
      let dx = try Tensor(repeating: Float(0), shape: x.shape)
      if !isEmpty { try plan.run(dy.floats, w.floats, nil, dx.mutableFloats) }
      results[0] = dx
    }
    if context.needs[1] {
      let dw = try Tensor(repeating: Float(0), shape: w.shape)
      if !isEmpty {
        try plan.runGradients(dy.floats, w.floats, x.floats, dw: dw.mutableFloats, dx: nil)
      }
      results[1] = dw
    }
    withExtendedLifetime((x, w, dy)) {}
    if context.needs.count > 2, context.needs[2] { results[2] = try dy.channelSums() }
    return results
  }
}

extension Functional {
  /// Transposed convolution in float32 over one to three spatial dimensions, as many as the weight has: input position p adds
  /// `x[n, c, p] * w[c, o, t]` to output position `p * stride - padding + t * dilation`.
  /// torch.nn.functional.conv_transpose1d, conv_transpose2d, conv_transpose3d.
  ///
  /// - Parameters:
  ///   - input: `[N, C, spatial...]`.
  ///   - weight: `[C, O/groups, kernel...]`.
  ///   - bias: `[O]`.
  ///   - outputPadding: added at the output's end, below the stride or the dilation.
  public static func transposedConvolution(
    _ input: Tensor, weight: Tensor, bias: Tensor? = nil, stride: [Int], padding: [Int],
    outputPadding: [Int], dilation: [Int], groups: Int = 1
  ) throws(OctetError) -> Tensor {
    let shape = try ConvolutionShape(
      transposed: weight.shape, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups,
      operation: "conv_transpose\(min(max(weight.rank - 2, 1), 3))d")
    return try apply(
      TransposedConvolution(shape: shape), [input, weight] + (bias.map { [$0] } ?? []))
  }
}
