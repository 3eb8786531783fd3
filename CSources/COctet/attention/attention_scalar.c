/* Attention for any CPU: the shared loops with one lane. Tile: 6 rows of 2 elements. Bound by the latency of additions. */
#include <math.h>
#include <string.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

#include "base/vector_scalar.h"
#include "base/words_exp.h"

enum { TILE_ROWS = 6, TILE_VECTORS = 2 };

#include "loops.h"

const oct_attention_kernels oct_attention_scalar = {.name = "scalar",
                                                    .isa = OCT_ISA_SCALAR,
                                                    .rows = TILE_ROWS,
                                                    .columns = PANEL,
                                                    .softmax = tier_softmax,
                                                    .pack_keys = tier_pack_keys,
                                                    .pack_values = tier_pack_values,
                                                    .scale = tier_scale,
                                                    .block = tier_block};
