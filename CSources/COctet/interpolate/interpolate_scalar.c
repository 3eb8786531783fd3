/* Interpolation for any CPU: the shared loops in single elements. Rounding is the addition of 1.5 * 2^23.
 *
 * Tile: a quad, 4 elements. Bound by the dependent operations of one element. */
#include <string.h>

#include "base/vector_scalar.h"
#include "kernels.h"
#include "loops.h"

const oct_interpolate_kernels oct_interpolate_scalar = {
    .name = "scalar", .isa = OCT_ISA_SCALAR, .copy = tier_copy, .across = tier_across, .down = tier_down};
