/* The memory-bound kinds of the benchmark module: what comes out is what their descriptors ask for, element by element, and
 * impossible descriptors are refused. The library's own results are tested elsewhere; here they are called by hand. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "../../Benchmarks/qbench/qbench.h"
#include "check.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

enum { MOST = 1 << 14 };

static uint8_t bytes_a[MOST], bytes_b[MOST], found[4 * MOST], wanted[4 * MOST];
static float reals_a[MOST], reals_b[MOST], reals_c[MOST];

static qb_desc descriptor(uint32_t kind) {
  return (qb_desc){.size = sizeof(qb_desc),
                   .kind = kind,
                   .in_scale = 0.05f,
                   .in2_scale = 0.04f,
                   .out_scale = 0.07f,
                   .in_zp = 121,
                   .in2_zp = 110,
                   .out_zp = 119,
                   .in = bytes_a,
                   .in2 = bytes_b,
                   .out = found};
}

static void fill(check_random *random) {
  for (size_t i = 0; i < MOST; i++) {
    bytes_a[i] = (uint8_t)check_next(random);
    bytes_b[i] = (uint8_t)check_next(random);
    reals_a[i] = check_real(random, -6, 6);
    reals_b[i] = check_real(random, -1, 1);
  }
}

/* Runs the operation twice and compares `size` bytes of its output with `wanted`. */
static void run_and_compare(const qb_desc *desc, size_t size, const char *what) {
  memset(found, 0xA5, sizeof found);
  qb_op *op = qb_create(desc);
  if (!check(op != NULL, "%s: not made: %s", what, oct_last_error_message())) return;
  check(qb_run(op, 2) == 0, "%s: the run failed", what);
  for (size_t i = 0; i < size; i++)
    if (!check(found[i] == wanted[i], "%s: byte %zu is %d, expected %d", what, i, found[i], wanted[i])) break;
  check(found[size] == 0xA5, "%s: wrote beyond its output", what);
  qb_destroy(op);
}

static uint8_t quantized(float x, float scale, int32_t zero_point) {
  const float steps = rintf(x * (1.0f / scale)) + (float)zero_point;
  return (uint8_t)(steps < 0 ? 0 : steps > 255 ? 255 : steps);
}

static float function_of(uint32_t kind, float x) {
  if (kind == QB_RELU) return x > 0 ? x : 0;
  if (kind == QB_HARDSWISH) return x * fminf(fmaxf(x + 3, 0), 6) / 6;
  return 1 / (1 + expf(-x));
}

static void test_elementwise(void) {
  static const uint32_t kinds[] = {QB_RELU, QB_HARDSWISH, QB_SIGMOID};
  for (int k = 0; k < 3; k++) {
    qb_desc d = descriptor(kinds[k]);
    d.d[0] = 1000;
    for (size_t i = 0; i < 1000; i++)
      wanted[i] = quantized(function_of(d.kind, 0.05f * (float)(bytes_a[i] - 121)), 0.07f, 119);
    run_and_compare(&d, 1000, "a function of one operand");
  }
  for (uint32_t kind = QB_ADD; kind <= QB_MUL; kind++) {
    qb_desc d = descriptor(kind);
    d.d[0] = 1000;
    for (size_t i = 0; i < 1000; i++) {
      const float u = (float)(bytes_a[i] - 121), v = (float)(bytes_b[i] - 110);
      const float sum = 0.05f * u + 0.04f * v, product = u * v, factor = 0.05f * 0.04f * (1.0f / 0.07f);
      wanted[i] = kind == QB_ADD ? quantized(sum, 0.07f, 119) : quantized(product * factor, 1.0f, 119);
    }
    run_and_compare(&d, 1000, kind == QB_ADD ? "a sum" : "a product");
  }
  qb_desc d = descriptor(QB_CAT);
  d.d[0] = 30, d.d[1] = 33;
  for (size_t r = 0; r < 30; r++)
    for (size_t c = 0; c < 33; c++) {
      wanted[66 * r + c] = quantized(0.05f * (float)(bytes_a[33 * r + c] - 121), 0.07f, 119);
      wanted[66 * r + 33 + c] = quantized(0.04f * (float)(bytes_b[33 * r + c] - 110), 0.07f, 119);
    }
  run_and_compare(&d, 30 * 66, "joined rows");
}

/* The mean of a window of one channel of an image [height, width, channels], padding counting as zero. */
static uint8_t mean(int64_t height, int64_t width, int64_t channels, int64_t y, int64_t x, int64_t kernel, int64_t c) {
  int32_t sum = 0;
  for (int64_t i = 0; i < kernel; i++)
    for (int64_t j = 0; j < kernel; j++)
      if (y + i >= 0 && y + i < height && x + j >= 0 && x + j < width)
        sum += bytes_a[((y + i) * width + x + j) * channels + c] - 121;
  return quantized((float)sum * (float)(1.0 / (double)(kernel * kernel)), 1.0f, 121);
}

static void test_spatial(void) {
  qb_desc d = descriptor(QB_AVGPOOL);
  const int64_t sizes[] = {1, 9, 9, 20, 3, 2, 1};
  memcpy(d.d, sizes, sizeof sizes);
  for (int64_t y = 0; y < 5; y++)
    for (int64_t x = 0; x < 5; x++)
      for (int64_t c = 0; c < 20; c++) wanted[(y * 5 + x) * 20 + c] = mean(9, 9, 20, 2 * y - 1, 2 * x - 1, 3, c);
  run_and_compare(&d, 500, "average pooling");
  d.kind = QB_GAVGPOOL;
  for (int64_t c = 0; c < 20; c++) wanted[c] = mean(9, 9, 20, 0, 0, 9, c);
  run_and_compare(&d, 20, "global average pooling");
  for (int64_t mode = 0; mode < 2; mode++) {
    d.kind = QB_INTERP;
    d.d[4] = mode;
    oct_interpolation p = {.struct_size = sizeof p,
                           .dtype = OCT_U8,
                           .rank = 2,
                           .batch = 1,
                           .channels = 20,
                           .in = {9, 9},
                           .out = {18, 18},
                           .step = {0.5f, 0.5f},
                           .x = bytes_a,
                           .x_stride = 20,
                           .y = wanted,
                           .y_stride = 20};
    check_ok(mode ? oct_interpolate_linear(&p, false, 121, NULL) : oct_interpolate_nearest(&p, false, NULL), "resize");
    run_and_compare(&d, 18 * 18 * 20, mode ? "bilinear" : "nearest");
  }
  qb_desc n = descriptor(QB_LAYERNORM);
  n.d[0] = 7, n.d[1] = 65, n.w = reals_a, n.in2 = reals_b;
  const oct_norm norm = {.struct_size = sizeof norm,
                         .dtype = OCT_U8,
                         .x_scale = 0.05f,
                         .y_scale = 0.07f,
                         .x_zero_point = 121,
                         .y_zero_point = 119,
                         .epsilon = 1e-5,
                         .gamma = reals_a,
                         .beta = reals_b,
                         .x = bytes_a,
                         .y = wanted};
  check_ok(oct_layer_norm(&norm, 7, 65, NULL), "layer norm");
  run_and_compare(&n, 7 * 65, "layer norm");
}

static void test_observers(void) {
  float *out = (float *)(void *)wanted;
  qb_desc d = descriptor(QB_MINMAX);
  d.in = reals_a, d.d[0] = 1000;
  out[0] = INFINITY, out[1] = -INFINITY;
  for (size_t i = 0; i < 1000; i++) out[0] = fminf(out[0], reals_a[i]), out[1] = fmaxf(out[1], reals_a[i]);
  run_and_compare(&d, 8, "extremes");
  d.kind = QB_MINMAX_PC, d.d[0] = 10, d.d[1] = 100;
  for (size_t c = 0; c < 10; c++) {
    out[c] = INFINITY, out[10 + c] = -INFINITY;
    for (size_t i = 100 * c; i < 100 * c + 100; i++)
      out[c] = fminf(out[c], reals_a[i]), out[10 + c] = fmaxf(out[10 + c], reals_a[i]);
  }
  run_and_compare(&d, 80, "extremes of channels");
  d.kind = QB_HISTOGRAM, d.d[0] = 1000, d.d[1] = 7;
  uint64_t counts[7] = {0};
  oct_extremes e;
  oct_run run = {.struct_size = sizeof run, .threads = 1};
  check_ok(oct_observe_histogram_workspace(7, 1, &run.workspace_size), "workspace");
  run.workspace = check_aligned(run.workspace_size);
  check_ok(oct_observe_extremes(reals_a, 1000, OCT_NONFINITE_PROPAGATE, &e, NULL, NULL), "extremes");
  check_ok(oct_observe_histogram(reals_a, 1000, e.min, e.max, 7, counts, &run), "histogram");
  for (int b = 0; b < 7; b++) out[b] = (float)counts[b];
  run_and_compare(&d, 28, "histogram");
  free(run.workspace);
  d.kind = QB_FAKEQUANT;
  for (d.d[1] = 0; d.d[1] < 4; d.d[1]++) {
    float low = 119, high = 0.07f, scale = 0.07f;
    int64_t zero = 119;
    /* The moving average moves with every run: the first one when it is made, two of the comparison. */
    const oct_moving_average average = {.struct_size = sizeof average,
                                        .shape = {1, 1, 1000},
                                        .averaging_constant = 0.01f,
                                        .quant_max = 255,
                                        .observes = true,
                                        .minima = &low,
                                        .maxima = &high,
                                        .scales = &scale,
                                        .zero_points = &zero};
    const oct_fake_quantization grid = {
        .struct_size = sizeof grid, .shape = {1, 1, 1000}, .scales = &scale, .zero_points = &zero, .quant_max = 255};
    low = INFINITY, high = -INFINITY;
    if (d.d[1] < 2) {
      check_ok(oct_fake_quantize(&grid, reals_a, reals_c, NULL, NULL), "fake quantize");
    } else {
      for (int i = 0; i < 3; i++)
        check_ok(oct_moving_average_fake_quantize(&average, reals_a, reals_c, NULL, NULL), "moving average");
    }
    memcpy(wanted, reals_c, 4000);
    run_and_compare(&d, 4000, "fake quantization");
  }
}

static void test_bags(void) {
  static const int64_t indices[] = {3, 0, 5, 5, 1}, offsets[] = {0, 2};
  static uint8_t table[6 * 24];
  check_ok(oct_embedding_quantize(reals_a, OCT_EMBEDDING_8, 6, 16, table, sizeof table), "pack");
  qb_desc d = descriptor(QB_EMBBAG);
  const int64_t sizes[] = {6, 16, 8, 2, 5};
  memcpy(d.d, sizes, sizeof sizes);
  d.w = table, d.idx = indices, d.off = offsets;
  const oct_embedding_bag bag = {.struct_size = sizeof bag,
                                 .bits = OCT_EMBEDDING_8,
                                 .rows = 6,
                                 .dim = 16,
                                 .table = table,
                                 .table_size = sizeof table,
                                 .index_type = OCT_INDEX_S64,
                                 .offset_type = OCT_INDEX_S64,
                                 .index_count = 5,
                                 .indices = indices,
                                 .offsets = offsets,
                                 .offset_count = 2,
                                 .y = (float *)(void *)wanted,
                                 .y_size = 32};
  check_ok(oct_embedding_bag_sum(&bag, NULL), "bags");
  run_and_compare(&d, 128, "bags");
}

static void test_refusals(void) {
  static const uint32_t kinds[] = {QB_ADD,    QB_RELU,   QB_CAT,       QB_AVGPOOL,   QB_GAVGPOOL,
                                   QB_INTERP, QB_MINMAX, QB_LAYERNORM, QB_FAKEQUANT, QB_HISTOGRAM};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    qb_desc d = descriptor(kinds[k]);
    for (int i = 0; i < 24; i++) d.d[i] = -1;
    check(qb_create(&d) == NULL, "kind %u took negative sizes", kinds[k]);
  }
  qb_desc d = descriptor(QB_RELU);
  d.d[0] = 4, d.out_zp = 256;
  check(qb_create(&d) == NULL, "an impossible zero point was taken");
  d = descriptor(QB_ADD), d.d[0] = 4, d.in2_scale = 0;
  check(qb_create(&d) == NULL, "a scale of zero was taken");
  d = descriptor(QB_EMBBAG), d.d[2] = 5;
  check(qb_create(&d) == NULL, "rows of 5 bits were taken");
}

int main(void) {
  check_random random = {7};
  for (int threads = 1; threads <= 2; threads++) {
    check(qb_init(threads) == 0, "%d threads were refused", threads);
    fill(&random);
    test_elementwise();
    test_spatial();
    test_observers();
    test_bags();
  }
  test_refusals();
  return check_report("memory_bound_test");
}
