/* Limits of NEON: smlal of 16-bit lanes, which is what exact 8-bit products come down to without dot products, fmla, and 16-byte
 * loads. Bound by the pipes alone. */
#include "machine_arm64_neon.h"

#include "machine.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

OCT_ISA_BEGIN(NEON)

static void int8_peak(size_t loops) {
  const int16x4_t a = vdup_n_s16(1), b = vdup_n_s16(2);
  int32x4_t sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = vdupq_n_s32(0);
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = vmlal_s16(sum[i], a, b);
      __asm__ volatile("" : "+w"(sum[i]));
    }
  }
}

void oct_bench_float_peak_neon(size_t loops) {
  const float32x4_t a = vdupq_n_f32(1.0f), b = vdupq_n_f32(0.5f);
  float32x4_t sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = vdupq_n_f32(0.0f);
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = vfmaq_f32(sum[i], a, b);
      __asm__ volatile("" : "+w"(sum[i]));
    }
  }
}

uint64_t oct_bench_read_neon(const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  uint8x16_t sum[8];
  OCT_BENCH_UNROLL
  for (int i = 0; i < 8; i++) sum[i] = vdupq_n_u8(0);
  for (; count >= 256; count -= 256, at += 256) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < 16; i++) sum[i % 8] = veorq_u8(sum[i % 8], vld1q_u8(at + 16 * i));
  }
  for (int i = 1; i < 8; i++) sum[0] = veorq_u8(sum[0], sum[i]);
  const uint64x2_t all = vreinterpretq_u64_u8(sum[0]);
  return vgetq_lane_u64(all, 0) ^ vgetq_lane_u64(all, 1);
}

OCT_ISA_END

const oct_bench_tier_limits oct_bench_limits_neon = {
    .isa = OCT_ISA_NEON,
    .int8_instruction = "smlal 4s",
    .float_instruction = OCT_BENCH_NEON_FLOAT,
    .read_instruction = OCT_BENCH_NEON_READ,
    .int8_operations = OCT_BENCH_CHAINS * 8,
    .float_operations = OCT_BENCH_CHAINS * 8,
    .int8_peak = int8_peak,
    .float_peak = oct_bench_float_peak_neon,
    .read = oct_bench_read_neon,
};

#endif
