/* Pooling for any CPU: a loop over channels that compilers turn into the ABI floor's vectors. Tile: one pixel. Bound by
 * loads. */
#include <string.h>

#include "kernel.h"

static void max_u8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  size_t t = 0;
  if (!more) memcpy(y, taps[t++], channels);
  for (; t < count; t++) {
    const uint8_t *x = taps[t];
    for (size_t c = 0; c < channels; c++) y[c] = x[c] > y[c] ? x[c] : y[c];
  }
}

static void max_s8(const uint8_t *const *taps, size_t count, size_t channels, bool more, uint8_t *y) {
  int8_t *out = (int8_t *)y;
  size_t t = 0;
  if (!more) memcpy(y, taps[t++], channels);
  for (; t < count; t++) {
    const int8_t *x = (const int8_t *)taps[t];
    for (size_t c = 0; c < channels; c++) out[c] = x[c] > out[c] ? x[c] : out[c];
  }
}

const oct_pool_kernel oct_pool_scalar = {.name = "scalar", .isa = OCT_ISA_SCALAR, .max_u8 = max_u8, .max_s8 = max_s8};
