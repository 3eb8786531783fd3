/* Recurrent cells on AVX-512: the shared loops in vectors of sixteen float32 (vmulps, vaddps, vdivps, vpslld). Tile: one vector of
 * each gate. Bound by exponentials. */
#include "kernels.h"

#if OCT_ARCH_X86
#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/unroll.h"

OCT_FP_STRICT

OCT_ISA_BEGIN(AVX512VNNI)

#include "base/vector_avx512.h"
#include "loops.h"

OCT_ISA_END

const oct_rnn_kernels oct_rnn_avx512vnni = {
    .name = "avx512vnni",
    .isa = OCT_ISA_AVX512VNNI,
    .row =
        {[OCT_RNN_LSTM] = tier_lstm, [OCT_RNN_GRU] = tier_gru, [OCT_RNN_TANH] = tier_tanh, [OCT_RNN_RELU] = tier_relu},
    .range = tier_range,
    .columns = tier_columns};

#endif /* OCT_ARCH_X86 */
