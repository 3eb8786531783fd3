/* The output stage on sixteen columns at a time. */
#ifndef OCT_BASE_EPILOGUE_AVX512_H
#define OCT_BASE_EPILOGUE_AVX512_H

#include "epilogue.h"

#if OCT_ARCH_X86
#include <immintrin.h>

OCT_ISA_BEGIN(AVX512VNNI)

/* The integer output, as int32, of biased accumulators whose columns have this multiplier. The upper clamp comes before
 * the conversion, where its operand order lets a NaN pass; what lies below int32, and a NaN, converts to its lowest
 * value and meets the lower clamp, which costs less among integers. */
static inline __m512i oct_stage_biased_avx512(const oct_stage *stage, __m512 biased, __m512 multiplier) {
  const __m512 t = _mm512_min_ps(_mm512_set1_ps(stage->high), _mm512_mul_ps(biased, multiplier));
  const __m512i q = _mm512_max_epi32(_mm512_cvtps_epi32(t), _mm512_set1_epi32((int32_t)stage->low));
  return _mm512_add_epi32(q, _mm512_set1_epi32(stage->zero_point));
}

/* The same from accumulators whose columns have this bias. */
static inline __m512i oct_stage_integer_avx512(const oct_stage *stage, __m512i acc, __m512 bias, __m512 multiplier) {
  return oct_stage_biased_avx512(stage, _mm512_add_ps(_mm512_cvtepi32_ps(acc), bias), multiplier);
}

/* The operand order of max and min lets a NaN pass. */
static inline __m512 oct_stage_real_avx512(const oct_stage *stage, __m512i acc, __m512 bias, __m512 multiplier) {
  const __m512 y = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier), bias);
  return _mm512_min_ps(_mm512_set1_ps(stage->high), _mm512_max_ps(_mm512_set1_ps(stage->low), y));
}

OCT_ISA_END

#endif
#endif /* OCT_BASE_EPILOGUE_AVX512_H */
