/* Every kind of the benchmark module against its definition, element by element, and refusals of what it doesn't have. */
#define _DEFAULT_SOURCE
#include "../../Benchmarks/qbench/qbench.h"

#include "gemm_reference.h"

enum { MOST_CHANNELS = 96, MOST_RANK = 3 };

/* Buffers of one case, all of them ending at protected pages. */
typedef struct fixture {
  qb_desc desc;
  check_guard in, w, out;
  float scale[MOST_CHANNELS];
  int32_t bias[MOST_CHANNELS];
  float multiplier[MOST_CHANNELS];
} fixture;

static void fixture_make(fixture *f, check_random *random, uint32_t kind, size_t in, size_t w, size_t out) {
  *f = (fixture){.in = check_guard_make(in), .w = check_guard_make(w), .out = check_guard_make(out)};
  f->desc = (qb_desc){.size = sizeof(qb_desc),
                      .kind = kind,
                      .in_scale = 0.05f,
                      .out_scale = 0.3f,
                      .in_zp = check_between(random, 0, 255),
                      .out_zp = check_between(random, 0, 255),
                      .in = f->in.bytes,
                      .w = f->w.bytes,
                      .w_scale = f->scale,
                      .bias = f->bias,
                      .out = f->out.bytes};
  const check_fill fill = (check_fill)(check_next(random) % CHECK_FILL_COUNT);
  check_fill_bytes(random, fill, OCT_U8, f->in.bytes, in);
  check_fill_bytes(random, fill, OCT_S8, f->w.bytes, w);
  for (int i = 0; i < MOST_CHANNELS; i++) {
    f->scale[i] = check_real(random, 0.002f, 0.006f);
    f->bias[i] = check_between(random, -2000, 2000);
    f->multiplier[i] = f->desc.in_scale * f->scale[i] / f->desc.out_scale;
  }
}

/* Runs the case and counts the outputs that aren't the expected ones. */
static void fixture_check(fixture *f, const void *expected, const char *what) {
  qb_op *op = qb_create(&f->desc);
  if (check(op != NULL, "%s: not made: %s", what, oct_last_error_message())) {
    check(qb_run(op, 2) == 0, "%s: the run failed", what);
    const uint8_t *out = f->out.bytes, *wanted = expected;
    for (size_t i = 0; i < f->out.size; i++)
      if (!check(out[i] == wanted[i], "%s: byte %zu is %d, expected %d", what, i, out[i], wanted[i])) break;
    check(check_guard_intact(&f->out), "%s: wrote before its output", what);
    qb_destroy(op);
  }
  check_guard_free(&f->in);
  check_guard_free(&f->w);
  check_guard_free(&f->out);
}

static oct_output output_of(const fixture *f) {
  return (oct_output){.struct_size = sizeof(oct_output),
                      .dtype = OCT_U8,
                      .multiplier = f->multiplier,
                      .multiplier_count = MOST_CHANNELS,
                      .bias = f->bias,
                      .zero_point = f->desc.out_zp,
                      .clamp_min = 0,
                      .clamp_max = 255};
}

static void test_gemm(check_random *random) {
  static const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {1, 96, 300}, {17, 33, 65}, {64, 64, 64}, {30, 95, 129}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    const size_t m = (size_t)sizes[s][0], n = (size_t)sizes[s][1], k = (size_t)sizes[s][2];
    fixture f;
    fixture_make(&f, random, QB_GEMM, m * k, n * k, m * n);
    memcpy(f.desc.d, sizes[s], sizeof sizes[s]);
    if (s % 2) f.desc.bias = NULL;
    oct_output output = output_of(&f);
    output.bias = f.desc.bias;
    uint8_t *expected = malloc(m * n);
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < n; j++) {
        int64_t acc = 0;
        for (size_t p = 0; p < k; p++)
          acc += (int64_t)(f.in.bytes[i * k + p] - f.desc.in_zp) * check_element(f.w.bytes, OCT_S8, j * k + p);
        reference_store(&output, acc, j, expected, i * n + j);
      }
    char what[64];
    snprintf(what, sizeof what, "gemm %zux%zux%zu", m, n, k);
    fixture_check(&f, expected, what);
    free(expected);
  }
}

typedef struct conv_case {
  int64_t rank, batch, in_channels, out_channels, groups;
  int64_t in[MOST_RANK], kernel[MOST_RANK], stride[MOST_RANK], padding[MOST_RANK], dilation[MOST_RANK];
  bool transposed;
  int64_t output_padding[MOST_RANK];
} conv_case;

/* Counts through an array of three bounds, the last one fastest; false after the last place. */
static bool step(int64_t place[MOST_RANK], const int64_t bounds[MOST_RANK]) {
  for (int i = MOST_RANK - 1; i >= 0; i--) {
    if (++place[i] < bounds[i]) return true;
    place[i] = 0;
  }
  return false;
}

/* The sum of one output, or the window's largest byte when `w` is null. */
static int64_t window_value(const conv_case *c, const uint8_t *x, int32_t zero, const int8_t *w, int64_t batch,
                            const int64_t at[MOST_RANK], int64_t channel) {
  const int64_t in_group = c->in_channels / c->groups, taps = c->kernel[0] * c->kernel[1] * c->kernel[2];
  const int64_t group = w ? channel / (c->out_channels / c->groups) : 0;
  int64_t tap[MOST_RANK] = {0}, index = 0, sum = 0, largest = 0;
  do {
    int64_t pixel = batch;
    bool inside = true;
    for (int i = 0; i < MOST_RANK; i++) {
      const int64_t p = at[i] * c->stride[i] - c->padding[i] + tap[i] * c->dilation[i];
      inside = inside && p >= 0 && p < c->in[i];
      pixel = pixel * c->in[i] + p;
    }
    if (inside && w)
      for (int64_t j = 0; j < in_group; j++)
        sum += (int64_t)(x[pixel * c->in_channels + group * in_group + j] - zero) *
               w[(channel * in_group + j) * taps + index];
    if (inside && !w && x[pixel * c->in_channels + channel] > largest) largest = x[pixel * c->in_channels + channel];
    index++;
  } while (step(tap, c->kernel));
  return w ? sum : largest;
}

/* The sum of one output of a transposed convolution: its taps are those whose input position has no rest. */
static int64_t transposed_value(const conv_case *c, const uint8_t *x, int32_t zero, const int8_t *w, int64_t batch,
                                const int64_t at[MOST_RANK], int64_t channel) {
  const int64_t in_group = c->in_channels / c->groups, out_group = c->out_channels / c->groups;
  const int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2], group = channel / out_group;
  int64_t tap[MOST_RANK] = {0}, index = 0, sum = 0;
  do {
    int64_t pixel = batch;
    bool inside = true;
    for (int i = 0; i < MOST_RANK; i++) {
      const int64_t p = at[i] + c->padding[i] - tap[i] * c->dilation[i];
      inside = inside && p >= 0 && p % c->stride[i] == 0 && p / c->stride[i] < c->in[i];
      pixel = pixel * c->in[i] + p / c->stride[i];
    }
    for (int64_t j = group * in_group; inside && j < (group + 1) * in_group; j++)
      sum += (int64_t)(x[pixel * c->in_channels + j] - zero) * w[(j * out_group + channel % out_group) * taps + index];
    index++;
  } while (step(tap, c->kernel));
  return sum;
}

static void conv_output(const conv_case *c, int64_t out[MOST_RANK]) {
  for (int i = 0; i < MOST_RANK && c->transposed; i++)
    out[i] = (c->in[i] - 1) * c->stride[i] - 2 * c->padding[i] + c->dilation[i] * (c->kernel[i] - 1) +
             c->output_padding[i] + 1;
  for (int i = 0; i < MOST_RANK && !c->transposed; i++)
    out[i] = (c->in[i] + 2 * c->padding[i] - c->dilation[i] * (c->kernel[i] - 1) - 1) / c->stride[i] + 1;
}

static void describe_conv(qb_desc *desc, const conv_case *c, const int64_t out[MOST_RANK]) {
  int64_t *d = desc->d;
  d[QB_CONV_RANK] = c->rank, d[QB_CONV_BATCH] = c->batch, d[QB_CONV_GROUPS] = c->groups;
  d[QB_CONV_TRANSPOSED] = c->transposed;
  d[QB_CONV_IN_CHANNELS] = c->in_channels, d[QB_CONV_OUT_CHANNELS] = c->out_channels;
  memcpy(d + QB_CONV_IN, c->in, sizeof c->in);
  memcpy(d + QB_CONV_KERNEL, c->kernel, sizeof c->kernel);
  memcpy(d + QB_CONV_STRIDE, c->stride, sizeof c->stride);
  memcpy(d + QB_CONV_PADDING, c->padding, sizeof c->padding);
  memcpy(d + QB_CONV_DILATION, c->dilation, sizeof c->dilation);
  memcpy(d + QB_CONV_OUT, out, sizeof c->in);
}

static void test_conv(check_random *random) {
  static const conv_case cases[] = {
      {1, 2, 5, 7, 1, {19, 1, 1}, {3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 1, 1}, false, {0}},
      {2, 1, 3, 33, 1, {11, 9, 1}, {3, 3, 1}, {2, 2, 1}, {1, 1, 0}, {1, 1, 1}, false, {0}},
      {2, 2, 16, 20, 1, {7, 6, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}, false, {0}},
      {2, 1, 8, 12, 4, {6, 8, 1}, {3, 3, 1}, {1, 1, 1}, {1, 1, 0}, {1, 1, 1}, false, {0}},
      {2, 1, 40, 40, 40, {9, 10, 1}, {3, 3, 1}, {1, 1, 1}, {1, 1, 0}, {1, 1, 1}, false, {0}},
      {2, 1, 6, 6, 1, {9, 9, 1}, {3, 3, 1}, {1, 1, 1}, {2, 2, 0}, {2, 2, 1}, false, {0}},
      {3, 1, 4, 9, 1, {4, 5, 6}, {3, 3, 3}, {1, 2, 1}, {1, 1, 1}, {1, 1, 1}, false, {0}},
      {1, 2, 5, 7, 1, {9, 1, 1}, {4, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 1, 1}, true, {1, 0, 0}},
      {2, 1, 16, 20, 4, {5, 6, 1}, {3, 4, 1}, {2, 2, 1}, {1, 1, 0}, {1, 1, 1}, true, {1, 0, 0}},
      {2, 1, 40, 40, 40, {7, 6, 1}, {3, 3, 1}, {1, 1, 1}, {1, 1, 0}, {1, 1, 1}, true, {0, 0, 0}},
  };
  for (size_t s = 0; s < sizeof cases / sizeof cases[0]; s++) {
    const conv_case *c = &cases[s];
    int64_t out[MOST_RANK];
    conv_output(c, out);
    const int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2];
    const size_t pixels = (size_t)(out[0] * out[1] * out[2]), channels = (size_t)c->out_channels;
    fixture f;
    fixture_make(&f, random, QB_CONV, (size_t)(c->batch * c->in[0] * c->in[1] * c->in[2] * c->in_channels),
                 (size_t)(c->in_channels / c->groups * taps) * channels, (size_t)c->batch * pixels * channels);
    describe_conv(&f.desc, c, out);
    const oct_output output = output_of(&f);
    uint8_t *expected = malloc(f.out.size);
    for (size_t image = 0, index = 0; image < (size_t)c->batch; image++) {
      int64_t at[MOST_RANK] = {0};
      do {
        for (size_t n = 0; n < channels; n++, index++)
          reference_store(&output,
                          (c->transposed ? transposed_value : window_value)(
                              c, f.in.bytes, f.desc.in_zp, (const int8_t *)f.w.bytes, (int64_t)image, at, (int64_t)n),
                          n, expected, index);
      } while (step(at, out));
    }
    char what[64];
    snprintf(what, sizeof what, "conv case %zu", s);
    fixture_check(&f, expected, what);
    free(expected);
  }
}

static void test_max_pool(check_random *random) {
  static const int64_t sizes[][7] = {{1, 5, 7, 3, 3, 2, 1}, {2, 8, 8, 64, 2, 2, 0}, {1, 6, 9, 65, 3, 1, 1}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    const int64_t *d = sizes[s];
    const conv_case c = {
        2,         d[0],  d[3], d[3], 1, {d[1], d[2], 1}, {d[4], d[4], 1}, {d[5], d[5], 1}, {d[6], d[6], 0},
        {1, 1, 1}, false, {0}};
    int64_t out[MOST_RANK];
    conv_output(&c, out);
    fixture f;
    fixture_make(&f, random, QB_MAXPOOL, (size_t)(d[0] * d[1] * d[2] * d[3]), 1,
                 (size_t)(d[0] * out[0] * out[1] * d[3]));
    memcpy(f.desc.d, d, sizeof sizes[s]);
    uint8_t *expected = malloc(f.out.size);
    size_t index = 0;
    for (int64_t image = 0; image < d[0]; image++) {
      int64_t at[MOST_RANK] = {0};
      do {
        for (int64_t n = 0; n < d[3]; n++)
          expected[index++] = (uint8_t)window_value(&c, f.in.bytes, 0, NULL, image, at, n);
      } while (step(at, out));
    }
    char what[64];
    snprintf(what, sizeof what, "max pool case %zu", s);
    fixture_check(&f, expected, what);
    free(expected);
  }
}

/* What isn't rounded the same way twice is left to the library's own tests: x has whole steps, and the scale is 1. */
static void test_dynamic_linear(check_random *random) {
  static const int64_t sizes[][3] = {{1, 96, 300}, {5, 33, 64}, {30, 17, 129}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    const size_t m = (size_t)sizes[s][0], n = (size_t)sizes[s][1], k = (size_t)sizes[s][2];
    fixture f;
    fixture_make(&f, random, QB_DYNLINEAR, m * k * sizeof(float), n * k, m * n * sizeof(float));
    memcpy(f.desc.d, sizes[s], sizeof sizes[s]);
    float real_bias[MOST_CHANNELS], *expected = malloc(m * n * sizeof *expected);
    for (size_t i = 0; i < m * k; i++) {
      const float x = i == 0 ? -100.0f : i == 1 ? 155.0f : (float)check_between(random, -100, 155);
      memcpy(f.in.bytes + i * sizeof x, &x, sizeof x);
    }
    for (size_t i = 0; i < n; i++) real_bias[i] = check_real(random, -1.0f, 1.0f);
    f.desc.in2 = s % 2 ? NULL : real_bias;
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < n; j++) {
        int64_t acc = 0;
        for (size_t p = 0; p < k; p++) {
          float x;
          memcpy(&x, f.in.bytes + (i * k + p) * sizeof x, sizeof x);
          acc += (int64_t)x * check_element(f.w.bytes, OCT_S8, j * k + p);
        }
        volatile float y = (float)acc * f.scale[j];
        if (f.desc.in2) y = y + real_bias[j];
        expected[i * n + j] = y;
      }
    char what[64];
    snprintf(what, sizeof what, "dynamic linear %zux%zux%zu", m, n, k);
    fixture_check(&f, expected, what);
    free(expected);
  }
}

static double clamped(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

/* Reals that meet both ends, halves and zeros. */
static void fill_reals(check_random *random, float *reals, size_t count) {
  for (size_t i = 0; i < count; i++)
    reals[i] = i % 5 == 0 ? (float)check_between(random, -40, 40) * 0.15f : check_real(random, -60.0f, 60.0f);
}

static void test_quantize(check_random *random) {
  enum { COUNT = 1037, OUTER = 2, CHANNELS = 17, INNER = 31 };
  fixture f;
  fixture_make(&f, random, QB_QUANTIZE, COUNT * sizeof(float), 1, COUNT);
  f.desc.d[0] = COUNT;
  float x[OUTER * CHANNELS * INNER];
  fill_reals(random, x, COUNT);
  memcpy(f.in.bytes, x, COUNT * sizeof x[0]);
  uint8_t bytes[COUNT];
  volatile float product = 1.0f / f.desc.out_scale;
  const float inverse = product;
  for (size_t i = 0; i < COUNT; i++) {
    product = x[i] * inverse;
    bytes[i] = (uint8_t)clamped(nearbyint((double)product) + f.desc.out_zp, 0, 255);
  }
  fixture_check(&f, bytes, "quantize");

  enum { ALL = OUTER * CHANNELS * INNER };
  fixture_make(&f, random, QB_QUANTIZE_PC, ALL * sizeof(float), 1, ALL);
  f.desc.d[0] = OUTER, f.desc.d[1] = CHANNELS, f.desc.d[2] = INNER;
  fill_reals(random, x, ALL);
  memcpy(f.in.bytes, x, ALL * sizeof x[0]);
  int8_t signed_bytes[ALL];
  for (size_t i = 0; i < ALL; i++) {
    f.scale[i / INNER % CHANNELS] = 0.1f + 0.02f * (float)(i / INNER % CHANNELS);
    volatile float scaled = 1.0f / f.scale[i / INNER % CHANNELS];
    scaled = x[i] * scaled;
    signed_bytes[i] = (int8_t)clamped(nearbyint((double)scaled), -128, 127);
  }
  fixture_check(&f, signed_bytes, "quantize per channel");
}

static void test_dequantize_and_requantize(check_random *random) {
  enum { COUNT = 777, ROWS = 13, CHANNELS = 37 };
  fixture f;
  fixture_make(&f, random, QB_DEQUANTIZE, COUNT, 1, COUNT * sizeof(float));
  f.desc.d[0] = COUNT;
  float reals[COUNT];
  for (size_t i = 0; i < COUNT; i++) reals[i] = f.desc.in_scale * (float)(f.in.bytes[i] - f.desc.in_zp);
  fixture_check(&f, reals, "dequantize");

  fixture_make(&f, random, QB_REQUANTIZE, ROWS * CHANNELS * sizeof(int32_t), 1, ROWS * CHANNELS);
  f.desc.d[0] = ROWS, f.desc.d[1] = CHANNELS;
  uint8_t bytes[ROWS * CHANNELS];
  for (size_t i = 0; i < ROWS * CHANNELS; i++) {
    const int32_t acc = i % 11 == 0 ? INT32_MAX : i % 13 == 0 ? INT32_MIN : check_between(random, -60000, 60000);
    memcpy(f.in.bytes + i * sizeof acc, &acc, sizeof acc);
    volatile float product = (float)acc;
    product = product * f.scale[i % CHANNELS];
    bytes[i] = (uint8_t)clamped(nearbyint((double)product) + f.desc.out_zp, 0, 255);
  }
  fixture_check(&f, bytes, "requantize");
}

static void test_machine(check_random *random) {
  enum { BYTES = 1 << 18 };
  fixture f;
  fixture_make(&f, random, QB_MEMCPY, BYTES + 3, 1, BYTES + 3);
  f.desc.d[0] = BYTES + 3;
  uint8_t *expected = malloc(BYTES + 3);
  memcpy(expected, f.in.bytes, BYTES + 3);
  fixture_check(&f, expected, "copy");
  free(expected);
  static const uint32_t kinds[] = {QB_READ, QB_PEAK_INT8, QB_PEAK_F32};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    fixture_make(&f, random, kinds[i], BYTES, 1, 1);
    f.desc.d[0] = i == 0 ? BYTES : 5;
    qb_op *op = qb_create(&f.desc);
    if (check(op != NULL, "kind %u: not made", kinds[i])) check(qb_run(op, 3) == 0, "kind %u: failed", kinds[i]);
    qb_destroy(op);
    check_guard_free(&f.in);
    check_guard_free(&f.w);
    check_guard_free(&f.out);
  }
}

static double logistic(double x) { return 1.0 / (1.0 + exp(-x)); }

/* Two steps without weights: what the biases alone make of the state. */
static void test_recurrent(void) {
  enum { HIDDEN = 5, ROWS = 6 };
  static const int8_t weights[4 * HIDDEN * (3 + HIDDEN)];
  static const float scale[2] = {0.01f, 0.02f};
  float x[ROWS * 3], bias[2 * 4 * HIDDEN], out[ROWS * HIDDEN];
  for (int i = 0; i < ROWS * 3; i++) x[i] = (float)(i - 7);
  for (int i = 0; i < 2 * 4 * HIDDEN; i++) bias[i] = (float)(i % 7) * 0.25f - 0.75f;
  for (uint32_t kind = QB_LSTM; kind <= QB_GRU; kind++) {
    const int gates = kind == QB_LSTM ? 4 : 3;
    const qb_desc desc = {.size = sizeof desc,
                          .kind = kind,
                          .d = {2, ROWS / 2, 3, HIDDEN},
                          .in = x,
                          .in2 = bias,
                          .w = weights,
                          .w_scale = scale,
                          .out = out};
    qb_op *op = qb_create(&desc);
    if (!check(op != NULL, "kind %u: not made: %s", kind, oct_last_error_message())) continue;
    check(qb_run(op, 2) == 0, "kind %u: the run failed", kind);
    for (int unit = 0; unit < HIDDEN; unit++) {
      double a[4], b[4], h = 0, c = 0;
      for (int g = 0; g < gates; g++)
        a[g] = (double)bias[g * HIDDEN + unit], b[g] = (double)bias[(gates + g) * HIDDEN + unit];
      for (int step = 0; step < 2; step++) {
        if (kind == QB_LSTM) {
          c = logistic(a[1] + b[1]) * c + logistic(a[0] + b[0]) * tanh(a[2] + b[2]);
          h = logistic(a[3] + b[3]) * tanh(c);
        } else {
          const double n = tanh(a[2] + logistic(a[0] + b[0]) * b[2]);
          h = (h - n) * logistic(a[1] + b[1]) + n;
        }
        for (int row = 0; row < ROWS / 2; row++) {
          const double got = (double)out[(step * ROWS / 2 + row) * HIDDEN + unit];
          check(fabs(got - h) < 1e-6, "kind %u: unit %d of row %d, step %d is %g, expected %g", kind, unit, row, step,
                got, h);
        }
      }
    }
    qb_destroy(op);
  }
}

static void test_refusals(check_random *random) {
  static const uint32_t absent[] = {0, QB_SGEMM, 31, UINT32_MAX};
  fixture f;
  fixture_make(&f, random, QB_GEMM, 4096, 4096, 4096);
  for (int i = 0; i < 24; i++) f.desc.d[i] = 1;
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
    f.desc.kind = absent[i];
    check(qb_create(&f.desc) == NULL, "kind %u: made, though the library has none", absent[i]);
  }
  f.desc.kind = QB_CONV;
  f.desc.d[QB_CONV_OUT] = 0;
  check(qb_create(&f.desc) == NULL, "a transposed convolution with a shorter output was made");
  f.desc.d[QB_CONV_TRANSPOSED] = 0, f.desc.d[QB_CONV_RANK] = 4;
  check(qb_create(&f.desc) == NULL, "a convolution of rank 4 was made");
  f.desc.d[QB_CONV_RANK] = 2, f.desc.d[QB_CONV_GROUPS] = 0;
  check(qb_create(&f.desc) == NULL, "a convolution of no groups was made");
  f.desc.kind = QB_GEMM;
  f.desc.d[2] = -1;
  check(qb_create(&f.desc) == NULL, "a negative size was taken");
  f.desc.d[1] = f.desc.d[2] = INT64_MAX;
  check(qb_create(&f.desc) == NULL, "a size beyond memory was taken");
  f.desc.d[0] = f.desc.d[1] = f.desc.d[2] = 4;
  f.desc.size = 8;
  check(qb_create(&f.desc) == NULL, "a short descriptor was taken");
  f.desc.size = sizeof f.desc;
  f.desc.out_zp = 256;
  qb_op *op = qb_create(&f.desc);
  check(op == NULL || qb_run(op, 1) != 0, "an impossible zero point was taken");
  qb_destroy(op);
  f.desc.out_zp = 0, f.desc.w_scale = NULL;
  check(qb_create(&f.desc) == NULL, "weights without scales were taken");
  check(qb_create(NULL) == NULL, "a null descriptor was taken");
  check_guard_free(&f.in);
  check_guard_free(&f.w);
  check_guard_free(&f.out);
}

int main(void) {
  check(qb_abi_version() == 1, "the interface is version %d", qb_abi_version());
  check(strstr(qb_name(), "Octet") != NULL, "the name is '%s'", qb_name());
  check(qb_init(0) != 0, "no threads were accepted");
  check_random random = {20240229};
  for (int threads = 1; threads <= 3; threads++) {
    check(qb_init(threads) == 0, "%d threads were refused", threads);
    test_gemm(&random);
    test_recurrent();
    test_dynamic_linear(&random);
    test_conv(&random);
    test_max_pool(&random);
    test_quantize(&random);
    test_dequantize_and_requantize(&random);
    test_machine(&random);
  }
  test_refusals(&random);
  return check_report("qbench_test");
}
