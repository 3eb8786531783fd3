/* One tile in vectors, included inside a tier's region after `vector`, LANES, and vector_set, vector_load, vector_store, vector_add and
 * vector_multiply are defined. Products and sums are rounded separately: the processors this runs on multiply and add in different
 * units, so that it costs nothing next to a fused form. */
#ifndef OCT_SGEMM_TILE_H
#define OCT_SGEMM_TILE_H

#include "kernel.h"

OCT_INLINE void tile(const int rows, const int vectors, size_t k, const float *a, size_t a_row, size_t a_column,
                     const float *b, size_t b_row, float *c, size_t c_row, bool accumulate) {
  vector sums[8][4];
  OCT_UNROLL
  for (int i = 0; i < rows; i++) {
    OCT_UNROLL
    for (int v = 0; v < vectors; v++)
      sums[i][v] = accumulate ? vector_load(c + (size_t)i * c_row + v * LANES) : vector_set(0.0f);
  }
  for (size_t p = 0; p < k; p++, a += a_column, b += b_row) {
    vector line[4];
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) line[v] = vector_load(b + v * LANES);
    OCT_UNROLL
    for (int i = 0; i < rows; i++) {
      const vector factor = vector_set(a[(size_t)i * a_row]);
      OCT_UNROLL
      for (int v = 0; v < vectors; v++) sums[i][v] = vector_add(sums[i][v], vector_multiply(factor, line[v]));
    }
  }
  OCT_UNROLL
  for (int i = 0; i < rows; i++) {
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) vector_store(c + (size_t)i * c_row + v * LANES, sums[i][v]);
  }
}

#endif /* OCT_SGEMM_TILE_H */
