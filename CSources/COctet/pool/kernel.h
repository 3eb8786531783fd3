/* What a tier implements for pooling: the largest and the sum of several pixels, channel by channel, and what a sum
 * becomes. */
#ifndef OCT_POOL_KERNEL_H
#define OCT_POOL_KERNEL_H

#include "base/isa.h"
#include "octet/pool.h"

/* A run of output pixels whose windows hold the same taps. Pixel i takes the maximum over lines l and taps t, channel
 * by channel, of the pixel at lines[l] + offset + i * pixel_step + t * tap_step, and of the old output when `more`. All
 * counts are at least 1; distances are in bytes. Inputs don't overlap outputs. Since a maximum may be taken twice,
 * kernels let their last vector overlap the one before. */
typedef struct oct_pool_run {
  const uint8_t *const *lines;
  size_t line_count, taps, pixels, channels;
  ptrdiff_t offset, tap_step, pixel_step;
  bool more;
  uint8_t *y;
  ptrdiff_t y_step;
} oct_pool_run;

typedef void (*oct_pool_max)(const oct_pool_run *run);

/* acc[c] += the sum over `taps` pixels, `step` bytes apart, of element c read as uint8 after ^ flip. */
typedef void (*oct_pool_sum)(const uint8_t *x, ptrdiff_t step, size_t taps, size_t channels, uint8_t flip,
                             int32_t *acc);

/* y = rint(clamp((float)(acc - offset) * multiplier + add, low, high)) + zero_point, kept in 8 bits. */
typedef struct oct_average_rule {
  int32_t offset, zero_point;
  float multiplier, add, low, high;
} oct_average_rule;

typedef void (*oct_pool_average)(const int32_t *acc, size_t channels, const oct_average_rule *rule, uint8_t *y);

typedef struct oct_pool_kernel {
  const char *name;
  oct_isa isa;
  oct_pool_max max_u8, max_s8;
  oct_pool_sum sum;
  oct_pool_average average;
} oct_pool_kernel;

#define OCT_POOL_KERNEL(isa, arch, symbol) extern const oct_pool_kernel symbol;
#include "pool.def"
#undef OCT_POOL_KERNEL

/* The best kernel that oct_max_isa() allows. */
oct_status oct_pool_select(const oct_pool_kernel **kernel);

#endif /* OCT_POOL_KERNEL_H */
