/* The walk of a depthwise convolution: tiles of an output row, gathered once per 64 channels, summed unit by unit,
 * stored. */
#include "depthwise.h"

#include <string.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "rows.h"

OCT_FP_STRICT

/* Outputs of a tile, and bytes of cells that keep a tile within a first-level cache. */
enum { LARGEST_TILE = 32, CELL_BUDGET = 32768 };

/* Products below which a team costs more than it saves, and that one claimed range should hold. */
enum { FORK_PRODUCTS = 1 << 17, RANGE_PRODUCTS = 1 << 15 };

/* The slots of a tile are the input columns that its steps meet. Shared slots lie column_unit apart and serve every
 * output that meets them; when strides or dilations leave most of those unused, each output has slots of its own. */
typedef struct geometry {
  size_t out[3], items, rows; /* rows of the window: depth times height */
  size_t tile, tiles;         /* outputs of a tile, tiles of an output row */
  bool shared_slots;
  size_t slots, output_slots, step_slots, column_unit, step_columns;
  size_t cell, lanes;
  /* Bytes of the parts of a worker's memory and of the part before all workers'. */
  size_t rows_size, taps_size, cells_size, acc_size, worker_size;
  size_t pixel_size, columns_size, common_size;
} geometry;

static size_t greatest_common_divisor(size_t a, size_t b) {
  while (b) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Fills in what depends on the tile. */
static void plan_tile(const oct_depthwise_packed *header, geometry *geo) {
  const size_t stride = header->stride[2], steps = header->steps;
  geo->column_unit = greatest_common_divisor(stride, geo->step_columns);
  const size_t per_output = stride / geo->column_unit, per_step = geo->step_columns / geo->column_unit;
  const size_t own = geo->tile * steps;
  size_t across, along, shared;
  geo->shared_slots = oct_multiply(geo->tile - 1, per_output, &across) && oct_multiply(steps - 1, per_step, &along) &&
                      oct_add(across, along, &shared) && shared < own;
  geo->slots = geo->shared_slots ? shared + 1 : own;
  geo->output_slots = geo->shared_slots ? per_output : steps;
  geo->step_slots = geo->shared_slots ? per_step : 1;
}

static oct_status plan(const oct_depthwise_packed *header, const oct_conv_call *call, geometry *geo) {
  const oct_depthwise_kernel *kernel = oct_depthwise_kernel_at(header->kernel);
  const uint32_t ones = 3 - header->rank;
  *geo = (geometry){.cell = oct_depthwise_cell_size(kernel),
                    .lanes = kernel->lanes,
                    .rows = header->kernel_size[0] * header->kernel_size[1]};
  for (uint32_t i = 0; i < 3; i++) {
    const size_t in = i < ones ? 1 : call->in[i - ones];
    const size_t window = header->dilation[i] * (header->kernel_size[i] - 1) + 1;
    geo->out[i] = (in + header->padding_begin[i] + header->padding_end[i] - window) / header->stride[i] + 1;
  }
  geo->step_columns = header->dilation[2] * (header->along_columns ? geo->lanes : 1);
  /* Tiles of nearly equal length; halved while their cells overflow the budget. */
  const size_t units = oct_ceil_div(header->channels, OCT_DEPTHWISE_UNIT);
  const size_t block = units < OCT_DEPTHWISE_UNITS ? units : OCT_DEPTHWISE_UNITS;
  geo->tile = oct_ceil_div(geo->out[2], oct_ceil_div(geo->out[2], LARGEST_TILE));
  plan_tile(header, geo);
  while (geo->tile > 1 && geo->slots * header->groups * geo->cell * block > CELL_BUDGET) {
    geo->tile = oct_ceil_div(geo->tile, 2);
    plan_tile(header, geo);
  }
  geo->tiles = oct_ceil_div(geo->out[2], geo->tile);
  geo->rows_size = oct_round_up(oct_round_up(geo->rows, geo->lanes) * sizeof(void *), OCT_ALIGNMENT);
  geo->taps_size = oct_round_up(geo->slots * header->groups * geo->lanes * sizeof(void *), OCT_ALIGNMENT);
  geo->cells_size = oct_round_up(geo->slots * header->groups * geo->cell * block, OCT_ALIGNMENT);
  geo->acc_size = geo->tile * OCT_DEPTHWISE_CHANNELS * sizeof(int32_t);
  geo->worker_size = geo->rows_size + geo->taps_size + geo->cells_size + geo->acc_size;
  geo->pixel_size = oct_round_up(header->channels, OCT_ALIGNMENT);
  geo->columns_size = units * OCT_DEPTHWISE_UNIT * sizeof(float);
  geo->common_size = geo->pixel_size + 3 * geo->columns_size;
  if (!oct_multiply(call->batch, geo->out[0], &geo->items) || !oct_multiply(geo->items, geo->out[1], &geo->items) ||
      !oct_multiply(geo->items, geo->tiles, &geo->items))
    return oct_fail(OCT_OVERFLOW,
                    "depthwise convolution: the output has more rows than memory can hold; check the input's size");
  return OCT_OK;
}

static oct_status workspace_of(const geometry *geo, int threads, size_t *bytes) {
  const size_t workers = (size_t)threads < geo->items ? (size_t)threads : geo->items;
  if (!oct_multiply(workers, geo->worker_size, bytes) || !oct_add(*bytes, geo->common_size, bytes))
    return oct_fail(OCT_OVERFLOW,
                    "depthwise convolution: workspace for %d threads is more than memory can hold; use fewer", threads);
  return OCT_OK;
}

static oct_status foreign(void) {
  return oct_fail(OCT_CORRUPT,
                  "depthwise convolution: packed is not what packing wrote; pack the weights in this process");
}

oct_status oct_depthwise_workspace_size(const void *packed, size_t packed_size, const oct_conv_call *call, int threads,
                                        size_t *bytes) {
  const oct_depthwise_packed *header = oct_depthwise_open(packed, packed_size);
  geometry geo;
  *bytes = 0;
  if (!header) return foreign();
  if (call->batch == 0) return OCT_OK;
  if (threads <= 0) threads = oct_max_threads();
  if (header->in_rows) return oct_rows_workspace_size(header, call, threads, bytes);
  const oct_status status = plan(header, call, &geo);
  return status == OCT_OK ? workspace_of(&geo, threads, bytes) : status;
}

typedef struct job {
  const oct_depthwise_packed *header;
  const oct_depthwise_kernel *kernel;
  const oct_conv_call *call;
  geometry geo;
  oct_stage stage;
  const uint8_t *padding; /* a pixel of zero points */
  const int32_t *bias;    /* integer bias per channel, padded to units */
  bool wide;              /* sums with bias may leave int32: the bias is added in 64 bits */
  uint8_t flip;
  int16_t x_zero_point; /* of the flipped input */
  char *workers;
} job;

/* The first pixel of each of the window's rows, null for rows in the padding. */
static void find_rows(const job *j, size_t image, size_t oz, size_t oy, const uint8_t **rows) {
  const oct_depthwise_packed *h = j->header;
  const uint32_t ones = 3 - h->rank;
  const size_t depth = ones >= 1 ? 1 : j->call->in[0], height = ones >= 2 ? 1 : j->call->in[1 - ones];
  const size_t width = j->call->in[2 - ones];
  const size_t whole = oct_round_up(j->geo.rows, j->geo.lanes);
  for (size_t r = 0; r < whole; r++) {
    /* Coordinates before the input wrap around to large ones. */
    const size_t iz = oz * h->stride[0] + r / h->kernel_size[1] * h->dilation[0] - h->padding_begin[0];
    const size_t iy = oy * h->stride[1] + r % h->kernel_size[1] * h->dilation[1] - h->padding_begin[1];
    const size_t row = (image * depth + iz) * height + iy;
    rows[r] = r < j->geo.rows && iz < depth && iy < height
                  ? (const uint8_t *)j->call->x + (ptrdiff_t)(row * width) * j->call->x_stride
                  : NULL;
  }
}

/* Columns first, first + step, ... (modulo 2^64), `count` of them, of which begin..<end lie in the input. */
typedef struct columns {
  size_t first, step, count, begin, end;
} columns;

static columns columns_inside(size_t first, size_t step, size_t count, size_t width) {
  /* The distance to column 0, when the first column lies before it. */
  const size_t before = first > PTRDIFF_MAX ? 0 - first : 0;
  const size_t begin = before == 0 ? 0 : oct_ceil_div(before, step), column = first + begin * step;
  const size_t room = column < width ? width - column : 0;
  const size_t end = begin + (step == 1 ? room : oct_ceil_div(room, step));
  return (columns){first, step, count, begin < count ? begin : count, end < count ? end : count};
}

/* Their pixels in one row of the input, null for a row in the padding, into every distance-th place. */
static void find_pixels(const job *j, const uint8_t *row, const columns *c, size_t distance, const uint8_t **taps) {
  const size_t begin = row ? c->begin : 0, end = row ? c->end : 0;
  for (size_t i = 0; i < begin; i++) taps[i * distance] = j->padding;
  if (begin < end) {
    const ptrdiff_t x_stride = j->call->x_stride, step = (ptrdiff_t)c->step * x_stride;
    ptrdiff_t offset = (ptrdiff_t)(c->first + begin * c->step) * x_stride;
    const uint8_t **to = taps + begin * distance;
    for (size_t i = begin; i < end; i++, to += distance, offset += step) *to = row + offset;
  }
  for (size_t i = end; i < c->count; i++) taps[i * distance] = j->padding;
}

/* The pixel of every lane of every cell of a tile that starts at output column ox. */
static void find_taps(const job *j, size_t ox, const uint8_t *const *rows, const uint8_t **taps) {
  const oct_depthwise_packed *h = j->header;
  const geometry *geo = &j->geo;
  const size_t width = j->call->in[h->rank - 1], start = ox * h->stride[2] - h->padding_begin[2];
  const size_t in_cell = geo->lanes, in_slot = h->groups * in_cell;
  /* Either all slots in one go, or step by step the slots of all outputs. */
  const size_t passes = geo->shared_slots ? 1 : h->steps, count = geo->shared_slots ? geo->slots : geo->tile;
  const size_t step = geo->shared_slots ? geo->column_unit : h->stride[2];
  for (size_t pass = 0; pass < passes; pass++, taps += in_slot) {
    const size_t first = start + pass * geo->step_columns;
    columns c = columns_inside(first, step, count, width);
    for (size_t lane = 0; lane < in_slot; lane++) {
      if (h->along_columns) c = columns_inside(first + lane % in_cell * h->dilation[2], step, count, width);
      find_pixels(j, rows[h->along_columns ? lane / in_cell : lane], &c, in_slot * passes, taps + lane);
    }
  }
}

void oct_depthwise_store_wide(const oct_depthwise_store *s, const int32_t *bias) {
  for (size_t row = 0; row < s->rows; row++)
    for (size_t c = 0; c < s->columns; c++) {
      const int64_t acc = (int64_t)s->acc[row * s->acc_stride + c] + bias[s->column + c];
      oct_stage_store(s->stage, acc, s->column + c, s->y + (ptrdiff_t)row * s->y_stride, c);
    }
}

/* Channels channel..<channel + count of `outputs` outputs, from taps that are found. */
static void run_block(const job *j, size_t channel, size_t count, size_t outputs, const uint8_t *const *taps,
                      char *cells, int32_t *acc, char *y) {
  const oct_depthwise_packed *h = j->header;
  const geometry *geo = &j->geo;
  const size_t slot_size = h->groups * geo->cell, unit_stride = geo->slots * slot_size;
  const size_t packed_unit = sizeof(oct_depthwise_unit) + oct_round_up(h->steps * slot_size, OCT_ALIGNMENT);
  const size_t width = oct_dtype_size(j->stage.dtype);
  const oct_depthwise_gather gather = {taps,    geo->slots * h->groups, channel, count,
                                       j->flip, j->x_zero_point,        cells,   unit_stride};
  j->kernel->gather(&gather);
  for (size_t u = 0; u * OCT_DEPTHWISE_UNIT < count; u++) {
    const size_t unit = channel / OCT_DEPTHWISE_UNIT + u;
    const char *packed = (const char *)(h + 1) + unit * packed_unit;
    const oct_depthwise_sum sum = {.x = cells + u * unit_stride,
                                   .outputs = outputs,
                                   .output_distance = geo->output_slots * slot_size,
                                   .step_distance = geo->step_slots * slot_size,
                                   .steps = h->steps,
                                   .groups = h->groups,
                                   .unit = (const oct_depthwise_unit *)packed,
                                   .w = packed + sizeof(oct_depthwise_unit),
                                   .x_zero_point = j->x_zero_point,
                                   .lanes_in_all = (int32_t)(h->steps * h->groups * geo->lanes),
                                   .weight_zero_points = h->weight_zero_points,
                                   .bias = j->bias + unit * OCT_DEPTHWISE_UNIT,
                                   .acc = acc + u * OCT_DEPTHWISE_UNIT,
                                   .acc_stride = OCT_DEPTHWISE_CHANNELS};
    j->kernel->sum(&sum);
  }
  const oct_depthwise_store store = {.stage = &j->stage,
                                     .column = channel,
                                     .acc = acc,
                                     .acc_stride = OCT_DEPTHWISE_CHANNELS,
                                     .rows = outputs,
                                     .columns = count,
                                     .y = y + channel * width,
                                     .y_stride = j->call->y_stride * (ptrdiff_t)width};
  if (j->wide)
    oct_depthwise_store_wide(&store, j->call->output->bias);
  else
    j->kernel->store(&store);
}

static void run_items(void *context, size_t begin, size_t end, int worker) {
  const job *j = context;
  const geometry *geo = &j->geo;
  char *memory = j->workers + (size_t)worker * geo->worker_size;
  const uint8_t **rows = (const uint8_t **)memory;
  const uint8_t **taps = (const uint8_t **)(memory + geo->rows_size);
  char *cells = memory + geo->rows_size + geo->taps_size;
  int32_t *acc = (int32_t *)(cells + geo->cells_size);
  const ptrdiff_t width = (ptrdiff_t)oct_dtype_size(j->stage.dtype);
  for (size_t item = begin; item < end; item++) {
    const size_t ox = item % geo->tiles * geo->tile, row = item / geo->tiles;
    const size_t oy = row % geo->out[1], plane = row / geo->out[1];
    const size_t left = geo->out[2] - ox, outputs = left < geo->tile ? left : geo->tile;
    find_rows(j, plane / geo->out[0], plane % geo->out[0], oy, rows);
    find_taps(j, ox, rows, taps);
    char *y = (char *)j->call->y + (ptrdiff_t)(row * geo->out[2] + ox) * j->call->y_stride * width;
    for (size_t c = 0; c < j->header->channels; c += OCT_DEPTHWISE_CHANNELS) {
      const size_t rest = j->header->channels - c;
      run_block(j, c, rest < OCT_DEPTHWISE_CHANNELS ? rest : OCT_DEPTHWISE_CHANNELS, outputs, taps, cells, acc, y);
    }
  }
}

/* The part of the workspace that all workers read. */
static void prepare(job *j, char *workspace) {
  const geometry *geo = &j->geo;
  const oct_output *output = j->call->output;
  const size_t channels = j->header->channels, padded = geo->columns_size / sizeof(float);
  const int64_t taps = (int64_t)(geo->rows * j->header->kernel_size[2]);
  float *multiplier = (float *)(workspace + geo->pixel_size), *real_bias = multiplier + padded;
  int32_t *bias = (int32_t *)(real_bias + padded);
  memset(workspace, (uint8_t)j->call->x_zero_point, geo->pixel_size);
  oct_stage_columns(output, 0, channels, padded, multiplier, real_bias);
  j->wide = !oct_output_bias_fits(output, 0, channels, taps * 65025);
  memset(bias, 0, geo->columns_size);
  if (output->bias && !j->wide) memcpy(bias, output->bias, channels * sizeof *bias);
  j->padding = (const uint8_t *)workspace;
  j->bias = bias;
  j->stage = oct_stage_make(output, 0, channels, multiplier, real_bias);
  j->workers = workspace + geo->common_size;
}

oct_status oct_depthwise_run(const void *packed, size_t packed_size, const oct_conv_call *call, const oct_run *run) {
  const oct_depthwise_packed *header = oct_depthwise_open(packed, packed_size);
  if (!header) return foreign();
  if (call->batch == 0) return OCT_OK;
  if (header->in_rows) return oct_rows_run_call(header, call, run);
  job j = {.header = header, .kernel = oct_depthwise_kernel_at(header->kernel), .call = call};
  int threads;
  size_t bytes;
  void *workspace;
  oct_status status = plan(header, call, &j.geo);
  if (status == OCT_OK) status = oct_run_threads("depthwise convolution", run, &threads);
  if (status == OCT_OK) status = workspace_of(&j.geo, threads, &bytes);
  if (status == OCT_OK) status = oct_run_workspace("depthwise convolution", run, bytes, &workspace);
  if (status != OCT_OK) return status;
  const bool signed_input = header->x_dtype == OCT_S8, signed_cells = j.kernel->form == OCT_DEPTHWISE_SIGNED_X;
  j.flip = signed_input != signed_cells ? 0x80 : 0;
  j.x_zero_point = (int16_t)(call->x_zero_point + (signed_input == signed_cells ? 0 : signed_input ? 128 : -128));
  prepare(&j, workspace);
  /* Products of one item, cells counted whole. */
  const size_t per_item = j.geo.tile * header->steps * header->groups * j.geo.lanes * header->channels;
  const bool worth_threads = j.geo.items > 1 && per_item * j.geo.items >= FORK_PRODUCTS;
  oct_parallel_for(j.geo.items, worth_threads ? oct_ceil_div(RANGE_PRODUCTS, per_item) : j.geo.items, threads,
                   run_items, &j);
  return OCT_OK;
}
