/* Sums and products of quantized tensors against plain arithmetic: every pair of codes, every length up to 300 at a
 * protected page, in place, threads, every tier that this CPU runs. */
#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>

#include "check.h"
#include "elementwise/kernels.h"
#include "octet.h"

typedef oct_status (*binary_entry)(const oct_quantized_binary *binary, const oct_run *run);

/* Each step is stored as a float, so that no compiler keeps more digits or fuses two of them. */
static int32_t saturated(float t, const oct_quantized_binary *p, int32_t low) {
  const int32_t high = check_highest(p->dtype);
  if (isnan(t)) return high;
  const double rounded = nearbyint((double)t) + (double)p->y_zero_point;
  return rounded < low ? low : rounded > high ? high : (int32_t)rounded;
}

static int32_t sum_of(const oct_quantized_binary *p, int32_t a, int32_t b) {
  volatile float u = p->a_scale * (float)(a - p->a_zero_point), v = p->b_scale * (float)(b - p->b_zero_point);
  volatile float sum = u + v, inverse = 1.0f / p->y_scale;
  volatile float t = sum * inverse;
  return saturated(t, p, p->relu ? p->y_zero_point : check_lowest(p->dtype));
}

static int32_t product_of(const oct_quantized_binary *p, int32_t a, int32_t b) {
  const int32_t product = (a - p->a_zero_point) * (b - p->b_zero_point);
  volatile float scale = p->a_scale * p->b_scale, inverse = 1.0f / p->y_scale;
  volatile float m = scale * inverse;
  if (!(m <= FLT_MAX)) m = FLT_MAX;
  volatile float t = (float)product * m;
  return saturated(t, p, p->relu ? p->y_zero_point : check_lowest(p->dtype));
}

static int32_t expected(const oct_quantized_binary *p, bool product, size_t i) {
  const int32_t a = check_element(p->a, p->dtype, i), b = check_element(p->b, p->dtype, i);
  return product ? product_of(p, a, b) : sum_of(p, a, b);
}

/* Runs into `y` and compares with what the operands, copied before, give. */
static void run_binary(oct_quantized_binary *p, bool product, int threads, const char *what) {
  const oct_run run = {.struct_size = sizeof run, .threads = threads};
  uint8_t *a = malloc(p->count + 1), *b = malloc(p->count + 1);
  if (!a || !b) exit(2);
  if (p->count) memcpy(a, p->a, p->count), memcpy(b, p->b, p->count);
  check_ok((product ? oct_quantized_multiply : oct_quantized_add)(p, &run), what);
  p->a = a;
  p->b = b;
  bool same = true;
  for (size_t i = 0; i < p->count && same; i++) {
    const int32_t want = expected(p, product, i), got = check_element(p->y, p->dtype, i);
    same = check(got == want, "%s, %s%s: element %zu of %zu: %d and %d give %d, expected %d", what,
                 product ? "product" : "sum", p->relu ? " relu" : "", i, p->count, check_element(a, p->dtype, i),
                 check_element(b, p->dtype, i), got, want);
  }
  free(a);
  free(b);
}

/* Scales that make ties, that need rounding, that saturate, that leave float32's range. */
static const float scale_sets[][3] = {{0.05f, 0.05f, 0.1f},     {1.0f, 1.0f, 1.0f},          {0.5f, 0.25f, 0.125f},
                                      {0.0213f, 0.0047f, 0.1f}, {0.3f, 0.7f, 0.001f},        {1e-3f, 2e-3f, 5.0f},
                                      {1e30f, 1e25f, 1e-20f},   {3e38f, 3e38f, 1e38f},       {1e-30f, 1e-25f, 1e-30f},
                                      {1e-44f, 1e-44f, 1e-43f}, {0.01234f, 123.4f, 0.9876f}, {2.0f, 0.5f, 1e-41f}};
enum { SCALE_SETS = sizeof scale_sets / sizeof *scale_sets };

static oct_quantized_binary parameters(check_random *random, size_t set, oct_dtype dtype) {
  const float *s = scale_sets[set % SCALE_SETS];
  const int32_t low = check_lowest(dtype), high = check_highest(dtype), middle = dtype == OCT_U8 ? 128 : 0;
  const int32_t ends[4] = {low, high, middle, check_between(random, low, high)};
  return (oct_quantized_binary){.struct_size = sizeof(oct_quantized_binary),
                                .dtype = dtype,
                                .a_scale = s[0],
                                .b_scale = s[1],
                                .y_scale = s[2],
                                .a_zero_point = ends[check_next(random) % 4],
                                .b_zero_point = ends[check_next(random) % 4],
                                .y_zero_point = ends[check_next(random) % 4]};
}

static void test_every_pair(check_random *random) {
  enum { PAIRS = 65536 };
  uint8_t *a = malloc(PAIRS), *b = malloc(PAIRS), *y = malloc(PAIRS);
  if (!a || !b || !y) exit(2);
  for (size_t i = 0; i < PAIRS; i++) {
    a[i] = (uint8_t)(i >> 8);
    b[i] = (uint8_t)i;
  }
  for (size_t turn = 0; turn < 8 * SCALE_SETS; turn++) {
    oct_quantized_binary p = parameters(random, turn / 8, turn & 1 ? OCT_S8 : OCT_U8);
    p.relu = turn & 2;
    p.count = PAIRS;
    p.a = a;
    p.b = b;
    p.y = y;
    run_binary(&p, turn & 4, 1, "every pair");
  }
  free(a);
  free(b);
  free(y);
}

/* place 0: an output of its own; 1: over a; 2: over b; 3: both operands are one buffer. */
static void test_lengths(check_random *random) {
  for (size_t count = 0; count <= 300; count++)
    for (size_t turn = 0; turn < 8; turn++) {
      check_guard a = check_guard_make(count), b = check_guard_make(count), y = check_guard_make(count);
      oct_quantized_binary p = parameters(random, count + turn, turn & 1 ? OCT_S8 : OCT_U8);
      const size_t place = (turn + count) % 4;
      check_fill_bytes(random, (check_fill)(count % CHECK_FILL_COUNT), p.dtype, a.bytes, count);
      check_fill_bytes(random, CHECK_RANDOM, p.dtype, b.bytes, count);
      p.count = count;
      p.relu = turn & 2;
      p.a = a.bytes;
      p.b = place == 3 ? a.bytes : b.bytes;
      p.y = place == 1 ? a.bytes : place == 2 ? b.bytes : y.bytes;
      run_binary(&p, turn & 4, 1, "lengths");
      check(check_guard_intact(&a) && check_guard_intact(&b) && check_guard_intact(&y), "wrote before a buffer of %zu",
            count);
      check_guard_free(&a);
      check_guard_free(&b);
      check_guard_free(&y);
    }
}

static void test_threads(check_random *random) {
  const size_t count = 1000003;
  uint8_t *a = malloc(count), *b = malloc(count), *y = malloc(count);
  if (!a || !b || !y) exit(2);
  check_fill_bytes(random, CHECK_RANDOM, OCT_U8, a, count);
  check_fill_bytes(random, CHECK_RANDOM, OCT_U8, b, count);
  for (int threads = 1; threads <= 5; threads++) {
    oct_quantized_binary p = parameters(random, 3, OCT_U8);
    p.count = count;
    p.a = a;
    p.b = b;
    p.y = y;
    run_binary(&p, threads & 1, threads, "threads");
  }
  free(a);
  free(b);
  free(y);
}

static void refused(binary_entry entry, oct_quantized_binary p, oct_status status, const char *what) {
  check_refused(entry(&p, NULL), status, what);
}

static void test_binary_refusals(binary_entry entry) {
  uint8_t a[8] = {0}, b[8] = {0}, y[8] = {77};
  const oct_quantized_binary good = {.struct_size = sizeof good,
                                     .dtype = OCT_S8,
                                     .count = 4,
                                     .a = a,
                                     .b = b,
                                     .y = y,
                                     .a_scale = 1,
                                     .b_scale = 1,
                                     .y_scale = 1};
  oct_quantized_binary p;
  check_refused(entry(NULL, NULL), OCT_INVALID_ARGUMENT, "null description");
  p = good, p.struct_size--, refused(entry, p, OCT_INVALID_ARGUMENT, "struct size");
  p = good, p.dtype = OCT_S32, refused(entry, p, OCT_INVALID_ARGUMENT, "s32");
  p = good, p.dtype = (oct_dtype)9, refused(entry, p, OCT_INVALID_ARGUMENT, "no dtype");
  p = good, p.a = NULL, refused(entry, p, OCT_INVALID_ARGUMENT, "null a");
  p = good, p.b = NULL, refused(entry, p, OCT_INVALID_ARGUMENT, "null b");
  p = good, p.y = NULL, refused(entry, p, OCT_INVALID_ARGUMENT, "null y");
  p = good, p.count = SIZE_MAX, refused(entry, p, OCT_OVERFLOW, "count");
  p = good, p.y = a + 1, refused(entry, p, OCT_INVALID_ARGUMENT, "over a in part");
  p = good, p.y = b + 3, refused(entry, p, OCT_INVALID_ARGUMENT, "over b in part");
  const float bad_scales[] = {0, -1, INFINITY, NAN};
  for (size_t i = 0; i < sizeof bad_scales / sizeof *bad_scales; i++) {
    p = good, p.a_scale = bad_scales[i], refused(entry, p, OCT_INVALID_ARGUMENT, "a_scale");
    p = good, p.b_scale = bad_scales[i], refused(entry, p, OCT_INVALID_ARGUMENT, "b_scale");
    p = good, p.y_scale = bad_scales[i], refused(entry, p, OCT_INVALID_ARGUMENT, "y_scale");
  }
  p = good, p.a_zero_point = 128, refused(entry, p, OCT_INVALID_ARGUMENT, "a_zero_point");
  p = good, p.b_zero_point = -129, refused(entry, p, OCT_INVALID_ARGUMENT, "b_zero_point");
  p = good, p.y_zero_point = INT32_MAX, refused(entry, p, OCT_INVALID_ARGUMENT, "y_zero_point");
  p = good, p.dtype = OCT_U8, p.a_zero_point = -1, refused(entry, p, OCT_INVALID_ARGUMENT, "zero point of u8");
  const oct_run bad_run = {.struct_size = 1};
  check_refused(entry(&good, &bad_run), OCT_INVALID_ARGUMENT, "run size");
  check(y[0] == 77, "a refused call wrote to y");
  p = good, p.count = 0, p.a = p.b = NULL, p.y = NULL;
  check_ok(entry(&p, NULL), "nothing");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_elementwise_kernels *kernels = NULL;
    if (!check_ok(oct_elementwise_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {20240917};
    test_every_pair(&random);
    test_lengths(&random);
    test_threads(&random);
    printf("elementwise on %s: %d failures\n", kernels->name, check_failures - before);
  }
  test_binary_refusals(oct_quantized_add);
  test_binary_refusals(oct_quantized_multiply);
#define OCT_ELEMENTWISE_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "elementwise/elementwise.def"
#undef OCT_ELEMENTWISE_KERNELS
  return check_report("elementwise");
}
