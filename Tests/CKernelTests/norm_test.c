/* Layer, group and batch norm against plain loops: every tier that this CPU runs, guarded buffers, both element types,
 * constant rows, extremes, threads, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "check.h"
#include "norm/kernels.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static int32_t rounded(float v, oct_dtype dtype, int32_t zero_point) {
  const double value = (double)rintf(v) + zero_point;
  const double low = check_lowest(dtype), high = check_highest(dtype);
  return (int32_t)(value < low ? low : value > high ? high : value);
}

/* The expected output of element i of a row of n elements; `layer` tells the order of the affine part. */
static int32_t expected(const oct_norm *norm, const uint8_t *row, size_t n, size_t i, bool layer, float gamma,
                        float beta) {
  int64_t sum = 0, squares = 0;
  for (size_t k = 0; k < n; k++) {
    const int64_t q = check_element(row, norm->dtype, k);
    sum += q;
    squares += q * q;
  }
  const float mean = (float)sum / (float)n, spread = (float)squares / (float)n - mean * mean;
  const float variance = spread > 0 ? spread : 0;
  const float real = variance * norm->x_scale * norm->x_scale;
  const float r = (float)((double)norm->x_scale / sqrt((double)real + norm->epsilon));
  const float z = (float)norm->x_zero_point;
  const float d = ((float)check_element(row, norm->dtype, i) - z) - (mean - z);
  const float v = layer ? d * r * gamma + beta : d * (r * gamma) + beta;
  return rounded(v * (1.0f / norm->y_scale), norm->dtype, norm->y_zero_point);
}

typedef struct scene {
  oct_norm norm;
  size_t rows, length, inner; /* inner 0: layer norm */
  size_t channels, groups;    /* per row, per image */
  int threads;
} scene;

static void fill_rows(const scene *s, check_random *random, check_fill fill, uint8_t *x) {
  check_fill_bytes(random, fill, s->norm.dtype, x, s->rows * s->length);
  /* Every third row is constant: its variance is 0. */
  for (size_t row = 0; row < s->rows; row += 3) memset(x + row * s->length, x[row * s->length], s->length);
}

static void run_scene(scene *s, check_random *random, check_fill fill, const char *what) {
  oct_norm *norm = &s->norm;
  const size_t count = s->rows * s->length, entries = s->inner ? s->channels * s->groups : s->length;
  check_guard x = check_guard_make(count), y = check_guard_make(count);
  check_guard gamma = check_guard_make(entries * sizeof(float)), beta = check_guard_make(entries * sizeof(float));
  fill_rows(s, random, fill, x.bytes);
  for (size_t i = 0; i < entries; i++) {
    ((float *)(void *)gamma.bytes)[i] = check_real(random, -2, 2);
    ((float *)(void *)beta.bytes)[i] = check_real(random, -2, 2);
  }
  const unsigned affine = check_next(random) % 4;
  norm->gamma = affine & 1 ? (const float *)(const void *)gamma.bytes : NULL;
  norm->beta = affine & 2 ? (const float *)(const void *)beta.bytes : NULL;
  norm->x = x.bytes;
  norm->y = y.bytes;
  const oct_run run = {.struct_size = sizeof run, .threads = s->threads};
  const size_t batch = s->groups ? s->rows / s->groups : 0;
  bool same = check_ok(s->inner ? oct_group_norm(norm, batch, s->channels * s->groups, s->inner, s->groups, &run)
                                : oct_layer_norm(norm, s->rows, s->length, &run),
                       what);
  for (size_t i = 0; i < count && same; i++) {
    const size_t row = i / s->length, at = i % s->length;
    const size_t entry = s->inner ? row % s->groups * s->channels + at / s->inner : at;
    const int32_t want = expected(norm, x.bytes + row * s->length, s->length, at, s->inner == 0,
                                  norm->gamma ? norm->gamma[entry] : 1, norm->beta ? norm->beta[entry] : 0);
    const int32_t got = check_element(y.bytes, norm->dtype, i);
    same =
        check(got == want, "%s: row %zu, element %zu of %zu is %d, expected %d", what, row, at, s->length, got, want);
  }
  check(check_guard_intact(&x) && check_guard_intact(&y), "%s: wrote before a buffer", what);
  check_guard_free(&x);
  check_guard_free(&y);
  check_guard_free(&gamma);
  check_guard_free(&beta);
}

static oct_norm random_norm(check_random *random, size_t turn) {
  const oct_dtype dtype = turn % 2 ? OCT_S8 : OCT_U8;
  return (oct_norm){.struct_size = sizeof(oct_norm),
                    .dtype = dtype,
                    .x_scale = check_real(random, 0.001f, 0.2f),
                    .y_scale = check_real(random, 0.01f, 0.05f),
                    .x_zero_point = check_between(random, check_lowest(dtype), check_highest(dtype)),
                    .y_zero_point = check_between(random, check_lowest(dtype), check_highest(dtype)),
                    .epsilon = turn % 5 == 0 ? 0.1 : 1e-5};
}

static void test_layers(check_random *random) {
  static const size_t lengths[] = {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 257, 997};
  for (size_t turn = 0; turn < 400; turn++) {
    scene s = {.norm = random_norm(random, turn), .rows = 1 + check_next(random) % 5, .threads = 1 + (int)(turn % 4)};
    s.length = lengths[turn % (sizeof lengths / sizeof *lengths)];
    run_scene(&s, random, (check_fill)(turn % CHECK_FILL_COUNT), "layer norm");
  }
  /* Enough rows for a team. */
  for (int fill = 0; fill < CHECK_FILL_COUNT; fill++) {
    scene s = {.norm = random_norm(random, (size_t)fill), .rows = 40, .length = 2001, .threads = 1 + fill};
    run_scene(&s, random, (check_fill)fill, "many layers");
  }
}

static void test_groups(check_random *random) {
  for (size_t turn = 0; turn < 400; turn++) {
    scene s = {.norm = random_norm(random, turn), .threads = 1 + (int)(turn % 4)};
    s.groups = 1 + check_next(random) % 4;
    s.channels = turn % 3 == 0 ? 1 : 1 + check_next(random) % 5;
    s.inner = 1 + check_next(random) % 70;
    s.rows = s.groups * (1 + turn % 3);
    s.length = s.channels * s.inner;
    run_scene(&s, random, (check_fill)(turn % CHECK_FILL_COUNT), "group norm");
  }
}

/* Totals of one long row: 2^17 + 3 elements of 255 have squares beyond 32 bits. */
static void test_sums(void) {
  const oct_norm_kernels *kernels = NULL;
  if (!check_ok(oct_norm_select(&kernels), "select")) return;
  const size_t count = (1 << 17) + 3;
  check_guard x = check_guard_make(count);
  memset(x.bytes, 0xFF, count);
  uint64_t sum = 5, squares = 7;
  kernels->sums(x.bytes, count, 0, &sum, &squares);
  check(sum == 5 + 255 * (uint64_t)count && squares == 7 + 65025 * (uint64_t)count, "%s: sums of a long row",
        kernels->name);
  sum = squares = 0;
  kernels->sums(x.bytes, count, 0x80, &sum, &squares);
  check(sum == 127 * (uint64_t)count && squares == 16129 * (uint64_t)count, "%s: flipped sums", kernels->name);
  check_guard_free(&x);
}

static void test_batch_norm(check_random *random) {
  for (size_t turn = 0; turn < 500; turn++) {
    const oct_dtype dtype = turn % 2 ? OCT_S8 : OCT_U8;
    const size_t pixels = turn % 50 == 0 ? 900 : 1 + check_next(random) % 9, channels = 1 + check_next(random) % 140;
    const ptrdiff_t x_stride = (ptrdiff_t)(channels + turn % 3), y_stride = (ptrdiff_t)(channels + turn % 2);
    check_guard x = check_guard_make((pixels - 1) * (size_t)x_stride + channels);
    check_guard y = check_guard_make((pixels - 1) * (size_t)y_stride + channels);
    float alpha[140], beta[140];
    check_fill_bytes(random, (check_fill)(turn % CHECK_FILL_COUNT), dtype, x.bytes, x.size);
    memset(y.bytes, 0x5A, y.size);
    for (size_t c = 0; c < channels; c++) {
      /* Halves now and then: products that end in .5 are ties. */
      alpha[c] = turn % 3 ? check_real(random, -2, 2) : 0.5f;
      beta[c] = turn % 3 ? check_real(random, -90, 90) : 3.0f;
    }
    oct_channel_affine affine = {.struct_size = sizeof affine, .dtype = dtype, .alpha = alpha, .beta = beta};
    affine.x_zero_point = check_between(random, check_lowest(dtype), check_highest(dtype));
    affine.y_zero_point = check_between(random, check_lowest(dtype), check_highest(dtype));
    affine.clamp_min = turn % 4 == 0 ? affine.y_zero_point : check_lowest(dtype);
    affine.clamp_max = check_highest(dtype);
    const oct_run run = {.struct_size = sizeof run, .threads = 1 + (int)(turn % 4)};
    bool same =
        check_ok(oct_batch_norm(&affine, pixels, channels, x.bytes, x_stride, y.bytes, y_stride, &run), "batch");
    for (size_t i = 0; i < y.size && same; i++) {
      const size_t pixel = i / (size_t)y_stride, c = i % (size_t)y_stride;
      if (c >= channels) {
        same = check(y.bytes[i] == 0x5A, "batch norm wrote into a gap");
        continue;
      }
      const int32_t q = check_element(x.bytes, dtype, pixel * (size_t)x_stride + c);
      const float product = alpha[c] * (float)(q - affine.x_zero_point);
      int32_t want = rounded(product + beta[c], dtype, affine.y_zero_point);
      if (want < affine.clamp_min) want = affine.clamp_min;
      const int32_t got = check_element(y.bytes, dtype, i);
      same = check(got == want, "batch norm turn %zu: pixel %zu, channel %zu is %d, expected %d", turn, pixel, c, got,
                   want);
    }
    check(check_guard_intact(&x) && check_guard_intact(&y), "batch norm wrote before a buffer");
    check_guard_free(&x);
    check_guard_free(&y);
  }
}

static void test_refused_norms(void) {
  const uint8_t x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  uint8_t y[8] = {77};
  const oct_norm sound = {
      .struct_size = sizeof sound, .dtype = OCT_U8, .x_scale = 1, .y_scale = 1, .epsilon = 1e-5, .x = x, .y = y};
  check_refused(oct_layer_norm(NULL, 1, 8, NULL), OCT_INVALID_ARGUMENT, "null");
  oct_norm wrong[9];
  for (int i = 0; i < 9; i++) wrong[i] = sound;
  wrong[0].struct_size = 1;
  wrong[1].dtype = OCT_S32;
  wrong[2].x_scale = 0;
  wrong[3].y_scale = NAN;
  wrong[4].epsilon = -1;
  wrong[5].x_zero_point = 256;
  wrong[6].y_zero_point = -1;
  wrong[7].x = NULL;
  wrong[8].y = NULL;
  for (int i = 0; i < 9; i++) {
    check_refused(oct_layer_norm(&wrong[i], 1, 8, NULL), OCT_INVALID_ARGUMENT, "a wrong layer norm");
    check_refused(oct_group_norm(&wrong[i], 1, 2, 4, 1, NULL), OCT_INVALID_ARGUMENT, "a wrong group norm");
  }
  check_refused(oct_layer_norm(&sound, SIZE_MAX / 2, 8, NULL), OCT_OVERFLOW, "immense rows");
  check_refused(oct_group_norm(&sound, SIZE_MAX / 2, 2, 4, 1, NULL), OCT_OVERFLOW, "immense batch");
  check_refused(oct_group_norm(&sound, 1, 2, 4, 0, NULL), OCT_INVALID_ARGUMENT, "no groups");
  check_refused(oct_group_norm(&sound, 1, 2, 4, 3, NULL), OCT_INVALID_ARGUMENT, "groups that don't divide");
  const oct_run run = {.struct_size = 1};
  check_refused(oct_layer_norm(&sound, 1, 8, &run), OCT_INVALID_ARGUMENT, "run");
  check(y[0] == 77, "a refused norm wrote to y");
  check_ok(oct_layer_norm(&sound, 0, 8, NULL), "no rows");
  check_ok(oct_layer_norm(&sound, 8, 0, NULL), "empty rows");
  check_ok(oct_group_norm(&sound, 2, 4, 0, 2, NULL), "empty channels");
  check(y[0] == 77, "an empty norm wrote to y");
}

static void test_refused_affine(void) {
  const uint8_t x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  uint8_t y[8] = {77};
  const float ones[2] = {1, 1};
  const oct_channel_affine sound = {
      .struct_size = sizeof sound, .dtype = OCT_U8, .clamp_max = 255, .alpha = ones, .beta = ones};
  check_refused(oct_batch_norm(NULL, 4, 2, x, 2, y, 2, NULL), OCT_INVALID_ARGUMENT, "null");
  oct_channel_affine wrong[8];
  for (int i = 0; i < 8; i++) wrong[i] = sound;
  wrong[0].struct_size = 1;
  wrong[1].dtype = OCT_F32;
  wrong[2].x_zero_point = -1;
  wrong[3].y_zero_point = 300;
  wrong[4].clamp_min = 256;
  wrong[5].clamp_min = 9, wrong[5].clamp_max = 8;
  wrong[6].alpha = NULL;
  wrong[7].beta = NULL;
  for (int i = 0; i < 8; i++)
    check_refused(oct_batch_norm(&wrong[i], 4, 2, x, 2, y, 2, NULL), OCT_INVALID_ARGUMENT, "a wrong affine");
  check_refused(oct_batch_norm(&sound, 4, 2, NULL, 2, y, 2, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_batch_norm(&sound, 4, 2, x, 1, y, 2, NULL), OCT_SHAPE_MISMATCH, "x stride");
  check_refused(oct_batch_norm(&sound, 4, 2, x, 2, y, -2, NULL), OCT_SHAPE_MISMATCH, "y stride");
  check_refused(oct_batch_norm(&sound, SIZE_MAX / 2, 2, x, 2, y, 2, NULL), OCT_OVERFLOW, "immense");
  check(y[0] == 77, "a refused batch norm wrote to y");
  check_ok(oct_batch_norm(&sound, 4, 2, x, 2, y, 2, NULL), "the sound one");
  check(y[0] == 2 && y[7] == 9, "the sound one adds one");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_norm_kernels *kernels = NULL;
    if (!check_ok(oct_norm_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {7};
    test_layers(&random);
    test_groups(&random);
    test_sums();
    test_batch_norm(&random);
    test_refused_norms();
    test_refused_affine();
    printf("norm on %s: %d failures\n", kernels->name, check_failures - before);
  }
#define OCT_NORM_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "norm/norm.def"
#undef OCT_NORM_KERNELS
  return check_report("norm");
}
