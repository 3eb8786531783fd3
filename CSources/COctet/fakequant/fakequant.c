/* Rounding to grids, and its gradient with respect to the input.
 *
 * Elements are shared among threads in ranges that cross channels freely. Channels of short runs (channels last) are seen
 * as rows of columns, whose grids are spread over a block on the stack. Grids with a real zero point, or so wide that
 * float32 doesn't hold all their steps, are applied one element at a time in double. */
#include "fakequant.h"

#include <math.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"

OCT_FP_STRICT

/* inner below which channels are columns; columns of a block, and rows that share their spread grids. */
enum { SHORT_RUN = 16, BLOCK_COLUMNS = 512, BLOCK_ROWS = 64 };

typedef struct job {
  const oct_fakequant_kernels *kernels;
  const oct_fake_quantization *grids;
  const float *x, *dy;
  float *y;
  uint8_t *mask;
  oct_fake_parameters single; /* of the only channel */
  size_t columns, blocks;
  bool streams;
} job;

/* The integer that x becomes before clamping, and far below any range what no 64-bit integer holds. */
static double wide_integer(const oct_fake_parameters *p, float x) {
  const float steps = x * p->grid.inverse;
  const float q = p->real ? nearbyintf((float)p->zero + steps) : (float)p->zero + nearbyintf(steps);
  return fabsf(q) < 0x1p63f ? (double)q : -0x1p63;
}

static bool is_inside(const oct_fake_parameters *p, double q) { return p->low <= q && q <= p->high; }

static float wide_value(const oct_fake_parameters *p, double q) {
  const double clamped = q < p->low ? p->low : q > p->high ? p->high : q;
  return (float)((clamped - p->zero) * (double)p->grid.scale + 0.0);
}

static void wide_run(const job *j, const oct_fake_parameters *p, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    float x, out;
    memcpy(&x, (const char *)j->x + i * sizeof x, sizeof x);
    const double q = wide_integer(p, x);
    const bool inside = is_inside(p, q);
    if (j->mask) j->mask[i] = inside;
    out = wide_value(p, q);
    if (j->dy) {
      memcpy(&out, (const char *)j->dy + i * sizeof out, sizeof out);
      out = inside ? out : 0.0f;
    }
    memcpy((char *)j->y + i * sizeof out, &out, sizeof out);
  }
}

/* Elements begin..<end, all of one channel. */
static void run_of_channel(const job *j, const oct_fake_parameters *p, size_t begin, size_t end) {
  const size_t count = end - begin;
  if (!p->narrow)
    wide_run(j, p, begin, end);
  else if (j->dy)
    j->kernels->gradient(j->x + begin, j->dy + begin, count, &p->grid, j->y + begin, j->streams);
  else
    j->kernels->round(j->x + begin, count, &p->grid, j->y + begin, j->mask ? j->mask + begin : NULL, j->streams);
}

static void elements_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const oct_channels shape = j->grids->shape;
  if (shape.channels == 1) {
    run_of_channel(j, &j->single, begin, end);
    return;
  }
  while (begin < end) {
    const size_t run = begin / shape.inner, run_end = (run + 1) * shape.inner, stop = run_end < end ? run_end : end;
    const oct_fake_parameters p = oct_fake_parameters_of(j->grids, run % shape.channels);
    run_of_channel(j, &p, begin, stop);
    begin = stop;
  }
}

typedef struct spread_grids {
  float inverse[BLOCK_COLUMNS], scale[BLOCK_COLUMNS], least[BLOCK_COLUMNS], most[BLOCK_COLUMNS];
} spread_grids;

/* False when a column's grid isn't narrow. */
static bool spread(const job *j, size_t first, size_t columns, spread_grids *to) {
  const size_t inner = j->grids->shape.inner;
  for (size_t c = 0; c < columns;) {
    const size_t channel = (first + c) / inner, end = (channel + 1) * inner - first;
    const oct_fake_parameters p = oct_fake_parameters_of(j->grids, channel);
    if (!p.narrow) return false;
    for (; c < columns && c < end; c++) {
      to->inverse[c] = p.grid.inverse;
      to->scale[c] = p.grid.scale;
      to->least[c] = p.grid.least;
      to->most[c] = p.grid.most;
    }
  }
  return true;
}

/* Blocks of BLOCK_ROWS rows and BLOCK_COLUMNS columns, numbered along the rows first. */
static void blocks_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const oct_channels shape = j->grids->shape;
  spread_grids room;
  const oct_fake_columns grids = {room.inverse, room.scale, room.least, room.most};
  for (size_t block = begin; block < end; block++) {
    const size_t first = block % j->blocks * BLOCK_COLUMNS, row = block / j->blocks * BLOCK_ROWS;
    const size_t left = j->columns - first, columns = left < BLOCK_COLUMNS ? left : BLOCK_COLUMNS;
    const size_t rows = shape.outer - row < BLOCK_ROWS ? shape.outer - row : BLOCK_ROWS;
    const bool narrow = spread(j, first, columns, &room);
    for (size_t r = row; r < row + rows; r++) {
      const size_t at = r * j->columns + first;
      if (!narrow)
        elements_range(context, at, at + columns, worker);
      else if (j->dy)
        j->kernels->gradient_columns(j->x + at, j->dy + at, columns, &grids, j->y + at);
      else
        j->kernels->round_columns(j->x + at, columns, &grids, j->y + at, j->mask ? j->mask + at : NULL);
    }
  }
}

static void run_job(job *j, size_t count, int threads) {
  const oct_channels shape = j->grids->shape;
  j->streams = count >= OCT_FAKE_STREAM;
  if (shape.channels > 1 && shape.inner < SHORT_RUN) {
    j->columns = shape.channels * shape.inner;
    j->blocks = oct_ceil_div(j->columns, BLOCK_COLUMNS);
    const size_t blocks = j->blocks * oct_ceil_div(shape.outer, BLOCK_ROWS);
    oct_parallel_for(blocks, count < OCT_FAKE_FORK ? blocks : 1, threads, blocks_range, j);
    return;
  }
  if (shape.channels == 1) j->single = oct_fake_parameters_of(j->grids, 0);
  oct_parallel_for(count, count < OCT_FAKE_FORK ? count : OCT_FAKE_GRAIN, threads, elements_range, j);
}

void oct_fake_round(const oct_fakequant_kernels *kernels, const oct_fake_quantization *grids, size_t count,
                    const float *x, float *y, uint8_t *mask, int threads) {
  job j = {.kernels = kernels, .grids = grids, .x = x, .y = y, .mask = mask};
  run_job(&j, count, threads);
}

static oct_status prepare(const char *entry, job *j, const oct_run *run, size_t *count, int *threads) {
  oct_status status = oct_fake_check(entry, j->grids, count);
  if (status == OCT_OK) status = oct_run_threads(entry, run, threads);
  if (status == OCT_OK) status = oct_fakequant_select(&j->kernels);
  return status;
}

oct_status oct_fake_quantize(const oct_fake_quantization *grids, const float *x, float *y, uint8_t *mask,
                             const oct_run *run) {
  static const char entry[] = "oct_fake_quantize";
  job j = {.grids = grids, .x = x, .y = y, .mask = mask};
  size_t count;
  int threads;
  const oct_status status = prepare(entry, &j, run, &count, &threads);
  if (status != OCT_OK || count == 0) return status;
  if (!x || !y) return oct_fake_null(entry, x ? "y" : "x", count);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  run_job(&j, count, threads);
  if (oct_verbose())
    oct_tell("fake_quantize count=%zu channels=%zu kernel=%s %.1f us", count, grids->shape.channels, j.kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_fake_quantize_gradient(const oct_fake_quantization *grids, const float *x, const float *dy, float *dx,
                                      const oct_run *run) {
  static const char entry[] = "oct_fake_quantize_gradient";
  job j = {.grids = grids, .x = x, .dy = dy, .y = dx};
  size_t count;
  int threads;
  const oct_status status = prepare(entry, &j, run, &count, &threads);
  if (status != OCT_OK || count == 0) return status;
  if (!x || !dy || !dx) return oct_fake_null(entry, !x ? "x" : dy ? "dx" : "dy", count);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  run_job(&j, count, threads);
  if (oct_verbose())
    oct_tell("fake_quantize_gradient count=%zu channels=%zu kernel=%s %.1f us", count, grids->shape.channels,
             j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

static void masked_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  j->kernels->masked_gradient(j->mask + begin, j->dy + begin, end - begin, j->y + begin, j->streams);
}

oct_status oct_fake_quantize_masked_gradient(const uint8_t *mask, const float *dy, size_t count, float *dx,
                                             const oct_run *run) {
  static const char entry[] = "oct_fake_quantize_masked_gradient";
  /* Kernels only read the mask of a gradient. */
  job j = {.mask = (uint8_t *)(uintptr_t)mask, .dy = dy, .y = dx, .streams = count >= OCT_FAKE_STREAM};
  int threads;
  if (count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: count is %zu, more than memory can hold; pass the number of elements", entry,
                    count);
  oct_status status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_fakequant_select(&j.kernels);
  if (status != OCT_OK || count == 0) return status;
  if (!mask || !dy || !dx) return oct_fake_null(entry, !mask ? "mask" : dy ? "dx" : "dy", count);
  oct_parallel_for(count, count < OCT_FAKE_FORK ? count : OCT_FAKE_GRAIN, threads, masked_range, &j);
  return OCT_OK;
}
