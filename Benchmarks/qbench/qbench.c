/* The harness's descriptors in terms of this project's benchmark operations. With OCTET_VERBOSE set, what can't be made says why on
 * standard error, since the interface itself only has a null for it. */
#include "qbench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../CSources/COctetBench/include/octet_bench.h"
#include "memory_bound.h"

enum { ABI_VERSION = 1 };

#if defined(__clang__)
#define COMPILER "clang"
enum { COMPILER_VERSION = __clang_major__ };
#else
#define COMPILER "gcc"
enum { COMPILER_VERSION = __GNUC__ };
#endif

static int thread_limit = 1;
static char name[96];

int qb_abi_version(void) { return ABI_VERSION; }

const char *qb_name(void) {
  const char *tier = oct_bench_tier();
  snprintf(name, sizeof name, "Octet %s %s, %s %d", oct_bench_library_version(),
           tier ? tier : "(OCTET_MAX_ISA names no tier)", COMPILER, COMPILER_VERSION);
  return name;
}

int qb_init(int threads) {
  if (threads < 1 || !oct_bench_tier()) return 1;
  thread_limit = threads;
  return 0;
}

/* d[first..<first + count] are sizes. */
static bool are_sizes(const qb_desc *desc, int first, int count) {
  for (int i = first; i < first + count; i++)
    if (desc->d[i] < 0) return false;
  return true;
}

static size_t size_at(const qb_desc *desc, int index) { return (size_t)desc->d[index]; }

/* What the output has beyond what the taps reach. */
static bool find_output_padding(const qb_desc *desc, oct_bench_shape *shape) {
  size_t out[OCT_BENCH_MAX_RANK];
  if (oct_bench_window_size(shape, out)) return false;
  for (uint32_t i = 0; i < shape->rank; i++) {
    if (size_at(desc, QB_CONV_OUT + (int)i) < out[i]) return false;
    shape->output_padding[i] = size_at(desc, QB_CONV_OUT + (int)i) - out[i];
  }
  return true;
}

static bool describe_conv(const qb_desc *desc, oct_bench_shape *shape) {
  const int64_t rank = desc->d[QB_CONV_RANK];
  if (rank < 1 || rank > OCT_BENCH_MAX_RANK || !are_sizes(desc, 0, 24)) return false;
  shape->kind = OCT_BENCH_CONV;
  shape->rank = (uint32_t)rank;
  shape->batch = size_at(desc, QB_CONV_BATCH);
  shape->in_channels = size_at(desc, QB_CONV_IN_CHANNELS);
  shape->out_channels = size_at(desc, QB_CONV_OUT_CHANNELS);
  shape->groups = size_at(desc, QB_CONV_GROUPS);
  shape->transposed = desc->d[QB_CONV_TRANSPOSED] != 0;
  for (int i = 0; i < rank; i++) {
    shape->in[i] = size_at(desc, QB_CONV_IN + i);
    shape->kernel[i] = size_at(desc, QB_CONV_KERNEL + i);
    shape->stride[i] = size_at(desc, QB_CONV_STRIDE + i);
    shape->padding[i] = size_at(desc, QB_CONV_PADDING + i);
    shape->dilation[i] = size_at(desc, QB_CONV_DILATION + i);
  }
  return !shape->transposed || find_output_padding(desc, shape);
}

static bool describe_pool(const qb_desc *desc, oct_bench_shape *shape) {
  if (!are_sizes(desc, 0, 7)) return false;
  *shape = (oct_bench_shape){
      .kind = OCT_BENCH_MAX_POOL,
      .rank = 2,
      .batch = size_at(desc, 0),
      .in_channels = size_at(desc, 3),
      .in = {size_at(desc, 1), size_at(desc, 2)},
      .kernel = {size_at(desc, 4), size_at(desc, 4)},
      .stride = {size_at(desc, 5), size_at(desc, 5)},
      .padding = {size_at(desc, 6), size_at(desc, 6)},
      .dilation = {1, 1},
  };
  return true;
}

/* Kinds whose d[] is one count. */
static bool describe_count(const qb_desc *desc, oct_bench_kind kind, oct_bench_shape *shape) {
  shape->kind = kind;
  shape->count = size_at(desc, 0);
  return are_sizes(desc, 0, 1);
}

static bool describe(const qb_desc *desc, oct_bench_shape *shape) {
  switch (desc->kind) {
    case QB_GEMM:
      shape->kind = OCT_BENCH_GEMM;
      shape->m = size_at(desc, 0), shape->n = size_at(desc, 1), shape->k = size_at(desc, 2);
      return are_sizes(desc, 0, 3);
    case QB_DYNLINEAR:
      shape->kind = OCT_BENCH_DYNAMIC_GEMM;
      shape->m = size_at(desc, 0), shape->n = size_at(desc, 1), shape->k = size_at(desc, 2);
      return are_sizes(desc, 0, 3);
    case QB_CONV: return describe_conv(desc, shape);
    case QB_MAXPOOL: return describe_pool(desc, shape);
    case QB_QUANTIZE_PC:
      shape->kind = OCT_BENCH_QUANTIZE_CHANNELS;
      shape->outer = size_at(desc, 0), shape->channels = size_at(desc, 1), shape->inner = size_at(desc, 2);
      return are_sizes(desc, 0, 3);
    case QB_REQUANTIZE:
      shape->kind = OCT_BENCH_REQUANTIZE;
      shape->outer = size_at(desc, 0), shape->channels = size_at(desc, 1);
      return are_sizes(desc, 0, 2);
    case QB_QUANTIZE: return describe_count(desc, OCT_BENCH_QUANTIZE, shape);
    case QB_DEQUANTIZE: return describe_count(desc, OCT_BENCH_DEQUANTIZE, shape);
    case QB_MEMCPY: return describe_count(desc, OCT_BENCH_COPY, shape);
    case QB_READ: return describe_count(desc, OCT_BENCH_READ, shape);
    case QB_PEAK_INT8: return describe_count(desc, OCT_BENCH_INT8_PEAK, shape);
    case QB_PEAK_F32: return describe_count(desc, OCT_BENCH_FLOAT_PEAK, shape);
    default: return false;
  }
}

static void explain(const char *problem) {
  if (problem && getenv("OCTET_VERBOSE")) fprintf(stderr, "qbench: %s\n", problem);
}

/* One of the two. */
struct qb_op {
  oct_bench_operation *operation;
  memory_bound *memory_bound;
};

static oct_bench_operation *create_operation(const qb_desc *desc) {
  oct_bench_shape shape = {.kind = OCT_BENCH_GEMM};
  if (!describe(desc, &shape)) return NULL;
  const oct_bench_data data = {
      .x = desc->in,
      .w = desc->w,
      .scale = desc->w_scale,
      .bias = desc->bias,
      .real_bias = desc->in2,
      .y = desc->out,
      .x_scale = desc->in_scale,
      .y_scale = desc->out_scale,
      .x_zero_point = desc->in_zp,
      .y_zero_point = desc->out_zp,
  };
  oct_bench_operation *operation = NULL;
  explain(oct_bench_create(&shape, &data, thread_limit, &operation));
  return operation;
}

qb_op *qb_create(const qb_desc *desc) {
  if (!desc || desc->size < sizeof *desc) return NULL;
  qb_op made = {.operation = create_operation(desc)};
  if (!made.operation) made.memory_bound = memory_bound_create(desc, thread_limit);
  qb_op *op = made.operation || made.memory_bound ? malloc(sizeof *op) : NULL;
  if (op) *op = made;
  return op;
}

int qb_run(qb_op *op, int64_t iterations) {
  const char *problem = NULL;
  if (op->operation) {
    problem = oct_bench_run(op->operation, iterations);
  } else {
    for (int64_t i = 0; i < iterations && !problem; i++)
      if (op->memory_bound->entry(op->memory_bound) != OCT_OK) problem = oct_last_error_message();
  }
  explain(problem);
  return problem ? 1 : 0;
}

void qb_destroy(qb_op *op) {
  if (!op) return;
  if (op->operation) oct_bench_destroy(op->operation);
  memory_bound_destroy(op->memory_bound);
  free(op);
}
