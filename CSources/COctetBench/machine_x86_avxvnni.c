/* Limits of AVX-VNNI: vpdpbusd on twelve chains of 32-byte registers, bound by its ports. The rest is the AVX2 tier's. */
#include "machine.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "machine_x86_avx2.h"

OCT_ISA_BEGIN(AVXVNNI)

static void int8_peak(size_t loops) {
  const __m256i a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2);
  __m256i sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = _mm256_setzero_si256();
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = _mm256_dpbusd_avx_epi32(sum[i], a, b);
      __asm__ volatile("" : "+x"(sum[i]));
    }
  }
}

OCT_ISA_END

const oct_bench_tier_limits oct_bench_limits_avxvnni = {
    .isa = OCT_ISA_AVXVNNI,
    .int8_instruction = "vpdpbusd ymm",
    .float_instruction = OCT_BENCH_AVX2_FLOAT,
    .read_instruction = OCT_BENCH_AVX2_READ,
    .int8_operations = OCT_BENCH_CHAINS * 64,
    .float_operations = OCT_BENCH_CHAINS * 16,
    .int8_peak = int8_peak,
    .float_peak = oct_bench_float_peak_avx2,
    .read = oct_bench_read_avx2,
};

#endif
