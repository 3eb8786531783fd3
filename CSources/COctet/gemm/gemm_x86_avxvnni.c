/* GEMM tile for AVX-VNNI, the 256-bit form of vpdpbusd.
 *
 * Instructions: vpdpbusd (four uint8 x int8 products into an int32 lane, exact: the sum isn't saturated); vpbroadcastd
 * from memory. Tile 6x16: 12 accumulators, 2 vectors of b, 1 of a. Per group of four k: 12 vpdpbusd, 6 broadcasts, 2
 * loads; multiplication is the bound, with 12 independent sums against a latency of 5. */
#include "gemm_x86_store16.h"

#if OCT_ARCH_X86

enum { MR = 6, NR = 16, LANES = 8 };

OCT_ISA_BEGIN(AVXVNNI)

/* One group of four k, `tail` of them there (4: all). */
OCT_GEMM_INLINE void step(const uint8_t *const *base, ptrdiff_t stride, ptrdiff_t offset, const int8_t *b, int rows,
                          size_t tail, __m256i acc[][2]) {
  const __m256i weights0 = _mm256_load_si256((const __m256i *)b);
  const __m256i weights1 = _mm256_load_si256((const __m256i *)(b + 32));
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    const uint8_t *at = base[r / 3] + (r % 3) * stride + offset;
    int32_t four;
    if (tail == 4)
      __builtin_memcpy(&four, at, 4);
    else
      four = oct_gemm_tail_bytes(at, tail);
    const __m256i a = _mm256_set1_epi32(four);
    acc[r][0] = _mm256_dpbusd_avx_epi32(acc[r][0], a, weights0);
    acc[r][1] = _mm256_dpbusd_avx_epi32(acc[r][1], a, weights1);
  }
}

/* Accumulates into out[r * NR + c]. rows is a constant. */
OCT_GEMM_INLINE void accumulate(const oct_gemm_tile *tile, int rows, int32_t *out) {
  __m256i acc[MR][2];
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    OCT_GEMM_UNROLL
    for (int v = 0; v < 2; v++) acc[r][v] = _mm256_loadu_si256((const __m256i *)(tile->column_term + LANES * v));
  }
  const ptrdiff_t stride = tile->a_stride;
  const uint8_t *base[(MR + 2) / 3];
  const int8_t *b = tile->b;
  size_t run = 0;
  do {
    const uint8_t *a = (const uint8_t *)tile->a + tile->run_at[run];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r += 3) base[r / 3] = a + r * stride;
    size_t groups = tile->k_groups - (tile->k_tail != 0);
    for (; groups >= 2; groups -= 2) {
      step(base, stride, 0, b, rows, 4, acc);
      step(base, stride, 4, b + 4 * NR, rows, 4, acc);
      oct_gemm_advance(base, 8, rows);
      b += 2 * 4 * NR;
    }
    if (groups > 0) {
      step(base, stride, 0, b, rows, 4, acc);
      oct_gemm_advance(base, 4, rows);
      b += 4 * NR;
    }
  } while (++run < tile->runs);
  if (tile->k_tail) step(base, stride, 0, b, rows, tile->k_tail, acc);
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    OCT_GEMM_UNROLL
    for (int v = 0; v < 2; v++) _mm256_store_si256((__m256i *)(out + r * NR + LANES * v), acc[r][v]);
  }
}

void oct_gemm_6x16c4__avxvnni(const oct_gemm_tile *tile) {
  _Alignas(32) int32_t acc[MR * NR];
  switch (tile->rows) {
    case 1: accumulate(tile, 1, acc); break;
    case 2: accumulate(tile, 2, acc); break;
    case 3: accumulate(tile, 3, acc); break;
    case 4: accumulate(tile, 4, acc); break;
    case 5: accumulate(tile, 5, acc); break;
    default: accumulate(tile, 6, acc); break;
  }
  oct_gemm_store16_avx2(tile, acc);
}

OCT_ISA_END

#endif
