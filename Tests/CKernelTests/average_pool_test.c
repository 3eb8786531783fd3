/* Average pooling against a plain loop with integer sums: random windows and evenly divided inputs, both rounding
 * orders, every tier that this CPU runs, guarded buffers, gaps between pixels, threads, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "check.h"
#include "octet.h"
#include "pool/kernel.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

typedef struct scene {
  oct_pool pool;
  oct_average average;
  bool divided;
} scene;

/* Elements first..<end of dimension i under output o, and how many there are with the padding. */
static void window_of(const scene *s, uint32_t i, size_t o, int64_t *first, int64_t *end, int64_t *size) {
  const oct_pool *p = &s->pool;
  const int64_t in = (int64_t)p->in[i];
  if (s->divided) {
    *first = (int64_t)(o * p->in[i] / p->out[i]);
    *end = (int64_t)(((o + 1) * p->in[i] + p->out[i] - 1) / p->out[i]);
    *size = *end - *first;
    return;
  }
  const int64_t start = (int64_t)(o * p->stride[i]) - (int64_t)p->padding[i], stop = start + (int64_t)p->kernel[i];
  const int64_t limit = in + (int64_t)p->padding[i];
  *size = (stop < limit ? stop : limit) - start;
  *first = start > 0 ? start : 0;
  *end = stop < in ? stop : in;
}

static int32_t rounded(const scene *s, int64_t sum, float multiplier) {
  const int32_t z = s->average.zero_point;
  const float product = (float)sum * multiplier;
  const double low = check_lowest(s->pool.dtype), high = check_highest(s->pool.dtype);
  const double value =
      s->average.order == OCT_ADD_FIRST ? (double)rintf(product + (float)z) : (double)rintf(product) + z;
  return (int32_t)(value < low ? low : value > high ? high : value);
}

static int32_t oracle(const scene *s, size_t pixel, size_t channel) {
  const oct_pool *p = &s->pool;
  int64_t first[3] = {0, 0, 0}, end[3] = {1, 1, 1}, size[3] = {1, 1, 1}, in[3] = {1, 1, 1};
  float divided = 1.0f;
  size_t rest = pixel;
  for (uint32_t i = p->rank; i-- > 0;) {
    const uint32_t at = 3 - p->rank + i;
    window_of(s, i, rest % p->out[i], &first[at], &end[at], &size[at]);
    rest /= p->out[i];
    in[at] = (int64_t)p->in[i];
  }
  int64_t sum = 0, inside = 0;
  for (int64_t a = first[0]; a < end[0]; a++)
    for (int64_t b = first[1]; b < end[1]; b++)
      for (int64_t c = first[2]; c < end[2]; c++, inside++) {
        const size_t at = (size_t)((((int64_t)rest * in[0] + a) * in[1] + b) * in[2] + c);
        sum += check_element(p->x, p->dtype, at * (size_t)p->x_stride + channel) - s->average.zero_point;
      }
  for (int i = 0; i < 3; i++) divided /= (float)(end[i] - first[i]);
  const int64_t with_padding = size[0] * size[1] * size[2];
  const int64_t counted = s->average.count_padding ? with_padding : inside;
  const int64_t divisor = s->average.divisor > 0 ? (int64_t)s->average.divisor : counted;
  return rounded(s, sum, s->divided ? divided : (float)(1.0 / (double)divisor));
}

static void run_scene(scene *s, check_random *random, check_fill fill, int threads, const char *what) {
  oct_pool *p = &s->pool;
  size_t in_pixels = p->batch, out_pixels = p->batch;
  for (uint32_t i = 0; i < p->rank; i++) {
    in_pixels *= p->in[i];
    out_pixels *= p->out[i];
  }
  check_guard x = check_guard_make((in_pixels - 1) * (size_t)p->x_stride + p->channels);
  check_guard y = check_guard_make((out_pixels - 1) * (size_t)p->y_stride + p->channels);
  check_fill_bytes(random, fill, p->dtype, x.bytes, x.size);
  memset(y.bytes, 0x5A, y.size);
  p->x = x.bytes;
  p->y = y.bytes;
  const oct_run run = {.struct_size = sizeof run, .threads = threads};
  const oct_status status =
      s->divided ? oct_adaptive_average_pool(p, &s->average, &run) : oct_average_pool(p, &s->average, &run);
  bool same = check_ok(status, what);
  for (size_t i = 0; i < y.size && same; i++) {
    const size_t pixel = i / (size_t)p->y_stride, c = i % (size_t)p->y_stride;
    if (c >= p->channels) {
      same = check(y.bytes[i] == 0x5A, "%s: wrote into a gap", what);
      continue;
    }
    const int32_t want = oracle(s, pixel, c), got = check_element(y.bytes, p->dtype, i);
    same = check(got == want, "%s: pixel %zu, channel %zu of %zu is %d, expected %d", what, pixel, c, p->channels, got,
                 want);
  }
  check(check_guard_intact(&x) && check_guard_intact(&y), "%s: wrote before a buffer", what);
  check_guard_free(&x);
  check_guard_free(&y);
}

/* Sizes of dimension i; false when no window fits. */
static bool choose_axis(scene *s, check_random *random, uint32_t i, size_t turn) {
  oct_pool *p = &s->pool;
  p->in[i] = 1 + check_next(random) % (p->rank == 1 ? 40 : 8);
  p->kernel[i] = 1 + check_next(random) % (turn % 10 == 0 ? 9 : 4);
  p->stride[i] = 1 + check_next(random) % 3;
  p->dilation[i] = 1;
  p->padding[i] = check_next(random) % (p->kernel[i] / 2 + 1);
  if (s->divided) {
    p->out[i] = 1 + check_next(random) % 9;
    return true;
  }
  if (p->in[i] + 2 * p->padding[i] < p->kernel[i]) return false;
  const size_t room = p->in[i] + 2 * p->padding[i] - p->kernel[i];
  p->out[i] = (turn % 5 == 0 ? room + p->stride[i] - 1 : room) / p->stride[i] + 1;
  /* Rounded up, the last window may begin behind the input. */
  if ((p->out[i] - 1) * p->stride[i] >= p->in[i] + p->padding[i]) p->out[i]--;
  return true;
}

static void test_random(check_random *random) {
  for (size_t turn = 0; turn < 2000; turn++) {
    scene s = {.pool = {.struct_size = sizeof s.pool, .dtype = turn % 2 ? OCT_S8 : OCT_U8, .batch = 1 + turn % 2},
               .average = {.struct_size = sizeof s.average},
               .divided = turn % 3 == 0};
    s.pool.rank = 1 + check_next(random) % 3;
    s.pool.channels = turn < 600 ? 1 + turn : 1 + check_next(random) % 80;
    s.pool.x_stride = (ptrdiff_t)(s.pool.channels + turn % 3);
    s.pool.y_stride = (ptrdiff_t)(s.pool.channels + turn % 4);
    s.average.zero_point = check_between(random, check_lowest(s.pool.dtype), check_highest(s.pool.dtype));
    s.average.order = turn / 2 % 2 ? OCT_ADD_FIRST : OCT_ROUND_FIRST;
    if (!s.divided) {
      s.average.count_padding = check_next(random) % 2;
      s.average.divisor = turn % 7 == 0 ? 1 + check_next(random) % 9 : 0;
    }
    bool sound = true;
    for (uint32_t i = 0; i < s.pool.rank; i++) sound = choose_axis(&s, random, i, turn) && sound;
    if (!sound) continue;
    char what[100];
    snprintf(what, sizeof what, "turn %zu, rank %u%s", turn, s.pool.rank, s.divided ? ", divided" : "");
    run_scene(&s, random, (check_fill)(turn % CHECK_FILL_COUNT), 1 + (int)(turn % 5), what);
  }
}

/* Windows over the whole input, beyond what 16 bits hold, and enough pixels for a team. */
static void test_large(check_random *random) {
  for (int fill = 0; fill < CHECK_FILL_COUNT; fill++)
    for (int t = 0; t < 2; t++) {
      scene s = {.pool = {.struct_size = sizeof s.pool,
                          .dtype = t ? OCT_S8 : OCT_U8,
                          .rank = 2,
                          .batch = 2,
                          .channels = 70,
                          .in = {23, 301},
                          .out = {1, 1},
                          .x_stride = 70,
                          .y_stride = 70},
                 .average = {.struct_size = sizeof s.average, .zero_point = t ? -128 : 255},
                 .divided = true};
      run_scene(&s, random, (check_fill)fill, 1, "the whole input");
      s.pool.out[0] = 9;
      s.pool.out[1] = 100;
      run_scene(&s, random, (check_fill)fill, 1 + fill, "many pixels");
    }
}

static oct_pool sound_pool(const uint8_t *x, uint8_t *y) {
  return (oct_pool){.struct_size = sizeof(oct_pool),
                    .dtype = OCT_U8,
                    .rank = 1,
                    .batch = 1,
                    .channels = 4,
                    .in = {8},
                    .out = {4},
                    .kernel = {2},
                    .stride = {2},
                    .dilation = {1},
                    .x = x,
                    .x_stride = 4,
                    .y = y,
                    .y_stride = 4};
}

static void refuse(oct_pool pool, oct_average average, bool divided, oct_status expected, const char *what) {
  const uint8_t *y = pool.y;
  check_refused(divided ? oct_adaptive_average_pool(&pool, &average, NULL) : oct_average_pool(&pool, &average, NULL),
                expected, what);
  check(y[0] == 7, "%s: wrote to y", what);
}

static void test_refused(void) {
  const uint8_t x[64] = {0};
  uint8_t y[64] = {7};
  const oct_pool pool = sound_pool(x, y);
  const oct_average average = {.struct_size = sizeof average};
  check_refused(oct_average_pool(NULL, &average, NULL), OCT_INVALID_ARGUMENT, "null pool");
  check_refused(oct_average_pool(&pool, NULL, NULL), OCT_INVALID_ARGUMENT, "null average");
  for (int divided = 0; divided < 2; divided++) {
    oct_average a = average;
    a.struct_size = 3;
    refuse(pool, a, divided, OCT_INVALID_ARGUMENT, "struct size");
    a = average;
    a.zero_point = 256;
    refuse(pool, a, divided, OCT_INVALID_ARGUMENT, "zero point");
    a = average;
    a.order = (oct_average_order)2;
    refuse(pool, a, divided, OCT_INVALID_ARGUMENT, "order");
    oct_pool p = pool;
    p.in[0] = 0;
    refuse(p, average, divided, OCT_INVALID_ARGUMENT, "no input");
    p = pool;
    p.out[0] = SIZE_MAX;
    refuse(p, average, divided, OCT_OVERFLOW, "immense output");
    p = pool;
    p.y_stride = 3;
    refuse(p, average, divided, OCT_SHAPE_MISMATCH, "stride");
    p = pool;
    p.rank = 3;
    p.in[0] = p.in[1] = p.in[2] = 256;
    p.out[0] = p.out[1] = p.out[2] = 1;
    for (int i = 0; i < 3; i++) {
      p.kernel[i] = 256;
      p.stride[i] = p.dilation[i] = 1;
    }
    refuse(p, average, divided, OCT_UNSUPPORTED, "more elements than int32 sums");
  }
  oct_average a = average;
  a.count_padding = true;
  refuse(pool, a, true, OCT_INVALID_ARGUMENT, "count_padding of a divided input");
  oct_pool p = pool;
  p.kernel[0] = 1;
  p.dilation[0] = 2;
  refuse(p, average, false, OCT_INVALID_ARGUMENT, "dilation");
  p = pool;
  p.out[0] = 5;
  refuse(p, average, false, OCT_SHAPE_MISMATCH, "a window behind the input");
  check_ok(oct_average_pool(&pool, &average, NULL), "the sound pool");
  check(y[0] == 0, "the sound pool runs");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_pool_kernel *kernel = NULL;
    if (!check_ok(oct_pool_select(&kernel), "select") || reached[kernel->isa]) continue;
    reached[kernel->isa] = true;
    const int before = check_failures;
    check_random random = {41};
    test_random(&random);
    test_large(&random);
    test_refused();
    printf("average pool on %s: %d failures\n", kernel->name, check_failures - before);
  }
  return check_report("average pool");
}
