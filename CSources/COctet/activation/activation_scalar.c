/* Activations for any CPU: the shared loops with one lane. Tile: a quad, 4 elements. Bound by the latency of one element's chain. */
#include <string.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

#include "base/vector_scalar.h"
#include "base/words_exp.h"
#include "loops.h"

const oct_activation_kernels oct_activation_scalar = {.name = "scalar", .isa = OCT_ISA_SCALAR, .gelu = tier_gelu};
