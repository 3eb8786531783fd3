extension ExecutionMode {
  /// True when nobody needs to see the single steps of a computation on these tensors: no recorder is told of operators, and no result
  /// goes on the tape. Steps may then run as one kernel, which gives the same bits.
  package static func joinsSteps(on tensors: [Tensor?]) -> Bool {
    if recorder != nil { return false }
    let onTape = tensors.contains { tensor in tensor.map { $0.gradientNode != nil } ?? false }
    return !onTape || !current.recordsGradients
  }
}

extension Functional {
  /// `softmax((scale * q) kᵀ + mask) v` for heads side by side, in one kernel whose scores stay in the caches: the bits of `multiplyScalar`,
  /// `matmul`, `add`, `softmax` and `matmul`. Isn't recorded.
  ///
  /// - Parameters:
  ///   - query: float32 `[L, N, E]`; head h takes `E / heads` elements from `h * E / heads` on.
  ///   - key: float32 `[S, N, E]`.
  ///   - value: float32 `[S, N, V]`.
  ///   - heads: the heads, a divisor of E and V.
  ///   - mask: float32, broadcasts to `[N, heads, L, S]`.
  /// - Returns: `[L, N, V]`, in memory with the sequence or the batch first, as the query lies.
  package static func headAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, heads: Int, scale: Double, mask: Tensor?
  ) throws(OctetError) -> Tensor {
    let (length, batch, width) = (query.shape[0], query.shape[1], value.shape[2])
    let isBatchFirst = batch > 1 && query.strides[1] > query.strides[0]
    let result = try Tensor(
      uninitialized: isBatchFirst ? [batch, length, width] : [length, batch, width],
      dtype: .float32)
    let output = isBatchFirst ? try result.transposed(0, 1) : result
    let places = [batch, heads, length, key.shape[0]]
    try Kernel.attention(
      byHead(query, heads), byHead(key, heads), byHead(value, heads),
      mask: mask.map { mask throws(OctetError) in try spread(mask, to: places) },
      scale: Float(scale), into: byHead(output, heads), "scaled_dot_product_attention")
    return output
  }

  /// `[L, N, E]` as `[N, heads, L, E / heads]`, without a copy where elements of a row are neighbours.
  private static func byHead(_ x: Tensor, _ heads: Int) throws(OctetError) -> Tensor {
    let rows = x.shape[2] <= 1 || x.strides[2] == 1 ? x : try x.contiguous()
    let size = rows.shape[2] / heads
    return Tensor(
      storage: rows.storage, offset: rows.offset,
      shape: [rows.shape[1], heads, rows.shape[0], size],
      strides: [rows.strides[1], size, rows.strides[0], 1], dtype: .float32, quantizer: nil)
  }

  /// A mask at every place it stands for, its last dimension dense.
  private static func spread(_ mask: Tensor, to places: [Int]) throws(OctetError) -> Tensor {
    let dense = try mask.contiguous()
    let expanded = try dense.expanded(places)
    return places[3] <= 1 || expanded.strides[3] == 1 ? expanded : try expanded.contiguous()
  }
}
