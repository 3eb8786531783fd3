/* Extremes and histograms against plain loops: every tier that this CPU runs, guarded buffers at any alignment, all
 * shapes of channels, both policies, NaN, infinities and denormals, ranges of every width, threads, refusals. */
#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>

#include "check.h"
#include "observe/kernels.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

typedef enum data_kind { PLAIN, WITH_INFINITIES, WITH_NAN, ONLY_ODD, HUGE_VALUES, TINY, CONSTANT, KINDS } data_kind;

static float make_value(check_random *random, data_kind kind) {
  const uint32_t turn = check_next(random);
  const bool odd = turn % 37 == 0;
  switch (kind) {
    case WITH_INFINITIES: return odd ? (turn & 64 ? INFINITY : -INFINITY) : check_real(random, -3, 5);
    case WITH_NAN: return odd ? (turn & 64 ? NAN : INFINITY) : check_real(random, -3, 5);
    case ONLY_ODD: return turn & 64 ? NAN : turn & 128 ? INFINITY : -INFINITY;
    case HUGE_VALUES: return check_real(random, -1, 1) * FLT_MAX;
    case TINY: return turn & 64 ? -0.0f : (float)check_between(random, -3, 3) * 1e-45f;
    case CONSTANT: return -0.0f;
    default: return check_real(random, -3, 5);
  }
}

static float load(const uint8_t *bytes, size_t i) {
  float value;
  memcpy(&value, bytes + 4 * i, sizeof value);
  return value;
}

/* A guarded buffer of values, at an odd address when `offset`; `x` is where they begin. */
static check_guard make_values(check_random *random, data_kind kind, size_t count, bool offset, const float **x) {
  check_guard guard = check_guard_make(4 * count + offset);
  if (offset) memmove(guard.bytes, guard.bytes + 1, 4 * count);
  for (size_t i = 0; i < count; i++) {
    const float value = make_value(random, kind);
    memcpy(guard.bytes + offset + 4 * i, &value, sizeof value);
  }
  *x = (const float *)(const void *)(guard.bytes + offset);
  return guard;
}

static oct_extremes expected_extremes(const float *x, oct_channels shape, size_t channel, oct_nonfinite_policy policy) {
  oct_extremes e = {INFINITY, -INFINITY};
  for (size_t o = 0; o < shape.outer; o++)
    for (size_t i = 0; i < shape.inner; i++) {
      const float value = load((const uint8_t *)x, (o * shape.channels + channel) * shape.inner + i);
      if (policy == OCT_NONFINITE_IGNORE && !isfinite(value)) continue;
      if (isnan(value)) return (oct_extremes){NAN, NAN};
      e.min = value < e.min ? value : e.min;
      e.max = value > e.max ? value : e.max;
    }
  return (oct_extremes){e.min + 0.0f, e.max + 0.0f};
}

static bool same_float(float a, float b) { return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)); }

static void check_nonfinite(const float *x, size_t count, oct_nonfinite found, const char *what) {
  oct_nonfinite want = {0};
  for (size_t i = count; i-- > 0;) {
    const float value = load((const uint8_t *)x, i);
    if (isfinite(value)) continue;
    want.first = i;
    want.first_value = value;
    if (isnan(value))
      want.nan_count++;
    else
      want.infinity_count++;
  }
  check(want.nan_count == found.nan_count && want.infinity_count == found.infinity_count && want.first == found.first &&
            same_float(want.first_value, found.first_value),
        "%s: %zu NaN, %zu infinities, first at %zu, expected %zu, %zu, %zu", what, found.nan_count,
        found.infinity_count, found.first, want.nan_count, want.infinity_count, want.first);
}

static void run_channels(check_random *random, size_t turn, oct_channels shape, const char *what) {
  static oct_extremes found[2000];
  const size_t count = shape.outer * shape.channels * shape.inner;
  const oct_nonfinite_policy policy = turn & 1 ? OCT_NONFINITE_IGNORE : OCT_NONFINITE_PROPAGATE;
  const oct_run run = {.struct_size = sizeof run, .threads = 1 + (int)(turn % 5)};
  const float *x;
  check_guard guard = make_values(random, (data_kind)(turn % KINDS), count, turn % 3 == 2, &x);
  oct_nonfinite nonfinite = {9, 9, 9, 9};
  bool same = check_ok(oct_observe_channel_extremes(x, shape, policy, found, &nonfinite, &run), what);
  for (size_t c = 0; c < shape.channels && same; c++) {
    const oct_extremes want = expected_extremes(x, shape, c, policy);
    same = check(same_float(want.min, found[c].min) && same_float(want.max, found[c].max),
                 "%s, turn %zu: channel %zu of %zu x %zu x %zu has %g..%g, expected %g..%g", what, turn, c, shape.outer,
                 shape.channels, shape.inner, (double)found[c].min, (double)found[c].max, (double)want.min,
                 (double)want.max);
  }
  check_nonfinite(x, count, nonfinite, what);
  const oct_channels whole = {1, 1, count};
  const oct_extremes want = expected_extremes(x, whole, 0, policy);
  if (check_ok(oct_observe_extremes(x, count, policy, found, turn & 2 ? &nonfinite : NULL, &run), what))
    check(same_float(want.min, found[0].min) && same_float(want.max, found[0].max), "%s: all %zu values", what, count);
  check_nonfinite(x, count, nonfinite, what);
  check_guard_free(&guard);
}

static void test_extremes(check_random *random) {
  for (size_t turn = 0; turn < 400; turn++) {
    run_channels(random, turn, (oct_channels){1, 1, check_next(random) % 300}, "one channel");
    run_channels(random, turn, (oct_channels){1 + turn % 3, 1 + turn % 7, check_next(random) % 300}, "runs");
    run_channels(random, turn, (oct_channels){1 + turn % 90, 1 + check_next(random) % 40, 1 + turn % 4}, "narrow rows");
    run_channels(random, turn, (oct_channels){turn % 8, 100 + check_next(random) % 900, 1 + turn % 2}, "wide rows");
  }
  for (size_t turn = 0; turn < 2 * KINDS; turn++) { /* enough for a team */
    run_channels(random, turn, (oct_channels){3, 3, 40009}, "long runs");
    run_channels(random, turn, (oct_channels){30011, 3, 1}, "many narrow rows");
    run_channels(random, turn, (oct_channels){70, 1500, 1}, "many wide rows");
    run_channels(random, turn, (oct_channels){70, 64, 49}, "images");
  }
}

/* Bins of one value by the documented rule; bins for what isn't counted. */
static size_t expected_bin(float value, float low, float high, size_t bins) {
  const float from = low == high ? low - 1.0f : low, to = low == high ? high + 1.0f : high;
  if (!(to > from)) return value == low ? bins / 2 : bins;
  if (!(value >= from && value <= to)) return bins;
  if (isfinite((to - from) * (float)bins)) {
    const float shifted = value - from, scaled = shifted * (float)bins, place = scaled / (to - from);
    return (size_t)place < bins - 1 ? (size_t)place : bins - 1;
  }
  const double place = ((double)value - (double)from) * (double)bins / ((double)to - (double)from);
  return (size_t)place < bins - 1 ? (size_t)place : bins - 1;
}

static void run_histogram(check_random *random, size_t turn, size_t count, size_t bins) {
  const oct_run plain = {.struct_size = sizeof plain, .threads = 1 + (int)(turn % 4)};
  size_t size = 0;
  check_ok(oct_observe_histogram_workspace(bins, plain.threads, &size), "workspace");
  oct_run run = plain;
  run.workspace = check_aligned(size);
  run.workspace_size = size;
  memset(run.workspace, 0x77, size);
  const float *x;
  check_guard guard = make_values(random, (data_kind)(turn % KINDS), count, turn % 3 == 2, &x);
  oct_extremes e = {-1, 1};
  check_ok(oct_observe_extremes(x, count, OCT_NONFINITE_IGNORE, &e, NULL, NULL), "extremes");
  if (e.min > e.max) e = (oct_extremes){-1, 1};
  if (turn % 4 == 3 && e.min < e.max) e.max = e.min + (e.max - e.min) * 0.5f; /* some values outside */
  if (!isfinite(e.max)) e.max = FLT_MAX;
  uint64_t *found = calloc(bins, sizeof *found), *want = calloc(bins + 1, sizeof *want);
  if (!found || !want) exit(2);
  for (size_t b = 0; b < bins; b++) found[b] = want[b] = b % 3;
  for (size_t i = 0; i < count; i++) want[expected_bin(load((const uint8_t *)x, i), e.min, e.max, bins)]++;
  if (check_ok(oct_observe_histogram(x, count, e.min, e.max, bins, found, &run), "histogram"))
    check(memcmp(found, want, bins * sizeof *found) == 0, "histogram, turn %zu: %zu values in %zu bins over %g..%g",
          turn, count, bins, (double)e.min, (double)e.max);
  free(found);
  free(want);
  free(run.workspace);
  check_guard_free(&guard);
}

static void test_histograms(check_random *random) {
  static const size_t bins[] = {1, 2, 3, 100, 128, 2047, 2048, 4096, 4097, 70000};
  for (size_t turn = 0; turn < 300; turn++) run_histogram(random, turn, check_next(random) % 400, bins[turn % 10]);
  for (size_t turn = 0; turn < 2 * KINDS; turn++) run_histogram(random, turn, 100003, turn & 1 ? 2048 : 5000);
}

static void test_grid(check_random *random) {
  static uint64_t found[OCT_GRID_BINS], want[OCT_GRID_BINS];
  for (size_t turn = 0; turn < 3 * KINDS; turn++) {
    const size_t count = turn < KINDS ? 90001 : check_next(random) % 500;
    oct_run run = {.struct_size = sizeof run, .threads = 1 + (int)(turn % 3)};
    check_ok(oct_observe_grid_workspace(run.threads, &run.workspace_size), "workspace");
    run.workspace = check_aligned(run.workspace_size);
    memset(run.workspace, 0x77, run.workspace_size);
    const float *x;
    check_guard guard = make_values(random, (data_kind)(turn % KINDS), count, turn % 2, &x);
    memset(found, 0, sizeof found);
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < count; i++) {
      const float value = load((const uint8_t *)x, i);
      size_t bin = 0;
      if (isnan(value)) {
        uint32_t word;
        memcpy(&word, &value, sizeof word);
        bin = word >> 17;
        check(bin % OCT_GRID_SIDE > OCT_GRID_FINITE, "NaN lies in bin %zu", bin);
      } else { /* a search by edges */
        size_t above = OCT_GRID_FINITE + 1;
        const float magnitude = fabsf(value);
        while (above - bin > 1) {
          const size_t middle = (bin + above) / 2;
          *(oct_grid_edge(middle) <= magnitude ? &bin : &above) = middle;
        }
        if (signbit(value)) bin += OCT_GRID_SIDE;
      }
      want[bin]++;
    }
    if (check_ok(oct_observe_grid(x, count, found, &run), "grid"))
      check(memcmp(found, want, sizeof found) == 0, "grid, turn %zu: %zu values", turn, count);
    free(run.workspace);
    check_guard_free(&guard);
  }
  check(oct_grid_edge(0) == 0 && oct_grid_edge(127 * 64) == 1 && oct_grid_edge(127 * 64 + 1) == 1 + 1 / 64.0f,
        "edges around 1");
  check(isinf(oct_grid_edge(OCT_GRID_FINITE)) && isinf(oct_grid_edge(SIZE_MAX)), "the last edge");
}

static void test_refusals(void) {
  const float x[4] = {1, 2, 3, 4};
  const oct_channels shape = {1, 2, 2};
  oct_extremes e[2] = {{7, 7}, {7, 7}};
  uint64_t counts[4] = {7, 7, 7, 7};
  size_t size;
  check_refused(oct_observe_extremes(NULL, 4, OCT_NONFINITE_IGNORE, e, NULL, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_observe_extremes(x, 4, OCT_NONFINITE_IGNORE, NULL, NULL, NULL), OCT_INVALID_ARGUMENT, "no result");
  check_refused(oct_observe_extremes(x, 4, (oct_nonfinite_policy)7, e, NULL, NULL), OCT_INVALID_ARGUMENT, "policy");
  check_refused(oct_observe_extremes(x, SIZE_MAX, OCT_NONFINITE_IGNORE, e, NULL, NULL), OCT_OVERFLOW, "immense");
  check_refused(oct_observe_channel_extremes(x, (oct_channels){SIZE_MAX, 2, 2}, OCT_NONFINITE_IGNORE, e, NULL, NULL),
                OCT_OVERFLOW, "immense shape");
  check_refused(oct_observe_channel_extremes(x, shape, (oct_nonfinite_policy)-1, e, NULL, NULL), OCT_INVALID_ARGUMENT,
                "policy of channels");
  oct_run run = {.struct_size = sizeof run, .threads = -2};
  check_refused(oct_observe_channel_extremes(x, shape, OCT_NONFINITE_IGNORE, e, NULL, &run), OCT_INVALID_ARGUMENT,
                "threads");
  check(e[0].min == 7 && e[1].max == 7, "a refused call wrote extremes");
  check_refused(oct_observe_histogram_workspace(0, 1, &size), OCT_INVALID_ARGUMENT, "no bins");
  check_refused(oct_observe_histogram_workspace((1 << 20) + 1, 1, &size), OCT_INVALID_ARGUMENT, "too many bins");
  check_refused(oct_observe_histogram_workspace(4, -1, &size), OCT_INVALID_ARGUMENT, "threads of a query");
  check_refused(oct_observe_histogram_workspace(4, 1, NULL), OCT_INVALID_ARGUMENT, "no size");
  check_refused(oct_observe_grid_workspace(1, NULL), OCT_INVALID_ARGUMENT, "no size");
  check_refused(oct_observe_histogram(x, 4, 0, 1, 4, counts, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  check_ok(oct_observe_histogram_workspace(4, 1, &size), "query");
  run.threads = 1;
  run.workspace = check_aligned(size);
  run.workspace_size = size - 1;
  check_refused(oct_observe_histogram(x, 4, 0, 1, 4, counts, &run), OCT_BUFFER_TOO_SMALL, "small workspace");
  run.workspace_size = size;
  check_refused(oct_observe_histogram(x, 4, 1, 0, 4, counts, &run), OCT_INVALID_ARGUMENT, "range upside down");
  check_refused(oct_observe_histogram(x, 4, NAN, 1, 4, counts, &run), OCT_INVALID_ARGUMENT, "range of NaN");
  check_refused(oct_observe_histogram(x, 4, 0, INFINITY, 4, counts, &run), OCT_INVALID_ARGUMENT, "infinite range");
  check_refused(oct_observe_histogram(x, 4, 0, 1, 4, NULL, &run), OCT_INVALID_ARGUMENT, "no counts");
  check_refused(oct_observe_grid(x, 4, counts, &run), OCT_BUFFER_TOO_SMALL, "small workspace of the grid");
  check(counts[0] == 7 && counts[3] == 7, "a refused call counted");
  check_ok(oct_observe_histogram(x, 4, 1, 4, 3, counts, &run), "the sound one");
  check(counts[0] == 8 && counts[1] == 8 && counts[2] == 9 && counts[3] == 7, "the sound one counts");
  check_ok(oct_observe_extremes(NULL, 0, OCT_NONFINITE_PROPAGATE, e, NULL, NULL), "nothing");
  check(isinf(e[0].min) && isinf(e[0].max) && e[0].min > e[0].max, "extremes of nothing");
  free(run.workspace);
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_observe_kernels *kernels = NULL;
    if (!check_ok(oct_observe_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {7};
    test_extremes(&random);
    test_histograms(&random);
    test_grid(&random);
    test_refusals();
    printf("observe on %s: %d failures\n", kernels->name, check_failures - before);
  }
#define OCT_OBSERVE_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "observe/observe.def"
#undef OCT_OBSERVE_KERNELS
  return check_report("observe");
}
