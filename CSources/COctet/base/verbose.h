/* What OCTET_VERBOSE=1 turns on: lines on stderr about kernels chosen, kernels declined and time spent. */
#ifndef OCT_BASE_VERBOSE_H
#define OCT_BASE_VERBOSE_H

#include "octet/base.h"

/* True when the environment says OCTET_VERBOSE=1; read once. */
bool oct_verbose(void);

/* Microseconds since some fixed moment. */
double oct_clock_us(void);

/* One line on stderr, with "octet: " before it. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void oct_tell(const char *format, ...);

#endif /* OCT_BASE_VERBOSE_H */
