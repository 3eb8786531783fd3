/* What a tier implements for the elementwise family: three loops over contiguous bytes of any alignment. The output may be
 * an input, so a kernel loads a step before it stores it and no step twice. */
#ifndef OCT_ELEMENTWISE_KERNELS_H
#define OCT_ELEMENTWISE_KERNELS_H

#include <string.h>

#include "base/isa.h"
#include "octet/elementwise.h"

/* Codes are read as uint8 after ^ flip (0x80 for int8, 0 for uint8), so that offsets are zero points plus 0 or 128:
 * u = (float)((a ^ flip) - a_offset), v = (float)((b ^ flip) - b_offset);
 * r = max(u * a_scale + v * b_scale, floor) for sums, r = u * v, which is exact, for products;
 * y = rint(clamp(r * multiplier, low, high)) + zero_point, kept in 8 bits. A NaN gives high. */
typedef struct oct_binary_rule {
  uint8_t flip;
  int32_t a_offset, b_offset;
  float a_scale, b_scale, floor, multiplier, low, high;
  int32_t zero_point;
} oct_binary_rule;

typedef void (*oct_binary_loop)(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule,
                                uint8_t *y);

typedef struct oct_elementwise_kernels {
  const char *name;
  oct_isa isa;
  void (*lookup)(const uint8_t *x, size_t count, const uint8_t *table, uint8_t *y);
  oct_binary_loop add, multiply;
} oct_elementwise_kernels;

#define OCT_ELEMENTWISE_KERNELS(isa, arch, symbol) extern const oct_elementwise_kernels symbol;
#include "elementwise.def"
#undef OCT_ELEMENTWISE_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_elementwise_select(const oct_elementwise_kernels **kernels);

#endif /* OCT_ELEMENTWISE_KERNELS_H */
