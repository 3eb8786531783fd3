/// What a shape rule knows of a tensor: everything but its elements.
package struct TensorSpec: Sendable, Equatable {
  package var shape: [Int]
  package var dtype: DType
  package var quantizer: Quantizer?

  package init(shape: [Int], dtype: DType, quantizer: Quantizer? = nil) {
    self.shape = shape
    self.dtype = dtype
    self.quantizer = quantizer
  }

  package var rank: Int { shape.count }
  package var isQuantized: Bool { dtype.isQuantized }
}

extension Tensor {
  /// What a shape rule knows of this tensor.
  package var spec: TensorSpec { TensorSpec(shape: shape, dtype: dtype, quantizer: quantizer) }
}

/// One operator: its attributes are the value's properties, and everything that is known about it stands in one file.
///
/// Eager calls, and whatever records, interprets or fuses operators, use this one definition.
package protocol Operator: Sendable {
  /// The name in torch, and in error messages.
  static var torchName: String { get }

  /// The name for error messages: `torchName`, or a more exact one that depends on the attributes.
  var name: String { get }

  /// What torch calls the function whose one step this operator is, on tensors of these shapes: `conv2d`, `add`. Values in graphs
  /// are named after it.
  func functionName(_ inputs: [TensorSpec]) -> String

  /// The name of the ONNX operator that does the same, nil when there is none.
  static var onnxName: String? { get }

  /// True when float16 and bfloat16 operands are computed in float32 and the result is rounded back.
  static var widensHalf: Bool { get }

  /// Checks every argument and says what the result will be.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec

  /// Computes on plain tensors. Arguments have passed `outputSpec`.
  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor

  /// Computes when the first input is quantized. Arguments have passed `outputSpec`.
  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor
}

extension Operator {
  package static var onnxName: String? { nil }

  package static var widensHalf: Bool { false }

  package var name: String { Self.torchName }

  package func functionName(_ inputs: [TensorSpec]) -> String { name }

  package func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError)
    -> Tensor
  {
    throw OctetError(
      .quantizationMismatch, operation: name, argument: "input",
      expected: "a plain tensor", received: "a quantized one (\(inputs[0].dtype.rawValue))",
      fix: "dequantize the input first")
  }

  /// An error of this operator.
  package func error(
    _ code: OctetError.Code, _ argument: String, expected: String, received: String,
    fix: String = ""
  ) -> OctetError {
    OctetError(
      code, operation: name, argument: argument, expected: expected, received: received,
      fix: fix)
  }

  /// Refuses element types outside `allowed`.
  package func require(
    _ spec: TensorSpec, _ argument: String, dtypes allowed: [DType], fix: String = ""
  ) throws(OctetError) {
    if allowed.contains(spec.dtype) { return }
    let names = allowed.map(\.rawValue).joined(separator: ", ")
    if spec.isQuantized != allowed.allSatisfy(\.isQuantized) {
      throw error(
        .quantizationMismatch, argument,
        expected: spec.isQuantized
          ? "a plain tensor of dtype \(names)" : "a quantized tensor of dtype \(names)",
        received: "shape \(spec.shape) of dtype \(spec.dtype.rawValue)",
        fix: fix.isEmpty
          ? (spec.isQuantized
            ? "dequantize it first"
            : "quantize it first (in a model: insert a QuantStub before this layer)") : fix)
    }
    throw error(
      .dtypeMismatch, argument, expected: "dtype \(names)",
      received: "dtype \(spec.dtype.rawValue)", fix: fix)
  }
}

/// The one entry point of every operator: shape rule, then the plain or the quantized kernel.
package func apply<Op: Operator>(_ op: Op, _ inputs: [Tensor]) throws(OctetError) -> Tensor {
  if inputs.contains(where: \.isPlaceholder) { return Tensor.placeholder }
  if let recorder = ExecutionMode.recorder {
    return try applyRecorded(op, inputs, recorder)
  }
  if Op.widensHalf, let narrow = inputs.first(where: \.dtype.isHalf)?.dtype {
    return try applyWidened(op, inputs, from: narrow)
  }
  let output = try op.outputSpec(inputs.map(\.spec))
  if inputs.first?.isQuantized == true { return try op.evaluateQuantized(inputs, output) }
  if inputs.contains(where: { $0.gradientNode != nil }) {
    return try Tensor.recording(op, inputs, output)
  }
  return try op.evaluate(inputs, output)
}

/// The operators as throwing functions, in torch's spelling: for whoever handles errors call by call.
///
/// The methods on `Tensor` do the same and trap on mistakes, or leave them to `collectingErrors`.
public enum Functional {}
