/* What a tier implements for normalization. Pointers to float32 may have any alignment. */
#ifndef OCT_NORM_KERNELS_H
#define OCT_NORM_KERNELS_H

#include "base/isa.h"
#include "octet/norm.h"

/* v = ((float)(q - offset) - mean) * r becomes, with the affine part that the kernel's name says,
 * rint(clamp(v * inverse, low, high)) + zero_point, in the type of q. NaN gives high. Bounds are the type's ends. */
typedef struct oct_norm_rule {
  bool is_signed;
  int32_t offset, zero_point;
  float mean, r, inverse, low, high;
} oct_norm_rule;

typedef struct oct_affine_rule {
  bool is_signed;
  int32_t offset, zero_point;
  float low, high; /* relative to zero_point */
} oct_affine_rule;

typedef struct oct_norm_kernels {
  const char *name;
  oct_isa isa;
  /* Adds the sum of u and of u * u to the totals, u = x ^ flip. */
  void (*sums)(const uint8_t *x, size_t count, uint8_t flip, uint64_t *sum, uint64_t *squares);
  /* v * gamma[i] + beta[i]; either may be null. */
  void (*normalize_elements)(const uint8_t *x, size_t count, const oct_norm_rule *rule, const float *gamma,
                             const float *beta, uint8_t *y);
  /* v + beta, rule->r being r * gamma. */
  void (*normalize_channel)(const uint8_t *x, size_t count, const oct_norm_rule *rule, float beta, uint8_t *y);
  /* rint(clamp(alpha[c] * (float)(q - offset) + beta[c], low, high)) + zero_point. */
  void (*affine)(const uint8_t *x, size_t channels, const oct_affine_rule *rule, const float *alpha, const float *beta,
                 uint8_t *y);
  /* Rows of at least one element, as oct_layer_norm_f32 says; add, gamma and beta may be null. */
  void (*layer_rows)(const float *x, const float *add, size_t rows, size_t count, double epsilon, const float *gamma,
                     const float *beta, float *y);
} oct_norm_kernels;

#define OCT_NORM_KERNELS(isa, arch, symbol) extern const oct_norm_kernels symbol;
#include "norm.def"
#undef OCT_NORM_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_norm_select(const oct_norm_kernels **kernels);

#endif /* OCT_NORM_KERNELS_H */
