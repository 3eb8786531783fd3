/* Interpolation on AVX2: the shared loops; vpmovzxbd, vcvtdq2ps, vpackssdw. Tile: a quad, 32 elements. Bound by
 * conversions. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX2)

#include "base/vector_avx2.h"
#include "loops.h"

OCT_ISA_END

const oct_interpolate_kernels oct_interpolate_avx2 = {
    .name = "avx2", .isa = OCT_ISA_AVX2, .copy = tier_copy, .across = tier_across, .down = tier_down};

#endif /* OCT_ARCH_X86 */
