/* Where windows lie: one dimension at a time, three of them, ones in front. */
#ifndef OCT_POOL_GEOMETRY_H
#define OCT_POOL_GEOMETRY_H

#include "octet/pool.h"

/* One dimension of the window's walk. */
typedef struct oct_pool_axis {
  size_t in, out, kernel, stride, padding, dilation;
} oct_pool_axis;

/* The taps of output `o` that lie inside the input: first..<end. `origin` is tap 0's coordinate, modulo 2^64 when
 * before the input. */
typedef struct oct_pool_span {
  size_t first, end, origin;
} oct_pool_span;

oct_pool_span oct_pool_span_of(const oct_pool_axis *axis, size_t o);

/* Where windows come from: kernel, stride, padding and dilation, or dividing the input evenly, which reads none of
 * those and leaves them 0 in the axes. */
typedef enum oct_pool_windows { OCT_POOL_WINDOWS_GIVEN, OCT_POOL_WINDOWS_DIVIDED } oct_pool_windows;

/* Refuses, in the name of `entry`, a pool whose struct, shape, memory or windows are wrong; otherwise gives its axes
 * and numbers of pixels. */
oct_status oct_pool_check(const char *entry, const oct_pool *pool, oct_pool_windows windows, oct_pool_axis axes[3],
                          size_t *in_pixels, size_t *out_pixels);

#endif /* OCT_POOL_GEOMETRY_H */
