/* What the entries of the observe family share. */
#ifndef OCT_OBSERVE_OBSERVE_H
#define OCT_OBSERVE_OBSERVE_H

#include <string.h>

#include "kernels.h"

/* Values per claimed range, and the fewest for which a team is started. */
enum { OCT_OBSERVE_GRAIN = 1 << 15, OCT_OBSERVE_FORK = 1 << 16 };

oct_status oct_observe_check(const char *entry, const float *x, size_t count, const void *out, const char *out_name);

static inline float oct_value_at(const float *x, size_t i) {
  float value;
  memcpy(&value, (const char *)x + i * sizeof value, sizeof value);
  return value;
}

#endif /* OCT_OBSERVE_OBSERVE_H */
