import COctet

/// Products of float32 matrices by the kernel library: sums run over k in order, so that neither the tier nor the number of threads
/// changes a bit.
struct FloatProduct: Sendable {
  private let threads: Int32

  /// - Parameter threads: 1 inside `parallelFor`, where each body multiplies on its own; 0 for all.
  /// - Throws: `kernelFailure` when `OCTET_MAX_ISA` names no tier.
  init(threads: Int = 0) throws(OctetError) {
    var isa = OCT_ISA_SCALAR
    try Kernel.check(oct_max_isa(&isa), "matmul")
    self.threads = Int32(threads)
  }

  /// `c[m, n] = a[m, k] * b[k, n]`, on top of what is there when `accumulates`; row-major with leading dimensions. `transposeA` and
  /// `transposeB` say that the operand lies as its transpose.
  func callAsFunction(
    m: Int, n: Int, k: Int,
    _ a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false,
    accumulates: Bool = false, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    var gemm = oct_sgemm()
    gemm.struct_size = UInt32(MemoryLayout<oct_sgemm>.size)
    gemm.accumulate = accumulates
    (gemm.m, gemm.n, gemm.k) = (m, n, k)
    gemm.a = a
    (gemm.a_row, gemm.a_column) = transposeA ? (1, lda) : (lda, 1)
    gemm.b = b
    (gemm.b_row, gemm.b_column) = transposeB ? (1, ldb) : (ldb, 1)
    gemm.c = c
    gemm.c_row = ldc
    var bytes = 0
    var status = oct_sgemm_workspace(&gemm, threads, &bytes)
    if status == OCT_OK {
      let buffer = WorkspacePool.shared.take(bytes)
      var run = oct_run()
      run.struct_size = UInt32(MemoryLayout<oct_run>.size)
      run.threads = threads
      run.workspace = buffer.baseAddress
      run.workspace_size = buffer.count
      status = oct_sgemm_run(&gemm, &run)
      WorkspacePool.shared.put(buffer)
    }
    precondition(status == OCT_OK, String(cString: oct_last_error_message()))
  }
}
