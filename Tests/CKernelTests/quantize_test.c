/* The quantize family against an oracle in double and int64, bit for bit, on every tier that this CPU runs. */
#define _DEFAULT_SOURCE
#include "quantize/quantize.h"

#include <float.h>
#include <math.h>

#include "check.h"
#include "octet.h"

static int64_t lowest(oct_dtype d) { return d == OCT_U8 ? 0 : d == OCT_S8 ? -128 : INT32_MIN; }
static int64_t highest(oct_dtype d) { return d == OCT_U8 ? 255 : d == OCT_S8 ? 127 : INT32_MAX; }

/* The product of two floats is exact in double; narrowing it rounds once. */
static float product(float a, float b) { return (float)((double)a * (double)b); }

static int64_t clamped(double value, int64_t low, int64_t high) {
  if (isnan(value) || value >= (double)high) return high;
  return value <= (double)low ? low : (int64_t)value;
}

static int64_t oracle_quantize(float x, float scale, int64_t zero_point, oct_dtype d) {
  const double t = product(x, 1.0f / scale);
  return clamped(nearbyint(t) + (double)zero_point, lowest(d), highest(d));
}

static int64_t oracle_quantize_real(float x, float scale, float zero_point, oct_dtype d) {
  const float sum = (float)((double)product(x, 1.0f / scale) + (double)zero_point);
  return clamped(nearbyint((double)sum), lowest(d), highest(d));
}

static int32_t difference(int64_t q, int64_t zero_point) { return (int32_t)(uint32_t)(uint64_t)(q - zero_point); }

static int64_t oracle_fixed(int32_t acc, int32_t multiplier, int32_t shift, int64_t z, int64_t low, int64_t high) {
  const int64_t wide = shift > 0 ? (int64_t)acc * ((int64_t)1 << shift) : acc;
  const int64_t sat = wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : wide;
  const int64_t sum = sat * multiplier + ((int64_t)1 << 30), two31 = (int64_t)1 << 31;
  int64_t v = sum / two31 - (sum % two31 < 0);
  if (shift < 0) {
    const int64_t half = (int64_t)1 << (-shift - 1), magnitude = ((v < 0 ? -v : v) + half) >> -shift;
    v = v < 0 ? -magnitude : magnitude;
  }
  v += z;
  return v < low ? low : v > high ? high : v;
}

static int64_t element(const void *q, oct_dtype d, size_t i) {
  return d == OCT_S32 ? oct_load_s32(q, i) : check_element(q, d, i);
}

static bool same_bits(float a, float b) { return memcmp(&a, &b, sizeof a) == 0; }
static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static const float specials[] = {0.0f,
                                 -0.0f,
                                 0.5f,
                                 -0.5f,
                                 1.5f,
                                 2.5f,
                                 -1.5f,
                                 -2.5f,
                                 126.5f,
                                 127.5f,
                                 128.5f,
                                 254.5f,
                                 255.5f,
                                 -127.5f,
                                 -128.5f,
                                 -129.5f,
                                 1e-45f,
                                 -1e-45f,
                                 1e-39f,
                                 FLT_MIN,
                                 -FLT_MIN,
                                 1e30f,
                                 -1e30f,
                                 FLT_MAX,
                                 -FLT_MAX,
                                 8388607.5f,
                                 8388608.0f,
                                 16777217.0f,
                                 2147483520.0f,
                                 2147483648.0f,
                                 -2147483648.0f,
                                 -2147483904.0f,
                                 4294967296.0f,
                                 -4294967296.0f,
                                 3e9f,
                                 -3e9f,
                                 0.49999997f,
                                 -0.49999997f,
                                 INFINITY,
                                 -INFINITY,
                                 NAN};
enum { SPECIALS = sizeof specials / sizeof *specials };
static const uint32_t nan_bits[] = {0x7FC00000u, 0xFFC00000u, 0x7F800001u, 0xFF800001u,
                                    0x7FFFFFFFu, 0xFFFFFFFFu, 0x7FA12345u};

static float special(check_random *random) {
  const uint32_t pick = check_next(random) % 8;
  if (pick == 0) return from_bits(nan_bits[check_next(random) % 7]);
  if (pick < 4) return specials[check_next(random) % SPECIALS];
  if (pick == 4) return from_bits(check_next(random));
  /* Halves: ties once the scale is a power of two. */
  return (float)check_between(random, -600, 600) * 0.5f;
}

static const float scales[] = {1.0f,           0.5f,    0.1f,  0.00214854861f, 1e-45f,     1e-39f,
                               2.9387359e-39f, FLT_MIN, 3e38f, 1e10f,          0.0078125f, 3.7f};
enum { SCALES = sizeof scales / sizeof *scales };
static const oct_dtype dtypes[] = {OCT_U8, OCT_S8, OCT_S32};

static int32_t some_zero_point(check_random *random, oct_dtype d, size_t turn) {
  static const int32_t u8[] = {0, 1, 127, 128, 255, 254}, s8[] = {0, -128, 127, -1, 1, -127};
  static const int32_t s32[] = {0, INT32_MIN, INT32_MAX, -1, 1 << 24, 12345};
  if (turn % 7 == 6) return check_between(random, (int32_t)lowest(d), (int32_t)highest(d));
  return (d == OCT_U8 ? u8 : d == OCT_S8 ? s8 : s32)[turn % 7];
}

static void check_quantized(const void *q, const float *x, size_t n, float scale, int32_t z, oct_dtype d,
                            const char *what) {
  for (size_t i = 0; i < n; i++) {
    const float v = oct_load_f32(x, i);
    const int64_t want = oracle_quantize(v, scale, z, d);
    if (!check(element(q, d, i) == want, "%s: x %a scale %a zp %d %s [%zu of %zu]: %" PRId64 ", expected %" PRId64,
               what, (double)v, (double)scale, z, oct_dtype_name(d), i, n, element(q, d, i), want))
      return;
  }
}

static void test_lengths(check_random *random) {
  for (size_t n = 0; n <= 300; n++) {
    for (int t = 0; t < 3; t++) {
      const oct_dtype d = dtypes[t];
      const size_t width = oct_dtype_size(d);
      check_guard gx = check_guard_make(4 * n), gq = check_guard_make(width * n), gy = check_guard_make(4 * n);
      for (size_t i = 0; i < n; i++) oct_store_f32(gx.bytes, i, special(random));
      const float scale = scales[n % SCALES];
      const int32_t z = some_zero_point(random, d, n);
      check_ok(oct_quantize((const float *)gx.bytes, n, scale, z, d, gq.bytes, NULL), "quantize");
      check_quantized(gq.bytes, (const float *)gx.bytes, n, scale, z, d, "lengths");
      for (size_t i = 0; i < width * n; i++) gq.bytes[i] = (uint8_t)check_next(random);
      check_ok(oct_dequantize(gq.bytes, d, n, scale, z, (float *)gy.bytes, NULL), "dequantize");
      for (size_t i = 0; i < n; i++) {
        const float want = product(scale, (float)difference(element(gq.bytes, d, i), z));
        check(same_bits(oct_load_f32(gy.bytes, i), want), "dequantize %s: %a, expected %a", oct_dtype_name(d),
              (double)oct_load_f32(gy.bytes, i), (double)want);
      }
      check(check_guard_intact(&gx) && check_guard_intact(&gq) && check_guard_intact(&gy),
            "written before a buffer, n %zu", n);
      check_guard_free(&gx);
      check_guard_free(&gq);
      check_guard_free(&gy);
    }
  }
}

/* Odd addresses for every pointer. */
static void test_misaligned(check_random *random) {
  enum { N = 203 };
  static char x[4 * N + 8], q[4 * N + 8], y[4 * N + 8];
  for (size_t off = 0; off < 8; off++) {
    for (int t = 0; t < 3; t++) {
      for (size_t i = 0; i < N; i++) oct_store_f32(x + off, i, special(random));
      const float *from = (const void *)(x + off);
      float *back = (void *)(y + 7 - off);
      check_ok(oct_quantize(from, N, 0.25f, 3, dtypes[t], q + 7 - off, NULL), "misaligned quantize");
      check_quantized(q + 7 - off, from, N, 0.25f, 3, dtypes[t], "misaligned");
      check_ok(oct_dequantize(q + 7 - off, dtypes[t], N, 0.25f, 3, back, NULL), "misaligned dequantize");
      for (size_t i = 0; i < N; i++)
        check(same_bits(oct_load_f32(back, i), 0.25f * (float)difference(element(q + 7 - off, dtypes[t], i), 3)),
              "misaligned dequantize [%zu]", i);
    }
  }
}

/* A walk over all float patterns by a prime step, under many scales and zero points. */
static void test_patterns(check_random *random) {
  enum { N = 1024, STEP = 42949 };
  static float x[N];
  static int32_t q[N];
  uint32_t pattern = 0;
  for (size_t block = 0; block < 100; block++) {
    for (size_t i = 0; i < N; i++, pattern += STEP) x[i] = from_bits(pattern);
    for (size_t s = 0; s < 8; s++) {
      const oct_dtype d = dtypes[(block + s) % 3];
      const float scale = scales[(block / 3 + s) % SCALES];
      const int32_t z = some_zero_point(random, d, block / 5 + s);
      check_ok(oct_quantize(x, N, scale, z, d, q, NULL), "patterns");
      check_quantized(q, x, N, scale, z, d, "patterns");
    }
  }
}

static void test_all_zero_points(void) {
  static float x[SPECIALS + 1200];
  static uint8_t q[SPECIALS + 1200];
  const size_t n = SPECIALS + 1200;
  for (size_t i = 0; i < n; i++) x[i] = i < SPECIALS ? specials[i] : ((float)(i - SPECIALS) - 600.0f) * 0.5f;
  for (int t = 0; t < 2; t++)
    for (int32_t z = (int32_t)lowest(dtypes[t]); z <= highest(dtypes[t]); z++) {
      check_ok(oct_quantize(x, n, 1.0f, z, dtypes[t], q, NULL), "all zero points");
      check_quantized(q, x, n, 1.0f, z, dtypes[t], "all zero points");
    }
}

typedef struct channel_case {
  oct_channels shape;
  oct_dtype dtype;
  size_t total;
  double *scales;
  int64_t *zero_points;
  float *real_scales, *real_zero_points;
  check_guard x, q, y;
} channel_case;

static channel_case make_case(check_random *random, oct_channels shape, oct_dtype d) {
  channel_case c = {.shape = shape, .dtype = d, .total = shape.outer * shape.channels * shape.inner};
  c.scales = check_aligned(8 * shape.channels);
  c.zero_points = check_aligned(8 * shape.channels);
  c.real_scales = check_aligned(4 * shape.channels);
  c.real_zero_points = check_aligned(4 * shape.channels);
  c.x = check_guard_make(4 * c.total);
  c.q = check_guard_make(oct_dtype_size(d) * c.total);
  c.y = check_guard_make(4 * c.total);
  for (size_t i = 0; i < shape.channels; i++) {
    /* Doubles that float32 cannot hold, among others or not at all: where all are floats, products are float32's. */
    c.scales[i] = i % 5 == 4 ? (double)scales[i % SCALES] : 0.01 + (double)check_next(random) / 3e9;
    if ((shape.channels + shape.inner) % 3 == 0) c.scales[i] = (double)(float)c.scales[i];
    c.zero_points[i] = some_zero_point(random, d, i);
    c.real_scales[i] = (float)c.scales[i];
    c.real_zero_points[i] = i % 3 ? check_real(random, -300, 300) : (float)check_between(random, -300, 300) * 0.5f;
  }
  for (size_t i = 0; i < c.total; i++) oct_store_f32(c.x.bytes, i, special(random));
  return c;
}

static void free_case(channel_case *c) {
  check(check_guard_intact(&c->x) && check_guard_intact(&c->q) && check_guard_intact(&c->y),
        "written before a channel buffer");
  check_guard_free(&c->x);
  check_guard_free(&c->q);
  check_guard_free(&c->y);
  free(c->scales);
  free(c->zero_points);
  free(c->real_scales);
  free(c->real_zero_points);
}

static void check_channel_case(check_random *random, channel_case *c) {
  const size_t width = oct_dtype_size(c->dtype);
  const float *x = (const float *)c->x.bytes;
  float *y = (float *)c->y.bytes;
  check_ok(oct_quantize_per_channel(x, c->shape, c->scales, c->zero_points, c->dtype, c->q.bytes, NULL), "per channel");
  for (size_t i = 0; i < c->total; i++) {
    const size_t ch = i / c->shape.inner % c->shape.channels;
    const int64_t want = oracle_quantize(oct_load_f32(x, i), (float)c->scales[ch], c->zero_points[ch], c->dtype);
    if (!check(element(c->q.bytes, c->dtype, i) == want,
               "per channel [%zu,%zu,%zu] at %zu: %" PRId64 ", expected %" PRId64, c->shape.outer, c->shape.channels,
               c->shape.inner, i, element(c->q.bytes, c->dtype, i), want))
      return;
  }
  if (c->dtype != OCT_S32) {
    check_ok(
        oct_quantize_per_channel_float(x, c->shape, c->real_scales, c->real_zero_points, c->dtype, c->q.bytes, NULL),
        "per channel float");
    for (size_t i = 0; i < c->total; i++) {
      const size_t ch = i / c->shape.inner % c->shape.channels;
      const int64_t want =
          oracle_quantize_real(oct_load_f32(x, i), c->real_scales[ch], c->real_zero_points[ch], c->dtype);
      if (!check(element(c->q.bytes, c->dtype, i) == want, "per channel float at %zu: %" PRId64 ", expected %" PRId64,
                 i, element(c->q.bytes, c->dtype, i), want))
        return;
    }
  }
  for (size_t i = 0; i < width * c->total; i++) c->q.bytes[i] = (uint8_t)check_next(random);
  check_ok(oct_dequantize_per_channel(c->q.bytes, c->dtype, c->shape, c->scales, c->zero_points, y, NULL),
           "dequantize per channel");
  for (size_t i = 0; i < c->total; i++) {
    const size_t ch = i / c->shape.inner % c->shape.channels;
    const double step = (double)(float)difference(element(c->q.bytes, c->dtype, i), c->zero_points[ch]);
    if (!check(same_bits(oct_load_f32(y, i), (float)(c->scales[ch] * step)),
               "dequantize per channel [%zu,%zu,%zu] at %zu", c->shape.outer, c->shape.channels, c->shape.inner, i))
      return;
  }
  check_ok(
      oct_dequantize_per_channel_float(c->q.bytes, c->dtype, c->shape, c->real_scales, c->real_zero_points, y, NULL),
      "dequantize per channel float");
  for (size_t i = 0; i < c->total; i++) {
    const size_t ch = i / c->shape.inner % c->shape.channels;
    const float q = (float)element(c->q.bytes, c->dtype, i);
    const float centred = (float)((double)q - (double)c->real_zero_points[ch]);
    if (!check(same_bits(oct_load_f32(y, i), product(centred, c->real_scales[ch])),
               "dequantize per channel float at %zu", i))
      return;
  }
}

static void test_channels(check_random *random) {
  static const size_t inners[] = {1, 1, 2, 3, 8, 9, 25, 63, 64, 65, 200};
  static const size_t channels[] = {1, 2, 5, 16, 31, 32, 33, 64, 100, 513, 1030};
  static const size_t outers[] = {1, 2, 33, 70};
  for (size_t i = 0; i < sizeof inners / sizeof *inners; i++)
    for (size_t k = 0; k < sizeof channels / sizeof *channels; k++) {
      const size_t room = 40000 / (inners[i] * channels[k]);
      const size_t outer = outers[(i + k) % 4];
      const oct_channels shape = {room == 0 ? 1 : outer < room ? outer : room, channels[k], inners[i]};
      channel_case c = make_case(random, shape, dtypes[(i + 2 * k) % 3]);
      check_channel_case(random, &c);
      free_case(&c);
    }
  for (size_t n = 1; n <= 70; n++) {
    channel_case c = make_case(random, (oct_channels){3, n, 1}, dtypes[n % 3]);
    check_channel_case(random, &c);
    free_case(&c);
  }
}

static int32_t some_accumulator(check_random *random) {
  static const int32_t ends[] = {0,       1,          -1,       INT32_MAX, INT32_MIN, INT32_MAX - 1, INT32_MIN + 1,
                                 1 << 30, -(1 << 30), 16777217, -16777217};
  const uint32_t pick = check_next(random) % 4;
  if (pick == 0) return ends[check_next(random) % 11];
  const int32_t v = (int32_t)check_next(random);
  return pick == 1 ? v : v >> (8 + check_next(random) % 20);
}

static void test_requantize(check_random *random) {
  for (size_t turn = 0; turn < 700; turn++) {
    const size_t columns = turn < 300 ? turn : 1 + check_next(random) % 200, rows = 1 + turn % 4;
    const size_t acc_stride = columns + turn % 3, q_stride = columns + turn % 5;
    const size_t count = turn % 2 ? columns : 1;
    const oct_dtype d = dtypes[turn / 2 % 2];
    const int32_t z = some_zero_point(random, d, turn);
    int32_t low = (int32_t)lowest(d), high = (int32_t)highest(d);
    if (turn % 3 == 1) low = z;
    if (turn % 5 == 1) high = check_between(random, low, high);
    check_guard acc = check_guard_make(4 * ((rows - 1) * acc_stride + columns));
    check_guard q = check_guard_make((rows - 1) * q_stride + columns);
    memset(q.bytes, 0x5A, q.size);
    float *multiplier = check_aligned(4 * count);
    int32_t *fixed = check_aligned(4 * count), *shift = check_aligned(4 * count);
    for (size_t i = 0; i < acc.size / 4; i++) oct_store_s32(acc.bytes, i, some_accumulator(random));
    for (size_t i = 0; i < count; i++) {
      multiplier[i] = i % 7 == 0   ? 0.5f
                      : i % 7 == 1 ? scales[check_next(random) % SCALES]
                                   : check_real(random, 1e-6f, 0.02f);
      fixed[i] = i % 4 == 0 ? 1 << 30 : i % 4 == 1 ? INT32_MAX : (1 << 30) + (int32_t)(check_next(random) >> 2);
      shift[i] = check_between(random, -31, 30);
    }
    const int32_t *a = (const int32_t *)acc.bytes;
    const oct_requantization real = {sizeof real, d, multiplier, count, z, low, high};
    const oct_fixed_requantization whole = {sizeof whole, d, fixed, shift, count, z, low, high};
    for (int kind = 0; kind < 2; kind++) {
      check_ok(kind ? oct_requantize_fixed(a, rows, columns, acc_stride, &whole, q.bytes, q_stride, NULL)
                    : oct_requantize(a, rows, columns, acc_stride, &real, q.bytes, q_stride, NULL),
               "requantize");
      for (size_t i = 0; i < q.size; i++) {
        const size_t r = i / q_stride, c = i % q_stride, p = count > 1 ? c : 0;
        if (c >= columns) {
          check(q.bytes[i] == 0x5A, "requantize wrote into a gap");
          continue;
        }
        const int32_t v = oct_load_s32(acc.bytes, r * acc_stride + c);
        const int64_t want = kind ? oracle_fixed(v, fixed[p], shift[p], z, low, high)
                                  : clamped(nearbyint((double)product((float)v, multiplier[p])) + z, low, high);
        check(check_element(q.bytes, d, i) == want, "requantize%s %d (m %a, fixed %d, shift %d): %d, expected %" PRId64,
              kind ? "_fixed" : "", v, (double)multiplier[p], fixed[p], shift[p], check_element(q.bytes, d, i), want);
      }
    }
    check(check_guard_intact(&acc) && check_guard_intact(&q), "requantize wrote before a buffer");
    check_guard_free(&acc);
    check_guard_free(&q);
    free(multiplier);
    free(fixed);
    free(shift);
  }
}

static void test_fixed_multiplier(check_random *random) {
  for (size_t turn = 0; turn < 20000; turn++) {
    const double real = ldexp(1.0 + (double)check_next(random) / 4294967296.0, check_between(random, -32, 29));
    int32_t multiplier = 0, shift = 0;
    check_ok(oct_fixed_multiplier(real, &multiplier, &shift), "fixed multiplier");
    const double back = ldexp(multiplier, shift - 31), unit = ldexp(1.0, shift - 31);
    check(multiplier >= 1 << 30 && shift >= -31 && shift <= 30 && fabs(back - real) <= unit / 2,
          "fixed multiplier of %a: %d, %d", real, multiplier, shift);
  }
  static const struct {
    double real;
    int32_t multiplier, shift;
  } cases[] = {{1.0, 1 << 30, 1},
               {0.5, 1 << 30, 0},
               {0x1p-32, 1 << 30, -31},
               {0x1.fffffffffp-1, 1 << 30, 1},
               {0x1.fffffffffp29, INT32_MAX, 30},
               {0.75, 3 << 29, 0},
               {0x1p29, 1 << 30, 30}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t m = 0, s = 0;
    check_ok(oct_fixed_multiplier(cases[i].real, &m, &s), "fixed multiplier");
    check(m == cases[i].multiplier && s == cases[i].shift, "fixed multiplier of %a: %d, %d", cases[i].real, m, s);
  }
  static const double refused[] = {0, -1, 0x1p30, 0x1.fffffp-33, INFINITY, NAN};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    int32_t m, s;
    check_refused(oct_fixed_multiplier(refused[i], &m, &s), OCT_INVALID_ARGUMENT, "fixed multiplier out of range");
  }
}

/* The same bits for every number of threads, on sizes that start a team. */
static void test_threads(check_random *random) {
  enum { N = 300007 };
  static float x[N], y[N], y1[N];
  static uint8_t q[N], q1[N];
  static double s[N];
  static int64_t z[N];
  for (size_t i = 0; i < N; i++) {
    x[i] = special(random);
    s[i] = 0.01 + (double)(i % 97) * 0.013;
    z[i] = (int64_t)(i % 256);
  }
  static const oct_channels shapes[] = {{1, N, 1}, {3, 1, 100002}, {42858, 7, 1}, {1000, 30, 10}, {1, 3, 100000}};
  for (int threads = 1; threads <= 5; threads++) {
    const oct_run run = {.struct_size = sizeof run, .threads = threads};
    check_ok(oct_quantize(x, N, 0.3f, 7, OCT_U8, q, &run), "threads");
    check_quantized(q, x, N, 0.3f, 7, OCT_U8, "threads");
    check_ok(oct_dequantize(q, OCT_U8, N, 0.3f, 7, y, &run), "threads");
    for (size_t i = 0; i < N; i++) check(y[i] == 0.3f * (float)(q[i] - 7), "threads: dequantize [%zu]", i);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
      const oct_run one = {.struct_size = sizeof one, .threads = 1};
      const size_t total = shapes[k].outer * shapes[k].channels * shapes[k].inner;
      check_ok(oct_quantize_per_channel(x, shapes[k], s, z, OCT_U8, q, &run), "threads per channel");
      check_ok(oct_quantize_per_channel(x, shapes[k], s, z, OCT_U8, q1, &one), "threads per channel");
      check(memcmp(q, q1, total) == 0, "per channel: %d threads differ, shape %zu", threads, k);
      for (size_t i = 0; i < total; i += 101) {
        const size_t ch = i / shapes[k].inner % shapes[k].channels;
        check(q[i] == oracle_quantize(x[i], (float)s[ch], z[ch], OCT_U8), "threads per channel [%zu]", i);
      }
      check_ok(oct_dequantize_per_channel(q, OCT_U8, shapes[k], s, z, y, &run), "threads per channel");
      check_ok(oct_dequantize_per_channel(q, OCT_U8, shapes[k], s, z, y1, &one), "threads per channel");
      check(memcmp(y, y1, 4 * total) == 0, "dequantize per channel: %d threads differ, shape %zu", threads, k);
    }
    const float m = 1e-3f;
    const oct_requantization rule = {sizeof rule, OCT_U8, &m, 1, 9, 0, 255};
    for (size_t columns = 1; columns <= N; columns = columns * 31 + 5) {
      const size_t rows = N / (columns + 1);
      if (rows == 0) break;
      check_ok(oct_requantize((const int32_t *)x, rows, columns, columns + 1, &rule, q, columns, &run),
               "threads requantize");
      for (size_t i = 0; i < rows * columns; i++) {
        const float t = product((float)oct_load_s32(x, i / columns * (columns + 1) + i % columns), m);
        if (!check(q[i] == clamped(nearbyint((double)t) + 9, 0, 255), "threads requantize [%zu]", i)) break;
      }
    }
  }
}

/* Tensors past OCT_QUANTIZE_STREAM are stored past the caches where addresses allow it: whole, and in channels whose runs begin anywhere
 * in a line. The parts around the borders of ranges and channels, and a sample of the rest, are checked. */
static void test_streams(check_random *random) {
  const size_t channels = 3, inner = OCT_QUANTIZE_STREAM / 3 + 41, n = channels * inner;
  check_guard x = check_guard_make(4 * n), q = check_guard_make(n + 1), back = check_guard_make(4 * n);
  for (size_t i = 0; i < n; i++) {
    const float value = i % 61 == 0 ? special(random) : check_real(random, -30, 30);
    memcpy(x.bytes + 4 * i, &value, sizeof value);
  }
  const double channel_scales[] = {0.11, 0.25, 0.0625};
  const int64_t zero_points[] = {7, -3, 100};
  for (int turn = 0; turn < 8; turn++) {
    const oct_dtype d = turn % 2 ? OCT_S8 : OCT_U8;
    const bool by_channel = turn % 4 >= 2;
    uint8_t *codes = q.bytes + turn / 4;
    const oct_run run = {.struct_size = sizeof run, .threads = 1 + turn / 4};
    const oct_channels shape = {1, channels, inner};
    int64_t zeros[3];
    for (int c = 0; c < 3; c++) zeros[c] = d == OCT_U8 && zero_points[c] < 0 ? 0 : zero_points[c];
    oct_status status =
        by_channel ? oct_quantize_per_channel((const float *)x.bytes, shape, channel_scales, zeros, d, codes, &run)
                   : oct_quantize((const float *)x.bytes, n, 0.11f, 7, d, codes, &run);
    if (status == OCT_OK)
      status = by_channel
                   ? oct_dequantize_per_channel(codes, d, shape, channel_scales, zeros, (float *)back.bytes, &run)
                   : oct_dequantize(codes, d, n, 0.11f, 7, (float *)back.bytes, &run);
    bool same = check_ok(status, "streams");
    for (size_t i = 0; i < n && same; i += i % inner > inner - 200 || i % inner < 200 || i % 16384 < 70 ? 1 : 37) {
      const size_t c = by_channel ? i / inner : 0;
      const double wide = by_channel ? channel_scales[c] : (double)0.11f;
      const int64_t z = by_channel ? zeros[c] : 7, want = oracle_quantize(oct_load_f32(x.bytes, i), (float)wide, z, d);
      const int64_t got = element(codes, d, i);
      same = check(got == want, "streams, turn %d: code %zu is %lld, expected %lld", turn, i, (long long)got,
                   (long long)want);
      const float real = (float)(wide * (double)difference(want, z)), found = oct_load_f32(back.bytes, i);
      same = same && check(same_bits(found, real), "streams, turn %d: value %zu is %a, expected %a", turn, i,
                           (double)found, (double)real);
    }
  }
  check(check_guard_intact(&x) && check_guard_intact(&q) && check_guard_intact(&back),
        "streams: wrote before a buffer");
  check_guard_free(&x);
  check_guard_free(&q);
  check_guard_free(&back);
}

static void test_refusals(void) {
  float x[4] = {0}, s[2] = {1, 1}, z[2] = {0, 0};
  double ds[2] = {1, 1};
  int64_t dz[2] = {0, 0};
  uint8_t q[16] = {77};
  const oct_channels shape = {1, 2, 2};
  check_refused(oct_quantize(NULL, 4, 1, 0, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_quantize(x, 4, 1, 0, OCT_U8, NULL, NULL), OCT_INVALID_ARGUMENT, "null q");
  check_refused(oct_quantize(x, 4, 1, 0, OCT_F32, q, NULL), OCT_INVALID_ARGUMENT, "f32");
  check_refused(oct_quantize(x, 4, 1, 0, (oct_dtype)99, q, NULL), OCT_INVALID_ARGUMENT, "dtype 99");
  check_refused(oct_quantize(x, SIZE_MAX / 2, 1, 0, OCT_U8, q, NULL), OCT_OVERFLOW, "huge count");
  static const float bad[] = {0, -1, INFINITY, NAN};
  for (size_t i = 0; i < 4; i++) {
    check_refused(oct_quantize(x, 4, bad[i], 0, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "scale");
    check_refused(oct_dequantize(q, OCT_U8, 4, bad[i], 0, x, NULL), OCT_INVALID_ARGUMENT, "scale");
    s[1] = bad[i];
    ds[1] = (double)bad[i];
    check_refused(oct_quantize_per_channel(x, shape, ds, dz, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "scales");
    check_refused(oct_dequantize_per_channel(q, OCT_U8, shape, ds, dz, x, NULL), OCT_INVALID_ARGUMENT, "scales");
    check_refused(oct_quantize_per_channel_float(x, shape, s, z, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "scales");
    check_refused(oct_dequantize_per_channel_float(q, OCT_U8, shape, s, z, x, NULL), OCT_INVALID_ARGUMENT, "scales");
  }
  ds[1] = 1e-60; /* vanishes in float32 */
  check_refused(oct_quantize_per_channel(x, shape, ds, dz, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "vanishing scale");
  check_ok(oct_dequantize_per_channel(q, OCT_U8, shape, ds, dz, x, NULL), "tiny scale in double");
  ds[1] = 1;
  s[1] = 1;
  check_refused(oct_quantize(x, 4, 1, 256, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "zero point");
  check_refused(oct_quantize(x, 4, 1, -129, OCT_S8, q, NULL), OCT_INVALID_ARGUMENT, "zero point");
  dz[1] = (int64_t)1 << 32;
  check_refused(oct_quantize_per_channel(x, shape, ds, dz, OCT_S32, q, NULL), OCT_INVALID_ARGUMENT, "zero points");
  dz[1] = 0;
  z[1] = NAN;
  check_refused(oct_quantize_per_channel_float(x, shape, s, z, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT,
                "NaN zero point");
  z[1] = 0;
  check_refused(oct_quantize_per_channel_float(x, shape, s, z, OCT_S32, q, NULL), OCT_INVALID_ARGUMENT,
                "s32 with real zero point");
  check_refused(oct_quantize_per_channel(x, (oct_channels){SIZE_MAX, 2, 2}, ds, dz, OCT_U8, q, NULL), OCT_OVERFLOW,
                "shape");
  check_refused(oct_quantize_per_channel(x, shape, NULL, dz, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT, "null scales");
  check_refused(oct_quantize_per_channel(x, shape, ds, NULL, OCT_U8, q, NULL), OCT_INVALID_ARGUMENT,
                "null zero points");
  check_ok(oct_quantize_per_channel(NULL, (oct_channels){0, 2, 2}, ds, dz, OCT_U8, NULL, NULL), "empty");
  check_ok(oct_quantize(NULL, 0, 1, 0, OCT_U8, NULL, NULL), "empty");
  const oct_run small = {.struct_size = 4}, negative = {.struct_size = sizeof negative, .threads = -1};
  check_refused(oct_quantize(x, 4, 1, 0, OCT_U8, q, &small), OCT_INVALID_ARGUMENT, "run size");
  check_refused(oct_quantize(x, 4, 1, 0, OCT_U8, q, &negative), OCT_INVALID_ARGUMENT, "negative threads");

  const int32_t acc[4] = {0}, fixed[2] = {1 << 30, 1 << 30}, shift[2] = {0, 0};
  float m[2] = {1, 1};
  oct_requantization r = {sizeof r, OCT_U8, m, 2, 0, 0, 255};
  oct_fixed_requantization f = {sizeof f, OCT_U8, fixed, shift, 2, 0, 0, 255};
  check_ok(oct_requantize(acc, 2, 2, 2, &r, q + 4, 2, NULL), "requantize");
  check_refused(oct_requantize(acc, 2, 2, 1, &r, q, 2, NULL), OCT_SHAPE_MISMATCH, "stride");
  check_refused(oct_requantize(acc, 2, 2, 2, &r, q, 1, NULL), OCT_SHAPE_MISMATCH, "stride");
  check_refused(oct_requantize(acc, SIZE_MAX / 2, 2, 2, &r, q, 2, NULL), OCT_OVERFLOW, "rows");
  check_refused(oct_requantize(acc, 1, 3, 3, &r, q, 3, NULL), OCT_SHAPE_MISMATCH, "multiplier count");
  check_refused(oct_requantize(acc, 2, 2, 2, NULL, q, 2, NULL), OCT_INVALID_ARGUMENT, "null rule");
  check_refused(oct_requantize(NULL, 2, 2, 2, &r, q, 2, NULL), OCT_INVALID_ARGUMENT, "null acc");
  m[1] = 0;
  check_refused(oct_requantize(acc, 2, 2, 2, &r, q, 2, NULL), OCT_INVALID_ARGUMENT, "multiplier 0");
  m[1] = 1;
  r.clamp_max = 256;
  check_refused(oct_requantize(acc, 2, 2, 2, &r, q, 2, NULL), OCT_INVALID_ARGUMENT, "clamp");
  r.clamp_max = 255;
  r.dtype = OCT_S32;
  check_refused(oct_requantize(acc, 2, 2, 2, &r, q, 2, NULL), OCT_INVALID_ARGUMENT, "requantize to s32");
  const int32_t bad_shift[2] = {0, 31}, bad_fixed[2] = {1 << 30, (1 << 30) - 1};
  f.shift = bad_shift;
  check_refused(oct_requantize_fixed(acc, 2, 2, 2, &f, q, 2, NULL), OCT_INVALID_ARGUMENT, "shift");
  f.shift = shift;
  f.multiplier = bad_fixed;
  check_refused(oct_requantize_fixed(acc, 2, 2, 2, &f, q, 2, NULL), OCT_INVALID_ARGUMENT, "multiplier");
  f.struct_size = 8;
  check_refused(oct_requantize_fixed(acc, 2, 2, 2, &f, q, 2, NULL), OCT_INVALID_ARGUMENT, "struct size");
  check(q[0] == 77, "a refused call wrote to its output");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_quantize_kernels *kernels = NULL;
    if (!check_ok(oct_quantize_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {20240917};
    test_lengths(&random);
    test_misaligned(&random);
    test_patterns(&random);
    test_all_zero_points();
    test_channels(&random);
    test_requantize(&random);
    test_threads(&random);
    test_streams(&random);
    printf("quantize on %s: %d failures\n", kernels->name, check_failures - before);
  }
  check_random random = {7};
  test_fixed_multiplier(&random);
  test_refusals();
#define OCT_QUANTIZE_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "quantize/quantize.def"
#undef OCT_QUANTIZE_KERNELS
  return check_report("quantize");
}
