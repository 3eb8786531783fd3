/* Normalization on NEON: the shared loops; uxtl, scvtf, sqxtn. Tile: a quad, 16 elements. Bound by
 * conversions. */
#include "kernels.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

#include "base/vector_neon.h"
#include "loops.h"
#include "rows.h"

OCT_ISA_END

const oct_norm_kernels oct_norm_neon = {.name = "neon",
                                        .isa = OCT_ISA_NEON,
                                        .sums = tier_sums,
                                        .normalize_elements = tier_normalize_elements,
                                        .normalize_channel = tier_normalize_channel,
                                        .affine = tier_affine,
                                        .layer_rows = tier_layer_rows};

#endif /* OCT_ARCH_ARM64 */
