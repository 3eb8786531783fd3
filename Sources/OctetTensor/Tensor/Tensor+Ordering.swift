/// Extremes and orders as methods.
extension Tensor {
  /// `Functional.maximum`, trapping on mistakes. torch's `max()`.
  public func maximum() -> Tensor { eager { try Functional.maximum(self) } }

  /// `Functional.minimum`, trapping on mistakes. torch's `min()`.
  public func minimum() -> Tensor { eager { try Functional.minimum(self) } }

  /// `Functional.maximum` along a dimension. torch's `max(dim)`.
  public func maximum(dim: Int, keepDim: Bool = false) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    try Functional.maximum(self, dim: dim, keepDim: keepDim)
  }

  /// `Functional.minimum` along a dimension. torch's `min(dim)`.
  public func minimum(dim: Int, keepDim: Bool = false) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    try Functional.minimum(self, dim: dim, keepDim: keepDim)
  }

  /// `Functional.sort`. torch's `sort`.
  public func sorted(dim: Int = -1, descending: Bool = false) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    try Functional.sort(self, dim: dim, descending: descending)
  }

  /// `Functional.topK`. torch's `topk`.
  public func topK(_ k: Int, dim: Int = -1, largest: Bool = true) throws(OctetError) -> (
    values: Tensor, indices: Tensor
  ) {
    try Functional.topK(self, k: k, dim: dim, largest: largest)
  }
}
