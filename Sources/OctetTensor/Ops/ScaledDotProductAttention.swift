extension Functional {
  /// Batches of matrix products: `[B, M, K]` times `[B, K, N]`. torch.bmm.
  ///
  /// - Throws: `shapeMismatch` unless both have three dimensions and one batch size; `matmul` broadcasts.
  public static func bmm(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try requireBatches(x, y)
    return try matmul(x, y)
  }

  /// `softmax(q * kᵀ * scale + mask) * v`. torch.nn.functional.scaled_dot_product_attention.
  ///
  /// - Parameters:
  ///   - query: float `[..., L, E]`.
  ///   - key: `[..., S, E]`, the query's dtype; batch dimensions broadcast.
  ///   - value: `[..., S, V]`.
  ///   - mask: broadcasts with `[..., L, S]`. bool: true takes part. float: added to the products.
  ///   - isCausal: row `i` sees columns up to `i` only; not together with a mask.
  ///   - scale: `1 / √E` when nil.
  ///   - dropout: the probability with which attention weights become 0.
  /// - Returns: `[..., L, V]`. Rows that no column takes part in are NaN, as the softmax of nothing.
  public static func scaledDotProductAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, isCausal: Bool = false,
    scale: Double? = nil, dropout: Double = 0
  ) throws(OctetError) -> Tensor {
    let operation = "scaled_dot_product_attention"
    for (x, name) in [(query, "query"), (key, "key"), (value, "value")] where x.rank < 2 {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: name,
        expected: "at least two dimensions, [..., length, features]", received: "\(x.shape)")
    }
    guard mask == nil || !isCausal else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "attn_mask",
        expected: "no mask together with isCausal", received: "both",
        fix: "put the causal triangle into the mask")
    }
    let features = query.shape[query.rank - 1]
    let factor = scale ?? 1 / Double(features).squareRoot()
    let scaled = try multiply(query, Tensor(scalar: factor).converted(to: query.dtype))
    var scores = try matmul(scaled, key.transposed(-2, -1))
    if isCausal {
      let shape = Array(scores.shape.suffix(2))
      let allowed = try tril(Tensor(repeating: true, shape: shape))
      scores = try maskedFill(scores, mask: logicalNot(allowed), value: -.infinity)
    } else if let mask {
      scores =
        mask.dtype == .bool
        ? try maskedFill(scores, mask: logicalNot(mask), value: -.infinity)
        : try add(scores, mask)
    }
    var weights = try softmax(scores, dim: -1)
    if dropout != 0 { weights = try Functional.dropout(weights, p: dropout) }
    return try matmul(weights, value)
  }
}
