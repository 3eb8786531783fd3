/* Activations on NEON: the shared loops in vectors of 4 float32 (fmul, fadd, fdiv). Tile: a quad, 16 elements. Bound by the vector
 * units. */
#include "kernels.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

#include "base/vector_neon.h"
#include "base/words_exp.h"
#include "loops.h"

OCT_ISA_END

const oct_activation_kernels oct_activation_neon = {.name = "neon", .isa = OCT_ISA_NEON, .gelu = tier_gelu};

#endif /* OCT_ARCH_ARM64 */
