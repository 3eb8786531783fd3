/* Threads that wait for work: for a moment on their feet, then asleep.
 *
 * A worker's whole state is one word, its `slot`: idle, lent (the address of a call that it hasn't seen yet) or busy.
 * The caller lends a worker by exchanging idle for the call's address, the worker begins by exchanging that for busy,
 * and a caller that has run out of work exchanges it back for idle. Whoever comes first wins, so a worker that wasn't
 * running holds nobody up. */
#define _GNU_SOURCE
#include "pool.h"

#if OCT_HAS_POOL

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

/* Nanoseconds. Lending a waiting thread costs less than 1000, waking one about 8000 on the caller and as long again
 * until it runs. */
enum {
  WAIT_AWAKE = 200000,    /* a worker without work sleeps after this */
  WAIT_SPINNING = 20000,  /* until then it doesn't offer its core to others */
  SOON = 50000,           /* calls in such a distance keep workers awake */
  WORTH_WAKING = 10000,   /* what a lonely call lasts before it wakes workers */
  LATE = 300000,          /* a worker that has held up its caller for so long is asked whether it lost its core */
  SHY_FIRST = 2000000,    /* how long one that did takes no work, */
  SHY_MOST = 32000000,    /* and for how long at most if it happens again and again, */
  SHY_MEMORY = 100000000, /* at intervals shorter than this */
  CALLER_AWAKE = 2000000, /* a caller without work sleeps after this */
  SPINS_PER_LOOK = 32     /* between looks at the clock */
};

static const uint32_t caller_sleeps = 1u << 31;

enum { IDLE = 0, BUSY = 1 }; /* of a slot; other values are addresses */

typedef struct worker {
  _Alignas(64) _Atomic uintptr_t slot;
  _Atomic bool asleep;
  _Atomic int64_t shy_until;  /* 0: ready for work */
  int64_t shy_since, shy_for; /* the last time; the worker's own */
  long switches;              /* how often it had lost its core when it last looked */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  pthread_t thread;
} worker;

static worker workers[OCT_POOL_MOST - 1];
static _Atomic int worker_count;
static _Atomic bool stopping;
static _Atomic int64_t last_end;
static int most_workers = OCT_POOL_MOST - 1; /* fewer once the system refused one; under `making` */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static pthread_once_t fork_handlers = PTHREAD_ONCE_INIT;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* How often the calling thread has lost its core; always 0 where the system doesn't tell. */
static long lost_cores(void) {
#if defined(RUSAGE_THREAD)
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
#else
  return 0;
#endif
}

/* Another program wants the worker's core: it leaves the work to its caller for a while. */
static void make_shy(worker *self) {
  const int64_t time = now();
  if (self->shy_for == 0 || time - self->shy_since > SHY_MEMORY)
    self->shy_for = SHY_FIRST;
  else if (self->shy_for < SHY_MOST)
    self->shy_for *= 2;
  self->shy_since = time;
  atomic_store_explicit(&self->shy_until, time + self->shy_for, memory_order_relaxed);
}

/* Waits awake; false when no work has come. */
static bool wait_awake(worker *self) {
  const int64_t start = now();
  for (int64_t time = start, before; time - start < WAIT_AWAKE;) {
    for (int i = 0; i < SPINS_PER_LOOK; i++) {
      if (atomic_load_explicit(&self->slot, memory_order_relaxed) != IDLE) return true;
      relax();
    }
    if (atomic_load_explicit(&stopping, memory_order_relaxed)) return false;
    if (time - start > WAIT_SPINNING) sched_yield();
    before = time;
    time = now();
    if (time - before > WAIT_AWAKE) return false; /* another program has had the core in between */
  }
  return false;
}

static void wait_asleep(worker *self) {
  pthread_mutex_lock(&self->mutex);
  atomic_store(&self->asleep, true);
  while (atomic_load(&self->slot) == IDLE && !atomic_load(&stopping)) pthread_cond_wait(&self->wake, &self->mutex);
  atomic_store(&self->asleep, false);
  pthread_mutex_unlock(&self->mutex);
}

/* The call's last use by a worker: its caller may be gone afterwards. */
static void give_back(worker *self, oct_pool_call *call) {
  if (atomic_load_explicit(&call->late, memory_order_relaxed)) {
    const long switches = lost_cores();
    if (switches != self->switches) make_shy(self);
    self->switches = switches;
  }
  atomic_store_explicit(&self->slot, IDLE, memory_order_release);
  const uint32_t before = atomic_fetch_sub_explicit(&call->owed, 1, memory_order_acq_rel);
  if (before != (caller_sleeps | 1)) return;
  pthread_mutex_lock(&ending);
  pthread_cond_broadcast(&ended);
  pthread_mutex_unlock(&ending);
}

static void *live(void *argument) {
  worker *self = argument;
  bool rest = true;
  self->switches = lost_cores();
  self->shy_for = 0;
  while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
    if (rest || !wait_awake(self)) wait_asleep(self);
    rest = false;
    uintptr_t lent = atomic_load_explicit(&self->slot, memory_order_relaxed);
    if (lent == IDLE ||
        !atomic_compare_exchange_strong_explicit(&self->slot, &lent, BUSY, memory_order_acquire, memory_order_relaxed))
      continue;
    oct_pool_call *call = (oct_pool_call *)lent;
    rest = call->rest;
    call->work(call->data);
    give_back(self, call);
  }
  return NULL;
}

/* A child of fork has none of its parent's other threads: it starts afresh. */
static void before_fork(void) { pthread_mutex_lock(&making); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&making); }
static void after_fork_in_child(void) {
  pthread_mutex_init(&making, NULL);
  pthread_mutex_init(&ending, NULL);
  pthread_cond_init(&ended, NULL);
  atomic_store(&worker_count, 0);
}
static void handle_forks(void) { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); }

static bool start(worker *self) {
  pthread_mutex_init(&self->mutex, NULL);
  pthread_cond_init(&self->wake, NULL);
  atomic_store(&self->slot, IDLE);
  atomic_store(&self->asleep, false);
  atomic_store(&self->shy_until, 0);
  /* Signals are for the program's own threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool started = pthread_create(&self->thread, NULL, live, self) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

/* Starts workers until there are `wanted`, or as many as the system allows; answers how many there are. */
static int have_workers(int wanted) {
  int count = atomic_load_explicit(&worker_count, memory_order_acquire);
  if (count >= wanted) return count;
  pthread_once(&fork_handlers, handle_forks);
  pthread_mutex_lock(&making);
  count = atomic_load_explicit(&worker_count, memory_order_relaxed);
  if (wanted > most_workers) wanted = most_workers;
  while (count < wanted && !atomic_load(&stopping)) {
    if (!start(&workers[count])) {
      most_workers = count;
      break;
    }
    atomic_store_explicit(&worker_count, ++count, memory_order_release);
  }
  pthread_mutex_unlock(&making);
  return count;
}

/* Threads must not outlive their code, which may be unloaded. */
__attribute__((destructor)) static void stop(void) {
  atomic_store(&stopping, true);
  pthread_mutex_lock(&making);
  const int count = atomic_load(&worker_count);
  pthread_mutex_unlock(&making);
  for (int i = 0; i < count; i++) {
    pthread_mutex_lock(&workers[i].mutex);
    pthread_mutex_unlock(&workers[i].mutex);
    pthread_cond_signal(&workers[i].wake);
  }
  for (int i = 0; i < count; i++)
    if (!pthread_equal(workers[i].thread, pthread_self())) pthread_join(workers[i].thread, NULL);
}

static bool is_shy(worker *candidate) {
  const int64_t until = atomic_load_explicit(&candidate->shy_until, memory_order_relaxed);
  if (until == 0) return false;
  if (now() < until) return true;
  atomic_store_explicit(&candidate->shy_until, 0, memory_order_relaxed);
  return false;
}

/* Lends up to call->wanted idle workers: those that are awake, or all. */
static void lend(oct_pool_call *call, int count, bool asleep_too) {
  for (int i = 0; i < count && call->wanted > 0; i++) {
    worker *candidate = &workers[i];
    if (atomic_load_explicit(&candidate->slot, memory_order_relaxed) != IDLE) continue;
    if (!asleep_too && atomic_load_explicit(&candidate->asleep, memory_order_relaxed)) continue;
    if (is_shy(candidate)) continue;
    uintptr_t idle = IDLE;
    atomic_fetch_add_explicit(&call->owed, 1, memory_order_relaxed);
    if (!atomic_compare_exchange_strong(&candidate->slot, &idle, (uintptr_t)call)) {
      atomic_fetch_sub_explicit(&call->owed, 1, memory_order_relaxed);
      continue;
    }
    call->workers[call->lent++] = (uint8_t)i;
    call->wanted--;
    if (!atomic_load(&candidate->asleep)) continue;
    pthread_mutex_lock(&candidate->mutex);
    pthread_mutex_unlock(&candidate->mutex);
    pthread_cond_signal(&candidate->wake);
  }
}

void oct_pool_begin(oct_pool_call *call, int threads, void (*work)(void *data), void *data, bool rest) {
  call->work = work;
  call->data = data;
  call->rest = rest;
  call->wanted = (threads < OCT_POOL_MOST ? threads : OCT_POOL_MOST) - 1;
  call->lent = 0;
  atomic_init(&call->owed, 0);
  atomic_init(&call->late, false);
  const int count = have_workers(call->wanted);
  lend(call, count, false);
  call->began = now();
  if (call->wanted > 0 && call->began - atomic_load_explicit(&last_end, memory_order_relaxed) < SOON)
    lend(call, count, true);
}

void oct_pool_wake(oct_pool_call *call) {
  if (now() - call->began < WORTH_WAKING) return;
  lend(call, atomic_load_explicit(&worker_count, memory_order_acquire), true);
  call->wanted = 0;
}

static bool all_back(oct_pool_call *call) {
  return (atomic_load_explicit(&call->owed, memory_order_acquire) & ~caller_sleeps) == 0;
}

/* Waits for workers that have begun: their chunks are under way. */
static void wait_for_workers(oct_pool_call *call, size_t chunks) {
  const int64_t start = now(), usual = (start - call->began) / (int64_t)(chunks > 0 ? chunks : 1);
  for (int64_t waited = 0; waited < CALLER_AWAKE; waited = now() - start) {
    for (int i = 0; i < SPINS_PER_LOOK; i++) {
      if (all_back(call)) return;
      relax();
    }
    if (waited > LATE + 2 * usual) atomic_store_explicit(&call->late, true, memory_order_relaxed);
    if (waited > WAIT_SPINNING) sched_yield();
  }
  atomic_store_explicit(&call->late, true, memory_order_relaxed);
  pthread_mutex_lock(&ending);
  atomic_fetch_or_explicit(&call->owed, caller_sleeps, memory_order_acq_rel);
  while (!all_back(call)) pthread_cond_wait(&ended, &ending);
  pthread_mutex_unlock(&ending);
}

void oct_pool_end(oct_pool_call *call, size_t chunks) {
  for (int i = 0; i < call->lent && !all_back(call); i++) {
    uintptr_t lent = (uintptr_t)call;
    if (atomic_compare_exchange_strong_explicit(&workers[call->workers[i]].slot, &lent, IDLE, memory_order_acquire,
                                                memory_order_relaxed))
      atomic_fetch_sub_explicit(&call->owed, 1, memory_order_relaxed);
  }
  if (!all_back(call)) wait_for_workers(call, chunks);
  atomic_store_explicit(&last_end, now(), memory_order_relaxed);
}

#endif
