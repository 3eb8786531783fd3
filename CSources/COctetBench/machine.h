/* The machine's own limits, tier by tier: multiply-adds that stay in registers, and loads. */
#ifndef OCT_BENCH_MACHINE_H
#define OCT_BENCH_MACHINE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/isa.h"
#include "octet/base.h"

/* Accumulators of a peak loop: more than the latency of two multiply-adds a cycle asks for. */
enum { OCT_BENCH_CHAINS = 12 };

#define OCT_BENCH_UNROLL OCT_PRAGMA(GCC unroll 16)

/* What a tier can do at most. Operations are those of one loop, a multiply-add being two. */
typedef struct oct_bench_tier_limits {
  oct_isa isa;
  const char *int8_instruction, *float_instruction, *read_instruction;
  size_t int8_operations, float_operations;
  void (*int8_peak)(size_t loops);
  void (*float_peak)(size_t loops);
  uint64_t (*read)(const void *bytes,
                   size_t count); /* touches every byte of a multiple of 256; the result depends on all */
} oct_bench_tier_limits;

extern const oct_bench_tier_limits oct_bench_limits_scalar;
#if OCT_ARCH_X86
extern const oct_bench_tier_limits oct_bench_limits_avx2;
extern const oct_bench_tier_limits oct_bench_limits_avxvnni;
extern const oct_bench_tier_limits oct_bench_limits_avx512vnni;
#endif
#if OCT_ARCH_ARM64
extern const oct_bench_tier_limits oct_bench_limits_neon;
extern const oct_bench_tier_limits oct_bench_limits_dotprod;
extern const oct_bench_tier_limits oct_bench_limits_i8mm;
#endif

/* Work cut into one part for each thread. A thread takes the part of its own number when that is free, so that its cache still holds
 * what it touched in the call before. */
typedef struct oct_bench_team {
  const oct_bench_tier_limits *limits;
  size_t loops;
  size_t parts;
  atomic_flag *taken; /* [parts] */
  _Atomic uint64_t sink;
} oct_bench_team;

#endif /* OCT_BENCH_MACHINE_H */
