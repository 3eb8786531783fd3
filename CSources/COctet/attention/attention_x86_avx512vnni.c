/* Attention on AVX-512: the shared loops in vectors of 16 float32 (vmulps, vaddps). Tile: 6 rows of 4 vectors, 24 sums in 32 registers.
 * Bound by multiplications, two vectors in a cycle. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

#include "base/vector_avx512.h"
#include "base/words_exp.h"

enum { TILE_ROWS = 6, TILE_VECTORS = 4 };

#include "loops.h"

OCT_ISA_END

const oct_attention_kernels oct_attention_avx512vnni = {.name = "avx512vnni",
                                                        .isa = OCT_ISA_AVX512VNNI,
                                                        .rows = TILE_ROWS,
                                                        .columns = PANEL,
                                                        .softmax = tier_softmax,
                                                        .pack_keys = tier_pack_keys,
                                                        .pack_values = tier_pack_values,
                                                        .scale = tier_scale,
                                                        .block = tier_block};

#endif /* OCT_ARCH_X86 */
