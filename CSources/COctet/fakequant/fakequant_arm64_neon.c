/* Fake quantization on NEON: fcmgt and bsl clamp, frintn rounds, xtn makes masks.
 *
 * Tile: a quad, 16 elements. Bound by memory beyond the second-level cache; see loops.h for what bounds it within. */
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

const oct_fakequant_kernels oct_fakequant_neon = {.name = "neon",
                                                  .isa = OCT_ISA_NEON,
                                                  .round = tier_round,
                                                  .round_columns = tier_round_columns,
                                                  .gradient = tier_gradient,
                                                  .gradient_columns = tier_gradient_columns,
                                                  .masked_gradient = tier_masked_gradient,
                                                  .learnable = tier_learnable};

#endif /* OCT_ARCH_ARM64 */
