/* The output stage on eight columns at a time, in two vectors. */
#ifndef OCT_BASE_EPILOGUE_NEON_H
#define OCT_BASE_EPILOGUE_NEON_H

#include "epilogue.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

OCT_ISA_BEGIN(NEON)

/* The integer output, as int32, of accumulators whose columns have this bias and multiplier. Selections instead of fmax
 * and fmin: they say what happens to a NaN. */
static inline int32x4_t oct_stage_integer_neon(const oct_stage *stage, int32x4_t acc, float32x4_t bias,
                                               float32x4_t multiplier) {
  const float32x4_t low = vdupq_n_f32(stage->low), high = vdupq_n_f32(stage->high);
  const float32x4_t biased = vaddq_f32(vcvtq_f32_s32(acc), bias);
  float32x4_t t = vmulq_f32(biased, multiplier);
  t = vbslq_f32(vcgtq_f32(t, low), t, low);
  t = vbslq_f32(vcltq_f32(t, high), t, high);
  return vaddq_s32(vcvtnq_s32_f32(t), vdupq_n_s32(stage->zero_point));
}

static inline float32x4_t oct_stage_real_neon(const oct_stage *stage, int32x4_t acc, float32x4_t bias,
                                              float32x4_t multiplier) {
  const float32x4_t low = vdupq_n_f32(stage->low), high = vdupq_n_f32(stage->high);
  const float32x4_t scaled = vmulq_f32(vcvtq_f32_s32(acc), multiplier);
  float32x4_t y = vaddq_f32(scaled, bias);
  y = vbslq_f32(vcltq_f32(y, low), low, y);
  return vbslq_f32(vcgtq_f32(y, high), high, y);
}

/* Stores the first `count` (1...8) of eight bytes that lie in int32 lanes, each within the range of uint8 or of int8.
 */
static inline void oct_store_bytes_neon(void *out, int32x4_t first, int32x4_t second, bool is_signed, size_t count) {
  const int16x8_t words = vcombine_s16(vqmovn_s32(first), vqmovn_s32(second));
  const uint8x8_t bytes = is_signed ? vreinterpret_u8_s8(vqmovn_s16(words)) : vqmovun_s16(words);
  if (count >= 8) {
    vst1_u8(out, bytes);
    return;
  }
  uint64_t left = vget_lane_u64(vreinterpret_u64_u8(bytes), 0);
  for (size_t i = 0; i < count; i++, left >>= 8) ((uint8_t *)out)[i] = (uint8_t)left;
}

/* Stores the first `count` (1...8) of eight 32-bit lanes; `out` may have any alignment. */
static inline void oct_store_words_neon(void *out, uint32x4_t first, uint32x4_t second, size_t count) {
  if (count >= 8) {
    vst1q_u8(out, vreinterpretq_u8_u32(first));
    vst1q_u8((uint8_t *)out + 16, vreinterpretq_u8_u32(second));
    return;
  }
  uint32_t lanes[8];
  vst1q_u32(lanes, first);
  vst1q_u32(lanes + 4, second);
  for (size_t i = 0; i < count; i++) __builtin_memcpy((char *)out + 4 * i, &lanes[i], 4);
}

/* Applies the stage to eight accumulators and stores the first `count` of the outputs at `out`. bias and multiplier
 * hold eight values, not read for int32 outputs. */
static inline void oct_stage_store_neon(const oct_stage *stage, int32x4_t first, int32x4_t second, const float *bias,
                                        const float *multiplier, void *out, size_t count) {
  if (stage->dtype == OCT_S32) {
    oct_store_words_neon(out, vreinterpretq_u32_s32(first), vreinterpretq_u32_s32(second), count);
    return;
  }
  const float32x4_t bias0 = vld1q_f32(bias), bias1 = vld1q_f32(bias + 4);
  const float32x4_t multiplier0 = vld1q_f32(multiplier), multiplier1 = vld1q_f32(multiplier + 4);
  if (stage->dtype == OCT_F32)
    oct_store_words_neon(out, vreinterpretq_u32_f32(oct_stage_real_neon(stage, first, bias0, multiplier0)),
                         vreinterpretq_u32_f32(oct_stage_real_neon(stage, second, bias1, multiplier1)), count);
  else
    oct_store_bytes_neon(out, oct_stage_integer_neon(stage, first, bias0, multiplier0),
                         oct_stage_integer_neon(stage, second, bias1, multiplier1), stage->dtype == OCT_S8, count);
}

OCT_ISA_END

#endif
#endif /* OCT_BASE_EPILOGUE_NEON_H */
