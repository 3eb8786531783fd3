/* What the entries of the elementwise family share. */
#ifndef OCT_ELEMENTWISE_ELEMENTWISE_H
#define OCT_ELEMENTWISE_ELEMENTWISE_H

#include "kernels.h"

/* Elements per claimed range (16 KB), and the fewest for which a team is started. */
enum { OCT_ELEMENTWISE_GRAIN = 1 << 14, OCT_ELEMENTWISE_FORK = 1 << 17 };

static inline size_t oct_elementwise_grain(size_t count) {
  return count < OCT_ELEMENTWISE_FORK ? count : OCT_ELEMENTWISE_GRAIN;
}

/* `size` bytes of input at `x` and of output at `y`: the same place or places apart. */
static inline bool oct_share_part(const void *x, size_t x_size, const void *y, size_t y_size) {
  const uintptr_t from = (uintptr_t)x, to = (uintptr_t)y;
  return from < to ? to - from < x_size : from - to < y_size;
}

/* Input `name` and output y of `count` bytes each, which may be one buffer but not overlap in part. */
oct_status oct_elementwise_check(const char *entry, const char *name, const void *x, const void *y, size_t count);

#endif /* OCT_ELEMENTWISE_ELEMENTWISE_H */
