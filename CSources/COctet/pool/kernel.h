/* What a tier implements for pooling: the largest and the mean of several pixels, channel by channel. */
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

/* A run of output pixels whose windows hold the same taps. Pixel i averages, channel by channel, the pixels at
 * x + i * pixel_step + plane * plane_step + row * row_step + tap * tap_step. All counts are at least 1; distances are in bytes. Inputs
 * don't overlap outputs, so that kernels may let their last vector overlap the one before. */
typedef struct oct_average_run {
  const uint8_t *x;
  size_t planes, rows, taps, pixels, channels;
  ptrdiff_t plane_step, row_step, tap_step, pixel_step;
  uint8_t flip;
  uint8_t *y;
  ptrdiff_t y_step;
} oct_average_run;

/* s is the sum of elements read as uint8 after ^ flip. y = (rint(clamp((float)(s - offset) * multiplier + add, low, high)) +
 * zero_point) ^ flip; zero_point, low and high are those of the flipped output. */
typedef struct oct_average_rule {
  int32_t offset, zero_point;
  float multiplier, add, low, high;
} oct_average_rule;

typedef void (*oct_pool_average)(const oct_average_run *run, const oct_average_rule *rule);

typedef struct oct_pool_kernel {
  const char *name;
  oct_isa isa;
  oct_pool_max max_u8, max_s8;
  oct_pool_average average;
} oct_pool_kernel;

#define OCT_POOL_KERNEL(isa, arch, symbol) extern const oct_pool_kernel symbol;
#include "pool.def"
#undef OCT_POOL_KERNEL

/* The best kernel that oct_max_isa() allows. */
oct_status oct_pool_select(const oct_pool_kernel **kernel);

#endif /* OCT_POOL_KERNEL_H */
