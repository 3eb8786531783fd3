/* What a tier implements for fake quantization: loops over runs of one grid, and over columns with a grid each. Grids
 * are narrow ones: integer zero points, and bounds within 2^21 of them, so that steps can be clamped before they are
 * rounded. Pointers to elements may have any alignment. */
#ifndef OCT_FAKEQUANT_KERNELS_H
#define OCT_FAKEQUANT_KERNELS_H

#include "base/isa.h"
#include "octet/fakequant.h"

/* t = rint(x * inverse), counted from the zero point; inside is least <= t <= most. */
typedef struct oct_fake_grid {
  float inverse, scale, least, most;
} oct_fake_grid;

/* The same, entry c for column c. */
typedef struct oct_fake_columns {
  const float *inverse, *scale, *least, *most;
} oct_fake_columns;

/* What gradients of grids are summed in. */
enum { OCT_FAKE_LANES = 16 };

typedef struct oct_fakequant_kernels {
  const char *name;
  oct_isa isa;
  /* y = clamp(t) * scale, mask = inside, unless null. `streams`: y needn't stay in the caches. */
  void (*round)(const float *x, size_t count, const oct_fake_grid *grid, float *y, uint8_t *mask, bool streams);
  void (*round_columns)(const float *x, size_t columns, const oct_fake_columns *grids, float *y, uint8_t *mask);
  /* dx = inside ? dy : 0. */
  void (*gradient)(const float *x, const float *dy, size_t count, const oct_fake_grid *grid, float *dx, bool streams);
  void (*gradient_columns)(const float *x, const float *dy, size_t columns, const oct_fake_columns *grids, float *dx);
  void (*masked_gradient)(const uint8_t *mask, const float *dy, size_t count, float *dx, bool streams);
  /* The same dx unless null; adds the terms of element i to lane i % OCT_FAKE_LANES of the sums. */
  void (*learnable)(const float *x, const float *dy, size_t count, const oct_fake_grid *grid, float *dx,
                    float dscale[OCT_FAKE_LANES], float dzero[OCT_FAKE_LANES]);
} oct_fakequant_kernels;

#define OCT_FAKEQUANT_KERNELS(isa, arch, symbol) extern const oct_fakequant_kernels symbol;
#include "fakequant.def"
#undef OCT_FAKEQUANT_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_fakequant_select(const oct_fakequant_kernels **kernels);

#endif /* OCT_FAKEQUANT_KERNELS_H */
