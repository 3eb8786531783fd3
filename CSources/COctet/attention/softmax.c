/* Softmax of rows: arguments, the choice of kernels, threads. */
#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "kernels.h"

/* Elements that are worth a thread: some two microseconds of exponentials. */
enum { GRAIN = 1 << 13 };

static const oct_attention_kernels *const table[] = {
#define OCT_ATTENTION_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "attention.def"
#undef OCT_ATTENTION_KERNELS
};

oct_status oct_attention_select(const oct_attention_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("attention", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

typedef struct job {
  const oct_attention_kernels *kernels;
  const float *x;
  float *y;
  size_t length;
} job;

static void run_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  j->kernels->softmax(j->x + begin * j->length, end - begin, j->length, j->y + begin * j->length);
}

oct_status oct_softmax(const float *x, size_t rows, size_t length, float *y, const oct_run *run) {
  static const char entry[] = "oct_softmax";
  int threads = 1;
  size_t count;
  job j = {.x = x, .y = y, .length = length};
  if (!oct_multiply(rows, length, &count) || count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu elements are more than memory can hold; check rows and length",
                    entry, rows, length);
  oct_status status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_attention_select(&j.kernels);
  if (status != OCT_OK || count == 0) return status;
  if (!x || !y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry, x ? "y" : "x",
                    count);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(rows, GRAIN / length + 1, threads, run_rows, &j);
  if (oct_verbose())
    oct_tell("softmax rows=%zu length=%zu kernel=%s %.1f us", rows, length, j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}
