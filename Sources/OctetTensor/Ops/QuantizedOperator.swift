/// An operator that takes quantized tensors only.
protocol QuantizedOperator: Operator {}

extension QuantizedOperator {
  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    throw error(
      .quantizationMismatch, "input", expected: "a quantized tensor",
      received: inputs.first.map { "dtype \($0.dtype.rawValue)" } ?? "none",
      fix: "insert a QuantStub before this layer")
  }
}

extension Operator {
  /// The element types that elementwise operators take with one scale and zero point.
  static var elementwiseTypes: [DType] { ElementwiseTypes.quantized }

  /// Refuses per-channel tensors; gives the rules of quantized ones.
  @discardableResult
  func requirePerTensor(_ spec: TensorSpec, _ argument: String) throws(OctetError)
    -> ScalarQuantization
  {
    guard let rules = ScalarQuantization(spec) else {
      throw error(
        .invalidQuantizer, argument, expected: "a per-tensor scheme",
        received: spec.isQuantized ? "a per-channel one" : "dtype \(spec.dtype.rawValue)",
        fix: "dequantize it first")
    }
    return rules
  }

  /// The rules of an operand or result that has passed the shape rule.
  func rules(_ spec: TensorSpec) throws(OctetError) -> ScalarQuantization {
    try requirePerTensor(spec, "input")
  }
}

/// Element types that many operators name, made once.
enum ElementwiseTypes {
  static let quantized: [DType] = [.quint8, .qint8, .qint32]
  static let quantizedAndReal: [DType] = quantized + [.float32, .float64]
}

extension Tensor {
  /// What a shape rule knows of this tensor.
  package var spec: TensorSpec { TensorSpec(shape: shape, dtype: dtype, quantizer: quantizer) }
}
