/* Depthwise convolution on AVX-VNNI: the 256-bit vpdpbusd, four uint8 taps by four int8 weights without saturation.
 *
 * Tile: 16 channels of 4 outputs, eight accumulators (sums of x for weight zero points take a pass of their own). Bound
 * by the loads of cells, one per vpdpbusd. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"
#include "depthwise_x86_store.h"

enum { UNIT = OCT_DEPTHWISE_UNIT, CELL = 64, LANES = 4 };

OCT_ISA_BEGIN(AVXVNNI)

/* Four taps of 16 channels, transposed so that each channel's taps are neighbours. */
static inline void store_cell(char *to, const __m128i tap[LANES], __m128i flip) {
  const __m128i a = _mm_xor_si128(tap[0], flip), b = _mm_xor_si128(tap[1], flip);
  const __m128i c = _mm_xor_si128(tap[2], flip), d = _mm_xor_si128(tap[3], flip);
  const __m128i ab_low = _mm_unpacklo_epi8(a, b), ab_high = _mm_unpackhi_epi8(a, b);
  const __m128i cd_low = _mm_unpacklo_epi8(c, d), cd_high = _mm_unpackhi_epi8(c, d);
  _mm_store_si128((__m128i *)to, _mm_unpacklo_epi16(ab_low, cd_low));
  _mm_store_si128((__m128i *)(to + 16), _mm_unpackhi_epi16(ab_low, cd_low));
  _mm_store_si128((__m128i *)(to + 32), _mm_unpacklo_epi16(ab_high, cd_high));
  _mm_store_si128((__m128i *)(to + 48), _mm_unpackhi_epi16(ab_high, cd_high));
}

static void gather(const oct_depthwise_gather *g) {
  const __m128i flip = _mm_set1_epi8((char)g->flip);
  for (size_t first = 0; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first, offset = g->channel + first;
    const uint8_t *const *taps = g->taps;
    char *to = g->to + first / UNIT * g->unit_stride;
    for (size_t i = 0; i < g->cells; i++, taps += LANES, to += CELL) {
      __m128i tap[LANES];
      if (left >= UNIT) {
        OCT_UNROLL
        for (int l = 0; l < LANES; l++) tap[l] = _mm_loadu_si128((const void *)(taps[l] + offset));
      } else {
        OCT_UNROLL
        for (int l = 0; l < LANES; l++) {
          uint8_t x[UNIT] = {0};
          memcpy(x, taps[l] + offset, left);
          tap[l] = _mm_loadu_si128((const void *)x);
        }
      }
      store_cell(to, tap, flip);
    }
  }
}

/* Adds the products of `count` outputs' cells with `w`, or with ones, which makes sums of x. */
static inline __attribute__((always_inline)) void add_products(const oct_depthwise_sum *s, const char *x,
                                                               const int count, const size_t distance, const bool ones,
                                                               __m256i *low, __m256i *high) {
  const char *w = s->w;
  __m256i w_low = _mm256_set1_epi8(1), w_high = w_low;
  for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
    const char *cell = x;
    for (size_t g = 0; g < s->groups; g++, cell += CELL, w += CELL) {
      if (!ones) {
        w_low = _mm256_load_si256((const void *)w);
        w_high = _mm256_load_si256((const void *)(w + 32));
      }
      OCT_UNROLL
      for (int o = 0; o < count; o++) {
        const char *from = cell + (size_t)o * distance;
        low[o] = _mm256_dpbusd_avx_epi32(low[o], _mm256_load_si256((const void *)from), w_low);
        high[o] = _mm256_dpbusd_avx_epi32(high[o], _mm256_load_si256((const void *)(from + 32)), w_high);
      }
    }
  }
}

static inline __m256i load_8(const int32_t *from) { return _mm256_loadu_si256((const void *)from); }

/* bias - x_zero_point * (sum w - lanes_in_all * w_zero_point) of half a unit, modulo 2^32. */
static inline __m256i start_of(const oct_depthwise_sum *s, int half) {
  const __m256i lanes = _mm256_mullo_epi32(_mm256_set1_epi32(s->lanes_in_all), load_8(s->unit->zero_point + 8 * half));
  const __m256i centred = _mm256_sub_epi32(load_8(s->unit->sum + 8 * half), lanes);
  return _mm256_sub_epi32(load_8(s->bias + 8 * half), _mm256_mullo_epi32(_mm256_set1_epi32(s->x_zero_point), centred));
}

static inline __attribute__((always_inline)) void sum_outputs(const oct_depthwise_sum *s, size_t first, const int count,
                                                              const size_t distance) {
  const char *x = s->x + first * distance;
  const __m256i start_low = start_of(s, 0), start_high = start_of(s, 1);
  __m256i low[4], high[4];
  if (s->weight_zero_points) {
    const __m256i z_low = load_8(s->unit->zero_point), z_high = load_8(s->unit->zero_point + 8);
    OCT_UNROLL
    for (int o = 0; o < count; o++) low[o] = high[o] = _mm256_setzero_si256();
    add_products(s, x, count, distance, true, low, high);
    OCT_UNROLL
    for (int o = 0; o < count; o++) {
      low[o] = _mm256_sub_epi32(start_low, _mm256_mullo_epi32(z_low, low[o]));
      high[o] = _mm256_sub_epi32(start_high, _mm256_mullo_epi32(z_high, high[o]));
    }
  } else {
    OCT_UNROLL
    for (int o = 0; o < count; o++) {
      low[o] = start_low;
      high[o] = start_high;
    }
  }
  add_products(s, x, count, distance, false, low, high);
  OCT_UNROLL
  for (int o = 0; o < count; o++) {
    int32_t *acc = s->acc + (first + (size_t)o) * s->acc_stride;
    _mm256_storeu_si256((void *)acc, low[o]);
    _mm256_storeu_si256((void *)(acc + 8), high[o]);
  }
}

static inline __attribute__((always_inline)) void sum_run(const oct_depthwise_sum *s, const size_t distance) {
  size_t o = 0;
  for (; o + 4 <= s->outputs; o += 4) sum_outputs(s, o, 4, distance);
  for (; o + 2 <= s->outputs; o += 2) sum_outputs(s, o, 2, distance);
  if (o < s->outputs) sum_outputs(s, o, 1, distance);
}

static void sum(const oct_depthwise_sum *s) {
  if (s->output_distance == CELL)
    sum_run(s, CELL);
  else if (s->output_distance == 2 * CELL)
    sum_run(s, 2 * CELL);
  else
    sum_run(s, s->output_distance);
}

OCT_ISA_END

const oct_depthwise_kernel oct_depthwise_avxvnni = {.name = "avxvnni",
                                                    .isa = OCT_ISA_AVXVNNI,
                                                    .lanes = LANES,
                                                    .form = OCT_DEPTHWISE_UNSIGNED_X,
                                                    .gather = gather,
                                                    .sum = sum,
                                                    .store = oct_depthwise_store_avx2};

#endif /* OCT_ARCH_X86 */
