/* What the entries of the fake-quantization family share: checks, and the grid of one channel. */
#ifndef OCT_FAKEQUANT_FAKEQUANT_H
#define OCT_FAKEQUANT_FAKEQUANT_H

#include <string.h>

#include "kernels.h"

/* Elements per claimed range, the fewest for which a team is started, and how many float32 outputs are too many for the
 * caches to keep. */
enum { OCT_FAKE_GRAIN = 1 << 14, OCT_FAKE_FORK = 1 << 16, OCT_FAKE_STREAM = 1 << 23 };

/* One channel's parameters. `narrow` ones are for the kernels; others are applied in double. */
typedef struct oct_fake_parameters {
  oct_fake_grid grid;
  double zero, low, high;
  bool real, narrow;
} oct_fake_parameters;

oct_fake_parameters oct_fake_parameters_of(const oct_fake_quantization *grids, size_t channel);

/* Checks all of `grids` in the name of `entry`, and finds the number of elements. */
oct_status oct_fake_check(const char *entry, const oct_fake_quantization *grids, size_t *count);

/* oct_fake_quantize for checked arguments. */
void oct_fake_round(const oct_fakequant_kernels *kernels, const oct_fake_quantization *grids, size_t count,
                    const float *x, float *y, uint8_t *mask, int threads);

oct_status oct_fake_null(const char *entry, const char *name, size_t count);

#endif /* OCT_FAKEQUANT_FAKEQUANT_H */
