/* The quantize family on AVX-512 (F, BW, DQ, VL): vcvtps2dq rounds, vpackssdw and vpack(u)swb narrow and clamp,
 * vpmov(z/s)xbd widens, masks make the ends.
 *
 * Tile: 64 elements per step, four rows of them where parameters differ by column; masked lanes are neither read nor
 * written. Bound by conversions within the second-level cache, by memory beyond it. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

enum { LANES = 16, STEP = 64, ROWS = 4 };

#define ALL_64 (~(__mmask64)0)

OCT_ISA_BEGIN(AVX512VNNI)

static inline const void *at(const void *base, size_t bytes) { return (const char *)base + bytes; }
static inline void *at_mutable(void *base, size_t bytes) { return (char *)base + bytes; }

/* The first `count` lanes, at most all. */
static inline __mmask16 lanes(size_t count) { return count >= LANES ? 0xFFFF : (__mmask16)((1u << count) - 1); }
static inline __mmask64 first_64(size_t count) { return count >= STEP ? ALL_64 : ((__mmask64)1 << count) - 1; }

static inline __m512 round_even(__m512 value) {
  return _mm512_roundscale_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* Elements before `values`, which are 4 bytes each, stand at a multiple of 64 bytes, at most `count`; 0 if they never
 * do. Steps from there on load or store whole cache lines. */
static inline size_t elements_to_line(const void *values, size_t count) {
  const size_t bytes = (0 - (uintptr_t)values) % 64;
  return bytes % 4 != 0 ? 0 : bytes / 4 < count ? bytes / 4 : count;
}

/* Four vectors that vpackssdw and vpacksswb (or vpackuswb) took in pairs, in order. */
static inline __m512i in_order(__m512i bytes) {
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
}

/* The low bytes of 64 int32 within -512..511, in order. */
static inline __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i byte = _mm512_set1_epi16(0xFF);
  const __m512i ab = _mm512_and_si512(_mm512_packs_epi32(a, b), byte);
  const __m512i cd = _mm512_and_si512(_mm512_packs_epi32(c, d), byte);
  return in_order(_mm512_packus_epi16(ab, cd));
}

/* 64 int32 plus zero_point (in int16 lanes) as bytes, in order. What lies below the bytes' range saturates at its end,
 * down to the -2^31 that the conversion makes of everything below int32; nothing may lie above the range. */
static inline __attribute__((always_inline)) __m512i saturated(__m512i a, __m512i b, __m512i c, __m512i d,
                                                               __m512i zero_point, const bool is_signed) {
  const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
  const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
  return in_order(is_signed ? _mm512_packs_epi16(ab, cd) : _mm512_packus_epi16(ab, cd));
}

/* A rule in vectors. The lower bound is an end of the output type, which saturation keeps by itself. */
typedef struct quantize_vectors {
  __m512 inverse, add, high;
  __m512i zero_point;
} quantize_vectors;

/* vminps returns its second operand when the first is NaN: NaN ends at `high`. */
static inline __attribute__((always_inline)) __m512i quantize_16(const void *x, __mmask16 m, const quantize_vectors *v,
                                                                 const bool adds) {
  const __m512 product = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x), v->inverse);
  return _mm512_cvtps_epi32(_mm512_min_ps(adds ? _mm512_add_ps(product, v->add) : product, v->high));
}

static inline __attribute__((always_inline)) __m512i quantize_64(const void *x, __mmask64 m, const quantize_vectors *v,
                                                                 const bool adds, const bool is_signed) {
  return saturated(quantize_16(x, (__mmask16)m, v, adds), quantize_16(at(x, 64), (__mmask16)(m >> 16), v, adds),
                   quantize_16(at(x, 128), (__mmask16)(m >> 32), v, adds),
                   quantize_16(at(x, 192), (__mmask16)(m >> 48), v, adds), v->zero_point, is_signed);
}

/* Bytes between a load and what is asked for ahead of it: hardware doesn't look far enough ahead of stores that pass by the
 * caches. */
enum { AHEAD = 4096, READ_AHEAD = 8192 };

/* Past the caches, from where q begins a line on; how many elements that were. */
static inline __attribute__((always_inline)) size_t quantize_past(const void *x, size_t count,
                                                                  const quantize_vectors *v, void *q, const bool adds,
                                                                  const bool is_signed) {
  size_t i = (0 - (uintptr_t)q) % STEP;
  if (i + STEP > count) return 0;
  if (i > 0) _mm512_mask_storeu_epi8(q, first_64(i), quantize_64(x, first_64(i), v, adds, is_signed));
  for (; i + STEP <= count; i += STEP) {
    const void *from = at(x, 4 * i);
    OCT_UNROLL
    for (size_t byte = 0; byte < 4 * STEP; byte += 64)
      _mm_prefetch((const char *)((uintptr_t)from + READ_AHEAD + byte), _MM_HINT_T0);
    _mm512_stream_si512(at_mutable(q, i), quantize_64(from, ALL_64, v, adds, is_signed));
  }
  _mm_sfence();
  return i;
}

static inline __attribute__((always_inline)) void quantize_run(const void *x, size_t count,
                                                               const oct_quantize_rule *rule, void *q, const bool adds,
                                                               const bool is_signed) {
  const quantize_vectors v = {_mm512_set1_ps(rule->inverse), _mm512_set1_ps(rule->add), _mm512_set1_ps(rule->high),
                              _mm512_set1_epi16((int16_t)rule->zero_point)};
  size_t i = rule->streams ? quantize_past(x, count, &v, q, adds, is_signed) : 0;
  if (i == 0 && count >= STEP && (i = elements_to_line(x, count)) > 0) {
    const __mmask64 m = first_64(i);
    _mm512_mask_storeu_epi8(q, m, quantize_64(x, m, &v, adds, is_signed));
  }
  for (; i + STEP <= count; i += STEP)
    _mm512_storeu_si512(at_mutable(q, i), quantize_64(at(x, 4 * i), ALL_64, &v, adds, is_signed));
  if (i < count) {
    const __mmask64 m = first_64(count - i);
    _mm512_mask_storeu_epi8(at_mutable(q, i), m, quantize_64(at(x, 4 * i), m, &v, adds, is_signed));
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

/* Sixteen columns of ROWS rows that lie x_stride bytes apart, to integers that saturation brings into range. */
static inline __attribute__((always_inline)) void quantize_columns_16(const void *x, size_t x_stride,
                                                                      const oct_quantize_columns_rule *r, size_t c,
                                                                      __mmask16 m, const bool round_first,
                                                                      const int rows, __m512i *q) {
  const __m512 inverse = _mm512_maskz_loadu_ps(m, r->inverse + c), z = _mm512_maskz_loadu_ps(m, r->zero_point + c);
  OCT_UNROLL
  for (int row = 0; row < rows; row++) {
    __m512 t = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, at(x, (size_t)row * x_stride)), inverse);
    /* A sum beyond 2^24 may be inexact; it is far outside the bounds then and stays on its side. */
    if (round_first) t = round_even(t);
    q[row] = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_add_ps(t, z), _mm512_set1_ps(r->high)));
  }
}

/* 64 columns from column c on, of a few rows, so that parameters are loaded once for all of them. */
static inline __attribute__((always_inline)) void quantize_columns_64(const oct_quantize_block *block,
                                                                      const oct_quantize_columns_rule *r, size_t first,
                                                                      size_t c, __mmask64 m, const bool round_first,
                                                                      const bool is_signed, const int rows) {
  const size_t x_stride = 4 * block->from_stride;
  const void *x = at(block->from, first * x_stride + 4 * c);
  void *q = at_mutable(block->to, first * block->to_stride + c);
  __m512i v[4][ROWS];
  OCT_UNROLL
  for (int i = 0; i < 4; i++)
    quantize_columns_16(at(x, 64 * (size_t)i), x_stride, r, c + LANES * (size_t)i, (__mmask16)(m >> (LANES * i)),
                        round_first, rows, v[i]);
  OCT_UNROLL
  for (int row = 0; row < rows; row++) {
    const __m512i bytes = saturated(v[0][row], v[1][row], v[2][row], v[3][row], _mm512_setzero_si512(), is_signed);
    void *to = at_mutable(q, (size_t)row * block->to_stride);
    if (m == ALL_64)
      _mm512_storeu_si512(to, bytes);
    else
      _mm512_mask_storeu_epi8(to, m, bytes);
  }
}

static inline __attribute__((always_inline)) void quantize_few_rows(const oct_quantize_block *block,
                                                                    const oct_quantize_columns_rule *rule, size_t first,
                                                                    const bool round_first, const bool is_signed,
                                                                    const int rows) {
  size_t c = 0;
  for (; c + STEP <= block->columns; c += STEP)
    quantize_columns_64(block, rule, first, c, ALL_64, round_first, is_signed, rows);
  if (c < block->columns)
    quantize_columns_64(block, rule, first, c, first_64(block->columns - c), round_first, is_signed, rows);
}

static inline __attribute__((always_inline)) void quantize_byte_rows(const oct_quantize_block *block,
                                                                     const oct_quantize_columns_rule *rule,
                                                                     const bool round_first, const bool is_signed) {
  const oct_quantize_block b = *block;
  const oct_quantize_columns_rule r = *rule;
  size_t row = 0;
  for (; row + ROWS <= b.rows; row += ROWS) quantize_few_rows(&b, &r, row, round_first, is_signed, ROWS);
  for (; row < b.rows; row++) quantize_few_rows(&b, &r, row, round_first, is_signed, 1);
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

typedef enum element_kind { UINT8, INT8, INT32 } element_kind;

/* Sixteen elements as int32. */
static inline __attribute__((always_inline)) __m512i load_16(const void *q, __mmask16 m, const element_kind kind) {
  if (kind == INT32) return _mm512_maskz_loadu_epi32(m, q);
  const __m128i bytes = _mm_maskz_loadu_epi8(m, q);
  return kind == INT8 ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
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

/* Constants of a run in vectors; zero_point is the real one for int32 and all that is taken off for bytes. */
typedef struct dequantize_vectors {
  __m512i offset;
  __m512 zero_point, scale;
  __m512d wide_scale;
} dequantize_vectors;

static inline __attribute__((always_inline)) __m512 dequantize_16(const void *q, __mmask16 m,
                                                                  const dequantize_vectors *v, const element_kind kind,
                                                                  const bool wide) {
  const __m512i e = load_16(q, m, kind);
  if (wide) return wide_16(e, v->offset, v->wide_scale, v->wide_scale);
  /* Bytes and their zero points are exact in float32: taking off there saves an integer subtraction. */
  if (kind != INT32) return _mm512_mul_ps(_mm512_sub_ps(_mm512_cvtepi32_ps(e), v->zero_point), v->scale);
  return real_16(e, v->offset, v->zero_point, v->scale);
}

static inline __attribute__((always_inline)) void dequantize_run(const void *q, size_t count,
                                                                 const oct_dequantize_rule *rule, void *x,
                                                                 const element_kind kind, const bool wide) {
  const size_t width = kind == INT32 ? 4 : 1;
  /* Either the offset is 0, once signed bytes are read as such, or the real zero point. */
  const int32_t offset = rule->offset - (kind == INT8 ? 128 : 0);
  const dequantize_vectors v = {_mm512_set1_epi32(offset),
                                _mm512_set1_ps(kind == INT32 ? rule->zero_point : rule->zero_point + (float)offset),
                                _mm512_set1_ps(rule->scale), _mm512_set1_pd(rule->wide_scale)};
  size_t i = count < STEP ? 0 : elements_to_line(x, count);
  if (i > 0) _mm512_mask_storeu_ps(x, lanes(i), dequantize_16(q, lanes(i), &v, kind, wide));
  const bool streams = rule->streams && (uintptr_t)at(x, 4 * i) % 64 == 0;
  for (; i + STEP <= count && streams; i += STEP) {
    const void *from = at(q, i * width);
    _mm_prefetch((const char *)((uintptr_t)from + AHEAD), _MM_HINT_T0);
    OCT_UNROLL
    for (size_t part = 0; part < STEP; part += LANES)
      _mm512_stream_ps(at_mutable(x, 4 * (i + part)), dequantize_16(at(from, part * width), 0xFFFF, &v, kind, wide));
  }
  if (streams) _mm_sfence();
  for (; i + LANES <= count; i += LANES)
    _mm512_storeu_ps(at_mutable(x, 4 * i), dequantize_16(at(q, i * width), 0xFFFF, &v, kind, wide));
  if (i == count) return;
  const __mmask16 m = lanes(count - i);
  _mm512_mask_storeu_ps(at_mutable(x, 4 * i), m, dequantize_16(at(q, i * width), m, &v, kind, wide));
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

/* Bytes that are read as signed lie 128 below the flipped ones that the rule's offsets are for. */
static inline __attribute__((always_inline)) __m512 dequantize_column_16(const void *q,
                                                                         const oct_dequantize_columns_rule *r, size_t c,
                                                                         __mmask16 m, const element_kind kind,
                                                                         const bool wide) {
  const __m512i v = load_16(q, m, kind);
  const int32_t bias = kind == INT8 ? 128 : 0;
  if (!wide)
    return real_16(v, _mm512_set1_epi32(r->offset - bias), _mm512_maskz_loadu_ps(m, r->zero_point + c),
                   _mm512_maskz_loadu_ps(m, r->scale + c));
  /* Masked addresses may lie beyond the array; only active lanes are touched. */
  const __m512d low = _mm512_maskz_loadu_pd((__mmask8)m, r->wide_scale + c);
  const __m512d high = _mm512_maskz_loadu_pd((__mmask8)(m >> 8), at(r->wide_scale + c, 64));
  const __m512i offset = _mm512_maskz_loadu_epi32(m, r->offsets + c);
  return wide_16(v, kind == INT8 ? _mm512_sub_epi32(offset, _mm512_set1_epi32(bias)) : offset, low, high);
}

static inline __attribute__((always_inline)) void dequantize_rows(const oct_quantize_block *block,
                                                                  const oct_dequantize_columns_rule *rule,
                                                                  const element_kind kind, const bool wide) {
  const oct_dequantize_columns_rule r = *rule;
  const size_t width = kind == INT32 ? 4 : 1;
  for (size_t row = 0; row < block->rows; row++) {
    const void *q = at(block->from, width * row * block->from_stride);
    void *x = at_mutable(block->to, 4 * row * block->to_stride);
    size_t c = 0;
    for (; c + LANES <= block->columns; c += LANES)
      _mm512_storeu_ps(at_mutable(x, 4 * c), dequantize_column_16(at(q, c * width), &r, c, 0xFFFF, kind, wide));
    if (c < block->columns) {
      const __mmask16 m = lanes(block->columns - c);
      _mm512_mask_storeu_ps(at_mutable(x, 4 * c), m, dequantize_column_16(at(q, c * width), &r, c, m, kind, wide));
    }
  }
}

static void dequantize_byte_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  if (rule->flip)
    dequantize_rows(block, rule, INT8, false);
  else
    dequantize_rows(block, rule, UINT8, false);
}
static void dequantize_s32_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, INT32, false);
}
static void dequantize_byte_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  if (rule->flip)
    dequantize_rows(block, rule, INT8, true);
  else
    dequantize_rows(block, rule, UINT8, true);
}
static void dequantize_s32_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, INT32, true);
}

/* One multiplier for all columns, or a vector of them. */
static inline __attribute__((always_inline)) __m512i parameters_16(const void *base, size_t column, __mmask16 m,
                                                                   bool per_column) {
  return per_column ? _mm512_maskz_loadu_epi32(m, at(base, 4 * column)) : _mm512_set1_epi32(oct_load_s32(base, 0));
}

/* 64 columns from column c on, of a few rows: saturation and the lower clamp of bytes replace that of integers. */
static inline __attribute__((always_inline)) void requantize_64(const oct_quantize_block *block,
                                                                const oct_requantize_rule *r, size_t first, size_t c,
                                                                __mmask64 m, const bool per_column,
                                                                const bool is_signed, const int rows) {
  const void *acc = at(block->from, 4 * (first * block->from_stride + c));
  void *q = at_mutable(block->to, first * block->to_stride + c);
  const __m512 high = _mm512_set1_ps(r->high);
  const __m512i zero_point = _mm512_set1_epi16((int16_t)r->zero_point);
  const __m512i lowest = _mm512_set1_epi8((char)((int32_t)r->low + r->zero_point));
  __m512 multiplier[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++)
    multiplier[i] = _mm512_castsi512_ps(
        parameters_16(r->multiplier, c + LANES * (size_t)i, (__mmask16)(m >> (LANES * i)), per_column));
  OCT_UNROLL
  for (int row = 0; row < rows; row++) {
    const void *from = at(acc, 4 * (size_t)row * block->from_stride);
    void *to = at_mutable(q, (size_t)row * block->to_stride);
    __m512i v[4];
    OCT_UNROLL
    for (int i = 0; i < 4; i++) {
      const __m512i integers = _mm512_maskz_loadu_epi32((__mmask16)(m >> (LANES * i)), at(from, 64 * (size_t)i));
      const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(integers), multiplier[i]);
      v[i] = _mm512_cvtps_epi32(_mm512_min_ps(product, high));
    }
    __m512i bytes = saturated(v[0], v[1], v[2], v[3], zero_point, is_signed);
    bytes = is_signed ? _mm512_max_epi8(bytes, lowest) : _mm512_max_epu8(bytes, lowest);
    if (m == ALL_64)
      _mm512_storeu_si512(to, bytes);
    else
      _mm512_mask_storeu_epi8(to, m, bytes);
  }
}

static inline __attribute__((always_inline)) void requantize_few_rows(const oct_quantize_block *block,
                                                                      const oct_requantize_rule *r, size_t first,
                                                                      const bool per_column, const bool is_signed,
                                                                      const int rows) {
  size_t c = 0;
  for (; c + STEP <= block->columns; c += STEP) requantize_64(block, r, first, c, ALL_64, per_column, is_signed, rows);
  if (c < block->columns) requantize_64(block, r, first, c, first_64(block->columns - c), per_column, is_signed, rows);
}

static inline __attribute__((always_inline)) void requantize_rows(const oct_quantize_block *block,
                                                                  const oct_requantize_rule *rule,
                                                                  const bool per_column, const bool is_signed) {
  const oct_quantize_block b = *block;
  const oct_requantize_rule r = *rule;
  size_t row = 0;
  for (; row + ROWS <= b.rows; row += ROWS) requantize_few_rows(&b, &r, row, per_column, is_signed, ROWS);
  for (; row < b.rows; row++) requantize_few_rows(&b, &r, row, per_column, is_signed, 1);
}

/* Outputs that are never below 0 come out the same either way. */
static void requantize(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  const bool is_signed = (int32_t)rule->low + rule->zero_point < 0;
  if (rule->per_column) {
    if (is_signed)
      requantize_rows(block, rule, true, true);
    else
      requantize_rows(block, rule, true, false);
  } else {
    if (is_signed)
      requantize_rows(block, rule, false, true);
    else
      requantize_rows(block, rule, false, false);
  }
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

static inline __attribute__((always_inline)) __m512i requantize_fixed_64(const void *acc, const oct_requantize_rule *r,
                                                                         size_t c, __mmask64 m, const bool per_column) {
  return narrow(requantize_fixed_16(acc, r, c, (__mmask16)m, per_column),
                requantize_fixed_16(at(acc, 64), r, c + 16, (__mmask16)(m >> 16), per_column),
                requantize_fixed_16(at(acc, 128), r, c + 32, (__mmask16)(m >> 32), per_column),
                requantize_fixed_16(at(acc, 192), r, c + 48, (__mmask16)(m >> 48), per_column));
}

static inline __attribute__((always_inline)) void requantize_fixed_rows(const oct_quantize_block *block,
                                                                        const oct_requantize_rule *rule,
                                                                        const bool per_column) {
  const oct_requantize_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const void *acc = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    size_t c = 0;
    for (; c + STEP <= block->columns; c += STEP)
      _mm512_storeu_si512(at_mutable(q, c), requantize_fixed_64(at(acc, 4 * c), &r, c, ALL_64, per_column));
    if (c < block->columns) {
      const __mmask64 m = first_64(block->columns - c);
      _mm512_mask_storeu_epi8(at_mutable(q, c), m, requantize_fixed_64(at(acc, 4 * c), &r, c, m, per_column));
    }
  }
}

static void requantize_fixed(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  if (rule->per_column)
    requantize_fixed_rows(block, rule, true);
  else
    requantize_fixed_rows(block, rule, false);
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
