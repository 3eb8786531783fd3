/* The elementwise family for any CPU: plain loops, which compilers turn into the ABI floor's vectors where they can.
 *
 * Tile: one element. Lookups are bound by their two loads, sums and products by conversions; rounding is the addition
 * of 1.5 * 2^23, which rounds ties to even for every value that the clamp before it lets through. */
#include "kernels.h"

OCT_FP_STRICT

/* Comparisons that are false for NaN pick the bound, so NaN ends at `high`. */
static inline float clamp_f32(float value, float low, float high) {
  value = value < high ? value : high;
  return value > low ? value : low;
}

/* |value| <= 2^22. */
static inline float round_f32(float value) {
  const float magic = 12582912.0f;
  return (value + magic) - magic;
}

static void lookup(const uint8_t *x, size_t rows, size_t columns, const uint8_t *table, uint8_t *y, size_t y_step) {
  for (size_t row = 0; row < rows; row++, x += columns, y += y_step)
    for (size_t i = 0; i < columns; i++) y[i] = table[x[i]];
}

static inline int32_t code(uint8_t bits, bool is_signed) { return is_signed ? (int8_t)bits : bits; }

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, const bool product,
                                                         const bool is_signed) {
  const oct_binary_rule r = *rule;
  const float low = (float)r.low, high = (float)r.high;
  for (size_t i = 0; i < count; i++) {
    const float u = (float)(code(a[i], is_signed) - r.a_zero_point);
    const float v = (float)(code(b[i], is_signed) - r.b_zero_point);
    const float value = product ? u * v : u * r.a_scale + v * r.b_scale;
    y[i] = (uint8_t)((int32_t)round_f32(clamp_f32(value * r.multiplier, low, high)) + r.zero_point);
  }
}

static void add_u8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false, false);
}
static void add_s8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false, true);
}
static void multiply_u8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true, false);
}
static void multiply_s8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true, true);
}

const oct_lookup_kernel oct_lookup_scalar = {.name = "scalar", .isa = OCT_ISA_SCALAR, .lookup = lookup};

const oct_elementwise_kernels oct_elementwise_scalar = {.name = "scalar",
                                                        .isa = OCT_ISA_SCALAR,
                                                        .add_u8 = add_u8,
                                                        .add_s8 = add_s8,
                                                        .multiply_u8 = multiply_u8,
                                                        .multiply_s8 = multiply_s8};
