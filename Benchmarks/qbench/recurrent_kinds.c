/* One layer of an LSTM or a GRU whose activations are quantized as they come, from a state of zeros: what torch's dynamic modules
 * compute. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory_bound.h"

enum { STEPS = 0, BATCH = 1, INPUT = 2, HIDDEN = 3 };

/* Weights that nobody gave. */
static const float made_up_scale = 3e-4f;

/* The input by its own range to 0..127. */
static oct_status quantize_input(memory_bound *o, size_t count, int32_t *zero_point, float *scale) {
  oct_extremes extremes;
  double chosen = 1;
  oct_status status =
      oct_observe_extremes(o->call.recurrent.x, count, OCT_NONFINITE_PROPAGATE, &extremes, NULL, &o->run);
  if (status == OCT_OK)
    status = oct_choose_quantization(extremes.min, extremes.max, 0, 127, false, &chosen, zero_point);
  *scale = (float)chosen;
  if (status != OCT_OK) return status;
  return oct_quantize(o->call.recurrent.x, count, *scale, *zero_point, OCT_U8, o->call.recurrent.quantized, &o->run);
}

static oct_status run_recurrent(memory_bound *o) {
  oct_gemm_call projection = o->call.recurrent.projection;
  float scale = 1;
  oct_status status = quantize_input(o, projection.m * (size_t)projection.a_stride, &projection.a_zero_point, &scale);
  if (status != OCT_OK) return status;
  scale *= o->call.recurrent.weight_scale[0];
  const oct_output output = {.struct_size = sizeof output,
                             .dtype = OCT_F32,
                             .multiplier = &scale,
                             .multiplier_count = 1,
                             .bias_f32 = o->desc.in2,
                             .real_min = -INFINITY,
                             .real_max = INFINITY};
  projection.output = &output;
  status = oct_gemm(o->call.recurrent.packed, o->call.recurrent.packed_size, &projection, &o->run);
  if (status != OCT_OK) return status;
  memset(o->call.recurrent.sequence.h, 0, 2 * o->call.recurrent.states * sizeof(float));
  return oct_rnn_sequence(&o->call.recurrent.sequence, &o->run);
}

/* Packs [n, k] weights, made up when `weights` is null. */
static const void *pack(memory_bound *o, const int8_t *weights, size_t n, size_t k, size_t *size) {
  int8_t *made_up = NULL;
  if (!weights) {
    uint32_t state = 1;
    weights = made_up = malloc(n * k + 1);
    for (size_t i = 0; made_up && i < n * k; i++) {
      state = state * 1664525u + 1013904223u;
      made_up[i] = (int8_t)((int32_t)(state >> 24) - 128);
    }
  }
  const oct_gemm_weights description = {.struct_size = sizeof description,
                                        .a_dtype = OCT_U8,
                                        .b_dtype = OCT_S8,
                                        .n = n,
                                        .k = k,
                                        .b = weights,
                                        .stride_n = (ptrdiff_t)k,
                                        .stride_k = 1};
  void *packed = NULL;
  if (weights && oct_gemm_packed_size(&description, size) == OCT_OK) packed = memory_bound_allocate(o, *size, 1);
  const bool done = packed && oct_gemm_pack(&description, packed, *size) == OCT_OK;
  free(made_up);
  return done ? packed : NULL;
}

/* The input, or numbers between -2 and 2. */
static const float *input_of(memory_bound *o, size_t count) {
  if (o->desc.in) return o->desc.in;
  float *x = memory_bound_allocate(o, count, sizeof *x);
  for (size_t i = 0; x && i < count; i++) x[i] = (float)((i * 2654435761u >> 7) % 4001) / 1000.0f - 2.0f;
  return x;
}

static bool make_workspace(memory_bound *o) {
  size_t projection, sequence;
  if (oct_gemm_workspace_size(o->call.recurrent.packed, o->call.recurrent.packed_size, o->call.recurrent.projection.m,
                              o->run.threads, &projection) != OCT_OK ||
      oct_rnn_sequence_workspace_size(&o->call.recurrent.sequence, &sequence) != OCT_OK)
    return false;
  o->run.workspace_size = projection > sequence ? projection : sequence;
  o->run.workspace = memory_bound_allocate(o, o->run.workspace_size, 1);
  return o->run.workspace;
}

bool memory_bound_make_recurrent(memory_bound *o) {
  enum { MOST = 1 << 16 };
  if (o->desc.kind != QB_LSTM && o->desc.kind != QB_GRU) return false;
  for (int i = STEPS; i <= HIDDEN; i++)
    if (o->desc.d[i] < 1 || o->desc.d[i] > MOST) return false;
  const oct_rnn_cell cell = o->desc.kind == QB_LSTM ? OCT_RNN_LSTM : OCT_RNN_GRU;
  const size_t steps = memory_bound_size(o, STEPS), batch = memory_bound_size(o, BATCH);
  const size_t input = memory_bound_size(o, INPUT), hidden = memory_bound_size(o, HIDDEN);
  const size_t rows = steps * batch, columns = oct_rnn_gates(cell) * hidden, states = batch * hidden;
  const int8_t *weights = o->desc.w;
  const float *bias = o->desc.in2;
  size_t recurrent_size;
  const void *recurrent = pack(o, weights ? weights + columns * input : NULL, columns, hidden, &recurrent_size);
  o->call.recurrent.packed = pack(o, weights, columns, input, &o->call.recurrent.packed_size);
  o->call.recurrent.x = input_of(o, rows * input);
  o->call.recurrent.quantized = memory_bound_allocate(o, rows, input);
  float *projected = memory_bound_allocate(o, rows * columns, sizeof *projected);
  float *h = memory_bound_allocate(o, 2 * states, sizeof *h);
  size_t *sizes = memory_bound_allocate(o, steps, sizeof *sizes);
  if (!recurrent || !o->call.recurrent.packed || !o->call.recurrent.x || !o->call.recurrent.quantized || !projected ||
      !h || !sizes || !o->desc.out)
    return false;
  for (size_t t = 0; t < steps; t++) sizes[t] = batch;
  for (int i = 0; i < 2; i++)
    o->call.recurrent.weight_scale[i] = weights && o->desc.w_scale ? o->desc.w_scale[i] : made_up_scale;
  o->call.recurrent.states = states;
  o->call.recurrent.projection = (oct_gemm_call){.struct_size = sizeof(oct_gemm_call),
                                                 .m = rows,
                                                 .a = o->call.recurrent.quantized,
                                                 .a_stride = (ptrdiff_t)input,
                                                 .c = projected,
                                                 .c_stride = (ptrdiff_t)columns};
  o->call.recurrent.sequence = (oct_rnn_sequence_call){.struct_size = sizeof(oct_rnn_sequence_call),
                                                       .cell = cell,
                                                       .reduce_range = true,
                                                       .steps = steps,
                                                       .units = hidden,
                                                       .batch_sizes = sizes,
                                                       .input = projected,
                                                       .weights = recurrent,
                                                       .weights_size = recurrent_size,
                                                       .weight_scale = &o->call.recurrent.weight_scale[1],
                                                       .weight_scale_count = 1,
                                                       .bias = bias ? bias + columns : NULL,
                                                       .output = o->desc.out,
                                                       .output_stride = hidden,
                                                       .h = h,
                                                       .c = h + states};
  o->entry = run_recurrent;
  return make_workspace(o);
}
