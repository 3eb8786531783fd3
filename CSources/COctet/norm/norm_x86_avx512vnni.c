/* Normalization on AVX-512: the shared loops in vectors of sixteen float32 (vpmovzxbd, vcvtdq2ps, vmulps, vpmovdb).
 * Tile: what the compiler unrolls to, 64 elements. Bound by conversions. */
#include "loops.h"

#if OCT_ARCH_X86

OCT_ISA_BEGIN(AVX512VNNI)

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

OCT_ISA_END

const oct_norm_kernels oct_norm_avx512vnni = {.name = "avx512vnni",
                                              .isa = OCT_ISA_AVX512VNNI,
                                              .sums = sums,
                                              .normalize_elements = normalize_elements,
                                              .normalize_channel = normalize_channel,
                                              .affine = affine};

#endif /* OCT_ARCH_X86 */
