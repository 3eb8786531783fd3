/* Activations on AVX2: the shared loops in vectors of 8 float32 (vmulps, vaddps, vdivps). Tile: a quad, 32 elements. Bound by
 * multiplications and additions. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX2)

#include "base/vector_avx2.h"
#include "base/words_exp.h"
#include "loops.h"

OCT_ISA_END

const oct_activation_kernels oct_activation_avx2 = {.name = "avx2", .isa = OCT_ISA_AVX2, .gelu = tier_gelu};

#endif /* OCT_ARCH_X86 */
