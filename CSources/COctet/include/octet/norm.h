/* Normalization of quantized activations: layer, group and instance norm by their own statistics, batch norm by given ones. Layer norm
 * of float32 as well. */
#ifndef OCTET_NORM_H
#define OCTET_NORM_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Input and output of a normalization, and its affine part: float32 gamma and beta, null for 1 and 0.
 *
 * Over the n elements that are normalized together, with exact integer sums and everything else in float32:
 *   mean = (float)(sum of q) / n
 *   variance = max((float)(sum of q * q) / n - mean * mean, 0)
 *   r = x_scale / sqrt(variance * x_scale * x_scale + epsilon), sum and root in double, then float32
 *   q' = clamp(y_zero_point + rint(v * (1 / y_scale))), ties to even
 * where v comes from d = (q - x_zero_point) - (mean - x_zero_point) as each entry says. */
typedef struct oct_norm {
  uint32_t struct_size;
  oct_dtype dtype; /* OCT_U8 or OCT_S8, of input and output */
  float x_scale, y_scale;
  int32_t x_zero_point, y_zero_point;
  double epsilon; /* not negative */
  const float *gamma;
  const float *beta;
  const void *x;
  void *y; /* doesn't overlap x */
} oct_norm;

/* Each of `rows` contiguous rows of `length` elements on its own; gamma and beta have an entry per element of a row.
 * v = d * r * gamma[i] + beta[i], in this order. torch's quantized::layer_norm. */
OCT_API oct_status oct_layer_norm(const oct_norm *norm, size_t rows, size_t length, const oct_run *run);

/* Contiguous [batch, channels, inner], each image's channels / groups neighbouring channels together; gamma and beta have an entry
 * per channel. v = d * (r * gamma[c]) + beta[c]. groups = channels is instance norm. torch's quantized::group_norm. */
OCT_API oct_status oct_group_norm(const oct_norm *norm, size_t batch, size_t channels, size_t inner, size_t groups,
                                  const oct_run *run);

/* Layer norm of float32. With t = x + add, rounded to float32, or t = x where add is null, over the n elements of a row:
 *   mean = (sum of t) / n,  r = 1 / sqrt((sum of (t - mean)^2) / n + epsilon),  y = (float)((t - mean) * r) * gamma + beta
 * in double up to the cast and in float32 from there, every operation rounded by itself. Sums are taken in lanes by the place
 * modulo 32: the same bits on every tier and for any number of threads. A row with NaN or an infinity is NaN. */
typedef struct oct_norm_f32 {
  uint32_t struct_size;
  double epsilon;     /* not negative */
  const float *gamma; /* an entry per element of a row, null for 1 */
  const float *beta;  /* likewise, null for 0 */
  const float *x;
  const float *add; /* null for none */
  float *y;         /* may be x or add; overlaps nothing else */
} oct_norm_f32;

/* Each of `rows` contiguous rows of `length` elements on its own. */
OCT_API oct_status oct_layer_norm_f32(const oct_norm_f32 *norm, size_t rows, size_t length, const oct_run *run);

/* One multiplication and one addition per channel, channels last: pixels x_stride and y_stride elements apart.
 *
 * q' = clamp(y_zero_point + rint(alpha[c] * (q - x_zero_point) + beta[c]), clamp_min, clamp_max), product and sum each rounded to
 * float32, ties to even. Batch norm has, with sx and so the scales and g = 1 / sqrt(variance + epsilon) * gamma,
 * alpha = g * (sx / so) and beta = (bias - mean * g) / so. torch's quantized::batch_norm2d, batch_norm3d and, with clamp_min at
 * the zero point, their forms with ReLU. */
typedef struct oct_channel_affine {
  uint32_t struct_size;
  oct_dtype dtype; /* OCT_U8 or OCT_S8, of input and output */
  int32_t x_zero_point, y_zero_point, clamp_min, clamp_max;
  const float *alpha;
  const float *beta;
} oct_channel_affine;

OCT_API oct_status oct_batch_norm(const oct_channel_affine *affine, size_t pixels, size_t channels, const void *x,
                                  ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_NORM_H */
