/* Observers, fake quantization and embedding bags. */
#include <math.h>

#include "memory_bound.h"

enum { FORWARD = 0, FORWARD_BACKWARD = 1, OBSERVED = 2, OBSERVED_BACKWARD = 3 };

static oct_status run_extremes(memory_bound *o) {
  return oct_observe_extremes(o->desc.in, memory_bound_size(o, 0), OCT_NONFINITE_PROPAGATE, o->call.observer.extremes,
                              NULL, &o->run);
}

static oct_status run_channel_extremes(memory_bound *o) {
  const oct_channels shape = {1, memory_bound_size(o, 0), memory_bound_size(o, 1)};
  oct_extremes *extremes = o->call.observer.extremes;
  const oct_status status =
      oct_observe_channel_extremes(o->desc.in, shape, OCT_NONFINITE_PROPAGATE, extremes, NULL, &o->run);
  float *out = o->desc.out;
  for (size_t c = 0; c < shape.channels; c++) {
    out[c] = extremes[c].min;
    out[shape.channels + c] = extremes[c].max;
  }
  return status;
}

/* A batch inside the range that was seen: its extremes, then its counts, as real numbers. */
static oct_status run_histogram(memory_bound *o) {
  const size_t count = memory_bound_size(o, 0), bins = memory_bound_size(o, 1);
  oct_extremes e;
  oct_status status = oct_observe_extremes(o->desc.in, count, OCT_NONFINITE_PROPAGATE, &e, NULL, &o->run);
  if (status != OCT_OK) return status;
  uint64_t *counts = o->call.observer.counts;
  for (size_t b = 0; b < bins; b++) counts[b] = 0;
  status = oct_observe_histogram(o->desc.in, count, e.min, e.max, bins, counts, &o->run);
  float *out = o->desc.out;
  for (size_t b = 0; b < bins; b++) out[b] = (float)counts[b];
  return status;
}

static oct_status run_fake_quantize(memory_bound *o) {
  const size_t count = memory_bound_size(o, 0);
  const int64_t mode = o->desc.d[1];
  float *dx = o->call.observer.dx;
  uint8_t *mask = o->call.observer.mask;
  oct_status status;
  if (mode >= OBSERVED) {
    const oct_moving_average average = {.struct_size = sizeof average,
                                        .shape = {1, 1, count},
                                        .averaging_constant = 0.01f,
                                        .quant_max = 255,
                                        .observes = true,
                                        .minima = &o->call.observer.low,
                                        .maxima = &o->call.observer.high,
                                        .scales = &o->call.observer.scale,
                                        .zero_points = &o->call.observer.zero_point};
    status = oct_moving_average_fake_quantize(&average, o->desc.in, o->desc.out, mask, &o->run);
  } else {
    const oct_fake_quantization grid = {.struct_size = sizeof grid,
                                        .shape = {1, 1, count},
                                        .scales = &o->call.observer.scale,
                                        .zero_points = &o->call.observer.zero_point,
                                        .quant_max = 255};
    status = oct_fake_quantize(&grid, o->desc.in, o->desc.out, mask, &o->run);
  }
  /* The gradient of what came out, for want of another one. */
  if (status == OCT_OK && mask) status = oct_fake_quantize_masked_gradient(mask, o->desc.out, count, dx, &o->run);
  return status;
}

static oct_status run_bag(memory_bound *o) { return oct_embedding_bag_sum(&o->call.bag, &o->run); }

static bool make_bag(memory_bound *o) {
  oct_embedding_bag *bag = &o->call.bag;
  *bag = (oct_embedding_bag){.struct_size = sizeof(oct_embedding_bag),
                             .bits = (oct_embedding_bits)o->desc.d[2],
                             .rows = memory_bound_size(o, 0),
                             .dim = memory_bound_size(o, 1),
                             .table = o->desc.w,
                             .index_type = OCT_INDEX_S64,
                             .offset_type = OCT_INDEX_S64,
                             .index_count = memory_bound_size(o, 4),
                             .indices = o->desc.idx,
                             .offsets = o->desc.off,
                             .offset_count = memory_bound_size(o, 3),
                             .y = o->desc.out};
  size_t row;
  if (oct_embedding_row_size(bag->bits, bag->dim, &row) != OCT_OK) return false;
  o->entry = run_bag;
  return !__builtin_mul_overflow(bag->rows, row, &bag->table_size) &&
         !__builtin_mul_overflow(bag->offset_count, bag->dim, &bag->y_size);
}

static bool make_histogram(memory_bound *o) {
  const size_t bins = memory_bound_size(o, 1);
  if (oct_observe_histogram_workspace(bins, o->run.threads, &o->run.workspace_size) != OCT_OK) return false;
  o->run.workspace = memory_bound_allocate(o, o->run.workspace_size, 1);
  o->call.observer.counts = memory_bound_allocate(o, bins, sizeof(uint64_t));
  o->entry = run_histogram;
  return o->run.workspace && o->call.observer.counts;
}

static bool make_fake_quantize(memory_bound *o) {
  const size_t count = memory_bound_size(o, 0);
  const int64_t mode = o->desc.d[1];
  if (mode < FORWARD || mode > OBSERVED_BACKWARD) return false;
  o->call.observer.scale = o->desc.out_scale;
  o->call.observer.zero_point = o->desc.out_zp;
  o->call.observer.low = INFINITY;
  o->call.observer.high = -INFINITY;
  o->entry = run_fake_quantize;
  if (mode == FORWARD || mode == OBSERVED) return true;
  o->call.observer.dx = memory_bound_allocate(o, count, sizeof(float));
  o->call.observer.mask = memory_bound_allocate(o, count, 1);
  return o->call.observer.dx && o->call.observer.mask;
}

bool memory_bound_make_observer(memory_bound *o) {
  switch (o->desc.kind) {
    case QB_EMBBAG: return make_bag(o);
    case QB_MINMAX:
      o->entry = run_extremes;
      o->call.observer.extremes = o->desc.out; /* two float32 */
      return true;
    case QB_MINMAX_PC:
      o->entry = run_channel_extremes;
      o->call.observer.extremes = memory_bound_allocate(o, memory_bound_size(o, 0), sizeof(oct_extremes));
      return o->call.observer.extremes != NULL;
    case QB_HISTOGRAM: return make_histogram(o);
    case QB_FAKEQUANT: return make_fake_quantize(o);
    default: return false;
  }
}
