/* What the tiles of eight columns share: the way from the accumulators to c. */
#ifndef OCT_GEMM_ARM64_STORE8_H
#define OCT_GEMM_ARM64_STORE8_H

#include "base/epilogue_neon.h"
#include "gemm_kernel.h"

#if OCT_ARCH_ARM64

OCT_ISA_BEGIN(NEON)

/* acc[r * 8 + c] holds column_term and the products; adds the row sums' part and applies the stage. */
static inline void oct_gemm_store8_neon(const oct_gemm_tile *tile, const int32_t *acc) {
  const float *bias = tile->stage->bias, *multiplier = tile->stage->multiplier;
  if (tile->stage->dtype != OCT_S32) {
    bias += tile->column;
    multiplier += tile->column;
  }
  for (size_t r = 0; r < tile->rows; r++) {
    int32x4_t first = vld1q_s32(acc + 8 * r), second = vld1q_s32(acc + 8 * r + 4);
    if (tile->row_sum) {
      first = vmlaq_n_s32(first, vld1q_s32(tile->minus_zero), tile->row_sum[r]);
      second = vmlaq_n_s32(second, vld1q_s32(tile->minus_zero + 4), tile->row_sum[r]);
    }
    oct_stage_store_neon(tile->stage, first, second, bias, multiplier, (char *)tile->c + (ptrdiff_t)r * tile->c_stride,
                         tile->columns);
  }
}

OCT_ISA_END

#endif
#endif /* OCT_GEMM_ARM64_STORE8_H */
