/* The entries of integer matrix multiplication: checks, packing for the selected kernel, and the loop over pieces of
 * work. */
#include "octet/gemm.h"

#include <string.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "gemm_job.h"
#include "gemm_rows.h"

static bool is_byte(oct_dtype dtype) { return dtype == OCT_U8 || dtype == OCT_S8; }

bool oct_gemm_extent_fits(size_t rows, ptrdiff_t row_stride, size_t columns, ptrdiff_t column_stride, size_t element) {
  size_t down = 0, across = 0, total;
  const size_t row_step = row_stride < 0 ? 0 - (size_t)row_stride : (size_t)row_stride;
  const size_t column_step = column_stride < 0 ? 0 - (size_t)column_stride : (size_t)column_stride;
  if (rows > 1 && !oct_multiply(rows - 1, row_step, &down)) return false;
  if (columns > 1 && !oct_multiply(columns - 1, column_step, &across)) return false;
  return oct_add(down, across, &total) && oct_multiply(total, element, &total) && total <= PTRDIFF_MAX - 64;
}

static oct_status check_weights(const char *entry, const oct_gemm_weights *weights) {
  if (!weights) return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights is null; pass an oct_gemm_weights", entry);
  if (weights->struct_size != sizeof *weights)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: weights->struct_size is %u, expected %zu; set it to sizeof(oct_gemm_weights)", entry,
                    (unsigned)weights->struct_size, sizeof *weights);
  if (!is_byte(weights->a_dtype) || !is_byte(weights->b_dtype))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights are %s for activations of %s, expected uint8 or int8 for both",
                    entry, oct_dtype_name(weights->b_dtype), oct_dtype_name(weights->a_dtype));
  return OCT_OK;
}

oct_status oct_gemm_packed_size_for(const oct_gemm_kernel *kernel, const oct_gemm_weights *weights, size_t *bytes) {
  const char *entry = "oct_gemm_packed_size";
  const oct_status status = check_weights(entry, weights);
  if (status != OCT_OK) return status;
  if (!bytes) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bytes is null; pass a place for the answer", entry);
  if (!oct_gemm_packed_bytes(kernel, weights->n, weights->k, 0, bytes))
    return oct_fail(OCT_OVERFLOW, "%s: weights of [%zu, %zu] take more bytes than an address reaches; check n and k",
                    entry, weights->n, weights->k);
  return OCT_OK;
}

oct_status oct_gemm_packed_size(const oct_gemm_weights *weights, size_t *bytes) {
  const oct_gemm_kernel *kernel;
  const oct_status status = oct_gemm_select(&kernel);
  return status == OCT_OK ? oct_gemm_packed_size_for(kernel, weights, bytes) : status;
}

oct_status oct_gemm_pack_for(const oct_gemm_kernel *kernel, const oct_gemm_weights *weights, void *packed,
                             size_t packed_size) {
  const char *entry = "oct_gemm_pack";
  size_t bytes = 0;
  oct_status status = oct_gemm_packed_size_for(kernel, weights, &bytes);
  if (status != OCT_OK) return status;
  if (!weights->b && weights->n > 0 && weights->k > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights->b is null, expected [%zu, %zu] elements", entry, weights->n,
                    weights->k);
  if (!oct_gemm_extent_fits(weights->n, weights->stride_n, weights->k, weights->stride_k, 1))
    return oct_fail(OCT_OVERFLOW,
                    "%s: [%zu, %zu] with strides %td and %td reaches beyond the address space; check the strides",
                    entry, weights->n, weights->k, weights->stride_n, weights->stride_k);
  status =
      oct_gemm_check_zero_points(entry, weights->b_dtype, weights->zero_point, weights->zero_point_count, weights->n);
  if (status != OCT_OK) return status;
  if (!packed) return oct_fail(OCT_INVALID_ARGUMENT, "%s: packed is null; pass %zu bytes", entry, bytes);
  if (!oct_aligned(packed))
    return oct_fail(OCT_MISALIGNED, "%s: packed is at %p, expected an address that is a multiple of %d", entry, packed,
                    OCT_ALIGNMENT);
  if (packed_size < bytes)
    return oct_fail(OCT_BUFFER_TOO_SMALL, "%s: packed_size is %zu, expected %zu; ask oct_gemm_packed_size", entry,
                    packed_size, bytes);
  const oct_gemm_source source = {
      .a_dtype = weights->a_dtype,
      .b_dtype = weights->b_dtype,
      .n = weights->n,
      .outer = {1, 1, 1},
      .k_inner = weights->k,
      .blocks = 1,
      .b = weights->b,
      .stride_n = weights->stride_n,
      .stride_inner = weights->stride_k,
      .zero_point = weights->zero_point,
      .zero_point_count = weights->zero_point_count,
  };
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_gemm_pack_source(kernel, &source, packed);
  if (oct_verbose())
    oct_tell("gemm pack n=%zu k=%zu %s for %s kernel=%s %.1f us", weights->n, weights->k,
             oct_dtype_name(weights->b_dtype), oct_dtype_name(weights->a_dtype), kernel->name, oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_gemm_pack(const oct_gemm_weights *weights, void *packed, size_t packed_size) {
  const oct_gemm_kernel *kernel;
  const oct_status status = oct_gemm_select(&kernel);
  return status == OCT_OK ? oct_gemm_pack_for(kernel, weights, packed, packed_size) : status;
}

const char *oct_gemm_kernel_name(const void *packed, size_t packed_size) {
  oct_gemm_packed view;
  return oct_gemm_open("oct_gemm_kernel_name", packed, packed_size, &view) == OCT_OK ? view.kernel->name : NULL;
}

/* Tiles of so many rows find room wherever these lie, and products of fewer columns are done before copies pay. Copied rows
 * meet all weights before the next block of rows does, which costs more than it saves when there are many. */
enum { FEW_ROWS = 8, MANY_ROWS = 512, MANY_COLUMNS = 512 };

/* True when rows could be used in place, but lie so that copies apart from each other soon pay: see oct_gemm_row_stride. */
static bool wants_copies(const oct_gemm_packed *packed, size_t m, ptrdiff_t a_stride) {
  const size_t stride = a_stride < 0 ? 0 - (size_t)a_stride : (size_t)a_stride, height = packed->kernel->mr;
  return m >= height && height > FEW_ROWS && m <= MANY_ROWS && packed->n >= MANY_COLUMNS &&
         oct_gemm_row_stride(packed->k) != packed->k && oct_gemm_row_stride(stride) != stride;
}

oct_status oct_gemm_workspace_size(const void *packed, size_t packed_size, size_t m, int threads, size_t *bytes) {
  const char *entry = "oct_gemm_workspace_size";
  oct_gemm_packed view;
  const oct_status status = oct_gemm_open(entry, packed, packed_size, &view);
  if (status != OCT_OK) return status;
  if (!bytes) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bytes is null; pass a place for the answer", entry);
  if (threads < 0) return oct_fail(OCT_INVALID_ARGUMENT, "%s: threads is %d, expected 0 (all) or more", entry, threads);
  const bool in_place = oct_gemm_takes_in_place(&view), copies = !in_place || wants_copies(&view, m, (ptrdiff_t)view.k);
  const size_t packs = copies ? oct_gemm_slice_bytes(&view, m, 1, true, threads) : 0;
  const size_t uses = in_place ? oct_gemm_slice_bytes(&view, m, 1, false, threads) : 0;
  *bytes = m == 0 || view.n == 0 ? 0 : oct_gemm_column_bytes(&view) + (packs > uses ? packs : uses);
  return OCT_OK;
}

static oct_status check_call(const char *entry, const oct_gemm_packed *packed, const oct_gemm_call *call) {
  if (!call) return oct_fail(OCT_INVALID_ARGUMENT, "%s: call is null; pass an oct_gemm_call", entry);
  if (call->struct_size != sizeof *call)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: call->struct_size is %u, expected %zu; set it to sizeof(oct_gemm_call)",
                    entry, (unsigned)call->struct_size, sizeof *call);
  const int32_t low = packed->a_dtype == OCT_U8 ? 0 : -128, high = packed->a_dtype == OCT_U8 ? 255 : 127;
  if (call->a_zero_point < low || call->a_zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: a_zero_point is %d, but %s holds %d..%d; pass a value it holds", entry,
                    (int)call->a_zero_point, oct_dtype_name(packed->a_dtype), (int)low, (int)high);
  const oct_status status = oct_output_check(entry, call->output, packed->n);
  if (status != OCT_OK) return status;
  if (call->m == 0 || packed->n == 0) return OCT_OK;
  if (!call->a && packed->k > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: a is null, expected [%zu, %zu] elements", entry, call->m, packed->k);
  if (!call->c)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: c is null, expected room for [%zu, %zu]", entry, call->m, packed->n);
  const size_t c_step = call->c_stride < 0 ? 0 - (size_t)call->c_stride : (size_t)call->c_stride;
  if (call->m > 1 && c_step < packed->n)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: c_stride is %td, but a row has %zu columns; rows must not overlap", entry,
                    call->c_stride, packed->n);
  if (!oct_gemm_extent_fits(call->m, call->a_stride, packed->k, 1, 1) ||
      !oct_gemm_extent_fits(call->m, call->c_stride, packed->n, 1, oct_dtype_size(call->output->dtype)))
    return oct_fail(OCT_OVERFLOW,
                    "%s: %zu rows with strides %td and %td reach beyond the address space; check m and the strides",
                    entry, call->m, call->a_stride, call->c_stride);
  return OCT_OK;
}

/* The rows of one block in the kernel's form: where they lie, or packed into the worker's slice unless they are there
 * already. */
static oct_gemm_rows block_rows(const oct_gemm_job *job, size_t block, char *slice) {
  const oct_gemm_packed *packed = &job->packed;
  const oct_gemm_span span = oct_gemm_block_span(&job->plan, job->m, block);
  const char *a = (const char *)job->a + (ptrdiff_t)span.first * job->a_stride;
  int64_t *row_sum = packed->has_zero ? oct_gemm_slice_row_sums(slice) : NULL;
  const bool fresh = slice && *oct_gemm_slice_mark(slice) != block;
  if (fresh) *oct_gemm_slice_mark(slice) = block;
  oct_gemm_rows rows = {.count = span.count, .row_sum = row_sum};
  if (!job->packs_rows) {
    rows.a = a;
    rows.stride = job->a_stride;
    rows.k_tail = packed->k % packed->kernel->k_group;
    if (fresh && row_sum)
      for (size_t r = 0; r < rows.count; r++)
        row_sum[r] = oct_gemm_row_sum(packed->kernel->form, a + (ptrdiff_t)r * job->a_stride, packed->k);
    return rows;
  }
  void *panel = slice + job->plan.panel_offset;
  if (fresh) oct_gemm_pack_rows(packed, a, job->a_stride, rows.count, panel, slice + job->plan.scratch_offset, row_sum);
  rows.a = panel;
  rows.stride = (ptrdiff_t)(oct_gemm_row_pitch(packed) * packed->kernel->row_group);
  return rows;
}

/* Pieces begin..<end. Where rows are used in place, a block of panels meets all rows before the next one; packed rows
 * meet all panels. A block of panels that no other piece has fills its columns' arrays itself. */
static void run_pieces(void *context, size_t begin, size_t end, int worker) {
  const oct_gemm_job *job = context;
  const oct_gemm_plan *plan = &job->plan;
  const size_t nr = job->packed.kernel->nr, panels = job->packed.columns / nr;
  const ptrdiff_t c_stride = job->c_stride * (ptrdiff_t)oct_dtype_size(job->prepared.stage.dtype);
  char *slice = plan->slice > 0 ? job->slices + (size_t)worker * plan->slice : NULL;
  for (size_t piece = begin; piece < end; piece++) {
    const size_t block = job->packs_rows ? piece / plan->panel_blocks : piece % plan->row_blocks;
    const size_t group = job->packs_rows ? piece % plan->panel_blocks : piece / plan->row_blocks;
    const oct_gemm_rows rows = block_rows(job, block, slice);
    const ptrdiff_t first = (ptrdiff_t)oct_gemm_block_span(plan, job->m, block).first;
    const size_t panel = oct_gemm_part(panels, plan->panel_blocks, group);
    const size_t panel_end = oct_gemm_part(panels, plan->panel_blocks, group + 1);
    if (plan->row_blocks == 1) oct_gemm_fill_columns(&job->prepared, panel * nr, panel_end * nr);
    oct_gemm_run_block(&job->prepared, &rows, panel, panel_end, (char *)job->c + first * c_stride, c_stride);
  }
}

size_t oct_gemm_job_bytes(const oct_gemm_job *job) {
  return oct_gemm_column_bytes(&job->packed) + (size_t)job->plan.threads * job->plan.slice;
}

void oct_gemm_plan_job(oct_gemm_job *job, size_t m, ptrdiff_t a_stride, int threads) {
  job->m = m;
  job->packs_rows = !oct_gemm_takes_in_place(&job->packed) || wants_copies(&job->packed, m, a_stride);
  job->plan = oct_gemm_make_plan(&job->packed, m, 1, job->packs_rows, threads);
}

void oct_gemm_run_job(oct_gemm_job *job, void *workspace) {
  job->prepared.packed = &job->packed;
  if (job->plan.row_blocks > 1) oct_gemm_fill_columns(&job->prepared, 0, job->packed.columns);
  job->slices = (char *)workspace + oct_gemm_column_bytes(&job->packed);
  for (int worker = 0; job->plan.slice > 0 && worker < job->plan.threads; worker++)
    *oct_gemm_slice_mark(job->slices + (size_t)worker * job->plan.slice) = OCT_GEMM_NO_BLOCK;
  oct_parallel_for(job->plan.row_blocks * job->plan.panel_blocks, 1, job->plan.threads, run_pieces, job);
}

oct_status oct_gemm(const void *packed, size_t packed_size, const oct_gemm_call *call, const oct_run *run) {
  const char *entry = "oct_gemm";
  oct_gemm_job job;
  void *workspace;
  oct_status status = oct_gemm_open(entry, packed, packed_size, &job.packed);
  if (status == OCT_OK) status = check_call(entry, &job.packed, call);
  int threads = 0;
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status != OCT_OK) return status;
  if (call->m == 0 || job.packed.n == 0) return OCT_OK;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_gemm_plan_job(&job, call->m, call->a_stride, threads);
  status = oct_run_workspace(entry, run, oct_gemm_job_bytes(&job), &workspace);
  if (status != OCT_OK) return status;
  job.a = job.packed.k > 0 ? call->a : packed;
  job.a_stride = job.packed.k > 0 ? call->a_stride : 0;
  job.c = call->c;
  job.c_stride = call->c_stride;
  job.prepared = oct_gemm_lay_out(&job.packed, call->a_zero_point, call->output, 0, workspace);
  oct_gemm_run_job(&job, workspace);
  if (oct_verbose())
    oct_tell("gemm m=%zu n=%zu k=%zu %s x %s -> %s kernel=%s threads=%d%s %.1f us", call->m, job.packed.n, job.packed.k,
             oct_dtype_name(job.packed.a_dtype), oct_dtype_name(job.packed.b_dtype),
             oct_dtype_name(call->output->dtype), job.packed.kernel->name, job.plan.threads,
             job.prepared.wide ? " wide" : "", oct_clock_us() - start);
  return OCT_OK;
}
