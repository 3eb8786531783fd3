/* Normalization for any CPU: the shared loops in single elements. Rounding is the addition of 1.5 * 2^23.
 *
 * Tile: a quad, 4 elements. Bound by the dependent operations of one element. */
#include <math.h>
#include <string.h>

#include "base/vector_scalar.h"
#include "kernels.h"
#include "loops.h"
#include "rows.h"

const oct_norm_kernels oct_norm_scalar = {.name = "scalar",
                                          .isa = OCT_ISA_SCALAR,
                                          .sums = tier_sums,
                                          .normalize_elements = tier_normalize_elements,
                                          .normalize_channel = tier_normalize_channel,
                                          .affine = tier_affine,
                                          .layer_rows = tier_layer_rows};
