/* The row form of depthwise convolution: its layout, its packing, and the walk over bands of output rows. */
#include <string.h>

#include "base/align.h"
#include "base/range.h"
#include "base/run.h"
#include "base/status.h"
#include "rows.h"

OCT_FP_STRICT

/* Bytes of cells that stay in a first-level cache beside rows and weights, and that may be used at most. */
enum { CELL_BUDGET = 20480, CELL_LIMIT = 131072 };

/* Cycles of 64 channels' outputs below which a team costs more than it saves, and that one claimed range should hold. */
enum { FORK_CYCLES = 8000, RANGE_CYCLES = 2500 };

static size_t greatest_common_divisor(size_t a, size_t b) {
  while (b) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Blocks behind the whole ones: the fewest vectors that cover the rest, moved back so that all channels exist. */
size_t oct_rows_blocks(size_t channels) {
  const size_t rest = channels % OCT_ROWS_VECTOR;
  if (rest == 0) return channels / OCT_ROWS_VECTOR;
  const bool alone = channels < OCT_ROWS_VECTOR;
  const bool one = rest == 16 || rest == 32 || (!alone && (rest <= 32 || rest > 48));
  return channels / OCT_ROWS_VECTOR + (one ? 1 : 2);
}

oct_rows_block oct_rows_block_at(size_t channels, size_t index) {
  const size_t whole = channels / OCT_ROWS_VECTOR, rest = channels % OCT_ROWS_VECTOR;
  if (index < whole) return (oct_rows_block){index * OCT_ROWS_VECTOR, 1};
  const bool last = index + 1 == oct_rows_blocks(channels);
  if (!last) return (oct_rows_block){whole * OCT_ROWS_VECTOR, rest <= 32 ? 4 : 2};
  if (rest <= 16 || (rest <= 32 && whole == 0 && rest < 32) || (rest > 32 && rest <= 48))
    return (oct_rows_block){channels - 16, 4};
  if (rest <= 32 || whole == 0) return (oct_rows_block){channels - 32, 2};
  return (oct_rows_block){channels - OCT_ROWS_VECTOR, 1};
}

bool oct_rows_make_layout(const oct_depthwise_packed *header, oct_rows_layout *layout) {
  const size_t *kernel = header->kernel_size, *stride = header->stride, *dilation = header->dilation;
  if (!oct_depthwise_kernel_at(header->kernel)->rows || header->along_columns || header->channels < 16 ||
      kernel[0] != 1 || stride[0] != 1 || header->padding_begin[0] != 0 || header->padding_end[0] != 0)
    return false;
  const size_t unit = kernel[2] == 1 ? stride[2] : greatest_common_divisor(stride[2], dilation[2]);
  *layout = (oct_rows_layout){.rows = 1,
                              .window_rows = kernel[1],
                              .steps = kernel[2],
                              .groups = oct_ceil_div(kernel[1], OCT_ROWS_LANES),
                              .output_distance = stride[2] / unit,
                              .step_distance = kernel[2] == 1 ? 1 : dilation[2] / unit,
                              .column_unit = unit};
  layout->streams =
      layout->step_distance == 1 && layout->output_distance <= 2 && layout->steps == 3 && layout->groups == 1;
  /* Two output rows share cells where the second costs no group of its own. */
  const size_t room = layout->groups * OCT_ROWS_LANES - kernel[1];
  if (!layout->streams && stride[1] % dilation[1] == 0 && stride[1] / dilation[1] <= room) {
    layout->rows = 2;
    layout->shift = (uint32_t)(stride[1] / dilation[1]);
  }
  /* Most columns that are gathered must be met, and a tile's cells must fit. */
  const size_t budget = CELL_LIMIT / OCT_ROWS_CELL / layout->groups;
  if (layout->steps < layout->output_distance || layout->steps > budget || layout->step_distance > budget ||
      (OCT_ROWS_OUTPUTS - 1) * layout->output_distance + (layout->steps - 1) * layout->step_distance + 1 > budget)
    return false;
  layout->block_bytes = layout->rows * layout->steps * layout->groups * OCT_ROWS_CELL;
  return true;
}

/* The channel, from a block's first, that element i of lane u of quad q belongs to. */
static size_t channel_of(size_t quad, size_t element, size_t pixels) {
  return (element / 4 * 16 + 4 * quad + element % 4) % (OCT_ROWS_VECTOR / pixels);
}

size_t oct_rows_packed_bytes(const oct_rows_layout *layout, size_t channels) {
  return oct_rows_blocks(channels) * (sizeof(oct_rows_sums) + layout->block_bytes);
}

void oct_rows_pack(const oct_rows_layout *layout, size_t channels, const oct_conv_weights *weights, void *to) {
  const uint8_t flip = weights->w_dtype == OCT_U8 ? 0x80 : 0;
  const size_t taps = layout->window_rows * layout->steps, rows = layout->rows;
  char *block_at = to;
  for (size_t b = 0, blocks = oct_rows_blocks(channels); b < blocks; b++) {
    const oct_rows_block block = oct_rows_block_at(channels, b);
    oct_rows_sums *sums = (oct_rows_sums *)block_at;
    int8_t *vectors = (int8_t *)(block_at + sizeof *sums);
    for (size_t quad = 0; quad < OCT_ROWS_QUADS; quad++)
      for (size_t element = 0; element < 16; element++) {
        const size_t channel = block.channel + channel_of(quad, element, block.pixels);
        const uint8_t *w = (const uint8_t *)weights->w + channel * taps;
        const size_t half = quad * rows / OCT_ROWS_QUADS, in_half = quad % (OCT_ROWS_QUADS / rows);
        for (size_t tap = 0; tap < taps; tap++) {
          const int8_t value = (int8_t)(w[tap] ^ flip);
          sums->sum[quad][element] += value;
          for (size_t v = 0; v < rows; v++) {
            const size_t lane = tap / layout->steps + v * layout->shift;
            const size_t cell = (half * layout->steps + tap % layout->steps) * layout->groups + lane / OCT_ROWS_LANES;
            const size_t vector = (cell * (OCT_ROWS_QUADS / rows) + in_half) * rows + v;
            vectors[vector * OCT_ROWS_VECTOR + element * OCT_ROWS_LANES + lane % OCT_ROWS_LANES] = value;
          }
        }
      }
    block_at += sizeof *sums + layout->block_bytes;
  }
}

/* How a call is walked. An item is a band of output rows with a part of the blocks; bands have as many sets of
 * layout.rows rows as the narrowest block has pixels. */
typedef struct walk {
  oct_rows_layout layout;
  size_t out[3], images, band_sets, bands;
  size_t tile; /* outputs whose cells are gathered together */
  size_t lanes;
  /* Bytes of the parts of a worker's memory and of the part before all workers'. */
  size_t pointer_size, cells_size, sums_size, worker_size;
  size_t padding_size, columns_size, stage_size, common_size;
  size_t whole_blocks, blocks;
} walk;

static bool plan(const oct_depthwise_packed *header, const oct_conv_call *call, walk *w) {
  const uint32_t ones = 3 - header->rank;
  *w = (walk){.blocks = oct_rows_blocks(header->channels)};
  if (!oct_rows_make_layout(header, &w->layout)) return false;
  for (uint32_t i = 0; i < 3; i++) {
    const size_t in = i < ones ? 1 : call->in[i - ones];
    const size_t window = header->dilation[i] * (header->kernel_size[i] - 1) + 1;
    w->out[i] = (in + header->padding_begin[i] + header->padding_end[i] - window) / header->stride[i] + 1;
  }
  w->images = call->batch * w->out[0];
  w->whole_blocks = header->channels / OCT_ROWS_VECTOR;
  w->band_sets = oct_rows_block_at(header->channels, w->blocks - 1).pixels;
  w->bands = oct_ceil_div(w->out[1], w->band_sets * w->layout.rows);
  w->lanes = w->layout.groups * OCT_ROWS_LANES;
  const size_t window = (w->layout.steps - 1) * w->layout.step_distance + 1;
  const size_t cells = CELL_BUDGET / OCT_ROWS_CELL / w->layout.groups;
  const size_t fitting = cells > window ? (cells - window) / w->layout.output_distance + 1 : 1;
  const size_t most = fitting > OCT_ROWS_OUTPUTS ? fitting : OCT_ROWS_OUTPUTS;
  w->tile = oct_ceil_div(w->out[2], oct_ceil_div(w->out[2], most));
  const size_t pointers = OCT_ROWS_PIXELS * (w->lanes + OCT_ROWS_MOST);
  w->pointer_size = oct_round_up(pointers * sizeof(void *), OCT_ALIGNMENT);
  w->cells_size = ((w->tile - 1) * w->layout.output_distance + window) * w->layout.groups * OCT_ROWS_CELL;
  w->sums_size = OCT_ROWS_MOST * OCT_ROWS_OUTPUTS * OCT_ROWS_VECTOR * sizeof(int32_t);
  const size_t padded = oct_round_up(header->channels, OCT_DEPTHWISE_CHANNELS);
  w->worker_size = w->pointer_size + w->cells_size + w->sums_size;
  const size_t width = call->in[header->rank - 1], x_stride = (size_t)call->x_stride;
  w->padding_size = oct_round_up((width - 1) * x_stride + header->channels, OCT_ALIGNMENT);
  w->columns_size = w->blocks * sizeof(oct_rows_columns);
  w->stage_size = 2 * padded * sizeof(float);
  w->common_size = w->padding_size + w->columns_size + w->stage_size;
  return true;
}

static size_t items_of(const walk *w, size_t parts) { return w->images * w->bands * parts; }

/* Items split the whole blocks too when there are few bands. */
static size_t parts_of(const walk *w, int threads) {
  const size_t bands = w->images * w->bands, wanted = 4 * (size_t)threads;
  if (threads == 1 || bands >= wanted || w->whole_blocks < 2) return 1;
  const size_t parts = oct_ceil_div(wanted, bands);
  return parts < w->whole_blocks ? parts : w->whole_blocks;
}

typedef struct job {
  const oct_depthwise_packed *header;
  const oct_depthwise_kernel *kernel;
  const oct_conv_call *call;
  walk walk;
  size_t parts;
  oct_stage stage;
  bool wide;   /* sums with bias may leave int32: the bias is added in 64 bits */
  bool biased; /* see oct_rows_run */
  uint8_t flip;
  const uint8_t *padding; /* a row of zero points */
  const oct_rows_columns *columns;
  char *workers;
} job;

oct_status oct_rows_workspace_size(const oct_depthwise_packed *header, const oct_conv_call *call, int threads,
                                   size_t *bytes) {
  walk w;
  if (!plan(header, call, &w)) return OCT_UNSUPPORTED;
  const size_t items = items_of(&w, parts_of(&w, threads));
  const size_t workers = (size_t)threads < items ? (size_t)threads : items;
  if (!oct_multiply(workers, w.worker_size, bytes) || !oct_add(*bytes, w.common_size, bytes))
    return oct_fail(OCT_OVERFLOW,
                    "depthwise convolution: workspace for %d threads is more than memory can hold; use fewer", threads);
  return OCT_OK;
}

typedef uint32_t words __attribute__((vector_size(16)));

/* The constants of one block in the order of quads. */
static void prepare_block(const job *j, const oct_rows_sums *sums, oct_rows_block block, int32_t zero_point,
                          oct_rows_columns *to) {
  const oct_output *output = j->call->output;
  const int32_t *bias = j->wide ? NULL : output->bias;
  const float *multiplier = output->dtype != OCT_S32 && output->multiplier_count != 1 ? output->multiplier : NULL;
  const float *real_bias = j->biased ? output->bias_f32 : NULL;
  const uint32_t zero = (uint32_t)zero_point;
  const words zeros = {zero, zero, zero, zero};
  for (size_t quad = 0; quad < OCT_ROWS_QUADS; quad++)
    for (size_t lane = 0; lane < 16; lane += 4) {
      const size_t channel = block.channel + channel_of(quad, lane, block.pixels);
      words start = {0}, sum;
      memcpy(&sum, &sums->sum[quad][lane], sizeof sum);
      if (bias) memcpy(&start, bias + channel, sizeof start);
      start -= zeros * sum;
      memcpy(&to->start[quad][lane], &start, sizeof start);
      if (multiplier) memcpy(&to->multiplier[quad][lane], multiplier + channel, 4 * sizeof(float));
      if (real_bias) memcpy(&to->bias[quad][lane], real_bias + channel, 4 * sizeof(float));
    }
  if (!multiplier && output->dtype != OCT_S32)
    oct_fill_f32(&to->multiplier[0][0], OCT_ROWS_VECTOR, *output->multiplier);
  if (!real_bias && j->biased) oct_fill_f32(&to->bias[0][0], OCT_ROWS_VECTOR, -0.0f);
}

/* The part of the workspace that all workers read. */
static void prepare(job *j, char *workspace, int32_t zero_point) {
  const walk *w = &j->walk;
  const oct_output *output = j->call->output;
  const size_t channels = j->header->channels;
  const size_t padded = w->stage_size / (2 * sizeof(float)), taps = w->layout.window_rows * w->layout.steps;
  const int64_t largest = (int64_t)taps * 65025;
  const bool bytes = output->dtype == OCT_U8 || output->dtype == OCT_S8;
  oct_rows_columns *columns = (oct_rows_columns *)(workspace + w->padding_size);
  float *multiplier = (float *)(workspace + w->padding_size + w->columns_size), *bias = multiplier + padded;
  memset(workspace, (uint8_t)j->call->x_zero_point, w->padding_size);
  j->padding = (const uint8_t *)workspace;
  j->columns = columns;
  j->workers = workspace + w->common_size;
  j->wide = !oct_output_bias_fits(output, 0, channels, largest);
  if (!bytes || j->wide) oct_stage_columns(output, 0, channels, padded, multiplier, bias);
  j->stage = oct_stage_make(output, 0, channels, multiplier, bias);
  j->biased = bytes && j->stage.has_bias;
  const char *block = (const char *)(j->header + 1);
  for (size_t b = 0; b < w->blocks; b++, block += sizeof(oct_rows_sums) + w->layout.block_bytes)
    prepare_block(j, (const oct_rows_sums *)block, oct_rows_block_at(channels, b), zero_point, &columns[b]);
}

/* Stores the sums of a tile. The first row of each set comes last; see oct_rows_run. */
static void take_sums(void *context, const oct_rows_run *run, size_t channel, size_t first, size_t count) {
  const job *j = context;
  const size_t rows = run->layout->rows, columns = OCT_ROWS_VECTOR / run->pixels;
  const size_t width = oct_dtype_size(j->stage.dtype);
  for (size_t at = rows * run->pixels; at-- > 0;) {
    const size_t v = at % rows, p = at / rows;
    const oct_depthwise_store store = {
        .stage = &j->stage,
        .column = channel,
        .acc = run->sums + v * count * OCT_ROWS_VECTOR + p * columns,
        .acc_stride = OCT_ROWS_VECTOR,
        .rows = count,
        .columns = columns,
        .y = run->output[at] + (ptrdiff_t)first * run->output_bytes + (ptrdiff_t)(channel * width),
        .y_stride = run->output_bytes};
    if (j->wide)
      oct_depthwise_store_wide(&store, j->call->output->bias);
    else
      j->kernel->store(&store);
  }
}

/* Where the rows of a band lie; see oct_rows_run. Sets that don't exist repeat the last one that does. */
typedef struct band {
  const uint8_t **input;
  char **output;
  size_t sets; /* those that exist */
} band;

static void find_band(const job *j, size_t image, size_t first, band *to) {
  const oct_depthwise_packed *h = j->header;
  const walk *w = &j->walk;
  const uint32_t ones = 3 - h->rank;
  const size_t height = ones >= 2 ? 1 : j->call->in[1 - ones], width = j->call->in[h->rank - 1];
  const size_t rows = w->layout.rows, used = (rows - 1) * w->layout.shift + w->layout.window_rows;
  const ptrdiff_t row_bytes = (ptrdiff_t)width * j->call->x_stride, bytes = (ptrdiff_t)oct_dtype_size(j->stage.dtype);
  const uint8_t *x = (const uint8_t *)j->call->x + (ptrdiff_t)(image * height) * row_bytes;
  char *y = (char *)j->call->y;
  const size_t left = oct_ceil_div(w->out[1] - first, rows);
  to->sets = left < w->band_sets ? left : w->band_sets;
  for (size_t s = 0, lane = 0, at = 0; s < w->band_sets; s++) {
    const size_t oy = first + (s < to->sets ? s : to->sets - 1) * rows;
    for (size_t l = 0; l < w->lanes; l++, lane++) {
      const size_t iy = oy * h->stride[1] + l * h->dilation[1] - h->padding_begin[1];
      if (l >= used)
        to->input[lane] = to->input[lane - 1];
      else
        to->input[lane] = iy < height ? x + (ptrdiff_t)iy * row_bytes : j->padding;
    }
    for (size_t v = 0; v < rows; v++, at++) {
      const size_t pixel = (image * w->out[1] + (oy + v < w->out[1] ? oy + v : oy)) * w->out[2];
      to->output[at] = y + (ptrdiff_t)pixel * j->call->y_stride * bytes;
    }
  }
}

/* Blocks first..<first + count of equal pixels over one vector's sets of a band, tile by tile of columns. */
static void run_set(const job *j, const band *b, size_t set, size_t first, size_t count, char *cells, int32_t *sums) {
  const walk *w = &j->walk;
  const oct_depthwise_packed *h = j->header;
  const oct_rows_block block = oct_rows_block_at(h->channels, first);
  const size_t width = j->call->in[h->rank - 1], padding = h->padding_begin[2], unit = w->layout.column_unit;
  const size_t window = (w->layout.steps - 1) * w->layout.step_distance + 1;
  const ptrdiff_t bytes = (ptrdiff_t)oct_dtype_size(j->stage.dtype);
  const bool in_sums = j->wide || j->stage.dtype == OCT_S32 || j->stage.dtype == OCT_F32;
  oct_rows_run run = {.layout = &w->layout,
                      .stage = &j->stage,
                      .biased = j->biased,
                      .flip = j->flip,
                      .padding = (uint8_t)j->call->x_zero_point,
                      .pixels = block.pixels,
                      .input = b->input + set * w->lanes,
                      .column_bytes = (ptrdiff_t)unit * j->call->x_stride,
                      .output_bytes = j->call->y_stride * bytes,
                      .block_count = count,
                      .channel = block.channel,
                      .weights = (const char *)(h + 1) + first * (sizeof(oct_rows_sums) + w->layout.block_bytes),
                      .columns = j->columns + first,
                      .cells = cells,
                      .sums = sums,
                      .take = in_sums ? take_sums : NULL,
                      .context = (void *)(uintptr_t)j};
  char *output[OCT_ROWS_PIXELS * OCT_ROWS_MOST];
  run.output = output;
  for (size_t ox = 0; ox < w->out[2]; ox += w->tile) {
    const size_t left = w->out[2] - ox, start = ox * h->stride[2];
    run.outputs = left < w->tile ? left : w->tile;
    const size_t all = (run.outputs - 1) * w->layout.output_distance + window;
    /* Cell c is column start + c * unit - padding. */
    const size_t begin = start < padding ? oct_ceil_div(padding - start, unit) : 0;
    const size_t end = width + padding > start ? oct_ceil_div(width + padding - start, unit) : 0;
    run.begin = begin < all ? begin : all;
    run.end = end < all ? end : all;
    run.first_offset = ((ptrdiff_t)start - (ptrdiff_t)padding) * j->call->x_stride;
    for (size_t i = 0; i < block.pixels * w->layout.rows; i++) {
      const size_t at = set * w->layout.rows + i;
      output[i] = b->output[at] + (ptrdiff_t)ox * run.output_bytes;
    }
    j->kernel->rows(&run);
  }
}

static void run_items(void *context, size_t begin, size_t end, int worker) {
  const job *j = context;
  const walk *w = &j->walk;
  const size_t sets = w->band_sets, rows = w->layout.rows;
  char *memory = j->workers + (size_t)worker * w->worker_size;
  band b;
  b.input = (const uint8_t **)memory;
  b.output = (char **)(b.input + sets * w->lanes);
  int32_t *sums = (int32_t *)(memory + w->pointer_size);
  char *cells = memory + w->pointer_size + w->sums_size;
  for (size_t item = begin; item < end; item++) {
    const size_t part = item % j->parts, at = item / j->parts, image = at / w->bands;
    const size_t first = part * w->whole_blocks / j->parts, last = (part + 1) * w->whole_blocks / j->parts;
    find_band(j, image, at % w->bands * sets * rows, &b);
    for (size_t s = 0; s < b.sets && first < last; s++) run_set(j, &b, s, first, last - first, cells, sums);
    for (size_t block = w->whole_blocks; block < w->blocks && part + 1 == j->parts; block++) {
      const size_t pixels = oct_rows_block_at(j->header->channels, block).pixels;
      for (size_t s = 0; s < b.sets; s += pixels) run_set(j, &b, s, block, 1, cells, sums);
    }
  }
}

oct_status oct_rows_run_call(const oct_depthwise_packed *header, const oct_conv_call *call, const oct_run *run) {
  job j = {.header = header, .kernel = oct_depthwise_kernel_at(header->kernel), .call = call};
  int threads;
  size_t bytes;
  void *workspace;
  oct_status status = oct_run_threads("depthwise convolution", run, &threads);
  if (status == OCT_OK) status = oct_rows_workspace_size(header, call, threads, &bytes);
  if (status == OCT_OK) status = oct_run_workspace("depthwise convolution", run, bytes, &workspace);
  if (status != OCT_OK) return status;
  (void)plan(header, call, &j.walk);
  const bool signed_input = header->x_dtype == OCT_S8, signed_cells = j.kernel->form == OCT_DEPTHWISE_SIGNED_X;
  j.flip = signed_input != signed_cells ? 0x80 : 0;
  prepare(&j, workspace, call->x_zero_point + (signed_input == signed_cells ? 0 : signed_input ? 128 : -128));
  /* Cycles of an output of 64 channels: its products, and as much again for the rest. */
  const walk *w = &j.walk;
  const double each = 10 + 2 * (double)(w->layout.steps * w->layout.groups);
  const double all = each * (double)(w->images * w->out[1] * w->out[2]) * (double)header->channels / OCT_ROWS_VECTOR;
  const bool alone = threads == 1 || all < FORK_CYCLES;
  j.parts = alone ? 1 : parts_of(w, threads);
  const size_t items = items_of(w, j.parts);
  const double ranges = all / RANGE_CYCLES;
  const size_t grain =
      alone || ranges < 1 ? items : oct_ceil_div(items, ranges < (double)items ? (size_t)ranges : items);
  oct_parallel_for(items, grain, threads, run_items, &j);
  return OCT_OK;
}
