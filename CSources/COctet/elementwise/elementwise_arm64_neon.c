/* The elementwise family on NEON: tbl and tbx look up in 64-byte quarters of the table, fcvtns rounds, xtn narrows.
 *
 * Tile: 16 bytes. Tails of sums and products go through padded blocks on the stack. Lookups are bound by the four table
 * instructions of a vector, sums and products by conversions. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

#include "kernels.h"

OCT_FP_STRICT

enum { STEP = 16 };

OCT_ISA_BEGIN(NEON)

static inline uint8x16x4_t quarter(const uint8_t *table) {
  const uint8x16x4_t rows = {{vld1q_u8(table), vld1q_u8(table + 16), vld1q_u8(table + 32), vld1q_u8(table + 48)}};
  return rows;
}

/* tbx leaves bytes alone whose index is 64 or more, which is where the other quarters' codes land. */
static void lookup(const uint8_t *x, size_t rows, size_t columns, const uint8_t *table, uint8_t *y, size_t y_step) {
  const uint8x16x4_t first = quarter(table), second = quarter(table + 64);
  const uint8x16x4_t third = quarter(table + 128), fourth = quarter(table + 192);
  for (size_t row = 0; row < rows; row++, x += columns, y += y_step) {
    size_t i = 0;
    for (; i + STEP <= columns; i += STEP) {
      const uint8x16_t code = vld1q_u8(x + i);
      uint8x16_t v = vqtbl4q_u8(first, code);
      v = vqtbx4q_u8(v, second, vsubq_u8(code, vdupq_n_u8(64)));
      v = vqtbx4q_u8(v, third, vsubq_u8(code, vdupq_n_u8(128)));
      v = vqtbx4q_u8(v, fourth, vsubq_u8(code, vdupq_n_u8(192)));
      vst1q_u8(y + i, v);
    }
    for (; i < columns; i++) y[i] = table[x[i]];
  }
}

/* Sixteen differences code - offset as real numbers. */
typedef struct sixteen {
  float32x4_t v[4];
} sixteen;

static inline __attribute__((always_inline)) sixteen differences(const uint8_t *x, int32_t zero_point,
                                                                 const bool is_signed) {
  const uint8x16_t codes = vld1q_u8(x);
  const int8x16_t bits = vreinterpretq_s8_u8(codes);
  const int16x8_t zero = vdupq_n_s16((int16_t)zero_point);
  int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(codes)));
  int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(codes)));
  if (is_signed) {
    low = vmovl_s8(vget_low_s8(bits));
    high = vmovl_s8(vget_high_s8(bits));
  }
  low = vsubq_s16(low, zero);
  high = vsubq_s16(high, zero);
  sixteen r;
  r.v[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
  r.v[1] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(low)));
  r.v[2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
  r.v[3] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)));
  return r;
}

/* fminnm returns the other operand for a quiet NaN, which is all that arithmetic makes: NaN ends at `high`. Conversion and
 * narrowing saturate. */
static inline __attribute__((always_inline)) int16x4_t binary_4(float32x4_t u, float32x4_t v, const oct_binary_rule *r,
                                                                const bool product) {
  const float32x4_t value =
      product ? vmulq_f32(u, v) : vaddq_f32(vmulq_n_f32(u, r->a_scale), vmulq_n_f32(v, r->b_scale));
  const float32x4_t t = vminnmq_f32(vmulq_n_f32(value, r->multiplier), vdupq_n_f32((float)r->high));
  return vqmovn_s32(vcvtnq_s32_f32(t));
}

static inline int8x8_t at_zero_point(int16x4_t a, int16x4_t b, const oct_binary_rule *r) {
  const int16x8_t bounded = vmaxq_s16(vcombine_s16(a, b), vdupq_n_s16((int16_t)r->low));
  return vmovn_s16(vaddq_s16(bounded, vdupq_n_s16((int16_t)r->zero_point)));
}

static inline __attribute__((always_inline)) uint8x16_t binary_16(const uint8_t *a, const uint8_t *b,
                                                                  const oct_binary_rule *r, const bool product,
                                                                  const bool is_signed) {
  const sixteen u = differences(a, r->a_zero_point, is_signed), v = differences(b, r->b_zero_point, is_signed);
  int16x4_t q[4];
  for (size_t j = 0; j < 4; j++) q[j] = binary_4(u.v[j], v.v[j], r, product);
  return vreinterpretq_u8_s8(vcombine_s8(at_zero_point(q[0], q[1], r), at_zero_point(q[2], q[3], r)));
}

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, const bool product,
                                                         const bool is_signed) {
  const oct_binary_rule r = *rule;
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) vst1q_u8(y + i, binary_16(a + i, b + i, &r, product, is_signed));
  if (i < count) {
    uint8_t a_padded[STEP] = {0}, b_padded[STEP] = {0}, out[STEP];
    memcpy(a_padded, a + i, count - i);
    memcpy(b_padded, b + i, count - i);
    vst1q_u8(out, binary_16(a_padded, b_padded, &r, product, is_signed));
    memcpy(y + i, out, count - i);
  }
}

static void add_u8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false, false);
}
static void add_s8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false, true);
}
static void multiply_u8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true, false);
}
static void multiply_s8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true, true);
}

OCT_ISA_END

const oct_lookup_kernel oct_lookup_neon = {.name = "neon", .isa = OCT_ISA_NEON, .lookup = lookup};

const oct_elementwise_kernels oct_elementwise_neon = {.name = "neon",
                                                      .isa = OCT_ISA_NEON,
                                                      .add_u8 = add_u8,
                                                      .add_s8 = add_s8,
                                                      .multiply_u8 = multiply_u8,
                                                      .multiply_s8 = multiply_s8};

#endif /* OCT_ARCH_ARM64 */
