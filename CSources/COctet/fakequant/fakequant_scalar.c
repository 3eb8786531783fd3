/* Fake quantization for any CPU: the shared loops in single floats. Rounding is the addition of 1.5 * 2^23.
 *
 * Tile: a quad, 4 elements. Bound by the dependent operations of one element. */
#include <string.h>

#include "base/vector_scalar.h"
#include "kernels.h"
#include "loops.h"

const oct_fakequant_kernels oct_fakequant_scalar = {.name = "scalar",
                                                    .isa = OCT_ISA_SCALAR,
                                                    .round = tier_round,
                                                    .round_columns = tier_round_columns,
                                                    .gradient = tier_gradient,
                                                    .gradient_columns = tier_gradient_columns,
                                                    .masked_gradient = tier_masked_gradient,
                                                    .learnable = tier_learnable};
