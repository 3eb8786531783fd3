/* The vocabulary of vector loops, and what each word means, in its plain form: one lane.
 *
 * A loop that is written in these words stands in a family's loops.h; each tier's file includes one of the vector_*.h and
 * then the loops, inside its region. Addresses may have any alignment. Lanes are float32 (vf) or int32 (vi); vm is what a
 * comparison of floats gives. A quad is four vectors, QUAD lanes, in order. */
#ifndef OCT_BASE_VECTOR_SCALAR_H
#define OCT_BASE_VECTOR_SCALAR_H

#include <string.h>

#include "isa.h"
#include "unroll.h"

OCT_FP_STRICT

enum { LANES = 1, QUAD = 4 };

typedef float vf;
typedef int32_t vi;
typedef bool vm;

OCT_INLINE vf vf_set(float value) { return value; }
OCT_INLINE vf vf_load(const void *from) {
  float value;
  memcpy(&value, from, sizeof value);
  return value;
}
OCT_INLINE void vf_store(void *to, vf value) { memcpy(to, &value, sizeof value); }
/* Stores that needn't stay in the caches; `to` is aligned to a vector. Other threads see them after vf_stream_end. */
OCT_INLINE void vf_stream(void *to, vf value) { vf_store(to, value); }
OCT_INLINE void vf_stream_end(void) {}

OCT_INLINE vf vf_add(vf a, vf b) { return a + b; }
OCT_INLINE vf vf_sub(vf a, vf b) { return a - b; }
OCT_INLINE vf vf_mul(vf a, vf b) { return a * b; }
OCT_INLINE vf vf_div(vf a, vf b) { return a / b; }
/* The second operand when one is NaN. */
OCT_INLINE vf vf_min(vf a, vf b) { return a < b ? a : b; }
OCT_INLINE vf vf_max(vf a, vf b) { return a > b ? a : b; }
/* To the nearest integer, ties to even, for |value| <= 2^22. */
OCT_INLINE vf vf_round(vf value) {
  const float magic = 12582912.0f;
  return (value + magic) - magic;
}

/* False for NaN. */
OCT_INLINE vm vf_less(vf a, vf b) { return a < b; }
OCT_INLINE vm vf_within(vf value, vf low, vf high) { return low <= value && value <= high; }
OCT_INLINE vm vm_and(vm a, vm b) { return a && b; }
OCT_INLINE vf vf_select(vm mask, vf yes, vf no) { return mask ? yes : no; }
OCT_INLINE vf vf_keep(vm mask, vf value) { return mask ? value : 0.0f; }

OCT_INLINE vi vi_set(int32_t value) { return value; }
OCT_INLINE vi vi_load(const void *from) {
  int32_t value;
  memcpy(&value, from, sizeof value);
  return value;
}
OCT_INLINE void vi_store(void *to, vi value) { memcpy(to, &value, sizeof value); }
/* The first `bytes` bytes of a vector, less than all of them; loads set the others to 0. */
OCT_INLINE vi vi_load_part(const void *from, size_t bytes) {
  int32_t value = 0;
  memcpy(&value, from, bytes);
  return value;
}
OCT_INLINE void vi_store_part(void *to, vi value, size_t bytes) { memcpy(to, &value, bytes); }
OCT_INLINE vi vi_add(vi a, vi b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
OCT_INLINE vi vi_sub(vi a, vi b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
OCT_INLINE vi vi_and(vi a, vi b) { return a & b; }
OCT_INLINE vi vi_or(vi a, vi b) { return a | b; }
OCT_INLINE vi vi_xor(vi a, vi b) { return a ^ b; }
OCT_INLINE vi vi_max(vi a, vi b) { return a > b ? a : b; }
OCT_INLINE vi vi_min(vi a, vi b) { return a < b ? a : b; }
/* Zeros come in from above. */
OCT_INLINE vi vi_shift_right(vi value, int bits) { return (int32_t)((uint32_t)value >> bits); }
OCT_INLINE vi vi_shift_left(vi value, int bits) { return (int32_t)((uint32_t)value << bits); }
OCT_INLINE vi vi_select(vm mask, vi yes, vi no) { return mask ? yes : no; }

OCT_INLINE vi vf_bits(vf value) {
  int32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
/* The nearest integer (ties to even) of |value| <= 2^22, the integer next to zero of |value| < 2^31. */
/* The float of some bits. */
OCT_INLINE vf vi_as_float(vi bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
OCT_INLINE vi vf_to_int(vf value) { return (int32_t)vf_round(value); }
OCT_INLINE vi vf_truncate(vf value) { return (int32_t)value; }
OCT_INLINE vf vi_to_float(vi value) { return (float)value; }

/* A quad of uint8 or int8 as int32. */
OCT_INLINE void vi_load_bytes(const void *from, vi quad[4], const bool is_signed) {
  const uint8_t *bytes = from;
  for (int i = 0; i < 4; i++) quad[i] = is_signed ? (int8_t)bytes[i] : bytes[i];
}

/* rint(clamp(value, low, high)), NaN giving high, for bounds within 2^22. What lies below `low` may become any integer below it:
 * vi_store_codes brings it to the end of its type. */
OCT_INLINE vi vf_to_code(vf value, vf low, vf high) { return (int32_t)vf_round(vf_max(vf_min(value, high), low)); }

/* A quad plus zero_point, from vi_zero_point, as uint8 or int8. What lies below the type becomes its lowest value; nothing lies
 * above it. */
OCT_INLINE vi vi_zero_point(int32_t zero_point) { return zero_point; }
OCT_INLINE void vi_store_codes(void *to, const vi quad[4], vi zero_point, const bool is_signed) {
  const int32_t low = is_signed ? -128 : 0;
  uint8_t *bytes = to;
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(quad[i] + zero_point < low ? low : quad[i] + zero_point);
}

/* Vectors as int16 lanes, two in each int32: sums and differences wrap, zeros come in from above, and products are added in
 * pairs, as signed numbers. */
OCT_INLINE vi vi_pair(uint32_t low, uint32_t high) { return (int32_t)((low & 0xFFFF) | high << 16); }
OCT_INLINE vi vi_add16(vi a, vi b) {
  return vi_pair((uint32_t)a + (uint32_t)b, ((uint32_t)a >> 16) + ((uint32_t)b >> 16));
}
OCT_INLINE vi vi_sub16(vi a, vi b) {
  return vi_pair((uint32_t)a - (uint32_t)b, ((uint32_t)a >> 16) - ((uint32_t)b >> 16));
}
OCT_INLINE vi vi_high_bytes16(vi a) { return (int32_t)((uint32_t)a >> 8 & 0x00FF00FF); }
OCT_INLINE vi vi_times_256_16(vi a) { return (int32_t)((uint32_t)a << 8 & 0xFF00FF00); }
OCT_INLINE vi vi_dot16(vi a, vi b) {
  return (int16_t)a * (int16_t)b + (int16_t)((uint32_t)a >> 16) * (int16_t)((uint32_t)b >> 16);
}

/* A quad of comparisons as bytes of 0 and 1, and back: a byte that isn't 0 is true. */
OCT_INLINE void vm_store_bytes(uint8_t *to, const vm quad[4]) {
  for (int i = 0; i < 4; i++) to[i] = quad[i];
}
OCT_INLINE void vm_load_bytes(const uint8_t *from, vm quad[4]) {
  for (int i = 0; i < 4; i++) quad[i] = from[i] != 0;
}

/* A vector's lanes as doubles, in order. vd_round is to float32, ties to even. */
typedef double vd;
OCT_INLINE vd vd_set(double value) { return value; }
OCT_INLINE vd vd_of(vf value) { return value; }
OCT_INLINE vf vd_round(vd value) { return (float)value; }
OCT_INLINE void vd_store(double *to, vd value) { *to = value; }
OCT_INLINE vd vd_add(vd a, vd b) { return a + b; }
OCT_INLINE vd vd_sub(vd a, vd b) { return a - b; }
OCT_INLINE vd vd_mul(vd a, vd b) { return a * b; }

#endif /* OCT_BASE_VECTOR_SCALAR_H */
