/* Quantize, dequantize and requantize: between real numbers, integers and accumulators. */
#ifndef OCTET_QUANTIZE_H
#define OCTET_QUANTIZE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Per-channel data is seen as [outer, channels, inner], contiguous: the channel of element i is (i / inner) % channels. */
typedef struct oct_channels {
  size_t outer, channels, inner;
} oct_channels;

/* q[i] = clamp(zero_point + rint(x[i] * (1 / scale)), min(dtype), max(dtype)), 1 / scale rounded to float32, ties to even.
 *
 * dtype is OCT_U8, OCT_S8 or OCT_S32. NaN gives the largest value, infinities the ends; nothing wraps around. OCT_S32 rounds and
 * clamps in double. scale must be positive and finite, zero_point within the dtype. torch.quantize_per_tensor. */
OCT_API oct_status oct_quantize(const float *x, size_t count, float scale, int32_t zero_point, oct_dtype dtype, void *q,
                                const oct_run *run);

/* The same with scales[c] (rounded to float32) and zero_points[c]. torch.quantize_per_channel. */
OCT_API oct_status oct_quantize_per_channel(const float *x, oct_channels shape, const double *scales,
                                            const int64_t *zero_points, oct_dtype dtype, void *q, const oct_run *run);

/* q = clamp(rint(x * (1 / scales[c]) + zero_points[c])): the real zero point is added before rounding. dtype OCT_U8 or OCT_S8.
 * torch.quantize_per_channel under per_channel_affine_float_qparams. */
OCT_API oct_status oct_quantize_per_channel_float(const float *x, oct_channels shape, const float *scales,
                                                  const float *zero_points, oct_dtype dtype, void *q,
                                                  const oct_run *run);

/* x[i] = scale * (float)(q[i] - zero_point), the difference in int32 (wrapping for OCT_S32). */
OCT_API oct_status oct_dequantize(const void *q, oct_dtype dtype, size_t count, float scale, int32_t zero_point,
                                  float *x, const oct_run *run);

/* x = (float)(scales[c] * (double)(float)(q - zero_points[c])): the scale stays in double, the difference in int32 as above. */
OCT_API oct_status oct_dequantize_per_channel(const void *q, oct_dtype dtype, oct_channels shape, const double *scales,
                                              const int64_t *zero_points, float *x, const oct_run *run);

/* x = ((float)q - zero_points[c]) * scales[c], in float32. */
OCT_API oct_status oct_dequantize_per_channel_float(const void *q, oct_dtype dtype, oct_channels shape,
                                                    const float *scales, const float *zero_points, float *x,
                                                    const oct_run *run);

/* Requantization by a float multiplier, of a matrix of accumulators [rows, columns] with row strides in elements.
 *
 * q[r, c] = clamp(zero_point + rint((float)acc[r, c] * multiplier[c]), clamp_min, clamp_max), the product in float32, ties to even,
 * saturating. multiplier_count is 1 or columns; multipliers are positive and finite. dtype is OCT_U8 or OCT_S8. */
typedef struct oct_requantization {
  uint32_t struct_size;
  oct_dtype dtype;
  const float *multiplier;
  size_t multiplier_count;
  int32_t zero_point, clamp_min, clamp_max;
} oct_requantization;

OCT_API oct_status oct_requantize(const int32_t *acc, size_t rows, size_t columns, size_t acc_stride,
                                  const oct_requantization *requantization, void *q, size_t q_stride,
                                  const oct_run *run);

/* Requantization by a fixed-point multiplier: the rule of gemmlowp and QNNPACK, for parity with integer-only engines.
 *
 * The real multiplier is multiplier[c] * 2^(shift[c] - 31) with multiplier in 2^30..<2^31 and shift in -31..30.
 * left = max(shift, 0), right = max(-shift, 0); v = saturating rounding doubling high multiply(saturating acc << left, multiplier);
 * q = clamp(zero_point + rounding divide(v, 2^right), clamp_min, clamp_max). The multiply, floor((v * multiplier + 2^30) / 2^31), rounds
 * halves up, as both engines do; the divide rounds halves away from zero. */
typedef struct oct_fixed_requantization {
  uint32_t struct_size;
  oct_dtype dtype;
  const int32_t *multiplier;
  const int32_t *shift;
  size_t multiplier_count;
  int32_t zero_point, clamp_min, clamp_max;
} oct_fixed_requantization;

OCT_API oct_status oct_requantize_fixed(const int32_t *acc, size_t rows, size_t columns, size_t acc_stride,
                                        const oct_fixed_requantization *requantization, void *q, size_t q_stride,
                                        const oct_run *run);

/* multiplier and shift of the fixed-point rule nearest to a real multiplier in 2^-32 ..< 2^30, all that the rule can hold. */
OCT_API oct_status oct_fixed_multiplier(double real, int32_t *multiplier, int32_t *shift);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_QUANTIZE_H */
