/* Recurrent cells against their formulas in double and every tier against scalar bit by bit, sequences against plain integer
 * loops: sizes around the kernels' panels, batches that shrink and grow, threads, tiers, states that aren't finite. */
#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>

#include "check.h"
#include "octet.h"
#include "rnn/kernels.h"

static const char *const cell_names[4] = {"lstm", "gru", "tanh", "relu"};

static double logistic(double x) { return 1.0 / (1.0 + exp(-x)); }

/* One unit in double. */
static void formula(oct_rnn_cell cell, const float *x, const float *h, size_t units, double before, double *c,
                    double *y) {
  const double a = (double)x[0] + (double)h[0];
  switch (cell) {
    case OCT_RNN_LSTM: {
      const double f = (double)x[units] + (double)h[units], g = (double)x[2 * units] + (double)h[2 * units];
      const double o = (double)x[3 * units] + (double)h[3 * units];
      *c = logistic(f) * *c + logistic(a) * tanh(g);
      *y = logistic(o) * tanh(*c);
      return;
    }
    case OCT_RNN_GRU: {
      const double z = (double)x[units] + (double)h[units];
      const double n = tanh((double)x[2 * units] + logistic(a) * (double)h[2 * units]);
      *y = (before - n) * logistic(z) + n;
      return;
    }
    case OCT_RNN_TANH: *y = tanh(a); return;
    case OCT_RNN_RELU: *y = a > 0.0 ? a : 0.0; return;
  }
}

static bool near(double got, double want) { return fabs(got - want) <= 1e-6 * fabs(want) + 4e-7; }

/* Small and large arguments, zeros of both signs, and both ends. */
static float argument(check_random *random) {
  static const float ends[8] = {0.0f, -0.0f, 1e-30f, -1e-12f, 88.5f, -88.5f, 1e30f, -1e30f};
  const uint32_t pick = check_next(random) % 64;
  if (pick < 8) return ends[pick];
  return check_real(random, -1.0f, 1.0f) * (pick < 24 ? 0.01f : pick < 56 ? 4.0f : 30.0f);
}

static oct_rnn_step_call step_call(oct_rnn_cell cell, size_t rows, size_t units, const float *x, const float *h,
                                   const float *before, float *y, float *c) {
  const size_t columns = oct_rnn_gates(cell) * units;
  return (oct_rnn_step_call){.struct_size = sizeof(oct_rnn_step_call),
                             .cell = cell,
                             .rows = rows,
                             .units = units,
                             .input = x,
                             .hidden = h,
                             .before = before,
                             .h = y,
                             .c = c,
                             .input_stride = columns,
                             .hidden_stride = columns,
                             .before_stride = units,
                             .h_stride = units,
                             .c_stride = units};
}

static void test_formulas(void) {
  enum { ROWS = 8, UNITS = 301 };
  static float x[ROWS * UNITS * 4], h[ROWS * UNITS * 4], before[ROWS * UNITS], c[ROWS * UNITS], y[ROWS * UNITS];
  static double cell_before[ROWS * UNITS];
  check_random random = {7};
  for (int cell = 0; cell < 4; cell++) {
    const size_t gates = oct_rnn_gates((oct_rnn_cell)cell);
    for (size_t i = 0; i < gates * UNITS * ROWS; i++) x[i] = argument(&random), h[i] = argument(&random);
    for (size_t i = 0; i < UNITS * ROWS; i++) {
      before[i] = check_real(&random, -1.0f, 1.0f);
      c[i] = check_real(&random, -3.0f, 3.0f);
      cell_before[i] = (double)c[i];
    }
    const oct_rnn_step_call call = step_call((oct_rnn_cell)cell, ROWS, UNITS, x, h, before, y, c);
    check_ok(oct_rnn_step(&call, NULL), cell_names[cell]);
    for (size_t i = 0; i < ROWS * UNITS; i++) {
      const size_t row = i / UNITS, unit = i % UNITS, at = row * gates * UNITS + unit;
      double want_c = cell_before[i], want = 0;
      formula((oct_rnn_cell)cell, x + at, h + at, UNITS, (double)before[i], &want_c, &want);
      check(near((double)y[i], want), "%s: unit %zu is %.9g, expected %.9g", cell_names[cell], i, (double)y[i], want);
      if (cell == OCT_RNN_LSTM)
        check(near((double)c[i], want_c), "lstm: cell %zu is %.9g, expected %.9g", i, (double)c[i], want_c);
    }
  }
}

static void test_special_values(void) {
  float x[12], h[12] = {0}, c[3] = {1.0f, 1.0f, 1.0f}, y[3];
  for (size_t i = 0; i < 12; i++) x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
  const oct_rnn_step_call call = step_call(OCT_RNN_LSTM, 1, 3, x, h, NULL, y, c);
  check_ok(oct_rnn_step(&call, NULL), "lstm of special values");
  check(isnan(y[0]) && isnan(c[0]), "NaN gates give %g and %g", (double)y[0], (double)c[0]);
  check(c[1] == 2.0f && near((double)y[1], tanh(2.0)), "open gates give %g and %g", (double)c[1], (double)y[1]);
  check(fabsf(c[2]) < 1e-37f && fabsf(y[2]) < 1e-37f, "closed gates give %g and %g", (double)c[2], (double)y[2]);
  const float small[2] = {3e-20f, -3e-20f};
  const oct_rnn_step_call tiny = step_call(OCT_RNN_TANH, 1, 2, small, h, NULL, y, NULL);
  check_ok(oct_rnn_step(&tiny, NULL), "tanh of tiny values");
  check(y[0] == 3e-20f && y[1] == -3e-20f, "tanh of 3e-20 is %g", (double)y[0]);
}

/* Every tier's row and range against scalar, on buffers that end at a protected page and start anywhere. */
static void test_tiers(const oct_rnn_kernels *kernels) {
  if (!oct_isa_supported(kernels->isa)) return;
  check_random random = {99};
  for (size_t units = 1; units <= 70; units++) {
    for (int cell = 0; cell < 4; cell++) {
      const size_t gates = oct_rnn_gates((oct_rnn_cell)cell), bytes = units * sizeof(float);
      check_guard x = check_guard_make(gates * bytes), h = check_guard_make(gates * bytes);
      check_guard before = check_guard_make(bytes), y[2], c[2];
      for (size_t i = 0; i < gates * units; i++) {
        const float a = argument(&random), b = argument(&random);
        memcpy(x.bytes + i * sizeof a, &a, sizeof a), memcpy(h.bytes + i * sizeof b, &b, sizeof b);
      }
      for (int k = 0; k < 2; k++) y[k] = check_guard_make(bytes), c[k] = check_guard_make(bytes);
      for (size_t i = 0; i < units; i++) {
        const float a = argument(&random), b = argument(&random);
        memcpy(before.bytes + i * sizeof a, &a, sizeof a);
        memcpy(c[0].bytes + i * sizeof b, &b, sizeof b), memcpy(c[1].bytes + i * sizeof b, &b, sizeof b);
      }
      const oct_rnn_kernels *both[2] = {&oct_rnn_scalar, kernels};
      for (int k = 0; k < 2; k++)
        both[k]->row[cell]((const float *)(void *)x.bytes, (const float *)(void *)h.bytes,
                           (const float *)(void *)before.bytes, units, units, (float *)(void *)c[k].bytes,
                           (float *)(void *)y[k].bytes);
      check(memcmp(y[0].bytes, y[1].bytes, bytes) == 0, "%s %s of %zu units differs from scalar", kernels->name,
            cell_names[cell], units);
      check(memcmp(c[0].bytes, c[1].bytes, bytes) == 0, "%s %s of %zu units: cells differ from scalar", kernels->name,
            cell_names[cell], units);
      const oct_rnn_range got = kernels->range((const float *)(void *)x.bytes, gates, units, units);
      float low = INFINITY, high = -INFINITY;
      for (size_t i = 0; i < gates * units; i++) {
        float value;
        memcpy(&value, x.bytes + i * sizeof value, sizeof value);
        low = value < low ? value : low, high = value > high ? value : high;
      }
      check(got.low == low && got.high == high && got.finite, "%s range of %zu: %g..%g, expected %g..%g", kernels->name,
            gates * units, (double)got.low, (double)got.high, (double)low, (double)high);
      check_guard_free(&x), check_guard_free(&h), check_guard_free(&before);
      for (int k = 0; k < 2; k++) check_guard_free(&y[k]), check_guard_free(&c[k]);
    }
  }
  const float scales[3] = {0.25f, FLT_MIN, FLT_MAX}, factors[3] = {0.5f, FLT_TRUE_MIN, 3e38f};
  for (size_t i = 0; i < 3; i++) {
    enum { COLUMNS = 37 };
    int32_t sum[COLUMNS], term[COLUMNS];
    float weight_scale[COLUMNS], multiplier[COLUMNS];
    const float exact = scales[i] * factors[i];
    const float expected = exact > FLT_MAX ? FLT_MAX : exact > 0.0f ? exact : FLT_TRUE_MIN;
    for (int n = 0; n < COLUMNS; n++) sum[n] = (n - 9) * 79536431, weight_scale[n] = factors[i];
    kernels->columns(sum, -127, weight_scale, scales[i], COLUMNS, term, multiplier);
    for (int n = 0; n < COLUMNS; n++) {
      const int64_t product = (int64_t)sum[n] * -127;
      check((uint32_t)term[n] == (uint32_t)product, "%s: column %d starts from %d, expected %lld modulo 2^32",
            kernels->name, n, (int)term[n], (long long)product);
      check(multiplier[n] == expected, "%s: multiplier %d is %g, expected %g", kernels->name, n, (double)multiplier[n],
            (double)expected);
    }
  }
  for (size_t at = 0; at < 67; at++) {
    float values[67] = {0};
    values[at] = at % 2 ? NAN : INFINITY;
    check(!kernels->range(values, 1, 67, 67).finite, "%s: a value that isn't finite at %zu is missed", kernels->name,
          at);
  }
}

/* A sequence and all its data. */
typedef struct sequence {
  oct_rnn_cell cell;
  size_t steps, units, rows, batch;
  const size_t *sizes;
  bool reverse, reduce, per_column, has_bias, has_zero;
  int8_t *weights;
  int32_t zero_point;
  float *scale, *bias, *input, *h, *c;
} sequence;

static sequence make(check_random *random, oct_rnn_cell cell, size_t units, const size_t *sizes, size_t steps) {
  sequence s = {.cell = cell, .steps = steps, .units = units, .sizes = sizes, .batch = sizes[0]};
  const size_t columns = oct_rnn_gates(cell) * units;
  for (size_t t = 0; t < steps; t++) s.rows += sizes[t];
  s.reverse = check_next(random) & 1, s.reduce = check_next(random) & 1, s.per_column = check_next(random) & 1;
  s.has_bias = check_next(random) & 1, s.has_zero = check_next(random) % 4 == 0;
  s.zero_point = s.has_zero ? check_between(random, -128, 127) : 0;
  s.weights = check_aligned(columns * units);
  check_fill_bytes(random, (check_fill)(check_next(random) % CHECK_FILL_COUNT), OCT_S8, s.weights, columns * units);
  s.scale = check_aligned(columns * sizeof(float));
  s.bias = check_aligned(columns * sizeof(float));
  for (size_t n = 0; n < columns; n++) {
    s.scale[n] = check_real(random, 1e-4f, 2e-3f);
    s.bias[n] = check_real(random, -0.5f, 0.5f);
  }
  s.input = check_aligned(s.rows * columns * sizeof(float) + 1);
  for (size_t i = 0; i < s.rows * columns; i++) s.input[i] = check_real(random, -2.0f, 2.0f);
  s.h = check_aligned(s.batch * units * sizeof(float) + 1);
  s.c = check_aligned(s.batch * units * sizeof(float) + 1);
  for (size_t i = 0; i < s.batch * units; i++) {
    s.h[i] = check_real(random, -1.0f, 1.0f);
    s.c[i] = check_real(random, -1.0f, 1.0f);
  }
  return s;
}

static void release(sequence *s) {
  free(s->weights), free(s->scale), free(s->bias), free(s->input), free(s->h), free(s->c);
}

/* torch's rule for 0..top. Scales below 6.1e-5 are raised to it, and the range with them. */
static float choose(const float *h, size_t count, int top, int32_t *zero_point) {
  const float smallest = 6.1e-5f;
  float low = 0.0f, high = 0.0f;
  for (size_t i = 0; i < count; i++) low = fminf(low, h[i]), high = fmaxf(high, h[i]);
  double scale = ((double)high - (double)low) / top;
  if (low == 0.0f && high == 0.0f) scale = 0.1;
  if (scale < (double)smallest) {
    volatile float growth = smallest / (float)scale, grown_low = low * growth, grown_high = high * growth;
    volatile float whole = smallest * (float)top;
    const bool has_low = low<0.0f, has_high = high> 0.0f;
    low = !has_low ? 0.0f : has_high ? grown_low : -whole;
    high = !has_high ? 0.0f : has_low ? grown_high : whole;
    scale = (double)smallest;
  }
  const double below = (double)low / scale, above = (double)high / scale;
  const double zero = fabs(below) > 0 - (top - fabs(above)) ? 0 - below : top - above;
  *zero_point = (int32_t)nearbyint(fmin(fmax(zero, 0), top));
  return (float)scale;
}

/* Plain loops over one step at a time; the cell is the library's own, which other tests hold to its formula. */
static void expect(const sequence *s, float *output, float *h, float *c) {
  const size_t units = s->units, columns = oct_rnn_gates(s->cell) * units;
  float *hidden = check_aligned(s->batch * columns * sizeof(float));
  size_t first = s->reverse ? s->rows : 0;
  for (size_t t = 0; t < s->steps; t++) {
    const size_t size = s->sizes[s->reverse ? s->steps - 1 - t : t];
    if (s->reverse) first -= size;
    int32_t zero;
    const float scale = choose(h, size * units, s->reduce ? 127 : 255, &zero);
    const float inverse = 1.0f / scale;
    for (size_t r = 0; r < size; r++) {
      for (size_t n = 0; n < columns; n++) {
        int64_t sum = 0;
        for (size_t k = 0; k < units; k++) {
          volatile float scaled = h[r * units + k] * inverse;
          double q = nearbyint((double)scaled) + zero;
          q = q < 0 ? 0 : q > 255 ? 255 : q;
          sum += ((int64_t)q - zero) * (s->weights[n * units + k] - s->zero_point);
        }
        volatile float multiplier = scale * s->scale[s->per_column ? n : 0];
        volatile float product = (float)sum * multiplier;
        volatile float biased = s->has_bias ? product + s->bias[n] : product;
        hidden[r * columns + n] = biased;
      }
    }
    if (size > 0) {
      const oct_rnn_step_call call =
          step_call(s->cell, size, units, s->input + first * columns, hidden, h, output + first * units, c);
      check_ok(oct_rnn_step(&call, NULL), "reference step");
      memcpy(h, output + first * units, size * units * sizeof(float));
    }
    if (!s->reverse) first += size;
  }
  free(hidden);
}

static oct_rnn_sequence_call sequence_call(const sequence *s, const void *packed, size_t packed_size) {
  return (oct_rnn_sequence_call){.struct_size = sizeof(oct_rnn_sequence_call),
                                 .cell = s->cell,
                                 .reverse = s->reverse,
                                 .reduce_range = s->reduce,
                                 .steps = s->steps,
                                 .units = s->units,
                                 .batch_sizes = s->sizes,
                                 .input = s->input,
                                 .weights = packed,
                                 .weights_size = packed_size,
                                 .weight_scale = s->scale,
                                 .weight_scale_count = s->per_column ? oct_rnn_gates(s->cell) * s->units : 1,
                                 .bias = s->has_bias ? s->bias : NULL,
                                 .output_stride = s->units};
}

static void *pack(const sequence *s, size_t *size) {
  const oct_gemm_weights weights = {.struct_size = sizeof weights,
                                    .a_dtype = OCT_U8,
                                    .b_dtype = OCT_S8,
                                    .n = oct_rnn_gates(s->cell) * s->units,
                                    .k = s->units,
                                    .b = s->weights,
                                    .stride_n = (ptrdiff_t)s->units,
                                    .stride_k = 1,
                                    .zero_point = &s->zero_point,
                                    .zero_point_count = 1};
  check_ok(oct_gemm_packed_size(&weights, size), "packed size");
  void *packed = check_aligned(*size);
  check_ok(oct_gemm_pack(&weights, packed, *size), "pack");
  return packed;
}

/* Runs on one and three threads into rows that lie apart, and compares every bit. */
static void compare(const sequence *s, const char *tier) {
  const size_t units = s->units, states = s->batch * units, stride = units + 3;
  float *want = check_aligned(s->rows * units * sizeof(float) + 1), *output = check_aligned((s->rows + 1) * stride * 4);
  float *h[2], *c[2];
  for (int k = 0; k < 2; k++) {
    h[k] = check_aligned(states * sizeof(float) + 1), c[k] = check_aligned(states * sizeof(float) + 1);
    memcpy(h[k], s->h, states * sizeof(float)), memcpy(c[k], s->c, states * sizeof(float));
  }
  expect(s, want, h[0], c[0]);
  size_t packed_size, workspace_size;
  void *packed = pack(s, &packed_size);
  oct_rnn_sequence_call call = sequence_call(s, packed, packed_size);
  size_t odd = 0;
  call.output = output, call.output_stride = stride, call.h = h[1], call.c = c[1], call.non_finite = &odd;
  check_ok(oct_rnn_sequence_workspace_size(&call, &workspace_size), "workspace size");
  void *workspace = check_aligned(workspace_size);
  for (int threads = 1; threads <= 3; threads += 2) {
    const oct_run run = {
        .struct_size = sizeof run, .threads = threads, .workspace = workspace, .workspace_size = workspace_size};
    memcpy(h[1], s->h, states * sizeof(float)), memcpy(c[1], s->c, states * sizeof(float));
    if (!check_ok(oct_rnn_sequence(&call, &run), tier)) break;
    bool same = true;
    for (size_t r = 0; r < s->rows && same; r++)
      same = memcmp(want + r * units, output + r * stride, units * sizeof(float)) == 0;
    check(same, "%s %s units=%zu batch=%zu steps=%zu threads=%d%s: output differs", tier, cell_names[s->cell], units,
          s->batch, s->steps, threads, s->reverse ? " reverse" : "");
    check(memcmp(h[0], h[1], states * sizeof(float)) == 0, "%s %s units=%zu: last states differ", tier,
          cell_names[s->cell], units);
    check(s->cell != OCT_RNN_LSTM || memcmp(c[0], c[1], states * sizeof(float)) == 0,
          "%s lstm units=%zu: last cells differ", tier, units);
    check(odd == 0, "%s: %zu steps counted as not finite", tier, odd);
  }
  for (int k = 0; k < 2; k++) free(h[k]), free(c[k]);
  free(want), free(output), free(packed), free(workspace);
}

static void test_sequences(const char *tier) {
  static const size_t one[] = {1, 1, 1}, even[] = {3, 3, 3, 3}, falling[] = {17, 9, 9, 2, 1}, single[] = {5},
                      gone[] = {2, 0};
  static const size_t units[] = {1, 2, 7, 31, 32, 33, 64, 96, 130, 256};
  static const struct {
    const size_t *sizes;
    size_t steps;
  } shapes[] = {{one, 3}, {even, 4}, {falling, 5}, {single, 1}, {gone, 2}};
  check_random random = {2024};
  for (size_t u = 0; u < sizeof units / sizeof *units; u++)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
      for (int cell = 0; cell < 4; cell++) {
        sequence s = make(&random, (oct_rnn_cell)cell, units[u], shapes[i].sizes, shapes[i].steps);
        compare(&s, tier);
        release(&s);
      }
}

static void test_non_finite(void) {
  static const size_t sizes[] = {1, 1, 1};
  check_random random = {5};
  sequence s = make(&random, OCT_RNN_LSTM, 4, sizes, 3);
  s.h[2] = INFINITY;
  size_t packed_size, workspace_size, odd = 9;
  void *packed = pack(&s, &packed_size);
  oct_rnn_sequence_call call = sequence_call(&s, packed, packed_size);
  float output[12], first[12];
  call.output = output, call.h = s.h, call.c = s.c, call.non_finite = &odd;
  check_ok(oct_rnn_sequence_workspace_size(&call, &workspace_size), "workspace size");
  void *workspace = check_aligned(workspace_size);
  const oct_run run = {.struct_size = sizeof run, .workspace = workspace, .workspace_size = workspace_size};
  float h[4], c[4];
  memcpy(h, s.h, sizeof h), memcpy(c, s.c, sizeof c);
  check_ok(oct_rnn_sequence(&call, &run), "infinite first state");
  check(odd == 1, "an infinite first state is counted %zu times", odd);
  memcpy(first, output, sizeof first);
  h[2] = FLT_MAX;
  memcpy(s.h, h, sizeof h), memcpy(s.c, c, sizeof c);
  check_ok(oct_rnn_sequence(&call, &run), "largest first state");
  check(odd == 0 && memcmp(first, output, sizeof first) == 0, "infinity isn't taken as the largest float");
  free(packed), free(workspace);
  release(&s);
}

static void test_refusals(void) {
  float x[8] = {0}, h[8] = {0}, y[2], c[2] = {0};
  oct_rnn_step_call step = step_call(OCT_RNN_LSTM, 1, 2, x, h, NULL, y, c), bad;
  check_refused(oct_rnn_step(NULL, NULL), OCT_INVALID_ARGUMENT, "null call");
  bad = step, bad.struct_size = 1;
  check_refused(oct_rnn_step(&bad, NULL), OCT_INVALID_ARGUMENT, "struct size");
  bad = step, bad.cell = (oct_rnn_cell)9;
  check_refused(oct_rnn_step(&bad, NULL), OCT_INVALID_ARGUMENT, "cell");
  bad = step, bad.units = 0;
  check_refused(oct_rnn_step(&bad, NULL), OCT_INVALID_ARGUMENT, "no units");
  bad = step, bad.units = SIZE_MAX / 3;
  check_refused(oct_rnn_step(&bad, NULL), OCT_OVERFLOW, "units overflow");
  bad = step, bad.c = NULL;
  check_refused(oct_rnn_step(&bad, NULL), OCT_INVALID_ARGUMENT, "no cell state");
  bad = step, bad.input_stride = 7;
  check_refused(oct_rnn_step(&bad, NULL), OCT_SHAPE_MISMATCH, "stride");
  bad = step, bad.h = c;
  check_refused(oct_rnn_step(&bad, NULL), OCT_INVALID_ARGUMENT, "overlap");
  bad = step, bad.rows = SIZE_MAX / 4;
  check_refused(oct_rnn_step(&bad, NULL), OCT_OVERFLOW, "rows overflow");
  bad = step, bad.cell = OCT_RNN_GRU;
  check_refused(oct_rnn_step(&bad, NULL), OCT_INVALID_ARGUMENT, "no state before");
}

static void test_sequence_refusals(void) {
  static const size_t sizes[] = {2, 1}, growing[] = {1, 2};
  check_random random = {3};
  sequence s = make(&random, OCT_RNN_GRU, 5, sizes, 2);
  size_t packed_size, bytes;
  void *packed = pack(&s, &packed_size);
  float output[15];
  oct_rnn_sequence_call call = sequence_call(&s, packed, packed_size), bad;
  call.output = output, call.h = s.h;
  check_ok(oct_rnn_sequence_workspace_size(&call, &bytes), "workspace size");
  void *workspace = check_aligned(bytes);
  const oct_run run = {.struct_size = sizeof run, .workspace = workspace, .workspace_size = bytes};
  const oct_run small = {.struct_size = sizeof run, .workspace = workspace, .workspace_size = bytes - 1};
  check_refused(oct_rnn_sequence(NULL, &run), OCT_INVALID_ARGUMENT, "null call");
  check_refused(oct_rnn_sequence(&call, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  check_refused(oct_rnn_sequence(&call, &small), OCT_BUFFER_TOO_SMALL, "small workspace");
  bad = call, bad.batch_sizes = growing;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_INVALID_ARGUMENT, "growing batch");
  bad = call, bad.steps = 0;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_INVALID_ARGUMENT, "no steps");
  bad = call, bad.units = 4;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_SHAPE_MISMATCH, "other weights");
  bad = call, bad.cell = OCT_RNN_LSTM;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_INVALID_ARGUMENT, "no cell state");
  bad = call, bad.weight_scale_count = 2;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_SHAPE_MISMATCH, "scales");
  bad = call, bad.output_stride = 4;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_SHAPE_MISMATCH, "output stride");
  bad = call, bad.input = NULL;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_INVALID_ARGUMENT, "no input");
  bad = call, bad.weights = NULL;
  check_refused(oct_rnn_sequence(&bad, &run), OCT_INVALID_ARGUMENT, "no weights");
  s.scale[0] = -1.0f;
  check_refused(oct_rnn_sequence(&call, &run), OCT_INVALID_ARGUMENT, "negative scale");
  free(packed), free(workspace);
  release(&s);
}

int main(void) {
  test_formulas();
  test_special_values();
#define OCT_RNN_KERNELS(isa, arch, symbol) CHECK_RNN_##arch(symbol)
#if defined(__x86_64__)
#define CHECK_RNN_X86(symbol) test_tiers(&symbol);
#define CHECK_RNN_ARM64(symbol)
#else
#define CHECK_RNN_X86(symbol)
#define CHECK_RNN_ARM64(symbol) test_tiers(&symbol);
#endif
#define CHECK_RNN_ANY(symbol) test_tiers(&symbol);
#include "rnn/rnn.def"
#undef OCT_RNN_KERNELS
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "tier");
    test_sequences(oct_isa_name((oct_isa)isa));
  }
  test_non_finite();
  test_refusals();
  test_sequence_refusals();
  return check_report("rnn");
}
