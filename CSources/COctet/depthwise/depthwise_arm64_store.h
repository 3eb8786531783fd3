/* The output stage of the NEON kernels, eight columns at a time. */
#ifndef OCT_DEPTHWISE_ARM64_STORE_H
#define OCT_DEPTHWISE_ARM64_STORE_H

#include "base/epilogue_neon.h"
#include "kernel.h"

#if OCT_ARCH_ARM64

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

static void oct_depthwise_store_neon(const oct_depthwise_store *s) {
  const oct_stage stage = *s->stage;
  const ptrdiff_t width = stage.dtype == OCT_U8 || stage.dtype == OCT_S8 ? 1 : 4;
  for (size_t row = 0; row < s->rows; row++) {
    const int32_t *acc = s->acc + row * s->acc_stride;
    char *y = s->y + (ptrdiff_t)row * s->y_stride;
    for (size_t c = 0; c < s->columns; c += 8, y += 8 * width) {
      const size_t left = s->columns - c, column = s->column + c;
      oct_stage_store_neon(&stage, vld1q_s32(acc + c), vld1q_s32(acc + c + 4), stage.bias + column,
                           stage.multiplier + column, y, left < 8 ? left : 8);
    }
  }
}

OCT_ISA_END

#endif
#endif /* OCT_DEPTHWISE_ARM64_STORE_H */
