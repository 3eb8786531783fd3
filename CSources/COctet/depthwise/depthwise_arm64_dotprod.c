/* Depthwise convolution on the dot product extension: sdot multiplies four int8 taps by four int8 weights and adds
 * them.
 *
 * Tile: 16 channels of 4 outputs, sixteen accumulators (sums of x for weight zero points take a pass of their own).
 * Bound by sdot and the loads of cells: four of each per 16 channels, output and four taps. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

#include "base/unroll.h"
#include "depthwise_arm64_store.h"

enum { UNIT = OCT_DEPTHWISE_UNIT, CELL = 64, LANES = 4 };

OCT_ISA_BEGIN(DOTPROD)

/* Four taps of 16 channels, transposed so that each channel's taps are neighbours. */
static inline void store_cell(char *to, const uint8x16_t tap[LANES], uint8x16_t flip) {
  const uint8x16_t a = veorq_u8(tap[0], flip), b = veorq_u8(tap[1], flip);
  const uint8x16_t c = veorq_u8(tap[2], flip), d = veorq_u8(tap[3], flip);
  const uint16x8_t ab_low = vreinterpretq_u16_u8(vzip1q_u8(a, b)), ab_high = vreinterpretq_u16_u8(vzip2q_u8(a, b));
  const uint16x8_t cd_low = vreinterpretq_u16_u8(vzip1q_u8(c, d)), cd_high = vreinterpretq_u16_u8(vzip2q_u8(c, d));
  uint8_t *out = (uint8_t *)to;
  vst1q_u8(out, vreinterpretq_u8_u16(vzip1q_u16(ab_low, cd_low)));
  vst1q_u8(out + 16, vreinterpretq_u8_u16(vzip2q_u16(ab_low, cd_low)));
  vst1q_u8(out + 32, vreinterpretq_u8_u16(vzip1q_u16(ab_high, cd_high)));
  vst1q_u8(out + 48, vreinterpretq_u8_u16(vzip2q_u16(ab_high, cd_high)));
}

static void gather(const oct_depthwise_gather *g) {
  const uint8x16_t flip = vdupq_n_u8(g->flip);
  for (size_t first = 0; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first, offset = g->channel + first;
    const uint8_t *const *taps = g->taps;
    char *to = g->to + first / UNIT * g->unit_stride;
    for (size_t i = 0; i < g->cells; i++, taps += LANES, to += CELL) {
      uint8x16_t tap[LANES];
      if (left >= UNIT) {
        OCT_UNROLL
        for (int l = 0; l < LANES; l++) tap[l] = vld1q_u8(taps[l] + offset);
      } else {
        OCT_UNROLL
        for (int l = 0; l < LANES; l++) {
          uint8_t x[UNIT] = {0};
          memcpy(x, taps[l] + offset, left);
          tap[l] = vld1q_u8(x);
        }
      }
      store_cell(to, tap, flip);
    }
  }
}

/* Adds the products of `count` outputs' cells with the weights, or with ones, which makes sums of x. */
static inline __attribute__((always_inline)) void add_products(const oct_depthwise_sum *s, size_t first,
                                                               const int count, const bool ones, int32x4_t acc[4][4]) {
  const char *x = s->x + first * s->output_distance;
  const int8_t *w = (const int8_t *)s->w;
  int8x16_t weights[4] = {vdupq_n_s8(1), vdupq_n_s8(1), vdupq_n_s8(1), vdupq_n_s8(1)};
  for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
    const char *cell = x;
    for (size_t g = 0; g < s->groups; g++, cell += CELL, w += CELL) {
      if (!ones) OCT_UNROLL
      for (int v = 0; v < 4; v++) weights[v] = vld1q_s8(w + 16 * v);
      OCT_UNROLL
      for (int o = 0; o < count; o++) {
        const int8_t *from = (const int8_t *)(cell + (size_t)o * s->output_distance);
        OCT_UNROLL
        for (int v = 0; v < 4; v++) acc[o][v] = vdotq_s32(acc[o][v], vld1q_s8(from + 16 * v), weights[v]);
      }
    }
  }
}

static inline __attribute__((always_inline)) void sum_outputs(const oct_depthwise_sum *s, size_t first,
                                                              const int count) {
  int32x4_t acc[4][4], start[4], zero_point[4];
  OCT_UNROLL
  for (int v = 0; v < 4; v++) {
    zero_point[v] = vld1q_s32(s->unit->zero_point + 4 * v);
    /* bias - x_zero_point * (sum w - lanes_in_all * w_zero_point), modulo 2^32. */
    const int32x4_t centred = vmlsq_n_s32(vld1q_s32(s->unit->sum + 4 * v), zero_point[v], s->lanes_in_all);
    start[v] = vmlsq_n_s32(vld1q_s32(s->bias + 4 * v), centred, s->x_zero_point);
  }
  OCT_UNROLL
  for (int o = 0; o < count; o++) OCT_UNROLL
  for (int v = 0; v < 4; v++) acc[o][v] = s->weight_zero_points ? vdupq_n_s32(0) : start[v];
  if (s->weight_zero_points) {
    add_products(s, first, count, true, acc);
    OCT_UNROLL
    for (int o = 0; o < count; o++) OCT_UNROLL
    for (int v = 0; v < 4; v++) acc[o][v] = vmlsq_s32(start[v], zero_point[v], acc[o][v]);
  }
  add_products(s, first, count, false, acc);
  OCT_UNROLL
  for (int o = 0; o < count; o++) OCT_UNROLL
  for (int v = 0; v < 4; v++) vst1q_s32(s->acc + (first + (size_t)o) * s->acc_stride + 4 * v, acc[o][v]);
}

static void sum(const oct_depthwise_sum *s) {
  size_t o = 0;
  for (; o + 4 <= s->outputs; o += 4) sum_outputs(s, o, 4);
  for (; o < s->outputs; o++) sum_outputs(s, o, 1);
}

OCT_ISA_END

const oct_depthwise_kernel oct_depthwise_dotprod = {.name = "dotprod",
                                                    .isa = OCT_ISA_DOTPROD,
                                                    .lanes = LANES,
                                                    .form = OCT_DEPTHWISE_SIGNED_X,
                                                    .gather = gather,
                                                    .sum = sum,
                                                    .store = oct_depthwise_store_neon};

#endif /* OCT_ARCH_ARM64 */
