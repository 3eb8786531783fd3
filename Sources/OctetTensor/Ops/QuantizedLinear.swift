/// `y = x * wᵀ + bias` on integers with packed weights; the result is quantized or real. torch's quantized::linear and
/// quantized::linear_relu.
struct QuantizedLinear: Operator {
  static let torchName = "quantized::linear"

  let packed: PackedLinear
  let result: QuantizedResult

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.quint8, .qint8])
    guard case .perTensor? = x.quantizer?.parameters else {
      throw error(
        .invalidQuantizer, "input", expected: "a per-tensor scheme",
        received: "a per-channel one", fix: "requantize the input per tensor")
    }
    guard x.rank >= 2 else {
      throw error(
        .shapeMismatch, "input",
        expected: "at least two dim[ension]s, shape [..., \(packed.inFeatures)]",
        received: "shape \(x.shape)", fix: "add a batch dimension")
    }
    guard x.shape.last == packed.inFeatures else {
      throw error(
        .shapeMismatch, "input", expected: "shape [..., \(packed.inFeatures)]",
        received: "shape \(x.shape)",
        fix: "the last dimension must equal the weight's in_features")
    }
    let shape = Array(x.shape.dropLast()) + [packed.outFeatures]
    switch result {
    case .real: return TensorSpec(shape: shape, dtype: .float32)
    case .quantized(let scale, let zeroPoint, _):
      return TensorSpec(
        shape: shape, dtype: x.dtype,
        quantizer: try Quantizer(
          scale: scale, zeroPoint: zeroPoint, dtype: x.dtype, operation: Self.torchName))
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    throw error(
      .quantizationMismatch, "input", expected: "a quantized tensor",
      received: inputs[0].dtype.rawValue, fix: "insert a QuantStub before this layer")
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard case .perTensor(let scale, let zeroPoint)? = inputs[0].quantizer?.parameters else {
      return inputs[0]
    }
    let x = try inputs[0].contiguous()
    let y = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    try packed.multiply(
      x, rows: output.shape.dropLast().reduce(1, *), scale: scale, zeroPoint: zeroPoint,
      result: result, into: y, operation: Self.torchName)
    return y
  }
}

extension Functional {
  /// `y = x * wᵀ + bias` on integers: `q = clamp(zo + rint((acc + bias / aw) * (aw / so)))` with `aw = sx * sw[n]`, each step
  /// rounded to float32, ties to even; ReLU clamps the low end at the output's zero point. torch's quantized::linear.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 `[..., K]`, per tensor.
  ///   - packed: weights `[N, K]` and bias `[N]`.
  ///   - result: the output's scale and zero point, or real values.
  package static func quantizedLinear(
    _ input: Tensor, _ packed: PackedLinear, result: QuantizedResult
  ) throws(OctetError) -> Tensor {
    try apply(QuantizedLinear(packed: packed, result: result), [input])
  }
}
