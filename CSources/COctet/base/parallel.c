/* Loops over chunks, shared by a team: the library's own threads (pool.c) or those of an OpenMP runtime.
 *
 * The only file that knows OpenMP. CMake builds compile the pragma with the compiler's OpenMP flag. SwiftPM cannot pass
 * that flag, so there the same team is started by GOMP_parallel, the entry that GCC's and LLVM's runtimes both export.
 * Without OCT_OPENMP everything runs on the caller's thread. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "status.h"

#if defined(_OPENMP)
#include <omp.h>
#elif defined(OCT_OPENMP)
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_max_threads(void);
extern int omp_in_parallel(void);
#endif

#if defined(__GNUC__) && defined(OCT_OPENMP)
/* LLVM's runtime keeps idle threads spinning for a while; it alone has these. */
extern int kmp_get_blocktime(void) __attribute__((weak));
extern void kmp_set_blocktime(int milliseconds) __attribute__((weak));
#endif

/* Set while this thread runs a body, alone or in a team: calls from within stay on the thread. */
static _Thread_local bool inside_body;

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
#if OCT_HAS_POOL
  const int threads = omp_get_max_threads();
  return threads > 1 ? threads : 1;
#else
  return 1;
#endif
}

#if OCT_HAS_POOL

/* Chunks are dealt out in as many runs of neighbours as there are threads, up to MOST_RUNS. A worker goes through its own
 * run first, so that the same data meets the same core's cache from call to call, and then helps with the others, from
 * their ends: what moves to another core stays at the border between two. Each chunk is a ticket of its run; who holds
 * one takes the next chunk from his side, and tickets see to it that the sides don't meet. */
enum { MOST_RUNS = 32 };

typedef struct run_of_chunks {
  _Alignas(64) _Atomic ptrdiff_t tickets;
  size_t next;        /* its owner's */
  _Atomic size_t end; /* the helpers' */
} run_of_chunks;

/* A loop's whole state lives on the caller's stack. */
typedef struct team {
  oct_range_body body;
  void *context;
  size_t count, grain;
  int runs;
  _Atomic int next_worker;
  oct_pool_call *call; /* null for an OpenMP team */
  size_t chunks_done;  /* by the caller */
  run_of_chunks run[MOST_RUNS];
} team;

static bool claim(run_of_chunks *run, bool owner, size_t *chunk) {
  if (atomic_load_explicit(&run->tickets, memory_order_relaxed) <= 0) return false;
  if (atomic_fetch_sub_explicit(&run->tickets, 1, memory_order_relaxed) <= 0) return false;
  *chunk = owner ? run->next++ : atomic_fetch_sub_explicit(&run->end, 1, memory_order_relaxed) - 1;
  return true;
}

/* Works until no chunk is left to claim. The caller, and it alone, is worker 0 and looks after the pool's sleepers. */
static size_t work_as(team *shared, int worker) {
  size_t chunk, done = 0;
  inside_body = true;
  for (int i = 0; i < shared->runs; i++) {
    run_of_chunks *run = &shared->run[(worker + i) % shared->runs];
    const bool owner = i == 0 && worker < shared->runs;
    for (; claim(run, owner, &chunk); done++) {
      const size_t begin = chunk * shared->grain, left = shared->count - begin;
      shared->body(shared->context, begin, begin + (left < shared->grain ? left : shared->grain), worker);
#if OCT_HAS_POOL
      if (worker == 0 && shared->call && shared->call->wanted > 0) oct_pool_wake(shared->call);
#endif
    }
  }
  inside_body = false;
  return done;
}

static void work(void *data) {
  team *shared = data;
  work_as(shared, atomic_fetch_add_explicit(&shared->next_worker, 1, memory_order_relaxed));
}

/* 0: not decided; otherwise 1 + the source. */
static _Atomic int source_state;

static oct_thread_source thread_source(void) {
  int state = atomic_load_explicit(&source_state, memory_order_relaxed);
  if (state == 0) {
    const char *value = getenv("OCTET_THREADS");
    int undecided = 0;
    state = 1 + (int)(value && strcmp(value, "openmp") == 0 ? OCT_THREADS_OPENMP : OCT_THREADS_OWN);
    if (!atomic_compare_exchange_strong(&source_state, &undecided, state)) state = undecided;
  }
  return (oct_thread_source)(state - 1);
}

static void run_team(team *shared, int threads, bool rest) {
  if (thread_source() == OCT_THREADS_OWN) {
    oct_pool_call call;
    shared->call = &call;
    atomic_init(&shared->next_worker, 1);
    oct_pool_begin(&call, threads, work, shared, rest);
    const size_t done = work_as(shared, 0);
    oct_pool_end(&call, done);
    return;
  }
  shared->call = NULL;
  atomic_init(&shared->next_worker, 0);
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
  work(shared);
#else
  GOMP_parallel(work, shared, (unsigned)threads, 0);
#endif
}

static void share(size_t count, size_t grain, int threads, oct_range_body body, void *context, bool rest) {
  const size_t chunks = (count - 1) / grain + 1;
  team shared;
  shared.body = body;
  shared.context = context;
  shared.count = count;
  shared.grain = grain;
  shared.runs = threads < MOST_RUNS ? threads : MOST_RUNS;
  size_t next = 0;
  for (int i = 0; i < shared.runs; i++) {
    const size_t size = (chunks - next) / (size_t)(shared.runs - i);
    shared.run[i].next = next;
    next += size;
    atomic_init(&shared.run[i].tickets, (ptrdiff_t)size);
    atomic_init(&shared.run[i].end, next);
  }
  run_team(&shared, threads, rest);
}

/* A loop of the whole team or, where that can't be, of the caller alone. */
static void parallel_for(size_t count, size_t grain, int threads, oct_range_body body, void *context, bool rest) {
  if (count == 0) return;
  if (grain == 0) grain = 1;
  const size_t chunks = (count - 1) / grain + 1;
  if (threads == 1 || chunks == 1 || inside_body) {
    work_alone(count, grain, body, context);
    return;
  }
  if (threads <= 0) threads = oct_max_threads();
  if (threads > OCT_POOL_MOST) threads = OCT_POOL_MOST;
  if ((size_t)threads > chunks) threads = (int)chunks;
  /* In a parallel region of the program's own, every core has its thread already. */
  if (threads <= 1 || omp_in_parallel())
    work_alone(count, grain, body, context);
  else
    share(count, grain, threads, body, context, rest);
}

void oct_parallel_for(size_t count, size_t grain, int threads, oct_range_body body, void *context) {
  parallel_for(count, grain, threads, body, context, false);
}

void oct_parallel_for_then_rest(size_t count, size_t grain, int threads, oct_range_body body, void *context) {
#if defined(__GNUC__) && defined(OCT_OPENMP)
  if (thread_source() == OCT_THREADS_OPENMP && kmp_get_blocktime && kmp_set_blocktime) {
    const int before = kmp_get_blocktime();
    kmp_set_blocktime(0);
    parallel_for(count, grain, threads, body, context, false);
    kmp_set_blocktime(before);
    return;
  }
#endif
  parallel_for(count, grain, threads, body, context, true);
}

oct_status oct_set_thread_source(oct_thread_source source) {
  if (source != OCT_THREADS_OWN && source != OCT_THREADS_OPENMP)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "oct_set_thread_source: source is %d, expected OCT_THREADS_OWN or OCT_THREADS_OPENMP", (int)source);
  atomic_store(&source_state, 1 + (int)source);
  return OCT_OK;
}

#else

void oct_parallel_for(size_t count, size_t grain, int threads, oct_range_body body, void *context) {
  (void)threads;
  if (count > 0) work_alone(count, grain > 0 ? grain : 1, body, context);
}

void oct_parallel_for_then_rest(size_t count, size_t grain, int threads, oct_range_body body, void *context) {
  oct_parallel_for(count, grain, threads, body, context);
}

oct_status oct_set_thread_source(oct_thread_source source) {
  return oct_fail(OCT_UNSUPPORTED,
                  "oct_set_thread_source: source is %d, but this build has no threads; build it with OpenMP",
                  (int)source);
}

#endif
