/* What the C kernel tests share: failures that are counted and printed, seeded data with extreme fills, and buffers
 * that end at a protected page, so that a read or write of one byte too many is a crash and not luck. */
#ifndef OCT_TESTS_CHECK_H
#define OCT_TESTS_CHECK_H

#if !defined(_DEFAULT_SOURCE)
#error "define _DEFAULT_SOURCE before the first include: guarded buffers need mmap"
#endif

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "octet/base.h"

#if defined(__GNUC__)
#define CHECK_UNUSED __attribute__((unused))
#define CHECK_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CHECK_UNUSED
#define CHECK_PRINTF(text, first)
#endif

/* Failures so far. The first ones are printed, all are counted. */
static int check_failures;
enum { CHECK_PRINTED_FAILURES = 30 };

/* Counts and prints a failure unless `condition` holds. The sentence says which case it was and what came. */
CHECK_UNUSED CHECK_PRINTF(2, 3) static bool check(bool condition, const char *format, ...) {
  if (condition) return true;
  check_failures++;
  if (check_failures <= CHECK_PRINTED_FAILURES) {
    va_list arguments;
    va_start(arguments, format);
    fputs("FAIL: ", stdout);
    vprintf(format, arguments);
    fputc('\n', stdout);
    va_end(arguments);
    fflush(stdout);
  }
  return false;
}

/* The call succeeded; its sentence is printed when not. */
CHECK_UNUSED static bool check_ok(oct_status status, const char *what) {
  return check(status == OCT_OK, "%s: %s: %s", what, oct_status_name(status), oct_last_error_message());
}

/* The call failed with this status and said why. */
CHECK_UNUSED static bool check_refused(oct_status status, oct_status expected, const char *what) {
  return check(status == expected && strlen(oct_last_error_message()) > 20, "%s: expected '%s', received '%s': %s",
               what, oct_status_name(expected), oct_status_name(status), oct_last_error_message());
}

/* main's return value. */
CHECK_UNUSED static int check_report(const char *test) {
  printf("%s: %d failures\n", test, check_failures);
  return check_failures == 0 ? 0 : 1;
}

/* A seeded generator (xorshift64*). */
typedef struct check_random {
  uint64_t state;
} check_random;

CHECK_UNUSED static uint32_t check_next(check_random *random) {
  uint64_t s = random->state ? random->state : 0x9E3779B97F4A7C15u;
  s ^= s >> 12;
  s ^= s << 25;
  s ^= s >> 27;
  random->state = s;
  return (uint32_t)((s * 0x2545F4914F6CDD1Du) >> 32);
}

/* Uniform in low..high, both included. */
CHECK_UNUSED static int32_t check_between(check_random *random, int32_t low, int32_t high) {
  const uint64_t span = (uint64_t)((int64_t)high - low) + 1;
  return (int32_t)(low + (int64_t)(check_next(random) % span));
}

CHECK_UNUSED static float check_real(check_random *random, float low, float high) {
  return low + (high - low) * ((float)(check_next(random) >> 8) / 16777216.0f);
}

/* How bytes are filled. The extreme fills are the ones that break 16-bit intermediates and signs. */
typedef enum check_fill {
  CHECK_RANDOM,   /* every value */
  CHECK_LOWEST,   /* 0 or -128 everywhere */
  CHECK_HIGHEST,  /* 255 or 127 everywhere */
  CHECK_EXTREMES, /* the two ends at random */
  CHECK_FILL_COUNT
} check_fill;

CHECK_UNUSED static int32_t check_lowest(oct_dtype dtype) { return dtype == OCT_U8 ? 0 : -128; }
CHECK_UNUSED static int32_t check_highest(oct_dtype dtype) { return dtype == OCT_U8 ? 255 : 127; }

CHECK_UNUSED static void check_fill_bytes(check_random *random, check_fill fill, oct_dtype dtype, void *bytes,
                                          size_t count) {
  uint8_t *out = bytes;
  for (size_t i = 0; i < count; i++) {
    const bool high = fill == CHECK_HIGHEST || (fill == CHECK_EXTREMES && (check_next(random) & 1));
    if (fill == CHECK_RANDOM)
      out[i] = (uint8_t)check_next(random);
    else
      out[i] = (uint8_t)(high ? check_highest(dtype) : check_lowest(dtype));
  }
}

/* Element i of u8 or s8 data. */
CHECK_UNUSED static int32_t check_element(const void *data, oct_dtype dtype, size_t i) {
  return dtype == OCT_U8 ? (int32_t)((const uint8_t *)data)[i] : (int32_t)((const int8_t *)data)[i];
}

/* Memory whose last byte is followed by a protected page (`bytes` may have any alignment then) and whose first page is
 * preceded by one. The slack before `bytes` is filled with a pattern that check_guard_intact looks at. */
typedef struct check_guard {
  uint8_t *bytes;
  size_t size;
  uint8_t *mapping;
  size_t mapped;
} check_guard;

enum { CHECK_SLACK_PATTERN = 0xA5 };

CHECK_UNUSED static check_guard check_guard_make(size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t body = (size / page + 1) * page;
  check_guard guard = {.size = size, .mapped = body + 2 * page};
  guard.mapping = mmap(NULL, guard.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (guard.mapping == MAP_FAILED || mprotect(guard.mapping + page, body, PROT_READ | PROT_WRITE) != 0) {
    perror("guarded buffer");
    exit(2);
  }
  guard.bytes = guard.mapping + page + body - size;
  memset(guard.mapping + page, CHECK_SLACK_PATTERN, body);
  return guard;
}

/* No byte before the buffer was written. */
CHECK_UNUSED static bool check_guard_intact(const check_guard *guard) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (const uint8_t *byte = guard->mapping + page; byte < guard->bytes; byte++)
    if (*byte != CHECK_SLACK_PATTERN) return false;
  return true;
}

CHECK_UNUSED static void check_guard_free(check_guard *guard) {
  munmap(guard->mapping, guard->mapped);
  guard->bytes = NULL;
}

/* Zeroed memory for packed weights and workspaces. */
CHECK_UNUSED static void *check_aligned(size_t size) {
  const size_t rounded = (size / OCT_ALIGNMENT + 1) * OCT_ALIGNMENT;
  void *memory = aligned_alloc(OCT_ALIGNMENT, rounded);
  if (!memory) {
    fputs("out of memory\n", stderr);
    exit(2);
  }
  memset(memory, 0, rounded);
  return memory;
}

#endif /* OCT_TESTS_CHECK_H */
