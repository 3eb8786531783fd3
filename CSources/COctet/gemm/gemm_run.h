/* Running tiles over blocks of rows and panels: the part that GEMM and convolution share. */
#ifndef OCT_GEMM_RUN_H
#define OCT_GEMM_RUN_H

#include "gemm_packed.h"

/* Packed weights together with what one call adds per column. */
typedef struct oct_gemm_prepared {
  const oct_gemm_packed *packed;
  const oct_output *output;
  size_t first;        /* the output channel of column 0 */
  int32_t zero;        /* a's zero point in the kernel's form */
  bool wide;           /* sums may leave int32 */
  const int32_t *term; /* what accumulators start from */
  oct_stage stage;
  float *multiplier; /* the stage's, for who has more to say about them */
} oct_gemm_prepared;

/* Bytes of the per-column arrays, a multiple of OCT_ALIGNMENT. */
size_t oct_gemm_column_bytes(const oct_gemm_packed *packed);

/* Fills the per-column arrays at `memory`. The packed weights' channels are first..<first + n of the output's. */
oct_gemm_prepared oct_gemm_prepare(const oct_gemm_packed *packed, int32_t a_zero_point, const oct_output *output,
                                   size_t first, void *memory);

/* Rows of a in the kernel's form. */
typedef struct oct_gemm_rows {
  const void *a;
  ptrdiff_t stride; /* bytes from row group to row group */
  size_t count;
  size_t k_tail;           /* as in oct_gemm_tile */
  size_t runs;             /* 0: one run */
  const ptrdiff_t *run_at; /* as in oct_gemm_tile */
  const int64_t *row_sum;  /* null unless the weights have zero points */
  /* 0, or `lines` times `count` rows, from line to line so many bytes apart in a and in c. */
  size_t lines;
  ptrdiff_t line_stride, line_c_stride;
} oct_gemm_rows;

/* Multiplies rows by panels panel_begin..<panel_end. c is the first row's column 0, c_stride in bytes. */
void oct_gemm_run_block(const oct_gemm_prepared *prepared, const oct_gemm_rows *rows, size_t panel_begin,
                        size_t panel_end, void *c, ptrdiff_t c_stride);

/* How m rows are cut into pieces of work, in the order in which they are handed out. */
typedef struct oct_gemm_plan {
  size_t row_block, row_blocks;     /* rows of a block, and blocks */
  size_t panel_block, panel_blocks; /* panels of a block, and blocks */
  int threads;
  size_t panel_offset, scratch_offset; /* inside a worker's slice, behind its mark and row sums */
  size_t slice;                        /* bytes per worker, a multiple of OCT_ALIGNMENT; 0 when a worker needs none */
} oct_gemm_plan;

/* How many of at most `threads` threads m rows, `repeats` times, are worth. */
int oct_gemm_worthwhile_threads(const oct_gemm_packed *packed, size_t m, size_t repeats, int threads);

/* Plans m rows for at most `threads` threads; packs_rows: rows of a go through the worker's slice. The plan is one of
 * `repeats` equal ones that run together, the groups of a convolution. */
oct_gemm_plan oct_gemm_make_plan(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows, int threads);

/* Bytes of all slices that suffice for any limit up to `threads`: fewer threads may have larger slices. */
size_t oct_gemm_slice_bytes(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows, int threads);

/* A worker's slice of the workspace. It starts with a mark: which block of rows its panel holds. */
#define OCT_GEMM_NO_BLOCK SIZE_MAX
static inline size_t *oct_gemm_slice_mark(void *slice) { return slice; }
static inline int64_t *oct_gemm_slice_row_sums(void *slice) {
  return (int64_t *)(void *)((char *)slice + OCT_ALIGNMENT);
}

#endif /* OCT_GEMM_RUN_H */
