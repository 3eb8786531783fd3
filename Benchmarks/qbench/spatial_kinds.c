/* Average pooling, resizing and layer norm, channels last. */
#include "memory_bound.h"

static oct_status run_average(memory_bound *o) {
  return oct_average_pool(&o->call.window.pool, &o->call.window.average, &o->run);
}

static oct_status run_nearest(memory_bound *o) {
  return oct_interpolate_nearest(&o->call.interpolation, false, &o->run);
}

static oct_status run_linear(memory_bound *o) {
  return oct_interpolate_linear(&o->call.interpolation, false, o->desc.in_zp, &o->run);
}

static oct_status run_layer_norm(memory_bound *o) {
  return oct_layer_norm(&o->call.norm, memory_bound_size(o, 0), memory_bound_size(o, 1), &o->run);
}

/* A window over height and width, by descriptor or over all of them. */
static bool make_average(memory_bound *o) {
  const bool global = o->desc.kind == QB_GAVGPOOL;
  oct_pool *pool = &o->call.window.pool;
  const size_t channels = memory_bound_size(o, 3);
  if (channels > PTRDIFF_MAX) return false;
  *pool = (oct_pool){.struct_size = sizeof(oct_pool),
                     .dtype = OCT_U8,
                     .rank = 2,
                     .batch = memory_bound_size(o, 0),
                     .channels = channels,
                     .x = o->desc.in,
                     .x_stride = (ptrdiff_t)channels,
                     .y = o->desc.out,
                     .y_stride = (ptrdiff_t)channels};
  for (int i = 0; i < 2; i++) {
    const size_t in = memory_bound_size(o, 1 + i), padding = global ? 0 : memory_bound_size(o, 6);
    pool->in[i] = in;
    pool->kernel[i] = global ? in : memory_bound_size(o, 4);
    pool->stride[i] = global ? 1 : memory_bound_size(o, 5);
    pool->padding[i] = padding;
    pool->dilation[i] = 1;
    if (pool->stride[i] == 0 || padding > SIZE_MAX / 4 || in > SIZE_MAX / 4 || pool->kernel[i] > in + 2 * padding)
      return false;
    pool->out[i] = (in + 2 * padding - pool->kernel[i]) / pool->stride[i] + 1;
  }
  o->call.window.average = (oct_average){.struct_size = sizeof(oct_average),
                                         .zero_point = o->desc.in_zp,
                                         .order = OCT_ROUND_FIRST,
                                         .count_padding = !global};
  o->entry = run_average;
  return true;
}

/* Twice as high and wide. */
static bool make_interpolation(memory_bound *o) {
  const size_t channels = memory_bound_size(o, 3), height = memory_bound_size(o, 1), width = memory_bound_size(o, 2);
  if (channels > PTRDIFF_MAX || height > SIZE_MAX / 2 || width > SIZE_MAX / 2) return false;
  o->call.interpolation = (oct_interpolation){.struct_size = sizeof(oct_interpolation),
                                              .dtype = OCT_U8,
                                              .rank = 2,
                                              .batch = memory_bound_size(o, 0),
                                              .channels = channels,
                                              .in = {height, width},
                                              .out = {2 * height, 2 * width},
                                              .step = {0.5f, 0.5f},
                                              .x = o->desc.in,
                                              .x_stride = (ptrdiff_t)channels,
                                              .y = o->desc.out,
                                              .y_stride = (ptrdiff_t)channels};
  o->entry = o->desc.d[4] ? run_linear : run_nearest;
  return true;
}

bool memory_bound_make_spatial(memory_bound *o) {
  const qb_desc *d = &o->desc;
  switch (d->kind) {
    case QB_AVGPOOL:
    case QB_GAVGPOOL: return make_average(o);
    case QB_INTERP: return make_interpolation(o);
    case QB_LAYERNORM:
      o->call.norm = (oct_norm){.struct_size = sizeof(oct_norm),
                                .dtype = OCT_U8,
                                .x_scale = d->in_scale,
                                .y_scale = d->out_scale,
                                .x_zero_point = d->in_zp,
                                .y_zero_point = d->out_zp,
                                .epsilon = 1e-5,
                                .gamma = d->w,
                                .beta = d->in2,
                                .x = d->in,
                                .y = d->out};
      o->entry = run_layer_norm;
      return true;
    default: return false;
  }
}
