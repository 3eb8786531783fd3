/* Normalization on AVX-512: the shared loops; vpmovzxbd, vcvtdq2ps, vpackssdw. Tile: a quad, 64 elements. Bound by
 * conversions. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

#include "base/vector_avx512.h"
#include "loops.h"
#include "rows.h"

OCT_ISA_END

const oct_norm_kernels oct_norm_avx512vnni = {.name = "avx512vnni",
                                              .isa = OCT_ISA_AVX512VNNI,
                                              .sums = tier_sums,
                                              .normalize_elements = tier_normalize_elements,
                                              .normalize_channel = tier_normalize_channel,
                                              .affine = tier_affine,
                                              .layer_rows = tier_layer_rows};

#endif /* OCT_ARCH_X86 */
