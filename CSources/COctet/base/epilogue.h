/* The output stage in the form that kernels want: what an oct_output says, with its per-column arrays padded to whole
 * vectors.
 *
 * One rule for every kernel (octet/gemm.h states it for callers):
 *   integers:  q = zero_point + rint(clamp(((float)acc + bias) * multiplier, low, high)), low and high being the clamp
 * less zero_point. Clamping before rounding is the same as after, since the ends are integers, and it makes infinities
 * saturate. A NaN, which only a NaN bias can make, becomes the lower end. float32:   y = clamp((float)acc * multiplier
 * + bias, low, high); a NaN passes through. int32:     acc; the integer bias is already in it. */
#ifndef OCT_BASE_EPILOGUE_H
#define OCT_BASE_EPILOGUE_H

#include "isa.h"
#include "octet/gemm.h"

OCT_FP_STRICT

typedef struct oct_stage {
  oct_dtype dtype;
  int32_t zero_point;
  float low, high;
  const float *multiplier; /* one per column */
  const float *bias;       /* one per column; -0 where there is none, which changes no sum */
  /* Bytes: false when all of bias is -0, so that a kernel may leave it out, and all multipliers are below 1, so that what
   * they make of an int32 is one, and clamping can wait for integers. */
  bool has_bias;
} oct_stage;

/* Refuses an output stage that is wrong by itself or for n columns, in the name of `entry`. */
oct_status oct_output_check(const char *entry, const oct_output *output, size_t n);

/* The stage of columns first..<first + count of an output that oct_output_check let pass. multiplier and bias are the arrays that oct_stage_columns
 * fills. */
oct_stage oct_stage_make(const oct_output *output, size_t first, size_t count, const float *multiplier,
                         const float *bias);

/* Writes the values of columns first..<first + count to multiplier[0..] and bias[0..], and neutral ones up to `padded`.
 */
void oct_stage_columns(const oct_output *output, size_t first, size_t count, size_t padded, float *multiplier,
                       float *bias);

/* True when sums within `bound` (at most INT32_MAX) and the bias of columns first..<first + count are within int32. */
bool oct_output_bias_fits(const oct_output *output, size_t first, size_t count, int64_t bound);

/* Positive floats are ordered as their bits are: the bits of the largest one below 1. */
enum { OCT_BELOW_ONE = 0x3F7FFFFF };

/* 1.5 * 2^23: adding and subtracting it rounds to an integer, ties to even, for values below 2^22. */
#define OCT_ROUND_MAGIC 12582912.0f

/* The integer output of (float)acc in one column. */
static inline int32_t oct_stage_integer(const oct_stage *stage, float acc, size_t column) {
  const float biased = acc + stage->bias[column];
  float t = biased * stage->multiplier[column];
  t = t > stage->low ? t : stage->low;
  t = t < stage->high ? t : stage->high;
  const float shifted = t + OCT_ROUND_MAGIC;
  return (int32_t)(shifted - OCT_ROUND_MAGIC) + stage->zero_point;
}

/* The float output of (float)acc in one column. */
static inline float oct_stage_real(const oct_stage *stage, float acc, size_t column) {
  const float scaled = acc * stage->multiplier[column];
  float y = scaled + stage->bias[column];
  y = y < stage->low ? stage->low : y;
  return y > stage->high ? stage->high : y;
}

/* Stores one output, element `index` of `row`, from an exact sum. */
static inline void oct_stage_store(const oct_stage *stage, int64_t acc, size_t column, void *row, size_t index) {
  switch (stage->dtype) {
    case OCT_U8: ((uint8_t *)row)[index] = (uint8_t)oct_stage_integer(stage, (float)acc, column); break;
    case OCT_S8: ((int8_t *)row)[index] = (int8_t)oct_stage_integer(stage, (float)acc, column); break;
    case OCT_F32: {
      const float y = oct_stage_real(stage, (float)acc, column);
      __builtin_memcpy((char *)row + 4 * index, &y, 4);
      break;
    }
    case OCT_S32: {
      const int32_t y = acc > INT32_MAX ? INT32_MAX : acc < INT32_MIN ? INT32_MIN : (int32_t)acc;
      __builtin_memcpy((char *)row + 4 * index, &y, 4);
      break;
    }
  }
}

#endif /* OCT_BASE_EPILOGUE_H */
