/* What the entries of the quantize family share: choosing kernels, ranges of element types, and how much is worth a
 * thread. */
#ifndef OCT_QUANTIZE_QUANTIZE_H
#define OCT_QUANTIZE_QUANTIZE_H

#include "kernels.h"

/* Elements per claimed range, 64 KB of float32, the fewest elements for which a team is started, and how many float32
 * outputs are too many for the caches to keep. */
enum { OCT_QUANTIZE_GRAIN = 16384, OCT_QUANTIZE_FORK = 8 * OCT_QUANTIZE_GRAIN, OCT_QUANTIZE_STREAM = 1 << 23 };

/* The best kernels that oct_max_isa() allows. */
oct_status oct_quantize_select(const oct_quantize_kernels **kernels);

/* dtype is an integer type; int32 only where the entry takes it. */
oct_status oct_quantize_check_dtype(const char *entry, oct_dtype dtype, bool s32_allowed);

static inline int64_t oct_dtype_low(oct_dtype dtype) {
  return dtype == OCT_U8 ? 0 : dtype == OCT_S8 ? -128 : INT32_MIN;
}
static inline int64_t oct_dtype_high(oct_dtype dtype) {
  return dtype == OCT_U8 ? 255 : dtype == OCT_S8 ? 127 : INT32_MAX;
}

#endif /* OCT_QUANTIZE_QUANTIZE_H */
