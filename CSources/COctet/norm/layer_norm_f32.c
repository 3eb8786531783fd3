/* Layer norm of float32 rows: arguments and threads. */
#include <math.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "norm.h"

/* Elements that are worth a thread: some two microseconds. */
enum { GRAIN = 1 << 13 };

typedef struct job {
  const oct_norm_kernels *kernels;
  const oct_norm_f32 *norm;
  size_t length;
} job;

static void norm_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const oct_norm_f32 *n = j->norm;
  const size_t at = begin * j->length;
  j->kernels->layer_rows(n->x + at, n->add ? n->add + at : NULL, end - begin, j->length, n->epsilon, n->gamma, n->beta,
                         n->y + at);
}

oct_status oct_layer_norm_f32(const oct_norm_f32 *norm, size_t rows, size_t length, const oct_run *run) {
  static const char entry[] = "oct_layer_norm_f32";
  int threads = 1;
  size_t count;
  job j = {.norm = norm, .length = length};
  if (!norm) return oct_fail(OCT_INVALID_ARGUMENT, "%s: norm is null; pass an oct_norm_f32", entry);
  if (norm->struct_size != sizeof *norm)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: norm->struct_size is %u, expected %zu; set it to sizeof(oct_norm_f32)",
                    entry, (unsigned)norm->struct_size, sizeof *norm);
  if (!oct_multiply(rows, length, &count) || count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu elements are more than memory can hold; check rows and length",
                    entry, rows, length);
  if (!(norm->epsilon >= 0.0) || isinf(norm->epsilon))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: epsilon is %g, expected a finite number that isn't negative", entry,
                    norm->epsilon);
  oct_status status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_norm_select(&j.kernels);
  if (status != OCT_OK || count == 0) return status;
  if (!norm->x || !norm->y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry,
                    norm->x ? "y" : "x", count);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(rows, GRAIN / length + 1, threads, norm_rows, &j);
  if (oct_verbose())
    oct_tell("layer_norm_f32 rows=%zu length=%zu kernel=%s %.1f us", rows, length, j.kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}
