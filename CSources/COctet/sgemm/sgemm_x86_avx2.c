/* Float32 products on AVX2: vmulps and vaddps of 8 floats. Tile: 6 rows of 2 vectors, 12 sums in 16 registers. Bound by the
 * multipliers where adders are units of their own, otherwise by both. */
#include "kernel.h"

#if OCT_ARCH_X86

#include <immintrin.h>

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX2)

enum { LANES = 8 };
typedef __m256 vector;
OCT_INLINE vector vector_set(float value) { return _mm256_set1_ps(value); }
OCT_INLINE vector vector_load(const float *from) { return _mm256_loadu_ps(from); }
OCT_INLINE void vector_store(float *to, vector value) { _mm256_storeu_ps(to, value); }
OCT_INLINE vector vector_add(vector a, vector b) { return _mm256_add_ps(a, b); }
OCT_INLINE vector vector_multiply(vector a, vector b) { return _mm256_mul_ps(a, b); }

#include "tile.h"

static void rows_1(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(1, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_2(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(2, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_3(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(3, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_4(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(4, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_5(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(5, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_6(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(6, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}

OCT_ISA_END

const oct_sgemm_kernel oct_sgemm_avx2 = {.name = "avx2",
                                         .isa = OCT_ISA_AVX2,
                                         .rows = 6,
                                         .columns = 16,
                                         .tiles = {rows_1, rows_2, rows_3, rows_4, rows_5, rows_6}};

#endif /* OCT_ARCH_X86 */
