/* Following extremes, choosing grids and rounding to them in one call. Values are read twice, since a grid depends on all of
 * them. */
#include <math.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "fakequant.h"
#include "octet/observe.h"

OCT_FP_STRICT

/* What the state becomes once nothing can fail any more. Arrays of one entry per channel, in the workspace. */
typedef struct next_state {
  oct_extremes *extremes;
  float *scales;
  int64_t *zero_points;
} next_state;

typedef struct one_channel {
  oct_extremes extremes;
  float scale;
  int64_t zero_point;
} one_channel;

static size_t extremes_size(size_t channels) { return oct_round_up(channels * sizeof(oct_extremes), OCT_ALIGNMENT); }
static size_t zeros_size(size_t channels) { return oct_round_up(channels * sizeof(int64_t), OCT_ALIGNMENT); }

oct_status oct_moving_average_workspace(size_t channels, size_t *size) {
  static const char entry[] = "oct_moving_average_workspace";
  if (!size) return oct_fail(OCT_INVALID_ARGUMENT, "%s: size is null; pass where the answer goes", entry);
  if (channels > PTRDIFF_MAX / 64)
    return oct_fail(OCT_OVERFLOW, "%s: channels is %zu, more than memory can hold", entry, channels);
  *size = channels == 1 ? 0 : extremes_size(channels) + zeros_size(channels) + channels * sizeof(float);
  return OCT_OK;
}

static float load(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

static void store(float *values, size_t i, float value) {
  memcpy((char *)values + i * sizeof value, &value, sizeof value);
}

static float moved(float old, float batch, float weight) {
  if (isinf(old)) return batch;
  const float difference = batch - old;
  if (isfinite(difference) || !isfinite(old) || !isfinite(batch)) return old + weight * difference;
  return (float)((double)old + (double)weight * ((double)batch - (double)old));
}

static oct_status check(const char *entry, const oct_moving_average *a) {
  if (!a) return oct_fail(OCT_INVALID_ARGUMENT, "%s: average is null; pass an oct_moving_average", entry);
  if (a->struct_size != sizeof *a)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: average->struct_size is %u, expected %zu; set it to sizeof(oct_moving_average)", entry,
                    (unsigned)a->struct_size, sizeof *a);
  if (!(a->averaging_constant >= 0.0f && a->averaging_constant <= 1.0f))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: averaging_constant is %g, expected a number in 0..1", entry,
                    (double)a->averaging_constant);
  if (a->quant_min >= a->quant_max)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: quant_min is %d, expected less than quant_max, %d", entry,
                    (int)a->quant_min, (int)a->quant_max);
  if (a->shape.channels > 0 && (!a->minima || !a->maxima || !a->scales || !a->zero_points))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: a part of the state is null, expected %zu entries in each", entry,
                    a->shape.channels);
  return OCT_OK;
}

/* The extremes after this batch. */
static oct_status follow(const oct_moving_average *a, const float *x, const next_state *next, const oct_run *run) {
  oct_status status = OCT_OK;
  const oct_channels shape = a->shape;
  if (a->observes && shape.channels == 1)
    status = oct_observe_extremes(x, shape.outer * shape.inner, OCT_NONFINITE_PROPAGATE, next->extremes, NULL, run);
  else if (a->observes)
    status = oct_observe_channel_extremes(x, shape, OCT_NONFINITE_PROPAGATE, next->extremes, NULL, run);
  for (size_t c = 0; c < shape.channels; c++) {
    const float low = load(a->minima, c), high = load(a->maxima, c);
    oct_extremes *e = &next->extremes[c];
    if (a->observes)
      *e = (oct_extremes){moved(low, e->min, a->averaging_constant), moved(high, e->max, a->averaging_constant)};
    else
      *e = (oct_extremes){low, high};
  }
  return status;
}

/* Fresh extremes count as zero. */
static oct_status choose(const oct_moving_average *a, const next_state *next) {
  for (size_t c = 0; c < a->shape.channels; c++) {
    const oct_extremes e = next->extremes[c];
    const bool fresh = e.min == INFINITY && e.max == -INFINITY;
    double scale;
    int32_t zero_point;
    const oct_status status = oct_choose_quantization(fresh ? 0.0f : e.min, fresh ? 0.0f : e.max, a->quant_min,
                                                      a->quant_max, a->symmetric, &scale, &zero_point);
    if (status != OCT_OK) return status;
    next->scales[c] = (float)scale;
    next->zero_points[c] = zero_point;
  }
  return OCT_OK;
}

static void keep(const oct_moving_average *a, const next_state *next) {
  for (size_t c = 0; c < a->shape.channels; c++) {
    store(a->minima, c, next->extremes[c].min);
    store(a->maxima, c, next->extremes[c].max);
    store(a->scales, c, next->scales[c]);
    memcpy((char *)a->zero_points + c * sizeof(int64_t), &next->zero_points[c], sizeof(int64_t));
  }
}

oct_status oct_moving_average_fake_quantize(const oct_moving_average *average, const float *x, float *y, uint8_t *mask,
                                            const oct_run *run) {
  static const char entry[] = "oct_moving_average_fake_quantize";
  size_t size = 0, count;
  int threads;
  void *workspace;
  const oct_fakequant_kernels *kernels;
  oct_status status = check(entry, average);
  if (status == OCT_OK) status = oct_moving_average_workspace(average->shape.channels, &size);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_run_workspace(entry, run, size, &workspace);
  if (status == OCT_OK) status = oct_fakequant_select(&kernels);
  if (status != OCT_OK) return status;
  const oct_channels shape = average->shape;
  if (!oct_multiply(shape.outer, shape.channels, &count) || !oct_multiply(count, shape.inner, &count) ||
      count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: shape %zu x %zu x %zu is more than memory can hold; check the shape", entry,
                    shape.outer, shape.channels, shape.inner);
  if (count == 0) return OCT_OK;
  if (!x || !y) return oct_fake_null(entry, x ? "y" : "x", count);
  one_channel one;
  next_state next = {&one.extremes, &one.scale, &one.zero_point};
  if (workspace) {
    next.extremes = workspace;
    next.zero_points = (void *)((char *)workspace + extremes_size(shape.channels));
    next.scales = (void *)((char *)next.zero_points + zeros_size(shape.channels));
  }
  const double start = oct_verbose() ? oct_clock_us() : 0;
  const oct_fake_quantization grids = {.struct_size = sizeof grids,
                                       .shape = shape,
                                       .scales = next.scales,
                                       .zero_points = next.zero_points,
                                       .quant_min = average->quant_min,
                                       .quant_max = average->quant_max};
  const oct_run team = {.struct_size = sizeof team, .threads = threads};
  status = follow(average, x, &next, &team);
  if (status == OCT_OK) status = choose(average, &next);
  if (status == OCT_OK) status = oct_fake_check(entry, &grids, &count);
  if (status != OCT_OK) return status;
  oct_fake_round(kernels, &grids, count, x, y, mask, threads);
  keep(average, &next);
  if (oct_verbose())
    oct_tell("moving_average_fake_quantize count=%zu channels=%zu kernel=%s %.1f us", count, shape.channels,
             kernels->name, oct_clock_us() - start);
  return OCT_OK;
}
