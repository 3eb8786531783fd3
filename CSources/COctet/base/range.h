/* Passes over arrays of arguments, without branches and four values at a time, for arguments that are nearly always
 * right: who hears that one is wrong looks for it afterwards. Arrays may have any alignment. */
#ifndef OCT_BASE_RANGE_H
#define OCT_BASE_RANGE_H

#include "octet/base.h"

/* Whether all of `count` integers lie within low...high, whose distance is below 2^31, or 2^63. */
bool oct_all_within_s32(const void *values, size_t count, int32_t low, int32_t high);
bool oct_all_within_s64(const void *values, size_t count, int64_t low, int64_t high);

/* Whether all of `count` floats are positive and finite. */
bool oct_all_positive_f32(const void *values, size_t count);

/* Whether all of `count` doubles are positive and finite, and still are in float32 when `narrowed`. */
bool oct_all_positive_f64(const void *values, size_t count, bool narrowed);

/* The smallest and the largest of `count` integers, at least one. */
void oct_extremes_s32(const void *values, size_t count, int32_t *low, int32_t *high);

/* Sets `count` floats to one value. */
void oct_fill_f32(float *values, size_t count, float value);

#endif /* OCT_BASE_RANGE_H */
