/* Timed operations: the library's entries through their public interface, and the machine's own limits to hold them against.
 *
 * An operation is made once, with all its memory and packed weights; running it allocates nothing. Functions that can fail return
 * null when all went well and otherwise a sentence, valid until the thread's next failed call. */
#ifndef OCTET_BENCH_H
#define OCTET_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum oct_bench_kind {
  OCT_BENCH_GEMM = 0,
  OCT_BENCH_CONV = 1,
  OCT_BENCH_MAX_POOL = 2,
  OCT_BENCH_QUANTIZE = 3,
  OCT_BENCH_QUANTIZE_CHANNELS = 4,
  OCT_BENCH_DEQUANTIZE = 5,
  OCT_BENCH_REQUANTIZE = 6,
  OCT_BENCH_COPY = 7,        /* memcpy */
  OCT_BENCH_READ = 8,        /* loads alone, as wide as the tier has them */
  OCT_BENCH_INT8_PEAK = 9,   /* the tier's 8-bit (else 16-bit) multiply-add on registers */
  OCT_BENCH_FLOAT_PEAK = 10, /* the tier's float32 multiply-add on registers */
  OCT_BENCH_DYNAMIC_GEMM = 11
} oct_bench_kind;

enum { OCT_BENCH_MAX_RANK = 3 };

/* What is computed. Only the fields named for a kind are read. */
typedef struct oct_bench_shape {
  oct_bench_kind kind;
  /* GEMM: uint8 [m, k] times int8 weights [n, k] to uint8 [m, n]. DYNAMIC_GEMM: the same from float32 to float32. */
  size_t m, n, k;
  /* CONV, MAX_POOL: uint8 [batch, in.., in_channels] to uint8, channels last; weights int8 [out_channels, in_channels / groups, kernel..].
   * Arrays hold `rank` entries, the outermost dimension first. */
  uint32_t rank;
  size_t batch, in_channels, out_channels, groups;
  size_t in[OCT_BENCH_MAX_RANK];
  size_t kernel[OCT_BENCH_MAX_RANK];
  size_t stride[OCT_BENCH_MAX_RANK];
  size_t padding[OCT_BENCH_MAX_RANK];
  size_t dilation[OCT_BENCH_MAX_RANK];
  /* CONV: a transposed one, whose weights are int8 [in_channels, out_channels / groups, kernel..]. */
  bool transposed;
  size_t output_padding[OCT_BENCH_MAX_RANK];
  /* QUANTIZE_CHANNELS: float [outer, channels, inner] to int8. REQUANTIZE: int32 [outer, channels] to uint8. */
  size_t outer, channels, inner;
  /* QUANTIZE, DEQUANTIZE: elements (float to uint8 and back). COPY, READ: bytes. INT8_PEAK, FLOAT_PEAK: units of
   * OCT_BENCH_INT8_UNIT or OCT_BENCH_FLOAT_UNIT operations for each thread. */
  size_t count;
} oct_bench_shape;

/* Operations (a multiply-add is two) in one unit of the peaks' count, whatever the tier. */
enum { OCT_BENCH_INT8_UNIT = 1536, OCT_BENCH_FLOAT_UNIT = 384 };

/* The caller's buffers and parameters: they stay where they are until the operation is gone. */
typedef struct oct_bench_data {
  const void *x;
  const int8_t *w;
  const float *
      scale; /* GEMM, DYNAMIC_GEMM, CONV: of the weights' output channels; QUANTIZE_CHANNELS: scales; REQUANTIZE: multipliers */
  const int32_t *bias;    /* GEMM, CONV: in units of the accumulator; may be null */
  const float *real_bias; /* DYNAMIC_GEMM; may be null */
  void *y;
  float x_scale, y_scale;
  int32_t x_zero_point, y_zero_point;
} oct_bench_data;

typedef struct oct_bench_operation oct_bench_operation;

/* Makes an operation over the caller's data, to run on at most `threads` threads. */
const char *oct_bench_create(const oct_bench_shape *shape, const oct_bench_data *data, int threads,
                             oct_bench_operation **made);

/* Makes an operation with data of its own: seeded, over the whole range of its type. */
const char *oct_bench_create_with_own_data(const oct_bench_shape *shape, int threads, oct_bench_operation **made);

/* Runs it `iterations` times. */
const char *oct_bench_run(oct_bench_operation *operation, int64_t iterations);

/* The kernel or instruction at work; lives as long as the operation. */
const char *oct_bench_kernel(const oct_bench_operation *operation);

void oct_bench_destroy(oct_bench_operation *operation);

/* What a shape costs: operations (a multiply-add is two; taps on padding aren't counted), or 0 where bytes are all there is, and the
 * bytes that must be moved at least once: inputs, weights and outputs. The peaks count for one thread. */
typedef struct oct_bench_work {
  double operations;
  double bytes;
  double weight_bytes;
} oct_bench_work;

const char *oct_bench_count_work(const oct_bench_shape *shape, oct_bench_work *work);

/* Output sizes of a convolution's or a pool's window, 1 where `rank` ends. */
const char *oct_bench_window_size(const oct_bench_shape *shape, size_t out[OCT_BENCH_MAX_RANK]);

/* Nanoseconds per call: the least and the median of batches that last about a fifth of a millisecond. */
typedef struct oct_bench_timing {
  double least, median;
  int64_t calls;
} oct_bench_timing;

/* Runs the operation for about `seconds` (at least three batches) after a warm-up, and times it. */
const char *oct_bench_measure(oct_bench_operation *operation, double seconds, oct_bench_timing *timing);

/* The tier that dispatch uses at most, as OCTET_MAX_ISA spells it; null when OCTET_MAX_ISA can't be used. */
const char *oct_bench_tier(void);
const char *oct_bench_library_version(void);
int oct_bench_max_threads(void);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_BENCH_H */
