/* Pooling on NEON: umax and smax.
 *
 * Tile: 64 channels, then 16, of one pixel; the last vector overlaps. Bound by loads, one per umax. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

#include "kernel.h"

OCT_ISA_BEGIN(NEON)

static inline __attribute__((always_inline)) uint8x16_t larger(uint8x16_t a, uint8x16_t b, const bool is_signed) {
  return is_signed ? vreinterpretq_u8_s8(vmaxq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b))) : vmaxq_u8(a, b);
}

static inline __attribute__((always_inline)) void max_64(const uint8_t *const *taps, size_t count, size_t c, bool more,
                                                         uint8_t *y, const bool is_signed) {
  const uint8_t *start = (more ? y : taps[0]) + c;
  uint8x16_t v[4];
  for (int i = 0; i < 4; i++) v[i] = vld1q_u8(start + 16 * i);
  for (size_t t = more ? 0 : 1; t < count; t++)
    for (int i = 0; i < 4; i++) v[i] = larger(v[i], vld1q_u8(taps[t] + c + 16 * i), is_signed);
  for (int i = 0; i < 4; i++) vst1q_u8(y + c + 16 * i, v[i]);
}

/* `width` of 1...16 bytes. */
static inline __attribute__((always_inline)) void max_few(const uint8_t *const *taps, size_t count, size_t c, bool more,
                                                          uint8_t *y, const size_t width, const bool is_signed) {
  uint8_t v[16] = {0}, x[16] = {0};
  memcpy(v, (more ? y : taps[0]) + c, width);
  uint8x16_t best = vld1q_u8(v);
  for (size_t t = more ? 0 : 1; t < count; t++) {
    memcpy(x, taps[t] + c, width);
    best = larger(best, vld1q_u8(x), is_signed);
  }
  vst1q_u8(v, best);
  memcpy(y + c, v, width);
}

static inline __attribute__((always_inline)) void max_pixel(const uint8_t *const *taps, size_t count, size_t channels,
                                                            bool more, uint8_t *y, const bool is_signed) {
  size_t c = 0;
  for (; c + 64 <= channels; c += 64) max_64(taps, count, c, more, y, is_signed);
  for (; c + 16 <= channels; c += 16) max_few(taps, count, c, more, y, 16, is_signed);
  if (c == channels) return;
  if (channels >= 16)
    max_few(taps, count, channels - 16, more, y, 16, is_signed);
  else
    max_few(taps, count, 0, more, y, channels, is_signed);
}

static void max_u8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  max_pixel(taps, count, channels, more, y, false);
}
static void max_s8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  max_pixel(taps, count, channels, more, y, true);
}

OCT_ISA_END

const oct_pool_kernel oct_pool_neon = {.name = "neon", .isa = OCT_ISA_NEON, .max_u8 = max_u8, .max_s8 = max_s8};

#endif /* OCT_ARCH_ARM64 */
