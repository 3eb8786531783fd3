/* Resizing of quantized activations, channels last. */
#ifndef OCTET_INTERPOLATE_H
#define OCTET_INTERPOLATE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_INTERPOLATE_MAX_RANK 3

/* Arrays hold `rank` entries, outermost dimension first. Pixels are x_stride and y_stride elements apart. step is how many input
 * pixels one output pixel advances: (float)in / (float)out, or (float)(1 / scale) when a scale was asked for, or, with aligned
 * corners, (float)(in - 1) / (float)(out - 1), 0 when out is 1. */
typedef struct oct_interpolation {
  uint32_t struct_size;
  oct_dtype dtype; /* OCT_U8 or OCT_S8 */
  uint32_t rank;
  size_t batch, channels;
  size_t in[OCT_INTERPOLATE_MAX_RANK];
  size_t out[OCT_INTERPOLATE_MAX_RANK];
  float step[OCT_INTERPOLATE_MAX_RANK]; /* finite, not negative */
  const void *x;
  ptrdiff_t x_stride;
  void *y; /* doesn't overlap x */
  ptrdiff_t y_stride;
} oct_interpolation;

/* Output o of a dimension copies input min(floor(o * step), in - 1), or min(floor((o + 0.5) * step), in - 1) when `centered`, in
 * float32. torch.nn.functional.interpolate in modes nearest and nearest-exact. */
OCT_API oct_status oct_interpolate_nearest(const oct_interpolation *interpolation, bool centered, const oct_run *run);

/* Linear (rank 1) or bilinear (rank 2) interpolation of the integers as they are, in float32 with every operation rounded.
 *
 * Output o lies at p = step * o with aligned corners, else at p = max(step * (o + 0.5) - 0.5, 0), between inputs i = floor(p), at
 * most in - 1, and j = i + 1, or i at the end, with weights 1 - l and l, l = p - floor(p). With rows a and columns b,
 * y = clamp(zero_point + rint((1 - la) * ((1 - lb) * x[ia, ib] + lb * x[ia, jb]) + la * ((1 - lb) * x[ja, ib] + lb * x[ja, jb])
 * - zero_point)), ties to even. torch.nn.functional.interpolate in mode bilinear. */
OCT_API oct_status oct_interpolate_linear(const oct_interpolation *interpolation, bool align_corners,
                                          int32_t zero_point, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_INTERPOLATE_H */
