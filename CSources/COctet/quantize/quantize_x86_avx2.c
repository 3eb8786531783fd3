/* The quantize family on AVX2: cvtps2dq rounds, packssdw and packuswb narrow, pmovzxbd widens.
 *
 * Tile: 32 bytes of output (or input) per step for bytes, 8 elements for int32. Tails go through a padded block on the
 * stack, so that nothing is read or written beyond the arrays. Bound by memory beyond the second-level cache, by
 * conversions within it. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

enum { LANES = 8, STEP = 32 };

OCT_ISA_BEGIN(AVX2)

/* The low bytes of 32 int32 within -512..511, in order. */
static inline __m256i narrow(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i byte = _mm256_set1_epi16(0xFF);
  const __m256i ab = _mm256_and_si256(_mm256_packs_epi32(a, b), byte);
  const __m256i cd = _mm256_and_si256(_mm256_packs_epi32(c, d), byte);
  return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* 32 int32 plus zero_point (in int16 lanes) as bytes, in order. What lies below the bytes' range saturates at its end,
 * down to the -2^31 that the conversion makes of everything below int32; nothing may lie above the range. */
static inline __attribute__((always_inline)) __m256i saturated(__m256i a, __m256i b, __m256i c, __m256i d,
                                                               __m256i zero_point, const bool is_signed) {
  const __m256i ab = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero_point);
  const __m256i cd = _mm256_adds_epi16(_mm256_packs_epi32(c, d), zero_point);
  const __m256i bytes = is_signed ? _mm256_packs_epi16(ab, cd) : _mm256_packus_epi16(ab, cd);
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline const void *at(const void *base, size_t bytes) { return (const char *)base + bytes; }
static inline void *at_mutable(void *base, size_t bytes) { return (char *)base + bytes; }

/* A rule in vectors. The lower bound is an end of the output type, which saturation keeps by itself. */
typedef struct quantize_vectors {
  __m256 inverse, add, high;
  __m256i zero_point;
} quantize_vectors;

/* minps returns its second operand when the first is NaN: NaN ends at `high`. */
static inline __attribute__((always_inline)) __m256i quantize_8(const void *x, const quantize_vectors *v,
                                                                const bool adds) {
  const __m256 product = _mm256_mul_ps(_mm256_loadu_ps(x), v->inverse);
  return _mm256_cvtps_epi32(_mm256_min_ps(adds ? _mm256_add_ps(product, v->add) : product, v->high));
}

static inline __attribute__((always_inline)) __m256i quantize_32(const void *x, const quantize_vectors *v,
                                                                 const bool adds, const bool is_signed) {
  return saturated(quantize_8(x, v, adds), quantize_8(at(x, 32), v, adds), quantize_8(at(x, 64), v, adds),
                   quantize_8(at(x, 96), v, adds), v->zero_point, is_signed);
}

static inline __attribute__((always_inline)) void quantize_run(const void *x, size_t count,
                                                               const oct_quantize_rule *rule, void *q, const bool adds,
                                                               const bool is_signed) {
  const quantize_vectors v = {_mm256_set1_ps(rule->inverse), _mm256_set1_ps(rule->add), _mm256_set1_ps(rule->high),
                              _mm256_set1_epi16((int16_t)rule->zero_point)};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP)
    _mm256_storeu_si256(at_mutable(q, i), quantize_32(at(x, 4 * i), &v, adds, is_signed));
  if (i < count) {
    float padded[STEP] = {0};
    uint8_t out[STEP];
    memcpy(padded, at(x, 4 * i), 4 * (count - i));
    _mm256_storeu_si256((__m256i *)out, quantize_32(padded, &v, adds, is_signed));
    memcpy(at_mutable(q, i), out, count - i);
  }
}

static void quantize_byte(const void *x, size_t count, const oct_quantize_rule *rule, void *q) {
  const bool adds = rule->add != 0.0f;
  if (oct_quantize_is_signed(rule)) {
    if (adds)
      quantize_run(x, count, rule, q, true, true);
    else
      quantize_run(x, count, rule, q, false, true);
  } else {
    if (adds)
      quantize_run(x, count, rule, q, true, false);
    else
      quantize_run(x, count, rule, q, false, false);
  }
}

/* Four products to int32: rounded, clamped and shifted in double. */
static inline __m128i quantize_s32_4(__m128 product, __m128i zero_point) {
  const __m256d z = _mm256_cvtepi32_pd(zero_point);
  const __m256d low = _mm256_sub_pd(_mm256_set1_pd(INT32_MIN), z), high = _mm256_sub_pd(_mm256_set1_pd(INT32_MAX), z);
  const __m256d t = _mm256_max_pd(_mm256_min_pd(_mm256_cvtps_pd(product), high), low);
  return _mm256_cvtpd_epi32(_mm256_add_pd(_mm256_round_pd(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), z));
}

static inline __m256i quantize_s32_8(const void *x, __m256 inverse, __m256i zero_point) {
  const __m256 product = _mm256_mul_ps(_mm256_loadu_ps(x), inverse);
  const __m128i low = quantize_s32_4(_mm256_castps256_ps128(product), _mm256_castsi256_si128(zero_point));
  const __m128i high = quantize_s32_4(_mm256_extractf128_ps(product, 1), _mm256_extracti128_si256(zero_point, 1));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

static void quantize_s32(const void *x, size_t count, float inverse, int32_t zero_point, void *q) {
  const __m256 v = _mm256_set1_ps(inverse);
  const __m256i z = _mm256_set1_epi32(zero_point);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) _mm256_storeu_si256(at_mutable(q, 4 * i), quantize_s32_8(at(x, 4 * i), v, z));
  if (i < count) {
    float padded[LANES] = {0};
    int32_t out[LANES];
    memcpy(padded, at(x, 4 * i), 4 * (count - i));
    _mm256_storeu_si256((__m256i *)out, quantize_s32_8(padded, v, z));
    memcpy(at_mutable(q, 4 * i), out, 4 * (count - i));
  }
}

static inline __attribute__((always_inline)) __m256i quantize_column_8(const void *x, const float *inverse,
                                                                       const float *zero_point, __m256 high,
                                                                       const bool round_first) {
  const __m256 z = _mm256_loadu_ps(zero_point);
  __m256 t = _mm256_mul_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(inverse));
  /* A sum beyond 2^24 may be inexact; it is far outside the bounds then and stays on its side. */
  if (round_first) t = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_add_ps(t, z), high));
}

static inline __attribute__((always_inline)) __m256i quantize_column_32(const void *x, const float *inverse,
                                                                        const float *zero_point, __m256 high,
                                                                        const bool round_first, const bool is_signed) {
  return saturated(quantize_column_8(x, inverse, zero_point, high, round_first),
                   quantize_column_8(at(x, 32), inverse + 8, zero_point + 8, high, round_first),
                   quantize_column_8(at(x, 64), inverse + 16, zero_point + 16, high, round_first),
                   quantize_column_8(at(x, 96), inverse + 24, zero_point + 24, high, round_first),
                   _mm256_setzero_si256(), is_signed);
}

static inline __attribute__((always_inline)) void quantize_byte_rows(const oct_quantize_block *block,
                                                                     const oct_quantize_columns_rule *rule,
                                                                     const bool round_first, const bool is_signed) {
  const __m256 high = _mm256_set1_ps(rule->high);
  const size_t columns = block->columns, tail = columns % STEP, body = columns - tail;
  float inverse[STEP] = {0}, zero_point[STEP] = {0}, padded[STEP] = {0};
  if (tail) {
    memcpy(inverse, rule->inverse + body, tail * sizeof(float));
    memcpy(zero_point, rule->zero_point + body, tail * sizeof(float));
  }
  for (size_t row = 0; row < block->rows; row++) {
    const void *x = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    for (size_t c = 0; c < body; c += STEP)
      _mm256_storeu_si256(at_mutable(q, c), quantize_column_32(at(x, 4 * c), rule->inverse + c, rule->zero_point + c,
                                                               high, round_first, is_signed));
    if (tail) {
      uint8_t out[STEP];
      memcpy(padded, at(x, 4 * body), 4 * tail);
      _mm256_storeu_si256((__m256i *)out,
                          quantize_column_32(padded, inverse, zero_point, high, round_first, is_signed));
      memcpy(at_mutable(q, body), out, tail);
    }
  }
}

static void quantize_byte_columns(const oct_quantize_block *block, const oct_quantize_columns_rule *rule) {
  const bool is_signed = rule->low < 0.0f;
  if (rule->round_first) {
    if (is_signed)
      quantize_byte_rows(block, rule, true, true);
    else
      quantize_byte_rows(block, rule, true, false);
  } else {
    if (is_signed)
      quantize_byte_rows(block, rule, false, true);
    else
      quantize_byte_rows(block, rule, false, false);
  }
}

static void quantize_s32_columns(const oct_quantize_block *block, const float *inverse, const int32_t *zero_point) {
  const size_t columns = block->columns, tail = columns % LANES, body = columns - tail;
  for (size_t row = 0; row < block->rows; row++) {
    const void *x = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, 4 * row * block->to_stride);
    for (size_t c = 0; c < body; c += LANES)
      _mm256_storeu_si256(at_mutable(q, 4 * c), quantize_s32_8(at(x, 4 * c), _mm256_loadu_ps(inverse + c),
                                                               _mm256_loadu_si256((const __m256i *)(zero_point + c))));
    if (tail) {
      float padded[LANES] = {0}, v[LANES] = {0};
      int32_t z[LANES] = {0}, out[LANES];
      memcpy(padded, at(x, 4 * body), 4 * tail);
      memcpy(v, inverse + body, 4 * tail);
      memcpy(z, zero_point + body, 4 * tail);
      _mm256_storeu_si256((__m256i *)out, quantize_s32_8(padded, _mm256_loadu_ps(v), _mm256_loadu_si256((__m256i *)z)));
      memcpy(at_mutable(q, 4 * body), out, 4 * tail);
    }
  }
}

typedef enum element_kind { UINT8, INT8, INT32 } element_kind;

/* Eight elements as int32. */
static inline __attribute__((always_inline)) __m256i load_8(const void *q, const element_kind kind) {
  if (kind == INT32) return _mm256_loadu_si256(q);
  const __m128i bytes = _mm_loadl_epi64(q);
  return kind == INT8 ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
}

static inline __m256 real_8(__m256i q, __m256i offset, __m256 zero_point, __m256 scale) {
  return _mm256_mul_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(q, offset)), zero_point), scale);
}

static inline __m256 wide_8(__m256i q, __m256i offset, __m256d scale_low, __m256d scale_high) {
  const __m256 difference = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, offset));
  const __m256d low = _mm256_mul_pd(scale_low, _mm256_cvtps_pd(_mm256_castps256_ps128(difference)));
  const __m256d high = _mm256_mul_pd(scale_high, _mm256_cvtps_pd(_mm256_extractf128_ps(difference, 1)));
  return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}

/* Constants of a run in vectors; zero_point is the real one for int32 and all that is taken off for bytes. */
typedef struct dequantize_vectors {
  __m256i offset;
  __m256 zero_point, scale;
  __m256d wide_scale;
} dequantize_vectors;

static inline __attribute__((always_inline)) __m256 dequantize_8(const void *q, const dequantize_vectors *v,
                                                                 const element_kind kind, const bool wide) {
  const __m256i e = load_8(q, kind);
  if (wide) return wide_8(e, v->offset, v->wide_scale, v->wide_scale);
  /* Bytes and their zero points are exact in float32: taking off there saves an integer subtraction. */
  if (kind != INT32) return _mm256_mul_ps(_mm256_sub_ps(_mm256_cvtepi32_ps(e), v->zero_point), v->scale);
  return real_8(e, v->offset, v->zero_point, v->scale);
}

static inline __attribute__((always_inline)) void dequantize_run(const void *q, size_t count,
                                                                 const oct_dequantize_rule *rule, void *x,
                                                                 const element_kind kind, const bool wide) {
  const size_t width = kind == INT32 ? 4 : 1;
  /* Either the offset is 0, once signed bytes are read as such, or the real zero point. */
  const int32_t offset = rule->offset - (kind == INT8 ? 128 : 0);
  const dequantize_vectors v = {_mm256_set1_epi32(offset),
                                _mm256_set1_ps(kind == INT32 ? rule->zero_point : rule->zero_point + (float)offset),
                                _mm256_set1_ps(rule->scale), _mm256_set1_pd(rule->wide_scale)};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) {
    const void *from = at(q, i * width);
    void *to = at_mutable(x, 4 * i);
    OCT_UNROLL
    for (size_t part = 0; part < STEP; part += LANES)
      _mm256_storeu_ps(at_mutable(to, 4 * part), dequantize_8(at(from, part * width), &v, kind, wide));
  }
  for (; i < count; i += LANES) {
    const size_t left = count - i < LANES ? count - i : LANES;
    int32_t padded[LANES] = {0};
    float out[LANES];
    memcpy(padded, at(q, i * width), left * width);
    _mm256_storeu_ps(out, dequantize_8(padded, &v, kind, wide));
    memcpy(at_mutable(x, 4 * i), out, 4 * left);
  }
}

static void dequantize_byte(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  if (rule->flip)
    dequantize_run(q, count, rule, x, INT8, false);
  else
    dequantize_run(q, count, rule, x, UINT8, false);
}
static void dequantize_s32(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, INT32, false);
}
static void dequantize_byte_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  if (rule->flip)
    dequantize_run(q, count, rule, x, INT8, true);
  else
    dequantize_run(q, count, rule, x, UINT8, true);
}
static void dequantize_s32_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, INT32, true);
}

/* Eight columns from column c on; the arrays of the rule hold whole vectors from there. */
static inline __attribute__((always_inline)) __m256 dequantize_column_8(const void *q,
                                                                        const oct_dequantize_columns_rule *r, size_t c,
                                                                        bool bytes, bool wide) {
  __m256i v = load_8(q, bytes ? UINT8 : INT32);
  if (bytes) v = _mm256_xor_si256(v, _mm256_set1_epi32(r->flip));
  if (wide)
    return wide_8(v, _mm256_loadu_si256((const __m256i *)(r->offsets + c)), _mm256_loadu_pd(r->wide_scale + c),
                  _mm256_loadu_pd(r->wide_scale + c + 4));
  return real_8(v, _mm256_set1_epi32(r->offset), _mm256_loadu_ps(r->zero_point + c), _mm256_loadu_ps(r->scale + c));
}

static inline __attribute__((always_inline)) void dequantize_rows(const oct_quantize_block *block,
                                                                  const oct_dequantize_columns_rule *rule, bool bytes,
                                                                  bool wide) {
  const oct_dequantize_columns_rule r = *rule;
  const size_t width = bytes ? 1 : 4, tail = block->columns % LANES, body = block->columns - tail;
  int32_t offsets[LANES] = {0};
  float zero_point[LANES] = {0}, scale[LANES] = {0};
  double wide_scale[LANES] = {0};
  oct_dequantize_columns_rule last = r;
  if (tail && wide) {
    memcpy(offsets, r.offsets + body, 4 * tail);
    memcpy(wide_scale, r.wide_scale + body, 8 * tail);
  } else if (tail) {
    memcpy(zero_point, r.zero_point + body, 4 * tail);
    memcpy(scale, r.scale + body, 4 * tail);
  }
  last.offsets = offsets;
  last.zero_point = zero_point;
  last.scale = scale;
  last.wide_scale = wide_scale;
  for (size_t row = 0; row < block->rows; row++) {
    const void *q = at(block->from, width * row * block->from_stride);
    void *x = at_mutable(block->to, 4 * row * block->to_stride);
    for (size_t c = 0; c < body; c += LANES)
      _mm256_storeu_ps(at_mutable(x, 4 * c), dequantize_column_8(at(q, c * width), &r, c, bytes, wide));
    if (tail) {
      int32_t padded[LANES] = {0};
      float out[LANES];
      memcpy(padded, at(q, body * width), tail * width);
      _mm256_storeu_ps(out, dequantize_column_8(padded, &last, 0, bytes, wide));
      memcpy(at_mutable(x, 4 * body), out, 4 * tail);
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
static inline __attribute__((always_inline)) __m256i parameters_8(const void *base, size_t column, bool per_column) {
  return per_column ? _mm256_loadu_si256(at(base, 4 * column)) : _mm256_set1_epi32(oct_load_s32(base, 0));
}

/* Integers that saturation and the lower clamp of bytes bring into range. */
static inline __attribute__((always_inline)) __m256i requantize_8(const void *acc, const oct_requantize_rule *r,
                                                                  size_t c) {
  const __m256 multiplier = _mm256_castsi256_ps(parameters_8(r->multiplier, c, r->per_column));
  const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_loadu_si256(acc)), multiplier);
  return _mm256_cvtps_epi32(_mm256_min_ps(product, _mm256_set1_ps(r->high)));
}

/* acc << left, saturating. */
static inline __m256i shift_left_saturating(__m256i acc, __m256i left) {
  const __m256i shifted = _mm256_sllv_epi32(acc, left);
  const __m256i kept = _mm256_cmpeq_epi32(_mm256_srav_epi32(shifted, left), acc);
  const __m256i end = _mm256_xor_si256(_mm256_srai_epi32(acc, 31), _mm256_set1_epi32(INT32_MAX));
  return _mm256_blendv_epi8(end, shifted, kept);
}

/* (a * b + 2^30) >> 31. The result fits 32 bits, so that a logical shift of the 64-bit sums serves. */
static inline __m256i multiply_high_rounding(__m256i a, __m256i b) {
  const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
  const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)), half);
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
}

static inline __attribute__((always_inline)) __m256i requantize_fixed_8(const void *acc, const oct_requantize_rule *r,
                                                                        size_t c) {
  const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
  const __m256i shift = parameters_8(r->fixed_shift, c, r->per_column);
  const __m256i left = _mm256_max_epi32(shift, zero), right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift), zero);
  const __m256i v = multiply_high_rounding(shift_left_saturating(_mm256_loadu_si256(acc), left),
                                           parameters_8(r->fixed_multiplier, c, r->per_column));
  const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
  const __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(v, 31));
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(v, mask), threshold);
  __m256i t = _mm256_sub_epi32(_mm256_srav_epi32(v, right), up);
  t = _mm256_max_epi32(_mm256_min_epi32(t, _mm256_set1_epi32(r->fixed_high)), _mm256_set1_epi32(r->fixed_low));
  return _mm256_add_epi32(t, _mm256_set1_epi32(r->zero_point));
}

static inline __attribute__((always_inline)) __m256i requantize_32(const void *acc, const oct_requantize_rule *r,
                                                                   size_t c, const bool fixed, const bool is_signed) {
  if (fixed)
    return narrow(requantize_fixed_8(acc, r, c), requantize_fixed_8(at(acc, 32), r, c + 8),
                  requantize_fixed_8(at(acc, 64), r, c + 16), requantize_fixed_8(at(acc, 96), r, c + 24));
  const __m256i bytes =
      saturated(requantize_8(acc, r, c), requantize_8(at(acc, 32), r, c + 8), requantize_8(at(acc, 64), r, c + 16),
                requantize_8(at(acc, 96), r, c + 24), _mm256_set1_epi16((int16_t)r->zero_point), is_signed);
  const __m256i lowest = _mm256_set1_epi8((char)((int32_t)r->low + r->zero_point));
  return is_signed ? _mm256_max_epi8(bytes, lowest) : _mm256_max_epu8(bytes, lowest);
}

static inline __attribute__((always_inline)) void requantize_rows(const oct_quantize_block *block,
                                                                  const oct_requantize_rule *rule, const bool fixed,
                                                                  const bool per_column, const bool is_signed) {
  oct_requantize_rule r = *rule;
  r.per_column = per_column;
  const size_t tail = block->columns % STEP, body = block->columns - tail;
  float multiplier[STEP] = {0};
  int32_t fixed_multiplier[STEP] = {0}, fixed_shift[STEP] = {0};
  oct_requantize_rule last = r;
  if (tail && per_column) {
    if (fixed) {
      memcpy(fixed_multiplier, at(r.fixed_multiplier, 4 * body), 4 * tail);
      memcpy(fixed_shift, at(r.fixed_shift, 4 * body), 4 * tail);
    } else {
      memcpy(multiplier, at(r.multiplier, 4 * body), 4 * tail);
    }
    last.multiplier = multiplier;
    last.fixed_multiplier = fixed_multiplier;
    last.fixed_shift = fixed_shift;
  }
  for (size_t row = 0; row < block->rows; row++) {
    const void *acc = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    for (size_t c = 0; c < body; c += STEP)
      _mm256_storeu_si256(at_mutable(q, c), requantize_32(at(acc, 4 * c), &r, c, fixed, is_signed));
    if (tail) {
      int32_t padded[STEP] = {0};
      uint8_t out[STEP];
      memcpy(padded, at(acc, 4 * body), 4 * tail);
      _mm256_storeu_si256((__m256i *)out, requantize_32(padded, &last, 0, fixed, is_signed));
      memcpy(at_mutable(q, body), out, tail);
    }
  }
}

/* Outputs that are never below 0 come out the same either way. */
static void requantize(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  const bool is_signed = (int32_t)rule->low + rule->zero_point < 0;
  if (rule->per_column) {
    if (is_signed)
      requantize_rows(block, rule, false, true, true);
    else
      requantize_rows(block, rule, false, true, false);
  } else {
    if (is_signed)
      requantize_rows(block, rule, false, false, true);
    else
      requantize_rows(block, rule, false, false, false);
  }
}

static void requantize_fixed(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  if (rule->per_column)
    requantize_rows(block, rule, true, true, false);
  else
    requantize_rows(block, rule, true, false, false);
}

OCT_ISA_END

const oct_quantize_kernels oct_quantize_avx2 = {
    .name = "avx2",
    .isa = OCT_ISA_AVX2,
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
