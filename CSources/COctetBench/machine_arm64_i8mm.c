/* Limits of the i8mm tier: smmla, the 2x8 by 8x2 product of 8-bit lanes, on twelve chains, bound by its pipes. The rest is NEON's. */
#include "machine.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

#include "machine_arm64_neon.h"

OCT_ISA_BEGIN(I8MM)

static void int8_peak(size_t loops) {
  const int8x16_t a = vdupq_n_s8(1), b = vdupq_n_s8(2);
  int32x4_t sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = vdupq_n_s32(0);
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = vmmlaq_s32(sum[i], a, b);
      __asm__ volatile("" : "+w"(sum[i]));
    }
  }
}

OCT_ISA_END

const oct_bench_tier_limits oct_bench_limits_i8mm = {
    .isa = OCT_ISA_I8MM,
    .int8_instruction = "smmla 4s",
    .float_instruction = OCT_BENCH_NEON_FLOAT,
    .read_instruction = OCT_BENCH_NEON_READ,
    .int8_operations = OCT_BENCH_CHAINS * 64,
    .float_operations = OCT_BENCH_CHAINS * 8,
    .int8_peak = int8_peak,
    .float_peak = oct_bench_float_peak_neon,
    .read = oct_bench_read_neon,
};

#endif
