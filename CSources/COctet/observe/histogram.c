/* Histograms: over equal bins of a range, and over the fixed grid.
 *
 * Each worker counts into 32-bit tables of its own in the workspace, which are added up at the end. Small ones exist four
 * times: values that follow each other go to different tables, so that equal ones needn't wait for each other's count. Bound
 * by one load and one store for each value. */
#include <math.h>

#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "observe.h"

OCT_FP_STRICT

/* Tables of a worker for up to so many bins, for the grid, and for more bins. */
enum { TABLES = 4, MOST_COPIED_BINS = 4096, GRID_TABLES = 2, MOST_BINS = 1 << 20 };

/* Values after which 32-bit counts are added up. */
#define EPOCH ((size_t)1 << 31)

typedef struct job {
  const oct_observe_kernels *kernels;
  const float *x;
  uint32_t *counts; /* of all workers */
  size_t bins, stride, tables;
  oct_bin_rule rule;
  double low, scale, width; /* of bins in double */
  enum { EQUAL_BINS, WIDE_BINS, ONE_VALUE, GRID } kind;
} job;

static size_t tables_for(size_t bins) {
  return bins <= MOST_COPIED_BINS ? TABLES : bins == OCT_GRID_BINS ? GRID_TABLES : 1;
}

/* A table has an entry more, for what isn't counted, and fills whole cache lines. */
static size_t stride_for(size_t bins) { return oct_round_up(bins + 1, OCT_ALIGNMENT / sizeof(uint32_t)); }

static size_t workspace_for(size_t bins, int threads) {
  return (size_t)threads * tables_for(bins) * stride_for(bins) * sizeof(uint32_t);
}

static void count_wide_bins(const job *j, const float *x, size_t count, uint32_t *counts) {
  const oct_bin_rule *r = &j->rule;
  for (size_t i = 0; i < count; i++) {
    const float value = oct_value_at(x, i);
    if (!(value >= r->low && value <= r->high)) continue;
    const double place = ((double)value - j->low) * j->scale / j->width;
    counts[place < r->last ? (size_t)place : (size_t)r->last]++;
  }
}

static uint32_t grid_bin(const float *x, size_t i) {
  uint32_t word;
  memcpy(&word, (const char *)x + i * sizeof word, sizeof word);
  return word >> 17;
}

static void count_grid(const float *x, size_t count, uint32_t *counts, size_t stride) {
  uint32_t *second = counts + stride;
  size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    counts[grid_bin(x, i)]++;
    second[grid_bin(x, i + 1)]++;
  }
  if (i < count) counts[grid_bin(x, i)]++;
}

static void values_range(void *context, size_t begin, size_t end, int worker) {
  const job *j = context;
  uint32_t *counts = j->counts + (size_t)worker * j->tables * j->stride;
  const size_t stride = j->tables > 1 ? j->stride : 0;
  const float *x = j->x + begin;
  switch (j->kind) {
    case EQUAL_BINS: j->kernels->count_bins(x, end - begin, &j->rule, counts, stride); break;
    case WIDE_BINS: count_wide_bins(j, x, end - begin, counts); break;
    case ONE_VALUE:
      for (size_t i = 0; i < end - begin; i++) counts[j->bins / 2] += oct_value_at(x, i) == j->rule.low;
      break;
    case GRID: count_grid(x, end - begin, counts, stride); break;
  }
}

static void add_table(const uint32_t *table, size_t bins, uint64_t *counts) {
  for (size_t b = 0; b < bins; b++) {
    uint64_t total;
    memcpy(&total, (char *)counts + b * sizeof total, sizeof total);
    total += table[b];
    memcpy((char *)counts + b * sizeof total, &total, sizeof total);
  }
}

/* So few values on the grid that clearing tables would take longer than counting. */
enum { FEW_VALUES = 1 << 13 };

static void count_few(const float *x, size_t count, uint64_t *counts) {
  for (size_t i = 0; i < count; i++) {
    char *place = (char *)counts + grid_bin(x, i) * sizeof(uint64_t);
    uint64_t total;
    memcpy(&total, place, sizeof total);
    total++;
    memcpy(place, &total, sizeof total);
  }
}

static void count_all(job *j, size_t count, int threads, uint64_t *counts) {
  j->tables = tables_for(j->bins);
  j->stride = stride_for(j->bins);
  const float *x = j->x;
  for (size_t done = 0; done < count; done += EPOCH) {
    const size_t part = count - done < EPOCH ? count - done : EPOCH;
    const int team = part < OCT_OBSERVE_FORK ? 1 : threads;
    memset(j->counts, 0, workspace_for(j->bins, team));
    j->x = x + done;
    oct_parallel_for(part, team == 1 ? part : OCT_OBSERVE_GRAIN, team, values_range, j);
    for (size_t table = 0; table < (size_t)team * j->tables; table++)
      add_table(j->counts + table * j->stride, j->bins, counts);
  }
}

static oct_status check_bins(const char *entry, size_t bins) {
  if (bins >= 1 && bins <= MOST_BINS) return OCT_OK;
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: bins is %zu, expected 1 to %d", entry, bins, MOST_BINS);
}

static oct_status query(const char *entry, size_t bins, int threads, size_t *size) {
  if (!size) return oct_fail(OCT_INVALID_ARGUMENT, "%s: size is null; pass where the answer goes", entry);
  if (threads < 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: threads is %d, expected 0 or more; pass 0 for every thread", entry,
                    threads);
  const int team = threads > 0 ? threads : oct_max_threads();
  if ((size_t)team > PTRDIFF_MAX / workspace_for(bins, 1))
    return oct_fail(OCT_OVERFLOW, "%s: %d threads need more memory than there is; use fewer", entry, team);
  *size = workspace_for(bins, team);
  return OCT_OK;
}

oct_status oct_observe_histogram_workspace(size_t bins, int threads, size_t *size) {
  static const char entry[] = "oct_observe_histogram_workspace";
  const oct_status status = check_bins(entry, bins);
  return status == OCT_OK ? query(entry, bins, threads, size) : status;
}

oct_status oct_observe_grid_workspace(int threads, size_t *size) {
  return query("oct_observe_grid_workspace", OCT_GRID_BINS, threads, size);
}

static oct_status prepare(const char *entry, job *j, size_t count, const uint64_t *counts, const oct_run *run,
                          int *threads) {
  size_t size = 0;
  void *workspace = NULL;
  oct_status status = oct_observe_check(entry, j->x, count, counts, "counts");
  if (status == OCT_OK) status = oct_run_threads(entry, run, threads);
  if (status == OCT_OK) status = query(entry, j->bins, *threads, &size);
  if (status == OCT_OK) status = oct_run_workspace(entry, run, size, &workspace);
  if (status == OCT_OK) status = oct_observe_select(&j->kernels);
  j->counts = workspace;
  return status;
}

static void choose_kind(job *j, float low, float high) {
  const float from = low == high ? low - 1.0f : low, to = low == high ? high + 1.0f : high;
  j->rule = (oct_bin_rule){from, to, (float)j->bins, to - from, (int32_t)j->bins - 1};
  j->low = (double)from;
  j->scale = (double)j->bins;
  j->width = (double)to - (double)from;
  j->kind = !(to > from) ? ONE_VALUE : isfinite((to - from) * (float)j->bins) ? EQUAL_BINS : WIDE_BINS;
}

oct_status oct_observe_histogram(const float *x, size_t count, float low, float high, size_t bins, uint64_t *counts,
                                 const oct_run *run) {
  static const char entry[] = "oct_observe_histogram";
  job j = {.x = x, .bins = bins};
  int threads;
  if (!isfinite(low) || !isfinite(high) || low > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: the range is %g to %g, expected finite numbers in order", entry,
                    (double)low, (double)high);
  oct_status status = check_bins(entry, bins);
  if (status == OCT_OK) status = prepare(entry, &j, count, counts, run, &threads);
  if (status != OCT_OK) return status;
  choose_kind(&j, low, high);
  const double start = oct_verbose() ? oct_clock_us() : 0;
  count_all(&j, count, threads, counts);
  if (oct_verbose())
    oct_tell("histogram count=%zu bins=%zu kernel=%s %.1f us", count, bins, j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}

float oct_grid_edge(size_t bin) {
  const uint32_t word = (uint32_t)(bin < OCT_GRID_FINITE ? bin : OCT_GRID_FINITE) << 17;
  float edge;
  memcpy(&edge, &word, sizeof edge);
  return edge;
}

oct_status oct_observe_grid(const float *x, size_t count, uint64_t *counts, const oct_run *run) {
  static const char entry[] = "oct_observe_grid";
  job j = {.x = x, .bins = OCT_GRID_BINS, .kind = GRID};
  int threads;
  const oct_status status = prepare(entry, &j, count, counts, run, &threads);
  if (status != OCT_OK) return status;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  if (count < FEW_VALUES)
    count_few(x, count, counts);
  else
    count_all(&j, count, threads, counts);
  if (oct_verbose()) oct_tell("grid count=%zu kernel=%s %.1f us", count, j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}
