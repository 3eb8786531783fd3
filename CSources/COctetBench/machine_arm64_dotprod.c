/* Limits of the dotprod tier: sdot, the dot product of four 8-bit lanes, on twelve chains, bound by its pipes. The rest is NEON's. */
#include "machine.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>

#include "machine_arm64_neon.h"

OCT_ISA_BEGIN(DOTPROD)

static void int8_peak(size_t loops) {
  const int8x16_t a = vdupq_n_s8(1), b = vdupq_n_s8(2);
  int32x4_t sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = vdupq_n_s32(0);
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = vdotq_s32(sum[i], a, b);
      __asm__ volatile("" : "+w"(sum[i]));
    }
  }
}

OCT_ISA_END

const oct_bench_tier_limits oct_bench_limits_dotprod = {
    .isa = OCT_ISA_DOTPROD,
    .int8_instruction = "sdot 4s",
    .float_instruction = OCT_BENCH_NEON_FLOAT,
    .read_instruction = OCT_BENCH_NEON_READ,
    .int8_operations = OCT_BENCH_CHAINS * 32,
    .float_operations = OCT_BENCH_CHAINS * 8,
    .int8_peak = int8_peak,
    .float_peak = oct_bench_float_peak_neon,
    .read = oct_bench_read_neon,
};

#endif
