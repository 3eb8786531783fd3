/* The entries of convolution: checks, and the loop over pieces of work on the tiles of GEMM.
 *
 * A phase of a convolution is one product for each index, [pixels, taps * channels] by [channels out, taps * channels];
 * plain convolutions have one phase, transposed ones several, whose pieces run together. Blocks of pixels are packed by the worker that multiplies them and meet all panels of weights before they are left.
 * Convolutions of one tap without stride and padding use x where it lies when the kernel takes it so. Depthwise
 * convolutions go to kernels of their own. */
#include "octet/conv.h"

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "conv_packed.h"
#include "conv_panel.h"
#include "conv_strip.h"
#include "depthwise/depthwise.h"
#include "gemm/gemm_plan.h"
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
  const oct_conv_phase phase = oct_conv_phase_at(&view.geometry, 0);
  return oct_conv_product(entry, &view, &phase, 0, NULL, &product) == OCT_OK ? product.kernel->name : NULL;
}

/* A product as a run sees it. */
typedef struct conv_product {
  oct_gemm_packed packed;
  oct_gemm_prepared prepared;
} conv_product;

/* A phase as a run sees it. */
typedef struct conv_pass {
  oct_conv_phase phase;
  size_t m;       /* output pixels of the whole batch */
  bool pointwise; /* rows are the pixels of x in order */
  bool packs_rows;
  oct_conv_strip strip; /* with lines: rows are windows of strips, and blocks are whole lines */
  oct_gemm_plan plan;
  size_t first_piece, pieces; /* pieces of the passes before it, and its own */
  size_t first_mark;          /* its blocks are told apart by this and the following numbers */
  conv_product *products;
} conv_pass;

typedef struct conv_job {
  const oct_conv_call *call;
  oct_conv_packed conv;
  oct_conv_input input;
  size_t out[OCT_CONV_MAX_RANK];
  oct_gemm_packed first; /* the first product of the first phase */
  conv_pass *passes;
  size_t pass_count; /* those with taps */
  char *slices;
  size_t slice; /* bytes of one */
} conv_job;

/* Sizes of x and y, and the number of rows. */
static oct_status size_job(const char *entry, conv_job *job) {
  const oct_conv_call *call = job->call;
  const oct_conv_geometry *geometry = &job->conv.geometry;
  const uint32_t lacking = OCT_CONV_MAX_RANK - geometry->rank;
  oct_conv_input *input = &job->input;
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++) input->in[d] = d < lacking ? 1 : call->in[d - lacking];
  if (call->batch == 0) return OCT_OK;
  const oct_status status = oct_conv_out_size(entry, geometry, input->in, job->out);
  if (status != OCT_OK) return status;
  size_t in_pixels = call->batch, out_pixels = call->batch;
  bool fits = true;
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++)
    fits =
        fits && oct_multiply(in_pixels, input->in[d], &in_pixels) && oct_multiply(out_pixels, job->out[d], &out_pixels);
  size_t elements;
  const size_t steps[] = {call->x_stride < 0 ? 0 - (size_t)call->x_stride : (size_t)call->x_stride,
                          call->y_stride < 0 ? 0 - (size_t)call->y_stride : (size_t)call->y_stride};
  fits = fits && oct_multiply(in_pixels, steps[0], &elements) && elements <= PTRDIFF_MAX &&
         oct_multiply(out_pixels, steps[1], &elements) && elements <= PTRDIFF_MAX / 4;
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
  if (status != OCT_OK || call->batch == 0) return status;
  const oct_conv_phase phase = oct_conv_phase_at(&job->conv.geometry, 0);
  return oct_conv_product(entry, &job->conv, &phase, 0, NULL, &job->first);
}

static size_t all_phases(const conv_job *job) { return job->conv.phases + job->conv.bare; }

/* One tap that reads each pixel once, in order. */
static bool is_pointwise(const conv_job *job, const oct_conv_phase *phase) {
  bool pointwise = phase->taps == 1;
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++)
    pointwise = pointwise && phase->stride[d] == 1 && phase->start[d] == 0 && phase->out[d] == job->input.in[d];
  return pointwise;
}

/* Strips beside the panels that meet them fill half of the second level of cache. */
enum { STRIP_BYTES = 192 << 10 };

/* Turns the plan into one of strips if they pay. Teams cut blocks of lines further, and panels where that doesn't come
 * out even: a block's strip is written again only by a thread that takes over in the middle of it. */
static void plan_strips(const conv_job *job, const oct_gemm_packed *product, conv_pass *pass) {
  oct_conv_phase *phase = &pass->phase;
  oct_conv_strip *strip = &pass->strip;
  oct_gemm_plan *plan = &pass->plan;
  const size_t in_channels = (size_t)job->conv.geometry.in_channels, planes = job->call->batch * phase->out[0];
  if (pass->m == 0) return;
  oct_conv_shape_strip(phase, product, job->conv.in, in_channels, SIZE_MAX, STRIP_BYTES, strip);
  if (strip->lines == 0) return;
  if (plan->threads > 1) {
    const size_t repeats = job->conv.products * job->conv.phases;
    oct_gemm_cut cut = {.planes = planes,
                        .lines = phase->out[1],
                        .panels = product->columns / product->kernel->nr,
                        .repeats = repeats,
                        .line_parts = strip->plane_blocks,
                        .panel_parts = oct_gemm_plan_panel_blocks(product),
                        .panels_inside = true};
    oct_gemm_cut_for_team(&cut, oct_ceil_div(plan->pieces_wanted, repeats), true, phase->out[1], plan->threads);
    oct_conv_shape_strip(phase, product, job->conv.in, in_channels, oct_ceil_div(phase->out[1], cut.line_parts),
                         STRIP_BYTES, strip);
    strip->plane_blocks = cut.line_parts;
    plan->panel_blocks = cut.panel_parts;
  }
  plan->row_block = strip->lines * phase->out[2];
  plan->row_blocks = planes * strip->plane_blocks;
  const size_t sums = product->has_zero ? oct_round_up(plan->row_block * sizeof(int64_t), OCT_ALIGNMENT) : 0;
  plan->panel_offset = OCT_ALIGNMENT + sums;
  plan->slice = plan->panel_offset + oct_round_up(strip->bytes, OCT_ALIGNMENT);
}

/* Products that are handed out. One that has some groups of the one before it runs with that, so that no two threads
 * write the same outputs. */
static size_t piece_products(const conv_job *job) { return job->conv.products - oct_conv_overlaps(&job->conv); }

/* Plans one phase for at most `threads` threads; `most` becomes how many it is worth. */
static oct_status plan_pass(const char *entry, const conv_job *job, size_t index, int threads, conv_pass *pass,
                            int *most) {
  oct_gemm_packed product;
  oct_conv_phase *phase = &pass->phase;
  *phase = oct_conv_phase_at(&job->conv.geometry, index);
  pass->strip.lines = 0;
  const oct_status status = index > 0 ? oct_conv_product(entry, &job->conv, phase, 0, NULL, &product) : OCT_OK;
  if (status != OCT_OK) return status;
  if (index == 0) product = job->first;
  product.has_zero = job->conv.any_zero;
  oct_conv_fit_phase(phase, job->out);
  pass->m = job->call->batch * phase->pixels;
  pass->pointwise = is_pointwise(job, phase);
  pass->packs_rows = phase->taps > 0 && !(pass->pointwise && oct_gemm_takes_in_place(&product));
  const size_t repeats = job->conv.products * job->conv.phases;
  if (threads <= 0) threads = oct_max_threads();
  *most = oct_gemm_worthwhile_threads(&product, pass->m, repeats, threads);
  oct_gemm_plan *plan = &pass->plan;
  *plan = oct_gemm_make_plan(&product, pass->m, repeats, pass->packs_rows, *most);
  if (pass->packs_rows && !pass->pointwise) plan_strips(job, &product, pass);
  pass->first_piece = 0;
  pass->products = NULL;
  pass->pieces = piece_products(job) * plan->row_blocks * plan->panel_blocks;
  if (phase->scattered && pass->packs_rows && product.kernel->row_group > 1) {
    /* Each line of outputs begins a row group. */
    const size_t rows = plan->row_block * (product.kernel->row_group - 1);
    const size_t more = oct_round_up(rows * oct_gemm_row_pitch(&product), OCT_ALIGNMENT);
    plan->scratch_offset += more;
    plan->slice += more;
  }
  return OCT_OK;
}

/* What all phases need together: threads, and bytes for each one's slice. `most` becomes how many threads they are
 * worth, and `pass` the plan of the last one. */
static oct_status plan_team(const char *entry, const conv_job *job, int threads, int *team, size_t *slice, int *most,
                            conv_pass *pass) {
  *team = *most = 1;
  *slice = 0;
  for (size_t index = 0; index < all_phases(job); index++) {
    int worth;
    const oct_status status = plan_pass(entry, job, index, threads, pass, &worth);
    if (status != OCT_OK) return status;
    *team = pass->plan.threads > *team ? pass->plan.threads : *team;
    *slice = pass->plan.slice > *slice ? pass->plan.slice : *slice;
    *most = worth > *most ? worth : *most;
  }
  return OCT_OK;
}

static size_t pass_bytes(const conv_job *job) {
  return oct_round_up(all_phases(job) * sizeof(conv_pass), OCT_ALIGNMENT);
}

static size_t product_bytes(const conv_job *job) {
  const size_t products = all_phases(job) * job->conv.products;
  return oct_round_up(products * sizeof(conv_product), OCT_ALIGNMENT) + products * oct_gemm_column_bytes(&job->first);
}

oct_status oct_conv_workspace_size(const void *packed, size_t packed_size, const oct_conv_call *call, int threads,
                                   size_t *bytes) {
  const char *entry = "oct_conv_workspace_size";
  conv_job job = {.pass_count = 0};
  oct_status status = open_job(entry, packed, packed_size, call, &job);
  if (status != OCT_OK) return status;
  if (!bytes) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bytes is null; pass a place for the answer", entry);
  if (threads < 0) return oct_fail(OCT_INVALID_ARGUMENT, "%s: threads is %d, expected 0 (all) or more", entry, threads);
  *bytes = 0;
  if (call->batch == 0) return OCT_OK;
  if (job.conv.depthwise)
    return oct_depthwise_workspace_size(job.conv.blocks, job.conv.block_bytes, call, threads, bytes);
  /* Fewer threads may have larger slices. */
  int team, most, worth;
  size_t slice, slices = 0;
  conv_pass pass;
  status = plan_team(entry, &job, threads, &team, &slice, &most, &pass);
  for (int limit = 1; status == OCT_OK && limit <= most; limit++) {
    status = plan_team(entry, &job, limit, &team, &slice, &worth, &pass);
    slices = (size_t)team * slice > slices ? (size_t)team * slice : slices;
  }
  if (status == OCT_OK) *bytes = pass_bytes(&job) + product_bytes(&job) + slices;
  return status;
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

/* Neighbours of a pass's rows whose outputs are evenly spaced in y: all of them, or a part of one line. */
typedef struct segment {
  size_t count;
  size_t pixel; /* of the first one's output in y */
} segment;

/* The segment that begins with `row`, of at most `left` rows. */
static segment segment_at(const conv_job *job, const conv_pass *pass, size_t row, size_t left) {
  if (!pass->phase.scattered && pass->strip.lines == 0) return (segment){.count = left, .pixel = row};
  const oct_conv_phase *phase = &pass->phase;
  const size_t line = row / phase->out[2], plane = line / phase->out[1], image = plane / phase->out[0];
  const size_t at[] = {plane % phase->out[0], line % phase->out[1], row % phase->out[2]};
  size_t pixel = image;
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++) pixel = pixel * job->out[d] + phase->first[d] + phase->step[d] * at[d];
  const size_t rest = phase->out[2] - at[2];
  return (segment){.count = rest < left ? rest : left, .pixel = pixel};
}

/* Packs rows first..<first + count, each segment from the start of a row group. */
static void pack_block(const conv_job *job, const conv_pass *pass, size_t index, size_t first, size_t count,
                       char *slice, int64_t *row_sum) {
  const oct_gemm_packed *product = &pass->products[index].packed;
  const size_t group = product->kernel->row_group, group_bytes = oct_gemm_row_pitch(product) * group;
  const ptrdiff_t x_stride = job->input.x_stride;
  const size_t channel = oct_conv_first_group(&job->conv, index) * job->conv.group_in;
  char *panel = slice + pass->plan.panel_offset, *scratch = slice + pass->plan.scratch_offset;
  for (size_t row = 0; row < count;) {
    const size_t left = count - row;
    const size_t part = group == 1 ? left : segment_at(job, pass, first + row, left).count;
    int64_t *sums = row_sum ? row_sum + row : NULL;
    if (pass->pointwise)
      oct_gemm_pack_rows(product, job->input.x + (ptrdiff_t)(first + row) * x_stride + (ptrdiff_t)channel, x_stride,
                         part, panel, scratch, sums);
    else
      oct_conv_pack_panel(&pass->phase, job->conv.in, product, &job->input, channel, first + row, part,
                          pass->products[index].prepared.zero, panel, scratch, sums);
    panel += oct_ceil_div(part, group) * group_bytes;
    row += part;
  }
}

static oct_gemm_span range_of(const conv_pass *pass, size_t block) {
  const oct_conv_strip *strip = &pass->strip;
  if (strip->lines == 0) return oct_gemm_block_span(&pass->plan, pass->m, block);
  const oct_gemm_span lines = oct_conv_strip_lines(&pass->phase, strip, block);
  return (oct_gemm_span){
      .first = (block / strip->plane_blocks * pass->phase.out[1] + lines.first) * pass->phase.out[2],
      .count = lines.count * pass->phase.out[2],
  };
}

/* The strip of a block, written unless it is `fresh` no longer, as rows whose lines are segments. */
static oct_gemm_rows strip_rows(const conv_job *job, const conv_pass *pass, size_t index, size_t block, bool fresh,
                                char *slice, int64_t *row_sum) {
  const oct_conv_phase *phase = &pass->phase;
  const oct_conv_strip *strip = &pass->strip;
  const oct_gemm_packed *product = &pass->products[index].packed;
  const size_t count = range_of(pass, block).count, width = phase->out[2];
  const size_t channel = oct_conv_first_group(&job->conv, index) * job->conv.group_in;
  uint8_t *to = (uint8_t *)slice + pass->plan.panel_offset;
  if (fresh)
    oct_conv_pack_strip(phase, strip, product, &job->input, strip->shared ? 0 : channel, block / strip->plane_blocks,
                        oct_conv_strip_lines(phase, strip, block).first, pass->products[index].prepared.zero, to);
  for (size_t row = 0; fresh && row_sum && row < count; row += width)
    oct_conv_strip_sums(phase, strip, product, to + row / width * phase->stride[1] * strip->width * strip->pixel, width,
                        row_sum + row);
  return (oct_gemm_rows){.a = strip->shared ? to + channel : to,
                         .stride = (ptrdiff_t)(phase->stride[2] * strip->pixel),
                         .count = count,
                         .runs = strip->runs,
                         .run_at = strip->run_at,
                         .row_sum = row_sum};
}

/* The rows of one block for one product in the kernel's form: where they lie, or packed into the worker's slice unless
 * they are there already. */
static oct_gemm_rows block_rows(const conv_job *job, const conv_pass *pass, size_t index, size_t block, char *slice) {
  const oct_gemm_packed *product = &pass->products[index].packed;
  const oct_gemm_span range = range_of(pass, block);
  oct_gemm_rows rows = {.count = range.count};
  if (pass->phase.taps == 0) {
    rows.a = job->input.x;
    return rows;
  }
  const bool shared = pass->strip.lines > 0 && pass->strip.shared;
  const size_t mark = pass->first_mark + (shared ? 0 : index * pass->plan.row_blocks) + block;
  int64_t *row_sum = product->has_zero ? oct_gemm_slice_row_sums(slice) : NULL;
  const bool fresh = slice && *oct_gemm_slice_mark(slice) != mark;
  if (fresh) *oct_gemm_slice_mark(slice) = mark;
  rows.row_sum = row_sum;
  if (pass->strip.lines > 0) return strip_rows(job, pass, index, block, fresh, slice, row_sum);
  if (pass->packs_rows) {
    if (fresh) pack_block(job, pass, index, range.first, rows.count, slice, row_sum);
    rows.a = slice + pass->plan.panel_offset;
    rows.stride = (ptrdiff_t)(oct_gemm_row_pitch(product) * product->kernel->row_group);
    return rows;
  }
  const ptrdiff_t x_stride = job->input.x_stride;
  const uint8_t *pixels = job->input.x + (ptrdiff_t)range.first * x_stride +
                          (ptrdiff_t)(oct_conv_first_group(&job->conv, index) * job->conv.group_in);
  rows.a = pixels;
  rows.stride = x_stride;
  rows.k_tail = product->k % product->kernel->k_group;
  if (fresh && row_sum)
    for (size_t r = 0; r < rows.count; r++)
      row_sum[r] = oct_gemm_row_sum(product->kernel->form, pixels + (ptrdiff_t)r * x_stride, product->k);
  return rows;
}

/* Multiplies a strip by panels begin..<end. Its lines, neighbours in one plane, are a step apart in y. */
static void run_strip(const conv_job *job, const conv_pass *pass, size_t first, const oct_gemm_prepared *prepared,
                      oct_gemm_rows rows, size_t begin, size_t end, char *y, ptrdiff_t y_stride) {
  const oct_conv_phase *phase = &pass->phase;
  const size_t pixel = segment_at(job, pass, first, rows.count).pixel;
  rows.lines = rows.count / phase->out[2];
  rows.count = phase->out[2];
  rows.line_stride = (ptrdiff_t)(phase->stride[1] * pass->strip.width * pass->strip.pixel);
  rows.line_c_stride = y_stride * (ptrdiff_t)(phase->step[1] * job->out[2]);
  oct_gemm_run_block(prepared, &rows, begin, end, y + (ptrdiff_t)pixel * y_stride,
                     y_stride * (ptrdiff_t)phase->step[2]);
}

/* Multiplies a block by panels begin..<end. Segments of scattered outputs meet a panel one after the other, so that it
 * stays near. */
static void run_block(const conv_job *job, const conv_pass *pass, size_t index, size_t first, const oct_gemm_rows *rows,
                      size_t begin, size_t end) {
  const oct_conv_phase *phase = &pass->phase;
  const oct_gemm_prepared *prepared = &pass->products[index].prepared;
  const size_t group = pass->products[index].packed.kernel->row_group;
  const ptrdiff_t size = (ptrdiff_t)oct_dtype_size(job->call->output->dtype), y_stride = job->call->y_stride * size;
  char *y = (char *)job->call->y + (ptrdiff_t)(oct_conv_first_group(&job->conv, index) * job->conv.group_out) * size;
  if (pass->strip.lines > 0) {
    run_strip(job, pass, first, prepared, *rows, begin, end, y, y_stride);
    return;
  }
  if (!phase->scattered) {
    oct_gemm_run_block(prepared, rows, begin, end, y + (ptrdiff_t)first * y_stride, y_stride);
    return;
  }
  for (size_t panel = begin; panel < end; panel++) {
    oct_gemm_rows part = *rows;
    for (size_t row = 0; row < rows->count; row += part.count) {
      const segment next = segment_at(job, pass, first + row, rows->count - row);
      part.count = next.count;
      part.row_sum = rows->row_sum ? rows->row_sum + row : NULL;
      oct_gemm_run_block(prepared, &part, panel, panel + 1, y + (ptrdiff_t)next.pixel * y_stride,
                         y_stride * (ptrdiff_t)phase->step[2]);
      part.a = (const char *)part.a + (ptrdiff_t)oct_ceil_div(part.count, group) * part.stride;
    }
  }
}

/* One product of one block and its block of panels. */
static void run_product(const conv_job *job, const conv_pass *pass, size_t index, size_t block, size_t panel_block,
                        char *slice) {
  const oct_gemm_plan *plan = &pass->plan;
  const oct_gemm_packed *product = &pass->products[index].packed;
  const size_t panels = product->columns / product->kernel->nr;
  const oct_gemm_rows rows = block_rows(job, pass, index, block, slice);
  run_block(job, pass, index, range_of(pass, block).first, &rows,
            oct_gemm_part(panels, plan->panel_blocks, panel_block),
            oct_gemm_part(panels, plan->panel_blocks, panel_block + 1));
}

/* One piece of a pass: product by product, blocks of pixels, blocks of panels. Where products share strips, all of them
 * meet a block before the next. */
static void run_piece(const conv_job *job, const conv_pass *pass, size_t piece, int worker) {
  const oct_gemm_plan *plan = &pass->plan;
  const bool shared = pass->strip.lines > 0 && pass->strip.shared;
  const size_t outer = shared ? piece_products(job) : plan->row_blocks, part = piece / plan->panel_blocks;
  const size_t block = shared ? part / outer : part % outer, index = shared ? part % outer : part / outer;
  const size_t panel_block = piece % plan->panel_blocks;
  char *slice = plan->slice > 0 ? job->slices + (size_t)worker * job->slice : NULL;
  run_product(job, pass, index, block, panel_block, slice);
  if (oct_conv_overlaps(&job->conv) && index + 2 == job->conv.products)
    run_product(job, pass, index + 1, block, panel_block, slice);
}

/* The outputs that no tap reaches. */
static void run_bare_pieces(void *context, size_t begin, size_t end, int worker) {
  const conv_job *job = context;
  for (size_t piece = begin; piece < end; piece++) run_piece(job, &job->passes[job->pass_count], piece, worker);
}

static void run_pieces(void *context, size_t begin, size_t end, int worker) {
  const conv_job *job = context;
  for (size_t piece = begin; piece < end; piece++) {
    size_t low = 0, high = job->pass_count; /* the last pass that begins at or before the piece is in low..<high */
    while (high - low > 1) {
      const size_t middle = low + (high - low) / 2;
      if (job->passes[middle].first_piece <= piece)
        low = middle;
      else
        high = middle;
    }
    run_piece(job, &job->passes[low], piece - job->passes[low].first_piece, worker);
  }
}

/* Lays out the passes, their products' arrays and the workers' slices in the workspace. A single pass is planned
 * already, and stays where it is. */
static oct_status prepare_passes(const char *entry, conv_job *job, int threads, int team, conv_pass *planned,
                                 void *workspace) {
  const size_t products = job->conv.products;
  const bool single = all_phases(job) == 1;
  job->passes = single ? planned : workspace;
  job->pass_count = job->conv.phases;
  conv_product *place = (conv_product *)(void *)((char *)workspace + pass_bytes(job));
  char *columns = (char *)place + oct_round_up(all_phases(job) * products * sizeof *place, OCT_ALIGNMENT);
  size_t pieces = 0, marks = 0;
  for (size_t p = 0; p < all_phases(job); p++) {
    conv_pass *pass = &job->passes[p];
    int most;
    oct_status status = single ? OCT_OK : plan_pass(entry, job, p, threads, pass, &most);
    if (status != OCT_OK) return status;
    pass->products = place;
    pass->first_piece = pieces;
    pieces += pass->pieces;
    pass->first_mark = marks;
    marks += products * pass->plan.row_blocks;
    for (size_t index = 0; index < products; index++, place++, columns += oct_gemm_column_bytes(&job->first)) {
      status = oct_conv_product(entry, &job->conv, &pass->phase, index, index > 0 ? &place[-1].packed : NULL,
                                &place->packed);
      if (status != OCT_OK) return status;
      place->prepared = oct_gemm_prepare(&place->packed, job->call->x_zero_point, job->call->output,
                                         oct_conv_first_group(&job->conv, index) * job->conv.group_out, columns);
    }
  }
  job->slices = (char *)workspace + pass_bytes(job) + product_bytes(job);
  for (int worker = 0; job->slice > 0 && worker < team; worker++)
    *oct_gemm_slice_mark(job->slices + (size_t)worker * job->slice) = OCT_GEMM_NO_BLOCK;
  return OCT_OK;
}

static void tell(const conv_job *job, const char *kernel, const char *how, double microseconds) {
  const oct_conv_geometry *geometry = &job->conv.geometry;
  const size_t *in = job->input.in, *out = job->out;
  oct_tell(
      "conv%s batch=%zu in=%zux%zux%zu out=%zux%zux%zu channels=%zu->%zu groups=%zu %s x %s -> %s kernel=%s%s %.1f us",
      geometry->transposed ? " transposed" : "", job->call->batch, in[0], in[1], in[2], out[0], out[1], out[2],
      (size_t)geometry->in_channels, (size_t)geometry->out_channels, (size_t)geometry->groups,
      oct_dtype_name((oct_dtype)geometry->x_dtype), oct_dtype_name((oct_dtype)geometry->w_dtype),
      oct_dtype_name(job->call->output->dtype), kernel, how, microseconds);
}

static oct_status run_depthwise(const conv_job *job, const oct_run *run) {
  const double start = oct_verbose() ? oct_clock_us() : 0;
  const oct_conv_packed *conv = &job->conv;
  const oct_status status = oct_depthwise_run(conv->blocks, conv->block_bytes, job->call, run);
  if (status == OCT_OK && oct_verbose())
    tell(job, oct_depthwise_kernel_name(conv->blocks, conv->block_bytes), "", oct_clock_us() - start);
  return status;
}

static oct_status run_passes(const char *entry, conv_job *job, const oct_run *run, int threads) {
  const double start = oct_verbose() ? oct_clock_us() : 0;
  void *workspace = NULL;
  int team, most;
  conv_pass planned;
  oct_status status = plan_team(entry, job, threads, &team, &job->slice, &most, &planned);
  if (status != OCT_OK) return status;
  status = oct_run_workspace(entry, run, pass_bytes(job) + product_bytes(job) + (size_t)team * job->slice, &workspace);
  if (status == OCT_OK) status = prepare_passes(entry, job, threads, team, &planned, workspace);
  if (status != OCT_OK) return status;
  if (job->conv.bare) {
    const conv_pass *bare = &job->passes[job->pass_count];
    oct_parallel_for(bare->pieces, 1, bare->plan.threads, run_bare_pieces, job);
  }
  const conv_pass *last = &job->passes[job->pass_count - 1];
  oct_parallel_for(last->first_piece + last->pieces, 1, team, run_pieces, job);
  const bool in_place = !job->passes[0].packs_rows;
  if (oct_verbose())
    tell(job, job->passes[0].products[0].packed.kernel->name, in_place ? " in place" : "", oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_conv(const void *packed, size_t packed_size, const oct_conv_call *call, const oct_run *run) {
  const char *entry = "oct_conv";
  conv_job job = {.pass_count = 0};
  int threads = 0;
  oct_status status = open_job(entry, packed, packed_size, call, &job);
  if (status == OCT_OK) status = check_call(entry, &job);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status != OCT_OK || call->batch == 0) return status;
  job.input.x = call->x;
  job.input.x_stride = call->x_stride;
  return job.conv.depthwise ? run_depthwise(&job, run) : run_passes(entry, &job, run, threads);
}
