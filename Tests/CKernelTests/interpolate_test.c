/* Nearest and linear interpolation against plain loops: every tier that this CPU runs, guarded buffers, gaps between
 * pixels, threads, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "check.h"
#include "interpolate/kernels.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

typedef struct scene {
  oct_interpolation p;
  bool linear, flag; /* centered for nearest, align_corners for linear */
  int32_t zero_point;
} scene;

static int32_t at(const scene *s, size_t pixel, size_t channel) {
  return check_element(s->p.x, s->p.dtype, pixel * (size_t)s->p.x_stride + channel);
}

static size_t nearest(const scene *s, uint32_t i, size_t o) {
  const float position = s->flag ? ((float)o + 0.5f) * s->p.step[i] : (float)o * s->p.step[i];
  const size_t index = (size_t)floorf(position);
  return index < s->p.in[i] ? index : s->p.in[i] - 1;
}

static int32_t nearest_oracle(const scene *s, size_t pixel, size_t channel) {
  size_t index[3] = {0, 0, 0}, rest = pixel;
  for (uint32_t i = s->p.rank; i-- > 0; rest /= s->p.out[i]) index[i] = nearest(s, i, rest % s->p.out[i]);
  size_t from = rest;
  for (uint32_t i = 0; i < s->p.rank; i++) from = from * s->p.in[i] + index[i];
  return at(s, from, channel);
}

/* Both inputs around output o of dimension i and the second's weight. */
static float around(const scene *s, uint32_t i, size_t o, size_t *first, size_t *second) {
  float position = s->flag ? s->p.step[i] * (float)o : s->p.step[i] * ((float)o + 0.5f) - 0.5f;
  if (position < 0) position = 0;
  *first = (size_t)position;
  if (*first >= s->p.in[i]) *first = s->p.in[i] - 1;
  *second = *first + 1 < s->p.in[i] ? *first + 1 : *first;
  return position >= (float)s->p.in[i] ? 0 : position - (float)*first;
}

static int32_t linear_oracle(const scene *s, size_t pixel, size_t channel) {
  const oct_interpolation *p = &s->p;
  const uint32_t last = p->rank - 1;
  size_t i0 = 0, i1 = 0, j0, j1;
  const float lb = around(s, last, pixel % p->out[last], &j0, &j1);
  size_t image = pixel / p->out[last], height = 1;
  float la = 0;
  if (p->rank == 2) {
    la = around(s, 0, image % p->out[0], &i0, &i1);
    image /= p->out[0];
    height = p->in[0];
  }
  const size_t above = (image * height + i0) * p->in[last], below = (image * height + i1) * p->in[last];
  const float top = (1 - lb) * (float)at(s, above + j0, channel) + lb * (float)at(s, above + j1, channel);
  const float bottom = (1 - lb) * (float)at(s, below + j0, channel) + lb * (float)at(s, below + j1, channel);
  const float value = ((1 - la) * top + la * bottom) - (float)s->zero_point;
  const int32_t q = (int32_t)rintf(value) + s->zero_point, low = check_lowest(p->dtype), high = check_highest(p->dtype);
  return q < low ? low : q > high ? high : q;
}

static oct_status call(const scene *s, const oct_run *run) {
  return s->linear ? oct_interpolate_linear(&s->p, s->flag, s->zero_point, run)
                   : oct_interpolate_nearest(&s->p, s->flag, run);
}

static void run_scene(scene *s, check_random *random, check_fill fill, int threads, const char *what) {
  oct_interpolation *p = &s->p;
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
  bool same = check_ok(call(s, &run), what);
  for (size_t i = 0; i < y.size && same; i++) {
    const size_t pixel = i / (size_t)p->y_stride, c = i % (size_t)p->y_stride;
    if (c >= p->channels) {
      same = check(y.bytes[i] == 0x5A, "%s: wrote into a gap", what);
      continue;
    }
    const int32_t want = s->linear ? linear_oracle(s, pixel, c) : nearest_oracle(s, pixel, c);
    const int32_t got = check_element(y.bytes, p->dtype, i);
    same = check(got == want, "%s: pixel %zu, channel %zu of %zu is %d, expected %d", what, pixel, c, p->channels, got,
                 want);
  }
  check(check_guard_intact(&x) && check_guard_intact(&y), "%s: wrote before a buffer", what);
  check_guard_free(&x);
  check_guard_free(&y);
}

static void test_random(check_random *random) {
  for (size_t turn = 0; turn < 1500; turn++) {
    scene s = {.p = {.struct_size = sizeof s.p, .dtype = turn % 2 ? OCT_S8 : OCT_U8, .batch = 1 + turn % 2},
               .linear = turn % 4 < 2,
               .flag = check_next(random) % 2};
    oct_interpolation *p = &s.p;
    p->rank = 1 + check_next(random) % (s.linear ? 2 : 3);
    p->channels = turn < 300 ? 1 + turn : 1 + check_next(random) % 80;
    p->x_stride = (ptrdiff_t)(p->channels + turn % 3);
    p->y_stride = (ptrdiff_t)(p->channels + turn % 4);
    s.zero_point = check_between(random, check_lowest(p->dtype), check_highest(p->dtype));
    for (uint32_t i = 0; i < p->rank; i++) {
      p->in[i] = 1 + check_next(random) % 9;
      p->out[i] = 1 + check_next(random) % (p->rank == 3 ? 7 : 16);
      if (s.linear && s.flag)
        p->step[i] = p->out[i] > 1 ? (float)(p->in[i] - 1) / (float)(p->out[i] - 1) : 0;
      else
        p->step[i] = turn % 5 == 0 ? check_real(random, 0, 3) : (float)p->in[i] / (float)p->out[i];
    }
    char what[60];
    snprintf(what, sizeof what, "turn %zu, rank %u, %s", turn, p->rank, s.linear ? "linear" : "nearest");
    run_scene(&s, random, (check_fill)(turn % CHECK_FILL_COUNT), 1 + (int)(turn % 4), what);
  }
}

/* Enough pixels for a team, and rows that ranges cut. */
static void test_threads(check_random *random) {
  for (int threads = 1; threads <= 4; threads++)
    for (int linear = 0; linear < 2; linear++) {
      scene s = {.p = {.struct_size = sizeof s.p,
                       .dtype = OCT_U8,
                       .rank = 2,
                       .batch = 2,
                       .channels = 37,
                       .in = {20, 31},
                       .out = {41, 67},
                       .step = {20.0f / 41.0f, 31.0f / 67.0f},
                       .x_stride = 37,
                       .y_stride = 40},
                 .linear = linear,
                 .zero_point = 3};
      run_scene(&s, random, CHECK_RANDOM, threads, "threads");
    }
}

/* Rows wider than the places that are found at once, alone and in ranges that begin anywhere in them. */
static void test_wide_rows(check_random *random) {
  for (int threads = 1; threads <= 3; threads++)
    for (size_t channels = 1; channels <= 65; channels += 16) {
      scene s = {.p = {.struct_size = sizeof s.p,
                       .dtype = OCT_S8,
                       .rank = 2,
                       .batch = 1,
                       .channels = channels,
                       .in = {3, 1111},
                       .out = {50, 2777},
                       .step = {3.0f / 50.0f, 1111.0f / 2777.0f},
                       .x_stride = (ptrdiff_t)channels,
                       .y_stride = (ptrdiff_t)channels + 1}};
      run_scene(&s, random, CHECK_RANDOM, threads, "wide rows");
    }
}

static void refuse(oct_interpolation p, oct_status expected, const char *what) {
  const uint8_t *y = p.y;
  check_refused(oct_interpolate_nearest(&p, false, NULL), expected, what);
  check_refused(oct_interpolate_linear(&p, false, 0, NULL), expected, what);
  check(y[0] == 7, "%s: wrote to y", what);
}

static void test_refused(void) {
  const uint8_t x[64] = {1, 2, 3, 4, 5};
  uint8_t y[64] = {7};
  const oct_interpolation sound = {.struct_size = sizeof sound,
                                   .dtype = OCT_U8,
                                   .rank = 1,
                                   .batch = 1,
                                   .channels = 4,
                                   .in = {4},
                                   .out = {8},
                                   .step = {0.5f},
                                   .x = x,
                                   .x_stride = 4,
                                   .y = y,
                                   .y_stride = 4};
  check_refused(oct_interpolate_nearest(NULL, false, NULL), OCT_INVALID_ARGUMENT, "null");
  check_refused(oct_interpolate_linear(NULL, false, 0, NULL), OCT_INVALID_ARGUMENT, "null");
  oct_interpolation wrong[8];
  for (int i = 0; i < 8; i++) wrong[i] = sound;
  wrong[0].struct_size = 4;
  wrong[1].dtype = OCT_F32;
  wrong[2].rank = 0;
  wrong[3].rank = 4;
  wrong[4].in[0] = 0;
  wrong[5].out[0] = 0;
  wrong[6].step[0] = -1;
  wrong[7].step[0] = NAN;
  for (int i = 0; i < 8; i++) refuse(wrong[i], OCT_INVALID_ARGUMENT, "a wrong value");
  oct_interpolation p = sound;
  p.x = NULL;
  refuse(p, OCT_INVALID_ARGUMENT, "null x");
  p = sound;
  p.x_stride = 3;
  refuse(p, OCT_SHAPE_MISMATCH, "x stride");
  p = sound;
  p.y_stride = -4;
  refuse(p, OCT_SHAPE_MISMATCH, "y stride");
  p = sound;
  p.batch = SIZE_MAX / 2;
  refuse(p, OCT_OVERFLOW, "batch");
  p = sound;
  p.rank = 3;
  check_refused(oct_interpolate_linear(&p, false, 0, NULL), OCT_INVALID_ARGUMENT, "trilinear");
  check_refused(oct_interpolate_linear(&sound, false, 256, NULL), OCT_INVALID_ARGUMENT, "zero point");
  const oct_run run = {.struct_size = 1};
  check_refused(oct_interpolate_linear(&sound, false, 0, &run), OCT_INVALID_ARGUMENT, "run");
  check_refused(oct_interpolate_nearest(&sound, false, &run), OCT_INVALID_ARGUMENT, "run");
  check(y[0] == 7, "a refused call wrote to y");
  check_ok(oct_interpolate_nearest(&sound, false, NULL), "the sound one");
  check(y[0] == 1 && y[4] == 1 && y[8] == 5, "the sound one doubles");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_interpolate_kernels *kernels = NULL;
    if (!check_ok(oct_interpolate_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {5};
    test_random(&random);
    test_threads(&random);
    test_wide_rows(&random);
    test_refused();
    printf("interpolate on %s: %d failures\n", kernels->name, check_failures - before);
  }
#define OCT_INTERPOLATE_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "interpolate/interpolate.def"
#undef OCT_INTERPOLATE_KERNELS
  return check_report("interpolate");
}
