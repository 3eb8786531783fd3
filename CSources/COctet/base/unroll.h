/* Loops over a constant number of vectors, and functions that are to see their arguments as constants. */
#ifndef OCT_BASE_UNROLL_H
#define OCT_BASE_UNROLL_H

/* In front of a loop whose vectors (accumulators above all) must live in registers: indexed by a variable they lie in
 * memory. */
#if defined(__clang__)
#define OCT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OCT_UNROLL _Pragma("GCC unroll 16")
#endif

#define OCT_INLINE static inline __attribute__((always_inline))

#endif /* OCT_BASE_UNROLL_H */
