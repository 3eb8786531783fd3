/* Recurrent cells as plain loops over units: each tier's file compiles them for its own instructions, and compilers turn them into
 * its vectors. Bound by some 25 operations for each exponential and by one division for each pair of functions that are
 * multiplied.
 *
 * Everything comes from E(y) = exp(y) - 1:  s(x) = 1 / (2 + E(-x)),  tanh(x) = E(2x) / (2 + E(2x)).
 * A product of the two has one division, E(2x) / ((2 + E(-u)) * (2 + E(2x))). Where one function follows another there are two loops
 * with y between them: in one, the second chain of operations would fill the scheduler while it waits for the first. */
#ifndef OCT_RNN_LOOPS_H
#define OCT_RNN_LOOPS_H

#include <math.h>
#include <string.h>

#include "kernels.h"

OCT_FP_STRICT

static inline __attribute__((always_inline)) float oct_rnn_load(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

static inline __attribute__((always_inline)) void oct_rnn_store(float *values, size_t i, float value) {
  memcpy((char *)values + i * sizeof value, &value, sizeof value);
}

/* exp(y) - 1 for y in -87..88: y = n * ln 2 + r, and with p = exp(r) - 1 it is 2^n * p + (2^n - 1), which keeps its digits near 0.
 * Adding 1.5 * 2^23 rounds to n and leaves n in the lowest bits. ln 2 is split so that n times its first part is exact. The
 * polynomial is the minimax one of relative error for |r| <= ln 2 / 2. */
static inline __attribute__((always_inline)) float oct_rnn_exp_minus_1(float y) {
  const float magic = 12582912.0f;
  const float shifted = y * 0x1.715476p+0f + magic;
  const float n = shifted - magic;
  const float r = (y - n * 0x1.63p-1f) - n * -0x1.bd0106p-13f;
  float q = 0x1.6bebfep-10f;
  q = q * r + 0x1.1227b0p-7f;
  q = q * r + 0x1.555674p-5f;
  q = q * r + 0x1.5554b0p-3f;
  q = q * r + 0x1.fffffep-2f;
  const float p = q * (r * r) + r;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3F800000u;
  float power;
  memcpy(&power, &bits, sizeof power);
  return power * p + (power - 1.0f);
}

/* Comparisons that are false for NaN keep it. */
static inline __attribute__((always_inline)) float oct_rnn_clamp(float y, float low, float high) {
  y = high < y ? high : y;
  return low > y ? low : y;
}

/* 1 / s(x). */
static inline __attribute__((always_inline)) float oct_rnn_inverse_sigmoid(float x) {
  return 2.0f + oct_rnn_exp_minus_1(oct_rnn_clamp(-x, -87.0f, 88.0f));
}

/* E(2x); beyond 10 the quotient E / (2 + E) is 1 as a float. */
static inline __attribute__((always_inline)) float oct_rnn_tanh_part(float x) {
  return oct_rnn_exp_minus_1(oct_rnn_clamp(x + x, -20.0f, 20.0f));
}

static inline __attribute__((always_inline)) void oct_rnn_lstm_row(const float *restrict x, const float *restrict h,
                                                                   size_t units, size_t count, float *restrict c,
                                                                   float *restrict y) {
  const float *restrict xf = x + units, *restrict xg = xf + units, *restrict xo = xg + units;
  const float *restrict hf = h + units, *restrict hg = hf + units, *restrict ho = hg + units;
  for (size_t j = 0; j < count; j++) {
    const float i = oct_rnn_inverse_sigmoid(oct_rnn_load(h, j) + oct_rnn_load(x, j));
    const float f = oct_rnn_inverse_sigmoid(oct_rnn_load(hf, j) + oct_rnn_load(xf, j));
    const float g = oct_rnn_tanh_part(oct_rnn_load(hg, j) + oct_rnn_load(xg, j));
    const float o = oct_rnn_inverse_sigmoid(oct_rnn_load(ho, j) + oct_rnn_load(xo, j));
    oct_rnn_store(c, j, oct_rnn_load(c, j) / f + g / (i * (2.0f + g)));
    oct_rnn_store(y, j, o);
  }
  for (size_t j = 0; j < count; j++) {
    const float e = oct_rnn_tanh_part(oct_rnn_load(c, j));
    oct_rnn_store(y, j, e / (oct_rnn_load(y, j) * (2.0f + e)));
  }
}

static inline __attribute__((always_inline)) void oct_rnn_gru_row(const float *restrict x, const float *restrict h,
                                                                  const float *restrict before, size_t units,
                                                                  size_t count, float *restrict y) {
  const float *restrict xz = x + units, *restrict xn = xz + units;
  const float *restrict hz = h + units, *restrict hn = hz + units;
  for (size_t j = 0; j < count; j++) {
    const float r = oct_rnn_inverse_sigmoid(oct_rnn_load(h, j) + oct_rnn_load(x, j));
    oct_rnn_store(y, j, oct_rnn_load(xn, j) + oct_rnn_load(hn, j) / r);
  }
  for (size_t j = 0; j < count; j++) {
    const float z = oct_rnn_inverse_sigmoid(oct_rnn_load(hz, j) + oct_rnn_load(xz, j));
    const float e = oct_rnn_tanh_part(oct_rnn_load(y, j));
    const float n = e / (2.0f + e);
    oct_rnn_store(y, j, (oct_rnn_load(before, j) - n) / z + n);
  }
}

static inline __attribute__((always_inline)) void oct_rnn_tanh_row(const float *restrict x, const float *restrict h,
                                                                   size_t count, float *restrict y) {
  for (size_t j = 0; j < count; j++) {
    const float e = oct_rnn_tanh_part(oct_rnn_load(h, j) + oct_rnn_load(x, j));
    oct_rnn_store(y, j, e / (2.0f + e));
  }
}

static inline __attribute__((always_inline)) void oct_rnn_relu_row(const float *restrict x, const float *restrict h,
                                                                   size_t count, float *restrict y) {
  for (size_t j = 0; j < count; j++) {
    const float a = oct_rnn_load(h, j) + oct_rnn_load(x, j);
    oct_rnn_store(y, j, 0.0f > a ? 0.0f : a);
  }
}

enum { OCT_RNN_LANES = 32 };

/* Lanes of their own, because compilers don't reorder a chain of float comparisons. An element that isn't finite has all exponent
 * bits set. */
static inline __attribute__((always_inline)) oct_rnn_range oct_rnn_find_range(const float *restrict x, size_t count) {
  float low[OCT_RNN_LANES], high[OCT_RNN_LANES];
  uint32_t odd[OCT_RNN_LANES];
  for (size_t l = 0; l < OCT_RNN_LANES; l++) low[l] = INFINITY, high[l] = -INFINITY, odd[l] = 0;
  size_t i = 0;
  for (; i + OCT_RNN_LANES <= count; i += OCT_RNN_LANES) {
    for (size_t l = 0; l < OCT_RNN_LANES; l++) {
      const float value = oct_rnn_load(x, i + l);
      low[l] = value < low[l] ? value : low[l];
      high[l] = value > high[l] ? value : high[l];
      uint32_t bits;
      memcpy(&bits, &value, sizeof bits);
      odd[l] |= (bits & 0x7F800000u) == 0x7F800000u;
    }
  }
  for (size_t l = 0; i < count; i++, l++) {
    const float value = oct_rnn_load(x, i);
    low[l] = value < low[l] ? value : low[l];
    high[l] = value > high[l] ? value : high[l];
    odd[l] |= isfinite(value) ? 0 : 1;
  }
  oct_rnn_range range = {.low = INFINITY, .high = -INFINITY, .finite = true};
  for (size_t l = 0; l < OCT_RNN_LANES; l++) {
    range.low = low[l] < range.low ? low[l] : range.low;
    range.high = high[l] > range.high ? high[l] : range.high;
    range.finite = range.finite && !odd[l];
  }
  return range;
}

#endif /* OCT_RNN_LOOPS_H */
