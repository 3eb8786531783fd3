/* What a tier implements for activations. Pointers may have any alignment; y may be x. */
#ifndef OCT_ACTIVATION_KERNELS_H
#define OCT_ACTIVATION_KERNELS_H

#include "base/isa.h"
#include "octet/activation.h"

typedef struct oct_activation_kernels {
  const char *name;
  oct_isa isa;
  void (*gelu)(const float *x, size_t count, float *y);
} oct_activation_kernels;

#define OCT_ACTIVATION_KERNELS(isa, arch, symbol) extern const oct_activation_kernels symbol;
#include "activation.def"
#undef OCT_ACTIVATION_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_activation_select(const oct_activation_kernels **kernels);

#endif /* OCT_ACTIVATION_KERNELS_H */
