/* The quantize family for any CPU: plain loops that compilers turn into the ABI floor's vectors.
 *
 * Tile: one element. Bound by conversions; rounding is the addition of 1.5 * 2^23 (2^52 in double), which rounds ties
 * to even for every value that the clamp before it lets through and needs no rounding instruction. */
#include "kernels.h"

OCT_FP_STRICT

/* Comparisons that are false for NaN pick the bound, so NaN ends at `high`. */
static inline float clamp_f32(float value, float low, float high) {
  value = value < high ? value : high;
  return value > low ? value : low;
}

static inline double clamp_f64(double value, double low, double high) {
  value = value < high ? value : high;
  return value > low ? value : low;
}

/* |value| <= 2^22. */
static inline float round_f32(float value) {
  const float magic = 12582912.0f;
  return (value + magic) - magic;
}

/* |value| <= 2^51. */
static inline double round_f64(double value) {
  const double magic = 6755399441055744.0;
  return (value + magic) - magic;
}

static inline int32_t subtract_wrapping(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }

static void quantize_byte(const void *x, size_t count, const oct_quantize_rule *rule, void *q) {
  const oct_quantize_rule r = *rule;
  uint8_t *out = q;
  for (size_t i = 0; i < count; i++) {
    const float t = clamp_f32(oct_load_f32(x, i) * r.inverse + r.add, r.low, r.high);
    out[i] = (uint8_t)((int32_t)round_f32(t) + r.zero_point);
  }
}

static inline int32_t quantized_s32(float x, float inverse, int32_t zero_point) {
  const double z = zero_point;
  const double t = clamp_f64((double)(x * inverse), (double)INT32_MIN - z, (double)INT32_MAX - z);
  return (int32_t)(round_f64(t) + z);
}

static void quantize_s32(const void *x, size_t count, float inverse, int32_t zero_point, void *q) {
  for (size_t i = 0; i < count; i++) oct_store_s32(q, i, quantized_s32(oct_load_f32(x, i), inverse, zero_point));
}

/* `restrict` in these loops over rows lets compilers vectorize them: stores of bytes could otherwise change the
 * parameters. */
static inline __attribute__((always_inline)) void quantize_byte_row(const char *restrict x, uint8_t *restrict q,
                                                                    size_t columns, const oct_quantize_columns_rule *r,
                                                                    bool round_first) {
  const float *restrict inverse = r->inverse, *restrict zero_point = r->zero_point;
  const float low = r->low, high = r->high;
  for (size_t c = 0; c < columns; c++) {
    const float z = zero_point[c], product = oct_load_f32(x, c) * inverse[c];
    /* Bounds relative to an integer zero point, clamped before rounding, keep the addition exact. */
    const float t = round_first ? clamp_f32(product, low - z, high - z) : clamp_f32(product + z, low, high);
    q[c] = (uint8_t)(int32_t)(round_first ? round_f32(t) + z : round_f32(t));
  }
}

static void quantize_byte_columns(const oct_quantize_block *block, const oct_quantize_columns_rule *rule) {
  for (size_t row = 0; row < block->rows; row++) {
    const char *x = (const char *)block->from + row * block->from_stride * sizeof(float);
    uint8_t *q = (uint8_t *)block->to + row * block->to_stride;
    if (rule->round_first)
      quantize_byte_row(x, q, block->columns, rule, true);
    else
      quantize_byte_row(x, q, block->columns, rule, false);
  }
}

static void quantize_s32_columns(const oct_quantize_block *block, const float *inverse, const int32_t *zero_point) {
  for (size_t row = 0; row < block->rows; row++) {
    const char *x = (const char *)block->from + row * block->from_stride * sizeof(float);
    char *q = (char *)block->to + row * block->to_stride * sizeof(int32_t);
    for (size_t c = 0; c < block->columns; c++)
      oct_store_s32(q, c, quantized_s32(oct_load_f32(x, c), inverse[c], zero_point[c]));
  }
}

static void dequantize_byte(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  const oct_dequantize_rule r = *rule;
  const uint8_t *in = q;
  for (size_t i = 0; i < count; i++)
    oct_store_f32(x, i, ((float)((in[i] ^ r.flip) - r.offset) - r.zero_point) * r.scale);
}

static void dequantize_s32(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  const oct_dequantize_rule r = *rule;
  for (size_t i = 0; i < count; i++)
    oct_store_f32(x, i, ((float)subtract_wrapping(oct_load_s32(q, i), r.offset) - r.zero_point) * r.scale);
}

static void dequantize_byte_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  const oct_dequantize_rule r = *rule;
  const uint8_t *in = q;
  for (size_t i = 0; i < count; i++) oct_store_f32(x, i, (float)(r.wide_scale * (double)((in[i] ^ r.flip) - r.offset)));
}

static void dequantize_s32_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  const oct_dequantize_rule r = *rule;
  for (size_t i = 0; i < count; i++) {
    const float difference = (float)subtract_wrapping(oct_load_s32(q, i), r.offset);
    oct_store_f32(x, i, (float)(r.wide_scale * (double)difference));
  }
}

static void dequantize_byte_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  const oct_dequantize_columns_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const uint8_t *q = (const uint8_t *)block->from + row * block->from_stride;
    char *x = (char *)block->to + row * block->to_stride * sizeof(float);
    for (size_t c = 0; c < block->columns; c++)
      oct_store_f32(x, c, ((float)((q[c] ^ r.flip) - r.offset) - r.zero_point[c]) * r.scale[c]);
  }
}

static void dequantize_s32_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  const oct_dequantize_columns_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const char *q = (const char *)block->from + row * block->from_stride * sizeof(int32_t);
    char *x = (char *)block->to + row * block->to_stride * sizeof(float);
    for (size_t c = 0; c < block->columns; c++)
      oct_store_f32(x, c, ((float)oct_load_s32(q, c) - r.zero_point[c]) * r.scale[c]);
  }
}

static void dequantize_byte_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  const oct_dequantize_columns_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const uint8_t *q = (const uint8_t *)block->from + row * block->from_stride;
    char *x = (char *)block->to + row * block->to_stride * sizeof(float);
    for (size_t c = 0; c < block->columns; c++)
      oct_store_f32(x, c, (float)(r.wide_scale[c] * (double)((q[c] ^ r.flip) - r.offsets[c])));
  }
}

static void dequantize_s32_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  const oct_dequantize_columns_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const char *q = (const char *)block->from + row * block->from_stride * sizeof(int32_t);
    char *x = (char *)block->to + row * block->to_stride * sizeof(float);
    for (size_t c = 0; c < block->columns; c++) {
      const float difference = (float)subtract_wrapping(oct_load_s32(q, c), r.offsets[c]);
      oct_store_f32(x, c, (float)(r.wide_scale[c] * (double)difference));
    }
  }
}

static inline __attribute__((always_inline)) void requantize_row(const char *restrict acc, uint8_t *restrict q,
                                                                 size_t columns, const oct_requantize_rule *r,
                                                                 bool per_column) {
  const char *restrict multipliers = (const char *)r->multiplier;
  const float first = oct_load_f32(multipliers, 0), low = r->low, high = r->high;
  const int32_t zero_point = r->zero_point;
  for (size_t c = 0; c < columns; c++) {
    const float multiplier = per_column ? oct_load_f32(multipliers, c) : first;
    const float t = clamp_f32((float)oct_load_s32(acc, c) * multiplier, low, high);
    q[c] = (uint8_t)((int32_t)round_f32(t) + zero_point);
  }
}

static void requantize(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  for (size_t row = 0; row < block->rows; row++) {
    const char *acc = (const char *)block->from + row * block->from_stride * sizeof(int32_t);
    uint8_t *q = (uint8_t *)block->to + row * block->to_stride;
    if (rule->per_column)
      requantize_row(acc, q, block->columns, rule, true);
    else
      requantize_row(acc, q, block->columns, rule, false);
  }
}

static inline int32_t requantized_fixed(int32_t acc, int32_t multiplier, int32_t shift) {
  const int left = shift > 0 ? shift : 0;
  const int right = shift < 0 ? -shift : 0;
  const int64_t wide = (int64_t)acc * ((int64_t)1 << left);
  const int32_t shifted = wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
  const int64_t half = (int64_t)1 << 30;
  const int32_t v = (int32_t)(((int64_t)shifted * multiplier + half) >> 31);
  const uint32_t mask = (1u << right) - 1;
  const uint32_t threshold = (mask >> 1) + (v < 0);
  return (v >> right) + (((uint32_t)v & mask) > threshold);
}

static void requantize_fixed(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  const oct_requantize_rule r = *rule;
  for (size_t row = 0; row < block->rows; row++) {
    const char *acc = (const char *)block->from + row * block->from_stride * sizeof(int32_t);
    uint8_t *q = (uint8_t *)block->to + row * block->to_stride;
    for (size_t c = 0; c < block->columns; c++) {
      const size_t p = r.per_column ? c : 0;
      int32_t t =
          requantized_fixed(oct_load_s32(acc, c), oct_load_s32(r.fixed_multiplier, p), oct_load_s32(r.fixed_shift, p));
      t = t < r.fixed_high ? t : r.fixed_high;
      t = t > r.fixed_low ? t : r.fixed_low;
      q[c] = (uint8_t)(t + r.zero_point);
    }
  }
}

const oct_quantize_kernels oct_quantize_scalar = {
    .name = "scalar",
    .isa = OCT_ISA_SCALAR,
    .quantize_byte = quantize_byte,
    .quantize_s32 = quantize_s32,
    .quantize_byte_columns = quantize_byte_columns,
    .quantize_s32_columns = quantize_s32_columns,
    .dequantize_byte = dequantize_byte,
    .dequantize_s32 = dequantize_s32,
    .dequantize_byte_wide = dequantize_byte_wide,
    .dequantize_s32_wide = dequantize_s32_wide,
    .dequantize_byte_columns = dequantize_byte_columns,
    .dequantize_s32_columns = dequantize_s32_columns,
    .dequantize_byte_wide_columns = dequantize_byte_wide_columns,
    .dequantize_s32_wide_columns = dequantize_s32_wide_columns,
    .requantize = requantize,
    .requantize_fixed = requantize_fixed,
};
