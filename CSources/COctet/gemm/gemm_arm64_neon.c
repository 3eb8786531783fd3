/* GEMM tile for AArch64 without further extensions.
 *
 * Instructions: smlal and smlal2 by a lane (four int16 products into int32 lanes, exact for bytes widened to int16),
 * sxtl. Tile 8x8: 16 accumulators, 8 vectors of a with eight k each, 1 of b. Per k: 16 smlal, 1 load and 1 sxtl; the
 * multiply-adds are the bound. */
#include "gemm_arm64_store8.h"

#if OCT_ARCH_ARM64

enum { MR = 8, NR = 8, K_STEP = 8 };

OCT_ISA_BEGIN(NEON)

/* acc + b[0..3] * a[lane]; lane is a constant, which the instruction wants in its encoding. */
OCT_GEMM_INLINE int32x4_t multiply_low(int32x4_t acc, int16x8_t b, int16x8_t a, int lane) {
  switch (lane) {
    case 0: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 0);
    case 1: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 1);
    case 2: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 2);
    case 3: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 3);
    case 4: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 4);
    case 5: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 5);
    case 6: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 6);
    default: return vmlal_laneq_s16(acc, vget_low_s16(b), a, 7);
  }
}

/* acc + b[4..7] * a[lane]. */
OCT_GEMM_INLINE int32x4_t multiply_high(int32x4_t acc, int16x8_t b, int16x8_t a, int lane) {
  switch (lane) {
    case 0: return vmlal_high_laneq_s16(acc, b, a, 0);
    case 1: return vmlal_high_laneq_s16(acc, b, a, 1);
    case 2: return vmlal_high_laneq_s16(acc, b, a, 2);
    case 3: return vmlal_high_laneq_s16(acc, b, a, 3);
    case 4: return vmlal_high_laneq_s16(acc, b, a, 4);
    case 5: return vmlal_high_laneq_s16(acc, b, a, 5);
    case 6: return vmlal_high_laneq_s16(acc, b, a, 6);
    default: return vmlal_high_laneq_s16(acc, b, a, 7);
  }
}

/* Accumulates into out[r * NR + c]. rows is a constant. */
OCT_GEMM_INLINE void accumulate(const oct_gemm_tile *tile, int rows, int32_t *out) {
  int32x4_t acc[MR][2];
  const int16_t *a[MR];
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    acc[r][0] = vld1q_s32(tile->column_term);
    acc[r][1] = vld1q_s32(tile->column_term + 4);
    a[r] = (const int16_t *)(const void *)((const char *)tile->a + r * tile->a_stride);
  }
  const int8_t *b = tile->b;
  size_t k = tile->k_groups;
  for (; k >= K_STEP; k -= K_STEP, b += K_STEP * NR) {
    int16x8_t values[MR];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++, a[r - 1] += K_STEP) values[r] = vld1q_s16(a[r]);
    OCT_GEMM_UNROLL
    for (int i = 0; i < K_STEP; i++) {
      const int16x8_t weights = vmovl_s8(vld1_s8(b + i * NR));
      OCT_GEMM_UNROLL
      for (int r = 0; r < rows; r++) {
        acc[r][0] = multiply_low(acc[r][0], weights, values[r], i);
        acc[r][1] = multiply_high(acc[r][1], weights, values[r], i);
      }
    }
  }
  for (; k > 0; k--, b += NR) {
    const int16x8_t weights = vmovl_s8(vld1_s8(b));
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++) {
      const int16_t value = *a[r]++;
      acc[r][0] = vmlal_n_s16(acc[r][0], vget_low_s16(weights), value);
      acc[r][1] = vmlal_high_n_s16(acc[r][1], weights, value);
    }
  }
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    vst1q_s32(out + r * NR, acc[r][0]);
    vst1q_s32(out + r * NR + 4, acc[r][1]);
  }
}

void oct_gemm_8x8c1__neon(const oct_gemm_tile *tile) {
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
