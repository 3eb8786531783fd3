/* What the AVX-VNNI tier takes over from AVX2. */
#ifndef OCT_BENCH_MACHINE_X86_AVX2_H
#define OCT_BENCH_MACHINE_X86_AVX2_H

#include <stddef.h>
#include <stdint.h>

#define OCT_BENCH_AVX2_FLOAT "vfmadd ymm"
#define OCT_BENCH_AVX2_READ "vmovdqu ymm"

void oct_bench_float_peak_avx2(size_t loops);
uint64_t oct_bench_read_avx2(const void *bytes, size_t count);

#endif /* OCT_BENCH_MACHINE_X86_AVX2_H */
