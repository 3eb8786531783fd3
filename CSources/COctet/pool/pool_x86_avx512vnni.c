/* Pooling on AVX-512 (BW): vpmaxub and vpmaxsb, masks for the tail.
 *
 * Tile: 256 channels, then 64, of one pixel. Bound by loads, one per vpmaxub. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"
#include "kernel.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

#include "base/vector_avx512.h"
#include "loops.h"

static inline __attribute__((always_inline)) __m512i larger(__m512i a, __m512i b, const bool is_signed) {
  return is_signed ? _mm512_max_epi8(a, b) : _mm512_max_epu8(a, b);
}

/* 64 * count channels of the pixel at `offset`, the last vector under a mask. `taps` is a constant for the common windows, and 0
 * where the run says it. */
static inline __attribute__((always_inline)) void max_vectors(const oct_pool_run *run, ptrdiff_t offset, uint8_t *y,
                                                              const int count, const __mmask64 m, const size_t taps,
                                                              const bool is_signed) {
  const uint8_t *start = run->more ? y : run->lines[0] + offset;
  __m512i v[4];
  for (int i = 0; i < count; i++) v[i] = _mm512_maskz_loadu_epi8(m, start + 64 * i);
  for (size_t l = 0; l < run->line_count; l++) {
    const uint8_t *x = run->lines[l] + offset;
    if (taps > 0) {
      OCT_UNROLL
      for (size_t t = 0; t < taps; t++)
        for (int i = 0; i < count; i++)
          v[i] = larger(v[i], _mm512_maskz_loadu_epi8(m, x + (ptrdiff_t)t * run->tap_step + 64 * i), is_signed);
      continue;
    }
    for (size_t t = 0; t < run->taps; t++, x += run->tap_step)
      for (int i = 0; i < count; i++) v[i] = larger(v[i], _mm512_maskz_loadu_epi8(m, x + 64 * i), is_signed);
  }
  for (int i = 0; i < count; i++) _mm512_mask_storeu_epi8(y + 64 * i, m, v[i]);
}

static inline __attribute__((always_inline)) void max_pixels(const oct_pool_run *given, const size_t taps,
                                                             const bool is_signed) {
  const __mmask64 all = ~(__mmask64)0;
  const oct_pool_run run = *given;
  for (size_t i = 0; i < run.pixels; i++) {
    const ptrdiff_t offset = run.offset + (ptrdiff_t)i * run.pixel_step;
    uint8_t *y = run.y + (ptrdiff_t)i * run.y_step;
    size_t c = 0;
    for (; c + 256 <= run.channels; c += 256) max_vectors(&run, offset + (ptrdiff_t)c, y + c, 4, all, taps, is_signed);
    for (; c + 64 <= run.channels; c += 64) max_vectors(&run, offset + (ptrdiff_t)c, y + c, 1, all, taps, is_signed);
    if (c < run.channels)
      max_vectors(&run, offset + (ptrdiff_t)c, y + c, 1, ((__mmask64)1 << (run.channels - c)) - 1, taps, is_signed);
  }
}

static inline __attribute__((always_inline)) void max_run(const oct_pool_run *run, const bool is_signed) {
  if (run->taps == 2)
    max_pixels(run, 2, is_signed);
  else if (run->taps == 3)
    max_pixels(run, 3, is_signed);
  else
    max_pixels(run, 0, is_signed);
}

static void max_u8(const oct_pool_run *run) { max_run(run, false); }
static void max_s8(const oct_pool_run *run) { max_run(run, true); }

OCT_ISA_END

const oct_pool_kernel oct_pool_avx512vnni = {
    .name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .max_u8 = max_u8, .max_s8 = max_s8, .average = tier_average};

#endif /* OCT_ARCH_X86 */
