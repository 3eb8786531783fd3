/* A linear layer between real numbers: the extremes of the input, its quantization, and the product.
 *
 * The first two are passes over x at the speed of the memory it lies in. Threads take the same rows in both, so that the
 * second finds them in its core's cache. With one row, x is short and the weights are all there is to read: what
 * counts then is how little else is done. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/align.h"
#include "base/range.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "gemm_job.h"
#include "gemm_rows.h"
#include "observe/kernels.h"
#include "quantize/kernels.h"
#include "quantize/quantize.h"

OCT_FP_STRICT

/* Parts of the rows, which have results of their own on the stack, and elements that are worth a part. */
enum { MOST_PARTS = 64, PART_ELEMENTS = 1 << 14 };

typedef struct input {
  const char *x;
  size_t rows, k, part_rows;
  ptrdiff_t stride; /* bytes */
  const oct_observe_kernels *observe;
  const oct_quantize_kernels *quantize;
  oct_quantize_rule rule;
  char *q; /* [rows, k], q_stride bytes from row to row */
  size_t q_stride;
  oct_reach reach[MOST_PARTS];
} input;

static bool is_dense(const input *in) { return in->rows == 1 || in->stride == (ptrdiff_t)(in->k * sizeof(float)); }

/* Rows of part `part`: how many, from which on. */
static size_t rows_of(const input *in, size_t part, size_t *first) {
  *first = part * in->part_rows;
  return in->rows - *first < in->part_rows ? in->rows - *first : in->part_rows;
}

static void observe_parts(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  input *in = context;
  for (size_t part = begin; part < end; part++) {
    size_t first;
    const size_t rows = rows_of(in, part, &first);
    const char *x = in->x + (ptrdiff_t)first * in->stride;
    const size_t runs = is_dense(in) ? 1 : rows, run = is_dense(in) ? rows * in->k : in->k;
    oct_reach reach = {INFINITY, -INFINITY, 0};
    for (size_t r = 0; r < runs; r++, x += in->stride) in->observe->reach((const float *)(const void *)x, run, &reach);
    in->reach[part] = reach;
  }
}

static void quantize_parts(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const input *in = context;
  for (size_t part = begin; part < end; part++) {
    size_t first;
    const size_t rows = rows_of(in, part, &first);
    const char *x = in->x + (ptrdiff_t)first * in->stride;
    char *q = in->q + first * in->q_stride;
    const bool dense = is_dense(in) && in->q_stride == in->k;
    const size_t runs = dense ? 1 : rows, run = dense ? rows * in->k : in->k;
    for (size_t r = 0; r < runs; r++, x += in->stride, q += in->q_stride)
      in->quantize->quantize_byte(x, run, &in->rule, q);
  }
}

static oct_status refuse_nonfinite(const char *entry, const input *in) {
  for (size_t r = 0; r < in->rows; r++)
    for (size_t i = 0; i < in->k; i++) {
      const float value = oct_load_f32(in->x + (ptrdiff_t)r * in->stride, i);
      if (!isfinite(value))
        return oct_fail(OCT_INVALID_ARGUMENT,
                        "%s: x[%zu, %zu] is %g, expected finite values; look for the layer that produces it", entry, r,
                        i, (double)value);
    }
  return OCT_OK;
}

/* Finds the range of x and turns it into uint8. */
static oct_status quantize_input(const char *entry, input *in, bool reduce_range, int threads, double *scale,
                                 int32_t *zero_point) {
  const size_t part_rows = in->k >= PART_ELEMENTS ? 1 : PART_ELEMENTS / (in->k > 0 ? in->k : 1);
  const size_t least_rows = oct_ceil_div(in->rows, MOST_PARTS);
  in->part_rows = part_rows > least_rows ? part_rows : least_rows;
  const size_t parts = oct_ceil_div(in->rows, in->part_rows);
  oct_parallel_for(parts, 1, threads, observe_parts, in);
  oct_reach all = in->reach[0];
  for (size_t part = 1; part < parts; part++) {
    all.low = in->reach[part].low < all.low ? in->reach[part].low : all.low;
    all.high = in->reach[part].high > all.high ? in->reach[part].high : all.high;
    all.top = in->reach[part].top > all.top ? in->reach[part].top : all.top;
  }
  if (all.top >= OCT_INFINITY_BITS) return refuse_nonfinite(entry, in);
  if (in->k == 0) all.low = all.high = 0.0f;
  const oct_status status =
      oct_choose_quantization(all.low, all.high, 0, reduce_range ? 127 : 255, false, scale, zero_point);
  if (status != OCT_OK) return status;
  in->rule = (oct_quantize_rule){.inverse = 1.0f / (float)*scale,
                                 .add = -0.0f, /* changes no product, not even -0 */
                                 .low = (float)-*zero_point,
                                 .high = (float)(255 - *zero_point),
                                 .zero_point = *zero_point};
  oct_parallel_for(parts, 1, threads, quantize_parts, in);
  return OCT_OK;
}

/* Refuses weights that don't fit the call, and what the call says by itself. */
static oct_status check_call(const char *entry, const oct_gemm_packed *packed, const oct_gemm_dynamic_call *call) {
  if (!call) return oct_fail(OCT_INVALID_ARGUMENT, "%s: call is null; pass an oct_gemm_dynamic_call", entry);
  if (call->struct_size != sizeof *call)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: call->struct_size is %u, expected %zu; set it to sizeof(oct_gemm_dynamic_call)", entry,
                    (unsigned)call->struct_size, sizeof *call);
  if (packed->a_dtype != OCT_U8)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: the weights were packed for activations of %s, expected %s; pack them so",
                    entry, oct_dtype_name(packed->a_dtype), oct_dtype_name(OCT_U8));
  if (!call->b_scale)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: b_scale is null; pass the scale of the weights", entry);
  if (call->b_scale_count != 1 && call->b_scale_count != packed->n)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: b_scale_count is %zu, expected 1 or the %zu output columns", entry,
                    call->b_scale_count, packed->n);
  if (call->m == 0 || packed->n == 0) return OCT_OK;
  if (!call->x && packed->k > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: x is null, expected [%zu, %zu] elements", entry, call->m, packed->k);
  if (!call->y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y is null, expected room for [%zu, %zu]", entry, call->m, packed->n);
  const size_t y_step = call->y_stride < 0 ? 0 - (size_t)call->y_stride : (size_t)call->y_stride;
  if (call->m > 1 && y_step < packed->n)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: y_stride is %td, but a row has %zu columns; rows must not overlap", entry,
                    call->y_stride, packed->n);
  size_t q;
  if (!oct_gemm_extent_fits(call->m, call->x_stride, packed->k, 1, sizeof(float)) ||
      !oct_gemm_extent_fits(call->m, call->y_stride, packed->n, 1, sizeof(float)) ||
      !oct_multiply(call->m, oct_gemm_row_stride(packed->k), &q) || q > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW,
                    "%s: %zu rows with strides %td and %td reach beyond the address space; check m and the strides",
                    entry, call->m, call->x_stride, call->y_stride);
  return OCT_OK;
}

/* Refuses scales of the weights that the input's scale doesn't turn into positive finite multipliers. Positive floats are
 * ordered as their bits are, and products as their factors, so that nearly always a look at the bits will do. */
static oct_status check_scales(const char *entry, const oct_gemm_dynamic_call *call, float scale) {
  const float small = 1e-37f / scale, large = 1e+37f / scale;
  const float ends[] = {small < FLT_MIN ? FLT_MIN : small, large > FLT_MAX ? FLT_MAX : large};
  int32_t bits[2];
  memcpy(bits, ends, sizeof bits);
  if (oct_all_within_s32(call->b_scale, call->b_scale_count, bits[0], bits[1])) return OCT_OK;
  size_t n = 0;
  while (n < call->b_scale_count && call->b_scale[n] * scale > 0.0f && isfinite(call->b_scale[n] * scale)) n++;
  if (n == call->b_scale_count) return OCT_OK;
  return oct_fail(OCT_INVALID_ARGUMENT,
                  "%s: b_scale[%zu] times the input's scale, %g, is %g, expected a positive finite number; check the "
                  "weights' scales",
                  entry, n, (double)scale, (double)(call->b_scale[n] * scale));
}

oct_status oct_gemm_dynamic_workspace_size(const void *packed, size_t packed_size, size_t m, int threads,
                                           size_t *bytes) {
  const char *entry = "oct_gemm_dynamic_workspace_size";
  oct_gemm_packed view;
  oct_status status = oct_gemm_open(entry, packed, packed_size, &view);
  if (status == OCT_OK) status = oct_gemm_workspace_size(packed, packed_size, m, threads, bytes);
  if (status != OCT_OK || m == 0 || view.n == 0) return status;
  size_t q;
  if (!oct_multiply(m, oct_gemm_row_stride(view.k), &q) || q > PTRDIFF_MAX / sizeof(float) ||
      !oct_add(*bytes, oct_round_up(q, OCT_ALIGNMENT), bytes))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu are more than memory can hold; check m", entry, m, view.k);
  return OCT_OK;
}

oct_status oct_gemm_dynamic(const void *packed, size_t packed_size, const oct_gemm_dynamic_call *call,
                            const oct_run *run) {
  const char *entry = "oct_gemm_dynamic";
  oct_gemm_job job;
  input in;
  void *workspace;
  int threads = 0;
  oct_status status = oct_gemm_open(entry, packed, packed_size, &job.packed);
  if (status == OCT_OK) status = check_call(entry, &job.packed, call);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_observe_select(&in.observe);
  if (status == OCT_OK) status = oct_quantize_select(&in.quantize);
  if (status != OCT_OK || call->m == 0 || job.packed.n == 0) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  const size_t q_stride = oct_gemm_row_stride(job.packed.k);
  oct_gemm_plan_job(&job, call->m, (ptrdiff_t)q_stride, threads);
  const size_t job_bytes = oct_gemm_job_bytes(&job), q_bytes = oct_round_up(call->m * q_stride, OCT_ALIGNMENT);
  status = oct_run_workspace(entry, run, job_bytes + q_bytes, &workspace);
  if (status != OCT_OK) return status;
  in.x = job.packed.k > 0 ? (const char *)call->x : packed;
  in.rows = call->m;
  in.k = job.packed.k;
  in.stride = in.k > 0 ? call->x_stride * (ptrdiff_t)sizeof(float) : 0;
  in.q = (char *)workspace + job_bytes;
  in.q_stride = q_stride;
  double scale;
  int32_t zero_point;
  status = quantize_input(entry, &in, call->reduce_range, threads, &scale, &zero_point);
  if (status != OCT_OK) return status;
  const oct_output output = {.struct_size = sizeof output,
                             .dtype = OCT_F32,
                             .multiplier = call->b_scale,
                             .multiplier_count = call->b_scale_count,
                             .bias_f32 = call->bias,
                             .real_min = call->relu ? 0.0f : -INFINITY,
                             .real_max = INFINITY};
  status = check_scales(entry, call, (float)scale);
  if (status != OCT_OK) return status;
  job.prepared = oct_gemm_lay_out(&job.packed, zero_point, &output, 0, workspace);
  job.prepared.scale = (float)scale;
  job.a = in.q;
  job.a_stride = (ptrdiff_t)in.q_stride;
  job.c = call->y;
  job.c_stride = call->y_stride;
  oct_gemm_run_job(&job, workspace);
  if (oct_verbose())
    oct_tell("dynamic gemm m=%zu n=%zu k=%zu %s kernel=%s threads=%d%s %.1f us", call->m, job.packed.n, job.packed.k,
             oct_dtype_name(job.packed.b_dtype), job.packed.kernel->name, job.plan.threads,
             job.prepared.wide ? " wide" : "", oct_clock_us() - start);
  return OCT_OK;
}
