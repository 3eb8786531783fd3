/* GEMM tile for AArch64 with int8 matrix products.
 *
 * Instructions: smmla (a 2x8 by 8x2 product of int8 into 2x2 int32 lanes, exact). Tile 8x8 in pairs of rows and
 * columns: 16 accumulators, 4 vectors of a, 4 of b. Per eight k: 16 smmla, 8 loads; the products are the bound on cores
 * with one load for two of them. */
#include "gemm_arm64_store8.h"

#if OCT_ARCH_ARM64

enum { MR = 8, NR = 8, PAIRS = 4 };

OCT_ISA_BEGIN(I8MM)

/* Accumulates into out[r * NR + c]. pairs is a constant. */
OCT_GEMM_INLINE void accumulate(const oct_gemm_tile *tile, int pairs, int32_t *out) {
  int32x4_t acc[PAIRS][PAIRS];
  const int8_t *a[PAIRS];
  OCT_GEMM_UNROLL
  for (int i = 0; i < pairs; i++) {
    OCT_GEMM_UNROLL
    for (int j = 0; j < PAIRS; j++) {
      const int32x2_t term = vld1_s32(tile->column_term + 2 * j);
      acc[i][j] = vcombine_s32(term, term);
    }
    a[i] = (const int8_t *)tile->a + i * tile->a_stride;
  }
  const int8_t *b = tile->b;
  for (size_t group = 0; group < tile->k_groups; group++, b += 8 * NR) {
    int8x16_t weights[PAIRS];
    OCT_GEMM_UNROLL
    for (int j = 0; j < PAIRS; j++) weights[j] = vld1q_s8(b + 16 * j);
    OCT_GEMM_UNROLL
    for (int i = 0; i < pairs; i++, a[i - 1] += 16) {
      const int8x16_t rows = vld1q_s8(a[i]);
      OCT_GEMM_UNROLL
      for (int j = 0; j < PAIRS; j++) acc[i][j] = vmmlaq_s32(acc[i][j], rows, weights[j]);
    }
  }
  OCT_GEMM_UNROLL
  for (int i = 0; i < pairs; i++) {
    OCT_GEMM_UNROLL
    for (int j = 0; j < PAIRS; j++) {
      vst1_s32(out + 2 * i * NR + 2 * j, vget_low_s32(acc[i][j]));
      vst1_s32(out + (2 * i + 1) * NR + 2 * j, vget_high_s32(acc[i][j]));
    }
  }
}

void oct_gemm_8x8c8r2__i8mm(const oct_gemm_tile *tile) {
  int32_t acc[MR * NR];
  switch ((tile->rows + 1) / 2) {
    case 1: accumulate(tile, 1, acc); break;
    case 2: accumulate(tile, 2, acc); break;
    case 3: accumulate(tile, 3, acc); break;
    default: accumulate(tile, 4, acc); break;
  }
  oct_gemm_store8_neon(tile, acc);
}

OCT_ISA_END

#endif
