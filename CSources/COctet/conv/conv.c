/* The entries of convolution: checks, and the loop over pieces of work on the tiles of GEMM.
 *
 * A convolution is one product for each index, [pixels, taps * channels] by [channels out, taps * channels]. Blocks of
 * pixels are packed by the worker that multiplies them and meet all panels of weights before they are left.
 * Convolutions of one tap without stride and padding use x where it lies when the kernel takes it so. Depthwise
 * convolutions go to kernels of their own. */
#include "octet/conv.h"

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "conv_packed.h"
#include "conv_panel.h"
#include "depthwise/depthwise.h"
#include "gemm/gemm_rows.h"
#include "gemm/gemm_run.h"

oct_status oct_conv_output_size(const oct_conv_weights *weights, const size_t in[], size_t out[]) {
  const char *entry = "oct_conv_output_size";
  oct_conv_geometry geometry;
  const oct_status status = oct_conv_check_geometry(entry, weights, &geometry);
  if (status != OCT_OK) return status;
  if (!in || !out)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass %u sizes", entry, in ? "out" : "in",
                    (unsigned)weights->rank);
  const uint32_t lacking = OCT_CONV_MAX_RANK - weights->rank;
  size_t in3[OCT_CONV_MAX_RANK] = {1, 1, 1}, out3[OCT_CONV_MAX_RANK];
  for (uint32_t d = 0; d < weights->rank; d++) in3[lacking + d] = in[d];
  const oct_status sized = oct_conv_out_size(entry, &geometry, in3, out3);
  for (uint32_t d = 0; sized == OCT_OK && d < weights->rank; d++) out[d] = out3[lacking + d];
  return sized;
}

const char *oct_conv_kernel_name(const void *packed, size_t packed_size) {
  const char *entry = "oct_conv_kernel_name";
  oct_conv_packed view;
  oct_gemm_packed product;
  if (oct_conv_open(entry, packed, packed_size, &view) != OCT_OK) return NULL;
  if (view.depthwise) return oct_depthwise_kernel_name(view.blocks, view.block_bytes);
  return oct_conv_product(entry, &view, 0, &product) == OCT_OK ? product.kernel->name : NULL;
}

/* One tap that reads each pixel once, in order. */
static bool is_pointwise(const oct_conv_geometry *geometry) {
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++)
    if (geometry->kernel[d] != 1 || geometry->stride[d] != 1 || geometry->padding_begin[d] != 0 ||
        geometry->padding_end[d] != 0)
      return false;
  return true;
}

/* A product as a run sees it. */
typedef struct conv_product {
  oct_gemm_packed packed;
  oct_gemm_prepared prepared;
} conv_product;

typedef struct conv_job {
  const oct_conv_call *call;
  oct_conv_packed conv;
  oct_conv_input input;
  oct_gemm_packed first; /* product 0: all have the same sizes */
  size_t m;              /* output pixels of the whole batch */
  bool pointwise;        /* rows are the pixels of x in order */
  bool packs_rows;
  bool any_zero; /* some weights have zero points, so workers keep row sums */
  oct_gemm_plan plan;
  conv_product *products;
  char *slices;
} conv_job;

/* Sizes of x and y, and the number of rows. */
static oct_status size_job(const char *entry, conv_job *job) {
  const oct_conv_call *call = job->call;
  const oct_conv_geometry *geometry = &job->conv.geometry;
  const uint32_t lacking = OCT_CONV_MAX_RANK - geometry->rank;
  oct_conv_input *input = &job->input;
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++) input->in[d] = d < lacking ? 1 : call->in[d - lacking];
  if (call->batch == 0) return OCT_OK;
  const oct_status status = oct_conv_out_size(entry, geometry, input->in, input->out);
  if (status != OCT_OK) return status;
  size_t in_pixels = call->batch;
  input->out_pixels = 1;
  bool fits = true;
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++)
    fits = fits && oct_multiply(in_pixels, input->in[d], &in_pixels) &&
           oct_multiply(input->out_pixels, input->out[d], &input->out_pixels);
  size_t elements;
  const size_t steps[] = {call->x_stride < 0 ? 0 - (size_t)call->x_stride : (size_t)call->x_stride,
                          call->y_stride < 0 ? 0 - (size_t)call->y_stride : (size_t)call->y_stride};
  fits = fits && oct_multiply(input->out_pixels, call->batch, &job->m) &&
         oct_multiply(in_pixels, steps[0], &elements) && elements <= PTRDIFF_MAX &&
         oct_multiply(job->m, steps[1], &elements) && elements <= PTRDIFF_MAX / 4;
  if (!fits)
    return oct_fail(OCT_OVERFLOW,
                    "%s: a batch of %zu with strides %td and %td reaches beyond the address space; check the sizes",
                    entry, call->batch, call->x_stride, call->y_stride);
  input->x_elements = (in_pixels - 1) * steps[0] + (size_t)geometry->in_channels;
  return OCT_OK;
}

/* Opens the weights and sizes everything that doesn't depend on pointers. */
static oct_status open_job(const char *entry, const void *packed, size_t packed_size, const oct_conv_call *call,
                           conv_job *job) {
  oct_status status = oct_conv_open(entry, packed, packed_size, &job->conv);
  if (status != OCT_OK) return status;
  if (!call) return oct_fail(OCT_INVALID_ARGUMENT, "%s: call is null; pass an oct_conv_call", entry);
  if (call->struct_size != sizeof *call)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: call->struct_size is %u, expected %zu; set it to sizeof(oct_conv_call)",
                    entry, (unsigned)call->struct_size, sizeof *call);
  job->call = call;
  status = size_job(entry, job);
  if (job->conv.depthwise) return status;
  if (status == OCT_OK) status = oct_conv_product(entry, &job->conv, 0, &job->first);
  if (status != OCT_OK) return status;
  job->pointwise = is_pointwise(&job->conv.geometry);
  job->packs_rows = !(job->pointwise && oct_gemm_takes_in_place(&job->first));
  for (size_t index = 0; index < job->conv.products && !job->any_zero; index++) {
    oct_gemm_packed product;
    status = oct_conv_product(entry, &job->conv, index, &product);
    if (status != OCT_OK) return status;
    job->any_zero = product.has_zero;
  }
  job->first.has_zero = job->any_zero;
  return OCT_OK;
}

static size_t product_bytes(const conv_job *job) {
  return oct_round_up(job->conv.products * sizeof(conv_product), OCT_ALIGNMENT) +
         job->conv.products * oct_gemm_column_bytes(&job->first);
}

oct_status oct_conv_workspace_size(const void *packed, size_t packed_size, const oct_conv_call *call, int threads,
                                   size_t *bytes) {
  const char *entry = "oct_conv_workspace_size";
  conv_job job = {.m = 0};
  const oct_status status = open_job(entry, packed, packed_size, call, &job);
  if (status != OCT_OK) return status;
  if (!bytes) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bytes is null; pass a place for the answer", entry);
  if (threads < 0) return oct_fail(OCT_INVALID_ARGUMENT, "%s: threads is %d, expected 0 (all) or more", entry, threads);
  *bytes = 0;
  if (call->batch == 0) return OCT_OK;
  if (job.conv.depthwise)
    return oct_depthwise_workspace_size(job.conv.blocks, job.conv.block_bytes, call, threads, bytes);
  const size_t products = job.conv.products;
  *bytes = product_bytes(&job) + oct_gemm_slice_bytes(&job.first, job.m, products, job.packs_rows, threads);
  return OCT_OK;
}

/* The part of a call that only a run reads. */
static oct_status check_call(const char *entry, const conv_job *job) {
  const oct_conv_call *call = job->call;
  const oct_dtype dtype = (oct_dtype)job->conv.geometry.x_dtype;
  const int32_t low = dtype == OCT_U8 ? 0 : -128, high = dtype == OCT_U8 ? 255 : 127;
  if (call->x_zero_point < low || call->x_zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: x_zero_point is %d, but %s holds %d..%d; pass a value it holds", entry,
                    (int)call->x_zero_point, oct_dtype_name(dtype), (int)low, (int)high);
  const size_t in_channels = (size_t)job->conv.geometry.in_channels,
               out_channels = (size_t)job->conv.geometry.out_channels;
  const oct_status status = oct_output_check(entry, call->output, out_channels);
  if (status != OCT_OK || call->batch == 0) return status;
  if (!call->x || !call->y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass the %s", entry, call->x ? "y" : "x",
                    call->x ? "output" : "input");
  if (call->x_stride < (ptrdiff_t)in_channels)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: x_stride is %td, but a pixel has %zu channels; pass at least that", entry,
                    call->x_stride, in_channels);
  if (call->y_stride < (ptrdiff_t)out_channels)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: y_stride is %td, but a pixel has %zu channels; pass at least that", entry,
                    call->y_stride, out_channels);
  return OCT_OK;
}

/* The rows of one block for one product in the kernel's form: where they lie, or packed into the worker's slice unless
 * they are there already. */
static oct_gemm_rows block_rows(const conv_job *job, size_t index, size_t block, char *slice) {
  const oct_gemm_packed *product = &job->products[index].packed;
  const size_t first = block * job->plan.row_block, left = job->m - first, mark = index * job->plan.row_blocks + block;
  int64_t *row_sum = product->has_zero ? oct_gemm_slice_row_sums(slice) : NULL;
  const bool fresh = slice && *oct_gemm_slice_mark(slice) != mark;
  if (fresh) *oct_gemm_slice_mark(slice) = mark;
  oct_gemm_rows rows = {.count = left < job->plan.row_block ? left : job->plan.row_block, .row_sum = row_sum};
  const ptrdiff_t x_stride = job->input.x_stride;
  const uint8_t *pixels = job->input.x + (ptrdiff_t)(index * job->conv.in); /* the rows of a pointwise convolution */
  if (job->pointwise) pixels += (ptrdiff_t)first * x_stride;
  if (!job->packs_rows) {
    rows.a = pixels;
    rows.stride = x_stride;
    rows.k_tail = product->k % product->kernel->k_group;
    if (fresh && row_sum)
      for (size_t r = 0; r < rows.count; r++)
        row_sum[r] = oct_gemm_row_sum(product->kernel->form, pixels + (ptrdiff_t)r * x_stride, product->k);
    return rows;
  }
  void *panel = slice + job->plan.panel_offset, *scratch = slice + job->plan.scratch_offset;
  if (fresh && job->pointwise)
    oct_gemm_pack_rows(product, pixels, x_stride, rows.count, panel, scratch, row_sum);
  else if (fresh)
    oct_conv_pack_panel(&job->conv, product, &job->input, index, first, rows.count, job->products[index].prepared.zero,
                        panel, scratch, row_sum);
  rows.a = panel;
  rows.stride = (ptrdiff_t)(oct_gemm_row_bytes(product) * product->kernel->row_group);
  return rows;
}

/* Pieces begin..<end: product by product, blocks of pixels, blocks of panels. */
static void run_pieces(void *context, size_t begin, size_t end, int worker) {
  const conv_job *job = context;
  const oct_gemm_plan *plan = &job->plan;
  const ptrdiff_t size = (ptrdiff_t)oct_dtype_size(job->call->output->dtype);
  const size_t panels = job->first.columns / job->first.kernel->nr;
  char *slice = plan->slice > 0 ? job->slices + (size_t)worker * plan->slice : NULL;
  for (size_t piece = begin; piece < end; piece++) {
    const size_t panel = piece % plan->panel_blocks * plan->panel_block, panels_left = panels - panel;
    const size_t block = piece / plan->panel_blocks % plan->row_blocks;
    const size_t index = piece / plan->panel_blocks / plan->row_blocks;
    const oct_gemm_rows rows = block_rows(job, index, block, slice);
    const ptrdiff_t first = (ptrdiff_t)(block * plan->row_block);
    const ptrdiff_t offset = first * job->call->y_stride + (ptrdiff_t)(index * job->conv.out);
    oct_gemm_run_block(&job->products[index].prepared, &rows, panel,
                       panel + (panels_left < plan->panel_block ? panels_left : plan->panel_block),
                       (char *)job->call->y + offset * size, job->call->y_stride * size);
  }
}

/* Lays the products' arrays and the workers' slices into the workspace. */
static oct_status prepare_products(const char *entry, conv_job *job, void *workspace) {
  const size_t products = job->conv.products;
  job->products = workspace;
  char *columns = (char *)workspace + oct_round_up(products * sizeof(conv_product), OCT_ALIGNMENT);
  for (size_t index = 0; index < products; index++) {
    conv_product *place = &job->products[index];
    const oct_status status = oct_conv_product(entry, &job->conv, index, &place->packed);
    if (status != OCT_OK) return status;
    place->prepared = oct_gemm_prepare(&place->packed, job->call->x_zero_point, job->call->output,
                                       index * job->conv.out, columns + index * oct_gemm_column_bytes(&job->first));
  }
  job->slices = (char *)workspace + product_bytes(job);
  for (int worker = 0; job->plan.slice > 0 && worker < job->plan.threads; worker++)
    *oct_gemm_slice_mark(job->slices + (size_t)worker * job->plan.slice) = OCT_GEMM_NO_BLOCK;
  return OCT_OK;
}

static void tell(const conv_job *job, const char *kernel, const char *how, double microseconds) {
  const oct_conv_geometry *geometry = &job->conv.geometry;
  const size_t *in = job->input.in, *out = job->input.out;
  oct_tell(
      "conv batch=%zu in=%zux%zux%zu out=%zux%zux%zu channels=%zu->%zu groups=%zu %s x %s -> %s kernel=%s%s %.1f us",
      job->call->batch, in[0], in[1], in[2], out[0], out[1], out[2], (size_t)geometry->in_channels,
      (size_t)geometry->out_channels, (size_t)geometry->groups, oct_dtype_name((oct_dtype)geometry->x_dtype),
      oct_dtype_name((oct_dtype)geometry->w_dtype), oct_dtype_name(job->call->output->dtype), kernel, how,
      microseconds);
}

static oct_status run_depthwise(const conv_job *job, const oct_run *run) {
  const double start = oct_verbose() ? oct_clock_us() : 0;
  const oct_conv_packed *conv = &job->conv;
  const oct_status status = oct_depthwise_run(conv->blocks, conv->block_bytes, job->call, run);
  if (status == OCT_OK && oct_verbose())
    tell(job, oct_depthwise_kernel_name(conv->blocks, conv->block_bytes), "", oct_clock_us() - start);
  return status;
}

static oct_status run_products(const char *entry, conv_job *job, const oct_run *run, int threads) {
  const double start = oct_verbose() ? oct_clock_us() : 0;
  const size_t products = job->conv.products;
  void *workspace = NULL;
  job->plan = oct_gemm_make_plan(&job->first, job->m, products, job->packs_rows, threads);
  oct_status status =
      oct_run_workspace(entry, run, product_bytes(job) + (size_t)job->plan.threads * job->plan.slice, &workspace);
  if (status == OCT_OK) status = prepare_products(entry, job, workspace);
  if (status != OCT_OK) return status;
  oct_parallel_for(products * job->plan.row_blocks * job->plan.panel_blocks, 1, job->plan.threads, run_pieces, job);
  if (oct_verbose()) tell(job, job->first.kernel->name, job->packs_rows ? "" : " in place", oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_conv(const void *packed, size_t packed_size, const oct_conv_call *call, const oct_run *run) {
  const char *entry = "oct_conv";
  conv_job job = {.m = 0};
  int threads = 0;
  oct_status status = open_job(entry, packed, packed_size, call, &job);
  if (status == OCT_OK) status = check_call(entry, &job);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status != OCT_OK || call->batch == 0) return status;
  job.input.x = call->x;
  job.input.x_stride = call->x_stride;
  return job.conv.depthwise ? run_depthwise(&job, run) : run_products(entry, &job, run, threads);
}
