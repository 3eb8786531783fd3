/* Quantize and dequantize with one scale and zero point, and the choice of kernels for the whole family.
 *
 * A scale below 2^-128 has an infinite reciprocal: every positive x becomes the upper end, every negative one the lower
 * end, and 0 * infinity, a NaN, the upper end like any NaN. */
#include "quantize.h"

#include <math.h>

#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"

OCT_FP_STRICT

static const oct_quantize_kernels *const table[] = {
#define OCT_QUANTIZE_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "quantize.def"
#undef OCT_QUANTIZE_KERNELS
};

oct_status oct_quantize_select(const oct_quantize_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("quantize", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

oct_status oct_quantize_check_dtype(const char *entry, oct_dtype dtype, bool s32_allowed) {
  if (dtype == OCT_U8 || dtype == OCT_S8 || (s32_allowed && dtype == OCT_S32)) return OCT_OK;
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: dtype is %s (%d), expected OCT_U8%s", entry, oct_dtype_name(dtype),
                  (int)dtype, s32_allowed ? ", OCT_S8 or OCT_S32" : " or OCT_S8");
}

static oct_status check_tensor(const char *entry, const void *x, const void *q, size_t count, float scale,
                               int32_t zero_point, oct_dtype dtype) {
  const oct_status status = oct_quantize_check_dtype(entry, dtype, true);
  if (status != OCT_OK) return status;
  if (count > 0 && (!x || !q))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry, x ? "q" : "x",
                    count);
  if (count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: count is %zu, more than memory can hold; pass the number of elements", entry,
                    count);
  if (!(scale > 0.0f) || isinf(scale))
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: scale is %g, expected a positive finite number; check the observed range", entry,
                    (double)scale);
  if (zero_point < oct_dtype_low(dtype) || zero_point > oct_dtype_high(dtype))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: zero_point is %d, but %s holds %d..%d; pass a value it holds", entry,
                    (int)zero_point, oct_dtype_name(dtype), (int)oct_dtype_low(dtype), (int)oct_dtype_high(dtype));
  return OCT_OK;
}

typedef struct tensor_job {
  const oct_quantize_kernels *kernels;
  const char *from;
  char *to;
  bool s32;
  oct_quantize_rule quantize;
  oct_dequantize_rule dequantize;
} tensor_job;

static size_t grain_of(size_t count, int threads) {
  return count < OCT_QUANTIZE_FORK || threads == 1 ? count : OCT_QUANTIZE_GRAIN;
}

static void quantize_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const tensor_job *job = context;
  const char *x = job->from + begin * sizeof(float);
  if (job->s32)
    job->kernels->quantize_s32(x, end - begin, job->quantize.inverse, job->quantize.zero_point,
                               job->to + begin * sizeof(int32_t));
  else
    job->kernels->quantize_byte(x, end - begin, &job->quantize, job->to + begin);
}

oct_status oct_quantize(const float *x, size_t count, float scale, int32_t zero_point, oct_dtype dtype, void *q,
                        const oct_run *run) {
  tensor_job job = {.from = (const char *)x, .to = q, .s32 = dtype == OCT_S32};
  int threads;
  oct_status status = check_tensor("oct_quantize", x, q, count, scale, zero_point, dtype);
  if (status == OCT_OK) status = oct_run_threads("oct_quantize", run, &threads);
  if (status == OCT_OK) status = oct_quantize_select(&job.kernels);
  if (status != OCT_OK || count == 0) return status;
  job.quantize.inverse = 1.0f / scale;
  job.quantize.zero_point = zero_point;
  job.quantize.streams = count >= OCT_QUANTIZE_STREAM;
  if (!job.s32) {
    /* -0 rather than 0, which would turn -0 into 0: the sum must be the product itself. */
    job.quantize.add = -0.0f;
    job.quantize.low = (float)(oct_dtype_low(dtype) - zero_point);
    job.quantize.high = (float)(oct_dtype_high(dtype) - zero_point);
  }
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(count, grain_of(count, threads), threads, quantize_range, &job);
  if (oct_verbose())
    oct_tell("quantize count=%zu %s kernel=%s %.1f us", count, oct_dtype_name(dtype), job.kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}

static void dequantize_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const tensor_job *job = context;
  char *x = job->to + begin * sizeof(float);
  if (job->s32)
    job->kernels->dequantize_s32(job->from + begin * sizeof(int32_t), end - begin, &job->dequantize, x);
  else
    job->kernels->dequantize_byte(job->from + begin, end - begin, &job->dequantize, x);
}

oct_status oct_dequantize(const void *q, oct_dtype dtype, size_t count, float scale, int32_t zero_point, float *x,
                          const oct_run *run) {
  tensor_job job = {.from = q, .to = (char *)x, .s32 = dtype == OCT_S32};
  int threads;
  oct_status status = check_tensor("oct_dequantize", x, q, count, scale, zero_point, dtype);
  if (status == OCT_OK) status = oct_run_threads("oct_dequantize", run, &threads);
  if (status == OCT_OK) status = oct_quantize_select(&job.kernels);
  if (status != OCT_OK || count == 0) return status;
  const bool flipped = dtype == OCT_S8;
  job.dequantize = (oct_dequantize_rule){.flip = flipped ? 0x80 : 0,
                                         .offset = zero_point + (flipped ? 128 : 0),
                                         .zero_point = 0.0f,
                                         .scale = scale,
                                         .streams = count >= OCT_QUANTIZE_STREAM};
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(count, grain_of(count, threads), threads, dequantize_range, &job);
  if (oct_verbose())
    oct_tell("dequantize count=%zu %s kernel=%s %.1f us", count, oct_dtype_name(dtype), job.kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}
