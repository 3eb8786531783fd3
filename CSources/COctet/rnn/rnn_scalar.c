/* Recurrent cells for any CPU: the shared loops with one lane. Tile: one unit. Bound by exponentials. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

#include "base/vector_scalar.h"
#include "loops.h"

const oct_rnn_kernels oct_rnn_scalar = {
    .name = "scalar",
    .isa = OCT_ISA_SCALAR,
    .row =
        {[OCT_RNN_LSTM] = tier_lstm, [OCT_RNN_GRU] = tier_gru, [OCT_RNN_TANH] = tier_tanh, [OCT_RNN_RELU] = tier_relu},
    .range = tier_range,
    .columns = tier_columns};
