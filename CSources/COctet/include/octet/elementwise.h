/* Elementwise functions of quantized tensors: any function of one 8-bit operand by a table, sums and products of two. */
#ifndef OCTET_ELEMENTWISE_H
#define OCTET_ELEMENTWISE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_LOOKUP_ENTRIES 256

/* y[i] = table[x[i]]. Elements are bytes; an int8 code indexes the table by its bits, so that -1 finds entry 255. y may be x
 * itself, otherwise they must not overlap; neither may overlap the table. Serves every function of one quantized operand (sigmoid, leaky_relu,
 * requantization, ...). */
OCT_API oct_status oct_lookup(const void *x, size_t count, const uint8_t table[OCT_LOOKUP_ENTRIES], void *y,
                              const oct_run *run);

/* A part of what is joined: rows of `columns` bytes, contiguous, each byte through a table of its own or, when that is null, as it is. */
typedef struct oct_joined {
  const void *x;
  size_t columns;
  const uint8_t *table; /* OCT_LOOKUP_ENTRIES, or null */
} oct_joined;

/* Row r of y is row r of part 0, then row r of part 1, and so on. y overlaps neither parts nor tables. Joins tensors along a dimension
 * (rows are what lies before it), with tables that requantize where parts have another scale or zero point: torch's quantized::cat. */
OCT_API oct_status oct_join_rows(const oct_joined *parts, size_t part_count, size_t rows, void *y, const oct_run *run);

/* Two operands and a result of one element type, OCT_U8 or OCT_S8, with `count` elements each. Scales are positive and finite, zero points
 * within the dtype. y may be a or b itself, otherwise it must not overlap them. */
typedef struct oct_quantized_binary {
  uint32_t struct_size;
  oct_dtype dtype;
  size_t count;
  const void *a, *b;
  void *y;
  float a_scale, b_scale, y_scale;
  int32_t a_zero_point, b_zero_point, y_zero_point;
  bool relu; /* no result below y_zero_point */
} oct_quantized_binary;

/* r = a_scale * (float)(a - a_zero_point) + b_scale * (float)(b - b_zero_point);
 * y = clamp(y_zero_point + rint(r * (1 / y_scale)), relu ? y_zero_point : min(dtype), max(dtype)).
 *
 * Every operation rounds to float32 on its own, ties to even, saturating. A sum of opposite infinities gives the largest value.
 * torch's quantized::add and quantized::add_relu. */
OCT_API oct_status oct_quantized_add(const oct_quantized_binary *binary, const oct_run *run);

/* c = (a - a_zero_point) * (b - b_zero_point), exact; m = (a_scale * b_scale) * (1 / y_scale), at most FLT_MAX;
 * y = clamp(y_zero_point + rint((float)c * m), relu ? y_zero_point : min(dtype), max(dtype)).
 *
 * Every operation rounds to float32 on its own, ties to even, saturating. torch's quantized::mul and quantized::mul_relu. */
OCT_API oct_status oct_quantized_multiply(const oct_quantized_binary *binary, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_ELEMENTWISE_H */
