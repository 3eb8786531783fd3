/* Requantization of matrices of accumulators, by float and by fixed-point multipliers. */
#include <math.h>

#include "base/align.h"
#include "base/range.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "quantize.h"

OCT_FP_STRICT

typedef struct matrix_job {
  const oct_quantize_kernels *kernels;
  const char *acc;
  char *q;
  size_t rows, columns, acc_stride, q_stride;
  size_t block_rows, block_columns, column_blocks;
  bool fixed;
  oct_requantize_rule rule;
} matrix_job;

static oct_status check_matrix(const char *entry, const matrix_job *job) {
  const size_t strides[2] = {job->acc_stride, job->q_stride};
  const char *const names[2] = {"acc_stride", "q_stride"};
  for (int i = 0; i < 2; i++) {
    size_t extent, bytes;
    if (job->rows > 1 && strides[i] < job->columns)
      return oct_fail(OCT_SHAPE_MISMATCH,
                      "%s: %s is %zu, expected at least the %zu columns; pass the distance between rows", entry,
                      names[i], strides[i], job->columns);
    if (job->rows > 0 &&
        (!oct_multiply(job->rows - 1, strides[i], &extent) || !oct_add(extent, job->columns, &extent) ||
         !oct_multiply(extent, sizeof(int32_t), &bytes) || bytes > PTRDIFF_MAX))
      return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %s %zu are more than memory can hold; check rows and strides",
                      entry, job->rows, names[i], strides[i]);
  }
  if (job->rows > 0 && job->columns > 0 && (!job->acc || !job->q))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected a matrix of %zu x %zu; pass a buffer", entry,
                    job->acc ? "q" : "acc", job->rows, job->columns);
  return OCT_OK;
}

static oct_status check_range(const char *entry, oct_dtype dtype, int32_t zero_point, int32_t clamp_min,
                              int32_t clamp_max) {
  const oct_status status = oct_quantize_check_dtype(entry, dtype, false);
  if (status != OCT_OK) return status;
  const int low = (int)oct_dtype_low(dtype), high = (int)oct_dtype_high(dtype);
  if (zero_point < low || zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: zero_point is %d, but %s holds %d..%d; pass a value it holds", entry,
                    (int)zero_point, oct_dtype_name(dtype), low, high);
  if (clamp_min < low || clamp_max > high || clamp_min > clamp_max)
    return oct_fail(
        OCT_INVALID_ARGUMENT,
        "%s: the clamp is %d..%d, expected an ascending range within %d..%d; pass the dtype's own ends for no clamp",
        entry, (int)clamp_min, (int)clamp_max, low, high);
  return OCT_OK;
}

static oct_status check_count(const char *entry, const void *multiplier, size_t count, size_t columns) {
  if (count != 1 && count != columns)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: multiplier_count is %zu, expected 1 or the %zu columns", entry, count,
                    columns);
  if (!multiplier && count > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: multiplier is null, expected %zu values; pass an array", entry, count);
  return OCT_OK;
}

static void matrix_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const matrix_job *job = context;
  for (size_t item = begin; item < end; item++) {
    const size_t first = item % job->column_blocks * job->block_columns;
    const size_t row = item / job->column_blocks * job->block_rows;
    const size_t rows_left = job->rows - row, columns_left = job->columns - first;
    const oct_quantize_block block = {.from = job->acc + (row * job->acc_stride + first) * sizeof(int32_t),
                                      .to = job->q + row * job->q_stride + first,
                                      .rows = rows_left < job->block_rows ? rows_left : job->block_rows,
                                      .columns = columns_left < job->block_columns ? columns_left : job->block_columns,
                                      .from_stride = job->acc_stride,
                                      .to_stride = job->q_stride};
    oct_requantize_rule rule = job->rule;
    if (rule.per_column && job->fixed) {
      rule.fixed_multiplier = (const void *)((const char *)rule.fixed_multiplier + first * sizeof(int32_t));
      rule.fixed_shift = (const void *)((const char *)rule.fixed_shift + first * sizeof(int32_t));
    } else if (rule.per_column) {
      rule.multiplier = (const void *)((const char *)rule.multiplier + first * sizeof(float));
    }
    (job->fixed ? job->kernels->requantize_fixed : job->kernels->requantize)(&block, &rule);
  }
}

static oct_status run_matrix(const char *entry, matrix_job *job, const oct_run *run) {
  int threads;
  oct_status status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_quantize_select(&job->kernels);
  if (status != OCT_OK || job->rows == 0 || job->columns == 0) return status;
  /* Rows without gaps and with one multiplier are one long row. */
  if (!job->rule.per_column && job->acc_stride == job->columns && job->q_stride == job->columns) {
    job->columns *= job->rows;
    job->rows = 1;
  }
  job->block_columns = job->columns < OCT_QUANTIZE_GRAIN ? job->columns : OCT_QUANTIZE_GRAIN;
  job->block_rows = oct_ceil_div(OCT_QUANTIZE_GRAIN, job->block_columns);
  if (job->block_rows > job->rows) job->block_rows = job->rows;
  job->column_blocks = oct_ceil_div(job->columns, job->block_columns);
  const size_t items = job->column_blocks * oct_ceil_div(job->rows, job->block_rows);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(items, job->rows * job->columns < OCT_QUANTIZE_FORK ? items : 1, threads, matrix_range, job);
  if (oct_verbose())
    oct_tell("%s rows=%zu columns=%zu kernel=%s %.1f us", entry + strlen("oct_"), job->rows, job->columns,
             job->kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

/* Names the first multiplier that is wrong; one is. */
static oct_status refuse_multiplier(const char *entry, const oct_requantization *r) {
  size_t i = 0;
  while (oct_all_positive_f32((const char *)r->multiplier + i * sizeof(float), 1)) i++;
  return oct_fail(OCT_INVALID_ARGUMENT,
                  "%s: multiplier[%zu] is %g, expected a positive finite number; check the scales", entry, i,
                  (double)oct_load_f32(r->multiplier, i));
}

oct_status oct_requantize(const int32_t *acc, size_t rows, size_t columns, size_t acc_stride,
                          const oct_requantization *requantization, void *q, size_t q_stride, const oct_run *run) {
  static const char entry[] = "oct_requantize";
  const oct_requantization *r = requantization;
  matrix_job job = {.acc = (const char *)acc,
                    .q = q,
                    .rows = rows,
                    .columns = columns,
                    .acc_stride = acc_stride,
                    .q_stride = q_stride};
  if (!r) return oct_fail(OCT_INVALID_ARGUMENT, "%s: requantization is null; pass an oct_requantization", entry);
  if (r->struct_size != sizeof *r)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: requantization->struct_size is %u, expected %zu; set it to its sizeof",
                    entry, (unsigned)r->struct_size, sizeof *r);
  oct_status status = check_range(entry, r->dtype, r->zero_point, r->clamp_min, r->clamp_max);
  if (status == OCT_OK) status = check_matrix(entry, &job);
  if (status == OCT_OK) status = check_count(entry, r->multiplier, r->multiplier_count, columns);
  if (status == OCT_OK && !oct_all_positive_f32(r->multiplier, r->multiplier_count))
    status = refuse_multiplier(entry, r);
  if (status != OCT_OK) return status;
  job.rule = (oct_requantize_rule){.multiplier = r->multiplier,
                                   .low = (float)(r->clamp_min - r->zero_point),
                                   .high = (float)(r->clamp_max - r->zero_point),
                                   .zero_point = r->zero_point,
                                   .per_column = r->multiplier_count > 1};
  return run_matrix(entry, &job, run);
}

/* Names the first multiplier or shift that is wrong; one is. */
static oct_status refuse_fixed(const char *entry, const oct_fixed_requantization *r) {
  for (size_t i = 0;; i++) {
    const int32_t m = oct_load_s32(r->multiplier, i), shift = oct_load_s32(r->shift, i);
    if (m < 1 << 30 || shift < -31 || shift > 30)
      return oct_fail(
          OCT_INVALID_ARGUMENT,
          "%s: multiplier[%zu] is %d and shift[%zu] is %d, expected 2^30 or more and -31..30; use oct_fixed_multiplier",
          entry, i, (int)m, i, (int)shift);
  }
}

oct_status oct_requantize_fixed(const int32_t *acc, size_t rows, size_t columns, size_t acc_stride,
                                const oct_fixed_requantization *requantization, void *q, size_t q_stride,
                                const oct_run *run) {
  static const char entry[] = "oct_requantize_fixed";
  const oct_fixed_requantization *r = requantization;
  matrix_job job = {.acc = (const char *)acc,
                    .q = q,
                    .rows = rows,
                    .columns = columns,
                    .acc_stride = acc_stride,
                    .q_stride = q_stride,
                    .fixed = true};
  if (!r) return oct_fail(OCT_INVALID_ARGUMENT, "%s: requantization is null; pass an oct_fixed_requantization", entry);
  if (r->struct_size != sizeof *r)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: requantization->struct_size is %u, expected %zu; set it to its sizeof",
                    entry, (unsigned)r->struct_size, sizeof *r);
  oct_status status = check_range(entry, r->dtype, r->zero_point, r->clamp_min, r->clamp_max);
  if (status == OCT_OK) status = check_matrix(entry, &job);
  if (status == OCT_OK) status = check_count(entry, r->multiplier, r->multiplier_count, columns);
  if (status == OCT_OK && !r->shift && r->multiplier_count > 0)
    status =
        oct_fail(OCT_INVALID_ARGUMENT, "%s: shift is null, expected one value per multiplier; pass an array", entry);
  if (status == OCT_OK && !(oct_all_within_s32(r->multiplier, r->multiplier_count, 1 << 30, INT32_MAX) &&
                            oct_all_within_s32(r->shift, r->multiplier_count, -31, 30)))
    status = refuse_fixed(entry, r);
  if (status != OCT_OK) return status;
  job.rule = (oct_requantize_rule){.fixed_multiplier = r->multiplier,
                                   .fixed_shift = r->shift,
                                   .fixed_low = r->clamp_min - r->zero_point,
                                   .fixed_high = r->clamp_max - r->zero_point,
                                   .zero_point = r->zero_point,
                                   .per_column = r->multiplier_count > 1};
  return run_matrix(entry, &job, run);
}

oct_status oct_fixed_multiplier(double real, int32_t *multiplier, int32_t *shift) {
  if (!multiplier || !shift)
    return oct_fail(OCT_INVALID_ARGUMENT, "oct_fixed_multiplier: %s is null; pass a place for the answer",
                    multiplier ? "shift" : "multiplier");
  if (!(real >= 0x1p-32 && real < 0x1p30))
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "oct_fixed_multiplier: real is %g, expected a number from 2^-32 to below 2^30; check the scales it "
                    "was made from",
                    real);
  int exponent;
  double scaled = rint(ldexp(frexp(real, &exponent), 31));
  if (scaled == 0x1p31 && exponent == 30) {
    scaled -= 1.0; /* the largest multiplier there is */
  } else if (scaled == 0x1p31) {
    scaled = 0x1p30;
    exponent++;
  }
  *multiplier = (int32_t)scaled;
  *shift = exponent;
  return OCT_OK;
}
