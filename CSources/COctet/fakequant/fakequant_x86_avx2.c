/* Fake quantization on AVX2: vminps and vmaxps clamp, vroundps rounds, vpacksswb makes masks.
 *
 * Tile: a quad, 32 elements. Bound by memory beyond the second-level cache; see loops.h for what bounds it within. */
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

const oct_fakequant_kernels oct_fakequant_avx2 = {.name = "avx2",
                                                  .isa = OCT_ISA_AVX2,
                                                  .round = tier_round,
                                                  .round_columns = tier_round_columns,
                                                  .gradient = tier_gradient,
                                                  .gradient_columns = tier_gradient_columns,
                                                  .masked_gradient = tier_masked_gradient,
                                                  .learnable = tier_learnable};

#endif /* OCT_ARCH_X86 */
