/// The same values in another plain element type. torch's `to(dtype)`.
struct Cast: DifferentiableOperator {
  static let torchName = "to"
  static let onnxName: String? = "Cast"

  let target: DType

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    guard !x.isQuantized, !target.isQuantized else {
      throw error(
        .quantizationMismatch, "dtype", expected: "plain element types on both sides",
        received: "\(x.dtype.rawValue) to \(target.rawValue)",
        fix: "use quantize_per_tensor or dequantize")
    }
    return TensorSpec(shape: x.shape, dtype: target)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try inputs[0].convertElements(to: target)
  }

  var saved: SavedForBackward { [] }

  /// `dx = dy`, in the input's type.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try context.gradient.converted(to: context.inputSpecs[0].dtype)]
  }
}

extension DType {
  /// True for the 16-bit real types, which are computed with in float32.
  package var isHalf: Bool { self == .float16 || self == .bfloat16 }
}

/// `op` on float16 or bfloat16 operands: in float32, the result rounded once. Operands of other kinds (indices, truth values)
/// go along unchanged.
func applyWidened<Op: Operator>(_ op: Op, _ inputs: [Tensor], from narrow: DType)
  throws(OctetError) -> Tensor
{
  var wide: [Tensor] = []
  for input in inputs {
    guard input.dtype == narrow || !input.dtype.isFloatingPoint else {
      throw op.error(
        .dtypeMismatch, "input", expected: "operands of one float dtype",
        received: "\(narrow.rawValue) and \(input.dtype.rawValue)",
        fix: "convert one of them with converted(to:)")
    }
    wide.append(input.dtype == narrow ? try input.converted(to: .float32) : input)
  }
  let result = try apply(op, wide)
  return result.dtype == .float32 ? try result.converted(to: narrow) : result
}
