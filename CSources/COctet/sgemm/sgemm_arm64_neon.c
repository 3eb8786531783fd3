/* Float32 products on NEON: fmul and fadd of 4 floats. Tile: 8 rows of 2 vectors, 16 sums in 32 registers. Bound by the vector
 * units, which multiply and add alike. */
#include "kernel.h"

#if OCT_ARCH_ARM64

#include <arm_neon.h>

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

enum { LANES = 4 };
typedef float32x4_t vector;
OCT_INLINE vector vector_set(float value) { return vdupq_n_f32(value); }
OCT_INLINE vector vector_load(const float *from) { return vld1q_f32(from); }
OCT_INLINE void vector_store(float *to, vector value) { vst1q_f32(to, value); }
OCT_INLINE vector vector_add(vector a, vector b) { return vaddq_f32(a, b); }
OCT_INLINE vector vector_multiply(vector a, vector b) { return vmulq_f32(a, b); }

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
static void rows_7(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(7, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}
static void rows_8(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, float *c,
                   size_t c_row, bool accumulate) {
  tile(8, 2, k, a, a_row, a_column, b, b_row, c, c_row, accumulate);
}

OCT_ISA_END

const oct_sgemm_kernel oct_sgemm_neon = {.name = "neon",
                                         .isa = OCT_ISA_NEON,
                                         .rows = 8,
                                         .columns = 8,
                                         .tiles = {rows_1, rows_2, rows_3, rows_4, rows_5, rows_6, rows_7, rows_8}};

#endif /* OCT_ARCH_ARM64 */
