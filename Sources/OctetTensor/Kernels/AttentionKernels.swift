import COctet

/// The attention family of the C library.
extension Kernel {
  /// The softmax of neighbouring elements, `length` at a time. `y` may be `x`.
  static func softmax(_ x: Tensor, length: Int, into y: Tensor) throws(OctetError) {
    try run(workspace: 0, "softmax") { run in
      oct_softmax(
        x.baseAddress.assumingMemoryBound(to: Float.self), length > 0 ? x.count / length : 0,
        length, y.baseAddress.assumingMemoryBound(to: Float.self), run)
    }
  }

  /// `softmax((scale * q) kᵀ + mask) v` for heads side by side: `[N, heads, L, d]` and `[N, heads, S, d]`, views whose last dimension
  /// is dense.
  static func attention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Float, into y: Tensor,
    _ operation: String
  ) throws(OctetError) {
    func elements(_ x: Tensor) -> UnsafeMutablePointer<Float> {
      x.baseAddress.assumingMemoryBound(to: Float.self)
    }
    var call = oct_attention()
    call.struct_size = UInt32(MemoryLayout<oct_attention>.size)
    call.scale = scale
    (call.batch, call.heads, call.queries) = (query.shape[0], query.shape[1], query.shape[2])
    (call.keys, call.width, call.value_width) = (key.shape[2], query.shape[3], value.shape[3])
    call.q = UnsafePointer(elements(query))
    (call.q_batch, call.q_head, call.q_row) = steps(query)
    call.k = UnsafePointer(elements(key))
    (call.k_batch, call.k_head, call.k_row) = steps(key)
    call.v = UnsafePointer(elements(value))
    (call.v_batch, call.v_head, call.v_row) = steps(value)
    if let mask {
      call.mask = UnsafePointer(elements(mask))
      (call.mask_batch, call.mask_head, call.mask_row) = steps(mask)
    }
    call.y = elements(y)
    (call.y_batch, call.y_head, call.y_row) = steps(y)
    var bytes = 0
    try check(oct_attention_workspace(&call, 0, &bytes), operation)
    defer { withExtendedLifetime((query, key, value, mask, y)) {} }
    try run(workspace: bytes, operation) { oct_attention_run(&call, $0) }
  }

  /// The steps of the outer three of four dimensions.
  private static func steps(_ x: Tensor) -> (Int, Int, Int) {
    (x.strides[0], x.strides[1], x.strides[2])
  }
}
