/* Weights into panels: int8, groups of k side by side, and the sums that zero points need. */
#include <string.h>

#include "base/align.h"
#include "gemm_packed.h"

/* Sum and ends of the int8 weights of one column. */
typedef struct column_stats {
  int64_t sum;
  int32_t low, high;
} column_stats;

static int32_t stored_zero(const oct_gemm_source *source, size_t n) {
  const int32_t offset = source->b_dtype == OCT_U8 ? 128 : 0;
  if (!source->zero_point || source->zero_point_count == 0) return -offset;
  return source->zero_point[source->zero_point_count == 1 ? 0 : n] - offset;
}

/* uint8 becomes int8 less 128 by its top bit. */
static uint8_t flip_of(const oct_gemm_source *source) { return source->b_dtype == OCT_U8 ? 0x80 : 0; }

static void count_values(const uint8_t *values, size_t count, ptrdiff_t stride, uint8_t flip, column_stats *stats) {
  for (size_t i = 0; i < count; i++) {
    const int32_t value = (int8_t)(values[(ptrdiff_t)i * stride] ^ flip);
    stats->sum += value;
    stats->low = value < stats->low ? value : stats->low;
    stats->high = value > stats->high ? value : stats->high;
  }
}

/* The same for neighbours, in parts whose sums fit into 32 bits, so that vectors can do it. */
static void count_neighbours(const uint8_t *values, size_t count, uint8_t flip, column_stats *stats) {
  enum { PART = 1 << 16 };
  for (size_t begin = 0; begin < count; begin += PART) {
    const size_t end = count - begin < PART ? count : begin + PART;
    int32_t sum = 0;
    int8_t low = 127, high = -128;
    for (size_t i = begin; i < end; i++) {
      const int8_t value = (int8_t)(values[i] ^ flip);
      sum += value;
      low = value < low ? value : low;
      high = value > high ? value : high;
    }
    stats->sum += sum;
    stats->low = low < stats->low ? low : stats->low;
    stats->high = high > stats->high ? high : stats->high;
  }
}

/* Where the next element of a column goes: runs of k_group bytes, nr * k_group bytes apart. */
typedef struct cursor {
  int8_t *out;
  size_t place, run, step;
} cursor;

static void put(cursor *at, int8_t value) {
  at->out[at->place] = value;
  if (++at->place < at->run) return;
  at->place = 0;
  at->out += at->step;
}

/* Neighbours from the start of a run, four to a run: the common case of long rows. */
static size_t put_fours(cursor *at, const uint8_t *values, size_t count, uint8_t flip) {
  const uint32_t flips = 0x01010101u * flip;
  size_t i = 0;
  for (; i + 4 <= count; i += 4, at->out += at->step) {
    uint32_t four;
    memcpy(&four, values + i, 4);
    four ^= flips;
    memcpy(at->out, &four, 4);
  }
  return i;
}

static void put_values(cursor *at, const uint8_t *values, size_t count, ptrdiff_t stride, uint8_t flip,
                       column_stats *stats) {
  size_t i = 0;
  if (stride == 1) {
    count_neighbours(values, count, flip, stats);
    if (at->run == 4 && at->place == 0) i = put_fours(at, values, count, flip);
  } else {
    count_values(values, count, stride, flip, stats);
  }
  for (; i < count; i++) put(at, (int8_t)(values[(ptrdiff_t)i * stride] ^ flip));
}

/* The next element starts a group. */
static void end_run(cursor *at) {
  if (at->place == 0) return;
  at->place = 0;
  at->out += at->step;
}

static void put_zeros(cursor *at, size_t count, int32_t zero, column_stats *stats) {
  stats->sum += (int64_t)count * zero;
  for (size_t i = 0; i < count; i++) put(at, (int8_t)zero);
}

/* Where step o of k begins, from a column's first element. */
static ptrdiff_t step_offset(const oct_gemm_source *source, size_t o) {
  const size_t o2 = o % source->outer[2], o1 = o / source->outer[2] % source->outer[1],
               o0 = o / source->outer[2] / source->outer[1];
  return (ptrdiff_t)o0 * source->stride_outer[0] + (ptrdiff_t)o1 * source->stride_outer[1] +
         (ptrdiff_t)o2 * source->stride_outer[2];
}

/* One column from its first place in a panel. */
static column_stats pack_column(const oct_gemm_kernel *kernel, const oct_gemm_source *source, size_t n, int8_t *out) {
  const size_t inner = source->k_inner / source->blocks, of_block = source->n / source->blocks, block = n / of_block;
  const uint8_t *column = (const uint8_t *)source->b + (ptrdiff_t)block * source->stride_block +
                          (ptrdiff_t)(n % of_block) * source->stride_n;
  const int32_t zero = stored_zero(source, n);
  cursor at = {.out = out, .run = kernel->k_group, .step = (size_t)kernel->nr * kernel->k_group};
  column_stats stats = {.low = 127, .high = -128};
  for (size_t o = 0, steps = oct_gemm_source_steps(source); o < steps; o++) {
    put_zeros(&at, block * inner, zero, &stats);
    put_values(&at, column + step_offset(source, o), inner, source->stride_inner, flip_of(source), &stats);
    put_zeros(&at, source->k_inner - (block + 1) * inner, zero, &stats);
    if (source->run != 0 && (o + 1) * source->k_inner % source->run == 0) end_run(&at);
  }
  return stats;
}

/* A panel of columns that are neighbours in memory, as in the transpose [k, n]: k by k, so that memory is read in
 * order. */
static void pack_across(const oct_gemm_kernel *kernel, const oct_gemm_source *source, size_t first, size_t count,
                        int8_t *panel, column_stats *stats) {
  const uint8_t *columns = (const uint8_t *)source->b + first;
  const uint8_t flip = flip_of(source);
  const size_t run = kernel->k_group;
  for (size_t c = 0; c < count; c++) stats[c] = (column_stats){.low = 127, .high = -128};
  for (size_t k = 0; k < oct_gemm_source_steps(source) * source->k_inner; k++) {
    const uint8_t *line =
        columns + step_offset(source, k / source->k_inner) + (ptrdiff_t)(k % source->k_inner) * source->stride_inner;
    const size_t place = source->run == 0 ? k : k / source->run * oct_round_up(source->run, run) + k % source->run;
    int8_t *out = panel + place / run * run * kernel->nr + place % run;
    for (size_t c = 0; c < count; c++) {
      const int8_t value = (int8_t)(line[c] ^ flip);
      out[c * run] = value;
      stats[c].sum += value;
      stats[c].low = value < stats[c].low ? value : stats[c].low;
      stats[c].high = value > stats[c].high ? value : stats[c].high;
    }
  }
}

size_t oct_gemm_cell_blocks(const oct_gemm_kernel *kernel, const oct_gemm_source *source) {
  const size_t blocks = source->blocks;
  if (!kernel->run_blocks || source->k_inner != OCT_GEMM_CELL || source->n != OCT_GEMM_CELL ||
      !oct_gemm_is_cell(blocks))
    return 1;
  for (size_t n = 0; n < source->n; n++)
    if (stored_zero(source, n) != 0) return 1;
  return blocks;
}

/* One column of block diagonal weights: the bytes of its block in every cell. */
static column_stats pack_diagonal(const oct_gemm_source *source, size_t n, int8_t *panel) {
  const size_t size = OCT_GEMM_CELL / source->blocks, block = n / size, in_block = n % size, half = source->blocks / 2;
  const uint8_t *column =
      (const uint8_t *)source->b + (ptrdiff_t)block * source->stride_block + (ptrdiff_t)in_block * source->stride_n;
  const size_t place = block / half * (size * OCT_GEMM_CELL / 2) + in_block * (OCT_GEMM_CELL / 2) + block % half * size;
  cursor at = {.out = panel + place, .run = size, .step = size * OCT_GEMM_CELL};
  if (source->blocks == OCT_GEMM_SIXTEENS) at = (cursor){.out = panel + 4 * n, .run = 4, .step = 4 * OCT_GEMM_CELL};
  column_stats stats = {.low = 0, .high = 0};
  for (size_t o = 0, steps = oct_gemm_source_steps(source); o < steps; o++)
    put_values(&at, column + step_offset(source, o), size, source->stride_inner, flip_of(source), &stats);
  return stats;
}

oct_gemm_summary oct_gemm_pack_panels(const oct_gemm_kernel *kernel, const oct_gemm_source *source, int64_t *column_sum,
                                      int32_t *minus_zero, int8_t *panels) {
  const size_t k = oct_gemm_source_steps(source) * source->k_inner, nr = kernel->nr;
  const size_t run = source->run == 0 ? k : source->run;
  const size_t panel_bytes = k == 0 ? 0 : nr * (k / run) * oct_round_up(run, kernel->k_group);
  const bool across = source->stride_n == 1 && source->stride_inner != 1 && source->blocks == 1;
  const bool diagonal = oct_gemm_cell_blocks(kernel, source) > 1;
  oct_gemm_summary summary = {.largest = 0};
  for (size_t first = 0; first < source->n; first += nr) {
    const size_t count = source->n - first < nr ? source->n - first : nr;
    int8_t *panel = panels + first / nr * panel_bytes; /* cells have one panel alone */
    column_stats stats[OCT_GEMM_MAX_COLUMNS];
    if (k > 0 && across) pack_across(kernel, source, first, count, panel, stats);
    for (size_t c = 0; c < count; c++) {
      const int32_t zero = stored_zero(source, first + c);
      minus_zero[first + c] = -zero;
      summary.has_zero = summary.has_zero || zero != 0;
      if (k == 0) continue;
      if (diagonal)
        stats[c] = pack_diagonal(source, c, panel);
      else if (!across)
        stats[c] = pack_column(kernel, source, first + c, panel + c * kernel->k_group);
      column_sum[first + c] = stats[c].sum;
      const int32_t below = zero - stats[c].low, above = stats[c].high - zero;
      summary.largest = below > summary.largest ? below : summary.largest;
      summary.largest = above > summary.largest ? above : summary.largest;
    }
  }
  return summary;
}
