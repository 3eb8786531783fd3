/* Making embedding tables, of real rows or of codes that exist. Rows are written only when all of them have passed. */
#include <math.h>

#include "base/status.h"
#include "half.h"
#include "kernels.h"

OCT_FP_STRICT

static float real_at(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

/* What all codes of a row share. Scale and bias are values of the type they are stored in. */
typedef struct row_rule {
  float scale, bias, inverse;
} row_rule;

static row_rule byte_rule(float low, float high) {
  const float range = high - low;
  return (row_rule){.scale = range / 255.0f, .bias = low, .inverse = 255.0f / (range + 1e-8f)};
}

static row_rule narrow_rule(float low, float high, int bits) {
  const float bias = oct_half_widen(oct_half_narrow(low)), range = high - bias;
  const float step = range == 0.0f ? 1.0f : range / (float)((1 << bits) - 1);
  row_rule rule = {.scale = oct_half_widen(oct_half_narrow(step)), .bias = bias};
  if (rule.scale == 0.0f) rule.scale = 1.0f;
  rule.inverse = 1.0f / rule.scale;
  if (isinf(rule.inverse)) rule.scale = rule.inverse = 1.0f;
  return rule;
}

static void store_tail(uint8_t *tail, oct_embedding_bits bits, float scale, float bias) {
  if (bits == OCT_EMBEDDING_8) {
    memcpy(tail, &scale, sizeof scale);
    memcpy(tail + sizeof scale, &bias, sizeof bias);
    return;
  }
  const uint16_t halves[2] = {oct_half_narrow(scale), oct_half_narrow(bias)};
  memcpy(tail, halves, sizeof halves);
}

/* The rule of a row, with scale and bias that aren't finite when the row can't be quantized. */
static row_rule rule_of_row(const float *weight, size_t begin, size_t dim, oct_embedding_bits bits) {
  float low = dim ? real_at(weight, begin) : 0.0f, high = low;
  for (size_t i = 1; i < dim; i++) {
    const float value = real_at(weight, begin + i);
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  return bits == OCT_EMBEDDING_8 ? byte_rule(low, high) : narrow_rule(low, high, (int)bits);
}

static oct_status check_rows(const char *entry, const float *weight, oct_embedding_bits bits, size_t rows, size_t dim) {
  for (size_t row = 0; row < rows; row++) {
    for (size_t i = 0; i < dim; i++) {
      const float value = real_at(weight, row * dim + i);
      if (!isfinite(value))
        return oct_fail(OCT_INVALID_ARGUMENT, "%s: weight[%zu][%zu] is %g, expected finite numbers; check the table",
                        entry, row, i, (double)value);
    }
    const row_rule rule = rule_of_row(weight, row * dim, dim, bits);
    if (!isfinite(rule.scale) || !isfinite(rule.bias))
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: row %zu needs scale %g and bias %g, which %s can't hold; scale the table down", entry, row,
                      (double)rule.scale, (double)rule.bias, bits == OCT_EMBEDDING_8 ? "float32" : "float16");
  }
  return OCT_OK;
}

static void quantize_row(const float *weight, size_t begin, size_t dim, oct_embedding_bits bits, size_t codes,
                         uint8_t *out) {
  const row_rule rule = rule_of_row(weight, begin, dim, bits);
  const float top = (float)((1 << (int)bits) - 1);
  const size_t each = 8 / (size_t)bits;
  memset(out, 0, codes);
  for (size_t i = 0; i < dim; i++) {
    const float steps = rintf((real_at(weight, begin + i) - rule.bias) * rule.inverse);
    const float code = steps < 0.0f ? 0.0f : steps > top ? top : steps;
    out[i / each] = (uint8_t)(out[i / each] | (uint32_t)code << (i % each * (size_t)bits));
  }
  store_tail(out + codes, bits, rule.scale, rule.bias);
}

oct_status oct_embedding_quantize(const float *weight, oct_embedding_bits bits, size_t rows, size_t dim, void *table,
                                  size_t table_size) {
  static const char entry[] = "oct_embedding_quantize";
  size_t row, codes, count;
  oct_status status = oct_embedding_layout(entry, bits, dim, &row, &codes);
  if (status == OCT_OK) status = oct_embedding_check_table(entry, table, table_size, rows, row);
  if (status != OCT_OK) return status;
  if (!oct_multiply(rows, dim, &count) || count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu elements are more than memory can hold; check rows and dim",
                    entry, rows, dim);
  if (!weight && count > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: weight is null, expected %zu elements; pass a buffer", entry, count);
  status = check_rows(entry, weight, bits, rows, dim);
  if (status != OCT_OK) return status;
  for (size_t i = 0; i < rows; i++) quantize_row(weight, i * dim, dim, bits, codes, (uint8_t *)table + i * row);
  return OCT_OK;
}

static oct_status check_parameters(const char *entry, const float *scales, const float *zero_points,
                                   oct_embedding_bits bits, size_t rows) {
  for (size_t i = 0; i < rows; i++) {
    const float scale = real_at(scales, i), zero_point = real_at(zero_points, i), bias = -zero_point * scale;
    if (!(scale > 0.0f) || isinf(scale))
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: scales[%zu] is %g, expected a positive finite number", entry, i,
                      (double)scale);
    if (!isfinite(zero_point) || !isfinite(bias))
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: zero_points[%zu] is %g, expected a finite number whose product with the scale is finite",
                      entry, i, (double)zero_point);
    if (bits != OCT_EMBEDDING_8 &&
        !(isfinite(oct_half_widen(oct_half_narrow(scale))) && isfinite(oct_half_widen(oct_half_narrow(bias)))))
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: row %zu has scale %g and bias %g, which float16 can't hold; pack it in 8 bits", entry, i,
                      (double)scale, (double)bias);
  }
  return OCT_OK;
}

oct_status oct_embedding_pack(const uint8_t *codes, const float *scales, const float *zero_points,
                              oct_embedding_bits bits, size_t rows, size_t dim, void *table, size_t table_size) {
  static const char entry[] = "oct_embedding_pack";
  size_t row, packed, count;
  oct_status status = oct_embedding_layout(entry, bits, dim, &row, &packed);
  if (status == OCT_OK) status = oct_embedding_check_table(entry, table, table_size, rows, row);
  if (status != OCT_OK) return status;
  if (!oct_multiply(rows, dim, &count) || count > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu codes are more than memory can hold; check rows and dim", entry,
                    rows, dim);
  if ((!codes && count > 0) || ((!scales || !zero_points) && rows > 0))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu entries; pass a buffer", entry,
                    !codes && count > 0 ? "codes"
                    : !scales           ? "scales"
                                        : "zero_points",
                    !codes && count > 0 ? count : rows);
  for (size_t i = 0; i < count; i++)
    if (codes[i] >> (int)bits)
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: codes[%zu] is %u, expected a number of %d bits", entry, i,
                      (unsigned)codes[i], (int)bits);
  status = check_parameters(entry, scales, zero_points, bits, rows);
  if (status != OCT_OK) return status;
  const size_t each = 8 / (size_t)bits;
  for (size_t r = 0; r < rows; r++) {
    uint8_t *out = (uint8_t *)table + r * row;
    memset(out, 0, packed);
    for (size_t i = 0; i < dim; i++)
      out[i / each] = (uint8_t)(out[i / each] | (uint32_t)codes[r * dim + i] << (i % each * (size_t)bits));
    const float scale = real_at(scales, r);
    store_tail(out + packed, bits, scale, -real_at(zero_points, r) * scale);
  }
  return OCT_OK;
}
