/* What the entries of the norm family share. */
#ifndef OCT_NORM_NORM_H
#define OCT_NORM_NORM_H

#include <string.h>

#include "base/align.h"
#include "kernels.h"

/* Elements per claimed range, and the fewest for which a team is started. Sums of squares of this many int8 fit 63
 * bits. */
enum { OCT_NORM_RANGE = 1 << 14, OCT_NORM_FORK = 1 << 16 };
#define OCT_NORM_MOST ((size_t)1 << 46)

oct_status oct_norm_check_dtype(const char *entry, oct_dtype dtype);
oct_status oct_norm_check_zero_point(const char *entry, const char *name, oct_dtype dtype, int32_t zero_point);

static inline int32_t oct_norm_low(oct_dtype dtype) { return dtype == OCT_U8 ? 0 : -128; }
static inline int32_t oct_norm_high(oct_dtype dtype) { return dtype == OCT_U8 ? 255 : 127; }

/* How elements are read and stored; statistics and scales are the caller's. */
static inline oct_norm_rule oct_norm_rule_of(oct_dtype dtype, int32_t x_zero_point, int32_t y_zero_point) {
  return (oct_norm_rule){.is_signed = dtype == OCT_S8,
                         .offset = x_zero_point,
                         .zero_point = y_zero_point,
                         .low = (float)(oct_norm_low(dtype) - y_zero_point),
                         .high = (float)(oct_norm_high(dtype) - y_zero_point)};
}

/* Rows per claimed range: all of them when the work isn't worth a team. */
static inline size_t oct_norm_grain(size_t rows, size_t length) {
  return rows >= OCT_NORM_FORK / length ? oct_ceil_div(OCT_NORM_RANGE, length) : rows;
}

/* An entry of an array of any alignment. */
static inline float oct_norm_entry(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

#endif /* OCT_NORM_NORM_H */
