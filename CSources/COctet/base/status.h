/* Failing with a sentence. */
#ifndef OCT_BASE_STATUS_H
#define OCT_BASE_STATUS_H

#include "octet/base.h"

/* Stores the formatted sentence as the calling thread's last error and returns `status`. The sentence says: entry, argument, what was
 * expected, what came, and the smallest fix. */
__attribute__((format(printf, 2, 3))) oct_status oct_fail(oct_status status, const char *format, ...);

/* Products and sums of sizes; false when the result doesn't fit. */
static inline bool oct_multiply(size_t a, size_t b, size_t *result) { return !__builtin_mul_overflow(a, b, result); }
static inline bool oct_add(size_t a, size_t b, size_t *result) { return !__builtin_add_overflow(a, b, result); }

#endif /* OCT_BASE_STATUS_H */
