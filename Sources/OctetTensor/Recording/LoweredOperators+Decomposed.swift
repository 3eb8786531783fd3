/// The operators that converted graphs of operators hold: torch.ops.quantized_decomposed.
extension LoweredOperators {
  /// Plain integers of a tensor, parameters known. torch's quantize_per_tensor.
  package static func quantizeDecomposed(
    scale: Double, zeroPoint: Int, range: ClosedRange<Int>, dtype: DType
  ) throws(OctetError) -> any Operator {
    let name = "quantized_decomposed.quantize_per_tensor"
    return DecomposedQuantizePerTensor(
      name: name, scale: scale, zeroPoint: zeroPoint,
      range: try DecomposedRange(range.lowerBound, range.upperBound, dtype: dtype, operation: name))
  }

  /// The way back. torch's dequantize_per_tensor.
  package static func dequantizeDecomposed(
    scale: Double, zeroPoint: Int, range: ClosedRange<Int>, dtype: DType
  ) throws(OctetError) -> any Operator {
    let name = "quantized_decomposed.dequantize_per_tensor"
    return DecomposedDequantizePerTensor(
      name: name, scale: scale, zeroPoint: zeroPoint,
      range: try DecomposedRange(range.lowerBound, range.upperBound, dtype: dtype, operation: name))
  }

  /// Plain integers of a tensor, scales and zero points being further inputs: one for each index of `axis`, one for all when it's nil.
  /// torch's quantize_per_channel and quantize_per_tensor.tensor.
  package static func quantizeDecomposed(
    axis: Int?, range: ClosedRange<Int>, dtype: DType
  ) throws(OctetError) -> any Operator {
    let name = "quantized_decomposed.quantize_per_\(axis == nil ? "tensor" : "channel")"
    return DecomposedQuantize(
      name: name, span: axis.map { .channel(axis: $0) } ?? .tensor,
      range: try DecomposedRange(range.lowerBound, range.upperBound, dtype: dtype, operation: name),
      rule: .roundThenShift)
  }

  /// The way back. torch's dequantize_per_channel and dequantize_per_tensor.tensor.
  package static func dequantizeDecomposed(
    axis: Int?, range: ClosedRange<Int>, dtype: DType
  ) throws(OctetError) -> any Operator {
    let name = "quantized_decomposed.dequantize_per_\(axis == nil ? "tensor" : "channel")"
    return DecomposedDequantize(
      name: name, span: axis.map { .channel(axis: $0) } ?? .tensor,
      range: try DecomposedRange(range.lowerBound, range.upperBound, dtype: dtype, operation: name))
  }

  /// What an operator of the decomposed ones does, nil for others.
  package static func decomposed(_ op: any Operator) -> DecomposedForm? {
    switch op {
    case let op as DecomposedQuantizePerTensor:
      DecomposedForm(
        quantizes: true, scale: op.scale, zeroPoint: op.zeroPoint, axis: nil, range: op.range)
    case let op as DecomposedDequantizePerTensor:
      DecomposedForm(
        quantizes: false, scale: op.scale, zeroPoint: op.zeroPoint, axis: nil, range: op.range)
    case let op as DecomposedQuantize:
      DecomposedForm(quantizes: true, axis: op.span.axis, range: op.range)
    case let op as DecomposedDequantize:
      DecomposedForm(quantizes: false, axis: op.span.axis, range: op.range)
    default: nil
    }
  }

  /// One element of the first dimension. torch's getitem.
  package static func element(_ index: Int) -> any Operator { Select(dim: 0, index: index) }

  /// A sum or product of two tensors in place of one of a tensor and a number, and the number; nil for other operators.
  package static func tensorArithmetic(_ op: any Operator) -> (op: any Operator, scalar: Float)? {
    guard let scalar = op as? ScalarArithmetic else { return nil }
    switch scalar.kind {
    case .add: return (Arithmetic(kind: .add), scalar.scalar)
    case .multiply: return (Arithmetic(kind: .multiply), scalar.scalar)
    case .subtract, .divide: return nil
    }
  }

  /// The attributes of a convolution that isn't transposed; nil for other operators.
  package static func convolution(_ op: any Operator) -> ConvolutionShape? {
    (op as? Convolution)?.shape
  }
}

/// What a decomposed operator does.
package struct DecomposedForm: Sendable {
  /// True from reals to integers, false for the way back.
  package let quantizes: Bool
  /// nil when it is an input.
  package let scale: Double?
  /// nil when it is an input.
  package let zeroPoint: Int?
  /// nil per tensor.
  package let axis: Int?
  /// The integers in use.
  package let bounds: ClosedRange<Int>
  /// Their type.
  package let dtype: DType

  init(
    quantizes: Bool, scale: Double? = nil, zeroPoint: Int? = nil, axis: Int?,
    range: DecomposedRange
  ) {
    self.quantizes = quantizes
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.axis = axis
    bounds = range.low...range.high
    dtype = range.dtype
  }
}

extension DecomposedSpan {
  /// The axis of channels, nil for other spans.
  fileprivate var axis: Int? {
    if case .channel(let axis) = self { axis } else { nil }
  }
}
