/* What a tier implements for interpolation: the blend of four pixels, channel by channel. */
#ifndef OCT_INTERPOLATE_KERNELS_H
#define OCT_INTERPOLATE_KERNELS_H

#include "base/isa.h"
#include "octet/interpolate.h"

/* v = rows[0] * (columns[0] * x[0] + columns[1] * x[1]) + rows[1] * (columns[0] * x[2] + columns[1] * x[3]) of elements
 * read as uint8 after ^ flip, less `flip`. y = rint(clamp(v - zero_point, low, high)) + zero_point, kept in 8 bits. */
typedef struct oct_blend {
  const uint8_t *x[4];
  float rows[2], columns[2], low, high;
  int32_t zero_point;
  uint8_t flip;
} oct_blend;

typedef struct oct_interpolate_kernels {
  const char *name;
  oct_isa isa;
  void (*blend)(const oct_blend *blend, size_t channels, uint8_t *y);
} oct_interpolate_kernels;

#define OCT_INTERPOLATE_KERNELS(isa, arch, symbol) extern const oct_interpolate_kernels symbol;
#include "interpolate.def"
#undef OCT_INTERPOLATE_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_interpolate_select(const oct_interpolate_kernels **kernels);

#endif /* OCT_INTERPOLATE_KERNELS_H */
