/* Normalization as plain loops over elements: each tier's file compiles them for its own instructions, and compilers
 * turn them into its vectors. Bound by conversions between bytes and float32. Rounding is the addition of 1.5 * 2^23,
 * which rounds ties to even for every value that the clamp before it lets through. */
#ifndef OCT_NORM_LOOPS_H
#define OCT_NORM_LOOPS_H

#include <string.h>

#include "kernels.h"

OCT_FP_STRICT

/* Elements whose squares surely sum to less than 2^32. */
enum { OCT_NORM_BLOCK = 1 << 16 };

static inline __attribute__((always_inline)) float oct_norm_load(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

/* Comparisons that are false for NaN pick the bound, so NaN ends at `high`. */
static inline __attribute__((always_inline)) uint8_t oct_norm_round(float t, float low, float high,
                                                                    int32_t zero_point) {
  const float magic = 12582912.0f;
  t = t < high ? t : high;
  t = t > low ? t : low;
  return (uint8_t)((int32_t)((t + magic) - magic) + zero_point);
}

static inline __attribute__((always_inline)) void oct_norm_sums(const uint8_t *restrict x, size_t count, uint8_t flip,
                                                                uint64_t *sum, uint64_t *squares) {
  for (size_t begin = 0; begin < count; begin += OCT_NORM_BLOCK) {
    const size_t end = count - begin < OCT_NORM_BLOCK ? count : begin + OCT_NORM_BLOCK;
    uint32_t s = 0, q = 0;
    for (size_t i = begin; i < end; i++) {
      const uint32_t u = x[i] ^ flip;
      s += u;
      q += u * u;
    }
    *sum += s;
    *squares += q;
  }
}

static inline __attribute__((always_inline)) void oct_norm_elements(const uint8_t *restrict x, size_t count,
                                                                    const oct_norm_rule *rule,
                                                                    const float *restrict gamma,
                                                                    const float *restrict beta, uint8_t *restrict y,
                                                                    const bool multiplies, const bool adds) {
  const oct_norm_rule r = *rule;
  for (size_t i = 0; i < count; i++) {
    float v = ((float)((x[i] ^ r.flip) - r.offset) - r.mean) * r.r;
    if (multiplies) v = v * oct_norm_load(gamma, i);
    if (adds) v = v + oct_norm_load(beta, i);
    y[i] = oct_norm_round(v * r.inverse, r.low, r.high, r.zero_point);
  }
}

static inline __attribute__((always_inline)) void oct_norm_any_elements(const uint8_t *x, size_t count,
                                                                        const oct_norm_rule *rule, const float *gamma,
                                                                        const float *beta, uint8_t *y) {
  if (gamma && beta)
    oct_norm_elements(x, count, rule, gamma, beta, y, true, true);
  else if (gamma)
    oct_norm_elements(x, count, rule, gamma, beta, y, true, false);
  else if (beta)
    oct_norm_elements(x, count, rule, gamma, beta, y, false, true);
  else
    oct_norm_elements(x, count, rule, gamma, beta, y, false, false);
}

static inline __attribute__((always_inline)) void oct_norm_channel(const uint8_t *restrict x, size_t count,
                                                                   const oct_norm_rule *rule, float beta,
                                                                   uint8_t *restrict y) {
  const oct_norm_rule r = *rule;
  for (size_t i = 0; i < count; i++) {
    const float v = ((float)((x[i] ^ r.flip) - r.offset) - r.mean) * r.r + beta;
    y[i] = oct_norm_round(v * r.inverse, r.low, r.high, r.zero_point);
  }
}

static inline __attribute__((always_inline)) void oct_norm_affine(const uint8_t *restrict x, size_t channels,
                                                                  const oct_affine_rule *rule,
                                                                  const float *restrict alpha,
                                                                  const float *restrict beta, uint8_t *restrict y) {
  const oct_affine_rule r = *rule;
  for (size_t c = 0; c < channels; c++) {
    const float t = oct_norm_load(alpha, c) * (float)((x[c] ^ r.flip) - r.offset) + oct_norm_load(beta, c);
    y[c] = oct_norm_round(t, r.low, r.high, r.zero_point);
  }
}

#endif /* OCT_NORM_LOOPS_H */
