/* Recurrent cells: the gates of one step, and whole sequences whose hidden state is quantized as it comes. */
#ifndef OCTET_RNN_H
#define OCTET_RNN_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a cell makes of a = input + hidden, the two projected rows of gates * units elements, gate by gate. s is the logistic function:
 *
 *   OCT_RNN_LSTM, gates i f g o:  c' = s(a_f) * c + s(a_i) * tanh(a_g),  h' = s(a_o) * tanh(c')
 *   OCT_RNN_GRU, gates r z n:     n = tanh(input_n + s(a_r) * hidden_n),  h' = (h - n) * s(a_z) + n
 *   OCT_RNN_TANH:                 h' = tanh(a)
 *   OCT_RNN_RELU:                 h' = max(a, 0)
 *
 * Both functions come from one approximation of exp(y) - 1, good to about two units in the last place, whose every operation is rounded
 * to float32 by itself: results are the same bits on every tier. NaN gives NaN. */
typedef enum oct_rnn_cell { OCT_RNN_LSTM = 0, OCT_RNN_GRU = 1, OCT_RNN_TANH = 2, OCT_RNN_RELU = 3 } oct_rnn_cell;

/* 4, 3, 1, 1; 0 for a value outside the enumeration. */
OCT_API size_t oct_rnn_gates(oct_rnn_cell cell);

/* One step after its matrix products, for rows of a batch. Strides are from row to row in elements. h must not overlap anything
 * else; c may not overlap the inputs. */
typedef struct oct_rnn_step_call {
  uint32_t struct_size;
  oct_rnn_cell cell;
  size_t rows, units;
  const float *input;  /* [rows, gates * units] */
  const float *hidden; /* [rows, gates * units] */
  const float *before; /* [rows, units], the state before the step; read for OCT_RNN_GRU alone */
  float *h;            /* [rows, units], the state after it */
  float *c;            /* [rows, units], the cell state, replaced; OCT_RNN_LSTM alone */
  size_t input_stride, hidden_stride, before_stride, h_stride, c_stride;
} oct_rnn_step_call;

OCT_API oct_status oct_rnn_step(const oct_rnn_step_call *call, const oct_run *run);

/* One direction of one layer over a whole sequence, the hidden state quantized at each step to uint8 by the range of all rows
 * that are running:
 *
 *   hidden = (h_quantized * weightsT) * scale + bias,  then the cell
 *
 * scale and zero point follow torch's choose-quantization-parameters rule for 0..255, or 0..127 with reduce_range. The rows of step t
 * are the batch_sizes[t] rows behind those of the steps before it; batch sizes never grow from step to step. In reverse the last
 * step comes first and sequences join in as the steps get larger. */
typedef struct oct_rnn_sequence_call {
  uint32_t struct_size;
  oct_rnn_cell cell;
  bool reverse, reduce_range;
  size_t steps, units;
  const size_t *batch_sizes;
  const float *input;        /* [sum of batch_sizes, gates * units], the projected input of every step */
  const void *weights;       /* from oct_gemm_pack: OCT_U8 times OCT_S8 of n = gates * units, k = units */
  size_t weights_size;       /* in bytes */
  const float *weight_scale; /* positive and finite */
  size_t weight_scale_count; /* 1 or gates * units */
  const float *bias;         /* [gates * units] or null */
  float *output;             /* [sum of batch_sizes, units], rows output_stride elements apart */
  size_t output_stride;
  float *h;           /* [largest batch size, units]: the first state, replaced by each sequence's last one */
  float *c;           /* the same for the cell state; OCT_RNN_LSTM alone */
  size_t *non_finite; /* null, or counts the steps after which a hidden state was infinite or NaN; such values are
                             quantized as the ends of the range */
} oct_rnn_sequence_call;

/* Bytes of workspace for a call on any number of threads. Of the data only batch_sizes and the weights' header are read. */
OCT_API oct_status oct_rnn_sequence_workspace_size(const oct_rnn_sequence_call *call, size_t *bytes);

OCT_API oct_status oct_rnn_sequence(const oct_rnn_sequence_call *call, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_RNN_H */
