/* What the 256-bit tiles of sixteen columns share: the way from the accumulators to c. */
#ifndef OCT_GEMM_X86_STORE16_H
#define OCT_GEMM_X86_STORE16_H

#include "base/epilogue_avx2.h"
#include "gemm_kernel.h"

#if OCT_ARCH_X86

OCT_ISA_BEGIN(AVX2)

/* acc[r * 16 + c] holds column_term and the products; adds the row sums' part and applies the stage. */
static inline void oct_gemm_store16_avx2(const oct_gemm_tile *tile, const int32_t *acc) {
  const oct_stage *stage = tile->stage;
  const ptrdiff_t size = stage->dtype == OCT_U8 || stage->dtype == OCT_S8 ? 1 : 4;
  for (size_t first = 0; first < tile->columns; first += 8) {
    const size_t left = tile->columns - first;
    __m256 bias = _mm256_setzero_ps(), multiplier = _mm256_setzero_ps();
    if (stage->dtype != OCT_S32) {
      bias = _mm256_loadu_ps(stage->bias + tile->column + first);
      multiplier = _mm256_loadu_ps(stage->multiplier + tile->column + first);
    }
    const __m256i minus_zero =
        tile->row_sum ? _mm256_loadu_si256((const __m256i *)(tile->minus_zero + first)) : _mm256_setzero_si256();
    char *row = (char *)tile->c + size * (ptrdiff_t)first;
    for (size_t r = 0; r < tile->rows; r++, row += tile->c_stride) {
      __m256i sum = _mm256_load_si256((const __m256i *)(acc + 16 * r + first));
      if (tile->row_sum)
        sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(_mm256_set1_epi32(tile->row_sum[r]), minus_zero));
      oct_stage_store_avx2(stage, sum, bias, multiplier, row, left);
    }
  }
}

OCT_ISA_END

#endif
#endif /* OCT_GEMM_X86_STORE16_H */
