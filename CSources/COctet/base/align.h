/* Rounding sizes up, and the alignment of caller-owned memory. */
#ifndef OCT_BASE_ALIGN_H
#define OCT_BASE_ALIGN_H

#include "octet/base.h"

static inline size_t oct_round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
static inline size_t oct_ceil_div(size_t value, size_t divisor) { return value / divisor + (value % divisor != 0); }
static inline bool oct_aligned(const void *pointer) { return (uintptr_t)pointer % OCT_ALIGNMENT == 0; }

#endif /* OCT_BASE_ALIGN_H */
