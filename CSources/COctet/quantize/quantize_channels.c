/* Quantize and dequantize with parameters per channel.
 *
 * Long runs of one channel go through the kernels for one set of parameters. Short ones (channels last, small kernels)
 * are seen as rows of channels * inner columns whose parameters are spread over a block of columns on the stack. */
#include <math.h>

#include "base/align.h"
#include "base/range.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "quantize.h"

OCT_FP_STRICT

/* inner from which a channel's run fills vectors well enough; columns of a block and rows that share its parameters;
 * elements from which a run may pass by the caches. */
enum { LONG_RUN = 64, BLOCK_COLUMNS = 512, BLOCK_ROWS = 128, SPREAD_ROOM = LONG_RUN + 8, STREAMED_RUN = 4096 };

typedef enum operation { QUANTIZE, QUANTIZE_REAL, DEQUANTIZE, DEQUANTIZE_REAL } operation;

typedef struct channel_job {
  const oct_quantize_kernels *kernels;
  operation operation;
  oct_dtype dtype;
  oct_channels shape;
  const double *scales;
  const int64_t *zero_points;
  const float *real_scales, *real_zero_points;
  const char *from;
  char *to;
  size_t from_width, to_width, total, columns, column_blocks;
} channel_job;

static bool quantizes(operation operation) { return operation == QUANTIZE || operation == QUANTIZE_REAL; }
static bool real_zero_points(operation operation) { return operation == QUANTIZE_REAL || operation == DEQUANTIZE_REAL; }

static double load_f64(const double *base, size_t index) {
  double value;
  memcpy(&value, (const char *)base + index * sizeof value, sizeof value);
  return value;
}

static int32_t load_zero_point(const int64_t *base, size_t index) {
  int64_t value;
  memcpy(&value, (const char *)base + index * sizeof value, sizeof value);
  return (int32_t)value;
}

/* `count` elements of one channel from element `begin` on. */
static void run_of_channel(const channel_job *job, size_t channel, size_t begin, size_t count) {
  const char *from = job->from + begin * job->from_width;
  char *to = job->to + begin * job->to_width;
  const float low = (float)oct_dtype_low(job->dtype), high = (float)oct_dtype_high(job->dtype);
  const bool s32 = job->dtype == OCT_S32, streams = job->total >= OCT_QUANTIZE_STREAM && count >= STREAMED_RUN;
  const int32_t bias = job->dtype == OCT_S8 ? 128 : 0;
  const uint8_t flip = job->dtype == OCT_S8 ? 0x80 : 0;
  switch (job->operation) {
    case QUANTIZE: {
      const float inverse = 1.0f / (float)load_f64(job->scales, channel);
      const int32_t z = load_zero_point(job->zero_points, channel);
      const oct_quantize_rule rule = {.inverse = inverse,
                                      .add = -0.0f,
                                      .low = low - (float)z,
                                      .high = high - (float)z,
                                      .zero_point = z,
                                      .streams = streams};
      if (s32)
        job->kernels->quantize_s32(from, count, inverse, z, to);
      else
        job->kernels->quantize_byte(from, count, &rule, to);
      break;
    }
    case QUANTIZE_REAL: {
      const oct_quantize_rule rule = {.inverse = 1.0f / oct_load_f32(job->real_scales, channel),
                                      .add = oct_load_f32(job->real_zero_points, channel),
                                      .low = low,
                                      .high = high,
                                      .streams = streams};
      job->kernels->quantize_byte(from, count, &rule, to);
      break;
    }
    case DEQUANTIZE: {
      const double scale = load_f64(job->scales, channel);
      const oct_dequantize_rule rule = {.flip = flip,
                                        .offset = load_zero_point(job->zero_points, channel) + bias,
                                        .scale = (float)scale,
                                        .wide_scale = scale,
                                        .streams = streams};
      if (s32)
        job->kernels->dequantize_s32_wide(from, count, &rule, to);
      else if ((double)rule.scale == scale) /* see narrow_parameters */
        job->kernels->dequantize_byte(from, count, &rule, to);
      else
        job->kernels->dequantize_byte_wide(from, count, &rule, to);
      break;
    }
    case DEQUANTIZE_REAL: {
      const oct_dequantize_rule rule = {.flip = flip,
                                        .offset = bias,
                                        .zero_point = oct_load_f32(job->real_zero_points, channel),
                                        .scale = oct_load_f32(job->real_scales, channel),
                                        .streams = streams};
      (s32 ? job->kernels->dequantize_s32 : job->kernels->dequantize_byte)(from, count, &rule, to);
      break;
    }
  }
}

static void runs_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const channel_job *job = context;
  while (begin < end) {
    const size_t run = begin / job->shape.inner;
    const size_t run_end = (run + 1) * job->shape.inner;
    const size_t stop = run_end < end ? run_end : end;
    run_of_channel(job, run % job->shape.channels, begin, stop - begin);
    begin = stop;
  }
}

/* The channels that a block of columns meets, and how many columns of the first one lie before the block. */
typedef struct channel_span {
  size_t first, count, inner, before;
} channel_span;

static channel_span span_of(const channel_job *job, size_t first, size_t columns) {
  const size_t inner = job->shape.inner, channel = first / inner, before = first % inner;
  return (channel_span){channel, oct_ceil_div(before + columns, inner), inner, before};
}

/* Copies each channel's value, `width` bytes, to all of its columns, eight at a time: what goes beyond a channel's
 * columns the next one's overwrite, and `columns` has SPREAD_ROOM for the last one's. */
static inline __attribute__((always_inline)) void spread(const channel_span *span, const void *values,
                                                         const size_t width, void *columns) {
  char *to = columns;
  const char *from = values;
  if (span->inner == 1) {
    memcpy(to, from, span->count * width);
    return;
  }
  size_t left = span->inner - span->before;
  for (size_t channel = 0; channel < span->count; channel++, left = span->inner, from += width) {
    char value[8];
    memcpy(value, from, width);
    for (size_t i = 0; i < left; i += 8)
      for (size_t lane = 0; lane < 8; lane++) memcpy(to + (i + lane) * width, value, width);
    to += left * width;
  }
}

static void quantize_columns(const channel_job *job, const oct_quantize_block *block, size_t first) {
  float inverses[BLOCK_COLUMNS], zero_points[BLOCK_COLUMNS];
  int32_t integers[BLOCK_COLUMNS];
  float inverse[BLOCK_COLUMNS + SPREAD_ROOM], zero_point[BLOCK_COLUMNS + SPREAD_ROOM];
  const channel_span span = span_of(job, first, block->columns);
  for (size_t i = 0; i < span.count; i++) {
    const size_t channel = span.first + i;
    if (job->operation == QUANTIZE) {
      inverses[i] = 1.0f / (float)load_f64(job->scales, channel);
      integers[i] = load_zero_point(job->zero_points, channel);
      zero_points[i] = (float)integers[i];
    } else {
      inverses[i] = 1.0f / oct_load_f32(job->real_scales, channel);
      zero_points[i] = oct_load_f32(job->real_zero_points, channel);
    }
  }
  spread(&span, inverses, sizeof(float), inverse);
  if (job->dtype == OCT_S32) {
    int32_t integer[BLOCK_COLUMNS + SPREAD_ROOM];
    spread(&span, integers, sizeof(int32_t), integer);
    job->kernels->quantize_s32_columns(block, inverse, integer);
    return;
  }
  spread(&span, zero_points, sizeof(float), zero_point);
  const oct_quantize_columns_rule rule = {inverse, zero_point, (float)oct_dtype_low(job->dtype),
                                          (float)oct_dtype_high(job->dtype), job->operation == QUANTIZE};
  job->kernels->quantize_byte_columns(block, &rule);
}

/* Columns whose scales stay in double. */
static void dequantize_wide_columns(const channel_job *job, const oct_quantize_block *block, const channel_span *span,
                                    int32_t bias) {
  double wide_scales[BLOCK_COLUMNS], wide_scale[BLOCK_COLUMNS + SPREAD_ROOM];
  int32_t all_offsets[BLOCK_COLUMNS], offsets[BLOCK_COLUMNS + SPREAD_ROOM];
  const oct_dequantize_columns_rule rule = {
      .flip = job->dtype == OCT_S8 ? 0x80 : 0, .offsets = offsets, .wide_scale = wide_scale};
  for (size_t i = 0; i < span->count; i++) {
    wide_scales[i] = load_f64(job->scales, span->first + i);
    all_offsets[i] = load_zero_point(job->zero_points, span->first + i) + bias;
  }
  spread(span, wide_scales, sizeof(double), wide_scale);
  spread(span, all_offsets, sizeof(int32_t), offsets);
  (job->dtype == OCT_S32 ? job->kernels->dequantize_s32_wide_columns : job->kernels->dequantize_byte_wide_columns)(
      block, &rule);
}

/* Scales and zero points of a span in float32; false when that changes a scale. When it doesn't, scale * difference is
 * exact in double for bytes (24 + 9 bits) and rounds to float32 once, as the product in float32 does. */
static bool narrow_parameters(const channel_job *job, const channel_span *span, float *scales, float *zero_points) {
  bool exact = true;
  for (size_t i = 0; i < span->count; i++) {
    const size_t channel = span->first + i;
    if (job->operation == DEQUANTIZE) {
      scales[i] = (float)load_f64(job->scales, channel);
      zero_points[i] = (float)load_zero_point(job->zero_points, channel);
      exact &= (double)scales[i] == load_f64(job->scales, channel);
    } else {
      scales[i] = oct_load_f32(job->real_scales, channel);
      zero_points[i] = oct_load_f32(job->real_zero_points, channel);
    }
  }
  return exact;
}

static void dequantize_columns(const channel_job *job, const oct_quantize_block *block, size_t first) {
  float scales[BLOCK_COLUMNS], zero_points[BLOCK_COLUMNS];
  float scale[BLOCK_COLUMNS + SPREAD_ROOM], zero_point[BLOCK_COLUMNS + SPREAD_ROOM];
  const channel_span span = span_of(job, first, block->columns);
  const bool s32 = job->dtype == OCT_S32;
  const int32_t bias = job->dtype == OCT_S8 ? 128 : 0;
  if ((s32 && job->operation == DEQUANTIZE) || !narrow_parameters(job, &span, scales, zero_points)) {
    dequantize_wide_columns(job, block, &span, bias);
    return;
  }
  spread(&span, scales, sizeof(float), scale);
  spread(&span, zero_points, sizeof(float), zero_point);
  const oct_dequantize_columns_rule rule = {
      .flip = job->dtype == OCT_S8 ? 0x80 : 0, .offset = bias, .zero_point = zero_point, .scale = scale};
  (s32 ? job->kernels->dequantize_s32_columns : job->kernels->dequantize_byte_columns)(block, &rule);
}

static void columns_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const channel_job *job = context;
  for (size_t item = begin; item < end; item++) {
    const size_t first = item % job->column_blocks * BLOCK_COLUMNS;
    const size_t row = item / job->column_blocks * BLOCK_ROWS;
    const size_t rows_left = job->shape.outer - row, columns_left = job->columns - first;
    const size_t start = row * job->columns + first;
    const oct_quantize_block block = {.from = job->from + start * job->from_width,
                                      .to = job->to + start * job->to_width,
                                      .rows = rows_left < BLOCK_ROWS ? rows_left : BLOCK_ROWS,
                                      .columns = columns_left < BLOCK_COLUMNS ? columns_left : BLOCK_COLUMNS,
                                      .from_stride = job->columns,
                                      .to_stride = job->columns};
    if (quantizes(job->operation))
      quantize_columns(job, &block, first);
    else
      dequantize_columns(job, &block, first);
  }
}

/* Buffers, sizes and dtype; fills in the job's sizes. */
static oct_status check_shape(const char *entry, channel_job *job, const void *x, const void *q) {
  const oct_channels s = job->shape;
  size_t bytes;
  const oct_status status = oct_quantize_check_dtype(entry, job->dtype, job->operation != QUANTIZE_REAL);
  if (status != OCT_OK) return status;
  if (!oct_multiply(s.channels, s.inner, &job->columns) || !oct_multiply(job->columns, s.outer, &job->total) ||
      !oct_multiply(job->total, sizeof(float), &bytes) || bytes > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW,
                    "%s: shape [%zu, %zu, %zu] is more than memory can hold; pass the sizes before, of and after the "
                    "channel axis",
                    entry, s.outer, s.channels, s.inner);
  if (job->total > 0 && (!x || !q))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry, x ? "q" : "x",
                    job->total);
  const void *scales = real_zero_points(job->operation) ? (const void *)job->real_scales : (const void *)job->scales;
  const void *zeros =
      real_zero_points(job->operation) ? (const void *)job->real_zero_points : (const void *)job->zero_points;
  if (s.channels > 0 && (!scales || !zeros))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu values; pass one per channel", entry,
                    scales ? "zero_points" : "scales", s.channels);
  return OCT_OK;
}

static oct_status check_channel(const char *entry, const channel_job *job, size_t c) {
  if (real_zero_points(job->operation)) {
    const float scale = oct_load_f32(job->real_scales, c), zero_point = oct_load_f32(job->real_zero_points, c);
    if (!(scale > 0.0f) || isinf(scale))
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: scales[%zu] is %g, expected a positive finite number; check the observed range", entry, c,
                      (double)scale);
    if (!isfinite(zero_point))
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: zero_points[%zu] is %g, expected a finite number; check the observed range", entry, c,
                      (double)zero_point);
    return OCT_OK;
  }
  /* Quantizing uses the scale in float32, dequantizing in double. */
  const double wide = load_f64(job->scales, c);
  const double scale = job->operation == QUANTIZE ? (double)(float)wide : wide;
  if (!(scale > 0.0) || isinf(scale))
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: scales[%zu] is %g, expected a positive finite number%s; check the observed range", entry, c,
                    wide, job->operation == QUANTIZE ? " in float32" : "");
  int64_t zero_point;
  memcpy(&zero_point, (const char *)job->zero_points + c * sizeof zero_point, sizeof zero_point);
  if (zero_point < oct_dtype_low(job->dtype) || zero_point > oct_dtype_high(job->dtype))
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: zero_points[%zu] is %lld, but %s holds %lld..%lld; pass a value it holds", entry, c,
                    (long long)zero_point, oct_dtype_name(job->dtype), (long long)oct_dtype_low(job->dtype),
                    (long long)oct_dtype_high(job->dtype));
  return OCT_OK;
}

/* Whether check_channel lets all channels pass; real zero points it has to see one by one. */
static bool good_channels(const channel_job *job) {
  const size_t channels = job->shape.channels;
  return !real_zero_points(job->operation) && oct_all_positive_f64(job->scales, channels, job->operation == QUANTIZE) &&
         oct_all_within_s64(job->zero_points, channels, oct_dtype_low(job->dtype), oct_dtype_high(job->dtype));
}

static oct_status run_channels(const char *entry, channel_job *job, const void *x, const void *q, const oct_run *run) {
  int threads;
  oct_status status = check_shape(entry, job, x, q);
  if (status == OCT_OK && !good_channels(job))
    for (size_t c = 0; status == OCT_OK && c < job->shape.channels; c++) status = check_channel(entry, job, c);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_quantize_select(&job->kernels);
  if (status != OCT_OK || job->total == 0) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  const bool worth_threads = job->total >= OCT_QUANTIZE_FORK;
  if (job->shape.inner >= LONG_RUN) {
    oct_parallel_for(job->total, worth_threads && threads != 1 ? OCT_QUANTIZE_GRAIN : job->total, threads, runs_range,
                     job);
  } else {
    job->column_blocks = oct_ceil_div(job->columns, BLOCK_COLUMNS);
    const size_t items = job->column_blocks * oct_ceil_div(job->shape.outer, BLOCK_ROWS);
    /* Narrow matrices make small items; several go into one claim then. */
    const size_t width = job->columns < BLOCK_COLUMNS ? job->columns : BLOCK_COLUMNS;
    const size_t per_claim = oct_ceil_div(OCT_QUANTIZE_GRAIN, width * BLOCK_ROWS);
    oct_parallel_for(items, worth_threads ? per_claim : items, threads, columns_range, job);
  }
  if (oct_verbose())
    oct_tell("%s [%zu, %zu, %zu] %s kernel=%s %.1f us", entry + strlen("oct_"), job->shape.outer, job->shape.channels,
             job->shape.inner, oct_dtype_name(job->dtype), job->kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

static channel_job quantize_job(operation operation, oct_channels shape, oct_dtype dtype, const float *x, void *q) {
  return (channel_job){.operation = operation,
                       .dtype = dtype,
                       .shape = shape,
                       .from = (const char *)x,
                       .to = q,
                       .from_width = sizeof(float),
                       .to_width = oct_dtype_size(dtype)};
}

static channel_job dequantize_job(operation operation, oct_channels shape, oct_dtype dtype, const void *q, float *x) {
  return (channel_job){.operation = operation,
                       .dtype = dtype,
                       .shape = shape,
                       .from = q,
                       .to = (char *)x,
                       .from_width = oct_dtype_size(dtype),
                       .to_width = sizeof(float)};
}

oct_status oct_quantize_per_channel(const float *x, oct_channels shape, const double *scales,
                                    const int64_t *zero_points, oct_dtype dtype, void *q, const oct_run *run) {
  channel_job job = quantize_job(QUANTIZE, shape, dtype, x, q);
  job.scales = scales;
  job.zero_points = zero_points;
  return run_channels("oct_quantize_per_channel", &job, x, q, run);
}

oct_status oct_quantize_per_channel_float(const float *x, oct_channels shape, const float *scales,
                                          const float *zero_points, oct_dtype dtype, void *q, const oct_run *run) {
  channel_job job = quantize_job(QUANTIZE_REAL, shape, dtype, x, q);
  job.real_scales = scales;
  job.real_zero_points = zero_points;
  return run_channels("oct_quantize_per_channel_float", &job, x, q, run);
}

oct_status oct_dequantize_per_channel(const void *q, oct_dtype dtype, oct_channels shape, const double *scales,
                                      const int64_t *zero_points, float *x, const oct_run *run) {
  channel_job job = dequantize_job(DEQUANTIZE, shape, dtype, q, x);
  job.scales = scales;
  job.zero_points = zero_points;
  return run_channels("oct_dequantize_per_channel", &job, x, q, run);
}

oct_status oct_dequantize_per_channel_float(const void *q, oct_dtype dtype, oct_channels shape, const float *scales,
                                            const float *zero_points, float *x, const oct_run *run) {
  channel_job job = dequantize_job(DEQUANTIZE_REAL, shape, dtype, q, x);
  job.real_scales = scales;
  job.real_zero_points = zero_points;
  return run_channels("oct_dequantize_per_channel_float", &job, x, q, run);
}
