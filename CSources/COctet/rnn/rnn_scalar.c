/* Recurrent cells for any CPU: the shared loops in the ABI floor's vectors. Tile: one vector. Bound by exponentials. */
#include "loops.h"

static void lstm(const float *x, const float *h, const float *before, size_t units, size_t count, float *c, float *y) {
  (void)before;
  oct_rnn_lstm_row(x, h, units, count, c, y);
}

static void gru(const float *x, const float *h, const float *before, size_t units, size_t count, float *c, float *y) {
  (void)c;
  oct_rnn_gru_row(x, h, before, units, count, y);
}

static void hyperbolic(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                       float *y) {
  (void)before, (void)units, (void)c;
  oct_rnn_tanh_row(x, h, count, y);
}

static void rectified(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                      float *y) {
  (void)before, (void)units, (void)c;
  oct_rnn_relu_row(x, h, count, y);
}

static oct_rnn_range range(const float *x, size_t count) { return oct_rnn_find_range(x, count); }

const oct_rnn_kernels oct_rnn_scalar = {
    .name = "scalar",
    .isa = OCT_ISA_SCALAR,
    .row = {[OCT_RNN_LSTM] = lstm, [OCT_RNN_GRU] = gru, [OCT_RNN_TANH] = hyperbolic, [OCT_RNN_RELU] = rectified},
    .range = range};
