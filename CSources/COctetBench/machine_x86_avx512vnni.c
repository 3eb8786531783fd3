/* Limits of AVX-512 with VNNI: vpdpbusd and vfmadd on twelve chains of registers, and 64-byte loads. Bound by the ports alone: no
 * address is formed in the peak loops, and twelve chains cover six cycles of latency at two a cycle. */
#include "machine.h"

#if OCT_ARCH_X86
#include <immintrin.h>

OCT_ISA_BEGIN(AVX512VNNI)

static void int8_peak(size_t loops) {
  const __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
  __m512i sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = _mm512_setzero_si512();
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
      __asm__ volatile("" : "+v"(sum[i]));
    }
  }
}

static void float_peak(size_t loops) {
  const __m512 a = _mm512_set1_ps(1.0f), b = _mm512_set1_ps(0.5f);
  __m512 sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = _mm512_setzero_ps();
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = _mm512_fmadd_ps(a, b, sum[i]);
      __asm__ volatile("" : "+v"(sum[i]));
    }
  }
}

static uint64_t read(const void *bytes, size_t count) {
  const char *at = bytes;
  __m512i sum[4];
  OCT_BENCH_UNROLL
  for (int i = 0; i < 4; i++) sum[i] = _mm512_setzero_si512();
  for (; count >= 256; count -= 256, at += 256) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < 4; i++) sum[i] = _mm512_xor_si512(sum[i], _mm512_loadu_si512(at + 64 * i));
  }
  const __m512i all = _mm512_xor_si512(_mm512_xor_si512(sum[0], sum[1]), _mm512_xor_si512(sum[2], sum[3]));
  uint64_t lanes[8], folded = 0;
  __builtin_memcpy(lanes, &all, sizeof lanes);
  for (int i = 0; i < 8; i++) folded ^= lanes[i];
  return folded;
}

OCT_ISA_END

const oct_bench_tier_limits oct_bench_limits_avx512vnni = {
    .isa = OCT_ISA_AVX512VNNI,
    .int8_instruction = "vpdpbusd zmm",
    .float_instruction = "vfmadd zmm",
    .read_instruction = "vmovdqu64 zmm",
    .int8_operations = OCT_BENCH_CHAINS * 128,
    .float_operations = OCT_BENCH_CHAINS * 32,
    .int8_peak = int8_peak,
    .float_peak = float_peak,
    .read = read,
};

#endif
