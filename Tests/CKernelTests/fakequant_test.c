/* Fake quantization and its gradients against the formulas in double: every tier that this CPU runs, guarded buffers at
 * any alignment, masks, NaN and infinities, narrow, wide and real grids, runs and columns of channels, threads, refusals. */
#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>

#include "check.h"
#include "fakequant/kernels.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

enum { MOST_CHANNELS = 700 };

typedef struct scene {
  oct_fake_quantization grids;
  float scales[MOST_CHANNELS], reals[MOST_CHANNELS];
  int64_t zeros[MOST_CHANNELS];
  size_t count;
  int threads;
  bool offset; /* buffers that aren't aligned to their elements */
} scene;

/* The integer that x becomes on the grid of element i. */
static double integer_of(const scene *s, size_t i, float x) {
  const oct_channels shape = s->grids.shape;
  const size_t c = i / shape.inner % shape.channels;
  const float inverse = 1.0f / s->scales[c];
  const float steps = x * inverse;
  const float q = s->grids.zero_points ? (float)s->zeros[c] + nearbyintf(steps) : nearbyintf(s->reals[c] + steps);
  return fabsf(q) < 0x1p63f ? (double)q : -0x1p63;
}

static float value_of(const scene *s, size_t i, double q) {
  const oct_channels shape = s->grids.shape;
  const size_t c = i / shape.inner % shape.channels;
  const double low = (double)s->grids.quant_min, high = (double)s->grids.quant_max;
  const double zero = s->grids.zero_points ? (double)s->zeros[c] : (double)s->reals[c];
  return (float)(((q < low ? low : q > high ? high : q) - zero) * (double)s->scales[c] + 0.0);
}

static bool inside(const scene *s, double q) {
  return (double)s->grids.quant_min <= q && q <= (double)s->grids.quant_max;
}

static float load(const uint8_t *bytes, size_t i) {
  float value;
  memcpy(&value, bytes + 4 * i, sizeof value);
  return value;
}

static uint32_t bits(float value) {
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  return word;
}

/* Values around the grid, on its ties, beyond its ends, and what breaks conversions. */
static float odd_value(check_random *random, float scale) {
  static const float odd[] = {0.0f,    -0.0f,  INFINITY, -INFINITY,     NAN,           FLT_MAX,        -FLT_MAX,
                              FLT_MIN, 1e-45f, -1e-45f,  9.2233715e18f, 9.2233725e18f, -9.2233725e18f, 1e10f};
  switch (check_next(random) % 8) {
    case 0: return odd[check_next(random) % (sizeof odd / sizeof *odd)];
    case 1: return ((float)check_between(random, -300, 300) + 0.5f) * scale;
    case 2: return (float)check_between(random, -300, 300) * scale;
    case 3: return odd[check_next(random) % (sizeof odd / sizeof *odd)] * scale;
    default: return check_real(random, -400, 400) * scale;
  }
}

typedef struct buffers {
  check_guard x, dy, y, dx, mask;
} buffers;

static buffers make_buffers(const scene *s, check_random *random) {
  const size_t bytes = s->count * 4;
  buffers b = {check_guard_make(bytes + s->offset), check_guard_make(bytes + s->offset),
               check_guard_make(bytes + s->offset), check_guard_make(bytes + s->offset), check_guard_make(s->count)};
  if (s->offset) { /* end at the protected page all the same */
    b.x.bytes++, b.dy.bytes++, b.y.bytes++, b.dx.bytes++;
  }
  for (size_t i = 0; i < s->count; i++) {
    const size_t c = i / s->grids.shape.inner % s->grids.shape.channels;
    const float x = odd_value(random, s->scales[c]), dy = check_real(random, -2, 2);
    memcpy(b.x.bytes + 4 * i, &x, 4);
    memcpy(b.dy.bytes + 4 * i, &dy, 4);
  }
  return b;
}

static void free_buffers(buffers *b) {
  check_guard_free(&b->x);
  check_guard_free(&b->dy);
  check_guard_free(&b->y);
  check_guard_free(&b->dx);
  check_guard_free(&b->mask);
}

static void run_scene(scene *s, check_random *random, const char *what) {
  s->count = s->grids.shape.outer * s->grids.shape.channels * s->grids.shape.inner;
  buffers b = make_buffers(s, random);
  const oct_run run = {.struct_size = sizeof run, .threads = s->threads};
  const float *x = (const float *)(const void *)b.x.bytes, *dy = (const float *)(const void *)b.dy.bytes;
  float *y = (float *)(void *)b.y.bytes, *dx = (float *)(void *)b.dx.bytes;
  const bool masked = check_next(random) % 2;
  if (masked) memset(b.mask.bytes, 7, s->count);
  bool same = check_ok(oct_fake_quantize(&s->grids, x, y, masked ? b.mask.bytes : NULL, &run), what) &&
              check_ok(oct_fake_quantize_gradient(&s->grids, x, dy, dx, &run), what);
  for (size_t i = 0; i < s->count && same; i++) {
    const double q = integer_of(s, i, load(b.x.bytes, i));
    const float want = value_of(s, i, q), got = load(b.y.bytes, i), gradient = load(b.dx.bytes, i);
    same = check(bits(want) == bits(got), "%s: element %zu of %zu, %g, became %g, expected %g", what, i, s->count,
                 (double)load(b.x.bytes, i), (double)got, (double)want) &&
           check(bits(gradient) == (inside(s, q) ? bits(load(b.dy.bytes, i)) : 0),
                 "%s: gradient of element %zu, %g, is %g", what, i, (double)load(b.x.bytes, i), (double)gradient) &&
           check(!masked || b.mask.bytes[i] == inside(s, q), "%s: mask of element %zu", what, i);
  }
  if (masked && same) {
    same = check_ok(oct_fake_quantize_masked_gradient(b.mask.bytes, dy, s->count, y, &run), what);
    same = same && check(memcmp(y, dx, 4 * s->count) == 0, "%s: masked gradient differs", what);
  }
  /* In place: y over x, dx over dy. */
  if (same && check_ok(oct_fake_quantize(&s->grids, x, y, NULL, &run), what) &&
      check_ok(oct_fake_quantize_gradient(&s->grids, x, dy, (float *)(void *)b.dy.bytes, &run), what) &&
      check_ok(oct_fake_quantize(&s->grids, x, (float *)(void *)b.x.bytes, NULL, &run), what)) {
    check(memcmp(b.x.bytes, b.y.bytes, 4 * s->count) == 0, "%s: in place differs", what);
    check(memcmp(b.dy.bytes, b.dx.bytes, 4 * s->count) == 0, "%s: gradient in place differs", what);
  }
  check(check_guard_intact(&b.mask), "%s: wrote before the mask", what);
  free_buffers(&b);
}

/* A grid of 8 bits by default; every fifth is wide, every seventh real. */
static void make_grids(scene *s, check_random *random, size_t turn) {
  static const int64_t ranges[][2] = {{0, 255}, {-128, 127}, {0, 15}, {-32768, 32767}, {-2147483648LL, 2147483647LL},
                                      {5, 5}};
  const size_t which = turn % 5 == 4 ? 3 + turn / 5 % 3 : turn % 3;
  s->grids = (oct_fake_quantization){.struct_size = sizeof s->grids,
                                     .scales = s->scales,
                                     .quant_min = ranges[which][0],
                                     .quant_max = ranges[which][1]};
  s->threads = 1 + (int)(turn % 4);
  s->offset = turn % 4 == 3;
  if (turn % 7 == 6)
    s->grids.real_zero_points = s->reals;
  else
    s->grids.zero_points = s->zeros;
  for (size_t c = 0; c < MOST_CHANNELS; c++) {
    const float tiny = turn % 11 == 10 ? 1e-42f : 1.0f;
    s->scales[c] = check_real(random, 0.001f, 0.2f) * tiny;
    s->reals[c] = check_real(random, -20, 20);
    const int64_t span = s->grids.quant_max - s->grids.quant_min + 1;
    s->zeros[c] = s->grids.quant_min + (int64_t)check_next(random) % span;
  }
}

static void test_values(check_random *random) {
  static scene s;
  static const size_t counts[] = {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 257, 997};
  for (size_t turn = 0; turn < 260; turn++) {
    make_grids(&s, random, turn);
    s.grids.shape = (oct_channels){1, 1, counts[turn % 13]};
    run_scene(&s, random, "per tensor");
    s.grids.shape = (oct_channels){1 + turn % 3, 1 + turn % 9, 1 + check_next(random) % 80};
    run_scene(&s, random, "runs of channels");
    s.grids.shape = (oct_channels){1 + turn % 70, turn % 20 ? 1 + check_next(random) % 90 : 650, 1 + turn % 3};
    run_scene(&s, random, "columns of channels");
  }
  for (size_t turn = 0; turn < 4; turn++) { /* enough for a team */
    make_grids(&s, random, turn);
    s.grids.shape = (oct_channels){1, 1, 100003};
    run_scene(&s, random, "a long tensor");
    s.grids.shape = (oct_channels){301, 300, 1};
    run_scene(&s, random, "many columns");
  }
}

/* Outputs that are streamed past the caches: the same as in pieces that aren't. */
static void test_streams(check_random *random) {
  const oct_fakequant_kernels *kernels = NULL;
  if (!check_ok(oct_fakequant_select(&kernels), "select")) return;
  const oct_fake_grid grid = {20.0f, 0.05f, -120, 135};
  enum { COUNT = 1003 };
  for (size_t shift = 0; shift < 18; shift++) {
    check_guard x = check_guard_make(4 * COUNT), y = check_guard_make(4 * (COUNT + shift));
    float plain[COUNT], *to = (float *)(void *)y.bytes;
    uint8_t mask[COUNT], plain_mask[COUNT];
    for (size_t i = 0; i < COUNT; i++) ((float *)(void *)x.bytes)[i] = odd_value(random, 0.05f);
    const float *from = (const float *)(const void *)x.bytes;
    kernels->round(from, COUNT, &grid, plain, plain_mask, false);
    kernels->round(from, COUNT, &grid, to, mask, true);
    check(memcmp(plain, to, sizeof plain) == 0 && memcmp(mask, plain_mask, COUNT) == 0, "streamed values, shift %zu",
          shift);
    kernels->gradient(from, from, COUNT, &grid, plain, false);
    kernels->gradient(from, from, COUNT, &grid, to, true);
    check(memcmp(plain, to, sizeof plain) == 0, "streamed gradient, shift %zu", shift);
    kernels->masked_gradient(mask, from, COUNT, to, true);
    check(memcmp(plain, to, sizeof plain) == 0, "streamed masked gradient, shift %zu", shift);
    check_guard_free(&x);
    check_guard_free(&y);
  }
}

/* The terms of the learnable gradient in double; float32 sums of a few thousand come within 1e-5 of the sum of their
 * magnitudes. */
static void check_learnable(const scene *s, const buffers *b, float factor, const float *dscale, const float *dzero) {
  const oct_channels shape = s->grids.shape;
  for (size_t c = 0; c < shape.channels; c++) {
    double scale = 0, zero = 0, reach = 0;
    for (size_t i = 0; i < s->count; i++) {
      if (i / shape.inner % shape.channels != c) continue;
      const float x = load(b->x.bytes, i), dy = load(b->dy.bytes, i);
      const double q = integer_of(s, i, x);
      double term = (double)dy * (double)(s->grids.quant_max - s->zeros[c]);
      if (q < (double)s->grids.quant_min) term = (double)dy * (double)(s->grids.quant_min - s->zeros[c]);
      if (inside(s, q)) {
        term = (double)dy * ((double)value_of(s, i, q) - (double)x) / (double)s->scales[c];
      } else {
        zero -= (double)dy * (double)s->scales[c];
      }
      scale += term;
      reach += fabs(term) + fabs((double)dy);
    }
    const double slack = 1e-5 * reach * fabs((double)factor);
    check(fabs((double)dscale[c] - scale * (double)factor) <= slack, "dscale[%zu] of %zu is %g, expected %g", c,
          shape.channels, (double)dscale[c], scale * (double)factor);
    check(fabs((double)dzero[c] - zero * (double)factor) <= slack, "dzero[%zu] of %zu is %g, expected %g", c,
          shape.channels, (double)dzero[c], zero * (double)factor);
  }
}

/* The bits of the sums, to compare among tiers. */
static uint32_t learned_bits[64];

static void test_learnable(bool first_tier) {
  static scene s;
  static const oct_channels shapes[] = {{1, 1, 1},  {1, 1, 63},   {1, 1, 4099}, {1, 1, 300001},
                                        {3, 5, 27}, {2, 7, 1000}, {40, 9, 1},   {9, 40, 3000}};
  uint32_t found[64] = {0};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    check_random random = {k + 3};
    make_grids(&s, &random, k % 2);
    s.grids.zero_points = s.zeros;
    s.grids.shape = shapes[k];
    s.count = shapes[k].outer * shapes[k].channels * shapes[k].inner;
    buffers b = make_buffers(&s, &random);
    const float *x = (const float *)(const void *)b.x.bytes, *dy = (const float *)(const void *)b.dy.bytes;
    float dscale[2][40], dzero[2][40];
    for (int threads = 1; threads <= 2; threads++) {
      const oct_run run = {.struct_size = sizeof run, .threads = 3 * threads - 2};
      float *dx = threads == 1 ? (float *)(void *)b.dx.bytes : NULL;
      check_ok(oct_fake_quantize_learnable_gradient(&s.grids, x, dy, 0.25f, dx, dscale[threads - 1], dzero[threads - 1],
                                                    &run),
               "learnable");
    }
    const size_t bytes = shapes[k].channels * sizeof(float);
    check(memcmp(dscale[0], dscale[1], bytes) == 0 && memcmp(dzero[0], dzero[1], bytes) == 0,
          "shape %zu: threads change the sums", k);
    check_learnable(&s, &b, 0.25f, dscale[0], dzero[0]);
    check_ok(oct_fake_quantize_gradient(&s.grids, x, dy, (float *)(void *)b.y.bytes, NULL), "gradient");
    check(memcmp(b.y.bytes, b.dx.bytes, 4 * s.count) == 0, "shape %zu: dx isn't the gradient", k);
    for (size_t c = 0; c < shapes[k].channels; c++) {
      found[2 * k] = found[2 * k] * 31 + bits(dscale[0][c]);
      found[2 * k + 1] = found[2 * k + 1] * 31 + bits(dzero[0][c]);
    }
    free_buffers(&b);
  }
  if (first_tier) memcpy(learned_bits, found, sizeof found);
  check(memcmp(learned_bits, found, sizeof found) == 0, "tiers differ in the sums");
}

static void test_refusals(void) {
  float x[4] = {1, 2, 3, 4}, y[4] = {9, 9, 9, 9}, scale[2] = {0.5f, 0.5f}, real[2] = {0, 0}, sums[4];
  int64_t zero[2] = {1, 1};
  const oct_fake_quantization sound = {.struct_size = sizeof sound,
                                       .shape = {1, 2, 2},
                                       .scales = scale,
                                       .zero_points = zero,
                                       .quant_min = 0,
                                       .quant_max = 3};
  oct_fake_quantization g = sound;
  check_refused(oct_fake_quantize(NULL, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "null grids");
  g.struct_size = 8;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "struct size");
  g = sound, g.quant_min = 4;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "empty range");
  g = sound, g.scales = NULL;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "no scales");
  g = sound, g.real_zero_points = real;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "two kinds of zero points");
  g.zero_points = NULL, real[1] = NAN;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "a zero point of NaN");
  g.real_zero_points = NULL;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "no zero points");
  g = sound, g.shape.inner = SIZE_MAX / 2;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_OVERFLOW, "immense");
  g = sound, zero[1] = 4;
  check_refused(oct_fake_quantize(&g, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "zero point outside");
  zero[1] = 1;
  static const float illegal[] = {0.0f, -1.0f, INFINITY, NAN};
  for (size_t i = 0; i < 4; i++) {
    scale[1] = illegal[i];
    check_refused(oct_fake_quantize(&sound, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "illegal scale");
    check_refused(oct_fake_quantize_gradient(&sound, x, x, y, NULL), OCT_INVALID_ARGUMENT, "illegal scale");
  }
  scale[1] = 0.5f;
  check_refused(oct_fake_quantize(&sound, NULL, y, NULL, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_fake_quantize(&sound, x, NULL, NULL, NULL), OCT_INVALID_ARGUMENT, "null y");
  check_refused(oct_fake_quantize_gradient(&sound, x, NULL, y, NULL), OCT_INVALID_ARGUMENT, "null dy");
  check_refused(oct_fake_quantize_masked_gradient(NULL, x, 4, y, NULL), OCT_INVALID_ARGUMENT, "null mask");
  check_refused(oct_fake_quantize_masked_gradient((const uint8_t *)x, x, SIZE_MAX, y, NULL), OCT_OVERFLOW, "immense");
  g = sound, g.quant_max = 1LL << 40;
  check_refused(oct_fake_quantize_learnable_gradient(&g, x, x, 1, y, sums, sums + 2, NULL), OCT_UNSUPPORTED, "wide");
  check_refused(oct_fake_quantize_learnable_gradient(&sound, x, x, 1, y, NULL, sums, NULL), OCT_INVALID_ARGUMENT,
                "null dscale");
  oct_run run = {.struct_size = sizeof run, .threads = -1};
  check_refused(oct_fake_quantize(&sound, x, y, NULL, &run), OCT_INVALID_ARGUMENT, "threads");
  check(y[0] == 9, "a refused call wrote to y");
  g = sound, g.shape.outer = 0;
  check_ok(oct_fake_quantize(&g, NULL, NULL, NULL, NULL), "nothing");
  check_ok(oct_fake_quantize_learnable_gradient(&g, NULL, NULL, 1, NULL, sums, sums + 2, NULL), "nothing to learn");
  check(sums[0] == 0 && sums[3] == 0, "sums of nothing");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false}, first = true;
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_fakequant_kernels *kernels = NULL;
    if (!check_ok(oct_fakequant_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {7};
    test_values(&random);
    test_streams(&random);
    test_learnable(first);
    first = false;
    test_refusals();
    printf("fakequant on %s: %d failures\n", kernels->name, check_failures - before);
  }
#define OCT_FAKEQUANT_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "fakequant/fakequant.def"
#undef OCT_FAKEQUANT_KERNELS
  return check_report("fakequant");
}
