/* Checking the oct_run of a call. */
#include "run.h"

#include "align.h"
#include "status.h"

oct_status oct_run_threads(const char *entry, const oct_run *run, int *threads) {
  if (!run) {
    *threads = oct_max_threads();
    return OCT_OK;
  }
  if (run->struct_size != sizeof *run)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: run->struct_size is %u, expected %zu; set it to sizeof(oct_run)", entry,
                    (unsigned)run->struct_size, sizeof *run);
  if (run->threads < 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: run->threads is %d, expected 0 or more; pass 0 for every thread", entry,
                    (int)run->threads);
  *threads = run->threads > 0 ? run->threads : oct_max_threads();
  return OCT_OK;
}

oct_status oct_run_workspace(const char *entry, const oct_run *run, size_t size, void **workspace) {
  *workspace = NULL;
  if (size == 0) return OCT_OK;
  if (!run || !run->workspace)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: run has no workspace, expected %zu bytes; pass what the workspace query says", entry, size);
  if (!oct_aligned(run->workspace))
    return oct_fail(OCT_MISALIGNED, "%s: run->workspace is not aligned; align it to OCT_ALIGNMENT (%d) bytes", entry,
                    OCT_ALIGNMENT);
  if (run->workspace_size < size)
    return oct_fail(
        OCT_BUFFER_TOO_SMALL,
        "%s: run->workspace_size is %zu, expected at least %zu; ask the workspace query with this run's threads", entry,
        run->workspace_size, size);
  *workspace = run->workspace;
  return OCT_OK;
}
