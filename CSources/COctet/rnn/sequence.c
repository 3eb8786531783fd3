/* A recurrent layer over a sequence: at each step the state is quantized, multiplied by the packed weights and run through the
 * cell. Rows of the state lie one behind the other, so that the running ones are always the first. */
#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "gemm/gemm_plan.h"
#include "gemm/gemm_rows.h"
#include "gemm/gemm_run.h"
#include "kernels.h"
#include "octet/observe.h"
#include "quantize/quantize.h"
#include "rnn.h"

OCT_FP_STRICT

static const char entry[] = "oct_rnn_sequence";

/* What a checked call amounts to. */
typedef struct plan {
  size_t columns; /* gates * units */
  size_t rows;    /* of all steps */
  size_t batch;   /* of the largest step */
  /* Parts of the workspace. */
  size_t hidden_at, scales_at, minus_sums_at, ranges_at, columns_at, sums_at, panel_at, scratch_at, size;
  bool packs_rows;
} plan;

static oct_status check_sizes(const oct_rnn_sequence_call *call, plan *p) {
  if (!call) return oct_fail(OCT_INVALID_ARGUMENT, "%s: call is null, expected a description; pass one", entry);
  if (call->struct_size != sizeof *call)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: struct_size is %u, expected %zu; set it to sizeof(oct_rnn_sequence_call)", entry,
                    (unsigned)call->struct_size, sizeof *call);
  const oct_status status = oct_rnn_check_cell(entry, call->cell, call->units, &p->columns);
  if (status != OCT_OK) return status;
  if (call->steps == 0 || !call->batch_sizes)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: there are %zu steps%s, expected the rows of at least one step", entry,
                    call->steps, call->batch_sizes ? "" : " and batch_sizes is null");
  p->batch = call->batch_sizes[0];
  for (size_t t = 0; t < call->steps; t++) {
    const size_t size = call->batch_sizes[t];
    if (t > 0 && size > call->batch_sizes[t - 1])
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: batch_sizes[%zu] is %zu, more than the %zu of the step before; sort sequences by length",
                      entry, t, size, call->batch_sizes[t - 1]);
    if (!oct_add(p->rows, size, &p->rows))
      return oct_fail(OCT_OVERFLOW, "%s: batch_sizes sum up to more rows than memory can hold", entry);
  }
  size_t bytes;
  if (!oct_multiply(p->rows, p->columns, &bytes) || bytes > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu gates don't fit into memory; cut the sequence", entry, p->rows,
                    p->columns);
  if (call->weight_scale_count != 1 && call->weight_scale_count != p->columns)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: weight_scale_count is %zu, expected 1 or gates * units = %zu", entry,
                    call->weight_scale_count, p->columns);
  return OCT_OK;
}

/* Adds an aligned part to the workspace. */
static bool add_part(size_t count, size_t element, size_t *at, size_t *size) {
  size_t bytes;
  *at = *size;
  return oct_multiply(count, element, &bytes) && oct_add(bytes, OCT_ALIGNMENT - 1, &bytes) &&
         oct_add(*size, bytes / OCT_ALIGNMENT * OCT_ALIGNMENT, size);
}

static oct_status plan_workspace(const oct_rnn_sequence_call *call, plan *p, oct_gemm_packed *packed) {
  size_t state, hidden, quantized_at;
  if (!call->weights)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights is null, expected packed weights; call oct_gemm_pack", entry);
  const oct_status status = oct_gemm_open(entry, call->weights, call->weights_size, packed);
  if (status != OCT_OK) return status;
  if (packed->a_dtype != OCT_U8 || packed->n != p->columns || packed->k != call->units)
    return oct_fail(OCT_SHAPE_MISMATCH,
                    "%s: weights are packed for %s times [%zu, %zu], expected uint8 times [gates * units, units] = "
                    "[%zu, %zu]; pack the cell's weights for OCT_U8",
                    entry, oct_dtype_name(packed->a_dtype), packed->n, packed->k, p->columns, call->units);
  p->packs_rows = !oct_gemm_takes_in_place(packed);
  p->size = 0;
  size_t *size = &p->size, panel_bytes = 0;
  /* Packed rows are at most four bytes for each of the state's elements, rounded up. */
  if (!oct_multiply(p->batch, call->units, &state) || !oct_multiply(p->batch, p->columns, &hidden) ||
      hidden > PTRDIFF_MAX / 64)
    return oct_fail(OCT_OVERFLOW, "%s: a batch of %zu doesn't fit into memory; use a smaller one", entry, p->batch);
  if (p->packs_rows) panel_bytes = oct_gemm_panel_bytes(packed, p->batch);
  if (!add_part(state, 1, &quantized_at, size) || !add_part(hidden, sizeof(float), &p->hidden_at, size) ||
      !add_part(packed->columns, sizeof(float), &p->scales_at, size) ||
      !add_part(packed->columns, sizeof(int32_t), &p->minus_sums_at, size) ||
      !add_part(packed->columns / packed->kernel->nr, sizeof(oct_rnn_range), &p->ranges_at, size) ||
      !add_part(oct_gemm_column_bytes(packed), 1, &p->columns_at, size) ||
      !add_part(packed->has_zero ? p->batch : 0, sizeof(int64_t), &p->sums_at, size) ||
      !add_part(panel_bytes, 1, &p->panel_at, size) ||
      !add_part(p->packs_rows ? oct_gemm_scratch_bytes(packed) : 0, 1, &p->scratch_at, size))
    return oct_fail(OCT_OVERFLOW, "%s: a batch of %zu doesn't fit into memory; use a smaller one", entry, p->batch);
  return OCT_OK;
}

oct_status oct_rnn_sequence_workspace_size(const oct_rnn_sequence_call *call, size_t *bytes) {
  plan p = {0};
  oct_gemm_packed packed;
  if (!bytes) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bytes is null, expected a place for the answer", entry);
  oct_status status = check_sizes(call, &p);
  if (status == OCT_OK) status = plan_workspace(call, &p, &packed);
  if (status == OCT_OK) *bytes = p.size;
  return status;
}

static oct_status check_data(const oct_rnn_sequence_call *call, const plan *p) {
  const bool empty = p->rows == 0;
  const char *missing = !call->weight_scale                                ? "weight_scale"
                        : !empty && !call->input                           ? "input"
                        : !empty && !call->output                          ? "output"
                        : !empty && !call->h                               ? "h"
                        : !empty && call->cell == OCT_RNN_LSTM && !call->c ? "c"
                                                                           : NULL;
  if (missing) return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass a buffer", entry, missing);
  for (size_t i = 0; i < call->weight_scale_count; i++)
    if (!(call->weight_scale[i] > 0.0f) || isinf(call->weight_scale[i]))
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: weight_scale[%zu] is %g, expected a positive finite number", entry, i,
                      (double)call->weight_scale[i]);
  if (call->output_stride < call->units)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: output_stride is %zu, expected at least the %zu units", entry,
                    call->output_stride, call->units);
  size_t elements;
  if (!oct_multiply(p->rows, call->output_stride, &elements) || elements > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of output, %zu elements apart, don't fit into memory", entry, p->rows,
                    call->output_stride);
  return OCT_OK;
}

/* Blocks of units that one thread takes at a time, dealt out so that it meets the same weights at every step, and helps others
 * when its own are done. */
enum { MOST_SHARES = 64, BLOCKS_PER_THREAD = 4 };

typedef struct share {
  _Atomic size_t next;
  size_t begin, end;
} share;

/* What every step uses, and the step under way. */
typedef struct walk {
  const oct_rnn_sequence_call *call;
  const plan *plan;
  const oct_rnn_kernels *kernels;
  const oct_gemm_packed *packed;
  void (*quantize)(const void *x, size_t count, const oct_quantize_rule *rule, void *q);
  uint8_t *quantized;
  float *hidden;
  float *scales;         /* of the weights, for each column */
  int32_t *minus_sums;   /* what a zero point of 1 adds to each column */
  oct_rnn_range *ranges; /* of the state that each block has left */
  void *columns, *panel, *scratch;
  int64_t *row_sum;
  oct_run run;
  float scale;  /* of the state */
  size_t block; /* units of a block; all when the panels of gates don't lie apart */
  size_t blocks;
  /* Every other step goes through the weights from their end, where the one before has left off: caches that hold nearly all of them
   * would otherwise lose each panel just before it is needed. */
  bool backwards;
  oct_output output;
  oct_gemm_prepared prepared;
  int32_t *term; /* prepared's, to write */
  oct_gemm_rows rows;
  oct_rnn_step_call step;
  size_t share_count;
  share shares[MOST_SHARES];
} walk;

/* Columns first..<first + count of the product. */
static void multiply(walk *w, size_t first, size_t count) {
  const size_t nr = w->packed->kernel->nr;
  w->kernels->columns(w->minus_sums + first, w->prepared.zero, w->scales + first, w->scale, count, w->term + first,
                      w->prepared.multiplier + first);
  oct_gemm_run_block(&w->prepared, &w->rows, first / nr, (first + count) / nr, w->hidden,
                     (ptrdiff_t)(w->plan->columns * sizeof(float)));
}

/* One block of units: its columns of every gate, the cell, and what the next step wants to know of the state. */
static void run_block(walk *w, size_t block) {
  const size_t units = w->call->units, first = block * w->block;
  const size_t count = units - first < w->block ? units - first : w->block;
  if (count == units) {
    multiply(w, 0, w->packed->columns);
  } else {
    for (size_t column = first; column < w->plan->columns; column += units) multiply(w, column, count);
  }
  oct_rnn_run_rows(w->kernels, &w->step, 0, w->rows.count, first, count);
  w->ranges[block] = w->kernels->range(w->step.h + first, w->rows.count, w->step.h_stride, count);
}

static void run_shares(void *context, size_t begin, size_t end, int worker) {
  (void)worker, (void)end;
  walk *w = context;
  for (size_t i = 0; i < w->share_count; i++) {
    share *s = &w->shares[(begin + i) % w->share_count];
    for (;;) {
      const size_t at = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
      if (at >= s->end - s->begin) break;
      run_block(w, w->backwards ? s->end - 1 - at : s->begin + at);
    }
  }
}

/* Shares of the blocks for as many threads as `size` rows are worth. */
static void deal(walk *w, size_t size) {
  size_t threads = (size_t)oct_gemm_worthwhile_threads(w->packed, size, 1, w->run.threads);
  if (threads > w->blocks) threads = w->blocks;
  if (threads > MOST_SHARES) threads = MOST_SHARES;
  w->share_count = threads;
  for (size_t i = 0; i < threads; i++) {
    w->shares[i].begin = w->blocks * i / threads;
    w->shares[i].end = w->blocks * (i + 1) / threads;
    atomic_store_explicit(&w->shares[i].next, 0, memory_order_relaxed);
  }
}

/* The range of the running rows: of their blocks if the step before had as many, which is when nobody joined or left. */
static oct_rnn_range range_of(const walk *w, size_t size) {
  if (w->rows.count != size) return w->kernels->range(w->call->h, 1, 0, size * w->call->units);
  oct_rnn_range range = w->ranges[0];
  for (size_t b = 1; b < w->blocks; b++) range = oct_rnn_join(range, w->ranges[b]);
  return range;
}

/* The running rows of the state in the kernel's form, and how their products become real numbers. */
static void quantize_rows(walk *w, size_t size) {
  const oct_rnn_sequence_call *call = w->call;
  oct_rnn_range range = range_of(w, size);
  if (!range.finite) {
    if (call->non_finite) ++*call->non_finite;
    range.low = range.low < -FLT_MAX ? -FLT_MAX : range.low > FLT_MAX ? 0.0f : range.low;
    range.high = range.high > FLT_MAX ? FLT_MAX : range.high < -FLT_MAX ? 0.0f : range.high;
  }
  int32_t zero_point = 0;
  double chosen = 1;
  /* The range is finite and in order, so there is nothing to refuse. */
  (void)oct_choose_quantization(range.low, range.high, 0, call->reduce_range ? 127 : 255, false, &chosen, &zero_point);
  w->scale = (float)chosen;
  const oct_quantize_rule rule = {.inverse = 1.0f / w->scale,
                                  .low = (float)-zero_point,
                                  .high = (float)(255 - zero_point),
                                  .zero_point = zero_point};
  w->quantize(call->h, size * call->units, &rule, w->quantized);
  w->prepared.zero = oct_gemm_form_zero(w->packed, zero_point);
  w->rows = (oct_gemm_rows){.count = size, .row_sum = w->row_sum};
  if (w->panel) {
    oct_gemm_pack_rows(w->packed, w->quantized, (ptrdiff_t)call->units, size, w->panel, w->scratch, w->row_sum);
    w->rows.a = w->panel;
    w->rows.stride = (ptrdiff_t)(oct_gemm_row_pitch(w->packed) * w->packed->kernel->row_group);
    return;
  }
  w->rows.a = w->quantized;
  w->rows.stride = (ptrdiff_t)call->units;
  w->rows.k_tail = call->units % w->packed->kernel->k_group;
  for (size_t r = 0; w->row_sum && r < size; r++)
    w->row_sum[r] = oct_gemm_row_sum(w->packed->kernel->form, w->quantized + r * call->units, call->units);
}

/* One step, whose rows begin at `first`. */
static void take_step(walk *w, size_t first, size_t size) {
  const oct_rnn_sequence_call *call = w->call;
  if (size == 0) return;
  quantize_rows(w, size);
  deal(w, size);
  w->step.rows = size;
  w->step.input = call->input + first * w->plan->columns;
  w->step.h = call->output + first * call->output_stride;
  oct_parallel_for(w->share_count, 1, (int)w->share_count, run_shares, w);
  for (size_t i = 0; i < size; i++)
    memcpy(call->h + i * call->units, w->step.h + i * call->output_stride, call->units * sizeof(float));
  w->backwards = !w->backwards;
}

static void take_steps(walk *w) {
  const oct_rnn_sequence_call *call = w->call;
  size_t first = call->reverse ? w->plan->rows : 0;
  for (size_t t = 0; t < call->steps; t++) {
    const size_t size = call->batch_sizes[call->reverse ? call->steps - 1 - t : t];
    if (call->reverse) first -= size;
    take_step(w, first, size);
    if (!call->reverse) first += size;
  }
  if (call->non_finite && !w->kernels->range(call->h, 1, 0, w->plan->batch * call->units).finite) ++*call->non_finite;
}

/* What is the same at every step. A zero point of 0 has the largest bound on sums, so that one that isn't wide stays so. */
static void prepare(walk *w) {
  const oct_rnn_sequence_call *call = w->call;
  const oct_gemm_packed *packed = w->packed;
  w->output = (oct_output){.struct_size = sizeof w->output,
                           .dtype = OCT_F32,
                           .multiplier = call->weight_scale,
                           .multiplier_count = call->weight_scale_count,
                           .bias_f32 = call->bias,
                           .real_min = -INFINITY,
                           .real_max = INFINITY};
  w->prepared = oct_gemm_prepare(packed, 0, &w->output, 0, w->columns);
  memcpy(w->scales, w->prepared.multiplier, packed->columns * sizeof(float));
  for (size_t n = 0; n < packed->columns; n++)
    w->minus_sums[n] =
        (int32_t)(0u - (uint32_t)packed->column_sum[n] - (uint32_t)packed->k * (uint32_t)packed->minus_zero[n]);
  w->term = w->columns;
}

/* Blocks that give every thread several, of whole panels of each gate. */
static void cut(walk *w) {
  const size_t units = w->call->units, nr = w->packed->kernel->nr;
  const size_t panels = units / nr, parts = (size_t)w->run.threads * BLOCKS_PER_THREAD;
  w->block = units % nr ? units : nr * (panels > parts ? panels / parts : 1);
  w->blocks = oct_ceil_div(units, w->block);
}

oct_status oct_rnn_sequence(const oct_rnn_sequence_call *call, const oct_run *run) {
  plan p = {0};
  int threads;
  void *workspace;
  oct_gemm_packed packed;
  const oct_quantize_kernels *quantize;
  walk w = {.call = call, .plan = &p, .packed = &packed};
  oct_status status = check_sizes(call, &p);
  if (status == OCT_OK) status = check_data(call, &p);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = plan_workspace(call, &p, &packed);
  if (status == OCT_OK) status = oct_run_workspace(entry, run, p.size, &workspace);
  if (status == OCT_OK) status = oct_rnn_select(&w.kernels);
  if (status == OCT_OK) status = oct_quantize_select(&quantize);
  if (status != OCT_OK || p.rows == 0) return status;
  char *memory = workspace;
  w.quantize = quantize->quantize_byte;
  w.quantized = (uint8_t *)memory;
  w.hidden = (float *)(void *)(memory + p.hidden_at);
  w.scales = (float *)(void *)(memory + p.scales_at);
  w.minus_sums = (int32_t *)(void *)(memory + p.minus_sums_at);
  w.ranges = (oct_rnn_range *)(void *)(memory + p.ranges_at);
  w.columns = memory + p.columns_at;
  w.row_sum = packed.has_zero ? (int64_t *)(void *)(memory + p.sums_at) : NULL;
  w.panel = p.packs_rows ? memory + p.panel_at : NULL;
  w.scratch = memory + p.scratch_at;
  w.run.threads = threads;
  w.step = (oct_rnn_step_call){.struct_size = sizeof w.step,
                               .cell = call->cell,
                               .units = call->units,
                               .hidden = w.hidden,
                               .before = call->cell == OCT_RNN_GRU ? call->h : NULL,
                               .c = call->cell == OCT_RNN_LSTM ? call->c : NULL,
                               .input_stride = p.columns,
                               .hidden_stride = p.columns,
                               .before_stride = call->units,
                               .h_stride = call->output_stride,
                               .c_stride = call->units};
  cut(&w);
  prepare(&w);
  if (call->non_finite) *call->non_finite = 0;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  take_steps(&w);
  if (oct_verbose())
    oct_tell("rnn_sequence steps=%zu rows=%zu units=%zu kernels=%s, %s %.1f us", call->steps, p.rows, call->units,
             w.kernels->name, packed.kernel->name, oct_clock_us() - start);
  return OCT_OK;
}
