/* oct_parallel_for: coverage, range lengths, workers, nesting, teams larger than the machine. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "check.h"
#include "octet.h"

enum { MOST = 5000, WORKERS = 4096 };

typedef struct record {
  size_t count, grain;
  int threads;
  _Atomic int visits[MOST];
  _Atomic int busy[WORKERS];
  _Atomic int wrong_ranges, wrong_workers, shared_workers, nested_teams, calls;
} record;

static void inner(void *context, size_t begin, size_t end, int worker) {
  record *outer = context;
  if (worker != 0 || begin >= end) atomic_fetch_add(&outer->nested_teams, 1);
  usleep(20); /* a second worker would get its share */
  atomic_fetch_add(&outer->calls, (int)(end - begin));
}

static void visit(void *context, size_t begin, size_t end, int worker) {
  record *r = context;
  if (begin >= end || end > r->count || end - begin > r->grain || begin % r->grain)
    atomic_fetch_add(&r->wrong_ranges, 1);
  if (worker < 0 || worker >= r->threads) {
    atomic_fetch_add(&r->wrong_workers, 1);
    return;
  }
  if (atomic_fetch_add(&r->busy[worker], 1) != 0) atomic_fetch_add(&r->shared_workers, 1);
  for (size_t i = begin; i < end && i < MOST; i++) atomic_fetch_add(&r->visits[i], 1);
  atomic_fetch_add(&r->busy[worker], -1);
}

typedef void (*parallel_loop)(size_t, size_t, int, oct_range_body, void *);

static void test_coverage(parallel_loop loop) {
  static record r;
  static const size_t counts[] = {0, 1, 2, 3, 7, 64, 1000, 4999};
  static const size_t grains[] = {1, 2, 3, 64, 999, 5000, SIZE_MAX};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
      for (int threads = 1; threads <= 6; threads++) {
        memset(&r, 0, sizeof r);
        r.count = counts[c];
        r.grain = grains[g];
        r.threads = threads;
        loop(r.count, r.grain, threads, visit, &r);
        size_t wrong = 0;
        for (size_t i = 0; i < MOST; i++) wrong += r.visits[i] != (i < r.count);
        check(wrong == 0, "count %zu, grain %zu, %d threads: %zu elements not visited once", r.count, r.grain, threads,
              wrong);
        check(r.wrong_ranges == 0 && r.wrong_workers == 0 && r.shared_workers == 0,
              "count %zu, grain %zu, %d threads: %d ranges, %d workers wrong, %d shared", r.count, r.grain, threads,
              r.wrong_ranges, r.wrong_workers, r.shared_workers);
      }
}

/* Grain 0 counts as 1, threads 0 as all, and absurd teams are cut down. */
static void test_defaults(void) {
  static record r;
  static const int threads[] = {0, -3, 64, WORKERS, INT32_MAX};
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
    memset(&r, 0, sizeof r);
    r.count = 3000;
    r.grain = 1;
    r.threads = threads[t] <= 0 ? oct_max_threads() : threads[t] < WORKERS ? threads[t] : WORKERS;
    oct_parallel_for(r.count, 0, threads[t], visit, &r);
    for (size_t i = 0; i < r.count; i++)
      if (!check(r.visits[i] == 1, "%d threads: element %zu visited %d times", threads[t], i, r.visits[i])) break;
    check(r.wrong_workers == 0 && r.shared_workers == 0 && r.wrong_ranges == 0, "%d threads: workers or ranges wrong",
          threads[t]);
  }
}

static void nest(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  for (size_t i = begin; i < end; i++) oct_parallel_for(100, 3, 4, inner, context);
}

/* Inside a body, whether its loop has a team or not, a loop stays on its thread. */
static void test_nesting(void) {
  static record r;
  for (int threads = 1; threads <= 4; threads++) {
    memset(&r, 0, sizeof r);
    oct_parallel_for(20, 1, threads, nest, &r);
    check(r.nested_teams == 0, "%d threads: %d nested ranges left their thread", threads, r.nested_teams);
    check(r.calls == 2000, "%d threads: %d of 2000 nested elements", threads, r.calls);
  }
}

static void fork_after(void *context, size_t begin, size_t end, int worker) {
  (void)begin;
  (void)end;
  int *most = context;
  if (worker > *most) *most = worker;
}

static void slow(void *context, size_t begin, size_t end, int worker) {
  (void)begin;
  (void)end;
  usleep(2000);
  atomic_fetch_or((_Atomic int *)context, 1 << worker);
}

/* A thread that has finished a loop may start a team again. */
static void test_team_after_nesting(void) {
  int most = 0;
  oct_parallel_for(1, 1, 1, fork_after, &most);
  check(most == 0, "a loop alone ran on worker %d", most);
  static _Atomic int workers;
  oct_parallel_for(16, 1, 2, slow, &workers);
  const bool teams = oct_max_threads() > 1;
  check(teams ? workers == 3 : (workers & ~3) == 0 && workers != 0, "a loop after a loop ran on workers %x",
        (unsigned)workers);
}

enum { CALLERS = 4, CALLS = 400 };

static void add(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  for (size_t i = begin; i < end; i++) atomic_fetch_add((_Atomic uint64_t *)context, i + 1);
}

/* Loops of different lengths, some of them alone after a pause in which workers fall asleep. */
static void *call_often(void *context) {
  _Atomic uint64_t *wrong = context;
  for (size_t i = 0; i < CALLS; i++) {
    const size_t count = 1 + i * 7 % 50;
    _Atomic uint64_t sum = 0;
    if (i % 100 == 99) usleep(1000);
    oct_parallel_for(count, 1 + i % 3, 2 + (int)(i % 3), add, &sum);
    if (sum != (uint64_t)count * (count + 1) / 2) atomic_fetch_add(wrong, 1);
  }
  return NULL;
}

/* Callers share the workers, and none meets another's chunks. */
static void test_many_callers(void) {
  pthread_t callers[CALLERS];
  _Atomic uint64_t wrong = 0;
  for (int i = 0; i < CALLERS; i++)
    if (pthread_create(&callers[i], NULL, call_often, &wrong) != 0) exit(2);
  for (int i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
  check(wrong == 0, "%" PRIu64 " of %d sums wrong", (uint64_t)wrong, CALLERS * CALLS);
}

/* A child of fork has no workers but its own. */
static void test_fork(void) {
  _Atomic uint64_t wrong = 0;
  call_often(&wrong);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    call_often(&wrong);
    static _Atomic int workers;
    oct_parallel_for(16, 1, 2, slow, &workers);
    const bool teams = oct_max_threads() > 1;
    exit(wrong == 0 && (!teams || workers == 3) ? 0 : 1);
  }
  int status = -1;
  check(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
        "a child ended with %x", (unsigned)status);
  call_often(&wrong);
  check(wrong == 0, "%" PRIu64 " sums wrong around a fork", (uint64_t)wrong);
}

/* Signals are delivered to the program's own threads: none of the library's takes them. */
static pthread_t signalled;
static void remember_thread(int signal) {
  (void)signal;
  signalled = pthread_self();
}

static void test_signals(void) {
  _Atomic uint64_t sum = 0;
  signal(SIGUSR1, remember_thread);
  for (int i = 0; i < 50; i++) {
    oct_parallel_for(64, 1, 4, add, &sum);
    kill(getpid(), SIGUSR1);
    check(pthread_equal(signalled, pthread_self()), "signal %d went to another thread", i);
  }
}

/* Which sentence it is depends on the build. */
static void test_source(void) {
  const oct_status status = oct_set_thread_source((oct_thread_source)7);
  check_refused(status, status == OCT_UNSUPPORTED ? OCT_UNSUPPORTED : OCT_INVALID_ARGUMENT, "source 7");
}

static void test_all(void) {
  test_coverage(oct_parallel_for);
  test_coverage(oct_parallel_for_then_rest);
  test_defaults();
  test_nesting();
  test_team_after_nesting();
  test_many_callers();
}

int main(int count, char **arguments) {
  (void)count;
  /* Nested teams, which runtimes keep off by default, are allowed from the start of a second life: nothing else keeps a
   * loop inside a body on its thread than oct_parallel_for itself. Where the program can't start itself again it goes
   * on as it is. */
  if (!getenv("OMP_MAX_ACTIVE_LEVELS")) {
    setenv("OMP_MAX_ACTIVE_LEVELS", "4", 1);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", arguments);
  }
  test_source();
  test_all();
  test_fork();
  test_signals();
  if (oct_set_thread_source(OCT_THREADS_OPENMP) == OCT_OK) test_all();
  printf("threads by default: %d\n", oct_max_threads());
  return check_report("parallel");
}
