/* What a tier implements for the rnn family: the gates of one row, and the range of a state. Pointers may have any alignment. */
#ifndef OCT_RNN_KERNELS_H
#define OCT_RNN_KERNELS_H

#include "base/isa.h"
#include "octet/rnn.h"

/* The smallest and largest of some floats; without NaN, which `finite` tells of, as it does of infinities. */
typedef struct oct_rnn_range {
  float low, high;
  bool finite;
} oct_rnn_range;

/* `count` units of one row: the gates in x and h lie `units` elements apart. `before` is read by the GRU, c by the LSTM, which replaces
 * it. */
typedef void (*oct_rnn_row)(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                            float *y);

static inline oct_rnn_range oct_rnn_join(oct_rnn_range a, oct_rnn_range b) {
  return (oct_rnn_range){
      .low = b.low < a.low ? b.low : a.low, .high = b.high > a.high ? b.high : a.high, .finite = a.finite && b.finite};
}

typedef struct oct_rnn_kernels {
  const char *name;
  oct_isa isa;
  oct_rnn_row row[4]; /* by oct_rnn_cell */
  oct_rnn_range (*range)(const float *x, size_t rows, size_t stride, size_t count);
  /* What a product's columns start from, zero * minus_sum modulo 2^32, and their multipliers: scale * weight_scale, kept positive and
   * finite. */
  void (*columns)(const int32_t *minus_sum, int32_t zero, const float *weight_scale, float scale, size_t count,
                  int32_t *term, float *multiplier);
} oct_rnn_kernels;

#define OCT_RNN_KERNELS(isa, arch, symbol) extern const oct_rnn_kernels symbol;
#include "rnn.def"
#undef OCT_RNN_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_rnn_select(const oct_rnn_kernels **kernels);

/* Units first..<first + count of rows begin..<end of a step whose arguments have been checked. */
static inline void oct_rnn_run_rows(const oct_rnn_kernels *kernels, const oct_rnn_step_call *call, size_t begin,
                                    size_t end, size_t first, size_t count) {
  for (size_t i = begin; i < end; i++)
    kernels->row[call->cell](
        call->input + i * call->input_stride + first, call->hidden + i * call->hidden_stride + first,
        call->before ? call->before + i * call->before_stride + first : NULL, call->units, count,
        call->c ? call->c + i * call->c_stride + first : NULL, call->h + i * call->h_stride + first);
}

#endif /* OCT_RNN_KERNELS_H */
