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

#ifdef __cplusplus
}
#endif

#endif /* OCTET_POOL_H */
