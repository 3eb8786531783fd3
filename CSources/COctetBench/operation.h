/* An operation ready to run, and what its makers share. */
#ifndef OCT_BENCH_OPERATION_H
#define OCT_BENCH_OPERATION_H

#include <stdbool.h>

#include "include/octet_bench.h"
#include "machine.h"
#include "octet.h"

enum { OCT_BENCH_MOST_BUFFERS = 16 };

struct oct_bench_operation {
  oct_bench_shape shape;
  oct_bench_data data;
  oct_status (*entry)(oct_bench_operation *operation);
  const char *kernel;
  oct_run run;
  const void *packed;
  size_t packed_size;
  oct_output output;
  union {
    oct_gemm_call gemm;
    oct_gemm_dynamic_call dynamic;
    oct_conv_call conv;
    oct_pool pool;
    oct_requantization requantization;
    struct {
      const double *scales;
      const int64_t *zero_points;
    } channels;
    oct_bench_team machine;
  } call;
  void *buffers[OCT_BENCH_MOST_BUFFERS]; /* freed with the operation */
  int buffer_count;
};

/* Memory that goes with the operation, aligned to OCT_ALIGNMENT; null when there is none or count * size overflows. */
void *oct_bench_allocate(oct_bench_operation *operation, size_t count, size_t size);

/* Gives the operation seeded data of its shape. */
const char *oct_bench_make_data(oct_bench_operation *operation);

/* "out of memory" as the makers report it. */
const char *oct_bench_no_memory(void);

/* Null for OCT_OK, else the library's sentence. */
const char *oct_bench_sentence(oct_status status);

/* The product of `count` factors; false when it overflows. */
bool oct_bench_product(const size_t factors[], int count, size_t *product);

/* The output stage of a GEMM or convolution to uint8 over `channels` output channels. */
const char *oct_bench_make_output(oct_bench_operation *operation, size_t channels);

/* Lends the operation's run `bytes` of workspace. */
const char *oct_bench_make_workspace(oct_bench_operation *operation, size_t bytes);

/* Sets `entry` and what it needs. One for each group of kinds. */
const char *oct_bench_make_gemm(oct_bench_operation *operation);
const char *oct_bench_make_dynamic_gemm(oct_bench_operation *operation);
const char *oct_bench_make_conv(oct_bench_operation *operation);
const char *oct_bench_make_pool(oct_bench_operation *operation);
const char *oct_bench_make_quantize(oct_bench_operation *operation);
const char *oct_bench_make_machine(oct_bench_operation *operation);

#endif /* OCT_BENCH_OPERATION_H */
