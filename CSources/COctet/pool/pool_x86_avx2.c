/* Pooling on AVX2: vpmaxub and vpmaxsb.
 *
 * Tile: 128 channels, then 32, of one pixel; the last vector overlaps. Bound by loads, one per vpmaxub. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>
#include <string.h>

#include "kernel.h"

OCT_ISA_BEGIN(AVX2)

static inline __attribute__((always_inline)) __m256i larger_32(__m256i a, __m256i b, const bool is_signed) {
  return is_signed ? _mm256_max_epi8(a, b) : _mm256_max_epu8(a, b);
}

static inline __attribute__((always_inline)) __m128i larger_16(__m128i a, __m128i b, const bool is_signed) {
  return is_signed ? _mm_max_epi8(a, b) : _mm_max_epu8(a, b);
}

static inline __attribute__((always_inline)) void max_128(const uint8_t *const *taps, size_t count, size_t c, bool more,
                                                          uint8_t *y, const bool is_signed) {
  const uint8_t *start = more ? y : taps[0];
  __m256i v[4];
  for (int i = 0; i < 4; i++) v[i] = _mm256_loadu_si256((const void *)(start + c + 32 * i));
  for (size_t t = more ? 0 : 1; t < count; t++)
    for (int i = 0; i < 4; i++)
      v[i] = larger_32(v[i], _mm256_loadu_si256((const void *)(taps[t] + c + 32 * i)), is_signed);
  for (int i = 0; i < 4; i++) _mm256_storeu_si256((void *)(y + c + 32 * i), v[i]);
}

static inline __attribute__((always_inline)) void max_32(const uint8_t *const *taps, size_t count, size_t c, bool more,
                                                         uint8_t *y, const bool is_signed) {
  __m256i v = _mm256_loadu_si256((const void *)((more ? y : taps[0]) + c));
  for (size_t t = more ? 0 : 1; t < count; t++)
    v = larger_32(v, _mm256_loadu_si256((const void *)(taps[t] + c)), is_signed);
  _mm256_storeu_si256((void *)(y + c), v);
}

/* `width` of 1...16 bytes. */
static inline __attribute__((always_inline)) void max_few(const uint8_t *const *taps, size_t count, size_t c, bool more,
                                                          uint8_t *y, const size_t width, const bool is_signed) {
  __m128i v = _mm_setzero_si128(), x = v;
  memcpy(&v, (more ? y : taps[0]) + c, width);
  for (size_t t = more ? 0 : 1; t < count; t++) {
    memcpy(&x, taps[t] + c, width);
    v = larger_16(v, x, is_signed);
  }
  memcpy(y + c, &v, width);
}

static inline __attribute__((always_inline)) void max_pixel(const uint8_t *const *taps, size_t count, size_t channels,
                                                            bool more, uint8_t *y, const bool is_signed) {
  size_t c = 0;
  for (; c + 128 <= channels; c += 128) max_128(taps, count, c, more, y, is_signed);
  for (; c + 32 <= channels; c += 32) max_32(taps, count, c, more, y, is_signed);
  if (c == channels) return;
  if (channels >= 32) {
    max_32(taps, count, channels - 32, more, y, is_signed);
  } else if (channels >= 16) {
    max_few(taps, count, 0, more, y, 16, is_signed);
    max_few(taps, count, channels - 16, more, y, 16, is_signed);
  } else if (channels >= 8) {
    max_few(taps, count, 0, more, y, 8, is_signed);
    max_few(taps, count, channels - 8, more, y, 8, is_signed);
  } else {
    for (; c + 4 <= channels; c += 4) max_few(taps, count, c, more, y, 4, is_signed);
    for (; c < channels; c++) max_few(taps, count, c, more, y, 1, is_signed);
  }
}

static void max_u8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  max_pixel(taps, count, channels, more, y, false);
}
static void max_s8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  max_pixel(taps, count, channels, more, y, true);
}

OCT_ISA_END

const oct_pool_kernel oct_pool_avx2 = {.name = "avx2", .isa = OCT_ISA_AVX2, .max_u8 = max_u8, .max_s8 = max_s8};

#endif /* OCT_ARCH_X86 */
