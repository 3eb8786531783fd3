/* Rows of a in the form that a kernel wants. */
#ifndef OCT_GEMM_ROWS_H
#define OCT_GEMM_ROWS_H

#include "gemm_packed.h"

/* Copies bytes, each xor `flip`, in words that overlap at the end: short runs of any length without a call. */
static inline void oct_gemm_copy_bytes(const uint8_t *from, size_t count, uint8_t flip, uint8_t *to) {
  typedef uint8_t bytes16 __attribute__((vector_size(16)));
  if (count >= 16) {
    bytes16 flips = {0}, value;
    flips += flip;
    for (size_t i = 0; i + 16 < count; i += 16) {
      __builtin_memcpy(&value, from + i, 16);
      value ^= flips;
      __builtin_memcpy(to + i, &value, 16);
    }
    __builtin_memcpy(&value, from + count - 16, 16);
    value ^= flips;
    __builtin_memcpy(to + count - 16, &value, 16);
  } else if (count >= 4) {
    const uint32_t flips = 0x01010101u * flip;
    uint32_t value;
    for (size_t i = 0; i + 4 < count; i += 4) {
      __builtin_memcpy(&value, from + i, 4);
      value ^= flips;
      __builtin_memcpy(to + i, &value, 4);
    }
    __builtin_memcpy(&value, from + count - 4, 4);
    value ^= flips;
    __builtin_memcpy(to + count - 4, &value, 4);
  } else {
    for (size_t i = 0; i < count; i++) to[i] = from[i] ^ flip;
  }
}

/* What turns bytes of dtype into this form, S16 aside. */
static inline uint8_t oct_gemm_form_flip(oct_gemm_form form, oct_dtype dtype) {
  return form == (dtype == OCT_U8 ? OCT_GEMM_FORM_U8 : OCT_GEMM_FORM_S8) ? 0 : 0x80;
}

/* Bytes from row to row that suit a tile of rows of `bytes` bytes. Rows that are a multiple of 4 KB apart share the same few
 * places of a first-level cache, fewer than a tile has rows, so these move on by a line. */
static inline size_t oct_gemm_row_stride(size_t bytes) {
  return bytes > 0 && bytes % 4096 == 0 ? bytes + OCT_ALIGNMENT : bytes;
}

/* Writes `count` elements of dtype in this form. */
void oct_gemm_convert(oct_gemm_form form, oct_dtype dtype, const void *from, size_t count, void *to);

/* Writes the value `zero` (in the form) `count` times. */
void oct_gemm_fill(oct_gemm_form form, int32_t zero, size_t count, void *to);

/* The sum of `count` elements. */
int64_t oct_gemm_row_sum(oct_gemm_form form, const void *row, size_t count);

/* Lays row_group plain rows of `row_bytes` bytes, one behind the other, side by side: [k /
 * k_group][row_group][k_group]. */
void oct_gemm_interleave(const oct_gemm_kernel *kernel, const void *rows, size_t row_bytes, void *to);

/* Bytes behind a panel's last row that packing may write. */
enum { OCT_GEMM_PANEL_SLACK = 32 };

/* Bytes of `rows` packed rows with their slack, and of the scratch for packing them, both multiples of OCT_ALIGNMENT.
 * Scratch is 0 without row groups. */
size_t oct_gemm_panel_bytes(const oct_gemm_packed *packed, size_t rows);
size_t oct_gemm_scratch_bytes(const oct_gemm_packed *packed);

/* Bytes from row to row of packed rows; a group of them takes row_group times as many. */
static inline size_t oct_gemm_row_pitch(const oct_gemm_packed *packed) {
  const size_t bytes = oct_gemm_row_bytes(packed);
  return packed->kernel->row_group == 1 ? oct_gemm_row_stride(bytes) : bytes;
}

/* Packs `rows` rows of a. row_sum may be null. */
void oct_gemm_pack_rows(const oct_gemm_packed *packed, const void *a, ptrdiff_t a_stride, size_t rows, void *panel,
                        void *scratch, int64_t *row_sum);

#endif /* OCT_GEMM_ROWS_H */
