/* Extremes of a tensor and of its channels.
 *
 * One pass finds the extremes of what isn't NaN and the largest magnitude, which tells whether everything was finite. Only
 * if it wasn't, a second pass looks at values one by one. Extremes don't depend on the order in which values are met. */
#include <math.h>
#include <stdatomic.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "observe.h"

OCT_FP_STRICT

/* Parts of a tensor, and of the rows of narrow columns, that have results of their own on the stack; columns of a block;
 * inner below which channels are columns; rows after which another block of columns is taken. */
enum { PARTS = 64, ROW_PARTS = 8, BLOCK_COLUMNS = 512, SHORT_RUN = 128, TILE_ROWS = 32 };

static const oct_observe_kernels *const table[] = {
#define OCT_OBSERVE_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "observe.def"
#undef OCT_OBSERVE_KERNELS
};

oct_status oct_observe_select(const oct_observe_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("observe", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

oct_status oct_observe_check(const char *entry, const float *x, size_t count, const void *out, const char *out_name) {
  if (count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: count is %zu, more than memory can hold; pass the number of values", entry,
                    count);
  if (count > 0 && !x)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: x is null, expected %zu values; pass a buffer", entry, count);
  if (!out) return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass a buffer for the result", entry, out_name);
  return OCT_OK;
}

static oct_status check_policy(const char *entry, oct_nonfinite_policy policy) {
  if (policy == OCT_NONFINITE_PROPAGATE || policy == OCT_NONFINITE_IGNORE) return OCT_OK;
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: policy is %d, expected OCT_NONFINITE_PROPAGATE or OCT_NONFINITE_IGNORE",
                  entry, (int)policy);
}

static const oct_reach nothing = {INFINITY, -INFINITY, 0};

static void merge(oct_reach *reach, oct_reach other) {
  reach->low = other.low < reach->low ? other.low : reach->low;
  reach->high = other.high > reach->high ? other.high : reach->high;
  reach->top = other.top > reach->top ? other.top : reach->top;
}

/* Widens `reach` by the finite ones of `count` values. */
static void add_finite(const float *x, size_t count, oct_reach *reach) {
  for (size_t i = 0; i < count; i++) {
    const float value = oct_value_at(x, i);
    if (isfinite(value)) merge(reach, (oct_reach){value, value, 0});
  }
}

/* Adding zero turns -0 into 0 and changes nothing else. */
static oct_extremes extremes_of(oct_reach reach) { return (oct_extremes){reach.low + 0.0f, reach.high + 0.0f}; }

static void look_for_nonfinite(const float *x, size_t count, int32_t top, oct_nonfinite *nonfinite) {
  if (!nonfinite) return;
  *nonfinite = (oct_nonfinite){0};
  if (top < OCT_INFINITY_BITS) return;
  for (size_t i = 0; i < count; i++) {
    const float value = oct_value_at(x, i);
    if (isfinite(value)) continue;
    if (nonfinite->nan_count + nonfinite->infinity_count == 0) {
      nonfinite->first = i;
      nonfinite->first_value = value;
    }
    if (isnan(value))
      nonfinite->nan_count++;
    else
      nonfinite->infinity_count++;
  }
}

typedef struct tensor_job {
  const oct_observe_kernels *kernels;
  const float *x;
  size_t count, part;
  oct_reach parts[PARTS];
} tensor_job;

static void parts_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  tensor_job *job = context;
  for (size_t part = begin; part < end; part++) {
    const size_t first = part * job->part, left = job->count - first;
    job->parts[part] = nothing;
    job->kernels->reach(job->x + first, left < job->part ? left : job->part, &job->parts[part]);
  }
}

static oct_reach reach_of_tensor(tensor_job *job, int threads) {
  oct_reach reach = nothing;
  if (job->count < OCT_OBSERVE_FORK || threads == 1) {
    job->kernels->reach(job->x, job->count, &reach);
    return reach;
  }
  const size_t share = oct_ceil_div(job->count, PARTS);
  job->part = share < OCT_OBSERVE_GRAIN ? OCT_OBSERVE_GRAIN : oct_round_up(share, 16);
  const size_t parts = oct_ceil_div(job->count, job->part);
  oct_parallel_for(parts, 1, threads, parts_range, job);
  for (size_t part = 0; part < parts; part++) merge(&reach, job->parts[part]);
  return reach;
}

oct_status oct_observe_extremes(const float *x, size_t count, oct_nonfinite_policy policy, oct_extremes *extremes,
                                oct_nonfinite *nonfinite, const oct_run *run) {
  static const char entry[] = "oct_observe_extremes";
  tensor_job job = {.x = x, .count = count};
  int threads;
  oct_status status = oct_observe_check(entry, x, count, extremes, "extremes");
  if (status == OCT_OK) status = check_policy(entry, policy);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_observe_select(&job.kernels);
  if (status != OCT_OK) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_reach reach = reach_of_tensor(&job, threads);
  look_for_nonfinite(x, count, reach.top, nonfinite);
  if (reach.top >= OCT_INFINITY_BITS && policy == OCT_NONFINITE_IGNORE) {
    reach = nothing;
    add_finite(x, count, &reach);
  } else if (reach.top > OCT_INFINITY_BITS) {
    reach.low = reach.high = NAN;
  }
  *extremes = extremes_of(reach);
  if (oct_verbose()) oct_tell("extremes count=%zu kernel=%s %.1f us", count, job.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

typedef struct column_reach {
  float low[BLOCK_COLUMNS], high[BLOCK_COLUMNS];
  int32_t top[BLOCK_COLUMNS];
} column_reach;

typedef struct channel_job {
  const oct_observe_kernels *kernels;
  const float *x;
  oct_channels shape;
  bool ignores;
  oct_extremes *extremes;
  atomic_bool met_nonfinite;
  /* Columns: of a row (several rows of the tensor in one if it is narrow), of a block; rows, and those of a part. */
  size_t columns, block, rows, part_rows;
  column_reach *parts;
} channel_job;

/* Turns what was found of a channel into its extremes. */
static void finish_channel(channel_job *job, size_t channel, oct_reach reach) {
  const oct_channels shape = job->shape;
  if (reach.top >= OCT_INFINITY_BITS) {
    atomic_store_explicit(&job->met_nonfinite, true, memory_order_relaxed);
    if (job->ignores) {
      reach = nothing;
      for (size_t o = 0; o < shape.outer; o++)
        add_finite(job->x + (o * shape.channels + channel) * shape.inner, shape.inner, &reach);
    } else if (reach.top > OCT_INFINITY_BITS) {
      reach.low = reach.high = NAN;
    }
  }
  const oct_extremes extremes = extremes_of(reach);
  memcpy((char *)job->extremes + channel * sizeof extremes, &extremes, sizeof extremes);
}

static void channels_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  channel_job *job = context;
  const oct_channels shape = job->shape;
  for (size_t channel = begin; channel < end; channel++) {
    oct_reach reach = nothing;
    for (size_t o = 0; o < shape.outer; o++)
      job->kernels->reach(job->x + (o * shape.channels + channel) * shape.inner, shape.inner, &reach);
    finish_channel(job, channel, reach);
  }
}

static void start_columns(column_reach *found, size_t columns) {
  for (size_t c = 0; c < columns; c++) {
    found->low[c] = nothing.low;
    found->high[c] = nothing.high;
    found->top[c] = nothing.top;
  }
}

/* Rows `row`..<`end` of a block, a tile at a time: its pages stay at hand. */
static void add_rows(const channel_job *job, size_t row, size_t end, size_t first, size_t columns,
                     column_reach *found) {
  for (; row < end; row += TILE_ROWS)
    job->kernels->reach_columns(job->x + row * job->columns + first, end - row < TILE_ROWS ? end - row : TILE_ROWS,
                                columns, job->columns, found->low, found->high, found->top);
}

/* The channels of a block whose columns repeat every `period`. */
static void finish_columns(channel_job *job, const column_reach *found, size_t columns, size_t period,
                           size_t first_channel) {
  const size_t inner = job->shape.inner;
  for (size_t c = 0; c < period; c += inner) {
    oct_reach reach = nothing;
    for (size_t begin = c; begin < columns; begin += period)
      for (size_t i = begin; i < begin + inner; i++)
        merge(&reach, (oct_reach){found->low[i], found->high[i], found->top[i]});
    finish_channel(job, first_channel + c / inner, reach);
  }
}

static void blocks_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  channel_job *job = context;
  column_reach found;
  for (size_t block = begin; block < end; block++) {
    const size_t first = block * job->block, left = job->columns - first;
    const size_t columns = left < job->block ? left : job->block;
    start_columns(&found, columns);
    add_rows(job, 0, job->rows, first, columns, &found);
    finish_columns(job, &found, columns, columns, first / job->shape.inner);
  }
}

static void row_parts_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  channel_job *job = context;
  for (size_t part = begin; part < end; part++) {
    const size_t row = part * job->part_rows, left = job->rows - row;
    start_columns(&job->parts[part], job->columns);
    add_rows(job, row, row + (left < job->part_rows ? left : job->part_rows), 0, job->columns, &job->parts[part]);
  }
}

/* Rows that fit one block: threads share rows. Rows of a few columns are joined until they fill vectors. */
static void observe_narrow(channel_job *job, size_t count, int threads) {
  column_reach parts[ROW_PARTS];
  const size_t period = job->shape.channels * job->shape.inner;
  const size_t joined = period < BLOCK_COLUMNS / 2 ? BLOCK_COLUMNS / period : 1;
  job->columns = period * joined;
  job->rows = job->shape.outer / joined;
  job->parts = parts;
  const size_t least = oct_ceil_div(OCT_OBSERVE_GRAIN, job->columns), share = oct_ceil_div(job->rows, ROW_PARTS);
  job->part_rows = count < OCT_OBSERVE_FORK || threads == 1 ? job->rows + 1 : share < least ? least : share;
  const size_t used = oct_ceil_div(job->rows, job->part_rows);
  if (used == 0) start_columns(&parts[0], job->columns);
  oct_parallel_for(used, 1, threads, row_parts_range, job);
  for (size_t part = 1; part < used; part++)
    for (size_t c = 0; c < job->columns; c++) {
      oct_reach reach = {parts[0].low[c], parts[0].high[c], parts[0].top[c]};
      merge(&reach, (oct_reach){parts[part].low[c], parts[part].high[c], parts[part].top[c]});
      parts[0].low[c] = reach.low;
      parts[0].high[c] = reach.high;
      parts[0].top[c] = reach.top;
    }
  const size_t done = job->rows * job->columns;
  job->kernels->reach_columns(job->x + done, 1, count - done, 0, parts[0].low, parts[0].high, parts[0].top);
  finish_columns(job, &parts[0], job->columns, period, 0);
}

static void observe_channels(channel_job *job, size_t count, int threads) {
  const oct_channels shape = job->shape;
  const size_t row = shape.channels * shape.inner;
  if (shape.inner >= SHORT_RUN || shape.outer == 1) {
    const size_t each = count / shape.channels;
    const size_t grain = count < OCT_OBSERVE_FORK   ? shape.channels
                         : each < OCT_OBSERVE_GRAIN ? oct_ceil_div(OCT_OBSERVE_GRAIN, each)
                                                    : 1;
    oct_parallel_for(shape.channels, grain, threads, channels_range, job);
  } else if (row <= BLOCK_COLUMNS) {
    observe_narrow(job, count, threads);
  } else {
    job->columns = row;
    job->rows = shape.outer;
    job->block = BLOCK_COLUMNS / shape.inner * shape.inner;
    const size_t blocks = oct_ceil_div(row, job->block);
    oct_parallel_for(blocks, count < OCT_OBSERVE_FORK ? blocks : 1, threads, blocks_range, job);
  }
}

oct_status oct_observe_channel_extremes(const float *x, oct_channels shape, oct_nonfinite_policy policy,
                                        oct_extremes *extremes, oct_nonfinite *nonfinite, const oct_run *run) {
  static const char entry[] = "oct_observe_channel_extremes";
  channel_job job = {.x = x, .shape = shape, .ignores = policy == OCT_NONFINITE_IGNORE, .extremes = extremes};
  size_t count;
  int threads;
  if (!oct_multiply(shape.outer, shape.channels, &count) || !oct_multiply(count, shape.inner, &count))
    return oct_fail(OCT_OVERFLOW, "%s: shape %zu x %zu x %zu is more than memory can hold; check the shape", entry,
                    shape.outer, shape.channels, shape.inner);
  if (shape.channels == 0) return OCT_OK;
  oct_status status = oct_observe_check(entry, x, count, extremes, "extremes");
  if (status == OCT_OK) status = check_policy(entry, policy);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_observe_select(&job.kernels);
  if (status != OCT_OK) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  atomic_init(&job.met_nonfinite, false);
  if (count > 0)
    observe_channels(&job, count, threads);
  else
    for (size_t c = 0; c < shape.channels; c++) finish_channel(&job, c, nothing);
  look_for_nonfinite(x, count, atomic_load(&job.met_nonfinite) ? OCT_INFINITY_BITS : 0, nonfinite);
  if (oct_verbose())
    oct_tell("channel_extremes count=%zu channels=%zu kernel=%s %.1f us", count, shape.channels, job.kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}
