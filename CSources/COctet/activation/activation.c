/* Activations of float32: arguments, the choice of kernels, threads. */
#include "octet/activation.h"

#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "kernels.h"

/* Elements that are worth a thread: some two microseconds. */
enum { GRAIN = 1 << 13 };

static const oct_activation_kernels *const table[] = {
#define OCT_ACTIVATION_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "activation.def"
#undef OCT_ACTIVATION_KERNELS
};

oct_status oct_activation_select(const oct_activation_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("activation", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

typedef struct job {
  const oct_activation_kernels *kernels;
  const float *x;
  float *y;
} job;

static void run_elements(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  j->kernels->gelu(j->x + begin, end - begin, j->y + begin);
}

oct_status oct_gelu(const float *x, size_t count, float *y, const oct_run *run) {
  static const char entry[] = "oct_gelu";
  int threads = 1;
  job j = {.x = x, .y = y};
  if (count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu elements are more than memory can hold; check count", entry, count);
  oct_status status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_activation_select(&j.kernels);
  if (status != OCT_OK || count == 0) return status;
  if (!x || !y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry, x ? "y" : "x",
                    count);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(count, GRAIN, threads, run_elements, &j);
  if (oct_verbose()) oct_tell("gelu count=%zu kernel=%s %.1f us", count, j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}
