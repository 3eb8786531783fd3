/* GEMM kernels: what one computes, how it wants its operands, and the list of them. Internal, but tests and benchmarks
 * may look. */
#ifndef OCT_GEMM_KERNEL_H
#define OCT_GEMM_KERNEL_H

#include "base/epilogue.h"
#include "base/isa.h"

/* Bounds that every kernel keeps; tile buffers on the stack are sized by them. */
enum { OCT_GEMM_MAX_ROWS = 16, OCT_GEMM_MAX_COLUMNS = 64, OCT_GEMM_MAX_TILE = 512 };

/* How a kernel wants the elements of a. Flipping the top bit turns uint8 into int8 less 128 and back, so every form
 * serves both. */
typedef enum oct_gemm_form { OCT_GEMM_FORM_U8, OCT_GEMM_FORM_S8, OCT_GEMM_FORM_S16 } oct_gemm_form;

/* One tile: rows <= mr, columns <= nr, the whole of k.
 *
 *   acc[r, c] = column_term[c] + row_sum[r] * minus_zero[c] + sum over k of a[r, k] * b[c, k]     modulo 2^32
 *
 * and the stage turns acc into c. Modulo 2^32, because a's and b's zero points cancel only in the end; the caller sees
 * to it that the end fits. */
typedef struct oct_gemm_tile {
  const void *a;           /* row_group rows at a time: [k / k_group][row_group][k_group] elements */
  ptrdiff_t a_stride;      /* bytes from one row group to the next */
  const int8_t *b;         /* [k / k_group][nr][k_group], columns beyond n and k beyond the end are 0 */
  ptrdiff_t ahead;         /* bytes of b between what few rows read and what they fetch; 0: no fetching */
  size_t blocks;           /* of a cell, for run_blocks */
  size_t k_groups;         /* k / k_group, rounded up; of one run */
  size_t runs;             /* k is so many runs, 1 unless the kernel takes runs */
  const ptrdiff_t *run_at; /* bytes from a to each run; with one run it is 0 */
  size_t k_tail; /* rows in place: elements of the last group that exist, 0 when all do; the row has a group before */
  size_t rows, columns;       /* at least 1 */
  size_t panels;              /* so many tiles side by side, 1 unless the kernel takes panels and all are whole */
  ptrdiff_t panel_c_stride;   /* bytes from tile to tile in c */
  const int32_t *column_term; /* [nr] */
  const int32_t *minus_zero;  /* [nr]; read if row_sum is set */
  const int32_t *row_sum;     /* [rows], or null when all of minus_zero is 0 */
  const oct_stage *stage;
  size_t column; /* the tile's first column in the stage's arrays; nr values are readable there */
  void *c;
  ptrdiff_t c_stride; /* bytes */
} oct_gemm_tile;

/* Columns begin..<end of what a call adds to packed weights, begin and end multiples of the kernel's nr. Those beyond n
 * get neutral values.
 *
 *   term[i]       = bias[i] - zero * column_sum[i] - k_zero * minus_zero[i]                     modulo 2^32
 *   multiplier[i] = from[i] * scale
 *   real_bias[i]  = real_from[i], or -0 */
typedef struct oct_gemm_columns {
  size_t begin, end, n;
  int32_t zero, k_zero;
  const int64_t *column_sum;
  const int32_t *minus_zero; /* null: all are 0 */
  const int32_t *bias;       /* null: all are 0 */
  float scale;
  const float *from; /* null when outputs are sums */
  size_t from_count; /* 1 or n */
  const float *real_from;
  int32_t *term;
  float *multiplier, *real_bias;
} oct_gemm_columns;

typedef struct oct_gemm_kernel {
  const char *name;
  oct_isa isa;
  oct_gemm_form form;
  uint32_t mr, nr;    /* the largest tile */
  uint32_t k_group;   /* elements of k that lie side by side for one column, and for one row of a row group */
  uint32_t row_group; /* rows of a packed together; 1: plain rows, so that a may be used where it lies */
  bool takes_runs;    /* rows in place may be made of runs, or end inside a group of k: see runs and k_tail */
  bool takes_panels;  /* see panels */
  uint32_t speed;
  bool test_only;
  void (*run)(const oct_gemm_tile *tile);
  void (*run_blocks)(const oct_gemm_tile *tile); /* null, or the same for block diagonal weights, see below */
  void (*fill_columns)(const oct_gemm_columns *columns);
} oct_gemm_kernel;

/* Block diagonal weights in cells: nr = 32 columns and every 32 k are eight blocks of 4 by 4, four of 8 by 8 or two of
 * 16 by 16, and nothing else is stored. Two blocks lie as panels do, [k / 4][column][4], each with k of its own. Of more
 * blocks a cell's two halves are 16 columns by 16 k: [column in its block][block][k in it]. */
enum { OCT_GEMM_CELL = 32, OCT_GEMM_FOURS = 8, OCT_GEMM_EIGHTS = 4, OCT_GEMM_SIXTEENS = 2 };

static inline bool oct_gemm_is_cell(size_t blocks) {
  return blocks == OCT_GEMM_FOURS || blocks == OCT_GEMM_EIGHTS || blocks == OCT_GEMM_SIXTEENS;
}

#if OCT_ARCH_X86
void oct_gemm_blocks_14x32__avx512vnni(const oct_gemm_tile *tile);
void oct_gemm_columns__avx512vnni(const oct_gemm_columns *columns);
#endif
void oct_gemm_columns__scalar(const oct_gemm_columns *columns);

#define OCT_GEMM_KERNEL(name, isa, form, mr, nr, k_group, row_group, runs, speed, use, blocks, columns) \
  void oct_gemm_##name(const oct_gemm_tile *tile);
#include "gemm.def"
#undef OCT_GEMM_KERNEL

/* The list, test kernels included. */
extern const oct_gemm_kernel oct_gemm_kernels[];
extern const size_t oct_gemm_kernel_count;

/* The best kernel under oct_max_isa(); fails when OCTET_MAX_ISA is nonsense. Under OCTET_VERBOSE it says why better
 * ones were declined. */
oct_status oct_gemm_select(const oct_gemm_kernel **kernel);

/* Bytes per element of a form. */
static inline size_t oct_gemm_form_size(oct_gemm_form form) { return form == OCT_GEMM_FORM_S16 ? 2 : 1; }

/* Loops over a constant number of rows must be unrolled, or the accumulators live in memory. */
#if defined(__clang__)
#define OCT_GEMM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OCT_GEMM_UNROLL _Pragma("GCC unroll 16")
#endif
#define OCT_GEMM_INLINE static inline __attribute__((always_inline))

/* Moves the pointers to every third of `rows` rows; rows is a constant. The rows between are reached as base + stride
 * and base + 2 * stride, which leaves enough registers for all addresses. The empty statement keeps the compiler from
 * deriving the pointers from each other. */
OCT_GEMM_INLINE void oct_gemm_advance(const uint8_t **base, ptrdiff_t bytes, int rows) {
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r += 3) {
    base[r / 3] += bytes;
    __asm__("" : "+r"(base[r / 3]));
  }
}

/* The `tail` (1...3) bytes at `at`, the last of a row, with zeros up to four. The row has four bytes, so these are read
 * from its end. */
OCT_GEMM_INLINE int32_t oct_gemm_tail_bytes(const uint8_t *at, size_t tail) {
  uint32_t bits;
  __builtin_memcpy(&bits, at + tail - 4, 4);
  return (int32_t)(bits >> (8 * (4 - tail)));
}

#endif /* OCT_GEMM_KERNEL_H */
