/* Pooling of quantized activations, channels last. */
#ifndef OCTET_POOL_H
#define OCTET_POOL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_POOL_MAX_RANK 3

/* A window over one, two or three spatial dimensions. Arrays hold `rank` entries, outermost dimension first.
 * Pixels are x_stride and y_stride elements apart. Taps outside the input don't take part. Every window must hold at least one
 * input element; padding is at most half the window, dilation * (kernel - 1) + 1. The caller gives the output size, so that any
 * rounding rule can be served. */
typedef struct oct_pool {
  uint32_t struct_size;
  oct_dtype dtype; /* OCT_U8 or OCT_S8 */
  uint32_t rank;
  size_t batch, channels;
  size_t in[OCT_POOL_MAX_RANK];
  size_t out[OCT_POOL_MAX_RANK];
  size_t kernel[OCT_POOL_MAX_RANK];
  size_t stride[OCT_POOL_MAX_RANK];
  size_t padding[OCT_POOL_MAX_RANK];
  size_t dilation[OCT_POOL_MAX_RANK];
  const void *x;
  ptrdiff_t x_stride;
  void *y;
  ptrdiff_t y_stride;
} oct_pool;

/* y = the largest element of each window. torch.nn.functional.max_pool1d/2d/3d. */
OCT_API oct_status oct_max_pool(const oct_pool *pool, const oct_run *run);

/* How an average of quantized elements becomes an integer. The orders differ where a mean lies halfway between two. */
typedef enum oct_average_order {
  OCT_ROUND_FIRST = 0, /* y = clamp(zero_point + rint(s * m)) */
  OCT_ADD_FIRST = 1    /* y = clamp(rint(s * m + zero_point)) */
} oct_average_order;

/* s = (float)(sum of q - zero_point) and m = (float)(1 / n) over the elements of a window, in float32, ties to even. n is `divisor`;
 * when that is 0, the elements inside the input, and with count_padding those in the padding as well. A zero_point of 0 averages
 * the integers as they are. */
typedef struct oct_average {
  uint32_t struct_size;
  int32_t zero_point; /* within the dtype */
  oct_average_order order;
  bool count_padding;
  size_t divisor;
} oct_average;

/* y = the rounded mean of each window, whose elements inside the input are at most 8421504 so that sums fit int32. Dilations are 1.
 * torch.nn.functional.avg_pool1d/2d/3d: contiguous 2-d tensors add first, all others round first. */
OCT_API oct_status oct_average_pool(const oct_pool *pool, const oct_average *average, const oct_run *run);

/* The same over windows that divide the input evenly: output o of a dimension takes elements floor(o * in / out) ..<
 * ceil((o + 1) * in / out). m = ((1 / n0) / n1) / n2 in float32, n_i the elements along dimension i. kernel, stride, padding and
 * dilation aren't read; count_padding is false and divisor 0. torch.nn.functional.adaptive_avg_pool1d/2d/3d. */
OCT_API oct_status oct_adaptive_average_pool(const oct_pool *pool, const oct_average *average, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_POOL_H */
