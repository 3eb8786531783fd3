/* Making, running and freeing operations: what all kinds share. */
#include "operation.h"

#include <stdlib.h>
#include <string.h>

const char *oct_bench_no_memory(void) { return "out of memory; use a smaller shape"; }

const char *oct_bench_sentence(oct_status status) { return status == OCT_OK ? NULL : oct_last_error_message(); }

bool oct_bench_product(const size_t factors[], int count, size_t *product) {
  size_t result = 1;
  for (int i = 0; i < count; i++)
    if (__builtin_mul_overflow(result, factors[i], &result)) return false;
  *product = result;
  return true;
}

void *oct_bench_allocate(oct_bench_operation *operation, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
  if (operation->buffer_count == OCT_BENCH_MOST_BUFFERS) return NULL;
  void *memory = aligned_alloc(OCT_ALIGNMENT, (bytes / OCT_ALIGNMENT + 1) * OCT_ALIGNMENT);
  if (memory) operation->buffers[operation->buffer_count++] = memory;
  return memory;
}

const char *oct_bench_make_output(oct_bench_operation *operation, size_t channels) {
  const oct_bench_data *data = &operation->data;
  if (!data->scale) return "the weights have no scales; give one for each output channel";
  float *multiplier = oct_bench_allocate(operation, channels, sizeof *multiplier);
  if (!multiplier) return oct_bench_no_memory();
  for (size_t i = 0; i < channels; i++) multiplier[i] = data->x_scale * data->scale[i] / data->y_scale;
  operation->output = (oct_output){
      .struct_size = sizeof(oct_output),
      .dtype = OCT_U8,
      .multiplier = multiplier,
      .multiplier_count = channels,
      .bias = data->bias,
      .zero_point = data->y_zero_point,
      .clamp_min = 0,
      .clamp_max = 255,
  };
  return NULL;
}

const char *oct_bench_make_workspace(oct_bench_operation *operation, size_t bytes) {
  if (bytes == 0) return NULL;
  operation->run.workspace = oct_bench_allocate(operation, bytes, 1);
  operation->run.workspace_size = bytes;
  return operation->run.workspace ? NULL : oct_bench_no_memory();
}

static const char *make(oct_bench_operation *operation) {
  switch (operation->shape.kind) {
    case OCT_BENCH_GEMM: return oct_bench_make_gemm(operation);
    case OCT_BENCH_DYNAMIC_GEMM: return oct_bench_make_dynamic_gemm(operation);
    case OCT_BENCH_CONV: return oct_bench_make_conv(operation);
    case OCT_BENCH_MAX_POOL: return oct_bench_make_pool(operation);
    case OCT_BENCH_QUANTIZE:
    case OCT_BENCH_QUANTIZE_CHANNELS:
    case OCT_BENCH_DEQUANTIZE:
    case OCT_BENCH_REQUANTIZE: return oct_bench_make_quantize(operation);
    case OCT_BENCH_COPY:
    case OCT_BENCH_READ:
    case OCT_BENCH_INT8_PEAK:
    case OCT_BENCH_FLOAT_PEAK: return oct_bench_make_machine(operation);
  }
  return "there is no such kind of operation";
}

static const char *create(const oct_bench_shape *shape, const oct_bench_data *data, int threads,
                          oct_bench_operation **made) {
  oct_bench_work work;
  const char *problem = oct_bench_count_work(shape, &work);
  if (problem) return problem;
  oct_bench_operation *operation = calloc(1, sizeof *operation);
  if (!operation) return oct_bench_no_memory();
  operation->shape = *shape;
  operation->run = (oct_run){.struct_size = sizeof(oct_run), .threads = threads};
  if (data)
    operation->data = *data;
  else
    problem = oct_bench_make_data(operation);
  if (!problem) problem = make(operation);
  if (problem) {
    oct_bench_destroy(operation);
    return problem;
  }
  *made = operation;
  return NULL;
}

const char *oct_bench_create(const oct_bench_shape *shape, const oct_bench_data *data, int threads,
                             oct_bench_operation **made) {
  return create(shape, data, threads, made);
}

const char *oct_bench_create_with_own_data(const oct_bench_shape *shape, int threads, oct_bench_operation **made) {
  return create(shape, NULL, threads, made);
}

const char *oct_bench_run(oct_bench_operation *operation, int64_t iterations) {
  for (int64_t i = 0; i < iterations; i++) {
    const oct_status status = operation->entry(operation);
    if (status != OCT_OK) return oct_last_error_message();
  }
  return NULL;
}

const char *oct_bench_kernel(const oct_bench_operation *operation) { return operation->kernel; }

void oct_bench_destroy(oct_bench_operation *operation) {
  if (!operation) return;
  for (int i = 0; i < operation->buffer_count; i++) free(operation->buffers[i]);
  free(operation);
}

const char *oct_bench_tier(void) {
  oct_isa isa;
  return oct_max_isa(&isa) == OCT_OK ? oct_isa_name(isa) : NULL;
}

const char *oct_bench_library_version(void) { return oct_version(); }
int oct_bench_max_threads(void) { return oct_max_threads(); }
