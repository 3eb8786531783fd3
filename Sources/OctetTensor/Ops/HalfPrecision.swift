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
  let result: Tensor
  do throws(OctetError) {
    result = try apply(op, wide)
  } catch {
    // What refuses float32 too says so of the type that came.
    if error.code == .dtypeMismatch || error.code == .quantizationMismatch {
      _ = try op.outputSpec(inputs.map(\.spec))
    }
    throw error
  }
  return result.dtype == .float32 ? try result.converted(to: narrow) : result
}
