/* Depthwise convolution for any CPU: int16 cells, one tap each.
 *
 * Tile: 16 channels of one output, whose loops compilers turn into the ABI floor's vectors. Bound by 16-bit
 * multiplications. */
#include <string.h>

#include "kernel.h"

OCT_FP_STRICT

enum { UNIT = OCT_DEPTHWISE_UNIT };

static void gather(const oct_depthwise_gather *g) {
  for (size_t first = 0; first < g->channels; first += UNIT) {
    const size_t left = g->channels - first, count = left < UNIT ? left : UNIT;
    int16_t *to = (int16_t *)(g->to + first / UNIT * g->unit_stride);
    for (size_t i = 0; i < g->cells; i++, to += UNIT) {
      const uint8_t *x = g->taps[i] + g->channel + first;
      for (size_t c = 0; c < count; c++) to[c] = (int16_t)((x[c] ^ g->flip) - g->zero_point);
      for (size_t c = count; c < UNIT; c++) to[c] = 0;
    }
  }
}

static void sum(const oct_depthwise_sum *s) {
  for (size_t o = 0; o < s->outputs; o++) {
    const char *x = s->x + o * s->output_distance;
    const int16_t *w = (const int16_t *)s->w;
    int32_t acc[UNIT];
    memcpy(acc, s->bias, sizeof acc);
    for (size_t j = 0; j < s->steps; j++, x += s->step_distance) {
      const int16_t *cell = (const int16_t *)x;
      for (size_t g = 0; g < s->groups; g++, cell += UNIT, w += UNIT)
        for (size_t c = 0; c < UNIT; c++) acc[c] += cell[c] * w[c];
    }
    memcpy(s->acc + o * s->acc_stride, acc, sizeof acc);
  }
}

static void store(const oct_depthwise_store *s) {
  for (size_t row = 0; row < s->rows; row++) {
    const int32_t *acc = s->acc + row * s->acc_stride;
    char *y = s->y + (ptrdiff_t)row * s->y_stride;
    for (size_t c = 0; c < s->columns; c++) oct_stage_store(s->stage, acc[c], s->column + c, y, c);
  }
}

const oct_depthwise_kernel oct_depthwise_scalar = {.name = "scalar",
                                                   .isa = OCT_ISA_SCALAR,
                                                   .lanes = 1,
                                                   .form = OCT_DEPTHWISE_INT16,
                                                   .gather = gather,
                                                   .sum = sum,
                                                   .store = store};
