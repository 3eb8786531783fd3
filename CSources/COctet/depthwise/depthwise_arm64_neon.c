/* Depthwise convolution on NEON: smlal multiplies int16 cells of one tap into int32.
 *
 * Tile: 16 channels of 4 outputs, sixteen accumulators. Bound by smlal: four per 16 channels, output and tap. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

#include "base/unroll.h"
#include "depthwise_arm64_store.h"

OCT_FP_STRICT

enum { UNIT = OCT_DEPTHWISE_UNIT };

OCT_ISA_BEGIN(NEON)

static inline void store_cell(int16_t *to, uint8x16_t x, uint8x16_t flip, int16x8_t zero_point) {
  x = veorq_u8(x, flip);
  vst1q_s16(to, vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x))), zero_point));
  vst1q_s16(to + 8, vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(x))), zero_point));
}

static void gather(const oct_depthwise_gather *g) {
  const uint8x16_t flip = vdupq_n_u8(g->flip);
  const int16x8_t zero_point = vdupq_n_s16(g->zero_point);
  for (size_t first = 0; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first, offset = g->channel + first;
    int16_t *to = (int16_t *)(g->to + first / UNIT * g->unit_stride);
    if (left >= UNIT) {
      for (size_t i = 0; i < g->cells; i++, to += UNIT) store_cell(to, vld1q_u8(g->taps[i] + offset), flip, zero_point);
    } else {
      for (size_t i = 0; i < g->cells; i++, to += UNIT) {
        uint8_t x[UNIT] = {0};
        memcpy(x, g->taps[i] + offset, left);
        store_cell(to, vld1q_u8(x), flip, zero_point);
      }
    }
  }
}

static inline __attribute__((always_inline)) void sum_outputs(const oct_depthwise_sum *s, size_t first,
                                                              const int count) {
  const char *x = s->x + first * s->output_distance;
  const int16_t *w = (const int16_t *)s->w;
  int32x4_t acc[4][4];
  OCT_UNROLL
  for (int o = 0; o < count; o++) OCT_UNROLL
  for (int v = 0; v < 4; v++) acc[o][v] = vld1q_s32(s->bias + 4 * v);
  for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
    const char *cell = x;
    for (size_t g = 0; g < s->groups; g++, cell += UNIT * sizeof(int16_t), w += UNIT) {
      const int16x8_t w_low = vld1q_s16(w), w_high = vld1q_s16(w + 8);
      OCT_UNROLL
      for (int o = 0; o < count; o++) {
        const int16_t *from = (const int16_t *)(cell + (size_t)o * s->output_distance);
        const int16x8_t low = vld1q_s16(from), high = vld1q_s16(from + 8);
        acc[o][0] = vmlal_s16(acc[o][0], vget_low_s16(low), vget_low_s16(w_low));
        acc[o][1] = vmlal_high_s16(acc[o][1], low, w_low);
        acc[o][2] = vmlal_s16(acc[o][2], vget_low_s16(high), vget_low_s16(w_high));
        acc[o][3] = vmlal_high_s16(acc[o][3], high, w_high);
      }
    }
  }
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

const oct_depthwise_kernel oct_depthwise_neon = {.name = "neon",
                                                 .isa = OCT_ISA_NEON,
                                                 .lanes = 1,
                                                 .form = OCT_DEPTHWISE_INT16,
                                                 .gather = gather,
                                                 .sum = sum,
                                                 .store = oct_depthwise_store_neon};

#endif /* OCT_ARCH_ARM64 */
