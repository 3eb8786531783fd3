/* Pooling on AVX-512 (BW): vpmaxub and vpmaxsb, masks for the tail.
 *
 * Tile: 256 channels, then 64, of one pixel. Bound by loads, one per vpmaxub. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "kernel.h"

OCT_ISA_BEGIN(AVX512VNNI)

static inline __attribute__((always_inline)) __m512i larger(__m512i a, __m512i b, const bool is_signed) {
  return is_signed ? _mm512_max_epi8(a, b) : _mm512_max_epu8(a, b);
}

static inline __attribute__((always_inline)) void max_256(const uint8_t *const *taps, size_t count, size_t c, bool more,
                                                          uint8_t *y, const bool is_signed) {
  const uint8_t *start = more ? y : taps[0];
  __m512i v[4];
  for (int i = 0; i < 4; i++) v[i] = _mm512_loadu_si512(start + c + 64 * i);
  for (size_t t = more ? 0 : 1; t < count; t++)
    for (int i = 0; i < 4; i++) v[i] = larger(v[i], _mm512_loadu_si512(taps[t] + c + 64 * i), is_signed);
  for (int i = 0; i < 4; i++) _mm512_storeu_si512(y + c + 64 * i, v[i]);
}

static inline __attribute__((always_inline)) void max_64(const uint8_t *const *taps, size_t count, size_t c,
                                                         __mmask64 m, bool more, uint8_t *y, const bool is_signed) {
  __m512i v = _mm512_maskz_loadu_epi8(m, (more ? y : taps[0]) + c);
  for (size_t t = more ? 0 : 1; t < count; t++) v = larger(v, _mm512_maskz_loadu_epi8(m, taps[t] + c), is_signed);
  _mm512_mask_storeu_epi8(y + c, m, v);
}

static inline __attribute__((always_inline)) void max_pixel(const uint8_t *const *taps, size_t count, size_t channels,
                                                            bool more, uint8_t *y, const bool is_signed) {
  size_t c = 0;
  for (; c + 256 <= channels; c += 256) max_256(taps, count, c, more, y, is_signed);
  for (; c < channels; c += 64) {
    const size_t left = channels - c;
    max_64(taps, count, c, left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1, more, y, is_signed);
  }
}

static void max_u8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  max_pixel(taps, count, channels, more, y, false);
}
static void max_s8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  max_pixel(taps, count, channels, more, y, true);
}

OCT_ISA_END

const oct_pool_kernel oct_pool_avx512vnni = {
    .name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .max_u8 = max_u8, .max_s8 = max_s8};

#endif /* OCT_ARCH_X86 */
