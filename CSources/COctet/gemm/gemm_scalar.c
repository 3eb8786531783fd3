/* GEMM tiles in plain C, for every machine, and odd ones for tests.
 *
 * No particular instruction; a compiler may vectorize the loop over columns. Bound by the widening of bytes. The odd
 * tiles take the other forms of a, groups of k that don't divide powers of two, and rows in groups, so that packing and
 * blocking meet every case. */
#include "gemm_kernel.h"

OCT_GEMM_INLINE int32_t element(oct_gemm_form form, const char *row, size_t index) {
  if (form == OCT_GEMM_FORM_U8) return ((const uint8_t *)row)[index];
  if (form == OCT_GEMM_FORM_S8) return ((const int8_t *)row)[index];
  return ((const int16_t *)(const void *)row)[index];
}

/* All integers but `tile` are constants. Sums are unsigned: they are meant modulo 2^32. */
OCT_GEMM_INLINE void run(const oct_gemm_tile *tile, oct_gemm_form form, size_t nr, size_t k_group, size_t row_group) {
  const oct_stage *stage = tile->stage;
  for (size_t r = 0; r < tile->rows; r++) {
    uint32_t acc[OCT_GEMM_MAX_COLUMNS];
    const uint32_t row_sum = tile->row_sum ? (uint32_t)tile->row_sum[r] : 0;
    for (size_t c = 0; c < nr; c++) {
      const uint32_t correction = tile->row_sum ? row_sum * (uint32_t)tile->minus_zero[c] : 0;
      acc[c] = (uint32_t)tile->column_term[c] + correction;
    }
    const char *line = (const char *)tile->a + (ptrdiff_t)(r / row_group) * tile->a_stride;
    const int8_t *b = tile->b;
    for (size_t piece = 0; piece < tile->runs; piece++) {
      const char *group_row = line + tile->run_at[piece];
      for (size_t g = 0; g < tile->k_groups; g++, b += nr * k_group) {
        const size_t first = (g * row_group + r % row_group) * k_group;
        for (size_t i = 0; i < k_group; i++) {
          const int32_t a = element(form, group_row, first + i);
          for (size_t c = 0; c < nr; c++) acc[c] += (uint32_t)(a * b[c * k_group + i]);
        }
      }
    }
    char *row = (char *)tile->c + (ptrdiff_t)r * tile->c_stride;
    for (size_t c = 0; c < tile->columns; c++) oct_stage_store(stage, (int32_t)acc[c], tile->column + c, row, c);
  }
}

void oct_gemm_4x8c1__scalar(const oct_gemm_tile *tile) { run(tile, OCT_GEMM_FORM_U8, 8, 1, 1); }
void oct_gemm_3x5c3r2__scalar(const oct_gemm_tile *tile) { run(tile, OCT_GEMM_FORM_S8, 5, 3, 2); }
void oct_gemm_5x7c4__scalar(const oct_gemm_tile *tile) { run(tile, OCT_GEMM_FORM_S16, 7, 4, 1); }
