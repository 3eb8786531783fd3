/* What a tier implements for pooling: the largest of several pixels, channel by channel. */
#ifndef OCT_POOL_KERNEL_H
#define OCT_POOL_KERNEL_H

#include "base/isa.h"
#include "octet/pool.h"

/* y[c] = max over taps t of taps[t][c] for c in 0..<channels, and of the old y[c] when `more`. count is at least 1,
 * channels too. Taps don't overlap y. Since a maximum may be taken twice, kernels let their last vector overlap the one
 * before. */
typedef void (*oct_pool_max)(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y);

typedef struct oct_pool_kernel {
  const char *name;
  oct_isa isa;
  oct_pool_max max_u8, max_s8;
} oct_pool_kernel;

#define OCT_POOL_KERNEL(isa, arch, symbol) extern const oct_pool_kernel symbol;
#include "pool.def"
#undef OCT_POOL_KERNEL

/* The best kernel that oct_max_isa() allows. */
oct_status oct_pool_select(const oct_pool_kernel **kernel);

#endif /* OCT_POOL_KERNEL_H */
