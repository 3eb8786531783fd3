/* Fake quantization on AVX-512: vminps and vmaxps clamp, vrndscaleps rounds, masks say what is inside.
 *
 * Tile: a quad, 64 elements. Bound by memory beyond the second-level cache; see loops.h for what bounds it within. */
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

const oct_fakequant_kernels oct_fakequant_avx512vnni = {.name = "avx512vnni",
                                                        .isa = OCT_ISA_AVX512VNNI,
                                                        .round = tier_round,
                                                        .round_columns = tier_round_columns,
                                                        .gradient = tier_gradient,
                                                        .gradient_columns = tier_gradient_columns,
                                                        .masked_gradient = tier_masked_gradient,
                                                        .learnable = tier_learnable};

#endif /* OCT_ARCH_X86 */
