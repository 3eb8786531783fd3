/* Interpolation on AVX-512: the shared loops; vpmovzxbd, vcvtdq2ps, vpackssdw. Tile: a quad, 64 elements. Bound by
 * conversions. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

#include "base/vector_avx512.h"
#include "loops.h"

OCT_ISA_END

const oct_interpolate_kernels oct_interpolate_avx512vnni = {
    .name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .copy = tier_copy, .across = tier_across, .down = tier_down};

#endif /* OCT_ARCH_X86 */
