/* Batch norm by given statistics: one multiplication and one addition per channel. */
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "norm.h"

OCT_FP_STRICT

typedef struct job {
  const oct_norm_kernels *kernels;
  const uint8_t *x;
  uint8_t *y;
  ptrdiff_t x_stride, y_stride;
  size_t channels;
  const float *alpha, *beta;
  oct_affine_rule rule;
} job;

static void affine_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  for (size_t pixel = begin; pixel < end; pixel++)
    j->kernels->affine(j->x + (ptrdiff_t)pixel * j->x_stride, j->channels, &j->rule, j->alpha, j->beta,
                       j->y + (ptrdiff_t)pixel * j->y_stride);
}

static oct_status check_memory(const char *name, const void *data, size_t pixels, size_t channels, ptrdiff_t stride) {
  size_t bytes;
  if (stride < 0 || (size_t)stride < channels)
    return oct_fail(OCT_SHAPE_MISMATCH, "oct_batch_norm: %s_stride is %td, expected at least the %zu channels", name,
                    stride, channels);
  if (!oct_multiply(pixels, (size_t)stride, &bytes) || bytes > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW,
                    "oct_batch_norm: %s has %zu pixels %td elements apart, more than memory can hold; check its shape",
                    name, pixels, stride);
  if (!data && pixels > 0 && channels > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "oct_batch_norm: %s is null; pass a buffer", name);
  return OCT_OK;
}

static oct_status check_affine(const oct_channel_affine *affine, size_t channels) {
  static const char entry[] = "oct_batch_norm";
  if (!affine) return oct_fail(OCT_INVALID_ARGUMENT, "%s: affine is null; pass an oct_channel_affine", entry);
  if (affine->struct_size != sizeof *affine)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: affine->struct_size is %u, expected %zu; set it to sizeof(oct_channel_affine)", entry,
                    (unsigned)affine->struct_size, sizeof *affine);
  oct_status status = oct_norm_check_dtype(entry, affine->dtype);
  if (status == OCT_OK) status = oct_norm_check_zero_point(entry, "x_zero_point", affine->dtype, affine->x_zero_point);
  if (status == OCT_OK) status = oct_norm_check_zero_point(entry, "y_zero_point", affine->dtype, affine->y_zero_point);
  if (status == OCT_OK) status = oct_norm_check_zero_point(entry, "clamp_min", affine->dtype, affine->clamp_min);
  if (status == OCT_OK) status = oct_norm_check_zero_point(entry, "clamp_max", affine->dtype, affine->clamp_max);
  if (status != OCT_OK) return status;
  if (affine->clamp_min > affine->clamp_max)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: clamp_min is %d, expected at most clamp_max %d; swap them", entry,
                    (int)affine->clamp_min, (int)affine->clamp_max);
  if (channels > 0 && (!affine->alpha || !affine->beta))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu values; pass one for each channel", entry,
                    affine->alpha ? "beta" : "alpha", channels);
  return OCT_OK;
}

oct_status oct_batch_norm(const oct_channel_affine *affine, size_t pixels, size_t channels, const void *x,
                          ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, const oct_run *run) {
  job j = {.x = x, .y = y, .x_stride = x_stride, .y_stride = y_stride, .channels = channels};
  int threads = 1;
  oct_status status = check_affine(affine, channels);
  if (status == OCT_OK) status = check_memory("x", x, pixels, channels, x_stride);
  if (status == OCT_OK) status = check_memory("y", y, pixels, channels, y_stride);
  if (status == OCT_OK) status = oct_run_threads("oct_batch_norm", run, &threads);
  if (status == OCT_OK) status = oct_norm_select(&j.kernels);
  if (status != OCT_OK || pixels == 0 || channels == 0) return status;
  const oct_norm_rule elements = oct_norm_rule_of(affine->dtype, affine->x_zero_point, affine->y_zero_point);
  j.alpha = affine->alpha;
  j.beta = affine->beta;
  j.rule = (oct_affine_rule){.is_signed = elements.is_signed,
                             .offset = elements.offset,
                             .zero_point = affine->y_zero_point,
                             .low = (float)(affine->clamp_min - affine->y_zero_point),
                             .high = (float)(affine->clamp_max - affine->y_zero_point)};
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(pixels, oct_norm_grain(pixels, channels), threads, affine_pixels, &j);
  if (oct_verbose())
    oct_tell("batch_norm pixels=%zu channels=%zu %s kernel=%s %.1f us", pixels, channels, oct_dtype_name(affine->dtype),
             j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}
