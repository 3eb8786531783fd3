/* Depthwise convolution on AVX-512 VNNI: vpdpbusd multiplies four uint8 taps by four int8 weights and adds them,
 * without saturation.
 *
 * Tile: 16 channels of 8 outputs, eight accumulators (sixteen with weight zero points). Bound by the loads of cells:
 * one per vpdpbusd. Gathering transposes 4 taps x 64 channels with 16 shuffles. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/epilogue_avx512.h"
#include "kernel.h"

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

static void gather(const oct_depthwise_gather *g) {
  const uint8_t *const *taps = g->taps;
  if (g->channels == OCT_DEPTHWISE_CHANNELS) {
    const __m512i flip = _mm512_set1_epi8((char)g->flip);
    for (size_t i = 0; i < g->cells; i++)
      gather_64(taps + i * LANES, g->channel, flip, g->to + i * CELL, g->unit_stride);
    return;
  }
  const __m128i flip = _mm_set1_epi8((char)g->flip);
  for (size_t first = 0; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first;
    const __mmask16 m = left >= UNIT ? 0xFFFF : (__mmask16)((1u << left) - 1);
    char *to = g->to + first / UNIT * g->unit_stride;
    for (size_t i = 0; i < g->cells; i++) gather_16(taps + i * LANES, g->channel + first, m, flip, to + i * CELL);
  }
}

/* bias - x_zero_point * (sum w - lanes_in_all * w_zero_point), modulo 2^32. */
static inline __m512i start_of(const oct_depthwise_sum *s, __m512i w_zero_point) {
  const __m512i lanes = _mm512_mullo_epi32(_mm512_set1_epi32(s->lanes_in_all), w_zero_point);
  const __m512i centred = _mm512_sub_epi32(_mm512_loadu_si512(s->unit->sum), lanes);
  return _mm512_sub_epi32(_mm512_loadu_si512(s->bias), _mm512_mullo_epi32(_mm512_set1_epi32(s->x_zero_point), centred));
}

static inline __attribute__((always_inline)) void sum_outputs(const oct_depthwise_sum *s, size_t first, const int count,
                                                              const bool zero_points) {
  const char *x = s->x + first * s->output_distance;
  const char *w = s->w;
  const __m512i ones = _mm512_set1_epi8(1);
  const __m512i w_zero_point = _mm512_loadu_si512(s->unit->zero_point);
  const __m512i start = start_of(s, w_zero_point);
  __m512i acc[8], sums[8];
  for (int o = 0; o < count; o++) {
    acc[o] = start;
    sums[o] = _mm512_setzero_si512();
  }
  for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
    const char *cell = x;
    for (size_t g = 0; g < s->groups; g++, cell += CELL, w += CELL) {
      const __m512i weights = _mm512_load_si512(w);
      for (int o = 0; o < count; o++) {
        const __m512i v = _mm512_load_si512(cell + (size_t)o * s->output_distance);
        acc[o] = _mm512_dpbusd_epi32(acc[o], v, weights);
        if (zero_points) sums[o] = _mm512_dpbusd_epi32(sums[o], v, ones);
      }
    }
  }
  for (int o = 0; o < count; o++) {
    if (zero_points) acc[o] = _mm512_sub_epi32(acc[o], _mm512_mullo_epi32(w_zero_point, sums[o]));
    _mm512_storeu_si512(s->acc + (first + (size_t)o) * s->acc_stride, acc[o]);
  }
}

static inline __attribute__((always_inline)) void sum_all(const oct_depthwise_sum *s, const bool zero_points) {
  size_t o = 0;
  for (; o + 8 <= s->outputs; o += 8) sum_outputs(s, o, 8, zero_points);
  for (; o + 4 <= s->outputs; o += 4) sum_outputs(s, o, 4, zero_points);
  for (; o < s->outputs; o++) sum_outputs(s, o, 1, zero_points);
}

static void sum(const oct_depthwise_sum *s) {
  if (s->weight_zero_points)
    sum_all(s, true);
  else
    sum_all(s, false);
}

static void store(const oct_depthwise_store *s) {
  const oct_stage *stage = s->stage;
  const bool bytes = stage->dtype == OCT_U8 || stage->dtype == OCT_S8;
  for (size_t c = 0; c < s->columns; c += UNIT) {
    const size_t left = s->columns - c;
    const __mmask16 m = left >= UNIT ? 0xFFFF : (__mmask16)((1u << left) - 1);
    const __m512 bias = _mm512_loadu_ps(stage->bias + s->column + c);
    const __m512 multiplier = _mm512_loadu_ps(stage->multiplier + s->column + c);
    const int32_t *acc = s->acc + c;
    char *y = s->y + c * (bytes ? 1 : 4);
    for (size_t row = 0; row < s->rows; row++, acc += s->acc_stride, y += s->y_stride) {
      const __m512i v = _mm512_loadu_si512(acc);
      if (bytes)
        _mm512_mask_cvtepi32_storeu_epi8(
            y, m, oct_stage_integer_avx512(stage, _mm512_add_ps(_mm512_cvtepi32_ps(v), bias), multiplier));
      else if (stage->dtype == OCT_F32)
        _mm512_mask_storeu_ps(y, m, oct_stage_real_avx512(stage, v, bias, multiplier));
      else
        _mm512_mask_storeu_epi32(y, m, v);
    }
  }
}

OCT_ISA_END

const oct_depthwise_kernel oct_depthwise_avx512vnni = {.name = "avx512vnni",
                                                       .isa = OCT_ISA_AVX512VNNI,
                                                       .lanes = LANES,
                                                       .byte_cells = true,
                                                       .gather = gather,
                                                       .sum = sum,
                                                       .store = store};

#endif /* OCT_ARCH_X86 */
