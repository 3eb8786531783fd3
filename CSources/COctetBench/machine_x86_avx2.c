/* Limits of AVX2: vpmaddwd with vpaddd, which is what exact 8-bit products come down to without VNNI, vfmadd (vmulps and vaddps where
 * the CPU has no FMA), and 32-byte loads. Bound by the ports alone. */
#include "machine_x86_avx2.h"

#include "machine.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#define OCT_TARGET_AVX2_FMA "avx2,fma"

OCT_ISA_BEGIN(AVX2)

static void int8_peak(size_t loops) {
  const __m256i b = _mm256_set1_epi16(2);
  __m256i sum[OCT_BENCH_CHAINS], a = _mm256_set1_epi16(1);
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = _mm256_setzero_si256();
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      __asm__ volatile("" : "+x"(a));
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(a, b));
      __asm__ volatile("" : "+x"(sum[i]));
    }
  }
}

static void separate_float_peak(size_t loops) {
  const __m256 b = _mm256_set1_ps(0.5f);
  __m256 sum[OCT_BENCH_CHAINS], a = _mm256_set1_ps(1.0f);
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = _mm256_setzero_ps();
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      __asm__ volatile("" : "+x"(a));
      sum[i] = _mm256_add_ps(sum[i], _mm256_mul_ps(a, b));
      __asm__ volatile("" : "+x"(sum[i]));
    }
  }
}

uint64_t oct_bench_read_avx2(const void *bytes, size_t count) {
  const char *at = bytes;
  __m256i sum[8];
  OCT_BENCH_UNROLL
  for (int i = 0; i < 8; i++) sum[i] = _mm256_setzero_si256();
  for (; count >= 256; count -= 256, at += 256) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < 8; i++)
      sum[i] = _mm256_xor_si256(sum[i], _mm256_loadu_si256((const __m256i *)(const void *)(at + 32 * i)));
  }
  for (int i = 1; i < 8; i++) sum[0] = _mm256_xor_si256(sum[0], sum[i]);
  uint64_t lanes[4];
  __builtin_memcpy(lanes, sum, sizeof lanes);
  return lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];
}

OCT_ISA_END

OCT_ISA_BEGIN(AVX2_FMA)

static void fused_float_peak(size_t loops) {
  const __m256 a = _mm256_set1_ps(1.0f), b = _mm256_set1_ps(0.5f);
  __m256 sum[OCT_BENCH_CHAINS];
  OCT_BENCH_UNROLL
  for (int i = 0; i < OCT_BENCH_CHAINS; i++) sum[i] = _mm256_setzero_ps();
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      sum[i] = _mm256_fmadd_ps(a, b, sum[i]);
      __asm__ volatile("" : "+x"(sum[i]));
    }
  }
}

OCT_ISA_END

void oct_bench_float_peak_avx2(size_t loops) {
  if (__builtin_cpu_supports("fma"))
    fused_float_peak(loops);
  else
    separate_float_peak(loops);
}

const oct_bench_tier_limits oct_bench_limits_avx2 = {
    .isa = OCT_ISA_AVX2,
    .int8_instruction = "vpmaddwd ymm",
    .float_instruction = OCT_BENCH_AVX2_FLOAT,
    .read_instruction = OCT_BENCH_AVX2_READ,
    .int8_operations = OCT_BENCH_CHAINS * 32,
    .float_operations = OCT_BENCH_CHAINS * 16,
    .int8_peak = int8_peak,
    .float_peak = oct_bench_float_peak_avx2,
    .read = oct_bench_read_avx2,
};

#endif
