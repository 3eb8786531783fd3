/* Depthwise convolution on AVX2: pmaddwd multiplies pairs of int16 taps and adds them exactly.
 *
 * Tile: 16 channels of 4 outputs, eight accumulators. Bound by pmaddwd and its loads: two of each per 16 channels,
 * output and pair. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"
#include "depthwise_x86_store.h"

OCT_FP_STRICT

enum { UNIT = OCT_DEPTHWISE_UNIT, CELL = 64, LANES = 2 };

OCT_ISA_BEGIN(AVX2)

/* Pairs of 16 pixels' bytes, widened and centred. */
static inline void store_cell(char *to, __m128i a, __m128i b, __m128i flip, __m256i zero_point) {
  a = _mm_xor_si128(a, flip);
  b = _mm_xor_si128(b, flip);
  const __m256i low = _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)), zero_point);
  const __m256i high = _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b)), zero_point);
  _mm256_store_si256((__m256i *)to, low);
  _mm256_store_si256((__m256i *)(to + 32), high);
}

static void gather(const oct_depthwise_gather *g) {
  const __m128i flip = _mm_set1_epi8((char)g->flip);
  const __m256i zero_point = _mm256_set1_epi16(g->zero_point);
  for (size_t first = 0; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first, offset = g->channel + first;
    char *to = g->to + first / UNIT * g->unit_stride;
    const uint8_t *const *taps = g->taps;
    if (left >= UNIT) {
      for (size_t i = 0; i < g->cells; i++, taps += LANES, to += CELL)
        store_cell(to, _mm_loadu_si128((const void *)(taps[0] + offset)),
                   _mm_loadu_si128((const void *)(taps[1] + offset)), flip, zero_point);
    } else {
      for (size_t i = 0; i < g->cells; i++, taps += LANES, to += CELL) {
        uint8_t a[UNIT] = {0}, b[UNIT] = {0};
        memcpy(a, taps[0] + offset, left);
        memcpy(b, taps[1] + offset, left);
        store_cell(to, _mm_loadu_si128((const void *)a), _mm_loadu_si128((const void *)b), flip, zero_point);
      }
    }
  }
}

/* `distance` is a constant where that makes better addresses. */
static inline __attribute__((always_inline)) void sum_outputs(const oct_depthwise_sum *s, size_t first, const int count,
                                                              const size_t distance) {
  const char *x = s->x + first * distance;
  const char *w = s->w;
  __m256i low[4], high[4];
  OCT_UNROLL
  for (int o = 0; o < count; o++) {
    low[o] = _mm256_loadu_si256((const void *)s->bias);
    high[o] = _mm256_loadu_si256((const void *)(s->bias + 8));
  }
  for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
    const char *cell = x;
    for (size_t g = 0; g < s->groups; g++, cell += CELL, w += CELL) {
      const __m256i w_low = _mm256_load_si256((const void *)w), w_high = _mm256_load_si256((const void *)(w + 32));
      OCT_UNROLL
      for (int o = 0; o < count; o++) {
        const char *from = cell + (size_t)o * distance;
        low[o] = _mm256_add_epi32(low[o], _mm256_madd_epi16(_mm256_load_si256((const void *)from), w_low));
        high[o] = _mm256_add_epi32(high[o], _mm256_madd_epi16(_mm256_load_si256((const void *)(from + 32)), w_high));
      }
    }
  }
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
  if (s->output_distance == 2 * CELL)
    sum_run(s, 2 * CELL);
  else if (s->output_distance == 4 * CELL)
    sum_run(s, 4 * CELL);
  else
    sum_run(s, s->output_distance);
}

OCT_ISA_END

const oct_depthwise_kernel oct_depthwise_avx2 = {.name = "avx2",
                                                 .isa = OCT_ISA_AVX2,
                                                 .lanes = LANES,
                                                 .form = OCT_DEPTHWISE_INT16,
                                                 .gather = gather,
                                                 .sum = sum,
                                                 .store = oct_depthwise_store_avx2};

#endif /* OCT_ARCH_X86 */
