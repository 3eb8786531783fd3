/* Observation on NEON: fcmgt, bsl and smax on 4 lanes, fdiv for bins.
 *
 * Tile: a quad, 16 values. Extremes are bound by loads, histograms by stores; see loops.h. */
#include "kernels.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

#include "base/vector_neon.h"
#include "loops.h"

OCT_ISA_END

const oct_observe_kernels oct_observe_neon = {.name = "neon",
                                              .isa = OCT_ISA_NEON,
                                              .reach = tier_reach,
                                              .reach_columns = tier_reach_columns,
                                              .count_bins = tier_count_bins};

#endif /* OCT_ARCH_ARM64 */
