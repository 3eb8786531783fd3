/* Embedding rows on NEON: ushl and and make codes, ucvtf, fmul and fadd add them in double, fcvtn rounds.
 *
 * Tile: 8 elements, four vectors of double. Where that sum may be inexact, an error term mends it, as kernels.h
 * derives. Bound by conversions while the table is in cache, by memory otherwise. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

#include "kernels.h"

OCT_FP_STRICT

enum { STEP = 8 };

OCT_ISA_BEGIN(NEON)

/* Moves sums on midpoints of float32 one step towards what RN64 cut off. */
static inline __attribute__((always_inline)) float64x2_t mended(float64x2_t p, float64x2_t c, float64x2_t s) {
  const uint64x2_t rest = vandq_u64(vreinterpretq_u64_f64(s), vdupq_n_u64(OCT_EMBEDDING_REST));
  const uint64x2_t middle = vceqq_u64(rest, vdupq_n_u64(OCT_EMBEDDING_MIDDLE));
  const float64x2_t part = vsubq_f64(s, p);
  const float64x2_t e = vaddq_f64(vsubq_f64(p, vsubq_f64(s, part)), vsubq_f64(c, part));
  const uint64x2_t inexact = vorrq_u64(vcltzq_f64(e), vcgtzq_f64(e));
  /* 1 where e and s have one sign, -1 elsewhere. */
  const uint64x2_t apart = vshrq_n_u64(veorq_u64(vreinterpretq_u64_f64(e), vreinterpretq_u64_f64(s)), 63);
  const uint64x2_t step = vsubq_u64(vdupq_n_u64(1), vaddq_u64(apart, apart));
  const uint64x2_t chosen = vandq_u64(vandq_u64(middle, inexact), step);
  return vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(s), chosen));
}

/* What all codes of a row share. */
typedef struct row {
  float64x2_t scale;
  float32x4_t bias;
  int32x4_t low, last;
} row;

/* y = fma(scale, q, y + bias) for 4 codes. */
static inline __attribute__((always_inline)) void add_4(uint32x4_t q, const row *r, uint8_t *y) {
  const float32x4_t t = vaddq_f32(vreinterpretq_f32_u8(vld1q_u8(y)), r->bias);
  const float64x2_t c0 = vcvt_f64_f32(vget_low_f32(t)), c1 = vcvt_high_f64_f32(t);
  const float64x2_t p0 = vmulq_f64(r->scale, vcvtq_f64_u64(vmovl_u32(vget_low_u32(q))));
  const float64x2_t p1 = vmulq_f64(r->scale, vcvtq_f64_u64(vmovl_high_u32(q)));
  float64x2_t s0 = vaddq_f64(p0, c0), s1 = vaddq_f64(p1, c1);
  const int32x4_t size = vandq_s32(vreinterpretq_s32_f32(t), vdupq_n_s32(INT32_MAX));
  const uint32x4_t outside = vorrq_u32(vcltq_s32(size, r->low), vcgtq_s32(size, r->last));
  if (vmaxvq_u32(outside)) {
    s0 = mended(p0, c0, s0);
    s1 = mended(p1, c1, s1);
  }
  vst1q_u8(y, vreinterpretq_u8_f32(vcvt_high_f32_f64(vcvt_f32_f64(s0), s1)));
}

/* 8 packed codes, which take `bits` bytes. */
static inline __attribute__((always_inline)) uint16x8_t codes_8(const uint8_t *codes, int bits) {
  if (bits == 8) return vmovl_u8(vld1_u8(codes));
  uint32_t packed = 0;
  memcpy(&packed, codes, (size_t)bits);
  /* Each half of four codes from its own 16 bits, shifted down by the code's place. */
  const uint32_t upper = packed >> (4 * bits);
  const uint16x8_t word = vcombine_u16(vdup_n_u16((uint16_t)packed), vdup_n_u16((uint16_t)upper));
  const int16_t b = (int16_t)bits;
  const int16_t down[4] = {0, (int16_t)-b, (int16_t)(-2 * b), (int16_t)(-3 * b)};
  const int16x4_t place = vld1_s16(down);
  return vandq_u16(vshlq_u16(word, vcombine_s16(place, place)), vdupq_n_u16((uint16_t)((1 << bits) - 1)));
}

static inline __attribute__((always_inline)) void accumulate(const uint8_t *codes, size_t dim, float scale, float bias,
                                                             float *y, int bits) {
  const oct_embedding_window exact = oct_embedding_exact(scale);
  const row r = {.scale = vdupq_n_f64((double)scale),
                 .bias = vdupq_n_f32(bias),
                 .low = vdupq_n_s32(exact.low),
                 .last = vdupq_n_s32(exact.last)};
  size_t i = 0;
  for (; i + STEP <= dim; i += STEP) {
    const uint16x8_t q = codes_8(codes + i / 8 * (size_t)bits, bits);
    uint8_t *place = (uint8_t *)y + i * sizeof *y;
    add_4(vmovl_u16(vget_low_u16(q)), &r, place);
    add_4(vmovl_high_u16(q), &r, place + 16);
  }
  oct_embedding_rest(codes, i, dim, scale, bias, y, bits);
}

static void bytes(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  accumulate(codes, dim, scale, bias, y, 8);
}

static void nibbles(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  accumulate(codes, dim, scale, bias, y, 4);
}

static void pairs(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  accumulate(codes, dim, scale, bias, y, 2);
}

OCT_ISA_END

const oct_embedding_kernels oct_embedding_neon = {
    .name = "neon", .isa = OCT_ISA_NEON, .accumulate = {bytes, nibbles, pairs}};

#endif /* OCT_ARCH_ARM64 */
