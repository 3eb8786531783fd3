/* Interpolation on NEON: the shared loops; uxtl, scvtf, sqxtn. Tile: a quad, 16 elements. Bound by
 * conversions. */
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

const oct_interpolate_kernels oct_interpolate_neon = {
    .name = "neon", .isa = OCT_ISA_NEON, .copy = tier_copy, .across = tier_across, .down = tier_down};

#endif /* OCT_ARCH_ARM64 */
