/// Convolution, plain or transposed, on integers with packed weights; the result is quantized or real. torch's
/// quantized::conv1d/2d/3d with their `_relu` forms, and quantized::conv_transpose1d/2d/3d.
struct QuantizedConvolution: Operator {
  static let torchName = "quantized::conv"

  let packed: PackedConvolution
  let result: QuantizedResult

  var name: String {
    "\(Self.torchName)\(packed.shape.isTransposed ? "_transpose" : "")\(packed.shape.window.rank)d"
  }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.quint8, .qint8])
    guard case .perTensor? = x.quantizer?.parameters else {
      throw OctetError(
        .invalidQuantizer, operation: name, argument: "input", expected: "a per-tensor scheme",
        received: "a per-channel one", fix: "requantize the input per tensor")
    }
    let shape = try packed.shape.outputShape(x.shape, operation: name)
    switch result {
    case .real: return TensorSpec(shape: shape, dtype: .float32)
    case .quantized(let scale, let zeroPoint, _):
      return TensorSpec(
        shape: shape, dtype: x.dtype,
        quantizer: try Quantizer(
          scale: scale, zeroPoint: zeroPoint, dtype: x.dtype, operation: name))
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    throw OctetError(
      .quantizationMismatch, operation: name, argument: "input", expected: "a quantized tensor",
      received: inputs[0].dtype.rawValue, fix: "insert a QuantStub before this layer")
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard case .perTensor(let scale, let zeroPoint)? = inputs[0].quantizer?.parameters else {
      return inputs[0]
    }
    let x = try inputs[0].contiguous(.channelsLast)
    let y = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer,
      format: .channelsLast)
    if y.count == 0 { return y }
    try packed.convolve(
      x, scale: scale, zeroPoint: zeroPoint, result: result, into: y, operation: name)
    return y
  }
}

extension Functional {
  /// Convolution on integers, channels last inside; padding counts as the input's zero point. The output stage is
  /// `quantizedLinear`'s. torch's quantized::conv1d, conv2d, conv3d and quantized::conv_transpose1d, 2d, 3d.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 `[N, C, spatial...]`, per tensor.
  ///   - packed: weights `[O, C/groups, kernel...]`, bias `[O]` and geometry.
  ///   - result: the output's scale and zero point, or real values.
  package static func quantizedConvolution(
    _ input: Tensor, _ packed: PackedConvolution, result: QuantizedResult
  ) throws(OctetError) -> Tensor {
    try apply(QuantizedConvolution(packed: packed, result: result), [input])
  }
}
