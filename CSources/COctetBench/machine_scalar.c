/* Limits of plain C: one integer or float32 multiply and one add at a time, and eight-byte loads. A compiler that vectorizes a scalar
 * kernel for the ABI's floor can beat them. */
#include <string.h>

#include "machine.h"

static void int8_peak(size_t loops) {
  int32_t sum[OCT_BENCH_CHAINS] = {0}, a = 1;
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      int32_t b = 3;
      __asm__ volatile("" : "+r"(a), "+r"(b));
      sum[i] = (int32_t)((uint32_t)sum[i] + (uint32_t)a * (uint32_t)b);
      __asm__ volatile("" : "+r"(sum[i]));
    }
  }
}

#if OCT_ARCH_X86
#define OCT_BENCH_FLOAT_REGISTER "+x"
#elif OCT_ARCH_ARM64
#define OCT_BENCH_FLOAT_REGISTER "+w"
#else
#define OCT_BENCH_FLOAT_REGISTER "+m"
#endif

static void float_peak(size_t loops) {
  float sum[OCT_BENCH_CHAINS] = {0}, a = 1.0f;
  for (; loops > 0; loops--) {
    OCT_BENCH_UNROLL
    for (int i = 0; i < OCT_BENCH_CHAINS; i++) {
      __asm__ volatile("" : OCT_BENCH_FLOAT_REGISTER(a));
      sum[i] += a * 0.5f;
      __asm__ volatile("" : OCT_BENCH_FLOAT_REGISTER(sum[i]));
    }
  }
}

static uint64_t read(const void *bytes, size_t count) {
  const char *at = bytes;
  uint64_t sum[4] = {0};
  for (; count >= 32; count -= 32, at += 32) {
    uint64_t words[4];
    memcpy(words, at, sizeof words);
    OCT_BENCH_UNROLL
    for (int i = 0; i < 4; i++) sum[i] ^= words[i];
  }
  return sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
}

const oct_bench_tier_limits oct_bench_limits_scalar = {
    .isa = OCT_ISA_SCALAR,
    .int8_instruction = "int32 multiply, add",
    .float_instruction = "float32 multiply, add",
    .read_instruction = "8-byte loads",
    .int8_operations = OCT_BENCH_CHAINS * 2,
    .float_operations = OCT_BENCH_CHAINS * 2,
    .int8_peak = int8_peak,
    .float_peak = float_peak,
    .read = read,
};
