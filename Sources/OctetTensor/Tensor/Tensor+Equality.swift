/// Equality of whole tensors.
extension Tensor: Equatable {
  /// True when element type, shape, quantizer and all elements agree; reals as numbers, so that NaN differs from itself and
  /// -0 equals 0. torch.equal.
  public func equal(_ other: Tensor) throws(OctetError) -> Bool {
    guard dtype == other.dtype, shape == other.shape, quantizer == other.quantizer else {
      return false
    }
    try checkRecordedAccess("equal")
    try other.checkRecordedAccess("equal")
    if dtype.isFloatingPoint {
      let truth = try Functional.equalElements(self, other)
      return truth.withElements(Bool.self) { !$0.contains(false) }
    }
    let (a, b) = (try contiguous(), try other.contiguous())
    return a.withBytes { x in b.withBytes { y in x.elementsEqual(y) } }
  }

  /// `equal` as an operator. Element by element `eq` compares.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    // Only tensors too large to be copied could fail, and those can't exist.
    (try? a.equal(b)) ?? false
  }
}
