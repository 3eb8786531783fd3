/* Gradients of learned grids. Sums are independent of threads and tiers: an element's lane is its place in its part
 * modulo 16, a part's beginning depends on the shape alone, and parts are added in order. */
#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "fakequant.h"

OCT_FP_STRICT

/* Elements that float32 lanes may sum, and parts of one channel's elements at most. */
enum { BLOCK = 4096, MOST_PARTS = 64 };

typedef struct sums {
  double scale, zero;
} sums;

typedef struct job {
  const oct_fakequant_kernels *kernels;
  const oct_fake_quantization *grids;
  const float *x, *dy;
  float *dx, *dscale, *dzero;
  float factor;
  oct_fake_parameters single;
  size_t count, part;
  sums parts[MOST_PARTS];
} job;

/* Adds the terms of `count` elements of one grid. */
static void add_run(const job *j, const oct_fake_grid *grid, size_t begin, size_t count, sums *total) {
  for (size_t at = begin, left = count; left > 0;) {
    const size_t length = left < BLOCK ? left : BLOCK;
    float scale[OCT_FAKE_LANES] = {0}, zero[OCT_FAKE_LANES] = {0};
    j->kernels->learnable(j->x + at, j->dy + at, length, grid, j->dx ? j->dx + at : NULL, scale, zero);
    for (int lane = 0; lane < OCT_FAKE_LANES; lane++) {
      total->scale += (double)scale[lane];
      total->zero += (double)zero[lane];
    }
    at += length;
    left -= length;
  }
}

static void parts_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  job *j = context;
  for (size_t part = begin; part < end; part++) {
    const size_t first = part * j->part, left = j->count - first;
    j->parts[part] = (sums){0};
    add_run(j, &j->single.grid, first, left < j->part ? left : j->part, &j->parts[part]);
  }
}

static void finish(const job *j, size_t channel, sums total) {
  const float scale = j->factor * (float)total.scale, zero = j->factor * (float)total.zero;
  memcpy((char *)j->dscale + channel * sizeof scale, &scale, sizeof scale);
  memcpy((char *)j->dzero + channel * sizeof zero, &zero, sizeof zero);
}

static void channels_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const oct_channels shape = j->grids->shape;
  for (size_t channel = begin; channel < end; channel++) {
    const oct_fake_parameters p = oct_fake_parameters_of(j->grids, channel);
    sums total = {0};
    for (size_t o = 0; o < shape.outer; o++)
      add_run(j, &p.grid, (o * shape.channels + channel) * shape.inner, shape.inner, &total);
    finish(j, channel, total);
  }
}

static void run_job(job *j, int threads) {
  const oct_channels shape = j->grids->shape;
  if (shape.channels > 1) {
    const size_t each = j->count / shape.channels;
    const size_t grain = j->count < OCT_FAKE_FORK ? shape.channels : each < OCT_FAKE_GRAIN ? OCT_FAKE_GRAIN / each : 1;
    oct_parallel_for(shape.channels, grain, threads, channels_range, j);
    return;
  }
  j->single = oct_fake_parameters_of(j->grids, 0);
  j->part = oct_round_up(oct_ceil_div(j->count, MOST_PARTS), BLOCK);
  const size_t parts = oct_ceil_div(j->count, j->part);
  oct_parallel_for(parts, j->count < OCT_FAKE_FORK ? parts : 1, threads, parts_range, j);
  sums total = {0};
  for (size_t part = 0; part < parts; part++) {
    total.scale += j->parts[part].scale;
    total.zero += j->parts[part].zero;
  }
  finish(j, 0, total);
}

static oct_status check_narrow(const char *entry, const oct_fake_quantization *grids) {
  for (size_t c = 0; c < grids->shape.channels; c++)
    if (!oct_fake_parameters_of(grids, c).narrow)
      return oct_fail(OCT_UNSUPPORTED,
                      "%s: grids with %s have no gradient here; use integer zero points within 2^21 of both bounds",
                      entry, grids->zero_points ? "so wide a range" : "real zero points");
  return OCT_OK;
}

oct_status oct_fake_quantize_learnable_gradient(const oct_fake_quantization *grids, const float *x, const float *dy,
                                                float factor, float *dx, float *dscale, float *dzero,
                                                const oct_run *run) {
  static const char entry[] = "oct_fake_quantize_learnable_gradient";
  job j = {.grids = grids, .x = x, .dy = dy, .dx = dx, .dscale = dscale, .dzero = dzero, .factor = factor};
  int threads;
  oct_status status = oct_fake_check(entry, grids, &j.count);
  if (status == OCT_OK) status = check_narrow(entry, grids);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_fakequant_select(&j.kernels);
  if (status != OCT_OK || grids->shape.channels == 0) return status;
  if (!dscale || !dzero) return oct_fake_null(entry, dscale ? "dzero" : "dscale", grids->shape.channels);
  if (j.count > 0 && (!x || !dy)) return oct_fake_null(entry, x ? "dy" : "x", j.count);
  if (j.count == 0) {
    for (size_t c = 0; c < grids->shape.channels; c++) finish(&j, c, (sums){0});
    return OCT_OK;
  }
  run_job(&j, threads);
  return OCT_OK;
}
