/* Depthwise convolution on AVX-512 VNNI: vpdpbusd multiplies four uint8 taps by four int8 weights and adds them,
 * without saturation.
 *
 * Tile: 16 channels of 8 outputs, eight accumulators (sixteen with weight zero points). Bound by the loads of cells:
 * one per vpdpbusd. Gathering transposes 4 taps x 64 channels with 16 shuffles. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/epilogue_avx512.h"
#include "base/unroll.h"
#include "rows.h"

OCT_FP_STRICT

enum { UNIT = OCT_DEPTHWISE_UNIT, CELL = 64, LANES = 4 };

OCT_ISA_BEGIN(AVX512VNNI)

static inline __m512i flipped_64(const uint8_t *x, __m512i flip) {
  return _mm512_xor_si512(_mm512_loadu_si512(x), flip);
}

/* Four cells, one for each unit of 64 channels. */
static inline void gather_64(const uint8_t *const *taps, size_t offset, __m512i flip, char *to, size_t unit_stride) {
  const __m512i a = flipped_64(taps[0] + offset, flip), b = flipped_64(taps[1] + offset, flip);
  const __m512i c = flipped_64(taps[2] + offset, flip), d = flipped_64(taps[3] + offset, flip);
  const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  const __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  /* Lane u of quad k holds channels 16 u + 4 k + 0...3. */
  const __m512i quad0 = _mm512_unpacklo_epi16(ab_low, cd_low), quad1 = _mm512_unpackhi_epi16(ab_low, cd_low);
  const __m512i quad2 = _mm512_unpacklo_epi16(ab_high, cd_high), quad3 = _mm512_unpackhi_epi16(ab_high, cd_high);
  const __m512i low01 = _mm512_shuffle_i32x4(quad0, quad1, 0x44), high01 = _mm512_shuffle_i32x4(quad0, quad1, 0xEE);
  const __m512i low23 = _mm512_shuffle_i32x4(quad2, quad3, 0x44), high23 = _mm512_shuffle_i32x4(quad2, quad3, 0xEE);
  _mm512_store_si512(to, _mm512_shuffle_i32x4(low01, low23, 0x88));
  _mm512_store_si512(to + unit_stride, _mm512_shuffle_i32x4(low01, low23, 0xDD));
  _mm512_store_si512(to + 2 * unit_stride, _mm512_shuffle_i32x4(high01, high23, 0x88));
  _mm512_store_si512(to + 3 * unit_stride, _mm512_shuffle_i32x4(high01, high23, 0xDD));
}

static inline __m128i flipped_16(const uint8_t *x, __mmask16 m, __m128i flip) {
  return _mm_xor_si128(_mm_maskz_loadu_epi8(m, x), flip);
}

/* The cell of one unit of at most 16 channels. */
static inline void gather_16(const uint8_t *const *taps, size_t offset, __mmask16 m, __m128i flip, char *to) {
  const __m128i a = flipped_16(taps[0] + offset, m, flip), b = flipped_16(taps[1] + offset, m, flip);
  const __m128i c = flipped_16(taps[2] + offset, m, flip), d = flipped_16(taps[3] + offset, m, flip);
  const __m128i ab_low = _mm_unpacklo_epi8(a, b), ab_high = _mm_unpackhi_epi8(a, b);
  const __m128i cd_low = _mm_unpacklo_epi8(c, d), cd_high = _mm_unpackhi_epi8(c, d);
  _mm_store_si128((__m128i *)to, _mm_unpacklo_epi16(ab_low, cd_low));
  _mm_store_si128((__m128i *)(to + 16), _mm_unpackhi_epi16(ab_low, cd_low));
  _mm_store_si128((__m128i *)(to + 32), _mm_unpacklo_epi16(ab_high, cd_high));
  _mm_store_si128((__m128i *)(to + 48), _mm_unpackhi_epi16(ab_high, cd_high));
}

static inline __m256i flipped_32(const uint8_t *x, __m256i flip) {
  return _mm256_xor_si256(_mm256_loadu_si256((const void *)x), flip);
}

/* Two cells, one for each unit of 32 channels. */
static inline void gather_32(const uint8_t *const *taps, size_t offset, __m256i flip, char *to, size_t unit_stride) {
  const __m256i a = flipped_32(taps[0] + offset, flip), b = flipped_32(taps[1] + offset, flip);
  const __m256i c = flipped_32(taps[2] + offset, flip), d = flipped_32(taps[3] + offset, flip);
  const __m256i ab_low = _mm256_unpacklo_epi8(a, b), ab_high = _mm256_unpackhi_epi8(a, b);
  const __m256i cd_low = _mm256_unpacklo_epi8(c, d), cd_high = _mm256_unpackhi_epi8(c, d);
  const __m256i quad0 = _mm256_unpacklo_epi16(ab_low, cd_low), quad1 = _mm256_unpackhi_epi16(ab_low, cd_low);
  const __m256i quad2 = _mm256_unpacklo_epi16(ab_high, cd_high), quad3 = _mm256_unpackhi_epi16(ab_high, cd_high);
  const __m512i quad01 = _mm512_inserti64x4(_mm512_castsi256_si512(quad0), quad1, 1);
  const __m512i quad23 = _mm512_inserti64x4(_mm512_castsi256_si512(quad2), quad3, 1);
  _mm512_store_si512(to, _mm512_shuffle_i32x4(quad01, quad23, 0x88));
  _mm512_store_si512(to + unit_stride, _mm512_shuffle_i32x4(quad01, quad23, 0xDD));
}

static void gather(const oct_depthwise_gather *g) {
  const uint8_t *const *taps = g->taps;
  if (g->channels == OCT_DEPTHWISE_CHANNELS) {
    const __m512i flip = _mm512_set1_epi8((char)g->flip);
    for (size_t i = 0; i < g->cells; i++)
      gather_64(taps + i * LANES, g->channel, flip, g->to + i * CELL, g->unit_stride);
    return;
  }
  size_t first = 0;
  if (g->channels >= 2 * UNIT) {
    const __m256i flip = _mm256_set1_epi8((char)g->flip);
    for (size_t i = 0; i < g->cells; i++)
      gather_32(taps + i * LANES, g->channel, flip, g->to + i * CELL, g->unit_stride);
    first = 2 * UNIT;
  }
  const __m128i flip = _mm_set1_epi8((char)g->flip);
  for (; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first;
    const __mmask16 m = left >= UNIT ? 0xFFFF : (__mmask16)((1u << left) - 1);
    char *to = g->to + first / UNIT * g->unit_stride;
    for (size_t i = 0; i < g->cells; i++) gather_16(taps + i * LANES, g->channel + first, m, flip, to + i * CELL);
  }
}

/* bias - x_zero_point * (sum w - lanes_in_all * w_zero_point), modulo 2^32: what the sum of products starts from. */
static inline __m512i start_of(const oct_depthwise_sum *s, __m512i w_zero_point) {
  const __m512i lanes = _mm512_mullo_epi32(_mm512_set1_epi32(s->lanes_in_all), w_zero_point);
  const __m512i centred = _mm512_sub_epi32(_mm512_loadu_si512(s->unit->sum), lanes);
  return _mm512_sub_epi32(_mm512_loadu_si512(s->bias), _mm512_mullo_epi32(_mm512_set1_epi32(s->x_zero_point), centred));
}

/* What the outputs of a call share. */
typedef struct unit_constants {
  __m512i start, w_zero_point, ones;
} unit_constants;

static inline __attribute__((always_inline)) void store_sums(const oct_depthwise_sum *s, size_t first, const int count,
                                                             const bool zero_points, const unit_constants *k,
                                                             const __m512i *acc, const __m512i *sums) {
  OCT_UNROLL
  for (int o = 0; o < count; o++) {
    __m512i v = _mm512_add_epi32(acc[o], k->start);
    if (zero_points) v = _mm512_sub_epi32(v, _mm512_mullo_epi32(k->w_zero_point, sums[o]));
    _mm512_storeu_si512(s->acc + (first + (size_t)o) * s->acc_stride, v);
  }
}

/* Any window. `distance` is a constant where that makes better addresses. */
static inline __attribute__((always_inline)) void sum_outputs(const oct_depthwise_sum *s, size_t first, const int count,
                                                              const size_t distance, const bool zero_points,
                                                              const unit_constants *k) {
  const char *x = s->x + first * distance;
  const char *w = s->w;
  __m512i acc[8], sums[8];
  OCT_UNROLL
  for (int o = 0; o < count; o++) acc[o] = sums[o] = _mm512_setzero_si512();
  for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
    const char *cell = x;
    for (size_t g = 0; g < s->groups; g++, cell += CELL, w += CELL) {
      const __m512i weights = _mm512_load_si512(w);
      OCT_UNROLL
      for (int o = 0; o < count; o++) {
        const __m512i v = _mm512_load_si512(cell + (size_t)o * distance);
        acc[o] = _mm512_dpbusd_epi32(acc[o], v, weights);
        if (zero_points) sums[o] = _mm512_dpbusd_epi32(sums[o], v, k->ones);
      }
    }
  }
  store_sums(s, first, count, zero_points, k, acc, sums);
}

/* Windows of three columns and up to four rows, one column apart: the weights stay in registers and each cell is loaded
 * once. */
static inline __attribute__((always_inline)) void sum_three(const oct_depthwise_sum *s, size_t first, const int count,
                                                            const bool zero_points, const unit_constants *k) {
  const char *x = s->x + first * CELL;
  const __m512i w[3] = {_mm512_load_si512(s->w), _mm512_load_si512(s->w + CELL), _mm512_load_si512(s->w + 2 * CELL)};
  __m512i acc[8], sums[8];
  OCT_UNROLL
  for (int o = 0; o < count; o++) acc[o] = sums[o] = _mm512_setzero_si512();
  OCT_UNROLL
  for (int slot = 0; slot < count + 2; slot++) {
    const __m512i v = _mm512_load_si512(x + slot * CELL);
    OCT_UNROLL
    for (int j = 0; j < 3; j++) {
      const int o = slot - j;
      if (o < 0 || o >= count) continue;
      acc[o] = _mm512_dpbusd_epi32(acc[o], v, w[j]);
      if (zero_points) sums[o] = _mm512_dpbusd_epi32(sums[o], v, k->ones);
    }
  }
  store_sums(s, first, count, zero_points, k, acc, sums);
}

/* Outputs in a row one column apart, or `distance` bytes. */
static inline __attribute__((always_inline)) void sum_few(const oct_depthwise_sum *s, size_t first, const int count,
                                                          const size_t distance, const bool zero_points,
                                                          const bool three, const unit_constants *k) {
  if (three)
    sum_three(s, first, count, zero_points, k);
  else
    sum_outputs(s, first, count, distance, zero_points, k);
}

/* Eight outputs at a time, and the rest at once: alone, an output waits for the latency of each product. */
static inline __attribute__((always_inline)) void sum_run(const oct_depthwise_sum *s, const size_t distance,
                                                          const bool zero_points, const bool three,
                                                          const unit_constants *k) {
  size_t o = 0;
  for (; o + 8 <= s->outputs; o += 8) sum_few(s, o, 8, distance, zero_points, three, k);
  switch (s->outputs - o) {
    case 7: sum_few(s, o, 7, distance, zero_points, three, k); break;
    case 6: sum_few(s, o, 6, distance, zero_points, three, k); break;
    case 5: sum_few(s, o, 5, distance, zero_points, three, k); break;
    case 4: sum_few(s, o, 4, distance, zero_points, three, k); break;
    case 3: sum_few(s, o, 3, distance, zero_points, three, k); break;
    case 2: sum_few(s, o, 2, distance, zero_points, three, k); break;
    case 1: sum_few(s, o, 1, distance, zero_points, three, k); break;
  }
}

static inline __attribute__((always_inline)) void sum_all(const oct_depthwise_sum *s, const bool zero_points) {
  const __m512i w_zero_point = _mm512_loadu_si512(s->unit->zero_point);
  const unit_constants k = {start_of(s, w_zero_point), w_zero_point, _mm512_set1_epi8(1)};
  if (s->steps == 3 && s->groups == 1 && s->output_distance == CELL && s->step_distance == CELL)
    sum_run(s, CELL, zero_points, true, &k);
  else if (s->output_distance == CELL)
    sum_run(s, CELL, zero_points, false, &k);
  else if (s->output_distance == 2 * CELL)
    sum_run(s, 2 * CELL, zero_points, false, &k);
  else
    sum_run(s, s->output_distance, zero_points, false, &k);
}

static void sum(const oct_depthwise_sum *s) {
  if (s->weight_zero_points)
    sum_all(s, true);
  else
    sum_all(s, false);
}

/* What the rows of 64 columns share; stores of bytes would make the compiler load it again for each. */
typedef struct store_constants {
  __m512 bias[4], multiplier[4], high;
  __m512i zero_point, lowest;
} store_constants;

/* Sixteen columns as integers above -2^31 less the zero point, not yet clamped below. The operands' order lets a NaN
 * pass the minimum and become -2^31, the lower end of every clamp. */
static inline __attribute__((always_inline)) __m512i integer_16(const int32_t *acc, const store_constants *k,
                                                                const int part, const bool biased) {
  const __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc + UNIT * part));
  const __m512 t = _mm512_mul_ps(biased ? _mm512_add_ps(sum, k->bias[part]) : sum, k->multiplier[part]);
  return _mm512_cvtps_epi32(_mm512_min_ps(k->high, t));
}

/* 64 columns to bytes: the packing saturates far below the clamp, which follows on bytes. */
static inline __attribute__((always_inline)) __m512i bytes_64(const int32_t *acc, const store_constants *k,
                                                              const bool biased, const bool is_signed) {
  const __m512i ab = _mm512_packs_epi32(integer_16(acc, k, 0, biased), integer_16(acc, k, 1, biased));
  const __m512i cd = _mm512_packs_epi32(integer_16(acc, k, 2, biased), integer_16(acc, k, 3, biased));
  const __m512i low = _mm512_adds_epi16(ab, k->zero_point), high = _mm512_adds_epi16(cd, k->zero_point);
  const __m512i bytes = is_signed ? _mm512_max_epi8(_mm512_packs_epi16(low, high), k->lowest)
                                  : _mm512_max_epu8(_mm512_packus_epi16(low, high), k->lowest);
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
}

static inline __attribute__((always_inline)) void store_64(const oct_depthwise_store *s, const bool biased,
                                                           const bool is_signed) {
  const oct_stage *stage = s->stage;
  store_constants k = {.high = _mm512_set1_ps(stage->high),
                       .zero_point = _mm512_set1_epi16((int16_t)stage->zero_point),
                       .lowest = _mm512_set1_epi8((char)((int32_t)stage->low + stage->zero_point))};
  OCT_UNROLL
  for (size_t part = 0; part < 4; part++) {
    k.bias[part] = _mm512_loadu_ps(stage->bias + s->column + UNIT * part);
    k.multiplier[part] = _mm512_loadu_ps(stage->multiplier + s->column + UNIT * part);
  }
  const size_t rows = s->rows, acc_stride = s->acc_stride;
  const ptrdiff_t y_stride = s->y_stride;
  const int32_t *acc = s->acc;
  char *y = s->y;
  for (size_t row = 0; row < rows; row++, acc += acc_stride, y += y_stride)
    _mm512_storeu_si512(y, bytes_64(acc, &k, biased, is_signed));
}

static void store(const oct_depthwise_store *s) {
  const oct_stage *stage = s->stage;
  const bool bytes = stage->dtype == OCT_U8 || stage->dtype == OCT_S8;
  if (bytes && s->columns == OCT_DEPTHWISE_CHANNELS) {
    if (stage->dtype == OCT_S8) {
      if (stage->has_bias)
        store_64(s, true, true);
      else
        store_64(s, false, true);
    } else {
      if (stage->has_bias)
        store_64(s, true, false);
      else
        store_64(s, false, false);
    }
    return;
  }
  /* Copies, which stores of bytes cannot change. */
  const oct_stage local = *stage;
  const size_t rows = s->rows, acc_stride = s->acc_stride;
  const ptrdiff_t y_stride = s->y_stride;
  for (size_t c = 0; c < s->columns; c += UNIT) {
    const size_t left = s->columns - c;
    const __mmask16 m = left >= UNIT ? 0xFFFF : (__mmask16)((1u << left) - 1);
    const __m512 bias = _mm512_loadu_ps(stage->bias + s->column + c);
    const __m512 multiplier = _mm512_loadu_ps(stage->multiplier + s->column + c);
    const int32_t *acc = s->acc + c;
    char *y = s->y + c * (bytes ? 1 : 4);
    for (size_t row = 0; row < rows; row++, acc += acc_stride, y += y_stride) {
      const __m512i v = _mm512_loadu_si512(acc);
      if (bytes) {
        const __m128i q = _mm512_cvtepi32_epi8(oct_stage_integer_avx512(&local, v, bias, multiplier));
        if (left >= UNIT)
          _mm_storeu_si128((__m128i *)y, q);
        else
          _mm_mask_storeu_epi8(y, m, q);
      } else if (stage->dtype == OCT_F32) {
        _mm512_mask_storeu_ps(y, m, oct_stage_real_avx512(&local, v, bias, multiplier));
      } else {
        _mm512_mask_storeu_epi32(y, m, v);
      }
    }
  }
}

OCT_ISA_END

const oct_depthwise_kernel oct_depthwise_avx512vnni = {.name = "avx512vnni",
                                                       .isa = OCT_ISA_AVX512VNNI,
                                                       .lanes = LANES,
                                                       .form = OCT_DEPTHWISE_UNSIGNED_X,
                                                       .gather = gather,
                                                       .sum = sum,
                                                       .store = store,
                                                       .rows = oct_depthwise_rows_avx512vnni};

#endif /* OCT_ARCH_X86 */
