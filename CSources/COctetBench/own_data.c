/* Operations with data of their own: seeded bytes over the whole range, reals around zero. */
#include "operation.h"

typedef struct generator {
  uint64_t state;
} generator;

/* xorshift64* */
static uint32_t next(generator *random) {
  uint64_t s = random->state;
  s ^= s >> 12;
  s ^= s << 25;
  s ^= s >> 27;
  random->state = s;
  return (uint32_t)((s * 0x2545F4914F6CDD1Du) >> 32);
}

static void fill_bytes(generator *random, uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(next(random) >> 24);
}

/* Between -6 and 6, bell-shaped. */
static void fill_reals(generator *random, float *reals, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = next(random);
    const int32_t sum = (int32_t)((bits & 1023) + ((bits >> 10) & 1023) + ((bits >> 20) & 1023)) - 1534;
    reals[i] = (float)sum / 256.0f;
  }
}

static void fill_accumulators(generator *random, int32_t *accumulators, size_t count) {
  for (size_t i = 0; i < count; i++) accumulators[i] = (int32_t)(next(random) >> 16) - 32768;
}

typedef struct sizes {
  size_t x, x_size, y, y_size, w, channels; /* elements; the _size ones are bytes of one */
} sizes;

static bool window_sizes(const oct_bench_shape *shape, sizes *need) {
  size_t out[OCT_BENCH_MAX_RANK];
  if (oct_bench_window_size(shape, out)) return false;
  const bool conv = shape->kind == OCT_BENCH_CONV;
  need->channels = conv ? shape->out_channels : shape->in_channels;
  size_t x[5] = {shape->batch, shape->in_channels, 1, 1, 1}, w[5] = {0, 1, 1, 1, 1};
  if (conv) w[0] = shape->in_channels / shape->groups, w[1] = shape->out_channels;
  for (uint32_t i = 0; i < shape->rank; i++) {
    x[2 + i] = shape->in[i];
    w[2 + i] = shape->kernel[i];
  }
  const size_t y[5] = {shape->batch, need->channels, out[0], out[1], out[2]};
  return oct_bench_product(x, 5, &need->x) && oct_bench_product(w, 5, &need->w) && oct_bench_product(y, 5, &need->y);
}

static bool find_sizes(const oct_bench_shape *shape, sizes *need) {
  *need = (sizes){.x_size = 1, .y_size = 1};
  const size_t rows[3] = {shape->outer, shape->channels, shape->inner};
  switch (shape->kind) {
    case OCT_BENCH_GEMM:
    case OCT_BENCH_DYNAMIC_GEMM:
      if (shape->kind == OCT_BENCH_DYNAMIC_GEMM) need->x_size = need->y_size = 4;
      need->channels = shape->n;
      return oct_bench_product((const size_t[]){shape->m, shape->k}, 2, &need->x) &&
             oct_bench_product((const size_t[]){shape->n, shape->k}, 2, &need->w) &&
             oct_bench_product((const size_t[]){shape->m, shape->n}, 2, &need->y);
    case OCT_BENCH_CONV:
    case OCT_BENCH_MAX_POOL: return window_sizes(shape, need);
    case OCT_BENCH_QUANTIZE: need->x_size = 4; break;
    case OCT_BENCH_DEQUANTIZE: need->y_size = 4; break;
    case OCT_BENCH_QUANTIZE_CHANNELS:
    case OCT_BENCH_REQUANTIZE:
      need->channels = shape->channels;
      need->x_size = 4;
      if (!oct_bench_product(rows, shape->kind == OCT_BENCH_REQUANTIZE ? 2 : 3, &need->x)) return false;
      need->y = need->x;
      return true;
    case OCT_BENCH_COPY:
    case OCT_BENCH_READ: break;
    case OCT_BENCH_INT8_PEAK:
    case OCT_BENCH_FLOAT_PEAK: return true;
  }
  need->x = need->y = shape->count;
  return true;
}

/* Scales put the outputs where real ones are: spread over most of their range. */
const char *oct_bench_make_data(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  sizes need;
  if (!find_sizes(shape, &need)) return "the shape's data doesn't fit into memory; use a smaller shape";
  void *x = oct_bench_allocate(operation, need.x, need.x_size), *y = oct_bench_allocate(operation, need.y, need.y_size);
  uint8_t *w = oct_bench_allocate(operation, need.w, 1);
  float *scale = oct_bench_allocate(operation, need.channels, sizeof *scale);
  float *real_bias = oct_bench_allocate(operation, need.channels, sizeof *real_bias);
  int32_t *bias = oct_bench_allocate(operation, need.channels, sizeof *bias);
  if (!x || !y || !w || !scale || !real_bias || !bias) return oct_bench_no_memory();
  generator random = {0x9E3779B97F4A7C15u};
  if (shape->kind == OCT_BENCH_REQUANTIZE)
    fill_accumulators(&random, x, need.x);
  else if (need.x_size == 4)
    fill_reals(&random, x, need.x);
  else
    fill_bytes(&random, x, need.x);
  fill_bytes(&random, y, need.y * need.y_size);
  fill_bytes(&random, w, need.w);
  const float factor = shape->kind == OCT_BENCH_QUANTIZE_CHANNELS ? 10.0f : 1.0f;
  for (size_t i = 0; i < need.channels; i++) {
    scale[i] = factor * (0.002f + 0.004f * (float)(next(&random) >> 8) / 16777216.0f);
    bias[i] = (int32_t)(next(&random) % 4001) - 2000;
    real_bias[i] = 0.001f * (float)bias[i];
  }
  operation->data = (oct_bench_data){
      .x = x,
      .w = (const int8_t *)w,
      .scale = scale,
      .bias = bias,
      .real_bias = real_bias,
      .y = y,
      .x_scale = 0.05f,
      .y_scale = shape->kind == OCT_BENCH_QUANTIZE ? 0.05f : 0.8f,
      .x_zero_point = 121,
      .y_zero_point = 117,
  };
  return NULL;
}
