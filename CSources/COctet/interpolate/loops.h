/* The blend of four pixels as a plain loop over channels: each tier's file compiles it for its own instructions, and
 * compilers turn it into its vectors. Bound by conversions between bytes and float32. */
#ifndef OCT_INTERPOLATE_LOOPS_H
#define OCT_INTERPOLATE_LOOPS_H

#include "kernels.h"

OCT_FP_STRICT

static inline __attribute__((always_inline)) void oct_blend_channels(const oct_blend *blend, size_t channels,
                                                                     uint8_t *restrict y) {
  const oct_blend b = *blend;
  const uint8_t *restrict x0 = b.x[0], *restrict x1 = b.x[1], *restrict x2 = b.x[2], *restrict x3 = b.x[3];
  const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to even */
  const float z = (float)b.zero_point;
  for (size_t c = 0; c < channels; c++) {
    const float above =
        b.columns[0] * (float)((x0[c] ^ b.flip) - b.flip) + b.columns[1] * (float)((x1[c] ^ b.flip) - b.flip);
    const float below =
        b.columns[0] * (float)((x2[c] ^ b.flip) - b.flip) + b.columns[1] * (float)((x3[c] ^ b.flip) - b.flip);
    float t = (b.rows[0] * above + b.rows[1] * below) - z;
    t = t < b.high ? t : b.high;
    t = t > b.low ? t : b.low;
    y[c] = (uint8_t)((int32_t)((t + magic) - magic) + b.zero_point);
  }
}

#endif /* OCT_INTERPOLATE_LOOPS_H */
