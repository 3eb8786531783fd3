/* The library's own threads. A caller borrows idle ones for one call and takes back those that haven't begun when its
 * own part is done, so that it never waits for a thread that the system doesn't run. */
#ifndef OCT_BASE_POOL_H
#define OCT_BASE_POOL_H

#include <stdatomic.h>

#include "octet/base.h"

#if defined(_OPENMP) || defined(OCT_OPENMP)
#define OCT_HAS_POOL 1
#else
#define OCT_HAS_POOL 0
#endif

#if OCT_HAS_POOL

/* The most threads that take part in one call, the caller's included. */
enum { OCT_POOL_MOST = 256 };

/* One call: what its threads do. It lives on the caller's stack. */
typedef struct oct_pool_call {
  void (*work)(void *data);
  void *data;
  bool rest;             /* threads sleep at once afterwards */
  int wanted;            /* threads still to be woken */
  int lent;              /* entries of `workers` */
  int64_t began;         /* nanoseconds; 0 until the clock was read */
  _Atomic uint32_t owed; /* lent threads that haven't given themselves back; the top bit: the caller sleeps */
  _Atomic bool late;     /* the caller has waited for longer than chunks take */
  uint8_t workers[OCT_POOL_MOST];
} oct_pool_call;

/* Lends `threads` - 1 threads to a call, awake ones at once. Others are woken at once if the last call ended a moment
 * ago, and otherwise by oct_pool_wake. */
void oct_pool_begin(oct_pool_call *call, int threads, void (*work)(void *data), void *data, bool rest);

/* Between two of the caller's chunks, while call->wanted isn't 0: wakes threads once the call has lasted long enough to
 * be worth it. */
void oct_pool_wake(oct_pool_call *call);

/* Takes back threads that haven't begun, and waits for the others. `chunks`: how many the caller itself has done. */
void oct_pool_end(oct_pool_call *call, size_t chunks);

#endif
#endif /* OCT_BASE_POOL_H */
