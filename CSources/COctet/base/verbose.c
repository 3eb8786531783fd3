/* OCTET_VERBOSE: whether it is on, the clock, and the line. */
#include "verbose.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool oct_verbose(void) {
  static _Atomic int state; /* 0: not asked yet, 1: off, 2: on; racing first calls store the same value */
  int known = atomic_load_explicit(&state, memory_order_relaxed);
  if (known == 0) {
    const char *value = getenv("OCTET_VERBOSE");
    known = value && strcmp(value, "1") == 0 ? 2 : 1;
    atomic_store_explicit(&state, known, memory_order_relaxed);
  }
  return known == 2;
}

double oct_clock_us(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

void oct_tell(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  fprintf(stderr, "octet: %s\n", line);
}
