/* Normalization for any CPU: the shared loops in the ABI floor's vectors. Tile: one vector. Bound by conversions. */
#include "loops.h"

static void sums(const uint8_t *x, size_t count, uint8_t flip, uint64_t *sum, uint64_t *squares) {
  oct_norm_sums(x, count, flip, sum, squares);
}

static void normalize_elements(const uint8_t *x, size_t count, const oct_norm_rule *rule, const float *gamma,
                               const float *beta, uint8_t *y) {
  oct_norm_any_elements(x, count, rule, gamma, beta, y);
}

static void normalize_channel(const uint8_t *x, size_t count, const oct_norm_rule *rule, float beta, uint8_t *y) {
  oct_norm_channel(x, count, rule, beta, y);
}

static void affine(const uint8_t *x, size_t channels, const oct_affine_rule *rule, const float *alpha,
                   const float *beta, uint8_t *y) {
  oct_norm_affine(x, channels, rule, alpha, beta, y);
}

const oct_norm_kernels oct_norm_scalar = {.name = "scalar",
                                          .isa = OCT_ISA_SCALAR,
                                          .sums = sums,
                                          .normalize_elements = normalize_elements,
                                          .normalize_channel = normalize_channel,
                                          .affine = affine};
