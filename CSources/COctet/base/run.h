/* Checking the oct_run of a call. */
#ifndef OCT_BASE_RUN_H
#define OCT_BASE_RUN_H

#include "octet/base.h"

/* Refuses a run that is wrong by itself, in the name of `entry`; otherwise answers the number of threads to use, at
 * least 1. */
oct_status oct_run_threads(const char *entry, const oct_run *run, int *threads);

/* Where workspace of `size` bytes lies in a run; refuses a run that lacks it. `workspace` becomes null when size is 0.
 */
oct_status oct_run_workspace(const char *entry, const oct_run *run, size_t size, void **workspace);

#endif /* OCT_BASE_RUN_H */
