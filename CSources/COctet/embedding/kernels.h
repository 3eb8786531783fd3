/* What a tier implements for the embedding family: adding one weighted row to a sum, for each width of code. */
#ifndef OCT_EMBEDDING_KERNELS_H
#define OCT_EMBEDDING_KERNELS_H

#include <string.h>

#include "base/isa.h"
#include "octet/embedding.h"

OCT_FP_STRICT

/* y[i] = fma(scale, q[i], y[i] + bias) for `dim` packed codes. Pointers may have any alignment. */
typedef void (*oct_embedding_loop)(const uint8_t *codes, size_t dim, float scale, float bias, float *y);

/* Rows that indices name: `row` bytes of the table each, codes first, scale and bias after `codes` bytes. No weights: null. */
typedef struct oct_embedding_rows {
  const uint8_t *table;
  size_t row, codes;
  const void *indices;
  oct_index_type index_type;
  size_t index_count;
  const float *weights;
} oct_embedding_rows;

/* y = the sum over indices begin..<end in order, from zero, with y in registers meanwhile. */
typedef void (*oct_embedding_sum)(const oct_embedding_rows *rows, size_t begin, size_t end, size_t dim, float *y);

/* Indices between a row's prefetch and its use, and the bytes of a row that are fetched. */
enum { OCT_EMBEDDING_AHEAD = 48, OCT_EMBEDDING_LINE = 64, OCT_EMBEDDING_FETCHED = 512 };

static inline __attribute__((always_inline)) int64_t oct_embedding_index(const void *list, oct_index_type type,
                                                                         size_t i) {
  if (type == OCT_INDEX_S32) {
    int32_t value;
    memcpy(&value, (const char *)list + i * sizeof value, sizeof value);
    return value;
  }
  int64_t value;
  memcpy(&value, (const char *)list + i * sizeof value, sizeof value);
  return value;
}

static inline __attribute__((always_inline)) const uint8_t *oct_embedding_row_at(const oct_embedding_rows *rows,
                                                                                 size_t i) {
  return rows->table + (size_t)oct_embedding_index(rows->indices, rows->index_type, i) * rows->row;
}

static inline __attribute__((always_inline)) float oct_embedding_weight(const oct_embedding_rows *rows, size_t i) {
  float weight = 1.0f;
  if (rows->weights) memcpy(&weight, (const char *)rows->weights + i * sizeof weight, sizeof weight);
  return weight;
}

/* Asks for the row that comes up after some more. Always inlined: GCC takes a function that only prefetches for one without
 * effects, and drops its calls. A row's last byte may lie in one more line; a few bytes beyond a line aren't worth a request of
 * their own before it. */
static inline __attribute__((always_inline)) void oct_embedding_prefetch(const oct_embedding_rows *rows, size_t i) {
  if (rows->index_count - i <= OCT_EMBEDDING_AHEAD) return;
  const char *row = (const char *)oct_embedding_row_at(rows, i + OCT_EMBEDDING_AHEAD);
  const size_t size = rows->row < OCT_EMBEDDING_FETCHED ? rows->row : OCT_EMBEDDING_FETCHED;
  __builtin_prefetch(row);
  for (size_t at = OCT_EMBEDDING_LINE; at + 8 < size; at += OCT_EMBEDDING_LINE) __builtin_prefetch(row + at);
  __builtin_prefetch(row + size - 1);
}

enum { OCT_EMBEDDING_WIDTHS = 3 };

/* The place of a width in tables: 8, 4, 2 bits. */
static inline int oct_embedding_width(oct_embedding_bits bits) {
  return bits == OCT_EMBEDDING_8 ? 0 : bits == OCT_EMBEDDING_4 ? 1 : 2;
}

typedef struct oct_embedding_kernels {
  const char *name;
  oct_isa isa;
  oct_embedding_loop accumulate[OCT_EMBEDDING_WIDTHS];
  oct_embedding_sum sum[OCT_EMBEDDING_WIDTHS]; /* null where rows are accumulated one by one */
} oct_embedding_kernels;

#define OCT_EMBEDDING_KERNELS(isa, arch, symbol) extern const oct_embedding_kernels symbol;
#include "embedding.def"
#undef OCT_EMBEDDING_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_embedding_select(const oct_embedding_kernels **kernels);

/* Refuses widths that don't exist and rows beyond memory; answers the bytes of a row and of its codes. */
oct_status oct_embedding_layout(const char *entry, oct_embedding_bits bits, size_t dim, size_t *row, size_t *codes);

/* Refuses a table that is null or smaller than `rows` rows. */
oct_status oct_embedding_check_table(const char *entry, const void *table, size_t table_size, size_t rows, size_t row);

/* The fused multiply-add of the family, in double: r = RN32(a * q + t) for float32 a and t and a code q, without fused instructions.
 *
 *  1. p = a * q is exact: 24 bits times 8 fit into 53, and double's exponents cover every product of float32 with 0..255.
 *  2. s = RN64(p + t) rounds once. RN32(s) can differ from RN32(p + t) only where s lies exactly between two neighbouring float32: RN64 is
 *     monotonic and such midpoints are doubles, so a sum on one side of a midpoint stays on that side or lands on it.
 *  3. For |s| in float32's normal range, or beyond its top, where the midpoint to 2^128 decides, a midpoint is a double whose last 29 bits
 *     are 1 and 28 zeros. Below 2^-126 there is nothing to decide: p and t are multiples of 2^-149, so s is a float32.
 *  4. On a midpoint, e = (p + t) - s comes from TwoSum exactly (no overflow: |p + t| < 2^137). When e isn't 0, the true sum lies on
 *     e's side, and s one step of double towards e rounds to the right neighbour. When e is 0 the tie is real and goes to even.
 *
 * Infinities and NaN have no such midpoints with an ordered e, and pass as IEEE 754 says. */
enum { OCT_EMBEDDING_REST = 0x1FFFFFFF, OCT_EMBEDDING_MIDDLE = 0x10000000 };

static inline __attribute__((always_inline)) float oct_embedding_fma(float a, uint32_t q, float t) {
  const double p = (double)a * (double)(int32_t)q, c = (double)t;
  double s = p + c;
  uint64_t bits;
  memcpy(&bits, &s, sizeof bits);
  if ((bits & OCT_EMBEDDING_REST) == OCT_EMBEDDING_MIDDLE) {
    const double part = s - p, e = (p - (s - part)) + (c - part);
    if (e < 0 || e > 0) bits += (e > 0) == (s > 0) ? 1 : UINT64_MAX;
    memcpy(&s, &bits, sizeof s);
  }
  return (float)s;
}

/* Where p + t needs no second look, told by t alone: bits of |t| within low..last say that the sum in double is exact, so that its one
 * rounding is to float32. With 2^e <= |a| < 2^(e + 1), p is a multiple of 2^(e - 23) below 2^(e + 9) in size; with
 * 2^f <= |t| < 2^(f + 1), t is a multiple of 2^(f - 23). A double holds every multiple of 2^k below 2^(k + 53).
 *
 *   e <= f <= e + 28: k = e - 23, and |p + t| < 2^(e + 9) + 2^(e + 29) < 2^(k + 53)
 *   e - 20 <= f < e:  k = f - 23 >= e - 43, and |p + t| < 2^(e + 9) + 2^e < 2^(e + 10) <= 2^(k + 53)
 *
 * Nearly all sums of a table lie within. When a isn't a normal number, nothing does. */
typedef struct oct_embedding_window {
  int32_t low, last;
} oct_embedding_window;

static inline oct_embedding_window oct_embedding_exact(float a) {
  int32_t bits;
  memcpy(&bits, &a, sizeof bits);
  const int32_t e = (bits >> 23) & 255;
  if (e == 0 || e == 255) return (oct_embedding_window){.low = 1, .last = 0};
  const int32_t bottom = e - 20 < 1 ? 1 : e - 20, top = e + 28 > 254 ? 254 : e + 28;
  return (oct_embedding_window){.low = bottom << 23, .last = (top << 23) | 0x7FFFFF};
}

/* Code i of a row. */
static inline __attribute__((always_inline)) uint32_t oct_embedding_code(const uint8_t *codes, size_t i, int bits) {
  const size_t each = 8 / (size_t)bits;
  return (codes[i / each] >> (i % each * (size_t)bits)) & ((1u << bits) - 1);
}

/* Elements begin..<dim of a row: whole rows for any CPU, tails elsewhere. */
static inline __attribute__((always_inline)) void oct_embedding_rest(const uint8_t *codes, size_t begin, size_t dim,
                                                                     float scale, float bias, float *y, int bits) {
  for (size_t i = begin; i < dim; i++) {
    char *place = (char *)y + i * sizeof *y;
    float value;
    memcpy(&value, place, sizeof value);
    value = oct_embedding_fma(scale, oct_embedding_code(codes, i, bits), value + bias);
    memcpy(place, &value, sizeof value);
  }
}

#endif /* OCT_EMBEDDING_KERNELS_H */
