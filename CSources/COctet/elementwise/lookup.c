/* Functions of one byte by a table, of a whole buffer and of rows that are joined. */
#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "elementwise.h"

static const oct_lookup_kernel *const table_of_kernels[] = {
#define OCT_LOOKUP_KERNEL(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "lookup.def"
#undef OCT_LOOKUP_KERNEL
};

oct_status oct_lookup_select(const oct_lookup_kernel **kernel) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("lookup", table_of_kernels[i]->name, table_of_kernels[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernel = table_of_kernels[i];
  return OCT_OK;
}

oct_status oct_elementwise_check(const char *entry, const char *name, const void *x, const void *y, size_t count) {
  if (count == 0) return OCT_OK;
  if (!x || !y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry, x ? "y" : name,
                    count);
  if (count > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW, "%s: count is %zu, more than memory can hold; pass the number of elements", entry,
                    count);
  if (x != y && oct_share_part(x, count, y, count))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y overlaps %s in part; pass the same buffer or another one", entry,
                    name);
  return OCT_OK;
}

typedef struct lookup_job {
  const oct_lookup_kernel *kernel;
  const uint8_t *x, *table;
  uint8_t *y;
} lookup_job;

static void lookup_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const lookup_job *job = context;
  job->kernel->lookup(job->x + begin, 1, end - begin, job->table, job->y + begin, 0);
}

oct_status oct_lookup(const void *x, size_t count, const uint8_t table[OCT_LOOKUP_ENTRIES], void *y,
                      const oct_run *run) {
  static const char entry[] = "oct_lookup";
  lookup_job job = {.x = x, .table = table, .y = y};
  int threads;
  if (!table)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: table is null, expected %d bytes; pass a result for each code", entry,
                    OCT_LOOKUP_ENTRIES);
  oct_status status = oct_elementwise_check(entry, "x", x, y, count);
  if (status != OCT_OK) return status;
  if (count > 0 && oct_share_part(table, OCT_LOOKUP_ENTRIES, y, count))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y overlaps the table; pass another buffer", entry);
  status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_lookup_select(&job.kernel);
  if (status != OCT_OK || count == 0) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(count, oct_elementwise_grain(count), threads, lookup_range, &job);
  if (oct_verbose()) oct_tell("lookup count=%zu kernel=%s %.1f us", count, job.kernel->name, oct_clock_us() - start);
  return OCT_OK;
}

typedef struct join_job {
  const oct_lookup_kernel *kernel;
  const oct_joined *parts;
  size_t part_count, columns;
  uint8_t *y;
} join_job;

/* Rows of all parts, part by part: a part's table is at hand for all of the rows. */
static void join_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const join_job *job = context;
  size_t first = 0;
  for (size_t p = 0; p < job->part_count; p++) {
    const oct_joined *part = &job->parts[p];
    const size_t columns = part->columns;
    const uint8_t *x = (const uint8_t *)part->x + begin * columns;
    uint8_t *y = job->y + begin * job->columns + first;
    if (part->table)
      job->kernel->lookup(x, end - begin, columns, part->table, y, job->columns);
    else
      for (size_t row = begin; row < end && columns > 0; row++, x += columns, y += job->columns) memcpy(y, x, columns);
    first += columns;
  }
}

static oct_status check_parts(const char *entry, const oct_joined *parts, size_t part_count, size_t rows, const void *y,
                              size_t *columns) {
  *columns = 0;
  if (part_count > 0 && !parts)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: parts is null, expected %zu of them", entry, part_count);
  for (size_t p = 0; p < part_count; p++)
    if (!oct_add(*columns, parts[p].columns, columns)) *columns = SIZE_MAX;
  size_t size;
  if (!oct_multiply(*columns, rows, &size) || size > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW, "%s: %zu rows of %zu elements are more than memory can hold; check the shape", entry,
                    rows, *columns);
  if (size > 0 && !y)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: y is null, expected %zu elements; pass a buffer", entry, size);
  for (size_t p = 0; p < part_count; p++) {
    const size_t part_size = parts[p].columns * rows;
    if (part_size == 0) continue;
    if (!parts[p].x)
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: x of part %zu is null, expected %zu elements; pass a buffer", entry, p,
                      part_size);
    if (oct_share_part(parts[p].x, part_size, y, size) ||
        (parts[p].table && oct_share_part(parts[p].table, OCT_LOOKUP_ENTRIES, y, size)))
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: y overlaps part %zu; pass another buffer", entry, p);
  }
  return OCT_OK;
}

oct_status oct_join_rows(const oct_joined *parts, size_t part_count, size_t rows, void *y, const oct_run *run) {
  static const char entry[] = "oct_join_rows";
  join_job job = {.parts = parts, .part_count = part_count, .y = y};
  int threads;
  oct_status status = check_parts(entry, parts, part_count, rows, y, &job.columns);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_lookup_select(&job.kernel);
  if (status != OCT_OK || rows == 0 || job.columns == 0) return status;
  const size_t count = rows * job.columns;
  const size_t grain = count < OCT_ELEMENTWISE_FORK ? rows : oct_ceil_div(OCT_ELEMENTWISE_GRAIN, job.columns);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(rows, grain, threads, join_rows, &job);
  if (oct_verbose())
    oct_tell("join_rows rows=%zu columns=%zu kernel=%s %.1f us", rows, job.columns, job.kernel->name,
             oct_clock_us() - start);
  return OCT_OK;
}
