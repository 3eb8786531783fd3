/* Observation on AVX2: vminps, vmaxps and vpmaxsd on 8 lanes, vdivps for bins.
 *
 * Tile: a quad, 32 values. Extremes are bound by loads, histograms by stores; see loops.h. */
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

const oct_observe_kernels oct_observe_avx2 = {.name = "avx2",
                                              .isa = OCT_ISA_AVX2,
                                              .reach = tier_reach,
                                              .reach_columns = tier_reach_columns,
                                              .count_bins = tier_count_bins};

#endif /* OCT_ARCH_X86 */
