/* Choosing a depthwise kernel and laying out its weights. */
#include <string.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/status.h"
#include "rows.h"

static const oct_depthwise_kernel *const table[] = {
#define OCT_DEPTHWISE_KERNEL(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "depthwise.def"
#undef OCT_DEPTHWISE_KERNEL
};
enum { KERNELS = sizeof table / sizeof *table, MAGIC = 0x6F637464 };

const oct_depthwise_kernel *oct_depthwise_kernel_at(uint32_t index) { return index < KERNELS ? table[index] : NULL; }

oct_status oct_depthwise_select(const oct_depthwise_kernel **kernel, uint32_t *index) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  uint32_t i = 0;
  while (!oct_registry_allows("depthwise", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernel = table[i];
  *index = i;
  return OCT_OK;
}

/* The header for these weights, all but its size. */
static oct_status make_header(const oct_conv_weights *weights, oct_depthwise_packed *header) {
  const oct_depthwise_kernel *kernel;
  if (weights->groups != weights->in_channels || weights->groups != weights->out_channels || weights->groups == 0)
    return OCT_UNSUPPORTED;
  size_t taps = 1;
  for (uint32_t i = 0; i < weights->rank; i++)
    if (!oct_multiply(taps, weights->kernel[i], &taps)) return OCT_UNSUPPORTED;
  if (taps > OCT_DEPTHWISE_MAX_TAPS) return OCT_UNSUPPORTED;
  *header = (oct_depthwise_packed){
      .magic = MAGIC, .x_dtype = weights->x_dtype, .rank = weights->rank, .channels = weights->groups};
  const oct_status status = oct_depthwise_select(&kernel, &header->kernel);
  if (status != OCT_OK) return status;
  const uint32_t ones = 3 - weights->rank;
  for (uint32_t i = 0; i < 3; i++) {
    header->kernel_size[i] = i < ones ? 1 : weights->kernel[i - ones];
    header->stride[i] = i < ones ? 1 : weights->stride[i - ones];
    header->dilation[i] = i < ones ? 1 : weights->dilation[i - ones];
    header->padding_begin[i] = i < ones ? 0 : weights->padding_begin[i - ones];
    header->padding_end[i] = i < ones ? 0 : weights->padding_end[i - ones];
  }
  /* A step costs a multiplication per group and output; a group also costs about two more to gather. */
  const size_t rows = header->kernel_size[0] * header->kernel_size[1], columns = header->kernel_size[2];
  const size_t down_groups = oct_ceil_div(rows, kernel->lanes), along_steps = oct_ceil_div(columns, kernel->lanes);
  header->along_columns = (along_steps + 2) * rows < (columns + 2) * down_groups;
  header->steps = header->along_columns ? along_steps : columns;
  header->groups = header->along_columns ? rows : down_groups;
  return OCT_OK;
}

static size_t unit_size(const oct_depthwise_packed *header) {
  const size_t cells = header->steps * header->groups * oct_depthwise_cell_size(table[header->kernel]);
  return sizeof(oct_depthwise_unit) + oct_round_up(cells, OCT_ALIGNMENT);
}

oct_status oct_depthwise_packed_size(const oct_conv_weights *weights, size_t *bytes) {
  oct_depthwise_packed header;
  const oct_status status = make_header(weights, &header);
  if (status != OCT_OK) return status;
  oct_rows_layout layout;
  const size_t units = oct_ceil_div(header.channels, OCT_DEPTHWISE_UNIT);
  bool fits = oct_multiply(units, unit_size(&header), bytes);
  if (fits && oct_rows_make_layout(&header, &layout)) {
    /* Which form it becomes depends on the weights. */
    const size_t rows = oct_rows_packed_bytes(&layout, header.channels);
    if (rows > *bytes) *bytes = rows;
  }
  if (!fits || !oct_add(*bytes, sizeof header, bytes))
    return oct_fail(OCT_OVERFLOW,
                    "depthwise convolution: the packed weights of %zu channels are more than memory can hold",
                    header.channels);
  return OCT_OK;
}

static int32_t weight_at(const oct_conv_weights *weights, size_t index) {
  return weights->w_dtype == OCT_U8 ? ((const uint8_t *)weights->w)[index] : ((const int8_t *)weights->w)[index];
}

static int32_t zero_point_of(const oct_conv_weights *weights, size_t channel) {
  if (!weights->zero_point || weights->zero_point_count == 0) return 0;
  return weights->zero_point[weights->zero_point_count == 1 ? 0 : channel];
}

/* Where tap (row, column) of the window lies among the lanes of all cells. */
static size_t lane_of(const oct_depthwise_packed *header, size_t lanes, size_t row, size_t column,
                      size_t channel_in_unit) {
  const size_t step = header->along_columns ? column / lanes : column;
  const size_t group = header->along_columns ? row : row / lanes;
  const size_t lane = (header->along_columns ? column : row) % lanes;
  return ((step * header->groups + group) * OCT_DEPTHWISE_UNIT + channel_in_unit) * lanes + lane;
}

static void pack_channel(const oct_conv_weights *weights, const oct_depthwise_packed *header, size_t channel,
                         char *unit) {
  const oct_depthwise_kernel *kernel = table[header->kernel];
  const size_t rows = header->kernel_size[0] * header->kernel_size[1], columns = header->kernel_size[2];
  const size_t in_unit = channel % OCT_DEPTHWISE_UNIT;
  const int32_t flip = weights->w_dtype == OCT_U8 ? 128 : 0;
  const int32_t z = zero_point_of(weights, channel);
  oct_depthwise_unit *head = (oct_depthwise_unit *)unit;
  char *cells = unit + sizeof *head;
  const bool bytes = kernel->form != OCT_DEPTHWISE_INT16;
  if (bytes) {
    head->zero_point[in_unit] = z - flip;
    for (size_t i = 0; i < header->steps * header->groups; i++)
      memset(cells + (i * OCT_DEPTHWISE_UNIT + in_unit) * kernel->lanes, (uint8_t)(z - flip), kernel->lanes);
  }
  for (size_t row = 0; row < rows; row++)
    for (size_t column = 0; column < columns; column++) {
      const int32_t w = weight_at(weights, (channel * rows + row) * columns + column);
      const size_t lane = lane_of(header, kernel->lanes, row, column, in_unit);
      if (bytes)
        ((int8_t *)cells)[lane] = (int8_t)(w - flip);
      else
        ((int16_t *)cells)[lane] = (int16_t)(w - z);
    }
  if (!bytes) return;
  /* 2^15 taps of 8 bits and their padding stay far inside 32. */
  int32_t sum = 0;
  for (size_t i = 0; i < header->steps * header->groups; i++)
    for (size_t lane = 0; lane < kernel->lanes; lane++)
      sum += ((const int8_t *)cells)[(i * OCT_DEPTHWISE_UNIT + in_unit) * kernel->lanes + lane];
  head->sum[in_unit] = sum;
}

oct_status oct_depthwise_pack(const oct_conv_weights *weights, void *packed, size_t packed_size) {
  oct_depthwise_packed header;
  size_t bytes;
  oct_status status = oct_depthwise_packed_size(weights, &bytes);
  if (status == OCT_OK) status = make_header(weights, &header);
  if (status != OCT_OK) return status;
  if (packed_size < bytes)
    return oct_fail(
        OCT_BUFFER_TOO_SMALL,
        "depthwise convolution: packed weights have %zu bytes, expected %zu; ask for their size under the same cap",
        packed_size, bytes);
  header.size = bytes;
  const size_t unit = unit_size(&header);
  oct_rows_layout layout;
  memset(packed, 0, bytes);
  for (size_t c = 0; c < header.channels; c++)
    if (zero_point_of(weights, c) != (weights->w_dtype == OCT_U8 ? 128 : 0)) header.weight_zero_points = 1;
  header.in_rows = !header.weight_zero_points && oct_rows_make_layout(&header, &layout);
  if (header.in_rows)
    oct_rows_pack(&layout, header.channels, weights, (char *)packed + sizeof header);
  else
    for (size_t c = 0; c < header.channels; c++)
      pack_channel(weights, &header, c, (char *)packed + sizeof header + c / OCT_DEPTHWISE_UNIT * unit);
  memcpy(packed, &header, sizeof header);
  return OCT_OK;
}

const oct_depthwise_packed *oct_depthwise_open(const void *packed, size_t packed_size) {
  if (!packed || packed_size < sizeof(oct_depthwise_packed) || !oct_aligned(packed)) return NULL;
  const oct_depthwise_packed *header = packed;
  if (header->magic != MAGIC || header->size > packed_size || header->kernel >= KERNELS) return NULL;
  return oct_isa_supported(table[header->kernel]->isa) ? header : NULL;
}

const char *oct_depthwise_kernel_name(const void *packed, size_t packed_size) {
  const oct_depthwise_packed *header = oct_depthwise_open(packed, packed_size);
  return header ? table[header->kernel]->name : NULL;
}
