/* Running tiles over blocks of rows and panels: the part that GEMM and convolution share. */
#ifndef OCT_GEMM_RUN_H
#define OCT_GEMM_RUN_H

#include "gemm_packed.h"

/* Packed weights together with what one call adds per column. */
typedef struct oct_gemm_prepared {
  const oct_gemm_packed *packed;
  const oct_output *output;
  size_t first;  /* the output channel of column 0 */
  int32_t zero;  /* a's zero point in the kernel's form */
  bool wide;     /* sums may leave int32 */
  float scale;   /* what multipliers are multiplied by on their way to the stage */
  int32_t *term; /* what accumulators start from */
  oct_stage stage;
  float *multiplier, *bias; /* the stage's, for who has more to say about them */
} oct_gemm_prepared;

/* Bytes of the per-column arrays, a multiple of OCT_ALIGNMENT. */
size_t oct_gemm_column_bytes(const oct_gemm_packed *packed);

/* Lays out the per-column arrays at `memory`, to be filled by oct_gemm_fill_columns before they are used. The packed
 * weights' channels are first..<first + n of the output's. */
oct_gemm_prepared oct_gemm_lay_out(const oct_gemm_packed *packed, int32_t a_zero_point, const oct_output *output,
                                   size_t first, void *memory);

/* Fills the arrays of columns begin..<end. `scale` may have been changed before. */
void oct_gemm_fill_columns(const oct_gemm_prepared *prepared, size_t begin, size_t end);

/* Both, for all columns. */
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

#endif /* OCT_GEMM_RUN_H */
