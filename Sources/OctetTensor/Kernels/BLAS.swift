#if OpenBLAS
  import COpenBLAS
#endif

/// Float32 matrix multiplication for the reference paths: OpenBLAS, or a plain loop in a build without it.
///
/// Never called inside `parallelFor`: OpenBLAS brings threads of its own.
package enum BLAS {
  /// `c[m, n] = a[m, k] * b[k, n] + beta * c[m, n]`, row-major with leading dimensions; `transposeA` and `transposeB` say
  /// that the operand lies as its transpose.
  package static func multiply(
    m: Int, n: Int, k: Int,
    _ a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    if m == 0 || n == 0 { return }
    #if OpenBLAS
      cblas_sgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
        transposeB ? CblasTrans : CblasNoTrans, blasint(m), blasint(n), blasint(k), 1, a,
        blasint(max(lda, 1)), b, blasint(max(ldb, 1)), beta, c, blasint(max(ldc, 1)))
    #else
      for row in 0..<m {
        let out = c + row * ldc
        for column in 0..<n { out[column] = beta == 0 ? 0 : beta * out[column] }
        for inner in 0..<k {
          let x = transposeA ? a[inner * lda + row] : a[row * lda + inner]
          if transposeB {
            for column in 0..<n { out[column] += x * b[column * ldb + inner] }
          } else {
            let line = b + inner * ldb
            for column in 0..<n { out[column] += x * line[column] }
          }
        }
      }
    #endif
  }
}
