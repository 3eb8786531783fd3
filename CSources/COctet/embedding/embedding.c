/* Looking up embedding rows: checks, the choice of kernels, bags for threads. */
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "half.h"
#include "kernels.h"

OCT_FP_STRICT

/* Codes per claimed range of bags, and the fewest codes for which a team is started. */
enum { GRAIN = 1 << 14, FORK = 2 * GRAIN };

static const oct_embedding_kernels *const table_of_kernels[] = {
#define OCT_EMBEDDING_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "embedding.def"
#undef OCT_EMBEDDING_KERNELS
};

oct_status oct_embedding_select(const oct_embedding_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("embedding", table_of_kernels[i]->name, table_of_kernels[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table_of_kernels[i];
  return OCT_OK;
}

oct_status oct_embedding_layout(const char *entry, oct_embedding_bits bits, size_t dim, size_t *row, size_t *codes) {
  if (bits != OCT_EMBEDDING_8 && bits != OCT_EMBEDDING_4 && bits != OCT_EMBEDDING_2)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: bits is %d, expected 8, 4 or 2; pass an oct_embedding_bits", entry,
                    (int)bits);
  const size_t each = 8 / (size_t)bits, tail = bits == OCT_EMBEDDING_8 ? 2 * sizeof(float) : 2 * sizeof(uint16_t);
  *codes = dim / each + (dim % each != 0);
  if (!oct_add(*codes, tail, row) || *row > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW, "%s: dim is %zu, more than memory can hold; pass the length of a row", entry, dim);
  return OCT_OK;
}

oct_status oct_embedding_row_size(oct_embedding_bits bits, size_t dim, size_t *size) {
  static const char entry[] = "oct_embedding_row_size";
  size_t row, codes;
  if (!size) return oct_fail(OCT_INVALID_ARGUMENT, "%s: size is null; pass a place for the answer", entry);
  const oct_status status = oct_embedding_layout(entry, bits, dim, &row, &codes);
  if (status == OCT_OK) *size = row;
  return status;
}

oct_status oct_embedding_check_table(const char *entry, const void *table, size_t table_size, size_t rows, size_t row) {
  size_t needed;
  if (!oct_multiply(rows, row, &needed) || needed > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu bytes are more than memory can hold; check rows and dim", entry,
                    rows, row);
  if (table_size < needed)
    return oct_fail(
        OCT_BUFFER_TOO_SMALL,
        "%s: table_size is %zu, expected at least %zu for %zu rows of %zu bytes; ask oct_embedding_row_size", entry,
        table_size, needed, rows, row);
  if (!table && needed > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: table is null, expected %zu bytes; pass a buffer", entry, needed);
  return OCT_OK;
}

typedef struct job {
  oct_embedding_sum sum;
  oct_embedding_loop accumulate;
  const oct_embedding_bag *bag;
  oct_embedding_rows rows;
  size_t row, codes, bags;
} job;

static void row_parameters(const uint8_t *tail, oct_embedding_bits bits, float *scale, float *bias) {
  if (bits == OCT_EMBEDDING_8) {
    memcpy(scale, tail, sizeof *scale);
    memcpy(bias, tail + sizeof *scale, sizeof *bias);
    return;
  }
  uint16_t halves[2];
  memcpy(halves, tail, sizeof halves);
  *scale = oct_half_widen(halves[0]);
  *bias = oct_half_widen(halves[1]);
}

static size_t bag_begin(const job *j, size_t b) {
  const oct_embedding_bag *bag = j->bag;
  if (!bag->offsets) return b;
  return b < bag->offset_count ? (size_t)oct_embedding_index(bag->offsets, bag->offset_type, b) : bag->index_count;
}

/* Row by row, with y in memory. */
static void accumulate_bag(const job *j, size_t begin, size_t end, float *y) {
  memset((void *)y, 0, j->bag->dim * sizeof *y);
  for (size_t i = begin; i < end; i++) {
    oct_embedding_prefetch(&j->rows, i);
    const uint8_t *row = oct_embedding_row_at(&j->rows, i);
    const float weight = oct_embedding_weight(&j->rows, i);
    float scale, bias;
    row_parameters(row + j->codes, j->bag->bits, &scale, &bias);
    j->accumulate(row, j->bag->dim, weight * scale, weight * bias, y);
  }
}

static void sum_bags(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  for (size_t b = begin; b < end; b++) {
    float *y = (float *)(void *)((char *)j->bag->y + b * j->bag->dim * sizeof *y);
    if (j->sum)
      j->sum(&j->rows, bag_begin(j, b), bag_begin(j, b + 1), j->bag->dim, y);
    else
      accumulate_bag(j, bag_begin(j, b), bag_begin(j, b + 1), y);
  }
}

static oct_status check_list(const char *entry, const char *name, const void *list, oct_index_type type, size_t count) {
  if (type != OCT_INDEX_S32 && type != OCT_INDEX_S64)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: the type of %s is %d, expected OCT_INDEX_S32 or OCT_INDEX_S64", entry,
                    name, (int)type);
  if (count > PTRDIFF_MAX / sizeof(int64_t))
    return oct_fail(OCT_OVERFLOW, "%s: %zu %s are more than memory can hold; pass their number", entry, count, name);
  if (!list && count > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu entries; pass a buffer", entry, name, count);
  return OCT_OK;
}

/* All are looked at without a branch for each: nearly always every one is fine. */
static inline __attribute__((always_inline)) bool are_inside(const void *indices, oct_index_type type, size_t count,
                                                             size_t rows) {
  size_t outside = 0;
  for (size_t i = 0; i < count; i++) outside += (uint64_t)oct_embedding_index(indices, type, i) >= rows;
  return outside == 0;
}

static oct_status check_indices(const char *entry, const oct_embedding_bag *bag) {
  if (bag->index_type == OCT_INDEX_S32 ? are_inside(bag->indices, OCT_INDEX_S32, bag->index_count, bag->rows)
                                       : are_inside(bag->indices, OCT_INDEX_S64, bag->index_count, bag->rows))
    return OCT_OK;
  size_t i = 0;
  while ((uint64_t)oct_embedding_index(bag->indices, bag->index_type, i) < bag->rows) i++;
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: index %zu is %lld, but the table has %zu rows; pass 0..<%zu", entry, i,
                  (long long)oct_embedding_index(bag->indices, bag->index_type, i), bag->rows, bag->rows);
}

static oct_status check_offsets(const char *entry, const oct_embedding_bag *bag) {
  int64_t before = 0;
  for (size_t i = 0; i < bag->offset_count; i++) {
    const int64_t offset = oct_embedding_index(bag->offsets, bag->offset_type, i);
    if (offset < before || (uint64_t)offset > bag->index_count || (i == 0 && offset != 0))
      return oct_fail(
          OCT_INVALID_ARGUMENT,
          "%s: offset %zu is %lld, expected %s; offsets begin at 0, never fall and end within the %zu indices", entry,
          i, (long long)offset, i == 0 ? "0" : "a later place", bag->index_count);
    before = offset;
  }
  if (bag->include_last_offset && bag->offset_count == 0)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: there are no offsets, expected the last bag's end; pass at least one",
                    entry);
  if (bag->include_last_offset && (uint64_t)before != bag->index_count)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: the last offset is %lld, expected the number of indices, %zu", entry,
                    (long long)before, bag->index_count);
  if (bag->offset_count == 0 && bag->index_count > 0)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: there are no offsets for %zu indices; pass where each bag begins", entry,
                    bag->index_count);
  return OCT_OK;
}

/* y is written while the others are read: an index that changes after its check could name any address. */
static oct_status check_apart(const char *entry, const oct_embedding_bag *bag, const job *j) {
  const size_t index_size = bag->index_type == OCT_INDEX_S32 ? 4 : 8, offset_size = bag->offset_type ? 8 : 4;
  const struct {
    const char *name;
    const void *start;
    size_t size;
  } inputs[] = {{"table", bag->table, bag->rows * j->row},
                {"indices", bag->indices, bag->index_count * index_size},
                {"offsets", bag->offsets, bag->offset_count * offset_size},
                {"weights", bag->weights, bag->index_count * sizeof(float)}};
  const uintptr_t y = (uintptr_t)bag->y, size = j->bags * bag->dim * sizeof(float);
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
    const uintptr_t start = (uintptr_t)inputs[i].start;
    if (inputs[i].start && size > 0 && inputs[i].size > 0 &&
        (start < y ? y - start < inputs[i].size : start - y < size))
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: y overlaps %s; pass another buffer", entry, inputs[i].name);
  }
  return OCT_OK;
}

static oct_status check_bag(const char *entry, const oct_embedding_bag *bag, job *j) {
  if (!bag) return oct_fail(OCT_INVALID_ARGUMENT, "%s: bag is null; pass an oct_embedding_bag", entry);
  if (bag->struct_size != sizeof *bag)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: struct_size is %u, expected %zu; set it to sizeof(oct_embedding_bag)",
                    entry, (unsigned)bag->struct_size, sizeof *bag);
  oct_status status = oct_embedding_layout(entry, bag->bits, bag->dim, &j->row, &j->codes);
  if (status == OCT_OK) status = oct_embedding_check_table(entry, bag->table, bag->table_size, bag->rows, j->row);
  if (status == OCT_OK) status = check_list(entry, "indices", bag->indices, bag->index_type, bag->index_count);
  if (status != OCT_OK) return status;
  j->bags = bag->index_count;
  if (bag->offsets) {
    status = check_list(entry, "offsets", bag->offsets, bag->offset_type, bag->offset_count);
    if (status == OCT_OK) status = check_offsets(entry, bag);
    j->bags = bag->offset_count - (bag->include_last_offset ? 1 : 0);
  } else if (bag->offset_count > 0 || bag->include_last_offset) {
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: offsets is null, expected %zu entries; pass a buffer or no offsets",
                    entry, bag->offset_count);
  }
  if (status != OCT_OK) return status;
  size_t count;
  if (!oct_multiply(j->bags, bag->dim, &count) || count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu bags of %zu elements are more than memory can hold; check offsets and dim",
                    entry, j->bags, bag->dim);
  if (bag->y_size < count)
    return oct_fail(OCT_BUFFER_TOO_SMALL, "%s: y_size is %zu, expected at least %zu for %zu bags of %zu elements",
                    entry, bag->y_size, count, j->bags, bag->dim);
  if (!bag->y && count > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y is null, expected %zu elements; pass a buffer", entry, count);
  status = check_apart(entry, bag, j);
  return status == OCT_OK ? check_indices(entry, bag) : status;
}

static size_t saturating_product(size_t a, size_t b) {
  size_t product;
  return oct_multiply(a, b, &product) ? product : SIZE_MAX;
}

/* Bags per claimed range: about GRAIN codes, all bags when there is little to do. */
static size_t grain_of(const oct_embedding_bag *bag, size_t bags) {
  const size_t total = saturating_product(bag->index_count > bags ? bag->index_count : bags, bag->dim ? bag->dim : 1);
  if (total < FORK) return bags;
  const size_t each = total / bags;
  return each < GRAIN ? GRAIN / each : 1;
}

oct_status oct_embedding_bag_sum(const oct_embedding_bag *bag, const oct_run *run) {
  static const char entry[] = "oct_embedding_bag_sum";
  job j = {.bag = bag};
  const oct_embedding_kernels *kernels;
  int threads;
  oct_status status = check_bag(entry, bag, &j);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_embedding_select(&kernels);
  if (status != OCT_OK || j.bags == 0 || bag->dim == 0) return status;
  j.accumulate = kernels->accumulate[oct_embedding_width(bag->bits)];
  j.sum = kernels->sum[oct_embedding_width(bag->bits)];
  j.rows = (oct_embedding_rows){.table = bag->table,
                                .row = j.row,
                                .codes = j.codes,
                                .indices = bag->indices,
                                .index_type = bag->index_type,
                                .index_count = bag->index_count,
                                .weights = bag->weights};
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(j.bags, grain_of(bag, j.bags), threads, sum_bags, &j);
  if (oct_verbose())
    oct_tell("embedding_bag_sum bags=%zu indices=%zu dim=%zu bits=%d kernel=%s %.1f us", j.bags, bag->index_count,
             bag->dim, (int)bag->bits, kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

typedef struct unpack_job {
  oct_embedding_loop accumulate;
  const uint8_t *table;
  float *y;
  oct_embedding_bits bits;
  size_t row, codes, dim;
} unpack_job;

static void unpack_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const unpack_job *j = context;
  for (size_t i = begin; i < end; i++) {
    const uint8_t *row = j->table + i * j->row;
    float *y = (float *)(void *)((char *)j->y + i * j->dim * sizeof *y);
    float scale, bias;
    row_parameters(row + j->codes, j->bits, &scale, &bias);
    memset((void *)y, 0, j->dim * sizeof *y);
    j->accumulate(row, j->dim, scale, bias, y);
  }
}

oct_status oct_embedding_unpack(const void *table, size_t table_size, oct_embedding_bits bits, size_t rows, size_t dim,
                                float *y, size_t y_size, const oct_run *run) {
  static const char entry[] = "oct_embedding_unpack";
  unpack_job j = {.table = table, .y = y, .bits = bits, .dim = dim};
  const oct_embedding_kernels *kernels;
  size_t count = 0;
  int threads;
  oct_status status = oct_embedding_layout(entry, bits, dim, &j.row, &j.codes);
  if (status == OCT_OK) status = oct_embedding_check_table(entry, table, table_size, rows, j.row);
  if (status != OCT_OK) return status;
  if (!oct_multiply(rows, dim, &count) || count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu elements are more than memory can hold; check rows and dim",
                    entry, rows, dim);
  if (y_size < count)
    return oct_fail(OCT_BUFFER_TOO_SMALL, "%s: y_size is %zu, expected at least %zu", entry, y_size, count);
  if (!y && count > 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y is null, expected %zu elements; pass a buffer", entry, count);
  const uintptr_t from = (uintptr_t)table, to = (uintptr_t)y;
  if (count > 0 && (from < to ? to - from < rows * j.row : from - to < count * sizeof(float)))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y overlaps table; pass another buffer", entry);
  status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_embedding_select(&kernels);
  if (status != OCT_OK || count == 0) return status;
  j.accumulate = kernels->accumulate[oct_embedding_width(bits)];
  oct_parallel_for(rows, count < FORK ? rows : GRAIN / dim + 1, threads, unpack_rows, &j);
  return OCT_OK;
}
