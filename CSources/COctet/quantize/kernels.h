/* What a tier implements for the quantize family: fourteen loops over contiguous elements or over the columns of a
 * block of rows.
 *
 * A "run" has one set of parameters. "Columns" have one per column: element (r, c) is at r * stride + c and its
 * parameters are entry c of the arrays, which quantize.c expands from the channels. Pointers to elements may have any
 * alignment. */
#ifndef OCT_QUANTIZE_KERNELS_H
#define OCT_QUANTIZE_KERNELS_H

#include <string.h>

#include "base/isa.h"
#include "octet/quantize.h"

/* One byte output element: clamp(x * inverse + add, low, high) rounded to even, plus zero_point, kept in 8 bits. NaN
 * gives high. An integer zero point has add = 0 and bounds relative to it; a real one has add = it, zero_point = 0. */
typedef struct oct_quantize_rule {
  float inverse, add, low, high;
  int32_t zero_point;
  bool streams; /* x is more than the caches keep: kernels may store past them */
} oct_quantize_rule;

/* Whether a rule's output is int8: its bounds are the ends of the output's type. */
static inline bool oct_quantize_is_signed(const oct_quantize_rule *rule) {
  return rule->low + (float)rule->zero_point < 0.0f;
}

/* A block of rows of `columns` elements, strides in elements. */
typedef struct oct_quantize_block {
  const void *from;
  void *to;
  size_t rows, columns, from_stride, to_stride;
} oct_quantize_block;

/* Columns of byte outputs: t = x * inverse[c]; an integer zero point is added after rounding (round_first), a real one
 * before. */
typedef struct oct_quantize_columns_rule {
  const float *inverse, *zero_point;
  float low, high;
  bool round_first;
} oct_quantize_columns_rule;

/* Byte inputs are read as uint8 after ^ flip (0x80 for int8, 0 for uint8), so that `offset` is the zero point plus 0 or
 * 128. */
typedef struct oct_dequantize_rule {
  uint8_t flip;
  int32_t offset;
  float zero_point, scale; /* x = ((float)(q - offset) - zero_point) * scale */
  double wide_scale;       /* x = (float)(wide_scale * (double)(float)(q - offset)) */
  bool streams;            /* outputs are too many for the caches to keep: kernels may store past them */
} oct_dequantize_rule;

typedef struct oct_dequantize_columns_rule {
  uint8_t flip;
  int32_t offset;         /* for real zero points: 0 or 128 */
  const int32_t *offsets; /* for integer zero points */
  const float *zero_point, *scale;
  const double *wide_scale;
} oct_dequantize_columns_rule;

/* Accumulators to bytes. multiplier (and shift) advance by `step`, 0 or 1, per column. Bounds are relative to
 * zero_point. */
typedef struct oct_requantize_rule {
  const float *multiplier;
  float low, high;
  const int32_t *fixed_multiplier, *fixed_shift;
  int32_t fixed_low, fixed_high;
  int32_t zero_point;
  bool per_column;
} oct_requantize_rule;

typedef struct oct_quantize_kernels {
  const char *name;
  oct_isa isa;
  void (*quantize_byte)(const void *x, size_t count, const oct_quantize_rule *rule, void *q);
  void (*quantize_s32)(const void *x, size_t count, float inverse, int32_t zero_point, void *q);
  void (*quantize_byte_columns)(const oct_quantize_block *block, const oct_quantize_columns_rule *rule);
  void (*quantize_s32_columns)(const oct_quantize_block *block, const float *inverse, const int32_t *zero_point);
  void (*dequantize_byte)(const void *q, size_t count, const oct_dequantize_rule *rule, void *x);
  void (*dequantize_s32)(const void *q, size_t count, const oct_dequantize_rule *rule, void *x);
  void (*dequantize_byte_wide)(const void *q, size_t count, const oct_dequantize_rule *rule, void *x);
  void (*dequantize_s32_wide)(const void *q, size_t count, const oct_dequantize_rule *rule, void *x);
  void (*dequantize_byte_columns)(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule);
  void (*dequantize_s32_columns)(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule);
  void (*dequantize_byte_wide_columns)(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule);
  void (*dequantize_s32_wide_columns)(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule);
  void (*requantize)(const oct_quantize_block *block, const oct_requantize_rule *rule);
  void (*requantize_fixed)(const oct_quantize_block *block, const oct_requantize_rule *rule);
} oct_quantize_kernels;

#define OCT_QUANTIZE_KERNELS(isa, arch, symbol) extern const oct_quantize_kernels symbol;
#include "quantize.def"
#undef OCT_QUANTIZE_KERNELS

/* Elements at addresses of any alignment. */
static inline float oct_load_f32(const void *base, size_t index) {
  float value;
  memcpy(&value, (const char *)base + index * sizeof value, sizeof value);
  return value;
}
static inline int32_t oct_load_s32(const void *base, size_t index) {
  int32_t value;
  memcpy(&value, (const char *)base + index * sizeof value, sizeof value);
  return value;
}
static inline void oct_store_f32(void *base, size_t index, float value) {
  memcpy((char *)base + index * sizeof value, &value, sizeof value);
}
static inline void oct_store_s32(void *base, size_t index, int32_t value) {
  memcpy((char *)base + index * sizeof value, &value, sizeof value);
}

#endif /* OCT_QUANTIZE_KERNELS_H */
