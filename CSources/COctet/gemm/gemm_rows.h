/* Rows of a in the form that a kernel wants. */
#ifndef OCT_GEMM_ROWS_H
#define OCT_GEMM_ROWS_H

#include "gemm_packed.h"

/* Writes `count` elements of dtype in this form. */
void oct_gemm_convert(oct_gemm_form form, oct_dtype dtype, const void *from, size_t count, void *to);

/* Writes the value `zero` (in the form) `count` times. */
void oct_gemm_fill(oct_gemm_form form, int32_t zero, size_t count, void *to);

/* The sum of `count` elements. */
int64_t oct_gemm_row_sum(oct_gemm_form form, const void *row, size_t count);

/* Lays row_group plain rows of `row_bytes` bytes, one behind the other, side by side: [k /
 * k_group][row_group][k_group]. */
void oct_gemm_interleave(const oct_gemm_kernel *kernel, const void *rows, size_t row_bytes, void *to);

/* Bytes of `rows` packed rows, and of the scratch for packing them, both multiples of OCT_ALIGNMENT. Scratch is 0
 * without row groups. */
size_t oct_gemm_panel_bytes(const oct_gemm_packed *packed, size_t rows);
size_t oct_gemm_scratch_bytes(const oct_gemm_packed *packed);

/* Packs `rows` rows of a. row_sum may be null. */
void oct_gemm_pack_rows(const oct_gemm_packed *packed, const void *a, ptrdiff_t a_stride, size_t rows, void *panel,
                        void *scratch, int64_t *row_sum);

#endif /* OCT_GEMM_ROWS_H */
