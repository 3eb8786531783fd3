/* Float32 products in plain C: what every CPU runs. Tile: 4 rows of 4 columns. Bound by the latency of additions. */
#include "kernel.h"

OCT_FP_STRICT

enum { ROWS = 4, COLUMNS = 4 };

OCT_INLINE void tile(const int rows, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                     size_t b_row, float *c, size_t c_row, bool accumulate) {
  float sums[ROWS][COLUMNS];
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < COLUMNS; j++) sums[i][j] = accumulate ? c[(size_t)i * c_row + (size_t)j] : 0.0f;
  for (size_t p = 0; p < k; p++)
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < COLUMNS; j++)
        sums[i][j] = sums[i][j] + a[(size_t)i * a_row + p * a_column] * b[p * b_row + (size_t)j];
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < COLUMNS; j++) c[(size_t)i * c_row + (size_t)j] = sums[i][j];
}

static void rows_1(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(1, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_2(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_3(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_4(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(4, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}

const oct_sgemm_kernel oct_sgemm_scalar = {.name = "scalar",
                                           .isa = OCT_ISA_SCALAR,
                                           .rows = ROWS,
                                           .columns = COLUMNS,
                                           .tiles = {rows_1, rows_2, rows_3, rows_4}};
