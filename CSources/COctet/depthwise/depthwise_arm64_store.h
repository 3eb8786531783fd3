/* The output stage of the NEON kernels, eight columns at a time. */
#ifndef OCT_DEPTHWISE_ARM64_STORE_H
#define OCT_DEPTHWISE_ARM64_STORE_H

#include "kernel.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

/* Comparisons as in oct_stage_integer: a NaN becomes the lower end. */
static inline int32x4_t oct_depthwise_integer_4(const oct_stage *stage, int32x4_t acc, float32x4_t bias,
                                                float32x4_t multiplier) {
  const float32x4_t low = vdupq_n_f32(stage->low), high = vdupq_n_f32(stage->high);
  const float32x4_t t = vmulq_f32(vaddq_f32(vcvtq_f32_s32(acc), bias), multiplier);
  return vaddq_s32(vcvtnq_s32_f32(vminq_f32(vmaxnmq_f32(t, low), high)), vdupq_n_s32(stage->zero_point));
}

static inline uint8x8_t oct_depthwise_integer_8(const oct_depthwise_store *s, const int32_t *acc, size_t column) {
  const float *bias = s->stage->bias + column, *multiplier = s->stage->multiplier + column;
  const int32x4_t a = oct_depthwise_integer_4(s->stage, vld1q_s32(acc), vld1q_f32(bias), vld1q_f32(multiplier));
  const int32x4_t b =
      oct_depthwise_integer_4(s->stage, vld1q_s32(acc + 4), vld1q_f32(bias + 4), vld1q_f32(multiplier + 4));
  return vreinterpret_u8_s8(vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b))));
}

static void oct_depthwise_store_neon(const oct_depthwise_store *s) {
  const bool bytes = s->stage->dtype == OCT_U8 || s->stage->dtype == OCT_S8;
  for (size_t row = 0; row < s->rows; row++) {
    const int32_t *acc = s->acc + row * s->acc_stride;
    char *y = s->y + (ptrdiff_t)row * s->y_stride;
    if (!bytes) {
      for (size_t c = 0; c < s->columns; c++) oct_stage_store(s->stage, acc[c], s->column + c, y, c);
      continue;
    }
    for (size_t c = 0; c < s->columns; c += 8) {
      const size_t left = s->columns - c;
      uint8_t out[8];
      vst1_u8(out, oct_depthwise_integer_8(s, acc + c, s->column + c));
      memcpy(y + c, out, left < 8 ? left : 8);
    }
  }
}

OCT_ISA_END

#endif
#endif /* OCT_DEPTHWISE_ARM64_STORE_H */
