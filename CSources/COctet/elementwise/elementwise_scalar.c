/* The elementwise family for any CPU: plain loops, which compilers turn into the ABI floor's vectors where they can.
 *
 * Tile: one element. Lookups are bound by their two loads, sums and products by conversions; rounding is the addition
 * of 1.5 * 2^23, which rounds ties to even for every value that the clamp before it lets through. */
#include "kernels.h"

OCT_FP_STRICT

/* Comparisons that are false for NaN: it passes the floor and ends at `high`. */
static inline float at_least(float value, float floor) { return value < floor ? floor : value; }

static inline float clamp_f32(float value, float low, float high) {
  value = value < high ? value : high;
  return value > low ? value : low;
}

/* |value| <= 2^22. */
static inline float round_f32(float value) {
  const float magic = 12582912.0f;
  return (value + magic) - magic;
}

static void lookup(const uint8_t *x, size_t count, const uint8_t *table, uint8_t *y) {
  for (size_t i = 0; i < count; i++) y[i] = table[x[i]];
}

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, bool product) {
  const oct_binary_rule r = *rule;
  for (size_t i = 0; i < count; i++) {
    const float u = (float)((a[i] ^ r.flip) - r.a_offset), v = (float)((b[i] ^ r.flip) - r.b_offset);
    const float value = product ? u * v : at_least(u * r.a_scale + v * r.b_scale, r.floor);
    y[i] = (uint8_t)((int32_t)round_f32(clamp_f32(value * r.multiplier, r.low, r.high)) + r.zero_point);
  }
}

static void add(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false);
}

static void multiply(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true);
}

const oct_elementwise_kernels oct_elementwise_scalar = {
    .name = "scalar", .isa = OCT_ISA_SCALAR, .lookup = lookup, .add = add, .multiply = multiply};
