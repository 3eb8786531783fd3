/* Geometry, packing, and opening what was packed. */
#include <inttypes.h>
#include <string.h>

#include "base/align.h"
#include "base/status.h"
#include "base/verbose.h"
#include "conv_packed.h"
#include "conv_strip.h"
#include "depthwise/depthwise.h"

/* "OCTCONV" and the version of the bytes. */
#define PACKED_MAGIC 0x01564E4F4354434Fu

typedef struct packed_header {
  uint64_t magic;
  uint64_t total;
  uint64_t depthwise; /* 1 when the block is one of oct_depthwise_pack */
  uint64_t any_zero;  /* 1 when some product's weights have zero points */
  oct_conv_geometry geometry;
  uint32_t check; /* of the fields above */
} packed_header;

enum { HEADER_BYTES = 4 * OCT_ALIGNMENT };
_Static_assert(sizeof(packed_header) <= HEADER_BYTES, "the header fits its part");
_Static_assert(sizeof(oct_conv_geometry) % 8 == 0 && offsetof(packed_header, check) == 32 + sizeof(oct_conv_geometry),
               "the checked fields are whole words");

static uint32_t header_check(const packed_header *header) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (size_t at = 0; at < offsetof(packed_header, check); at += 8) {
    uint64_t word;
    memcpy(&word, (const char *)header + at, 8);
    hash = (hash ^ word) * 0x100000001B3u;
  }
  return (uint32_t)(hash ^ (hash >> 32));
}

static bool is_byte(oct_dtype dtype) { return dtype == OCT_U8 || dtype == OCT_S8; }

static oct_status check_channels(const char *entry, const oct_conv_weights *weights) {
  if (weights->groups == 0 || weights->in_channels == 0 || weights->out_channels == 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %zu channels to %zu in %zu groups, expected at least 1 each", entry,
                    weights->in_channels, weights->out_channels, weights->groups);
  if (weights->in_channels % weights->groups != 0 || weights->out_channels % weights->groups != 0)
    return oct_fail(OCT_SHAPE_MISMATCH,
                    "%s: %zu channels to %zu don't split into %zu groups; both must be multiples of the groups", entry,
                    weights->in_channels, weights->out_channels, weights->groups);
  return OCT_OK;
}

/* One dimension. Sizes stay below 2^62, so that positions fit into a signed word whatever the input. */
static oct_status check_dimension(const char *entry, const oct_conv_weights *weights, uint32_t d) {
  const size_t limit = PTRDIFF_MAX / 4;
  if (weights->kernel[d] == 0 || weights->stride[d] == 0 || weights->dilation[d] == 0)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: dimension %u has kernel %zu, stride %zu, dilation %zu, expected at least 1 each", entry,
                    (unsigned)d, weights->kernel[d], weights->stride[d], weights->dilation[d]);
  size_t span;
  if (!oct_multiply(weights->kernel[d], weights->dilation[d], &span) || span > limit || weights->stride[d] > limit ||
      weights->padding_begin[d] > limit || weights->padding_end[d] > limit)
    return oct_fail(OCT_OVERFLOW,
                    "%s: dimension %u has kernel %zu, dilation %zu, stride %zu, padding %zu and %zu, which overflows",
                    entry, (unsigned)d, weights->kernel[d], weights->dilation[d], weights->stride[d],
                    weights->padding_begin[d], weights->padding_end[d]);
  if (weights->output_padding[d] > (weights->transposed ? limit : 0))
    return oct_fail(weights->transposed ? OCT_OVERFLOW : OCT_INVALID_ARGUMENT,
                    "%s: dimension %u has output_padding %zu, expected at most %zu; it is for transposed convolutions",
                    entry, (unsigned)d, weights->output_padding[d], weights->transposed ? limit : 0);
  return OCT_OK;
}

oct_status oct_conv_check_geometry(const char *entry, const oct_conv_weights *weights, oct_conv_geometry *geometry) {
  if (!weights) return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights is null; pass an oct_conv_weights", entry);
  if (weights->struct_size != sizeof *weights)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: weights->struct_size is %u, expected %zu; set it to sizeof(oct_conv_weights)", entry,
                    (unsigned)weights->struct_size, sizeof *weights);
  if (!is_byte(weights->x_dtype) || !is_byte(weights->w_dtype))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights are %s for activations of %s, expected uint8 or int8 for both",
                    entry, oct_dtype_name(weights->w_dtype), oct_dtype_name(weights->x_dtype));
  if (weights->rank < 1 || weights->rank > OCT_CONV_MAX_RANK)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: rank is %u, expected 1, 2 or 3 spatial dimensions", entry,
                    (unsigned)weights->rank);
  oct_status status = check_channels(entry, weights);
  memset(geometry, 0, sizeof *geometry);
  geometry->in_channels = weights->in_channels;
  geometry->out_channels = weights->out_channels;
  geometry->groups = weights->groups;
  geometry->x_dtype = (uint32_t)weights->x_dtype;
  geometry->w_dtype = (uint32_t)weights->w_dtype;
  geometry->rank = weights->rank;
  geometry->transposed = weights->transposed;
  const uint32_t lacking = OCT_CONV_MAX_RANK - weights->rank;
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++)
    geometry->kernel[d] = geometry->stride[d] = geometry->dilation[d] = 1;
  for (uint32_t d = 0; status == OCT_OK && d < weights->rank; d++) {
    status = check_dimension(entry, weights, d);
    geometry->kernel[lacking + d] = weights->kernel[d];
    geometry->stride[lacking + d] = weights->stride[d];
    geometry->dilation[lacking + d] = weights->dilation[d];
    geometry->padding_begin[lacking + d] = weights->padding_begin[d];
    geometry->padding_end[lacking + d] = weights->padding_end[d];
    geometry->output_padding[lacking + d] = weights->output_padding[d];
  }
  return status;
}

/* The size of a transposed convolution's output in one dimension. */
static oct_status transposed_size(const char *entry, const oct_conv_geometry *geometry, uint32_t d, size_t in,
                                  size_t *out) {
  const int named = (int)d - (int)(OCT_CONV_MAX_RANK - geometry->rank);
  const size_t padding = (size_t)(geometry->padding_begin[d] + geometry->padding_end[d]);
  const size_t span = (size_t)(geometry->dilation[d] * (geometry->kernel[d] - 1) + geometry->output_padding[d] + 1);
  size_t reach;
  if (!oct_multiply(in - 1, (size_t)geometry->stride[d], &reach) || !oct_add(reach, span, &reach) ||
      reach > PTRDIFF_MAX / 4)
    return oct_fail(OCT_OVERFLOW, "%s: in[%d] is %zu, which overflows with a stride of %zu; check the input's size",
                    entry, named, in, (size_t)geometry->stride[d]);
  if (reach <= padding)
    return oct_fail(OCT_SHAPE_MISMATCH,
                    "%s: in[%d] is %zu, which reaches %zu outputs, and padding takes %zu away; pass a larger input or "
                    "pad less",
                    entry, named, in, reach, padding);
  *out = reach - padding;
  return OCT_OK;
}

oct_status oct_conv_out_size(const char *entry, const oct_conv_geometry *geometry, const size_t in[], size_t out[]) {
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++) {
    const int named = (int)d - (int)(OCT_CONV_MAX_RANK - geometry->rank);
    const uint64_t span = geometry->dilation[d] * (geometry->kernel[d] - 1) + 1;
    const uint64_t padding = geometry->padding_begin[d] + geometry->padding_end[d];
    if (in[d] > PTRDIFF_MAX / 4)
      return oct_fail(OCT_OVERFLOW, "%s: in[%d] is %zu, which overflows; check the input's size", entry, named, in[d]);
    if (in[d] == 0)
      return oct_fail(OCT_SHAPE_MISMATCH, "%s: in[%d] is 0, expected at least 1; only a batch may be empty", entry,
                      named);
    if (geometry->transposed) {
      const oct_status status = transposed_size(entry, geometry, d, in[d], &out[d]);
      if (status != OCT_OK) return status;
      continue;
    }
    const uint64_t padded = in[d] + padding;
    if (padded < span)
      return oct_fail(OCT_SHAPE_MISMATCH,
                      "%s: in[%d] is %zu, with padding %" PRIu64 ", but the dilated kernel spans %" PRIu64
                      "; pass a larger input or pad it",
                      entry, named, in[d], padded, span);
    out[d] = (size_t)((padded - span) / geometry->stride[d] + 1);
  }
  return OCT_OK;
}

/* Cycles per pixel for one product of `merged` groups, roughly: multiply-adds of the columns that tiles have, the way
 * from sums to outputs, and gathering. */
static double product_cost(const oct_gemm_kernel *kernel, size_t taps, size_t in, size_t out) {
  const size_t half = kernel->nr >= 32 ? kernel->nr / 2 : kernel->nr; /* wide tiles have a narrow form */
  const double halves = (double)oct_ceil_div(out, half), depth = (double)taps * (double)in;
  return depth * halves * (double)half / kernel->speed + 8.0 * halves + 4.0 * (double)taps + depth / 16.0;
}

/* How many groups to merge into one product: a divisor of the groups that still fits a tile. */
static size_t choose_merged(const oct_gemm_kernel *kernel, size_t groups, size_t taps, size_t in, size_t out) {
  if (kernel->run_blocks && in == out && OCT_GEMM_CELL % in == 0) {
    const size_t blocks = OCT_GEMM_CELL / in; /* with a tile of their own */
    if (oct_gemm_is_cell(blocks) && groups >= blocks) return blocks;
  }
  size_t best = 1;
  double best_cost = product_cost(kernel, taps, in, out);
  for (size_t merged = 2; merged <= groups && merged <= kernel->nr / out; merged++) {
    if (groups % merged != 0) continue;
    const double cost = product_cost(kernel, taps, merged * in, merged * out) / (double)merged;
    if (cost >= best_cost) continue;
    best = merged;
    best_cost = cost;
  }
  return best;
}

/* Sizes of the view from a sound geometry; false on overflow. */
static bool derive(const oct_conv_geometry *geometry, const oct_gemm_kernel *kernel, oct_conv_packed *view,
                   size_t *total) {
  const size_t groups = (size_t)geometry->groups;
  const size_t in = (size_t)geometry->in_channels / groups, out = (size_t)geometry->out_channels / groups;
  size_t k, all, taps = 1;
  view->geometry = *geometry;
  for (uint32_t d = 0; d < OCT_CONV_MAX_RANK; d++)
    if (!oct_multiply(taps, (size_t)geometry->kernel[d], &taps)) return false;
  view->phases = oct_conv_phases(geometry, &view->bare);
  view->taps = oct_conv_phase_at(geometry, 0).taps;
  view->merged = choose_merged(kernel, groups, view->taps, in, out);
  view->products = oct_ceil_div(groups, view->merged);
  view->group_in = in;
  view->group_out = out;
  view->in = in * view->merged;
  view->out = out * view->merged;
  view->run = oct_conv_padded_run(geometry, kernel, view->in);
  return oct_multiply(view->taps, view->in, &k) &&
         oct_gemm_packed_bytes(kernel, view->out, k, view->run, &view->block_bytes) &&
         oct_multiply(view->block_bytes, view->products, &all) && oct_multiply(all, view->phases + view->bare, &all) &&
         oct_add(all, HEADER_BYTES, total) && *total <= PTRDIFF_MAX;
}

static oct_status overflow(const char *entry) {
  return oct_fail(OCT_OVERFLOW,
                  "%s: the packed weights take more bytes than an address reaches; check channels and kernel", entry);
}

/* A transposed convolution of stride 1 is a plain one whose kernel is turned round: output o meets tap t at position
 * o + padding - t * dilation. False for others, and where padding takes away more than the kernel reaches. */
static bool turn_round(const oct_conv_weights *weights, oct_conv_weights *plain) {
  *plain = *weights;
  if (!weights->transposed) return false;
  plain->transposed = false;
  for (uint32_t d = 0; d < weights->rank; d++) {
    const size_t reach = weights->dilation[d] * (weights->kernel[d] - 1);
    if (weights->stride[d] != 1 || weights->padding_begin[d] > reach || weights->padding_end[d] > reach) return false;
    plain->padding_begin[d] = reach - weights->padding_begin[d];
    plain->padding_end[d] = reach - weights->padding_end[d] + weights->output_padding[d];
    plain->output_padding[d] = 0;
  }
  return true;
}

static size_t taps_of(const oct_conv_weights *weights) {
  size_t taps = 1;
  for (uint32_t d = 0; d < weights->rank; d++) taps *= weights->kernel[d];
  return taps;
}

/* Depthwise kernels come first; what they don't take goes the general way. True when they take it or fail for a reason.
 * `more` are bytes behind their block in which weights are turned round. */
static bool asks_depthwise(const oct_conv_weights *weights, size_t *block_bytes, size_t *more, oct_status *status) {
  oct_conv_weights plain;
  const bool turned = turn_round(weights, &plain);
  if (weights->transposed && !turned) return false;
  *status = oct_depthwise_packed_size(&plain, block_bytes);
  *more = turned && *status == OCT_OK ? oct_round_up(weights->groups * taps_of(weights), OCT_ALIGNMENT) : 0;
  return *status != OCT_UNSUPPORTED;
}

oct_status oct_conv_packed_size(const oct_conv_weights *weights, size_t *bytes) {
  const char *entry = "oct_conv_packed_size";
  oct_conv_geometry geometry;
  oct_conv_packed view;
  const oct_gemm_kernel *kernel;
  oct_status status = oct_conv_check_geometry(entry, weights, &geometry);
  if (status != OCT_OK) return status;
  if (!bytes) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bytes is null; pass a place for the answer", entry);
  size_t block_bytes, more;
  if (asks_depthwise(weights, &block_bytes, &more, &status)) {
    if (status != OCT_OK) return status;
    return oct_add(block_bytes, HEADER_BYTES + more, bytes) ? OCT_OK : overflow(entry);
  }
  status = oct_gemm_select(&kernel);
  if (status != OCT_OK) return status;
  return derive(&geometry, kernel, &view, bytes) ? OCT_OK : overflow(entry);
}

/* What packing reads and writes, once the sizes are known. */
static oct_status check_pack(const char *entry, const oct_conv_weights *weights, const void *packed, size_t packed_size,
                             size_t total) {
  if (!weights->w) return oct_fail(OCT_INVALID_ARGUMENT, "%s: weights->w is null; pass the weights", entry);
  const oct_status status = oct_gemm_check_zero_points(entry, weights->w_dtype, weights->zero_point,
                                                       weights->zero_point_count, weights->out_channels);
  if (status != OCT_OK) return status;
  if (!packed) return oct_fail(OCT_INVALID_ARGUMENT, "%s: packed is null; pass %zu bytes", entry, total);
  if (!oct_aligned(packed))
    return oct_fail(OCT_MISALIGNED, "%s: packed is at %p, expected an address that is a multiple of %d", entry, packed,
                    OCT_ALIGNMENT);
  if (packed_size < total)
    return oct_fail(OCT_BUFFER_TOO_SMALL, "%s: packed_size is %zu, expected %zu; ask oct_conv_packed_size", entry,
                    packed_size, total);
  return OCT_OK;
}

static void write_header(packed_header *header, void *packed) {
  header->magic = PACKED_MAGIC;
  header->check = header_check(header);
  memset(packed, 0, HEADER_BYTES);
  memcpy(packed, header, sizeof *header);
}

/* One line about weights that were just packed for a kernel. */
static void tell_packed(const oct_conv_weights *weights, const char *kernel, size_t products, double start) {
  oct_tell("conv%s pack channels=%zu->%zu groups=%zu products=%zu kernel=%s %.1f us",
           weights->transposed ? " transposed" : "", weights->in_channels, weights->out_channels, weights->groups,
           products, kernel, oct_clock_us() - start);
}

/* Where the weights of one product of one phase lie. */
static oct_gemm_source product_source(const oct_conv_weights *weights, const oct_conv_packed *view,
                                      const oct_conv_phase *phase, size_t product) {
  const size_t *kernel = weights->kernel + weights->rank - 1;
  const size_t group_in = view->group_in, group_out = view->group_out;
  const size_t first_group = oct_conv_first_group(view, product), first = first_group * group_out;
  const bool per_channel = weights->zero_point_count != 1;
  ptrdiff_t step[OCT_CONV_MAX_RANK] = {0}; /* from tap to tap of the weights */
  size_t taps = 1, tap = 0;
  for (uint32_t inner = 0; inner < weights->rank; inner++) {
    const uint32_t d = OCT_CONV_MAX_RANK - 1 - inner;
    step[d] = phase->tap_step[d] * (ptrdiff_t)taps;
    tap += phase->tap[d] * taps;
    taps *= *(kernel - inner);
  }
  const size_t across = weights->transposed ? group_in : group_out, along = weights->transposed ? group_out : group_in;
  oct_gemm_source source = {
      .a_dtype = weights->x_dtype,
      .b_dtype = weights->w_dtype,
      .n = view->out,
      .outer = {phase->kernel[0], phase->kernel[1], phase->kernel[2]},
      .k_inner = view->in,
      .blocks = view->merged,
      .b = (const char *)weights->w + first_group * across * along * taps + tap,
      .stride_n = (ptrdiff_t)(weights->transposed ? taps : along * taps),
      .stride_block = (ptrdiff_t)(across * along * taps),
      .stride_outer = {step[0], step[1], step[2]},
      .stride_inner = (ptrdiff_t)(weights->transposed ? along * taps : taps),
      .run = view->run,
      .zero_point = weights->zero_point && per_channel ? weights->zero_point + first : weights->zero_point,
      .zero_point_count = per_channel ? view->out : 1,
  };
  return source;
}

oct_status oct_conv_pack_for(const oct_gemm_kernel *kernel, const oct_conv_weights *weights, void *packed,
                             size_t packed_size) {
  const char *entry = "oct_conv_pack";
  oct_conv_packed view;
  size_t total;
  packed_header header = {.depthwise = 0};
  oct_status status = oct_conv_check_geometry(entry, weights, &header.geometry);
  if (status != OCT_OK) return status;
  if (!derive(&header.geometry, kernel, &view, &total)) return overflow(entry);
  status = check_pack(entry, weights, packed, packed_size, total);
  if (status != OCT_OK) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  for (size_t index = 0; index < view.phases + view.bare; index++) {
    const oct_conv_phase phase = oct_conv_phase_at(&header.geometry, index);
    for (size_t product = 0; product < view.products; product++) {
      const oct_gemm_source source = product_source(weights, &view, &phase, product);
      char *block = (char *)packed + HEADER_BYTES + (index * view.products + product) * view.block_bytes;
      oct_gemm_packed packed_product;
      oct_gemm_pack_source(kernel, &source, block);
      if (oct_gemm_open(entry, block, view.block_bytes, &packed_product) == OCT_OK && packed_product.has_zero)
        header.any_zero = 1;
    }
  }
  header.total = total;
  write_header(&header, packed);
  if (oct_verbose()) tell_packed(weights, kernel->name, view.phases * view.products, start);
  return OCT_OK;
}

/* Packs `block_bytes` bytes for the depthwise kernels, and `more` behind them; see asks_depthwise. */
static oct_status pack_depthwise(const oct_conv_weights *weights, size_t block_bytes, size_t more, void *packed,
                                 size_t packed_size) {
  const char *entry = "oct_conv_pack";
  packed_header header = {.depthwise = 1};
  size_t total;
  oct_status status = oct_conv_check_geometry(entry, weights, &header.geometry);
  if (status != OCT_OK) return status;
  if (!oct_add(block_bytes, HEADER_BYTES + more, &total)) return overflow(entry);
  status = check_pack(entry, weights, packed, packed_size, total);
  if (status != OCT_OK) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  char *block = (char *)packed + HEADER_BYTES;
  oct_conv_weights plain;
  if (turn_round(weights, &plain)) {
    uint8_t *turned = (uint8_t *)block + block_bytes;
    const uint8_t *w = weights->w;
    const size_t taps = taps_of(weights);
    for (size_t i = 0; i < weights->groups * taps; i++) turned[i] = w[i / taps * taps + (taps - 1 - i % taps)];
    plain.w = turned;
  }
  status = oct_depthwise_pack(&plain, block, block_bytes);
  if (status != OCT_OK) return status;
  header.total = total;
  write_header(&header, packed);
  if (oct_verbose()) tell_packed(weights, oct_depthwise_kernel_name(block, block_bytes), 0, start);
  return OCT_OK;
}

oct_status oct_conv_pack(const oct_conv_weights *weights, void *packed, size_t packed_size) {
  oct_conv_geometry geometry;
  const oct_gemm_kernel *kernel;
  size_t block_bytes, more;
  oct_status status = oct_conv_check_geometry("oct_conv_pack", weights, &geometry);
  if (status != OCT_OK) return status;
  if (asks_depthwise(weights, &block_bytes, &more, &status))
    return status == OCT_OK ? pack_depthwise(weights, block_bytes, more, packed, packed_size) : status;
  status = oct_gemm_select(&kernel);
  return status == OCT_OK ? oct_conv_pack_for(kernel, weights, packed, packed_size) : status;
}

static oct_status corrupt(const char *entry, const char *what) {
  return oct_fail(OCT_CORRUPT,
                  "%s: packed weights are not ours (%s); pass bytes that oct_conv_pack wrote in this process", entry,
                  what);
}

oct_status oct_conv_open(const char *entry, const void *packed, size_t packed_size, oct_conv_packed *view) {
  if (!packed) return oct_fail(OCT_INVALID_ARGUMENT, "%s: packed is null; pass packed weights", entry);
  if (!oct_aligned(packed))
    return oct_fail(OCT_MISALIGNED, "%s: packed is at %p, expected an address that is a multiple of %d", entry, packed,
                    OCT_ALIGNMENT);
  if (packed_size < HEADER_BYTES)
    return oct_fail(OCT_BUFFER_TOO_SMALL,
                    "%s: packed_size is %zu, expected at least the header's %d; pass the size that was queried", entry,
                    packed_size, HEADER_BYTES);
  packed_header header;
  memcpy(&header, packed, sizeof header);
  if (header.magic != PACKED_MAGIC) return corrupt(entry, "the first bytes differ");
  if (header.check != header_check(&header)) return corrupt(entry, "damaged header");
  if (header.total > packed_size)
    return oct_fail(OCT_BUFFER_TOO_SMALL,
                    "%s: packed_size is %zu, but these weights have %" PRIu64 " bytes; pass the size that was queried",
                    entry, packed_size, header.total);
  const char *blocks = (const char *)packed + HEADER_BYTES;
  size_t total;
  if (header.depthwise) {
    const size_t block_bytes = (size_t)header.total - HEADER_BYTES;
    if (header.total < HEADER_BYTES || !oct_depthwise_kernel_name(blocks, block_bytes))
      return corrupt(entry, "a depthwise block that isn't one");
    *view =
        (oct_conv_packed){.geometry = header.geometry, .depthwise = true, .blocks = blocks, .block_bytes = block_bytes};
    return OCT_OK;
  }
  oct_gemm_packed first;
  const oct_status status = oct_gemm_open(entry, blocks, packed_size - HEADER_BYTES, &first);
  if (status != OCT_OK) return status;
  *view = (oct_conv_packed){.blocks = blocks, .any_zero = header.any_zero != 0};
  if (header.geometry.groups == 0 || !derive(&header.geometry, first.kernel, view, &total) || total != header.total)
    return corrupt(entry, "sizes that contradict each other");
  return OCT_OK;
}

oct_status oct_conv_product(const char *entry, const oct_conv_packed *view, const oct_conv_phase *phase, size_t index,
                            const oct_gemm_packed *like, oct_gemm_packed *product) {
  const char *block = view->blocks + (phase->index * view->products + index) * view->block_bytes;
  const oct_status status = like ? oct_gemm_open_like(entry, like, block, view->block_bytes, product)
                                 : oct_gemm_open(entry, block, view->block_bytes, product);
  if (status != OCT_OK) return status;
  if (product->n != view->out || product->k != phase->taps * view->in ||
      product->a_dtype != (oct_dtype)view->geometry.x_dtype)
    return corrupt(entry, "a product that contradicts the geometry");
  return OCT_OK;
}
