/* Observation on AVX-512: vminps, vmaxps and vpmaxsd on 16 lanes, vdivps for bins.
 *
 * Tile: a quad, 64 values. Extremes are bound by loads, histograms by stores; see loops.h. */
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

const oct_observe_kernels oct_observe_avx512vnni = {.name = "avx512vnni",
                                                    .isa = OCT_ISA_AVX512VNNI,
                                                    .reach = tier_reach,
                                                    .reach_columns = tier_reach_columns,
                                                    .count_bins = tier_count_bins};

#endif /* OCT_ARCH_X86 */
