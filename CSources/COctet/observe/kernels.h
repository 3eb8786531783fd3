/* What a tier implements for observation. Pointers to values may have any alignment. */
#ifndef OCT_OBSERVE_KERNELS_H
#define OCT_OBSERVE_KERNELS_H

#include "base/isa.h"
#include "octet/observe.h"

/* Extremes of the values that aren't NaN, and the largest magnitude as bits without the sign: OCT_INFINITY_BITS when an
 * infinity was the largest, above it once a NaN was there. */
typedef struct oct_reach {
  float low, high;
  int32_t top;
} oct_reach;

enum { OCT_INFINITY_BITS = 0x7F800000 };

/* The bin of x: (x - low) * scale / width without its fraction, at most last; `last` + 1 when x lies outside. */
typedef struct oct_bin_rule {
  float low, high, scale, width;
  int32_t last;
} oct_bin_rule;

typedef struct oct_observe_kernels {
  const char *name;
  oct_isa isa;
  /* Widens `reach` to `count` values. */
  void (*reach)(const float *x, size_t count, oct_reach *reach);
  /* Widens column c's entries of the three arrays to the values at row * stride + c. */
  void (*reach_columns)(const float *x, size_t rows, size_t columns, size_t stride, float *low, float *high,
                        int32_t *top);
  /* Counts the bins of values in four tables, `stride` entries apart (0: they are one). */
  void (*count_bins)(const float *x, size_t count, const oct_bin_rule *rule, uint32_t *counts, size_t stride);
} oct_observe_kernels;

#define OCT_OBSERVE_KERNELS(isa, arch, symbol) extern const oct_observe_kernels symbol;
#include "observe.def"
#undef OCT_OBSERVE_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_observe_select(const oct_observe_kernels **kernels);

#endif /* OCT_OBSERVE_KERNELS_H */
