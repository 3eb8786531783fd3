/* Passes over arrays of arguments in 128-bit vectors, which every ABI that Octet knows has.
 *
 * low <= v <= high exactly if neither v - low nor high - v has its top bit set, both modulo 2^32 (2^64): where one of
 * them wraps around into the lower half, the other, which differs from it by less than half the range, cannot.
 * Positive floats are ordered as their bits are. */
#include "range.h"

#include <string.h>

typedef uint32_t words __attribute__((vector_size(16)));
typedef int32_t integers __attribute__((vector_size(16)));
typedef uint64_t longs __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));

/* BLOCK: vectors of one round of a loop that is short. */
enum { WORDS = 4, LONGS = 2, BLOCK = 4 };

bool oct_all_within_s32(const void *values, size_t count, int32_t low, int32_t high) {
  const char *from = values;
  const uint32_t l = (uint32_t)low, h = (uint32_t)high;
  const words least = {l, l, l, l}, most = {h, h, h, h};
  words outside = {0};
  size_t i = 0;
  for (; i + BLOCK * WORDS <= count; i += BLOCK * WORDS) {
    words v[BLOCK];
    memcpy(v, from + i * sizeof(uint32_t), sizeof v);
    const words first = (v[0] - least) | (most - v[0]) | (v[1] - least) | (most - v[1]);
    const words second = (v[2] - least) | (most - v[2]) | (v[3] - least) | (most - v[3]);
    outside |= first | second;
  }
  for (; i + WORDS <= count; i += WORDS) {
    words v;
    memcpy(&v, from + i * sizeof(uint32_t), sizeof v);
    outside |= (v - least) | (most - v);
  }
  uint32_t any = outside[0] | outside[1] | outside[2] | outside[3];
  for (; i < count; i++) {
    uint32_t v;
    memcpy(&v, from + i * sizeof v, sizeof v);
    any |= (v - l) | (h - v);
  }
  return any >> 31 == 0;
}

bool oct_all_within_s64(const void *values, size_t count, int64_t low, int64_t high) {
  const char *from = values;
  const uint64_t l = (uint64_t)low, h = (uint64_t)high;
  const longs least = {l, l}, most = {h, h};
  longs outside = {0};
  size_t i = 0;
  for (; i + LONGS <= count; i += LONGS) {
    longs v;
    memcpy(&v, from + i * sizeof(uint64_t), sizeof v);
    outside |= (v - least) | (most - v);
  }
  uint64_t any = outside[0] | outside[1];
  for (; i < count; i++) {
    uint64_t v;
    memcpy(&v, from + i * sizeof v, sizeof v);
    any |= (v - l) | (h - v);
  }
  return any >> 63 == 0;
}

bool oct_all_positive_f32(const void *values, size_t count) { return oct_all_within_s32(values, count, 1, 0x7F7FFFFF); }

bool oct_all_positive_f64(const void *values, size_t count, bool narrowed) {
  /* In float32, 2^-150 and what is below is 0, and the middle between FLT_MAX and 2^128 and what is above infinite. */
  return narrowed ? oct_all_within_s64(values, count, 0x3690000000000001, 0x47EFFFFFEFFFFFFF)
                  : oct_all_within_s64(values, count, 1, 0x7FEFFFFFFFFFFFFF);
}

void oct_extremes_s32(const void *values, size_t count, int32_t *low, int32_t *high) {
  const char *from = values;
  int32_t first;
  memcpy(&first, from, sizeof first);
  integers least = {first, first, first, first}, most = least;
  size_t i = 0;
  for (; i + WORDS <= count; i += WORDS) {
    integers v;
    memcpy(&v, from + i * sizeof(int32_t), sizeof v);
    const integers below = v<least, above = v> most;
    least = (v & below) | (least & ~below);
    most = (v & above) | (most & ~above);
  }
  *low = *high = first;
  for (int lane = 0; lane < WORDS; lane++) {
    *low = least[lane] < *low ? least[lane] : *low;
    *high = most[lane] > *high ? most[lane] : *high;
  }
  for (; i < count; i++) {
    int32_t v;
    memcpy(&v, from + i * sizeof v, sizeof v);
    *low = v < *low ? v : *low;
    *high = v > *high ? v : *high;
  }
}

void oct_fill_f32(float *values, size_t count, float value) {
  const floats v = {value, value, value, value};
  size_t i = 0;
  for (; i + WORDS <= count; i += WORDS) memcpy(values + i, &v, sizeof v);
  for (; i < count; i++) values[i] = value;
}
