/* Lookups on AVX-512 VBMI: vpermi2b searches 128 bytes, and the code's top bit chooses between two such halves.
 *
 * Tile: 64 bytes, two of them per step; the table lives in four registers. Bound by memory: five operations for a vector. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <immintrin.h>

OCT_FP_STRICT

enum { STEP = 64 };

OCT_ISA_BEGIN(AVX512VBMI)

static inline __attribute__((always_inline)) __m512i lookup_64(__m512i x, const __m512i table[4]) {
  const __m512i low = _mm512_permutex2var_epi8(table[0], x, table[1]);
  const __m512i high = _mm512_permutex2var_epi8(table[2], x, table[3]);
  return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(x), high);
}

static inline __attribute__((always_inline)) void lookup_row(const uint8_t *x, size_t count, const __m512i t[4],
                                                             uint8_t *y) {
  size_t i = 0;
  for (; i + 2 * STEP <= count; i += 2 * STEP) {
    const __m512i first = _mm512_loadu_si512(x + i), second = _mm512_loadu_si512(x + i + STEP);
    _mm512_storeu_si512(y + i, lookup_64(first, t));
    _mm512_storeu_si512(y + i + STEP, lookup_64(second, t));
  }
  for (; i < count; i += STEP) {
    const __mmask64 m = count - i >= STEP ? ~0ull : (1ull << (count - i)) - 1;
    _mm512_mask_storeu_epi8(y + i, m, lookup_64(_mm512_maskz_loadu_epi8(m, x + i), t));
  }
}

static void lookup(const uint8_t *x, size_t rows, size_t columns, const uint8_t *table, uint8_t *y, size_t y_step) {
  __m512i t[4];
  for (int j = 0; j < 4; j++) t[j] = _mm512_loadu_si512(table + STEP * j);
  for (size_t row = 0; row < rows; row++, x += columns, y += y_step) lookup_row(x, columns, t, y);
}

OCT_ISA_END

const oct_lookup_kernel oct_lookup_avx512vbmi = {.name = "avx512vbmi", .isa = OCT_ISA_AVX512VBMI, .lookup = lookup};

#endif /* OCT_ARCH_X86 */
