/* Attention on NEON: the shared loops in vectors of 4 float32 (fmul, fadd). Tile: 6 rows of 4 vectors, 24 sums in 32 registers. Bound
 * by the vector units, which multiply and add alike. */
#include "kernels.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

#include "base/vector_neon.h"
#include "base/words_exp.h"

enum { TILE_ROWS = 6, TILE_VECTORS = 4 };

#include "loops.h"

OCT_ISA_END

const oct_attention_kernels oct_attention_neon = {.name = "neon",
                                                  .isa = OCT_ISA_NEON,
                                                  .rows = TILE_ROWS,
                                                  .columns = PANEL,
                                                  .softmax = tier_softmax,
                                                  .pack_keys = tier_pack_keys,
                                                  .pack_values = tier_pack_values,
                                                  .scale = tier_scale,
                                                  .block = tier_block};

#endif /* OCT_ARCH_ARM64 */
