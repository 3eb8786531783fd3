/* oct_gemm_dynamic against its definition: torch's rule for scale and zero point written down once more, quantization by
 * libm, 64-bit sums. Every tier and number of threads, every alignment, buffers that end at protected pages, and
 * refusals that leave the output alone. */
#define _DEFAULT_SOURCE
#include "gemm_reference.h"
#include "octet/quantize.h"

typedef struct shape {
  size_t m, n, k, x_gap, y_gap;
  bool zero_points;
} shape;

/* How x is filled. */
typedef enum values { BELL, TINY, ONE_SIDED, ZEROS, CONSTANT, HUGE_RANGE, ENDS, VALUES_COUNT } values;

static float value_of(check_random *random, values kind) {
  const float real = check_real(random, -3.0f, 3.0f);
  switch (kind) {
    case TINY: return real * 1e-7f;
    case ONE_SIDED: return 2.0f + fabsf(real);
    case ZEROS: return check_next(random) % 2 ? 0.0f : -0.0f;
    case CONSTANT: return -1.25f;
    case HUGE_RANGE: return real * 1e38f;
    case ENDS: return check_next(random) % 2 ? 5.0f : -5.0f;
    default: return real;
  }
}

/* The rule of run time for 0..most. */
static void reference_choose(float min, float max, int most, double *scale, int32_t *zero_point) {
  float low = min < 0 ? min : 0, high = max > 0 ? max : 0;
  double s = ((double)high - (double)low) / most;
  if (s > (double)3.40282347e38f) s = (double)3.40282347e38f;
  if ((float)s == 0 || isinf(1 / (float)s)) s = 0.1;
  if (s < (double)6.1e-5f) {
    const volatile float grow = 6.1e-5f / (float)s;
    if (low == 0)
      high = 6.1e-5f * (float)most;
    else if (high == 0)
      low = -6.1e-5f * (float)most;
    else
      low = low * grow, high = high * grow;
    s = (double)6.1e-5f;
  }
  const double from_low = 0 - low / s, from_high = most - high / s;
  double zero = 0 - fabs(low / s) < most - fabs(high / s) ? from_low : from_high;
  zero = zero < 0 ? 0 : zero > most ? most : zero;
  *scale = s;
  *zero_point = (int32_t)nearbyint(zero);
}

static uint8_t reference_quantize(float x, float inverse, int32_t zero_point) {
  const volatile float product = x * inverse;
  const double q = nearbyint((double)product) + zero_point;
  return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

/* One case with all its memory. */
typedef struct fixture {
  shape s;
  oct_gemm_dynamic_call call;
  check_guard x, y;
  int8_t *b;
  int32_t *zeros;
  float *scales, *bias, *expected;
  void *packed;
  size_t packed_size;
} fixture;

static size_t x_row(const shape *s) { return s->k + s->x_gap; }
static size_t y_row(const shape *s) { return s->n + s->y_gap; }
static size_t bytes_of(size_t rows, size_t step, size_t last) { return rows == 0 ? 0 : 4 * ((rows - 1) * step + last); }

/* Where element (row, column) of a matrix with such rows is; guarded buffers have any alignment. */
static float load(const uint8_t *bytes, size_t index) {
  float value;
  memcpy(&value, bytes + 4 * index, 4);
  return value;
}

static void reference_run(const fixture *f) {
  const shape *s = &f->s;
  float min = INFINITY, max = -INFINITY;
  for (size_t r = 0; r < s->m; r++)
    for (size_t i = 0; i < s->k; i++) {
      min = fminf(min, load(f->x.bytes, r * x_row(s) + i));
      max = fmaxf(max, load(f->x.bytes, r * x_row(s) + i));
    }
  if (s->k == 0) min = max = 0;
  double scale;
  int32_t zero_point;
  reference_choose(min, max, f->call.reduce_range ? 127 : 255, &scale, &zero_point);
  const volatile float inverse = 1.0f / (float)scale;
  uint8_t *q = malloc(s->k + 1);
  for (size_t r = 0; r < s->m; r++) {
    for (size_t i = 0; i < s->k; i++)
      q[i] = reference_quantize(load(f->x.bytes, r * x_row(s) + i), inverse, zero_point);
    for (size_t n = 0; n < s->n; n++) {
      int64_t acc = 0;
      for (size_t i = 0; i < s->k; i++)
        acc += (int64_t)(q[i] - zero_point) * (f->b[n * s->k + i] - (s->zero_points ? f->zeros[n] : 0));
      const volatile float multiplier = (float)scale * f->scales[f->call.b_scale_count == 1 ? 0 : n];
      volatile float real = (float)acc * multiplier;
      if (f->call.bias) real = real + f->bias[n];
      f->expected[r * s->n + n] = f->call.relu && real < 0 ? 0 : real;
    }
  }
  free(q);
}

static void fixture_make(fixture *f, check_random *random, shape s, values kind) {
  *f = (fixture){.s = s,
                 .x = check_guard_make(bytes_of(s.m, x_row(&s), s.k)),
                 .y = check_guard_make(bytes_of(s.m, y_row(&s), s.n))};
  for (size_t i = 0; i < f->x.size / 4; i++) {
    const float value = value_of(random, kind);
    memcpy(f->x.bytes + 4 * i, &value, 4);
  }
  f->b = malloc(s.n * s.k + 1);
  f->zeros = malloc((s.n + 1) * sizeof *f->zeros);
  f->scales = malloc((s.n + 1) * sizeof *f->scales);
  f->bias = malloc((s.n + 1) * sizeof *f->bias);
  f->expected = malloc((s.m * s.n + 1) * sizeof *f->expected);
  check_fill_bytes(random, (check_fill)(check_next(random) % CHECK_FILL_COUNT), OCT_S8, f->b, s.n * s.k);
  for (size_t n = 0; n < s.n; n++) {
    f->zeros[n] = check_between(random, -128, 127);
    f->scales[n] = check_real(random, 1e-4f, 0.3f) * (kind == HUGE_RANGE ? 1e-3f : 1.0f);
    f->bias[n] = check_real(random, -9.0f, 9.0f);
  }
  f->call = (oct_gemm_dynamic_call){.struct_size = sizeof f->call,
                                    .m = s.m,
                                    .x = (const float *)(const void *)f->x.bytes,
                                    .x_stride = (ptrdiff_t)x_row(&s),
                                    .reduce_range = check_next(random) % 2,
                                    .relu = check_next(random) % 2,
                                    .b_scale = f->scales,
                                    .b_scale_count = check_next(random) % 3 ? s.n : 1,
                                    .bias = check_next(random) % 4 ? f->bias : NULL,
                                    .y = (float *)(void *)f->y.bytes,
                                    .y_stride = (ptrdiff_t)y_row(&s)};
  reference_run(f);
}

static oct_gemm_weights weights_of(const fixture *f, oct_dtype a_dtype) {
  return (oct_gemm_weights){.struct_size = sizeof(oct_gemm_weights),
                            .a_dtype = a_dtype,
                            .b_dtype = OCT_S8,
                            .n = f->s.n,
                            .k = f->s.k,
                            .b = f->b,
                            .stride_n = (ptrdiff_t)f->s.k,
                            .stride_k = 1,
                            .zero_point = f->s.zero_points ? f->zeros : NULL,
                            .zero_point_count = f->s.zero_points ? f->s.n : 0};
}

static void fixture_pack(fixture *f, oct_dtype a_dtype) {
  const oct_gemm_weights weights = weights_of(f, a_dtype);
  free(f->packed);
  check_ok(oct_gemm_packed_size(&weights, &f->packed_size), "packed size");
  f->packed = check_aligned(f->packed_size);
  check_ok(oct_gemm_pack(&weights, f->packed, f->packed_size), "pack");
}

static void fixture_free(fixture *f) {
  check_guard_free(&f->x);
  check_guard_free(&f->y);
  free(f->b);
  free(f->zeros);
  free(f->scales);
  free(f->bias);
  free(f->expected);
  free(f->packed);
}

static oct_status run_on(const fixture *f, int threads) {
  size_t bytes = 0;
  oct_status status = oct_gemm_dynamic_workspace_size(f->packed, f->packed_size, f->call.m, threads, &bytes);
  if (status != OCT_OK) return status;
  oct_run run = {
      .struct_size = sizeof run, .threads = threads, .workspace = check_aligned(bytes), .workspace_size = bytes};
  status = oct_gemm_dynamic(f->packed, f->packed_size, &f->call, &run);
  free(run.workspace);
  return status;
}

/* Runs on so many threads and compares: outputs to the bit, and what lies between rows. */
static void fixture_check(fixture *f, int threads, const char *what) {
  const shape *s = &f->s;
  memset(f->y.bytes, 0x5A, f->y.size);
  if (!check_ok(run_on(f, threads), what)) return;
  const char *kernel = oct_gemm_kernel_name(f->packed, f->packed_size);
  for (size_t r = 0; r < s->m; r++)
    for (size_t n = 0; n < (r + 1 < s->m ? y_row(s) : s->n); n++) {
      const uint8_t *y = f->y.bytes + 4 * (r * y_row(s) + n);
      if (n >= s->n) {
        if (!check(memcmp(y, "\x5A\x5A\x5A\x5A", 4) == 0, "%s: wrote behind row %zu", what, r)) return;
        continue;
      }
      const float *wanted = &f->expected[r * s->n + n];
      float got;
      memcpy(&got, y, 4);
      if (!check(memcmp(&got, wanted, 4) == 0, "%s, %s, %d threads: y[%zu, %zu] is %a, expected %a", what, kernel,
                 threads, r, n, (double)got, (double)*wanted))
        return;
    }
  check(check_guard_intact(&f->y), "%s: wrote before y", what);
}

static void check_tiers(fixture *f, const char *what) {
  oct_isa best;
  check_ok(oct_max_isa(&best), "oct_max_isa");
  for (unsigned i = 0; i < OCT_ISA_COUNT; i++) {
    if (!oct_isa_supported((oct_isa)i) || oct_set_max_isa((oct_isa)i) != OCT_OK) continue;
    fixture_pack(f, OCT_U8);
    for (int threads = 1; threads <= 3; threads++) fixture_check(f, threads, what);
  }
  check_ok(oct_set_max_isa(best), "oct_set_max_isa");
}

static void test_shapes(check_random *random) {
  static const shape shapes[] = {
      {1, 1, 1, 0, 0, false},    {1, 33, 7, 0, 0, false},    {1, 100, 768, 0, 0, false}, {2, 16, 5, 3, 1, false},
      {3, 17, 64, 0, 0, true},   {7, 31, 33, 0, 5, false},   {14, 32, 16, 1, 0, true},   {29, 65, 130, 0, 0, false},
      {40, 96, 257, 2, 3, true}, {1, 200, 4100, 0, 0, true}, {5, 9, 0, 0, 0, false},     {130, 70, 300, 7, 9, false},
      {0, 4, 4, 0, 0, false},    {4, 0, 4, 0, 0, false},
  };
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int kind = 0; kind < VALUES_COUNT; kind++) {
      fixture f;
      fixture_make(&f, random, shapes[s], (values)kind);
      char what[80];
      snprintf(what, sizeof what, "[%zu, %zu, %zu] of kind %d", shapes[s].m, shapes[s].n, shapes[s].k, kind);
      check_tiers(&f, what);
      fixture_free(&f);
    }
}

/* Rows in parts and pieces on several threads. */
static void test_teams(check_random *random) {
  static const shape shapes[] = {{300, 70, 400, 0, 0, false},
                                 {90, 300, 1000, 5, 0, true},
                                 {3, 64, 20000, 0, 0, false},
                                 {33, 40, 4096, 0, 0, false}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    fixture f;
    fixture_make(&f, random, shapes[s], BELL);
    fixture_pack(&f, OCT_U8);
    for (int threads = 1; threads <= 4; threads++) fixture_check(&f, threads, "a team");
    fixture_free(&f);
  }
}

/* Sums beyond int32. */
static void test_wide(check_random *random) {
  fixture f;
  fixture_make(&f, random, (shape){2, 3, 70000, 0, 0, false}, ENDS);
  memset(f.b, -128, 3 * 70000);
  for (size_t i = 0; i < 2 * 70000; i++) memcpy(f.x.bytes + 4 * i, &(float){5.0f}, 4);
  reference_run(&f);
  check_tiers(&f, "wide sums");
  fixture_free(&f);
}

/* Every distance of x and y from a cache line. */
static void test_alignment(check_random *random) {
  const shape s = {3, 37, 70, 0, 0, false};
  fixture f;
  fixture_make(&f, random, s, BELL);
  fixture_pack(&f, OCT_U8);
  char *x = check_aligned(f.x.size + 64), *y = check_aligned(f.y.size + 64);
  for (size_t at = 0; at < 64; at++) {
    memcpy(x + at, f.x.bytes, f.x.size);
    f.call.x = (const float *)(const void *)(x + at);
    f.call.y = (float *)(void *)(y + (at * 7 + 3) % 64);
    check_ok(run_on(&f, 1), "alignment");
    check(memcmp(f.call.y, f.expected, s.m * s.n * 4) == 0, "x at %zu: outputs differ", at);
  }
  free(x);
  free(y);
  fixture_free(&f);
}

/* What isn't finite is refused wherever it stands, and y stays as it was. */
static void test_nonfinite(check_random *random) {
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  const shape s = {5, 8, 75, 2, 0, false};
  fixture f;
  fixture_make(&f, random, s, BELL);
  fixture_pack(&f, OCT_U8);
  for (size_t i = 0; i < s.m * s.k; i++) {
    uint8_t *at = f.x.bytes + 4 * (i / s.k * x_row(&s) + i % s.k), before[4];
    memcpy(before, at, 4);
    memcpy(at, &odd[i % 3], 4);
    memset(f.y.bytes, 0x33, f.y.size);
    check_refused(run_on(&f, 1), OCT_INVALID_ARGUMENT, "a value that isn't finite");
    for (size_t b = 0; b < f.y.size; b++)
      if (!check(f.y.bytes[b] == 0x33, "y was written")) break;
    memcpy(at, before, 4);
  }
  /* Between the rows anything may stand. */
  memcpy(f.x.bytes + 4 * s.k, &odd[0], 4);
  check_ok(run_on(&f, 1), "NaN between rows");
  fixture_free(&f);
}

static void test_refusals(check_random *random) {
  fixture sound, f;
  fixture_make(&sound, random, (shape){4, 9, 40, 0, 0, false}, BELL);
  fixture_pack(&sound, OCT_U8);
  sound.call.b_scale_count = 9;
  const struct {
    size_t field;
    oct_status expected;
    const char *what;
  } nulls[] = {{offsetof(oct_gemm_dynamic_call, x), OCT_INVALID_ARGUMENT, "x null"},
               {offsetof(oct_gemm_dynamic_call, y), OCT_INVALID_ARGUMENT, "y null"},
               {offsetof(oct_gemm_dynamic_call, b_scale), OCT_INVALID_ARGUMENT, "b_scale null"},
               {offsetof(oct_gemm_dynamic_call, b_scale_count), OCT_SHAPE_MISMATCH, "no scales"},
               {offsetof(oct_gemm_dynamic_call, y_stride), OCT_SHAPE_MISMATCH, "rows of y overlap"}};
  for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
    f = sound;
    memset((char *)&f.call + nulls[i].field, 0, sizeof(void *));
    check_refused(run_on(&f, 1), nulls[i].expected, nulls[i].what);
  }
  f = sound;
  f.call.struct_size = 3;
  check_refused(run_on(&f, 1), OCT_INVALID_ARGUMENT, "struct_size");
  f = sound;
  f.call.x_stride = PTRDIFF_MAX / 2;
  check_refused(run_on(&f, 1), OCT_OVERFLOW, "x_stride");
  check_refused(oct_gemm_dynamic(f.packed, f.packed_size, NULL, NULL), OCT_INVALID_ARGUMENT, "call null");
  check_refused(oct_gemm_dynamic(NULL, 0, &sound.call, NULL), OCT_INVALID_ARGUMENT, "packed null");
  check_refused(oct_gemm_dynamic(f.packed, f.packed_size, &sound.call, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  size_t bytes;
  check_refused(oct_gemm_dynamic_workspace_size(f.packed, f.packed_size, SIZE_MAX / 8, 1, &bytes), OCT_OVERFLOW,
                "too many rows");
  check_refused(oct_gemm_dynamic_workspace_size(f.packed, f.packed_size, 1, -1, &bytes), OCT_INVALID_ARGUMENT,
                "negative threads");
  static const float bad[] = {0.0f, -1.0f, NAN, INFINITY, 3e38f};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sound.scales[7] = bad[i];
    memcpy(sound.x.bytes, &(float){1e9f}, 4);
    check_refused(run_on(&sound, 1), OCT_INVALID_ARGUMENT, "a scale that isn't positive and finite");
  }
  fixture_pack(&sound, OCT_S8);
  check_refused(run_on(&sound, 1), OCT_SHAPE_MISMATCH, "weights for int8 activations");
  fixture_free(&sound);
}

int main(void) {
  check_random random = {.state = 4711};
  test_shapes(&random);
  test_teams(&random);
  test_wide(&random);
  test_alignment(&random);
  test_nonfinite(&random);
  test_refusals(&random);
  return check_report("gemm_dynamic");
}
