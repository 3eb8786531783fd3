/* float16 in integer arithmetic: exact widening, narrowing to the nearest, ties to even. */
#ifndef OCT_EMBEDDING_HALF_H
#define OCT_EMBEDDING_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/isa.h"

OCT_FP_STRICT

static inline float oct_half_widen(uint16_t half) {
  /* Exponent and mantissa in float32's place are 2^112 too small; the product is exact, for subnormal halves too. */
  uint32_t bits = (uint32_t)(half & 0x7FFF) << 13;
  float value;
  memcpy(&value, &bits, sizeof value);
  value *= 0x1p112f;
  memcpy(&bits, &value, sizeof bits);
  if ((half & 0x7C00) == 0x7C00) bits |= 0x7F800000;
  bits |= (uint32_t)(half & 0x8000) << 16;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* 65520 and more become infinity. */
static inline uint16_t oct_half_narrow(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000);
  bits &= 0x7FFFFFFF;
  if (bits > 0x7F800000) return sign | 0x7E00;
  if (bits >= 0x477FF000) return sign | 0x7C00;
  if (bits < 0x38800000) {
    /* Below 2^-14 a step of half is 2^-24, the step of float32 from 0.5 on: the addition rounds. */
    const float shifted = fabsf(value) + 0.5f;
    memcpy(&bits, &shifted, sizeof bits);
    return sign | (uint16_t)(bits - 0x3F000000);
  }
  bits += 0xFFF + ((bits >> 13) & 1);
  return sign | (uint16_t)((bits - 0x38000000) >> 13);
}

#endif /* OCT_EMBEDDING_HALF_H */
