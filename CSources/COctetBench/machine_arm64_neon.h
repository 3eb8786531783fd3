/* What the AArch64 tiers above take over from NEON. */
#ifndef OCT_BENCH_MACHINE_ARM64_NEON_H
#define OCT_BENCH_MACHINE_ARM64_NEON_H

#include <stddef.h>
#include <stdint.h>

#define OCT_BENCH_NEON_FLOAT "fmla 4s"
#define OCT_BENCH_NEON_READ "ldr q"

void oct_bench_float_peak_neon(size_t loops);
uint64_t oct_bench_read_neon(const void *bytes, size_t count);

#endif /* OCT_BENCH_MACHINE_ARM64_NEON_H */
