/* Average pooling as plain loops over channels: each tier's file compiles them for its own instructions, and compilers
 * turn them into its vectors. Sums of four uint8 fit 16 bits, so one widening to int32 serves four pixels. Bound by
 * loads and stores of the accumulators, which the caller keeps in the first-level cache. */
#ifndef OCT_POOL_AVERAGE_LOOPS_H
#define OCT_POOL_AVERAGE_LOOPS_H

#include "kernel.h"

OCT_FP_STRICT

static inline __attribute__((always_inline)) void oct_sum_pixels(const uint8_t *restrict x, ptrdiff_t step, size_t taps,
                                                                 size_t channels, uint8_t flip, int32_t *restrict acc) {
  size_t t = 0;
  for (; t + 4 <= taps; t += 4, x += 4 * step) {
    const uint8_t *x1 = x + step, *x2 = x1 + step, *x3 = x2 + step;
    for (size_t c = 0; c < channels; c++) {
      const uint16_t low = (uint16_t)((x[c] ^ flip) + (x1[c] ^ flip)),
                     high = (uint16_t)((x2[c] ^ flip) + (x3[c] ^ flip));
      acc[c] += (uint16_t)(low + high);
    }
  }
  for (; t < taps; t++, x += step)
    for (size_t c = 0; c < channels; c++) acc[c] += x[c] ^ flip;
}

static inline __attribute__((always_inline)) void oct_average_pixel(const int32_t *restrict acc, size_t channels,
                                                                    const oct_average_rule *rule, uint8_t *restrict y) {
  const oct_average_rule r = *rule;
  const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to even */
  for (size_t c = 0; c < channels; c++) {
    float t = (float)(acc[c] - r.offset) * r.multiplier + r.add;
    t = t < r.high ? t : r.high;
    t = t > r.low ? t : r.low;
    y[c] = (uint8_t)((int32_t)((t + magic) - magic) + r.zero_point);
  }
}

#endif /* OCT_POOL_AVERAGE_LOOPS_H */
