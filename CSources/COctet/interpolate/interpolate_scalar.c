/* Interpolation for any CPU: the shared loop in the ABI floor's vectors. Tile: one vector. Bound by conversions. */
#include "loops.h"

static void blend(const oct_blend *pixels, size_t channels, uint8_t *y) { oct_blend_channels(pixels, channels, y); }

const oct_interpolate_kernels oct_interpolate_scalar = {.name = "scalar", .isa = OCT_ISA_SCALAR, .blend = blend};
