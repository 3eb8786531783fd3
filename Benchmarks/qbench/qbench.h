/* The interface between a benchmark harness and a library under test: six functions and one descriptor, version 1.
 *
 * The harness loads the module, makes an operation from a descriptor, and times qb_run, which runs it a number of times without
 * coming back. Everything that may be prepared (packing weights, allocating) belongs into qb_create.
 *
 * Activations are uint8 with a scale and a zero point; weights are int8, symmetric, with a scale for each output channel; biases are
 * int32 in units of the accumulator. Outputs round to nearest, ties to even, and saturate. Spatial data is channels last;
 * convolution weights are [out, in / groups, kernel..]. The descriptor's pointers stay valid until qb_destroy. */
#ifndef OCTET_QBENCH_H
#define OCTET_QBENCH_H

#include <stdint.h>

#define QB_API __attribute__((visibility("default")))

/* Beside each kind: what d[] holds, then inputs and outputs. */
enum qb_kind {
  QB_GEMM = 1,        /* m, n, k: in uint8 [m, k], w int8 [n, k] -> out uint8 [m, n] */
  QB_CONV = 2,        /* see qb_conv_index: in uint8 -> out uint8 */
  QB_QUANTIZE = 3,    /* n: in float [n] -> out uint8 [n] by out_scale, out_zp */
  QB_QUANTIZE_PC = 4, /* outer, channels, inner: in float -> out int8 by w_scale[channel], zero point 0 */
  QB_DEQUANTIZE = 5,  /* n: in uint8 [n] by in_scale, in_zp -> out float [n] */
  QB_REQUANTIZE = 6,  /* rows, channels: in int32 -> out uint8 by multipliers w_scale[channel], out_zp */
  QB_ADD = 7,         /* n: in, in2 uint8 [n] -> out uint8 */
  QB_MUL = 8,         /* as QB_ADD */
  QB_RELU = 9,        /* n: in uint8 [n] -> out uint8 */
  QB_HARDSWISH = 10,  /* as QB_RELU */
  QB_SIGMOID = 11,    /* as QB_RELU */
  QB_CAT = 12,        /* rows, channels: in, in2 uint8 [rows, channels] -> out uint8 [rows, 2 channels] */
  QB_AVGPOOL = 13,    /* as QB_MAXPOOL; padding counts as zero */
  QB_MAXPOOL = 14,    /* batch, height, width, channels, kernel, stride, padding: in uint8 -> out uint8 */
  QB_GAVGPOOL = 15,   /* batch, height, width, channels: in uint8 -> out uint8 [batch, channels] */
  QB_INTERP = 16,     /* batch, height, width, channels, mode (0 nearest, 1 bilinear): twice as high and wide */
  QB_LAYERNORM = 17,  /* rows, channels: in uint8, w and in2 float [channels] (gamma, beta) -> out uint8 */
  QB_DYNLINEAR = 18,  /* m, n, k: in float [m, k], w int8 [n, k], in2 float [n] (bias) -> out float [m, n] */
  QB_SGEMM = 19,
  QB_EMBBAG = 20,    /* rows, dim, bits, bags, indices: w packed table, idx, off -> out float [bags, dim] */
  QB_MINMAX = 21,    /* n: in float [n] -> out float [2] */
  QB_MINMAX_PC = 22, /* channels, inner: in float -> out float [2, channels] */
  QB_FAKEQUANT =
      23, /* n, mode (0; 1 with gradient; 2 follows a moving average; 3 both): in float [n] -> out float [n] */
  QB_HISTOGRAM = 24, /* n, bins: in float [n] -> out float [bins] over its own range */
  QB_MEMCPY = 25,    /* bytes: in -> out */
  QB_READ = 26,      /* bytes: in */
  QB_PEAK_INT8 = 27, /* loops of 1536 operations for each thread */
  QB_PEAK_F32 = 28,  /* loops of 384 operations for each thread */
  QB_LSTM =
      29, /* steps, batch, input, hidden: in float [steps, batch, input], w int8 [4 hidden, input] and [4 hidden, hidden],
                   w_scale [2], in2 float [2, 4 hidden] (biases) -> out float [steps, batch, hidden]; null ones are made up */
  QB_GRU = 30 /* the same with three gates */
};

/* Where QB_CONV finds its sizes in d[]. Arrays of three; those beyond the rank hold 1, padding 0. */
enum qb_conv_index {
  QB_CONV_RANK = 0,
  QB_CONV_BATCH = 1,
  QB_CONV_IN_CHANNELS = 2,
  QB_CONV_OUT_CHANNELS = 3,
  QB_CONV_GROUPS = 4,
  QB_CONV_TRANSPOSED = 5,
  QB_CONV_IN = 6,
  QB_CONV_KERNEL = 9,
  QB_CONV_STRIDE = 12,
  QB_CONV_PADDING = 15,
  QB_CONV_DILATION = 18,
  QB_CONV_OUT = 21
};

typedef struct qb_desc {
  uint32_t size; /* sizeof(qb_desc) */
  uint32_t kind;
  int64_t d[24];
  float in_scale, in2_scale, out_scale, reserved0;
  int32_t in_zp, in2_zp, out_zp, reserved1;
  const void *in, *in2, *w;
  const float *w_scale;
  const int32_t *bias;
  const int64_t *idx, *off;
  void *out;
} qb_desc;

typedef struct qb_op qb_op;

/* 1. */
QB_API int qb_abi_version(void);
/* The library's name and version, the tier that it runs on, and the compiler that built it. */
QB_API const char *qb_name(void);
/* Threads that operations made from now on may use. 0 when all is well. */
QB_API int qb_init(int threads);
/* Null when the library has no such operation or can't take this one. */
QB_API qb_op *qb_create(const qb_desc *desc);
/* 0 when all is well. */
QB_API int qb_run(qb_op *op, int64_t iterations);
QB_API void qb_destroy(qb_op *op);

#endif /* OCTET_QBENCH_H */
