/* Activations on AVX-512: the shared loops in vectors of 16 float32 (vmulps, vaddps, vdivps). Tile: a quad, 64 elements. Bound by
 * multiplications and additions. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

#include "base/vector_avx512.h"
#include "base/words_exp.h"
#include "loops.h"

OCT_ISA_END

const oct_activation_kernels oct_activation_avx512vnni = {
    .name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .gelu = tier_gelu};

#endif /* OCT_ARCH_X86 */
