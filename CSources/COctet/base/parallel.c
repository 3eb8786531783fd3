/* The only file that knows the thread runtime.
 *
 * CMake builds compile the pragma with the compiler's OpenMP flag. SwiftPM cannot pass that flag, so there the same
 * team is started by GOMP_parallel, the entry that GCC's and LLVM's runtimes both export. Without OCT_OPENMP everything
 * runs on the caller's thread. */
#include <stdatomic.h>

#include "octet/base.h"

#if defined(_OPENMP)
#include <omp.h>
#elif defined(OCT_OPENMP)
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_max_threads(void);
#endif

#if defined(__GNUC__) && defined(OCT_OPENMP)
/* LLVM's runtime keeps idle threads spinning for a while; it alone has these. */
extern int kmp_get_blocktime(void) __attribute__((weak));
extern void kmp_set_blocktime(int milliseconds) __attribute__((weak));
#endif

/* A range that a worker claimed at once: the whole loop's state lives on the caller's stack. */
typedef struct team {
  oct_range_body body;
  void *context;
  size_t count, grain, chunks;
  _Atomic size_t next_chunk;
  _Atomic int next_worker;
} team;

/* Set while this thread runs a body, alone or in a team: calls from within stay on the thread. */
static _Thread_local bool inside_body;

static void work(void *data) {
  team *shared = data;
  const int worker = atomic_fetch_add_explicit(&shared->next_worker, 1, memory_order_relaxed);
  inside_body = true;
  for (;;) {
    const size_t chunk = atomic_fetch_add_explicit(&shared->next_chunk, 1, memory_order_relaxed);
    if (chunk >= shared->chunks) break;
    const size_t begin = chunk * shared->grain;
    const size_t left = shared->count - begin;
    shared->body(shared->context, begin, begin + (left < shared->grain ? left : shared->grain), worker);
  }
  inside_body = false;
}

static void work_alone(size_t count, size_t grain, oct_range_body body, void *context) {
  const bool nested = inside_body;
  inside_body = true;
  for (size_t begin = 0;; begin += grain) {
    const size_t left = count - begin;
    body(context, begin, begin + (left < grain ? left : grain), 0);
    if (left <= grain) break;
  }
  inside_body = nested;
}

int oct_max_threads(void) {
#if defined(_OPENMP) || defined(OCT_OPENMP)
  const int threads = omp_get_max_threads();
  return threads > 1 ? threads : 1;
#else
  return 1;
#endif
}

/* A team that no machine needs would fail to start in some runtimes, and nothing here may abort. */
enum { LARGEST_TEAM = 1024 };

void oct_parallel_for(size_t count, size_t grain, int threads, oct_range_body body, void *context) {
  if (count == 0) return;
  if (grain == 0) grain = 1;
  const size_t chunks = (count - 1) / grain + 1;
  if (threads <= 0) threads = oct_max_threads();
  if (threads > LARGEST_TEAM) threads = LARGEST_TEAM;
  if ((size_t)threads > chunks) threads = (int)chunks;
  if (threads <= 1 || inside_body) {
    work_alone(count, grain, body, context);
    return;
  }
  team shared = {.body = body, .context = context, .count = count, .grain = grain, .chunks = chunks};
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
  work(&shared);
#elif defined(OCT_OPENMP)
  GOMP_parallel(work, &shared, (unsigned)threads, 0);
#else
  work(&shared);
#endif
}

void oct_parallel_for_then_rest(size_t count, size_t grain, int threads, oct_range_body body, void *context) {
#if defined(__GNUC__) && defined(OCT_OPENMP)
  if (kmp_get_blocktime && kmp_set_blocktime) {
    const int before = kmp_get_blocktime();
    kmp_set_blocktime(0);
    oct_parallel_for(count, grain, threads, body, context);
    kmp_set_blocktime(before);
    return;
  }
#endif
  oct_parallel_for(count, grain, threads, body, context);
}
