/* Fake quantization: real values rounded to a quantized grid, and the gradients of that. */
#ifndef OCTET_FAKEQUANT_H
#define OCTET_FAKEQUANT_H

#include "quantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Grids for the channels of a tensor [outer, channels, inner]: one per channel, or channels 1 and one for all.
 *
 * t = rint(x * (1 / scale)), 1 / scale rounded to float32, ties to even; q = zero_point + t. With a real zero point,
 * q = rint(zero_point + x * (1 / scale)). A q beyond 64-bit integers, NaN and infinities too, counts as below the range.
 * y = (clamp(q, quant_min, quant_max) - zero_point) * scale, rounded to float32 once; never -0.
 *
 * Scales are positive and finite. Exactly one of the two kinds of zero points is given: integers in quant_min..quant_max,
 * or finite reals anywhere. torch.fake_quantize_per_tensor_affine and torch.fake_quantize_per_channel_affine. */
typedef struct oct_fake_quantization {
  uint32_t struct_size;
  oct_channels shape;
  const float *scales;
  const int64_t *zero_points;
  const float *real_zero_points;
  int64_t quant_min, quant_max;
} oct_fake_quantization;

/* Rounds x to its grids. `mask`, unless null, gets 1 where q is inside the range and 0 elsewhere. y may be x. */
OCT_API oct_status oct_fake_quantize(const oct_fake_quantization *grids, const float *x, float *y, uint8_t *mask,
                                     const oct_run *run);

/* dx = dy where q is inside the range, 0 elsewhere. dx may be dy or x. */
OCT_API oct_status oct_fake_quantize_gradient(const oct_fake_quantization *grids, const float *x, const float *dy,
                                              float *dx, const oct_run *run);

/* dx = dy where the mask isn't 0, 0 elsewhere: the gradient from the mask that oct_fake_quantize left. dx may be dy. */
OCT_API oct_status oct_fake_quantize_masked_gradient(const uint8_t *mask, const float *dy, size_t count, float *dx,
                                                     const oct_run *run);

/* The gradients of grids that are learned, for integer zero points. dx as above (null if it isn't wanted), and for each channel
 *
 *   dscale = factor * sum of dy * (quant_min - zero_point) below the range, dy * (quant_max - zero_point) above it,
 *                            dy * (y - x) * (1 / scale) inside
 *   dzero  = factor * sum of -dy * scale outside of the range
 *
 * Terms are float32. Each channel is cut into parts whose number depends on its length alone, each part is summed in 16
 * lanes, float32 for up to 4096 elements and double beyond, and everything is added in order: the same bits for every tier
 * and number of threads. torch._fake_quantize_learnable_per_tensor_affine and its per-channel form; Esser et al., Learned
 * Step Size Quantization. */
OCT_API oct_status oct_fake_quantize_learnable_gradient(const oct_fake_quantization *grids, const float *x,
                                                        const float *dy, float factor, float *dx, float *dscale,
                                                        float *dzero, const oct_run *run);

/* A moving average of extremes that is followed, turned into grids, and applied, in one call.
 *
 * The state has an entry for each channel of `shape`, or one for all if channels is 1: minima that are infinite are fresh and
 * take over the batch's, others become minimum + averaging_constant * (batch - minimum) in float32 (by way of double where the
 * difference of finite numbers overflows); maxima alike. Scales and zero points come from oct_choose_quantization. */
typedef struct oct_moving_average {
  uint32_t struct_size;
  oct_channels shape;
  float averaging_constant; /* 0..1 */
  int32_t quant_min, quant_max;
  bool symmetric;
  bool observes; /* false: extremes stay as they are; scales and zero points are chosen from them all the same */
  float *minima, *maxima, *scales;
  int64_t *zero_points;
} oct_moving_average;

/* Follows x, then rounds it as oct_fake_quantize does. The state is untouched when the call fails, as it does when extremes
 * aren't finite then. torch.fused_moving_avg_obs_fake_quant. */
OCT_API oct_status oct_moving_average_fake_quantize(const oct_moving_average *average, const float *x, float *y,
                                                    uint8_t *mask, const oct_run *run);

/* Bytes of workspace for that; 0 for one channel. */
OCT_API oct_status oct_moving_average_workspace(size_t channels, size_t *size);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_FAKEQUANT_H */
