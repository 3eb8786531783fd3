/* Scale and zero point from a range, by the rule of run time. */
#include <float.h>
#include <math.h>

#include "base/isa.h"
#include "base/status.h"
#include "octet/observe.h"

OCT_FP_STRICT

/* Scales below this are raised to it. */
static const float smallest_scale = 6.1e-5f;

/* Widens the smaller side so that both end on the same scale; an end that float32 can't hold stays at its largest number. */
static void balance(float *low, float *high, int64_t steps) {
  const float bottom = (float)-(steps / 2 + 1), top = (float)(steps / 2);
  const float below = fabsf(*low / bottom), above = fabsf(*high / top);
  const double scale = (double)(below > above ? below : above), limit = (double)FLT_MAX;
  *low = (float)fmax(scale * (double)bottom, -limit);
  *high = (float)fmin(scale * (double)top, limit);
}

/* Moves the ends out to where the smallest scale has them. */
static void widen(float *low, float *high, float scale, float steps) {
  if (*low == 0.0f) {
    *high = smallest_scale * steps;
  } else if (*high == 0.0f) {
    *low = -smallest_scale * steps;
  } else {
    *low *= smallest_scale / scale;
    *high *= smallest_scale / scale;
  }
}

oct_status oct_choose_quantization(float min, float max, int32_t quant_min, int32_t quant_max, bool symmetric,
                                   double *scale, int32_t *zero_point) {
  static const char entry[] = "oct_choose_quantization";
  if (!isfinite(min) || !isfinite(max) || min > max)
    return oct_fail(
        OCT_INVALID_ARGUMENT,
        "%s: the range is %g to %g, expected finite numbers in order; look for NaN and infinity in the data", entry,
        (double)min, (double)max);
  if (quant_min >= quant_max)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: quant_min is %d, expected less than quant_max, %d", entry,
                    (int)quant_min, (int)quant_max);
  if (!scale || !zero_point)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass where the answer goes", entry,
                    scale ? "zero_point" : "scale");
  const int64_t count = (int64_t)quant_max - quant_min;
  const bool balanced = symmetric && min < 0.0f && max > 0.0f;
  float low = min < 0.0f ? min : 0.0f, high = max > 0.0f ? max : 0.0f;
  if (balanced) balance(&low, &high, count);
  const double steps = (double)count, least = quant_min, most = quant_max;
  double chosen = fmin(((double)high - (double)low) / steps, (double)FLT_MAX);
  if ((float)chosen == 0.0f || isinf(1.0f / (float)chosen)) chosen = 0.1;
  if (chosen < (double)smallest_scale) {
    widen(&low, &high, (float)chosen, (float)steps);
    chosen = (double)smallest_scale;
  }
  const double below = (double)low / chosen, above = (double)high / chosen;
  double zero = fabs(least) - fabs(below) < fabs(most) - fabs(above) ? least - below : most - above;
  if (balanced && low < 0.0f && high > 0.0f) zero = (least + most) / 2;
  zero = zero < least ? least : zero > most ? most : zero;
  *scale = chosen;
  *zero_point = (int32_t)nearbyint(zero);
  return OCT_OK;
}
