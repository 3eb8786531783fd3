/* What a tier implements for interpolation: copies of pixels, and blends in two steps, across and down. */
#ifndef OCT_INTERPOLATE_KERNELS_H
#define OCT_INTERPOLATE_KERNELS_H

#include "base/isa.h"
#include "octet/interpolate.h"

/* Where an output pixel comes from across a line: distances in bytes from its start, and weights of both. */
typedef struct oct_across {
  ptrdiff_t first, second;
  float weights[2];
} oct_across;

/* y = rint(clamp(v - zero_point, low, high)) + zero_point, in the type of the pixels. Bounds are the type's ends less the zero
 * point. */
typedef struct oct_blend_rule {
  float low, high;
  int32_t zero_point;
  bool is_signed;
} oct_blend_rule;

typedef struct oct_interpolate_kernels {
  const char *name;
  oct_isa isa;
  /* Copies `count` pixels of a line, pixel i from x + from[i] to y + i * y_step. */
  void (*copy)(const uint8_t *x, const ptrdiff_t *from, size_t count, size_t channels, uint8_t *y, ptrdiff_t y_step);
  /* to[i * channels + c] = weights[0] * q + weights[1] * r with q and r the elements c of the pixels `first` and `second`. */
  void (*across)(const uint8_t *x, const oct_across *from, size_t count, size_t channels, bool is_signed, float *to);
  /* y of v = weights[0] * above[i] + weights[1] * below[i]. */
  void (*down)(const float *above, const float *below, const float weights[2], size_t count, const oct_blend_rule *rule,
               uint8_t *y);
} oct_interpolate_kernels;

#define OCT_INTERPOLATE_KERNELS(isa, arch, symbol) extern const oct_interpolate_kernels symbol;
#include "interpolate.def"
#undef OCT_INTERPOLATE_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_interpolate_select(const oct_interpolate_kernels **kernels);

#endif /* OCT_INTERPOLATE_KERNELS_H */
