/* The entry for one step of a recurrent cell: checks, the choice of kernels, and rows for threads. */
#include "rnn.h"

#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "kernels.h"

/* Units for which a row, or a few, are worth a thread: some two microseconds of exponentials. */
enum { GRAIN = 4096 };

static const oct_rnn_kernels *const table_of_kernels[] = {
#define OCT_RNN_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "rnn.def"
#undef OCT_RNN_KERNELS
};

oct_status oct_rnn_select(const oct_rnn_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("rnn", table_of_kernels[i]->name, table_of_kernels[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table_of_kernels[i];
  return OCT_OK;
}

size_t oct_rnn_gates(oct_rnn_cell cell) {
  switch (cell) {
    case OCT_RNN_LSTM: return 4;
    case OCT_RNN_GRU: return 3;
    case OCT_RNN_TANH:
    case OCT_RNN_RELU: return 1;
  }
  return 0;
}

typedef struct rows_job {
  const oct_rnn_kernels *kernels;
  const oct_rnn_step_call *call;
} rows_job;

static void run_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const rows_job *job = context;
  oct_rnn_run_rows(job->kernels, job->call, begin, end, 0, job->call->units);
}

/* One of the matrices of a step: [rows, columns], `stride` elements from row to row. */
typedef struct matrix {
  const char *name;
  const float *data;
  size_t columns, stride;
  size_t bytes; /* from the first element to the last */
} matrix;

static oct_status check_matrix(const char *entry, matrix *m, size_t rows) {
  if (!m->data)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected [%zu, %zu] elements; pass a buffer", entry, m->name,
                    rows, m->columns);
  if (m->stride < m->columns)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: %s_stride is %zu, expected at least the row's %zu elements", entry,
                    m->name, m->stride, m->columns);
  size_t elements;
  if (!oct_multiply(rows - 1, m->stride, &elements) || !oct_add(elements, m->columns, &elements) ||
      !oct_multiply(elements, sizeof(float), &m->bytes) || m->bytes > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW, "%s: %s has more elements than memory can hold: [%zu, %zu] with stride %zu", entry,
                    m->name, rows, m->columns, m->stride);
  return OCT_OK;
}

static bool overlap(const matrix *a, const matrix *b) {
  const uintptr_t x = (uintptr_t)a->data, y = (uintptr_t)b->data;
  return x < y ? y - x < a->bytes : x - y < b->bytes;
}

static oct_status check_overlaps(const char *entry, const matrix *output, const matrix *others, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (others[i].data && overlap(output, &others[i]))
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s overlaps %s; pass another buffer", entry, output->name,
                      others[i].name);
  return OCT_OK;
}

oct_status oct_rnn_check_cell(const char *entry, oct_rnn_cell cell, size_t units, size_t *columns) {
  const size_t gates = oct_rnn_gates(cell);
  if (gates == 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: cell is %d, expected OCT_RNN_LSTM, _GRU, _TANH or _RELU", entry,
                    (int)cell);
  if (units == 0) return oct_fail(OCT_INVALID_ARGUMENT, "%s: units is 0, expected at least one hidden unit", entry);
  if (!oct_multiply(gates, units, columns) || *columns > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: units is %zu, more than memory can hold", entry, units);
  return OCT_OK;
}

static oct_status check_step(const char *entry, const oct_rnn_step_call *call) {
  size_t columns;
  if (!call) return oct_fail(OCT_INVALID_ARGUMENT, "%s: call is null, expected a description; pass one", entry);
  if (call->struct_size != sizeof *call)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: struct_size is %u, expected %zu; set it to sizeof(oct_rnn_step_call)",
                    entry, (unsigned)call->struct_size, sizeof *call);
  oct_status status = oct_rnn_check_cell(entry, call->cell, call->units, &columns);
  if (status != OCT_OK || call->rows == 0) return status;
  const size_t units = call->units;
  matrix h = {.name = "h", .data = call->h, .columns = units, .stride = call->h_stride};
  matrix others[4] = {{.name = "input", .data = call->input, .columns = columns, .stride = call->input_stride},
                      {.name = "hidden", .data = call->hidden, .columns = columns, .stride = call->hidden_stride}};
  size_t count = 2;
  if (call->cell == OCT_RNN_GRU)
    others[count++] = (matrix){.name = "before", .data = call->before, .columns = units, .stride = call->before_stride};
  if (call->cell == OCT_RNN_LSTM)
    others[count++] = (matrix){.name = "c", .data = call->c, .columns = units, .stride = call->c_stride};
  status = check_matrix(entry, &h, call->rows);
  for (size_t i = 0; i < count && status == OCT_OK; i++) status = check_matrix(entry, &others[i], call->rows);
  if (status == OCT_OK) status = check_overlaps(entry, &h, others, count);
  if (status == OCT_OK && call->cell == OCT_RNN_LSTM) status = check_overlaps(entry, &others[2], others, 2);
  return status;
}

oct_status oct_rnn_step(const oct_rnn_step_call *call, const oct_run *run) {
  static const char entry[] = "oct_rnn_step";
  const oct_rnn_kernels *kernels;
  int threads;
  oct_status status = check_step(entry, call);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_rnn_select(&kernels);
  if (status != OCT_OK || call->rows == 0) return status;
  oct_rnn_step_call used = *call;
  if (call->cell != OCT_RNN_GRU) used.before = NULL;
  if (call->cell != OCT_RNN_LSTM) used.c = NULL;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  rows_job job = {.kernels = kernels, .call = &used};
  const size_t grain = call->units < GRAIN ? GRAIN / call->units : 1;
  oct_parallel_for(call->rows, call->rows < 2 * grain ? call->rows : grain, threads, run_rows, &job);
  if (oct_verbose())
    oct_tell("rnn_step rows=%zu units=%zu kernel=%s %.1f us", call->rows, call->units, kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}
