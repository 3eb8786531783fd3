/* Pooling on NEON: umax and smax.
 *
 * Tile: 64 channels, then 16, of one pixel; the last vector overlaps. Bound by loads, one per umax. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <string.h>

#include "base/unroll.h"
#include "kernel.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

#include "base/vector_neon.h"
#include "loops.h"

static inline __attribute__((always_inline)) uint8x16_t larger(uint8x16_t a, uint8x16_t b, const bool is_signed) {
  return is_signed ? vreinterpretq_u8_s8(vmaxq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b))) : vmaxq_u8(a, b);
}

/* 16 * count channels of the pixel at `offset`. */
static inline __attribute__((always_inline)) void max_vectors(const oct_pool_run *run, ptrdiff_t offset, uint8_t *y,
                                                              const int count, const bool is_signed) {
  const uint8_t *start = run->more ? y : run->lines[0] + offset;
  uint8x16_t v[4];
  for (int i = 0; i < count; i++) v[i] = vld1q_u8(start + 16 * i);
  for (size_t l = 0; l < run->line_count; l++) {
    const uint8_t *x = run->lines[l];
    ptrdiff_t at = offset;
    for (size_t t = 0; t < run->taps; t++, at += run->tap_step)
      for (int i = 0; i < count; i++) v[i] = larger(v[i], vld1q_u8(x + at + 16 * i), is_signed);
  }
  for (int i = 0; i < count; i++) vst1q_u8(y + 16 * i, v[i]);
}

/* `width` of 1...15 bytes. */
static inline __attribute__((always_inline)) void max_few(const oct_pool_run *run, ptrdiff_t offset, uint8_t *y,
                                                          size_t width, const bool is_signed) {
  uint8_t bytes[16] = {0};
  memcpy(bytes, run->more ? y : run->lines[0] + offset, width);
  uint8x16_t best = vld1q_u8(bytes);
  for (size_t l = 0; l < run->line_count; l++) {
    ptrdiff_t at = offset;
    for (size_t t = 0; t < run->taps; t++, at += run->tap_step) {
      memcpy(bytes, run->lines[l] + at, width);
      best = larger(best, vld1q_u8(bytes), is_signed);
    }
  }
  vst1q_u8(bytes, best);
  memcpy(y, bytes, width);
}

static inline __attribute__((always_inline)) void max_run(const oct_pool_run *run, const bool is_signed) {
  const size_t channels = run->channels;
  for (size_t i = 0; i < run->pixels; i++) {
    const ptrdiff_t offset = run->offset + (ptrdiff_t)i * run->pixel_step;
    uint8_t *y = run->y + (ptrdiff_t)i * run->y_step;
    size_t c = 0;
    for (; c + 64 <= channels; c += 64) max_vectors(run, offset + (ptrdiff_t)c, y + c, 4, is_signed);
    for (; c + 16 <= channels; c += 16) max_vectors(run, offset + (ptrdiff_t)c, y + c, 1, is_signed);
    if (c == channels) continue;
    if (channels >= 16)
      max_vectors(run, offset + (ptrdiff_t)channels - 16, y + channels - 16, 1, is_signed);
    else
      max_few(run, offset, y, channels, is_signed);
  }
}

static void max_u8(const oct_pool_run *run) { max_run(run, false); }
static void max_s8(const oct_pool_run *run) { max_run(run, true); }

OCT_ISA_END

const oct_pool_kernel oct_pool_neon = {
    .name = "neon", .isa = OCT_ISA_NEON, .max_u8 = max_u8, .max_s8 = max_s8, .average = tier_average};

#endif /* OCT_ARCH_ARM64 */
