/* Timing: batches long enough for the clock, the least and the median of their means. */
#define _POSIX_C_SOURCE 199309L
#include <stdlib.h>
#include <time.h>

#include "operation.h"

/* Samples beyond these replace none: a run that long has told enough. */
enum { MOST_BATCHES = 4096, FEWEST_BATCHES = 3 };
static const double batch_nanoseconds = 200e3;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Iterations that last about one batch; this is the warm-up too. */
static const char *calibrate(oct_bench_operation *operation, int64_t *iterations) {
  for (*iterations = 1;; *iterations *= 2) {
    const double start = now();
    const char *problem = oct_bench_run(operation, *iterations);
    if (problem) return problem;
    const double elapsed = now() - start;
    if (elapsed < batch_nanoseconds / 4 && *iterations < INT64_C(1) << 40) continue;
    const double wanted = (double)*iterations * batch_nanoseconds / elapsed;
    *iterations = wanted > 1 ? (int64_t)wanted : 1;
    return NULL;
  }
}

const char *oct_bench_measure(oct_bench_operation *operation, double seconds, oct_bench_timing *timing) {
  int64_t iterations;
  const char *problem = oct_bench_run(operation, 1);
  if (problem || (problem = calibrate(operation, &iterations))) return problem;
  double means[MOST_BATCHES];
  int batches = 0;
  const double end = now() + seconds * 1e9;
  for (double start = now(); batches < MOST_BATCHES && (batches < FEWEST_BATCHES || start < end);) {
    if ((problem = oct_bench_run(operation, iterations))) return problem;
    const double stop = now();
    means[batches++] = (stop - start) / (double)iterations;
    start = stop;
  }
  qsort(means, (size_t)batches, sizeof means[0], ascending);
  *timing = (oct_bench_timing){.least = means[0], .median = means[batches / 2], .calls = iterations * (int64_t)batches};
  return NULL;
}
