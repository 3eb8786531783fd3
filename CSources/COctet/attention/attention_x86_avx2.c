/* Attention on AVX2: the shared loops in vectors of 8 float32 (vmulps, vaddps). Tile: 6 rows of 2 vectors, 12 sums in 16 registers.
 * Bound by multiplications. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX2)

#include "base/vector_avx2.h"
#include "base/words_exp.h"

enum { TILE_ROWS = 6, TILE_VECTORS = 2 };

#include "loops.h"

OCT_ISA_END

const oct_attention_kernels oct_attention_avx2 = {.name = "avx2",
                                                  .isa = OCT_ISA_AVX2,
                                                  .rows = TILE_ROWS,
                                                  .columns = PANEL,
                                                  .softmax = tier_softmax,
                                                  .pack_keys = tier_pack_keys,
                                                  .pack_values = tier_pack_values,
                                                  .scale = tier_scale,
                                                  .block = tier_block};

#endif /* OCT_ARCH_X86 */
