/* Float32 products on AVX-512: vmulps and vaddps of 16 floats, one from each pair of units every half cycle. Tile: 8 rows of 3
 * vectors, 24 sums in registers. Bound by the multipliers; loads of b and broadcasts of a fit beside them. */
#include "kernel.h"

#if OCT_ARCH_X86

#include <immintrin.h>

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

enum { LANES = 16 };
typedef __m512 vector;
OCT_INLINE vector vector_set(float value) { return _mm512_set1_ps(value); }
OCT_INLINE vector vector_load(const float *from) { return _mm512_loadu_ps(from); }
OCT_INLINE void vector_store(float *to, vector value) { _mm512_storeu_ps(to, value); }
OCT_INLINE vector vector_add(vector a, vector b) { return _mm512_add_ps(a, b); }
OCT_INLINE vector vector_multiply(vector a, vector b) { return _mm512_mul_ps(a, b); }

#include "tile.h"

static void rows_1(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(1, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_2(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(2, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_3(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(3, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_4(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(4, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_5(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(5, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_6(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(6, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_7(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(7, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_8(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(8, 3, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}

OCT_ISA_END

const oct_sgemm_kernel oct_sgemm_avx512 = {.name = "avx512",
                                           .isa = OCT_ISA_AVX512VNNI,
                                           .rows = 8,
                                           .columns = 48,
                                           .tiles = {rows_1, rows_2, rows_3, rows_4, rows_5, rows_6, rows_7, rows_8}};

#endif /* OCT_ARCH_X86 */
