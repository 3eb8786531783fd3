/* What a tier implements for the elementwise family: loops over contiguous bytes of any alignment. The output may be
 * an input, so a kernel loads a step before it stores it and no step twice. */
#ifndef OCT_ELEMENTWISE_KERNELS_H
#define OCT_ELEMENTWISE_KERNELS_H

#include <string.h>

#include "base/isa.h"
#include "octet/elementwise.h"

/* u = (float)(a - a_zero_point), v = (float)(b - b_zero_point);
 * r = u * a_scale + v * b_scale for sums, r = u * v, which is exact, for products;
 * y = zero_point + clamp(rint(r * multiplier), low, high), a NaN giving high. Bounds are relative to zero_point. */
typedef struct oct_binary_rule {
  int32_t a_zero_point, b_zero_point;
  float a_scale, b_scale, multiplier;
  int32_t low, high, zero_point;
  bool bounded; /* |r * multiplier| < 2^30 whatever the codes */
} oct_binary_rule;

typedef void (*oct_binary_loop)(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule,
                                uint8_t *y);

typedef struct oct_elementwise_kernels {
  const char *name;
  oct_isa isa;
  oct_binary_loop add_u8, add_s8, multiply_u8, multiply_s8;
} oct_elementwise_kernels;

#define OCT_ELEMENTWISE_KERNELS(isa, arch, symbol) extern const oct_elementwise_kernels symbol;
#include "elementwise.def"
#undef OCT_ELEMENTWISE_KERNELS

/* y[row * y_step + i] = table[x[row * columns + i]], of 256 entries, for `columns` columns of each row. y may be x if y_step is
 * `columns`. */
typedef struct oct_lookup_kernel {
  const char *name;
  oct_isa isa;
  void (*lookup)(const uint8_t *x, size_t rows, size_t columns, const uint8_t *table, uint8_t *y, size_t y_step);
} oct_lookup_kernel;

#define OCT_LOOKUP_KERNEL(isa, arch, symbol) extern const oct_lookup_kernel symbol;
#include "lookup.def"
#undef OCT_LOOKUP_KERNEL

/* The best kernels that oct_max_isa() allows. */
oct_status oct_elementwise_select(const oct_elementwise_kernels **kernels);
oct_status oct_lookup_select(const oct_lookup_kernel **kernel);

#endif /* OCT_ELEMENTWISE_KERNELS_H */
