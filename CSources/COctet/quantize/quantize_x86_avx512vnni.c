/* The quantize family on AVX-512 (F, BW, DQ, VL): vcvtps2dq rounds, vpmovdb narrows, vpmovzxbd widens, masks make the
 * tails.
 *
 * Tile: 16 elements per step; masked lanes are neither read nor written. Bound by memory beyond the first-level cache.
 */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "kernels.h"

OCT_FP_STRICT

enum { LANES = 16, STEP = 64 };

OCT_ISA_BEGIN(AVX512VNNI)

static inline const void *at(const void *base, size_t bytes) { return (const char *)base + bytes; }
static inline void *at_mutable(void *base, size_t bytes) { return (char *)base + bytes; }

/* The lanes of the step that starts `left` elements before the end. */
static inline __mmask16 lanes(size_t left) { return left >= LANES ? 0xFFFF : (__mmask16)((1u << left) - 1); }

/* vminps returns its second operand when the first is NaN: NaN ends at `high`. */
static inline __m512 clamp_ps(__m512 value, __m512 low, __m512 high) {
  return _mm512_max_ps(_mm512_min_ps(value, high), low);
}

static inline __m512 round_even(__m512 value) {
  return _mm512_roundscale_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* The low bytes of 64 int32 within -512..511, in order. */
static inline __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i byte = _mm512_set1_epi16(0xFF);
  const __m512i ab = _mm512_and_si512(_mm512_packs_epi32(a, b), byte);
  const __m512i cd = _mm512_and_si512(_mm512_packs_epi32(c, d), byte);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(ab, cd));
}

/* A rule in vectors. */
typedef struct quantize_vectors {
  __m512 inverse, add, low, high;
  __m512i zero_point;
} quantize_vectors;

static inline __attribute__((always_inline)) __m512i quantize_16(const void *x, __mmask16 m,
                                                                 const quantize_vectors *v) {
  const __m512 product = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x), v->inverse);
  const __m512 t = clamp_ps(_mm512_add_ps(product, v->add), v->low, v->high);
  return _mm512_add_epi32(_mm512_cvtps_epi32(t), v->zero_point);
}

static void quantize_byte(const void *x, size_t count, const oct_quantize_rule *rule, void *q) {
  const quantize_vectors v = {_mm512_set1_ps(rule->inverse), _mm512_set1_ps(rule->add), _mm512_set1_ps(rule->low),
                              _mm512_set1_ps(rule->high), _mm512_set1_epi32(rule->zero_point)};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) {
    const void *from = at(x, 4 * i);
    _mm512_storeu_si512(at_mutable(q, i),
                        narrow(quantize_16(from, 0xFFFF, &v), quantize_16(at(from, 64), 0xFFFF, &v),
                               quantize_16(at(from, 128), 0xFFFF, &v), quantize_16(at(from, 192), 0xFFFF, &v)));
  }
  for (; i < count; i += LANES) {
    const __mmask16 m = lanes(count - i);
    _mm512_mask_cvtepi32_storeu_epi8(at_mutable(q, i), m, quantize_16(at(x, 4 * i), m, &v));
  }
}

/* Eight products to int32: rounded, clamped and shifted in double. */
static inline __m256i quantize_s32_8(__m256 product, __m256i zero_point) {
  const __m512d z = _mm512_cvtepi32_pd(zero_point);
  const __m512d low = _mm512_sub_pd(_mm512_set1_pd(INT32_MIN), z), high = _mm512_sub_pd(_mm512_set1_pd(INT32_MAX), z);
  const __m512d t = _mm512_max_pd(_mm512_min_pd(_mm512_cvtps_pd(product), high), low);
  const __m512d rounded = _mm512_roundscale_pd(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_cvtpd_epi32(_mm512_add_pd(rounded, z));
}

static inline __m512i quantize_s32_16(__m512 product, __m512i zero_point) {
  const __m256i low = quantize_s32_8(_mm512_castps512_ps256(product), _mm512_castsi512_si256(zero_point));
  const __m256i high = quantize_s32_8(_mm512_extractf32x8_ps(product, 1), _mm512_extracti32x8_epi32(zero_point, 1));
  return _mm512_inserti32x8(_mm512_castsi256_si512(low), high, 1);
}

static void quantize_s32(const void *x, size_t count, float inverse, int32_t zero_point, void *q) {
  const __m512 v = _mm512_set1_ps(inverse);
  const __m512i z = _mm512_set1_epi32(zero_point);
  for (size_t i = 0; i < count; i += LANES) {
    const __mmask16 m = lanes(count - i);
    const __m512 product = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, at(x, 4 * i)), v);
    _mm512_mask_storeu_epi32(at_mutable(q, 4 * i), m, quantize_s32_16(product, z));
  }
}

static inline __attribute__((always_inline)) __m512i quantize_column_16(const void *x,
                                                                        const oct_quantize_columns_rule *r, size_t c,
                                                                        __mmask16 m, bool round_first) {
  const __m512 z = _mm512_maskz_loadu_ps(m, r->zero_point + c);
  __m512 t = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x), _mm512_maskz_loadu_ps(m, r->inverse + c));
  /* A sum beyond 2^24 may be inexact; it is far outside the bounds then and stays on its side. */
  if (round_first) t = round_even(t);
  return _mm512_cvtps_epi32(clamp_ps(_mm512_add_ps(t, z), _mm512_set1_ps(r->low), _mm512_set1_ps(r->high)));
}

static inline __attribute__((always_inline)) void quantize_byte_rows(const oct_quantize_block *block,
                                                                     const oct_quantize_columns_rule *rule,
                                                                     bool round_first) {
  const oct_quantize_columns_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const void *x = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    size_t c = 0;
    for (; c + STEP <= block->columns; c += STEP) {
      const void *from = at(x, 4 * c);
      _mm512_storeu_si512(at_mutable(q, c), narrow(quantize_column_16(from, &r, c, 0xFFFF, round_first),
                                                   quantize_column_16(at(from, 64), &r, c + 16, 0xFFFF, round_first),
                                                   quantize_column_16(at(from, 128), &r, c + 32, 0xFFFF, round_first),
                                                   quantize_column_16(at(from, 192), &r, c + 48, 0xFFFF, round_first)));
    }
    for (; c < block->columns; c += LANES) {
      const __mmask16 m = lanes(block->columns - c);
      _mm512_mask_cvtepi32_storeu_epi8(at_mutable(q, c), m, quantize_column_16(at(x, 4 * c), &r, c, m, round_first));
    }
  }
}

static void quantize_byte_columns(const oct_quantize_block *block, const oct_quantize_columns_rule *rule) {
  if (rule->round_first)
    quantize_byte_rows(block, rule, true);
  else
    quantize_byte_rows(block, rule, false);
}

static void quantize_s32_columns(const oct_quantize_block *block, const float *inverse, const int32_t *zero_point) {
  for (size_t row = 0; row < block->rows; row++) {
    const void *x = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, 4 * row * block->to_stride);
    for (size_t c = 0; c < block->columns; c += LANES) {
      const __mmask16 m = lanes(block->columns - c);
      const __m512 v = _mm512_maskz_loadu_ps(m, inverse + c);
      const __m512i z = _mm512_maskz_loadu_epi32(m, zero_point + c);
      const __m512 product = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, at(x, 4 * c)), v);
      _mm512_mask_storeu_epi32(at_mutable(q, 4 * c), m, quantize_s32_16(product, z));
    }
  }
}

/* Sixteen elements as int32, bytes flipped to uint8 first. */
static inline __attribute__((always_inline)) __m512i load_16(const void *q, __mmask16 m, bool bytes, uint8_t flip) {
  if (!bytes) return _mm512_maskz_loadu_epi32(m, q);
  return _mm512_cvtepu8_epi32(_mm_xor_si128(_mm_maskz_loadu_epi8(m, q), _mm_set1_epi8((char)flip)));
}

static inline __m512 real_16(__m512i q, __m512i offset, __m512 zero_point, __m512 scale) {
  return _mm512_mul_ps(_mm512_sub_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(q, offset)), zero_point), scale);
}

static inline __m512 wide_16(__m512i q, __m512i offset, __m512d scale_low, __m512d scale_high) {
  const __m512 difference = _mm512_cvtepi32_ps(_mm512_sub_epi32(q, offset));
  const __m512d low = _mm512_mul_pd(scale_low, _mm512_cvtps_pd(_mm512_castps512_ps256(difference)));
  const __m512d high = _mm512_mul_pd(scale_high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(difference, 1)));
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}

static inline __attribute__((always_inline)) void dequantize_run(const void *q, size_t count,
                                                                 const oct_dequantize_rule *rule, void *x, bool bytes,
                                                                 bool wide) {
  const oct_dequantize_rule r = *rule;
  const size_t width = bytes ? 1 : 4;
  const __m512i offset = _mm512_set1_epi32(r.offset);
  const __m512 z = _mm512_set1_ps(r.zero_point), scale = _mm512_set1_ps(r.scale);
  const __m512d wide_scale = _mm512_set1_pd(r.wide_scale);
  for (size_t i = 0; i < count; i += LANES) {
    const __mmask16 m = lanes(count - i);
    const __m512i v = load_16(at(q, i * width), m, bytes, r.flip);
    const __m512 y = wide ? wide_16(v, offset, wide_scale, wide_scale) : real_16(v, offset, z, scale);
    _mm512_mask_storeu_ps(at_mutable(x, 4 * i), m, y);
  }
}

static void dequantize_byte(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, true, false);
}
static void dequantize_s32(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, false, false);
}
static void dequantize_byte_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, true, true);
}
static void dequantize_s32_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, false, true);
}

static inline __attribute__((always_inline)) __m512 dequantize_column_16(const void *q,
                                                                         const oct_dequantize_columns_rule *r, size_t c,
                                                                         __mmask16 m, bool bytes, bool wide) {
  const __m512i v = load_16(q, m, bytes, r->flip);
  if (!wide)
    return real_16(v, _mm512_set1_epi32(r->offset), _mm512_maskz_loadu_ps(m, r->zero_point + c),
                   _mm512_maskz_loadu_ps(m, r->scale + c));
  /* Masked addresses may lie beyond the array; only active lanes are touched. */
  const __m512d low = _mm512_maskz_loadu_pd((__mmask8)m, r->wide_scale + c);
  const __m512d high = _mm512_maskz_loadu_pd((__mmask8)(m >> 8), at(r->wide_scale + c, 64));
  return wide_16(v, _mm512_maskz_loadu_epi32(m, r->offsets + c), low, high);
}

static inline __attribute__((always_inline)) void dequantize_rows(const oct_quantize_block *block,
                                                                  const oct_dequantize_columns_rule *rule, bool bytes,
                                                                  bool wide) {
  const oct_dequantize_columns_rule r = *rule;
  const size_t width = bytes ? 1 : 4;
  for (size_t row = 0; row < block->rows; row++) {
    const void *q = at(block->from, width * row * block->from_stride);
    void *x = at_mutable(block->to, 4 * row * block->to_stride);
    for (size_t c = 0; c < block->columns; c += LANES) {
      const __mmask16 m = lanes(block->columns - c);
      _mm512_mask_storeu_ps(at_mutable(x, 4 * c), m, dequantize_column_16(at(q, c * width), &r, c, m, bytes, wide));
    }
  }
}

static void dequantize_byte_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, true, false);
}
static void dequantize_s32_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, false, false);
}
static void dequantize_byte_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, true, true);
}
static void dequantize_s32_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, false, true);
}

/* One multiplier for all columns, or a vector of them. */
static inline __attribute__((always_inline)) __m512i parameters_16(const void *base, size_t column, __mmask16 m,
                                                                   bool per_column) {
  return per_column ? _mm512_maskz_loadu_epi32(m, at(base, 4 * column)) : _mm512_set1_epi32(oct_load_s32(base, 0));
}

static inline __attribute__((always_inline)) __m512i requantize_16(const void *acc, const oct_requantize_rule *r,
                                                                   size_t c, __mmask16 m, bool per_column) {
  const __m512 multiplier = _mm512_castsi512_ps(parameters_16(r->multiplier, c, m, per_column));
  const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(m, acc)), multiplier);
  const __m512 t = clamp_ps(product, _mm512_set1_ps(r->low), _mm512_set1_ps(r->high));
  return _mm512_add_epi32(_mm512_cvtps_epi32(t), _mm512_set1_epi32(r->zero_point));
}

/* acc << left, saturating. */
static inline __m512i shift_left_saturating(__m512i acc, __m512i left) {
  const __m512i shifted = _mm512_sllv_epi32(acc, left);
  const __mmask16 kept = _mm512_cmpeq_epi32_mask(_mm512_srav_epi32(shifted, left), acc);
  const __m512i end = _mm512_xor_si512(_mm512_srai_epi32(acc, 31), _mm512_set1_epi32(INT32_MAX));
  return _mm512_mask_mov_epi32(end, kept, shifted);
}

/* (a * b + 2^30) >> 31. The result fits 32 bits, so that a logical shift of the 64-bit sums serves. */
static inline __m512i multiply_high_rounding(__m512i a, __m512i b) {
  const __m512i half = _mm512_set1_epi64((int64_t)1 << 30);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
  const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), half);
  return _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xAAAA, _mm512_slli_epi64(odd, 1));
}

static inline __attribute__((always_inline)) __m512i requantize_fixed_16(const void *acc, const oct_requantize_rule *r,
                                                                         size_t c, __mmask16 m, bool per_column) {
  const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
  const __m512i shift = parameters_16(r->fixed_shift, c, m, per_column);
  const __m512i left = _mm512_max_epi32(shift, zero), right = _mm512_max_epi32(_mm512_sub_epi32(zero, shift), zero);
  const __m512i v = multiply_high_rounding(shift_left_saturating(_mm512_maskz_loadu_epi32(m, acc), left),
                                           parameters_16(r->fixed_multiplier, c, m, per_column));
  const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
  const __m512i threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(v, 31));
  const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(v, mask), threshold);
  __m512i t = _mm512_srav_epi32(v, right);
  t = _mm512_mask_add_epi32(t, up, t, one);
  t = _mm512_max_epi32(_mm512_min_epi32(t, _mm512_set1_epi32(r->fixed_high)), _mm512_set1_epi32(r->fixed_low));
  return _mm512_add_epi32(t, _mm512_set1_epi32(r->zero_point));
}

static inline __attribute__((always_inline)) __m512i requantize_either_16(const void *acc, const oct_requantize_rule *r,
                                                                          size_t c, __mmask16 m, bool fixed,
                                                                          bool per_column) {
  return fixed ? requantize_fixed_16(acc, r, c, m, per_column) : requantize_16(acc, r, c, m, per_column);
}

static inline __attribute__((always_inline)) void requantize_rows(const oct_quantize_block *block,
                                                                  const oct_requantize_rule *rule, bool fixed,
                                                                  bool per_column) {
  const oct_requantize_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const void *acc = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    size_t c = 0;
    for (; c + STEP <= block->columns; c += STEP) {
      const void *from = at(acc, 4 * c);
      _mm512_storeu_si512(at_mutable(q, c),
                          narrow(requantize_either_16(from, &r, c, 0xFFFF, fixed, per_column),
                                 requantize_either_16(at(from, 64), &r, c + 16, 0xFFFF, fixed, per_column),
                                 requantize_either_16(at(from, 128), &r, c + 32, 0xFFFF, fixed, per_column),
                                 requantize_either_16(at(from, 192), &r, c + 48, 0xFFFF, fixed, per_column)));
    }
    for (; c < block->columns; c += LANES) {
      const __mmask16 m = lanes(block->columns - c);
      _mm512_mask_cvtepi32_storeu_epi8(at_mutable(q, c), m,
                                       requantize_either_16(at(acc, 4 * c), &r, c, m, fixed, per_column));
    }
  }
}

static void requantize(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  if (rule->per_column)
    requantize_rows(block, rule, false, true);
  else
    requantize_rows(block, rule, false, false);
}

static void requantize_fixed(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  if (rule->per_column)
    requantize_rows(block, rule, true, true);
  else
    requantize_rows(block, rule, true, false);
}

OCT_ISA_END

const oct_quantize_kernels oct_quantize_avx512vnni = {
    .name = "avx512vnni",
    .isa = OCT_ISA_AVX512VNNI,
    .quantize_byte = quantize_byte,
    .quantize_s32 = quantize_s32,
    .quantize_byte_columns = quantize_byte_columns,
    .quantize_s32_columns = quantize_s32_columns,
    .dequantize_byte = dequantize_byte,
    .dequantize_s32 = dequantize_s32,
    .dequantize_byte_wide = dequantize_byte_wide,
    .dequantize_s32_wide = dequantize_s32_wide,
    .dequantize_byte_columns = dequantize_byte_columns,
    .dequantize_s32_columns = dequantize_s32_columns,
    .dequantize_byte_wide_columns = dequantize_byte_wide_columns,
    .dequantize_s32_wide_columns = dequantize_s32_wide_columns,
    .requantize = requantize,
    .requantize_fixed = requantize_fixed,
};

#endif /* OCT_ARCH_X86 */
