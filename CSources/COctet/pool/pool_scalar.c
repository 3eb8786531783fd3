/* Pooling for any CPU: a loop over channels that compilers turn into the ABI floor's vectors. Tile: one pixel. Bound by
 * loads. */
#include <string.h>

#include "base/vector_scalar.h"
#include "kernel.h"
#include "loops.h"

/* `flip` makes int8 order as uint8. */
static inline __attribute__((always_inline)) void larger(const uint8_t *restrict x, uint8_t *restrict y,
                                                         size_t channels, const uint8_t flip) {
  for (size_t c = 0; c < channels; c++) {
    const uint8_t a = x[c] ^ flip, b = y[c] ^ flip;
    y[c] = (a > b ? a : b) ^ flip;
  }
}

static inline __attribute__((always_inline)) void max_run(const oct_pool_run *run, const uint8_t flip) {
  for (size_t i = 0; i < run->pixels; i++) {
    uint8_t *y = run->y + (ptrdiff_t)i * run->y_step;
    const ptrdiff_t offset = run->offset + (ptrdiff_t)i * run->pixel_step;
    if (!run->more) memcpy(y, run->lines[0] + offset, run->channels);
    for (size_t l = 0; l < run->line_count; l++)
      for (size_t t = 0; t < run->taps; t++)
        larger(run->lines[l] + offset + (ptrdiff_t)t * run->tap_step, y, run->channels, flip);
  }
}

static void max_u8(const oct_pool_run *run) { max_run(run, 0); }
static void max_s8(const oct_pool_run *run) { max_run(run, 0x80); }

const oct_pool_kernel oct_pool_scalar = {
    .name = "scalar", .isa = OCT_ISA_SCALAR, .max_u8 = max_u8, .max_s8 = max_s8, .average = tier_average};
