/* Layer and group norm: exact integer sums of each group, float32 from there on. */
#include "norm.h"

#include <math.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"

OCT_FP_STRICT

static const oct_norm_kernels *const table[] = {
#define OCT_NORM_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "norm.def"
#undef OCT_NORM_KERNELS
};

oct_status oct_norm_select(const oct_norm_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("norm", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

oct_status oct_norm_check_dtype(const char *entry, oct_dtype dtype) {
  if (dtype == OCT_U8 || dtype == OCT_S8) return OCT_OK;
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: dtype is %s (%d), expected OCT_U8 or OCT_S8", entry, oct_dtype_name(dtype),
                  (int)dtype);
}

oct_status oct_norm_check_zero_point(const char *entry, const char *name, oct_dtype dtype, int32_t zero_point) {
  const int32_t low = oct_norm_low(dtype), high = oct_norm_high(dtype);
  if (zero_point >= low && zero_point <= high) return OCT_OK;
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is %d, but %s holds %d..%d; pass a value it holds", entry, name,
                  (int)zero_point, oct_dtype_name(dtype), (int)low, (int)high);
}

/* Rows of `length` elements are normalized together. `inner` is 0 for layer norm; otherwise a row is `channels`
 * channels of `inner` elements, of which the first is number row % groups * channels. */
typedef struct job {
  const oct_norm_kernels *kernels;
  const uint8_t *x;
  uint8_t *y;
  const float *gamma, *beta;
  size_t length, inner, channels, groups;
  float scale;
  double epsilon;
  oct_norm_rule rule;
} job;

static void set_statistics(const job *j, const uint8_t *x, oct_norm_rule *rule) {
  uint64_t sum = 0, squares = 0;
  const uint8_t flip = j->rule.is_signed ? 0x80 : 0;
  j->kernels->sums(x, j->length, flip, &sum, &squares);
  /* int8 was read as u = q + 128. */
  const int64_t n = (int64_t)j->length, shift = flip;
  const int64_t q_sum = (int64_t)sum - shift * n;
  const int64_t q_squares = (int64_t)squares - 2 * shift * (int64_t)sum + shift * shift * n;
  const float count = (float)j->length, mean = (float)q_sum / count;
  const float variance = (float)q_squares / count - mean * mean, positive = variance > 0.0f ? variance : 0.0f;
  const double real = (double)(positive * j->scale * j->scale) + j->epsilon;
  rule->r = (float)((double)j->scale / sqrt(real));
  rule->mean = mean - (float)j->rule.offset;
}

static void norm_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  for (size_t row = begin; row < end; row++) {
    const uint8_t *x = j->x + row * j->length;
    uint8_t *y = j->y + row * j->length;
    oct_norm_rule rule = j->rule;
    set_statistics(j, x, &rule);
    if (j->inner == 0) {
      j->kernels->normalize_elements(x, j->length, &rule, j->gamma, j->beta, y);
      continue;
    }
    const float r = rule.r;
    for (size_t c = 0; c < j->channels; c++, x += j->inner, y += j->inner) {
      const size_t channel = row % j->groups * j->channels + c;
      rule.r = j->gamma ? r * oct_norm_entry(j->gamma, channel) : r;
      /* Adding -0 leaves every value as it is. */
      const float beta = j->beta ? oct_norm_entry(j->beta, channel) : -0.0f;
      j->kernels->normalize_channel(x, j->inner, &rule, beta, y);
    }
  }
}

static oct_status check_norm(const char *entry, const oct_norm *norm, size_t count) {
  if (!norm) return oct_fail(OCT_INVALID_ARGUMENT, "%s: norm is null; pass an oct_norm", entry);
  if (norm->struct_size != sizeof *norm)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: norm->struct_size is %u, expected %zu; set it to sizeof(oct_norm)",
                    entry, (unsigned)norm->struct_size, sizeof *norm);
  oct_status status = oct_norm_check_dtype(entry, norm->dtype);
  if (status == OCT_OK) status = oct_norm_check_zero_point(entry, "x_zero_point", norm->dtype, norm->x_zero_point);
  if (status == OCT_OK) status = oct_norm_check_zero_point(entry, "y_zero_point", norm->dtype, norm->y_zero_point);
  if (status != OCT_OK) return status;
  for (int i = 0; i < 2; i++) {
    const float scale = i ? norm->y_scale : norm->x_scale;
    if (!(scale > 0.0f) || isinf(scale))
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is %g, expected a positive finite number; check the observed range",
                      entry, i ? "y_scale" : "x_scale", (double)scale);
  }
  if (!(norm->epsilon >= 0.0) || isinf(norm->epsilon))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: epsilon is %g, expected a finite number that isn't negative", entry,
                    norm->epsilon);
  if (count > 0 && (!norm->x || !norm->y))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry,
                    norm->x ? "y" : "x", count);
  return OCT_OK;
}

static oct_status run_norm(const char *entry, const oct_norm *norm, size_t rows, job *j, const oct_run *run) {
  int threads = 1;
  oct_status status = check_norm(entry, norm, rows * j->length);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_norm_select(&j->kernels);
  if (status != OCT_OK || rows == 0 || j->length == 0) return status;
  const int32_t z = norm->y_zero_point;
  j->x = norm->x;
  j->y = norm->y;
  j->gamma = norm->gamma;
  j->beta = norm->beta;
  j->scale = norm->x_scale;
  j->epsilon = norm->epsilon;
  j->rule = oct_norm_rule_of(norm->dtype, norm->x_zero_point, z);
  j->rule.inverse = 1.0f / norm->y_scale;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(rows, oct_norm_grain(rows, j->length), threads, norm_rows, j);
  if (oct_verbose())
    oct_tell("%s rows=%zu length=%zu %s kernel=%s %.1f us", entry + 4, rows, j->length, oct_dtype_name(norm->dtype),
             j->kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_layer_norm(const oct_norm *norm, size_t rows, size_t length, const oct_run *run) {
  static const char entry[] = "oct_layer_norm";
  job j = {.length = length};
  size_t count;
  if (!oct_multiply(rows, length, &count) || count > OCT_NORM_MOST)
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu elements are more than memory can hold; check rows and length",
                    entry, rows, length);
  return run_norm(entry, norm, rows, &j, run);
}

oct_status oct_group_norm(const oct_norm *norm, size_t batch, size_t channels, size_t inner, size_t groups,
                          const oct_run *run) {
  static const char entry[] = "oct_group_norm";
  job j = {.inner = inner, .groups = groups};
  size_t count, rows;
  if (groups == 0 || channels % groups != 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: groups is %zu, expected a divisor of the %zu channels", entry, groups,
                    channels);
  if (!oct_multiply(batch, channels, &count) || !oct_multiply(count, inner, &count) || count > OCT_NORM_MOST ||
      !oct_multiply(batch, groups, &rows))
    return oct_fail(OCT_OVERFLOW,
                    "%s: batch %zu, channels %zu and inner %zu are more than memory can hold; check the shape", entry,
                    batch, channels, inner);
  j.channels = channels / groups;
  j.length = j.channels * inner;
  return run_norm(entry, norm, rows, &j, run);
}
