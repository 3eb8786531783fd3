/* The quantize family on NEON: fcvtns rounds ties to even, xtn narrows, sqrdmulh and srshl are the fixed-point rule.
 *
 * Tile: 16 elements per step, four vectors. Tails go through a padded block on the stack. Bound by conversions and
 * narrowing in the caches, by memory beyond them. */
#include "base/isa.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

#include "kernels.h"

OCT_FP_STRICT

enum { LANES = 4, STEP = 16 };

OCT_ISA_BEGIN(NEON)

static inline const void *at(const void *base, size_t bytes) { return (const char *)base + bytes; }
static inline void *at_mutable(void *base, size_t bytes) { return (char *)base + bytes; }

static inline float32x4_t load_f32(const void *p) { return vreinterpretq_f32_u8(vld1q_u8(p)); }
static inline int32x4_t load_s32(const void *p) { return vreinterpretq_s32_u8(vld1q_u8(p)); }
static inline void store_f32(void *p, float32x4_t v) { vst1q_u8(p, vreinterpretq_u8_f32(v)); }
static inline void store_s32(void *p, int32x4_t v) { vst1q_u8(p, vreinterpretq_u8_s32(v)); }

/* fminnm returns the other operand for a quiet NaN, which is all that arithmetic makes: NaN ends at `high`. */
static inline float32x4_t clamp_f32(float32x4_t value, float32x4_t low, float32x4_t high) {
  return vmaxq_f32(vminnmq_f32(value, high), low);
}

/* The low bytes of sixteen int32. */
static inline uint8x16_t narrow(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
  const int16x8_t ab = vcombine_s16(vmovn_s32(a), vmovn_s32(b));
  const int16x8_t cd = vcombine_s16(vmovn_s32(c), vmovn_s32(d));
  return vreinterpretq_u8_s8(vcombine_s8(vmovn_s16(ab), vmovn_s16(cd)));
}

static inline int32x4_t quantize_4(const void *x, const oct_quantize_rule *r) {
  const float32x4_t product = vmulq_n_f32(load_f32(x), r->inverse);
  const float32x4_t t = clamp_f32(vaddq_f32(product, vdupq_n_f32(r->add)), vdupq_n_f32(r->low), vdupq_n_f32(r->high));
  return vaddq_s32(vcvtnq_s32_f32(t), vdupq_n_s32(r->zero_point));
}

static inline uint8x16_t quantize_16(const void *x, const oct_quantize_rule *r) {
  return narrow(quantize_4(x, r), quantize_4(at(x, 16), r), quantize_4(at(x, 32), r), quantize_4(at(x, 48), r));
}

static void quantize_byte(const void *x, size_t count, const oct_quantize_rule *rule, void *q) {
  const oct_quantize_rule r = *rule;
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) vst1q_u8(at_mutable(q, i), quantize_16(at(x, 4 * i), &r));
  if (i < count) {
    float padded[STEP] = {0};
    uint8_t out[STEP];
    memcpy(padded, at(x, 4 * i), 4 * (count - i));
    vst1q_u8(out, quantize_16(padded, &r));
    memcpy(at_mutable(q, i), out, count - i);
  }
}

/* Two products to int32: rounded, clamped and shifted in double. The sum fits, so the plain narrowing is exact. */
static inline int32x2_t quantize_s32_2(float32x2_t product, int32x2_t zero_point) {
  const float64x2_t z = vcvtq_f64_s64(vmovl_s32(zero_point));
  const float64x2_t low = vsubq_f64(vdupq_n_f64(INT32_MIN), z), high = vsubq_f64(vdupq_n_f64(INT32_MAX), z);
  const float64x2_t t = vmaxq_f64(vminnmq_f64(vcvt_f64_f32(product), high), low);
  return vmovn_s64(vcvtnq_s64_f64(vaddq_f64(vrndnq_f64(t), z)));
}

static inline int32x4_t quantize_s32_4(const void *x, float32x4_t inverse, int32x4_t zero_point) {
  const float32x4_t product = vmulq_f32(load_f32(x), inverse);
  return vcombine_s32(quantize_s32_2(vget_low_f32(product), vget_low_s32(zero_point)),
                      quantize_s32_2(vget_high_f32(product), vget_high_s32(zero_point)));
}

static void quantize_s32(const void *x, size_t count, float inverse, int32_t zero_point, void *q) {
  const float32x4_t v = vdupq_n_f32(inverse);
  const int32x4_t z = vdupq_n_s32(zero_point);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store_s32(at_mutable(q, 4 * i), quantize_s32_4(at(x, 4 * i), v, z));
  if (i < count) {
    float padded[LANES] = {0};
    int32_t out[LANES];
    memcpy(padded, at(x, 4 * i), 4 * (count - i));
    store_s32(out, quantize_s32_4(padded, v, z));
    memcpy(at_mutable(q, 4 * i), out, 4 * (count - i));
  }
}

static inline __attribute__((always_inline)) int32x4_t quantize_column_4(const void *x,
                                                                         const oct_quantize_columns_rule *r, size_t c,
                                                                         bool round_first) {
  const float32x4_t z = load_f32(r->zero_point + c);
  float32x4_t t = vmulq_f32(load_f32(x), load_f32(r->inverse + c));
  /* A sum beyond 2^24 may be inexact; it is far outside the bounds then and stays on its side. */
  if (round_first) t = vrndnq_f32(t);
  return vcvtnq_s32_f32(clamp_f32(vaddq_f32(t, z), vdupq_n_f32(r->low), vdupq_n_f32(r->high)));
}

static inline __attribute__((always_inline)) uint8x16_t quantize_column_16(const void *x,
                                                                           const oct_quantize_columns_rule *r, size_t c,
                                                                           bool round_first) {
  return narrow(quantize_column_4(x, r, c, round_first), quantize_column_4(at(x, 16), r, c + 4, round_first),
                quantize_column_4(at(x, 32), r, c + 8, round_first),
                quantize_column_4(at(x, 48), r, c + 12, round_first));
}

static inline __attribute__((always_inline)) void quantize_byte_rows(const oct_quantize_block *block,
                                                                     const oct_quantize_columns_rule *rule,
                                                                     bool round_first) {
  const oct_quantize_columns_rule r = *rule;
  const size_t tail = block->columns % STEP, body = block->columns - tail;
  float inverse[STEP] = {0}, zero_point[STEP] = {0}, padded[STEP] = {0};
  oct_quantize_columns_rule last = r;
  last.inverse = inverse;
  last.zero_point = zero_point;
  if (tail) {
    memcpy(inverse, r.inverse + body, 4 * tail);
    memcpy(zero_point, r.zero_point + body, 4 * tail);
  }
  for (size_t row = 0; row < block->rows; row++) {
    const void *x = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    for (size_t c = 0; c < body; c += STEP)
      vst1q_u8(at_mutable(q, c), quantize_column_16(at(x, 4 * c), &r, c, round_first));
    if (tail) {
      uint8_t out[STEP];
      memcpy(padded, at(x, 4 * body), 4 * tail);
      vst1q_u8(out, quantize_column_16(padded, &last, 0, round_first));
      memcpy(at_mutable(q, body), out, tail);
    }
  }
}

static void quantize_byte_columns(const oct_quantize_block *block, const oct_quantize_columns_rule *rule) {
  if (rule->round_first)
    quantize_byte_rows(block, rule, true);
  else
    quantize_byte_rows(block, rule, false);
}

static void quantize_s32_columns(const oct_quantize_block *block, const float *inverse, const int32_t *zero_point) {
  const size_t tail = block->columns % LANES, body = block->columns - tail;
  for (size_t row = 0; row < block->rows; row++) {
    const void *x = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, 4 * row * block->to_stride);
    for (size_t c = 0; c < body; c += LANES)
      store_s32(at_mutable(q, 4 * c), quantize_s32_4(at(x, 4 * c), load_f32(inverse + c), load_s32(zero_point + c)));
    if (tail) {
      float padded[LANES] = {0}, v[LANES] = {0};
      int32_t z[LANES] = {0}, out[LANES];
      memcpy(padded, at(x, 4 * body), 4 * tail);
      memcpy(v, inverse + body, 4 * tail);
      memcpy(z, zero_point + body, 4 * tail);
      store_s32(out, quantize_s32_4(padded, load_f32(v), load_s32(z)));
      memcpy(at_mutable(q, 4 * body), out, 4 * tail);
    }
  }
}

/* Sixteen elements as int32, bytes flipped to uint8 first. */
typedef struct sixteen {
  int32x4_t v[4];
} sixteen;

static inline __attribute__((always_inline)) sixteen load_16(const void *q, bool bytes, uint8_t flip) {
  sixteen r;
  if (bytes) {
    const uint8x16_t raw = veorq_u8(vld1q_u8(q), vdupq_n_u8(flip));
    const uint16x8_t low = vmovl_u8(vget_low_u8(raw)), high = vmovl_u8(vget_high_u8(raw));
    r.v[0] = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low)));
    r.v[1] = vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low)));
    r.v[2] = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high)));
    r.v[3] = vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)));
  } else {
    for (size_t i = 0; i < 4; i++) r.v[i] = load_s32(at(q, 16 * i));
  }
  return r;
}

static inline float32x4_t real_4(int32x4_t q, int32x4_t offset, float32x4_t zero_point, float32x4_t scale) {
  return vmulq_f32(vsubq_f32(vcvtq_f32_s32(vsubq_s32(q, offset)), zero_point), scale);
}

static inline float32x4_t wide_4(int32x4_t q, int32x4_t offset, float64x2_t scale_low, float64x2_t scale_high) {
  const float32x4_t difference = vcvtq_f32_s32(vsubq_s32(q, offset));
  const float64x2_t low = vmulq_f64(scale_low, vcvt_f64_f32(vget_low_f32(difference)));
  const float64x2_t high = vmulq_f64(scale_high, vcvt_high_f64_f32(difference));
  return vcombine_f32(vcvt_f32_f64(low), vcvt_f32_f64(high));
}

static inline __attribute__((always_inline)) void dequantize_run(const void *q, size_t count,
                                                                 const oct_dequantize_rule *rule, void *x, bool bytes,
                                                                 bool wide) {
  const oct_dequantize_rule r = *rule;
  const size_t width = bytes ? 1 : 4;
  const int32x4_t offset = vdupq_n_s32(r.offset);
  const float32x4_t z = vdupq_n_f32(r.zero_point), scale = vdupq_n_f32(r.scale);
  const float64x2_t wide_scale = vdupq_n_f64(r.wide_scale);
  for (size_t i = 0; i < count; i += STEP) {
    const size_t left = count - i;
    int32_t padded[STEP] = {0};
    float out[STEP];
    const void *from = at(q, i * width);
    if (left < STEP) from = memcpy(padded, from, left * width);
    void *to = left < STEP ? out : at_mutable(x, 4 * i);
    const sixteen v = load_16(from, bytes, r.flip);
    for (size_t j = 0; j < 4; j++)
      store_f32(at_mutable(to, 16 * j),
                wide ? wide_4(v.v[j], offset, wide_scale, wide_scale) : real_4(v.v[j], offset, z, scale));
    if (left < STEP) memcpy(at_mutable(x, 4 * i), out, 4 * left);
  }
}

static void dequantize_byte(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, true, false);
}
static void dequantize_s32(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, false, false);
}
static void dequantize_byte_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, true, true);
}
static void dequantize_s32_wide(const void *q, size_t count, const oct_dequantize_rule *rule, void *x) {
  dequantize_run(q, count, rule, x, false, true);
}

static inline __attribute__((always_inline)) void dequantize_columns_16(const void *q,
                                                                        const oct_dequantize_columns_rule *r, size_t c,
                                                                        void *x, bool bytes, bool wide) {
  const sixteen v = load_16(q, bytes, r->flip);
  for (size_t j = 0; j < 4; j++) {
    const size_t k = c + 4 * j;
    const float32x4_t y =
        wide ? wide_4(v.v[j], load_s32(r->offsets + k), vld1q_f64(r->wide_scale + k), vld1q_f64(r->wide_scale + k + 2))
             : real_4(v.v[j], vdupq_n_s32(r->offset), load_f32(r->zero_point + k), load_f32(r->scale + k));
    store_f32(at_mutable(x, 16 * j), y);
  }
}

static inline __attribute__((always_inline)) void dequantize_rows(const oct_quantize_block *block,
                                                                  const oct_dequantize_columns_rule *rule, bool bytes,
                                                                  bool wide) {
  const oct_dequantize_columns_rule r = *rule;
  const size_t width = bytes ? 1 : 4, tail = block->columns % STEP, body = block->columns - tail;
  int32_t offsets[STEP] = {0};
  float zero_point[STEP] = {0}, scale[STEP] = {0};
  double wide_scale[STEP] = {0};
  oct_dequantize_columns_rule last = r;
  if (tail && wide) {
    memcpy(offsets, r.offsets + body, 4 * tail);
    memcpy(wide_scale, r.wide_scale + body, 8 * tail);
  } else if (tail) {
    memcpy(zero_point, r.zero_point + body, 4 * tail);
    memcpy(scale, r.scale + body, 4 * tail);
  }
  last.offsets = offsets;
  last.zero_point = zero_point;
  last.scale = scale;
  last.wide_scale = wide_scale;
  for (size_t row = 0; row < block->rows; row++) {
    const void *q = at(block->from, width * row * block->from_stride);
    void *x = at_mutable(block->to, 4 * row * block->to_stride);
    for (size_t c = 0; c < body; c += STEP)
      dequantize_columns_16(at(q, c * width), &r, c, at_mutable(x, 4 * c), bytes, wide);
    if (tail) {
      int32_t padded[STEP] = {0};
      float out[STEP];
      memcpy(padded, at(q, body * width), tail * width);
      dequantize_columns_16(padded, &last, 0, out, bytes, wide);
      memcpy(at_mutable(x, 4 * body), out, 4 * tail);
    }
  }
}

static void dequantize_byte_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, true, false);
}
static void dequantize_s32_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, false, false);
}
static void dequantize_byte_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, true, true);
}
static void dequantize_s32_wide_columns(const oct_quantize_block *block, const oct_dequantize_columns_rule *rule) {
  dequantize_rows(block, rule, false, true);
}

/* One multiplier for all columns, or a vector of them. */
static inline __attribute__((always_inline)) int32x4_t parameters_4(const void *base, size_t column, bool per_column) {
  return per_column ? load_s32(at(base, 4 * column)) : vdupq_n_s32(oct_load_s32(base, 0));
}

static inline __attribute__((always_inline)) int32x4_t requantize_4(const void *acc, const oct_requantize_rule *r,
                                                                    size_t c) {
  const float32x4_t multiplier = vreinterpretq_f32_s32(parameters_4(r->multiplier, c, r->per_column));
  const float32x4_t product = vmulq_f32(vcvtq_f32_s32(load_s32(acc)), multiplier);
  const float32x4_t t = clamp_f32(product, vdupq_n_f32(r->low), vdupq_n_f32(r->high));
  return vaddq_s32(vcvtnq_s32_f32(t), vdupq_n_s32(r->zero_point));
}

/* sqrdmulh is (2ab + 2^31) >> 32, the rule's multiply. srshl rounds halves up; a negative value is lowered by one
 * first, which turns that into halves away from zero. */
static inline __attribute__((always_inline)) int32x4_t requantize_fixed_4(const void *acc, const oct_requantize_rule *r,
                                                                          size_t c) {
  const int32x4_t zero = vdupq_n_s32(0);
  const int32x4_t shift = parameters_4(r->fixed_shift, c, r->per_column);
  const int32x4_t left = vmaxq_s32(shift, zero), minus_right = vminq_s32(shift, zero);
  const int32x4_t v =
      vqrdmulhq_s32(vqshlq_s32(load_s32(acc), left), parameters_4(r->fixed_multiplier, c, r->per_column));
  const int32x4_t lower = vshrq_n_s32(vandq_s32(v, minus_right), 31);
  int32x4_t t = vrshlq_s32(vqaddq_s32(v, lower), minus_right);
  t = vmaxq_s32(vminq_s32(t, vdupq_n_s32(r->fixed_high)), vdupq_n_s32(r->fixed_low));
  return vaddq_s32(t, vdupq_n_s32(r->zero_point));
}

static inline __attribute__((always_inline)) uint8x16_t requantize_16(const void *acc, const oct_requantize_rule *r,
                                                                      size_t c, bool fixed) {
  if (fixed)
    return narrow(requantize_fixed_4(acc, r, c), requantize_fixed_4(at(acc, 16), r, c + 4),
                  requantize_fixed_4(at(acc, 32), r, c + 8), requantize_fixed_4(at(acc, 48), r, c + 12));
  return narrow(requantize_4(acc, r, c), requantize_4(at(acc, 16), r, c + 4), requantize_4(at(acc, 32), r, c + 8),
                requantize_4(at(acc, 48), r, c + 12));
}

static inline __attribute__((always_inline)) void requantize_rows(const oct_quantize_block *block,
                                                                  const oct_requantize_rule *rule, bool fixed,
                                                                  bool per_column) {
  oct_requantize_rule r = *rule;
  r.per_column = per_column;
  const size_t tail = block->columns % STEP, body = block->columns - tail;
  float multiplier[STEP] = {0};
  int32_t fixed_multiplier[STEP] = {0}, fixed_shift[STEP] = {0};
  oct_requantize_rule last = r;
  if (tail && per_column) {
    if (fixed) {
      memcpy(fixed_multiplier, at(r.fixed_multiplier, 4 * body), 4 * tail);
      memcpy(fixed_shift, at(r.fixed_shift, 4 * body), 4 * tail);
    } else {
      memcpy(multiplier, at(r.multiplier, 4 * body), 4 * tail);
    }
    last.multiplier = multiplier;
    last.fixed_multiplier = fixed_multiplier;
    last.fixed_shift = fixed_shift;
  }
  for (size_t row = 0; row < block->rows; row++) {
    const void *acc = at(block->from, 4 * row * block->from_stride);
    void *q = at_mutable(block->to, row * block->to_stride);
    for (size_t c = 0; c < body; c += STEP) vst1q_u8(at_mutable(q, c), requantize_16(at(acc, 4 * c), &r, c, fixed));
    if (tail) {
      int32_t padded[STEP] = {0};
      uint8_t out[STEP];
      memcpy(padded, at(acc, 4 * body), 4 * tail);
      vst1q_u8(out, requantize_16(padded, &last, 0, fixed));
      memcpy(at_mutable(q, body), out, tail);
    }
  }
}

static void requantize(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  if (rule->per_column)
    requantize_rows(block, rule, false, true);
  else
    requantize_rows(block, rule, false, false);
}

static void requantize_fixed(const oct_quantize_block *block, const oct_requantize_rule *rule) {
  if (rule->per_column)
    requantize_rows(block, rule, true, true);
  else
    requantize_rows(block, rule, true, false);
}

OCT_ISA_END

const oct_quantize_kernels oct_quantize_neon = {
    .name = "neon",
    .isa = OCT_ISA_NEON,
    .quantize_byte = quantize_byte,
    .quantize_s32 = quantize_s32,
    .quantize_byte_columns = quantize_byte_columns,
    .quantize_s32_columns = quantize_s32_columns,
    .dequantize_byte = dequantize_byte,
    .dequantize_s32 = dequantize_s32,
    .dequantize_byte_wide = dequantize_byte_wide,
    .dequantize_s32_wide = dequantize_s32_wide,
    .dequantize_byte_columns = dequantize_byte_columns,
    .dequantize_s32_columns = dequantize_s32_columns,
    .dequantize_byte_wide_columns = dequantize_byte_wide_columns,
    .dequantize_s32_wide_columns = dequantize_s32_wide_columns,
    .requantize = requantize,
    .requantize_fixed = requantize_fixed,
};

#endif /* OCT_ARCH_ARM64 */
