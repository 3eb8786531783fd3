/* Pooling on AVX2: vpmaxub and vpmaxsb.
 *
 * Tile: 128 channels, then 32, of one pixel; the last vector overlaps the one before. Bound by loads, one per vpmaxub.
 */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "base/unroll.h"
#include "kernel.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX2)

#include "base/vector_avx2.h"
#include "loops.h"

static inline __attribute__((always_inline)) __m256i larger_32(__m256i a, __m256i b, const bool is_signed) {
  return is_signed ? _mm256_max_epi8(a, b) : _mm256_max_epu8(a, b);
}

static inline __attribute__((always_inline)) __m128i larger_16(__m128i a, __m128i b, const bool is_signed) {
  return is_signed ? _mm_max_epi8(a, b) : _mm_max_epu8(a, b);
}

/* Channels c..<c + 32 * count of the pixel at `offset`. */
static inline __attribute__((always_inline)) void max_vectors(const oct_pool_run *run, ptrdiff_t offset, uint8_t *y,
                                                              const int count, const bool is_signed) {
  const uint8_t *start = run->more ? y : run->lines[0] + offset;
  __m256i v[4];
  for (int i = 0; i < count; i++) v[i] = _mm256_loadu_si256((const void *)(start + 32 * i));
  for (size_t l = 0; l < run->line_count; l++) {
    const uint8_t *x = run->lines[l];
    ptrdiff_t at = offset;
    for (size_t t = 0; t < run->taps; t++, at += run->tap_step)
      for (int i = 0; i < count; i++)
        v[i] = larger_32(v[i], _mm256_loadu_si256((const void *)(x + at + 32 * i)), is_signed);
  }
  for (int i = 0; i < count; i++) _mm256_storeu_si256((void *)(y + 32 * i), v[i]);
}

/* `width` of 1...16 bytes. */
static inline __attribute__((always_inline)) void max_few(const oct_pool_run *run, ptrdiff_t offset, uint8_t *y,
                                                          const size_t width, const bool is_signed) {
  __m128i v = _mm_setzero_si128(), next = v;
  memcpy(&v, run->more ? y : run->lines[0] + offset, width);
  for (size_t l = 0; l < run->line_count; l++) {
    const uint8_t *x = run->lines[l];
    ptrdiff_t at = offset;
    for (size_t t = 0; t < run->taps; t++, at += run->tap_step) {
      memcpy(&next, x + at, width);
      v = larger_16(v, next, is_signed);
    }
  }
  memcpy(y, &v, width);
}

static inline __attribute__((always_inline)) void max_pixel(const oct_pool_run *run, ptrdiff_t offset, uint8_t *y,
                                                            const bool is_signed) {
  const size_t channels = run->channels;
  size_t c = 0;
  for (; c + 128 <= channels; c += 128) max_vectors(run, offset + (ptrdiff_t)c, y + c, 4, is_signed);
  for (; c + 32 <= channels; c += 32) max_vectors(run, offset + (ptrdiff_t)c, y + c, 1, is_signed);
  if (c == channels) return;
  if (channels >= 32) {
    max_vectors(run, offset + (ptrdiff_t)channels - 32, y + channels - 32, 1, is_signed);
  } else if (channels >= 16) {
    max_few(run, offset, y, 16, is_signed);
    max_few(run, offset + (ptrdiff_t)channels - 16, y + channels - 16, 16, is_signed);
  } else if (channels >= 8) {
    max_few(run, offset, y, 8, is_signed);
    max_few(run, offset + (ptrdiff_t)channels - 8, y + channels - 8, 8, is_signed);
  } else {
    for (; c + 4 <= channels; c += 4) max_few(run, offset + (ptrdiff_t)c, y + c, 4, is_signed);
    for (; c < channels; c++) max_few(run, offset + (ptrdiff_t)c, y + c, 1, is_signed);
  }
}

static void max_u8(const oct_pool_run *run) {
  for (size_t i = 0; i < run->pixels; i++)
    max_pixel(run, run->offset + (ptrdiff_t)i * run->pixel_step, run->y + (ptrdiff_t)i * run->y_step, false);
}

static void max_s8(const oct_pool_run *run) {
  for (size_t i = 0; i < run->pixels; i++)
    max_pixel(run, run->offset + (ptrdiff_t)i * run->pixel_step, run->y + (ptrdiff_t)i * run->y_step, true);
}

OCT_ISA_END

const oct_pool_kernel oct_pool_avx2 = {
    .name = "avx2", .isa = OCT_ISA_AVX2, .max_u8 = max_u8, .max_s8 = max_s8, .average = tier_average};

#endif /* OCT_ARCH_X86 */
