/* Observation for any CPU: the shared loops in single values.
 *
 * Tile: a quad, 4 values, whose accumulators don't depend on each other. Bound by comparisons. */
#include <string.h>

#include "base/vector_scalar.h"
#include "kernels.h"
#include "loops.h"

const oct_observe_kernels oct_observe_scalar = {.name = "scalar",
                                                .isa = OCT_ISA_SCALAR,
                                                .reach = tier_reach,
                                                .reach_columns = tier_reach_columns,
                                                .count_bins = tier_count_bins};
