/* Recurrent cells on NEON: the shared loops in vectors of four float32 (fmul, fadd, fdiv, shl). Tile: one vector of each gate. Bound
 * by exponentials. */
#include "kernels.h"

#if OCT_ARCH_ARM64
#include <arm_neon.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(NEON)

#include "base/vector_neon.h"
#include "loops.h"

OCT_ISA_END

const oct_rnn_kernels oct_rnn_neon = {
    .name = "neon",
    .isa = OCT_ISA_NEON,
    .row =
        {[OCT_RNN_LSTM] = tier_lstm, [OCT_RNN_GRU] = tier_gru, [OCT_RNN_TANH] = tier_tanh, [OCT_RNN_RELU] = tier_relu},
    .range = tier_range,
    .columns = tier_columns};

#endif /* OCT_ARCH_ARM64 */
