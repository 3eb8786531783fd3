/* oct_max_pool over uint8, channels last. */
#include "operation.h"

static oct_status run_pool(oct_bench_operation *operation) {
  return oct_max_pool(&operation->call.pool, &operation->run);
}

const char *oct_bench_make_pool(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  oct_pool *pool = &operation->call.pool;
  *pool = (oct_pool){
      .struct_size = sizeof(oct_pool),
      .dtype = OCT_U8,
      .rank = shape->rank,
      .batch = shape->batch,
      .channels = shape->in_channels,
      .x = operation->data.x,
      .x_stride = (ptrdiff_t)shape->in_channels,
      .y = operation->data.y,
      .y_stride = (ptrdiff_t)shape->in_channels,
  };
  size_t out[OCT_BENCH_MAX_RANK];
  const char *problem = oct_bench_window_size(shape, out);
  if (problem) return problem;
  for (uint32_t i = 0; i < shape->rank; i++) {
    pool->in[i] = shape->in[i];
    pool->out[i] = out[i];
    pool->kernel[i] = shape->kernel[i];
    pool->stride[i] = shape->stride[i];
    pool->padding[i] = shape->padding[i];
    pool->dilation[i] = shape->dilation[i];
  }
  operation->kernel = oct_bench_tier();
  operation->entry = run_pool;
  return NULL;
}
