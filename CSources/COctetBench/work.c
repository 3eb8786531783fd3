/* What a shape costs, and whether it is one at all. */
#include "operation.h"

const char *oct_bench_window_size(const oct_bench_shape *shape, size_t out[OCT_BENCH_MAX_RANK]) {
  if (shape->rank < 1 || shape->rank > OCT_BENCH_MAX_RANK) return "a window has one, two or three dimensions";
  for (uint32_t i = 0; i < OCT_BENCH_MAX_RANK; i++) out[i] = 1;
  for (uint32_t i = 0; i < shape->rank; i++) {
    const size_t most = SIZE_MAX / 8, dilation = shape->dilation[i];
    if (shape->kernel[i] < 1 || shape->stride[i] < 1 || dilation < 1)
      return "kernel, stride and dilation must be at least 1";
    if (shape->in[i] > most || shape->padding[i] > most || shape->kernel[i] > most / dilation)
      return "a window's size, padding or kernel is too large";
    if (shape->kind == OCT_BENCH_CONV && shape->transposed) {
      if (shape->in[i] < 1 || shape->stride[i] > most / shape->in[i] || shape->output_padding[i] > most)
        return "a transposed convolution's stride or padding is too large, or its input empty";
      const size_t reach =
          (shape->in[i] - 1) * shape->stride[i] + dilation * (shape->kernel[i] - 1) + 1 + shape->output_padding[i];
      if (reach <= 2 * shape->padding[i]) return "padding takes all outputs away; use a larger input or less padding";
      out[i] = reach - 2 * shape->padding[i];
      continue;
    }
    const size_t padded = shape->in[i] + 2 * shape->padding[i], extent = dilation * (shape->kernel[i] - 1) + 1;
    if (padded < extent) return "the kernel is larger than the padded input; use a larger input or more padding";
    out[i] = (padded - extent) / shape->stride[i] + 1;
  }
  return NULL;
}

/* Pairs of an output and a tap that fall on the input, along one dimension; transposed, of an input and a tap on the output. */
static double taps_on_input(const oct_bench_shape *shape, uint32_t i, size_t out) {
  const bool transposed = shape->kind == OCT_BENCH_CONV && shape->transposed;
  const size_t positions = transposed ? shape->in[i] : out, others = transposed ? out : shape->in[i];
  double taps = 0;
  for (size_t t = 0; t < shape->kernel[i]; t++) {
    const size_t offset = t * shape->dilation[i], stride = shape->stride[i], padding = shape->padding[i];
    /* padding <= position * stride + offset < padding + others */
    const size_t end = padding + others;
    size_t first = offset >= padding ? 0 : (padding - offset - 1) / stride + 1;
    size_t last = offset >= end ? 0 : (end - offset - 1) / stride + 1;
    if (last > positions) last = positions;
    if (first < last) taps += (double)(last - first);
  }
  return taps;
}

static const char *count_window(const oct_bench_shape *shape, oct_bench_work *work) {
  size_t out[OCT_BENCH_MAX_RANK];
  const char *problem = oct_bench_window_size(shape, out);
  if (problem) return problem;
  const double channels = (double)shape->in_channels;
  double pixels_in = (double)shape->batch, pixels_out = pixels_in, taps = pixels_in, kernel = 1;
  for (uint32_t i = 0; i < shape->rank; i++) {
    pixels_in *= (double)shape->in[i];
    pixels_out *= (double)out[i];
    kernel *= (double)shape->kernel[i];
    taps *= taps_on_input(shape, i, out[i]);
  }
  if (shape->kind == OCT_BENCH_MAX_POOL) {
    work->bytes = channels * (pixels_in + pixels_out);
    return NULL;
  }
  if (shape->groups < 1 || shape->in_channels % shape->groups != 0 || shape->out_channels % shape->groups != 0)
    return "groups must divide the input channels and the output channels";
  const double of_group = channels / (double)shape->groups, out_channels = (double)shape->out_channels;
  work->operations = 2 * taps * of_group * out_channels;
  work->weight_bytes = kernel * of_group * out_channels;
  work->bytes = channels * pixels_in + out_channels * pixels_out + work->weight_bytes;
  return NULL;
}

const char *oct_bench_count_work(const oct_bench_shape *shape, oct_bench_work *work) {
  *work = (oct_bench_work){0};
  const double m = (double)shape->m, n = (double)shape->n, k = (double)shape->k, count = (double)shape->count;
  const double outer = (double)shape->outer, channels = (double)shape->channels, inner = (double)shape->inner;
  switch (shape->kind) {
    case OCT_BENCH_GEMM:
      work->operations = 2 * m * n * k;
      work->weight_bytes = n * k;
      work->bytes = m * k + n * k + m * n;
      break;
    case OCT_BENCH_DYNAMIC_GEMM:
      work->operations = 2 * m * n * k;
      work->weight_bytes = n * k;
      work->bytes = 4 * m * k + n * k + 4 * m * n;
      break;
    case OCT_BENCH_CONV:
    case OCT_BENCH_MAX_POOL: {
      const char *problem = count_window(shape, work);
      if (problem) return problem;
      break;
    }
    case OCT_BENCH_QUANTIZE:
    case OCT_BENCH_DEQUANTIZE: work->bytes = 5 * count; break;
    case OCT_BENCH_QUANTIZE_CHANNELS: work->bytes = 5 * outer * channels * inner; break;
    case OCT_BENCH_REQUANTIZE: work->bytes = 5 * outer * channels; break;
    case OCT_BENCH_COPY: work->bytes = 2 * count; break;
    case OCT_BENCH_READ: work->bytes = count; break;
    case OCT_BENCH_INT8_PEAK: work->operations = OCT_BENCH_INT8_UNIT * count; return NULL;
    case OCT_BENCH_FLOAT_PEAK: work->operations = OCT_BENCH_FLOAT_UNIT * count; return NULL;
    default: return "there is no such kind of operation";
  }
  return work->bytes > 0 ? NULL : "a size of the shape is 0; every size must be at least 1";
}
