/* oct_quantize and its relatives. */
#include "operation.h"

static oct_status run_quantize(oct_bench_operation *operation) {
  const oct_bench_data *data = &operation->data;
  return oct_quantize(data->x, operation->shape.count, data->y_scale, data->y_zero_point, OCT_U8, data->y,
                      &operation->run);
}

static oct_status run_quantize_channels(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  const oct_channels channels = {.outer = shape->outer, .channels = shape->channels, .inner = shape->inner};
  return oct_quantize_per_channel(operation->data.x, channels, operation->call.channels.scales,
                                  operation->call.channels.zero_points, OCT_S8, operation->data.y, &operation->run);
}

static oct_status run_dequantize(oct_bench_operation *operation) {
  const oct_bench_data *data = &operation->data;
  return oct_dequantize(data->x, OCT_U8, operation->shape.count, data->x_scale, data->x_zero_point, data->y,
                        &operation->run);
}

static oct_status run_requantize(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  return oct_requantize(operation->data.x, shape->outer, shape->channels, shape->channels,
                        &operation->call.requantization, operation->data.y, shape->channels, &operation->run);
}

/* The library takes torch's types: scales in double, zero points in 64 bits. */
static const char *make_channels(oct_bench_operation *operation) {
  const size_t channels = operation->shape.channels;
  double *scales = oct_bench_allocate(operation, channels, sizeof *scales);
  int64_t *zero_points = oct_bench_allocate(operation, channels, sizeof *zero_points);
  if (!scales || !zero_points) return oct_bench_no_memory();
  for (size_t i = 0; i < channels; i++) {
    scales[i] = operation->data.scale[i];
    zero_points[i] = 0;
  }
  operation->call.channels.scales = scales;
  operation->call.channels.zero_points = zero_points;
  return NULL;
}

const char *oct_bench_make_quantize(oct_bench_operation *operation) {
  const oct_bench_data *data = &operation->data;
  operation->kernel = oct_bench_tier();
  switch (operation->shape.kind) {
    case OCT_BENCH_QUANTIZE: operation->entry = run_quantize; return NULL;
    case OCT_BENCH_DEQUANTIZE: operation->entry = run_dequantize; return NULL;
    case OCT_BENCH_QUANTIZE_CHANNELS:
      operation->entry = run_quantize_channels;
      return data->scale ? make_channels(operation) : "there are no scales; give one for each channel";
    default:
      operation->entry = run_requantize;
      operation->call.requantization = (oct_requantization){
          .struct_size = sizeof(oct_requantization),
          .dtype = OCT_U8,
          .multiplier = data->scale,
          .multiplier_count = operation->shape.channels,
          .zero_point = data->y_zero_point,
          .clamp_min = 0,
          .clamp_max = 255,
      };
      return NULL;
  }
}
