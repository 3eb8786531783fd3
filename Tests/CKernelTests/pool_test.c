/* Max pooling against a plain loop: random geometry, every tier that this CPU runs, guarded buffers, gaps between
 * pixels, threads. */
#define _DEFAULT_SOURCE
#include "check.h"
#include "octet.h"
#include "pool/kernel.h"

typedef struct scene {
  oct_pool pool;
  size_t in[3], out[3], in_pixels, out_pixels;
  check_guard x, y;
} scene;

/* Axis i of three, ones in front. */
static size_t axis3(const oct_pool *p, const size_t *values, uint32_t i, size_t otherwise) {
  const uint32_t ones = 3 - p->rank;
  return i < ones ? otherwise : values[i - ones];
}

/* The maximum of a window, or INT32_MIN when it holds no element. */
static int32_t oracle(const scene *s, size_t image, const size_t at[3], size_t channel) {
  const oct_pool *p = &s->pool;
  int32_t best = INT32_MIN;
  size_t t[3];
  for (t[0] = 0; t[0] < axis3(p, p->kernel, 0, 1); t[0]++)
    for (t[1] = 0; t[1] < axis3(p, p->kernel, 1, 1); t[1]++)
      for (t[2] = 0; t[2] < axis3(p, p->kernel, 2, 1); t[2]++) {
        size_t pixel = image;
        bool inside = true;
        for (uint32_t i = 0; i < 3; i++) {
          const int64_t v = (int64_t)(at[i] * axis3(p, p->stride, i, 1) + t[i] * axis3(p, p->dilation, i, 1)) -
                            (int64_t)axis3(p, p->padding, i, 0);
          inside = inside && v >= 0 && v < (int64_t)s->in[i];
          pixel = pixel * s->in[i] + (size_t)v;
        }
        if (!inside) continue;
        const int32_t v = check_element(p->x, p->dtype, pixel * (size_t)p->x_stride + channel);
        if (v > best) best = v;
      }
  return best;
}

static bool every_window_filled(const scene *s) {
  const oct_pool *p = &s->pool;
  for (uint32_t i = 0; i < 3; i++)
    for (size_t o = 0; o < s->out[i]; o++) {
      bool filled = false;
      for (size_t t = 0; t < axis3(p, p->kernel, i, 1); t++) {
        const int64_t v = (int64_t)(o * axis3(p, p->stride, i, 1) + t * axis3(p, p->dilation, i, 1)) -
                          (int64_t)axis3(p, p->padding, i, 0);
        filled = filled || (v >= 0 && v < (int64_t)s->in[i]);
      }
      if (!filled) return false;
    }
  return true;
}

static void set_sizes(scene *s) {
  s->in_pixels = s->out_pixels = s->pool.batch;
  for (uint32_t i = 0; i < 3; i++) {
    s->in[i] = axis3(&s->pool, s->pool.in, i, 1);
    s->out[i] = axis3(&s->pool, s->pool.out, i, 1);
    s->in_pixels *= s->in[i];
    s->out_pixels *= s->out[i];
  }
}

static void run_scene(scene *s, check_random *random, check_fill fill, int threads, const char *what) {
  oct_pool *p = &s->pool;
  set_sizes(s);
  s->x = check_guard_make((s->in_pixels - 1) * (size_t)p->x_stride + p->channels);
  s->y = check_guard_make((s->out_pixels - 1) * (size_t)p->y_stride + p->channels);
  check_fill_bytes(random, fill, p->dtype, s->x.bytes, s->x.size);
  memset(s->y.bytes, 0x5A, s->y.size);
  p->x = s->x.bytes;
  p->y = s->y.bytes;
  const oct_run run = {.struct_size = sizeof run, .threads = threads};
  if (!every_window_filled(s)) {
    check_refused(oct_max_pool(p, &run), OCT_SHAPE_MISMATCH, what);
    check(s->y.bytes[0] == 0x5A, "%s: a refused call wrote to y", what);
  } else if (check_ok(oct_max_pool(p, &run), what)) {
    bool same = true;
    for (size_t i = 0; i < s->y.size && same; i++) {
      const size_t pixel = i / (size_t)p->y_stride, c = i % (size_t)p->y_stride;
      const size_t row = pixel / s->out[2], plane = row / s->out[1];
      const size_t at[3] = {plane % s->out[0], row % s->out[1], pixel % s->out[2]};
      if (c >= p->channels)
        same = check(s->y.bytes[i] == 0x5A, "%s: wrote into a gap", what);
      else {
        const int32_t want = oracle(s, plane / s->out[0], at, c), got = check_element(s->y.bytes, p->dtype, i);
        same = check(got == want, "%s: pixel %zu, channel %zu of %zu is %d, expected %d", what, pixel, c, p->channels,
                     got, want);
      }
    }
  }
  check(check_guard_intact(&s->x) && check_guard_intact(&s->y), "%s: wrote before a buffer", what);
  check_guard_free(&s->x);
  check_guard_free(&s->y);
}

static int refused_windows;

static void test_random(check_random *random) {
  for (size_t turn = 0; turn < 1500; turn++) {
    scene s = {.pool = {.struct_size = sizeof s.pool, .dtype = turn % 2 ? OCT_S8 : OCT_U8, .batch = 1 + turn % 2}};
    oct_pool *p = &s.pool;
    p->rank = 1 + check_next(random) % 3;
    p->channels = turn < 300 ? 1 + turn : 1 + check_next(random) % 80;
    p->x_stride = (ptrdiff_t)(p->channels + turn % 3);
    p->y_stride = (ptrdiff_t)(p->channels + turn % 4);
    bool sound = true;
    for (uint32_t i = 0; i < p->rank; i++) {
      p->in[i] = 1 + check_next(random) % (p->rank == 1 ? 20 : 7);
      p->kernel[i] = 1 + check_next(random) % (turn % 10 == 0 ? 9 : 4);
      p->stride[i] = 1 + check_next(random) % 3;
      p->dilation[i] = 1 + check_next(random) % (turn % 7 == 0 ? 5 : 2);
      const size_t window = (p->kernel[i] - 1) * p->dilation[i] + 1;
      p->padding[i] = check_next(random) % (window / 2 + 1);
      if (p->in[i] + 2 * p->padding[i] < window) sound = false;
      /* Floor, ceiling, or fewer windows than fit. */
      const size_t room = p->in[i] + 2 * p->padding[i] - window;
      p->out[i] = turn % 5 == 0 ? (room + p->stride[i] - 1) / p->stride[i] + 1 : room / p->stride[i] + 1;
      if (turn % 11 == 0 && p->out[i] > 1) p->out[i]--;
    }
    if (!sound) continue;
    char what[100];
    snprintf(what, sizeof what, "turn %zu, rank %u", turn, p->rank);
    set_sizes(&s);
    refused_windows += !every_window_filled(&s);
    run_scene(&s, random, (check_fill)(turn % CHECK_FILL_COUNT), 1 + (int)(turn % 5), what);
  }
}

/* More lines than a kernel takes at once. */
static void test_large_windows(check_random *random) {
  static const size_t kernels[] = {8, 63, 64, 65, 130};
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    for (int t = 0; t < 2; t++)
      for (size_t channels = 1; channels < 70; channels += 11) {
        const size_t k = kernels[i];
        scene s = {.pool = {.struct_size = sizeof s.pool,
                            .dtype = t ? OCT_S8 : OCT_U8,
                            .rank = 2,
                            .batch = 1,
                            .channels = channels,
                            .in = {k, 6},
                            .out = {1, 4},
                            .kernel = {k, 3},
                            .stride = {1, 1},
                            .dilation = {1, 1},
                            .x_stride = (ptrdiff_t)channels,
                            .y_stride = (ptrdiff_t)channels}};
        run_scene(&s, random, CHECK_RANDOM, 1, "large window");
        run_scene(&s, random, CHECK_LOWEST, 1, "large window of the lowest");
      }
}

/* Enough pixels for a team. */
static void test_threads(check_random *random) {
  for (int threads = 1; threads <= 5; threads++) {
    scene s = {.pool = {.struct_size = sizeof s.pool,
                        .dtype = OCT_U8,
                        .rank = 2,
                        .batch = 2,
                        .channels = 37,
                        .in = {40, 61},
                        .out = {20, 31},
                        .kernel = {3, 3},
                        .stride = {2, 2},
                        .padding = {1, 1},
                        .dilation = {1, 1},
                        .x_stride = 37,
                        .y_stride = 40}};
    run_scene(&s, random, CHECK_RANDOM, threads, "threads");
  }
}

static void refuse(oct_pool pool, oct_status expected, const char *what) {
  uint8_t *y = pool.y;
  check_refused(oct_max_pool(&pool, NULL), expected, what);
  if (y) check(y[0] == 7, "%s: wrote to y", what);
}

static void test_refusals(void) {
  uint8_t x[64] = {0}, y[64] = {7};
  const oct_pool sound = {.struct_size = sizeof sound,
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
  check_refused(oct_max_pool(NULL, NULL), OCT_INVALID_ARGUMENT, "null");
  oct_pool p = sound;
  p.struct_size = 8;
  refuse(p, OCT_INVALID_ARGUMENT, "struct size");
  static const oct_dtype wrong[] = {OCT_S32, OCT_F32, (oct_dtype)9};
  for (int i = 0; i < 3; i++) {
    p = sound;
    p.dtype = wrong[i];
    refuse(p, OCT_INVALID_ARGUMENT, "dtype");
  }
  for (uint32_t rank = 0; rank < 6; rank += 4) {
    p = sound;
    p.rank = rank;
    refuse(p, OCT_INVALID_ARGUMENT, "rank");
  }
  size_t *const fields[] = {&p.in[0], &p.out[0], &p.kernel[0], &p.stride[0], &p.dilation[0]};
  for (int i = 0; i < 5; i++) {
    p = sound;
    *fields[i] = 0;
    refuse(p, OCT_INVALID_ARGUMENT, "a zero size");
    if (i == 0) continue;
    p = sound;
    p.kernel[0] = 3;
    *fields[i] = SIZE_MAX;
    refuse(p, OCT_OVERFLOW, "an immense size");
  }
}

/* Windows, strides and sizes that disagree, and calls that have nothing to do. */
static void test_geometry(void) {
  uint8_t x[64] = {0}, y[64] = {7};
  const oct_pool sound = {.struct_size = sizeof sound,
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
  oct_pool p = sound;
  p.padding[0] = 2;
  refuse(p, OCT_INVALID_ARGUMENT, "padding beyond half the window");
  p = sound;
  p.out[0] = 5;
  refuse(p, OCT_SHAPE_MISMATCH, "a window behind the input");
  p = sound;
  p.in[0] = p.out[0] = 1;
  p.kernel[0] = 3;
  p.dilation[0] = 2;
  p.padding[0] = 1;
  refuse(p, OCT_SHAPE_MISMATCH, "a window that steps over the input");
  p = sound;
  p.x_stride = 3;
  refuse(p, OCT_SHAPE_MISMATCH, "x stride");
  p = sound;
  p.y_stride = -4;
  refuse(p, OCT_SHAPE_MISMATCH, "y stride");
  p = sound;
  p.x = NULL;
  refuse(p, OCT_INVALID_ARGUMENT, "null x");
  p = sound;
  p.y = NULL;
  refuse(p, OCT_INVALID_ARGUMENT, "null y");
  p = sound;
  p.batch = SIZE_MAX / 4;
  refuse(p, OCT_OVERFLOW, "batch");
  p = sound;
  p.x_stride = PTRDIFF_MAX;
  refuse(p, OCT_OVERFLOW, "immense stride");
  p = sound;
  p.batch = 0;
  p.x = p.y = NULL;
  check_ok(oct_max_pool(&p, NULL), "an empty batch");
  p = sound;
  p.out[0] = p.kernel[0] = 1;
  p.stride[0] = p.dilation[0] = SIZE_MAX / 3;
  check_ok(oct_max_pool(&p, NULL), "a stride and a dilation that are never taken");
  check(y[0] == 0, "one pixel");
  y[0] = 7;
  p = sound;
  p.channels = 0;
  check_ok(oct_max_pool(&p, NULL), "no channels");
  check(y[0] == 7, "an empty pool wrote to y");
  const oct_run run = {.struct_size = 1};
  check_refused(oct_max_pool(&sound, &run), OCT_INVALID_ARGUMENT, "run");
  check_ok(oct_max_pool(&sound, NULL), "the sound pool");
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
    check_random random = {99};
    test_random(&random);
    test_large_windows(&random);
    test_threads(&random);
    test_refusals();
    test_geometry();
    printf("pool on %s: %d failures\n", kernel->name, check_failures - before);
  }
  check(refused_windows > 0, "no random window was empty");
#define OCT_POOL_KERNEL(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernel " #symbol " was not reached");
#include "pool/pool.def"
#undef OCT_POOL_KERNEL
  return check_report("pool");
}
