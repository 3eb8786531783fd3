/* GEMM tile for AArch64 with dot products.
 *
 * Instructions: sdot by a lane (four int8 products into each int32 lane, exact), one or more a cycle. Tile 8x8: 16
 * accumulators, 8 vectors of a with sixteen k each, 2 of b: 26 of 32 registers. Per sixteen k: 64 sdot, 16 loads; the
 * products are the bound. */
#include "gemm_arm64_store8.h"

#if OCT_ARCH_ARM64

enum { MR = 8, NR = 8, GROUPS_STEP = 4 };

OCT_ISA_BEGIN(DOTPROD)

/* Lane is a constant, which the instruction wants in its encoding. */
OCT_GEMM_INLINE int32x4_t dot(int32x4_t acc, int8x16_t b, int8x16_t a, int lane) {
  switch (lane) {
    case 0: return vdotq_laneq_s32(acc, b, a, 0);
    case 1: return vdotq_laneq_s32(acc, b, a, 1);
    case 2: return vdotq_laneq_s32(acc, b, a, 2);
    default: return vdotq_laneq_s32(acc, b, a, 3);
  }
}

/* Accumulates into out[r * NR + c]. rows is a constant. */
OCT_GEMM_INLINE void accumulate(const oct_gemm_tile *tile, int rows, int32_t *out) {
  int32x4_t acc[MR][2];
  const int8_t *a[MR];
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    acc[r][0] = vld1q_s32(tile->column_term);
    acc[r][1] = vld1q_s32(tile->column_term + 4);
    a[r] = (const int8_t *)tile->a + r * tile->a_stride;
  }
  const int8_t *b = tile->b;
  size_t groups = tile->k_groups;
  for (; groups >= GROUPS_STEP; groups -= GROUPS_STEP, b += GROUPS_STEP * 4 * NR) {
    int8x16_t values[MR];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++, a[r - 1] += 16) values[r] = vld1q_s8(a[r]);
    OCT_GEMM_UNROLL
    for (int i = 0; i < GROUPS_STEP; i++) {
      const int8x16_t weights0 = vld1q_s8(b + i * 4 * NR), weights1 = vld1q_s8(b + i * 4 * NR + 16);
      OCT_GEMM_UNROLL
      for (int r = 0; r < rows; r++) {
        acc[r][0] = dot(acc[r][0], weights0, values[r], i);
        acc[r][1] = dot(acc[r][1], weights1, values[r], i);
      }
    }
  }
  for (; groups > 0; groups--, b += 4 * NR) {
    const int8x16_t weights0 = vld1q_s8(b), weights1 = vld1q_s8(b + 16);
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++, a[r - 1] += 4) {
      int32_t four;
      __builtin_memcpy(&four, a[r], 4);
      const int8x16_t value = vreinterpretq_s8_s32(vdupq_n_s32(four));
      acc[r][0] = vdotq_s32(acc[r][0], weights0, value);
      acc[r][1] = vdotq_s32(acc[r][1], weights1, value);
    }
  }
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    vst1q_s32(out + r * NR, acc[r][0]);
    vst1q_s32(out + r * NR + 4, acc[r][1]);
  }
}

void oct_gemm_8x8c4__dotprod(const oct_gemm_tile *tile) {
  int32_t acc[MR * NR];
  switch (tile->rows) {
    case 1: accumulate(tile, 1, acc); break;
    case 2: accumulate(tile, 2, acc); break;
    case 3: accumulate(tile, 3, acc); break;
    case 4: accumulate(tile, 4, acc); break;
    case 5: accumulate(tile, 5, acc); break;
    case 6: accumulate(tile, 6, acc); break;
    case 7: accumulate(tile, 7, acc); break;
    default: accumulate(tile, 8, acc); break;
  }
  oct_gemm_store8_neon(tile, acc);
}

OCT_ISA_END

#endif
