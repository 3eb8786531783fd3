/* Embedding rows for any CPU, one code at a time. Bound by the conversions between float32 and double. */
#include "kernels.h"

OCT_FP_STRICT

static void bytes(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  oct_embedding_rest(codes, 0, dim, scale, bias, y, 8);
}

static void nibbles(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  oct_embedding_rest(codes, 0, dim, scale, bias, y, 4);
}

static void pairs(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  oct_embedding_rest(codes, 0, dim, scale, bias, y, 2);
}

const oct_embedding_kernels oct_embedding_scalar = {
    .name = "scalar", .isa = OCT_ISA_SCALAR, .accumulate = {bytes, nibbles, pairs}};
