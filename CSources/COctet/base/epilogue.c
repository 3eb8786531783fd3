/* Checking output stages and spreading them over columns. */
#include "epilogue.h"

#include <float.h>
#include <string.h>

#include "range.h"
#include "status.h"

static oct_status check_integer_range(const char *entry, const oct_output *output) {
  const int32_t low = output->dtype == OCT_U8 ? 0 : -128;
  const int32_t high = output->dtype == OCT_U8 ? 255 : 127;
  if (output->zero_point < low || output->zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: output->zero_point is %d, but %s holds %d..%d; pass a value it holds",
                    entry, (int)output->zero_point, oct_dtype_name(output->dtype), (int)low, (int)high);
  if (output->clamp_min < low || output->clamp_max > high || output->clamp_min > output->clamp_max)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: output clamps to %d..%d, expected an ascending range within %d..%d; pass the dtype's own ends "
                    "for no clamp",
                    entry, (int)output->clamp_min, (int)output->clamp_max, (int)low, (int)high);
  return OCT_OK;
}

static oct_status check_multiplier(const char *entry, const oct_output *output, size_t n) {
  if (!output->multiplier)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: output->multiplier is null; only int32 outputs do without one", entry);
  if (output->multiplier_count != 1 && output->multiplier_count != n)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: output->multiplier_count is %zu, expected 1 or the %zu output columns",
                    entry, output->multiplier_count, n);
  if (oct_all_positive_f32(output->multiplier, output->multiplier_count)) return OCT_OK;
  for (size_t i = 0; i < output->multiplier_count; i++)
    if (!(output->multiplier[i] > 0.0f && output->multiplier[i] <= FLT_MAX))
      return oct_fail(
          OCT_INVALID_ARGUMENT,
          "%s: output->multiplier[%zu] is %g, expected a positive finite number; check the scales it was made from",
          entry, i, (double)output->multiplier[i]);
  return OCT_OK;
}

oct_status oct_output_check(const char *entry, const oct_output *output, size_t n) {
  if (!output) return oct_fail(OCT_INVALID_ARGUMENT, "%s: output is null; pass an oct_output", entry);
  if (output->struct_size != sizeof *output)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: output->struct_size is %u, expected %zu; set it to sizeof(oct_output)",
                    entry, (unsigned)output->struct_size, sizeof *output);
  switch (output->dtype) {
    case OCT_S32: return OCT_OK;
    case OCT_U8:
    case OCT_S8: {
      const oct_status status = check_integer_range(entry, output);
      return status == OCT_OK ? check_multiplier(entry, output, n) : status;
    }
    case OCT_F32:
      if (!(output->real_min <= output->real_max))
        return oct_fail(
            OCT_INVALID_ARGUMENT,
            "%s: output clamps to %g..%g, expected an ascending range; pass -INFINITY and INFINITY for no clamp", entry,
            (double)output->real_min, (double)output->real_max);
      return check_multiplier(entry, output, n);
  }
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: output->dtype is %d, expected OCT_U8, OCT_S8, OCT_S32 or OCT_F32", entry,
                  (int)output->dtype);
}

/* True when all multipliers of these columns are below 1. */
static bool shrinks(const oct_output *output, size_t first, size_t count) {
  const bool one = output->multiplier_count == 1;
  return oct_all_within_s32(output->multiplier + (one ? 0 : first), one ? 1 : count, 1, OCT_BELOW_ONE);
}

oct_stage oct_stage_make(const oct_output *output, size_t first, size_t count, const float *multiplier,
                         const float *bias) {
  const bool bytes = output->dtype == OCT_U8 || output->dtype == OCT_S8;
  oct_stage stage = {.dtype = output->dtype,
                     .multiplier = multiplier,
                     .bias = bias,
                     .has_bias = output->bias_f32 || (bytes && !shrinks(output, first, count))};
  if (output->dtype == OCT_F32) {
    stage.low = output->real_min;
    stage.high = output->real_max;
  } else if (output->dtype != OCT_S32) {
    stage.zero_point = output->zero_point;
    stage.low = (float)(output->clamp_min - output->zero_point);
    stage.high = (float)(output->clamp_max - output->zero_point);
  }
  return stage;
}

void oct_stage_columns(const oct_output *output, size_t first, size_t count, size_t padded, float *multiplier,
                       float *bias) {
  if (output->dtype == OCT_S32) return;
  if (count > 0 && output->multiplier_count == 1)
    oct_fill_f32(multiplier, count, output->multiplier[0]);
  else if (count > 0)
    memcpy(multiplier, output->multiplier + first, count * sizeof *multiplier);
  oct_fill_f32(multiplier + count, padded - count, 1.0f);
  const size_t biased = output->bias_f32 ? count : 0;
  if (biased > 0) memcpy(bias, output->bias_f32 + first, biased * sizeof *bias);
  oct_fill_f32(bias + biased, padded - biased, -0.0f);
}

bool oct_output_bias_fits(const oct_output *output, size_t first, size_t count, int64_t bound) {
  if (!output->bias || count == 0) return true;
  /* Nearly always the bias is small, which takes fewer operations to see than its extremes. */
  const int64_t room = INT32_MAX - bound, near = room < (1 << 30) - 1 ? room : (1 << 30) - 1;
  if (oct_all_within_s32(output->bias + first, count, (int32_t)-near, (int32_t)near)) return true;
  int32_t low, high;
  oct_extremes_s32(output->bias + first, count, &low, &high);
  return -(int64_t)low <= room && high <= room;
}
