/* One product on its way through the workers: what oct_gemm and oct_gemm_dynamic share. */
#ifndef OCT_GEMM_JOB_H
#define OCT_GEMM_JOB_H

#include "gemm_plan.h"
#include "gemm_run.h"

typedef struct oct_gemm_job {
  oct_gemm_packed packed;
  oct_gemm_plan plan;
  bool packs_rows;
  size_t m;
  const void *a; /* never null, even without k */
  ptrdiff_t a_stride;
  void *c;
  ptrdiff_t c_stride; /* elements */
  oct_gemm_prepared prepared;
  char *slices;
} oct_gemm_job;

/* False when the distance between the first and the last element of [rows, columns] doesn't fit. */
bool oct_gemm_extent_fits(size_t rows, ptrdiff_t row_stride, size_t columns, ptrdiff_t column_stride, size_t element);

/* Plans the opened job for m rows, a_stride bytes apart, on at most `threads` threads. */
void oct_gemm_plan_job(oct_gemm_job *job, size_t m, ptrdiff_t a_stride, int threads);

/* Bytes of workspace for a planned job: the columns' arrays and the workers' slices. */
size_t oct_gemm_job_bytes(const oct_gemm_job *job);

/* Runs a planned job whose operands are set and whose columns were laid out at the start of the workspace. */
void oct_gemm_run_job(oct_gemm_job *job, void *workspace);

#endif /* OCT_GEMM_JOB_H */
