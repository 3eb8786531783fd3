/* The output stage on eight columns at a time. */
#ifndef OCT_BASE_EPILOGUE_AVX2_H
#define OCT_BASE_EPILOGUE_AVX2_H

#include "epilogue.h"

#if OCT_ARCH_X86
#include <immintrin.h>

OCT_ISA_BEGIN(AVX2)

/* The integer output, as int32, of accumulators whose columns have this bias and multiplier. */
static inline __m256i oct_stage_integer_avx2(const oct_stage *stage, __m256i acc, __m256 bias, __m256 multiplier) {
  __m256 t = _mm256_mul_ps(_mm256_add_ps(_mm256_cvtepi32_ps(acc), bias), multiplier);
  t = _mm256_min_ps(_mm256_max_ps(t, _mm256_set1_ps(stage->low)), _mm256_set1_ps(stage->high));
  return _mm256_add_epi32(_mm256_cvtps_epi32(t), _mm256_set1_epi32(stage->zero_point));
}

/* The operand order of max and min lets a NaN pass. */
static inline __m256 oct_stage_real_avx2(const oct_stage *stage, __m256i acc, __m256 bias, __m256 multiplier) {
  const __m256 y = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), multiplier), bias);
  return _mm256_min_ps(_mm256_set1_ps(stage->high), _mm256_max_ps(_mm256_set1_ps(stage->low), y));
}

/* Stores the first `count` (1...8) of eight bytes that lie in int32 lanes, each within the range of uint8 or of int8.
 */
static inline void oct_store_bytes_avx2(void *out, __m256i values, bool is_signed, size_t count) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
  const __m128i bytes = is_signed ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
  if (count >= 8) {
    _mm_storel_epi64((__m128i *)out, bytes);
    return;
  }
  uint64_t left = (uint64_t)_mm_cvtsi128_si64(bytes);
  for (size_t i = 0; i < count; i++, left >>= 8) ((uint8_t *)out)[i] = (uint8_t)left;
}

/* Stores the first `count` (1...8) of eight int32 or float32 lanes. */
static inline void oct_store_words_avx2(void *out, __m256i values, size_t count) {
  if (count >= 8) {
    _mm256_storeu_si256((__m256i *)out, values);
    return;
  }
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_epi32((int *)out, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes), values);
}

/* Applies the stage to eight accumulators and stores the first `count` of the outputs at `out`. Bias and multiplier are
 * not read for int32 outputs. */
static inline void oct_stage_store_avx2(const oct_stage *stage, __m256i acc, __m256 bias, __m256 multiplier, void *out,
                                        size_t count) {
  switch (stage->dtype) {
    case OCT_U8:
    case OCT_S8:
      oct_store_bytes_avx2(out, oct_stage_integer_avx2(stage, acc, bias, multiplier), stage->dtype == OCT_S8, count);
      break;
    case OCT_F32:
      oct_store_words_avx2(out, _mm256_castps_si256(oct_stage_real_avx2(stage, acc, bias, multiplier)), count);
      break;
    case OCT_S32: oct_store_words_avx2(out, acc, count); break;
  }
}

OCT_ISA_END

#endif
#endif /* OCT_BASE_EPILOGUE_AVX2_H */
