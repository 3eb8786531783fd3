/* Layer norm of float32 rows bit by bit against a plain loop, and within its bound of long double: every tier that this CPU runs, sizes
 * around the lanes, sums on the way, guarded buffers, odd addresses, constant rows, infinities and NaN, threads, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "check.h"
#include "norm/kernels.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Any NaN is the same as any other. */
static bool same_bits(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

static double total(double lanes[32]) {
  for (int half = 16; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}

static void plain_row(const oct_norm_f32 *norm, size_t row, size_t n, float *y) {
  const float *x = norm->x + row * n, *add = norm->add ? norm->add + row * n : NULL;
  double sums[32] = {0}, squares[32] = {0};
  for (size_t i = 0; i < n; i++) {
    y[i] = add ? x[i] + add[i] : x[i];
    sums[i % 32] += (double)y[i];
  }
  const double mean = total(sums) / (double)n;
  for (size_t i = 0; i < n; i++) {
    const double distance = (double)y[i] - mean, square = distance * distance;
    squares[i % 32] += square;
  }
  const double scale = 1 / sqrt(total(squares) / (double)n + norm->epsilon);
  for (size_t i = 0; i < n; i++) {
    float value = (float)(((double)y[i] - mean) * scale);
    if (norm->gamma) value *= norm->gamma[i];
    if (norm->beta) value += norm->beta[i];
    y[i] = value;
  }
}

/* One rounding of what the affine part gets, one each for the product and the sum; double's own of the mean. */
static bool near_exact(const oct_norm_f32 *norm, size_t row, size_t n, const float *y) {
  const float *x = norm->x + row * n, *add = norm->add ? norm->add + row * n : NULL;
  long double sum = 0, squares = 0, largest = 0;
  for (size_t i = 0; i < n; i++) {
    const float t = add ? x[i] + add[i] : x[i];
    sum += (long double)t;
    largest = fmaxl(largest, fabsl((long double)t));
  }
  const long double mean = sum / (long double)n;
  for (size_t i = 0; i < n; i++) {
    const float t = add ? x[i] + add[i] : x[i];
    squares += ((long double)t - mean) * ((long double)t - mean);
  }
  const long double scale = 1 / sqrtl(squares / (long double)n + (long double)norm->epsilon);
  for (size_t i = 0; i < n; i++) {
    const float t = add ? x[i] + add[i] : x[i];
    const long double gamma = norm->gamma ? (long double)norm->gamma[i] : 1;
    const long double beta = norm->beta ? (long double)norm->beta[i] : 0;
    const long double scaled = ((long double)t - mean) * scale * gamma, want = scaled + beta;
    const long double bound = 4 * 0x1p-24L * (fabsl(scaled) + fabsl(beta)) + 0x1p-46L * largest * scale * fabsl(gamma);
    if (fabsl((long double)y[i] - want) > bound) return false;
  }
  return true;
}

static void fill(check_random *random, float *values, size_t count, float center, bool extremes) {
  static const float ends[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-42f, 3e38f, -3e38f};
  for (size_t i = 0; i < count; i++) {
    values[i] = center + check_real(random, -2, 2);
    if (extremes && check_next(random) % 200 == 0) values[i] = ends[check_next(random) % 8];
  }
}

static void run_scene(check_random *random, size_t rows, size_t length, size_t turn, const char *tier) {
  const size_t count = rows * length;
  check_guard x = check_guard_make(count * sizeof(float)), add = check_guard_make(count * sizeof(float));
  check_guard y = check_guard_make(count * sizeof(float));
  check_guard gamma = check_guard_make(length * sizeof(float)), beta = check_guard_make(length * sizeof(float));
  oct_norm_f32 norm = {.struct_size = sizeof norm, .epsilon = turn % 4 ? 1e-5 : 0.1};
  const bool extremes = turn % 3 == 0;
  fill(random, (float *)(void *)x.bytes, count, turn % 5 ? 0 : 1000, extremes);
  fill(random, (float *)(void *)add.bytes, count, 0, extremes);
  fill(random, (float *)(void *)gamma.bytes, length, 0, false);
  fill(random, (float *)(void *)beta.bytes, length, 0, false);
  norm.x = (const float *)(const void *)x.bytes;
  /* Every third row is constant: its variance is 0. */
  for (size_t row = 0; row < rows; row += 3)
    for (size_t i = 0; i < length; i++) memcpy(x.bytes + (row * length + i) * 4, x.bytes + row * length * 4, 4);
  if (turn & 1) norm.add = (const float *)(const void *)add.bytes;
  if (turn & 2) norm.gamma = (const float *)(const void *)gamma.bytes;
  if (turn & 4) norm.beta = (const float *)(const void *)beta.bytes;
  float *want = check_aligned(count * sizeof(float));
  for (size_t row = 0; row < rows; row++) {
    plain_row(&norm, row, length, want + row * length);
    if (!extremes)
      check(near_exact(&norm, row, length, want + row * length), "row %zu of %zu elements is far from exact", row,
            length);
  }
  norm.y = (float *)(void *)(turn % 7 == 0 ? x.bytes : turn % 7 == 1 && norm.add ? add.bytes : y.bytes);
  const oct_run run = {.struct_size = sizeof run, .threads = 1 + (int)(turn % 3)};
  bool good = check_ok(oct_layer_norm_f32(&norm, rows, length, &run), tier);
  for (size_t i = 0; i < count && good; i++)
    good = check(same_bits(norm.y[i], want[i]), "%s: %zu rows of %zu: element %zu is %.9g, expected %.9g", tier, rows,
                 length, i, (double)norm.y[i], (double)want[i]);
  check(check_guard_intact(&x) && check_guard_intact(&add) && check_guard_intact(&y), "%s: bytes before a buffer",
        tier);
  free(want);
  check_guard_free(&x), check_guard_free(&add), check_guard_free(&y);
  check_guard_free(&gamma), check_guard_free(&beta);
}

static void test_odd_addresses(check_random *random, const oct_norm_kernels *kernels) {
  for (size_t offset = 0; offset < 4; offset++) {
    unsigned char from[4 * 77 + 4], to[4 * 77 + 4];
    float values[77], want[77];
    fill(random, values, 77, 0, false);
    memcpy(from + offset, values, sizeof values);
    const oct_norm_f32 norm = {.epsilon = 1e-5, .gamma = values, .x = values};
    plain_row(&norm, 0, 77, want);
    const float *odd = (const float *)(const void *)(from + offset);
    kernels->layer_rows(odd, NULL, 1, 77, 1e-5, odd, NULL, (float *)(void *)(to + offset));
    check(memcmp(to + offset, want, sizeof want) == 0, "%s: a row at an odd address %zu", kernels->name, offset);
  }
}

static void test_refusals(void) {
  const float x[4] = {1, 3, 5, 7};
  float y[4] = {77, 77, 77, 77};
  const oct_norm_f32 sound = {.struct_size = sizeof sound, .epsilon = 0, .x = x, .y = y};
  check_refused(oct_layer_norm_f32(NULL, 2, 2, NULL), OCT_INVALID_ARGUMENT, "null");
  oct_norm_f32 wrong[5];
  for (int i = 0; i < 5; i++) wrong[i] = sound;
  wrong[0].struct_size = 1;
  wrong[1].epsilon = -1;
  wrong[2].epsilon = NAN;
  wrong[3].x = NULL;
  wrong[4].y = NULL;
  for (int i = 0; i < 5; i++)
    check_refused(oct_layer_norm_f32(&wrong[i], 2, 2, NULL), OCT_INVALID_ARGUMENT, "a wrong norm");
  check_refused(oct_layer_norm_f32(&sound, SIZE_MAX / 2, 8, NULL), OCT_OVERFLOW, "immense rows");
  const oct_run run = {.struct_size = 1};
  check_refused(oct_layer_norm_f32(&sound, 2, 2, &run), OCT_INVALID_ARGUMENT, "run");
  check(y[0] == 77, "a refused norm wrote to y");
  check_ok(oct_layer_norm_f32(&sound, 0, 2, NULL), "no rows");
  check_ok(oct_layer_norm_f32(&sound, 2, 0, NULL), "empty rows");
  check(y[0] == 77, "an empty norm wrote to y");
  check_ok(oct_layer_norm_f32(&sound, 2, 2, NULL), "the sound one");
  check(y[0] == -1 && y[1] == 1 && y[2] == -1 && y[3] == 1, "layer norm by hand");
}

int main(void) {
  static const size_t lengths[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129, 257, 768, 1001};
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_norm_kernels *kernels = NULL;
    if (!check_ok(oct_norm_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {3};
    for (size_t turn = 0; turn < 480; turn++)
      run_scene(&random, turn % 40 ? 1 + turn % 4 : 70, lengths[check_next(&random) % 16], turn, kernels->name);
    test_odd_addresses(&random, kernels);
    test_refusals();
    printf("layer norm on %s: %d failures\n", kernels->name, check_failures - before);
  }
  return check_report("layer_norm");
}
