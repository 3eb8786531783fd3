/* Products of float32 matrices. */
#ifndef OCTET_SGEMM_H
#define OCTET_SGEMM_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* c[i][j] = c[i][j] + a[i][0] * b[0][j] + a[i][1] * b[1][j] + ..., each product and each sum rounded to float32, in this order, with 0
 * in place of c[i][j] unless `accumulate`: the same bits on every tier and for any number of threads. NaN and infinities follow
 * from these operations. */
typedef struct oct_sgemm {
  uint32_t struct_size;
  bool accumulate;
  size_t m, n, k;
  const float *a; /* element (i, p) lies at a[i * a_row + p * a_column] */
  size_t a_row, a_column;
  const float *b; /* element (p, j) lies at b[p * b_row + j * b_column] */
  size_t b_row, b_column;
  float *c; /* element (i, j) lies at c[i * c_row + j]; overlaps neither a nor b */
  size_t c_row;
} oct_sgemm;

/* Bytes of workspace that a run with so many threads (0: all) needs. */
OCT_API oct_status oct_sgemm_workspace(const oct_sgemm *gemm, int32_t threads, size_t *size);

/* Computes c. Whoever runs products inside an oct_parallel_for body passes a run of one thread. */
OCT_API oct_status oct_sgemm_run(const oct_sgemm *gemm, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_SGEMM_H */
