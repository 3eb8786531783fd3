import COctet

/// One product of integer matrices whose second operand isn't known beforehand.
struct MatrixProduct {
  /// Rows, columns, and what is summed over.
  var (m, n, k): (Int, Int, Int)
  var dtype: DType
  var aZeroPoint: Int32
  var bZeroPoint: Int32
  /// From the exact sum to the output's steps.
  var multiplier: Float
  var yZeroPoint: Int32
}

extension Kernel {
  /// `y = clamp(yZeroPoint + rint(multiplier * sum((a - aZeroPoint) * (b - bZeroPoint))))` for `count` pairs of row-major
  /// matrices `[m, k]` and `[k, n]` that lie one behind the other.
  static func multiplyMatrices(
    _ product: MatrixProduct, count: Int, _ a: Tensor, _ b: Tensor, into y: Tensor,
    operation: String
  ) throws(OctetError) {
    let (m, n, k) = (product.m, product.n, product.k)
    var zero = product.bZeroPoint
    var multiplier = product.multiplier
    let range = product.dtype.integerRange ?? 0...255
    for i in 0..<count {
      try withUnsafePointers(&zero, &multiplier) { zero, multiplier throws(OctetError) in
        var weights = oct_gemm_weights()
        weights.struct_size = UInt32(MemoryLayout<oct_gemm_weights>.size)
        (weights.a_dtype, weights.b_dtype) = (type(of: product.dtype), type(of: product.dtype))
        (weights.n, weights.k) = (n, k)
        weights.b = UnsafeRawPointer(b.baseAddress) + i * k * n
        (weights.stride_n, weights.stride_k) = (1, n)
        (weights.zero_point, weights.zero_point_count) = (zero, 1)
        var output = oct_output()
        output.struct_size = UInt32(MemoryLayout<oct_output>.size)
        output.dtype = type(of: product.dtype)
        (output.multiplier, output.multiplier_count) = (multiplier, 1)
        output.zero_point = product.yZeroPoint
        (output.clamp_min, output.clamp_max) = (Int32(range.lowerBound), Int32(range.upperBound))
        var call = oct_gemm_call()
        call.struct_size = UInt32(MemoryLayout<oct_gemm_call>.size)
        (call.m, call.a_stride, call.c_stride) = (m, k, n)
        call.a = UnsafeRawPointer(a.baseAddress) + i * m * k
        call.a_zero_point = product.aZeroPoint
        call.c = y.baseAddress + i * m * n
        try multiply(&weights, &output, &call, operation)
      }
    }
  }

  /// Packs and multiplies once.
  private static func multiply(
    _ weights: inout oct_gemm_weights, _ output: inout oct_output, _ call: inout oct_gemm_call,
    _ operation: String
  ) throws(OctetError) {
    var size = 0
    try check(oct_gemm_packed_size(&weights, &size), operation)
    let packed = WorkspacePool.shared.take(size)
    defer { WorkspacePool.shared.put(packed) }
    try check(oct_gemm_pack(&weights, packed.baseAddress, packed.count), operation)
    var workspace = 0
    try check(
      oct_gemm_workspace_size(packed.baseAddress, packed.count, call.m, 0, &workspace), operation)
    try run(workspace: workspace, operation) { run in
      withUnsafePointer(to: &output) { output in
        call.output = output
        return oct_gemm(packed.baseAddress, packed.count, &call, run)
      }
    }
  }

  private static func withUnsafePointers<A, B>(
    _ a: inout A, _ b: inout B,
    _ body: (UnsafePointer<A>, UnsafePointer<B>) throws(OctetError) -> Void
  ) throws(OctetError) {
    try withUnsafePointer(to: &a) { a throws(OctetError) in
      try withUnsafePointer(to: &b) { b throws(OctetError) in try body(a, b) }
    }
  }
}
