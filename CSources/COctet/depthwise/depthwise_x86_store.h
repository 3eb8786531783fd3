/* The output stage of the 256-bit kernels: 32 columns of bytes, or eight of anything, at a time. */
#ifndef OCT_DEPTHWISE_X86_STORE_H
#define OCT_DEPTHWISE_X86_STORE_H

#include "base/epilogue_avx2.h"
#include "kernel.h"

#if OCT_ARCH_X86

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX2)

static inline __m256i oct_depthwise_integer_8(const oct_stage *stage, const int32_t *acc, size_t column) {
  return oct_stage_integer_avx2(stage, _mm256_loadu_si256((const void *)acc), _mm256_loadu_ps(stage->bias + column),
                                _mm256_loadu_ps(stage->multiplier + column));
}

/* 32 columns to bytes. */
static inline __attribute__((always_inline)) __m256i oct_depthwise_bytes_32(const oct_stage *stage, const int32_t *acc,
                                                                            size_t column, const bool is_signed) {
  const __m256i ab = _mm256_packs_epi32(oct_depthwise_integer_8(stage, acc, column),
                                        oct_depthwise_integer_8(stage, acc + 8, column + 8));
  const __m256i cd = _mm256_packs_epi32(oct_depthwise_integer_8(stage, acc + 16, column + 16),
                                        oct_depthwise_integer_8(stage, acc + 24, column + 24));
  const __m256i bytes = is_signed ? _mm256_packs_epi16(ab, cd) : _mm256_packus_epi16(ab, cd);
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* The columns that fill vectors of 32 bytes; answers their number. */
static inline __attribute__((always_inline)) size_t oct_depthwise_store_bytes(const oct_depthwise_store *s,
                                                                              const bool is_signed) {
  const oct_stage stage = *s->stage;
  const size_t whole = s->columns / 32 * 32;
  const int32_t *acc = s->acc;
  char *y = s->y;
  for (size_t row = 0; row < s->rows; row++, acc += s->acc_stride, y += s->y_stride)
    for (size_t c = 0; c < whole; c += 32)
      _mm256_storeu_si256((void *)(y + c), oct_depthwise_bytes_32(&stage, acc + c, s->column + c, is_signed));
  return whole;
}

static void oct_depthwise_store_avx2(const oct_depthwise_store *s) {
  const oct_stage *stage = s->stage;
  const bool bytes = stage->dtype == OCT_U8 || stage->dtype == OCT_S8;
  const size_t first = !bytes                   ? 0
                       : stage->dtype == OCT_S8 ? oct_depthwise_store_bytes(s, true)
                                                : oct_depthwise_store_bytes(s, false);
  for (size_t row = 0; row < s->rows; row++) {
    char *y = s->y + (ptrdiff_t)row * s->y_stride;
    for (size_t c = first; c < s->columns; c += 8) {
      const size_t left = s->columns - c, column = s->column + c;
      const __m256i acc = _mm256_loadu_si256((const void *)(s->acc + row * s->acc_stride + c));
      oct_stage_store_avx2(stage, acc, _mm256_loadu_ps(stage->bias + column),
                           _mm256_loadu_ps(stage->multiplier + column), y + c * (bytes ? 1 : 4), left < 8 ? left : 8);
    }
  }
}

OCT_ISA_END

#endif
#endif /* OCT_DEPTHWISE_X86_STORE_H */
