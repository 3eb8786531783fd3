/* The definition of a quantized product and of its output stage, written down once more and as plainly as possible:
 * 64-bit sums, one element at a time, libm's rounding. GEMM and convolution tests compare against it. */
#ifndef OCT_TESTS_GEMM_REFERENCE_H
#define OCT_TESTS_GEMM_REFERENCE_H

#include <math.h>

#include "check.h"
#include "octet/gemm.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* A wide enough float to see NaN and signed zeros compare: outputs are compared as bytes. */
CHECK_UNUSED static void reference_store(const oct_output *output, int64_t acc, size_t column, void *row,
                                         size_t index) {
  const int64_t sum = acc + (output->bias ? output->bias[column] : 0);
  if (output->dtype == OCT_S32) {
    const int64_t high = INT32_MAX, low = INT32_MIN;
    const int32_t value = (int32_t)(sum > high ? high : sum < low ? low : sum);
    memcpy((char *)row + 4 * index, &value, 4);
    return;
  }
  const float multiplier = output->multiplier[output->multiplier_count == 1 ? 0 : column];
  volatile float real = (float)sum;
  if (output->dtype == OCT_F32) {
    real = real * multiplier;
    if (output->bias_f32) real = real + output->bias_f32[column];
    if (real < output->real_min) real = output->real_min;
    if (real > output->real_max) real = output->real_max;
    const float value = real;
    memcpy((char *)row + 4 * index, &value, 4);
    return;
  }
  if (output->bias_f32) real = real + output->bias_f32[column];
  real = real * multiplier;
  double rounded = nearbyint((double)real) + output->zero_point;
  if (!(rounded > output->clamp_min)) rounded = output->clamp_min;
  if (rounded > output->clamp_max) rounded = output->clamp_max;
  const int32_t value = (int32_t)rounded;
  ((uint8_t *)row)[index] = (uint8_t)(value & 0xFF);
}

/* Output stages that tests run through, and the per-column arrays they need. */
typedef struct stage_case {
  oct_output output;
  float *multiplier;
  int32_t *bias;
  float *bias_f32;
} stage_case;

/* A random stage for n columns whose sums are about `magnitude`. */
CHECK_UNUSED static stage_case stage_case_make(check_random *random, oct_dtype dtype, size_t n, double magnitude) {
  stage_case made = {.output = {.struct_size = sizeof(oct_output), .dtype = dtype}};
  made.multiplier = malloc((n + 1) * sizeof(float));
  made.bias = malloc((n + 1) * sizeof(int32_t));
  made.bias_f32 = malloc((n + 1) * sizeof(float));
  const float scale = (float)(300.0 / (magnitude + 1));
  for (size_t i = 0; i < n; i++) {
    made.multiplier[i] = scale * check_real(random, 0.1f, 1.5f);
    made.bias[i] = check_between(random, -1000, 1000);
    made.bias_f32[i] = check_real(random, -500.0f, 500.0f);
    switch (check_next(random) % 40) {
      case 0: made.multiplier[i] = 3e38f; break;
      case 1: made.multiplier[i] = 1e-44f; break;
      case 2: made.bias_f32[i] = NAN; break;
      case 3: made.bias_f32[i] = INFINITY; break;
      case 4: made.bias_f32[i] = -INFINITY; break;
      default: break;
    }
  }
  oct_output *output = &made.output;
  output->multiplier = made.multiplier;
  output->multiplier_count = check_next(random) % 3 == 0 ? 1 : n;
  if (n > 0 && output->multiplier_count == 1) made.multiplier[0] = scale;
  if (check_next(random) % 2) output->bias = made.bias;
  if (check_next(random) % 2) output->bias_f32 = made.bias_f32;
  const int32_t low = check_lowest(dtype), high = check_highest(dtype);
  output->zero_point = check_between(random, low, high);
  output->clamp_min = low;
  output->clamp_max = high;
  if (check_next(random) % 4 == 0) output->zero_point = check_next(random) % 2 ? low : high;
  if (check_next(random) % 3 == 0) output->clamp_min = output->zero_point;
  if (check_next(random) % 5 == 0) output->clamp_max = check_between(random, output->clamp_min, high);
  output->real_min = check_next(random) % 2 ? 0.0f : -INFINITY;
  output->real_max = check_next(random) % 4 ? INFINITY : 6.0f;
  return made;
}

CHECK_UNUSED static void stage_case_free(stage_case *made) {
  free(made->multiplier);
  free(made->bias);
  free(made->bias_f32);
}

/* The same bytes, a NaN being as good as another. */
CHECK_UNUSED static bool same_output(oct_dtype dtype, const void *a, const void *b) {
  if (dtype != OCT_F32) return memcmp(a, b, oct_dtype_size(dtype)) == 0;
  float x, y;
  memcpy(&x, a, 4);
  memcpy(&y, b, 4);
  return memcmp(a, b, 4) == 0 || (isnan(x) && isnan(y));
}

#endif /* OCT_TESTS_GEMM_REFERENCE_H */
