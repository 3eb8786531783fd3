import COctet

/// The activation family of the C library.
extension Kernel {
  /// `x * Φ(x)` of each element; the tensors are dense, in one memory order.
  static func gelu(_ x: Tensor, into y: Tensor) throws(OctetError) {
    defer { withExtendedLifetime((x, y)) {} }
    try run(workspace: 0, "gelu") { run in
      oct_gelu(
        x.baseAddress.assumingMemoryBound(to: Float.self), x.count,
        y.baseAddress.assumingMemoryBound(to: Float.self), run)
    }
  }
}
