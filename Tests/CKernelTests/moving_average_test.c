/* Parameters chosen from ranges, and the moving average that is followed and applied in one call, against its parts. */
#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>

#include "check.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Ranges that torch._choose_qparams_per_tensor (0..255) and torch.fused_moving_avg_obs_fake_quant (symmetric, -128..127) were
 * asked about. */
static void test_choices(void) {
  static const struct {
    float min, max;
    double scale;
    int32_t zero;
    bool symmetric;
  } known[] = {
      {-1.5f, 3.25f, 0x1.3131313131313p-6, 81, false},
      {0.1f, 0.2f, 0x1.9b34cecececedp-11, 0, false},
      {-7.0f, -2.0f, 0x1.c1c1c1c1c1c1cp-6, 255, false},
      {0.0f, 0.0f, 0x1.999999999999ap-4, 0, false},
      {-1e-6f, 1e-5f, 0x1.ffb48p-15, 23, false},
      {0.0f, 1e-7f, 0x1.ffb48p-15, 0, false},
      {-3e38f, 3e38f, 0x1.c528f4f4f4f4fp+120, 128, false},
      {1e-44f, 1e-44f, 0x1.999999999999ap-4, 0, false},
      {-1.0f, 1e-3f, 0x1.0142cc0383838p-8, 255, false},
      {-2e-9f, 0.0f, 0x1.ffb48p-15, 255, false},
      {-1.5f, 3.25f, 0x1.a3468ep-6, 0, true},
      {0.1f, 0.2f, 0x1.9b34cep-11, -128, true},
      {-7.0f, 2.0f, 0x1.c000000000000p-5, 0, true},
      {-1e-6f, 1e-5f, 0x1.ffb4800000000p-15, 0, true},
      {-5.0f, -1.0f, 0x1.4141420000000p-6, 127, true},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const bool s = known[i].symmetric;
    double scale = -1;
    int32_t zero = -1000;
    if (!check_ok(oct_choose_quantization(known[i].min, known[i].max, s ? -128 : 0, s ? 127 : 255, s, &scale, &zero),
                  "choose"))
      continue;
    check(s ? (float)scale == (float)known[i].scale : scale == known[i].scale, "case %zu: scale %a, expected %a", i,
          scale, known[i].scale);
    check(zero == known[i].zero, "case %zu: zero point %d, expected %d", i, (int)zero, (int)known[i].zero);
  }
}

/* Whatever finite range comes, the scale is usable and the zero point in range. */
static void test_any_range(check_random *random) {
  for (size_t turn = 0; turn < 200000; turn++) {
    float range[2];
    for (int i = 0; i < 2; i++) {
      const uint32_t word = check_next(random);
      memcpy(&range[i], &word, sizeof word);
      if (!isfinite(range[i])) range[i] = turn & 1 ? FLT_MAX : -1e-45f;
    }
    const bool swap = range[0] > range[1];
    const int32_t low = check_between(random, INT32_MIN, 5), high = check_between(random, 6, INT32_MAX);
    const bool bytes = turn % 4 != 3;
    double scale = 0;
    int32_t zero = 0;
    if (!check_ok(oct_choose_quantization(range[swap], range[!swap], bytes ? -128 : low, bytes ? 127 : high, turn & 2,
                                          &scale, &zero),
                  "any range"))
      return;
    const float narrow = (float)scale;
    if (!check(narrow > 0 && isfinite(narrow) && isfinite(1 / narrow) && zero >= (bytes ? -128 : low) &&
                   zero <= (bytes ? 127 : high),
               "range %a..%a: scale %a, zero point %d", (double)range[swap], (double)range[!swap], scale, (int)zero))
      return;
  }
}

enum { MOST = 130000, MOST_CHANNELS = 64 };

typedef struct state {
  float minima[MOST_CHANNELS], maxima[MOST_CHANNELS], scales[MOST_CHANNELS];
  int64_t zeros[MOST_CHANNELS];
} state;

/* The documented step, by way of the entries that do its parts. */
static void expected_step(const oct_moving_average *a, state *s, const float *x, float *y, uint8_t *mask) {
  oct_extremes batch[MOST_CHANNELS];
  check_ok(oct_observe_channel_extremes(x, a->shape, OCT_NONFINITE_PROPAGATE, batch, NULL, NULL), "extremes");
  for (size_t c = 0; c < a->shape.channels; c++) {
    if (a->observes) {
      const float down = batch[c].min - s->minima[c], up = batch[c].max - s->maxima[c];
      s->minima[c] = isinf(s->minima[c]) ? batch[c].min : s->minima[c] + a->averaging_constant * down;
      s->maxima[c] = isinf(s->maxima[c]) ? batch[c].max : s->maxima[c] + a->averaging_constant * up;
    }
    double scale;
    int32_t zero;
    const bool fresh = isinf(s->minima[c]);
    check_ok(oct_choose_quantization(fresh ? 0 : s->minima[c], fresh ? 0 : s->maxima[c], a->quant_min, a->quant_max,
                                     a->symmetric, &scale, &zero),
             "choose");
    s->scales[c] = (float)scale;
    s->zeros[c] = zero;
  }
  const oct_fake_quantization grids = {.struct_size = sizeof grids,
                                       .shape = a->shape,
                                       .scales = s->scales,
                                       .zero_points = s->zeros,
                                       .quant_min = a->quant_min,
                                       .quant_max = a->quant_max};
  check_ok(oct_fake_quantize(&grids, x, y, mask, NULL), "round");
}

static void fresh(state *s) {
  for (int c = 0; c < MOST_CHANNELS; c++) {
    s->minima[c] = INFINITY;
    s->maxima[c] = -INFINITY;
    s->scales[c] = 1;
    s->zeros[c] = 0;
  }
}

static bool same_state(const state *a, const state *b, size_t channels) {
  return memcmp(a->minima, b->minima, channels * sizeof(float)) == 0 &&
         memcmp(a->maxima, b->maxima, channels * sizeof(float)) == 0 &&
         memcmp(a->scales, b->scales, channels * sizeof(float)) == 0 &&
         memcmp(a->zeros, b->zeros, channels * sizeof(int64_t)) == 0;
}

static void test_steps(check_random *random) {
  static float x[MOST], y[MOST], want[MOST];
  static uint8_t mask[MOST], want_mask[MOST];
  static const oct_channels shapes[] = {{1, 1, 1},   {1, 1, 1000}, {1, 1, MOST}, {2, 5, 33},
                                        {40, 64, 1}, {3, 7, 5001}, {0, 3, 4}};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    state s, expected;
    fresh(&s);
    fresh(&expected);
    const size_t count = shapes[k].outer * shapes[k].channels * shapes[k].inner;
    for (size_t batch = 0; batch < 6; batch++) {
      oct_moving_average a = {.struct_size = sizeof a,
                              .shape = shapes[k],
                              .averaging_constant = 0.1f,
                              .quant_min = k & 1 ? -128 : 0,
                              .quant_max = k & 1 ? 127 : 255,
                              .symmetric = k & 1,
                              .observes = batch % 3 != 0,
                              .minima = s.minima,
                              .maxima = s.maxima,
                              .scales = s.scales,
                              .zero_points = s.zeros};
      oct_run run = {.struct_size = sizeof run, .threads = 1 + (int)(batch % 3)};
      check_ok(oct_moving_average_workspace(shapes[k].channels, &run.workspace_size), "workspace");
      run.workspace = run.workspace_size ? check_aligned(run.workspace_size) : NULL;
      for (size_t i = 0; i < count; i++) x[i] = check_real(random, -2, 3) * (float)(1 + batch);
      uint8_t *masked = batch & 1 ? mask : NULL;
      check_ok(oct_moving_average_fake_quantize(&a, x, y, masked, &run), "step");
      if (count > 0) expected_step(&a, &expected, x, want, want_mask);
      check(same_state(&s, &expected, shapes[k].channels), "shape %zu, batch %zu: the state differs", k, batch);
      check(memcmp(y, want, count * sizeof *y) == 0, "shape %zu, batch %zu: values differ", k, batch);
      check(!masked || memcmp(mask, want_mask, count) == 0, "shape %zu, batch %zu: masks differ", k, batch);
      if (count > 0) {
        /* A batch that makes no finite range leaves everything as it was. */
        const state before = s;
        x[count - 1] = NAN;
        if (a.observes)
          check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, &run), OCT_INVALID_ARGUMENT, "NaN");
        check(same_state(&s, &before, shapes[k].channels), "shape %zu: a refused batch changed the state", k);
      }
      free(run.workspace);
    }
  }
}

static void test_refusals(void) {
  float x[2] = {1, 2}, y[2] = {9, 9}, low[2] = {0, 0}, high[2] = {1, 1}, scale[2] = {1, 1};
  int64_t zero[2] = {0, 0};
  double wide;
  int32_t integer;
  size_t size;
  const oct_moving_average sound = {.struct_size = sizeof sound,
                                    .shape = {1, 1, 2},
                                    .averaging_constant = 0.5f,
                                    .quant_min = 0,
                                    .quant_max = 255,
                                    .observes = true,
                                    .minima = low,
                                    .maxima = high,
                                    .scales = scale,
                                    .zero_points = zero};
  oct_moving_average a = sound;
  check_refused(oct_moving_average_fake_quantize(NULL, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "null");
  a.struct_size = 4;
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "struct size");
  a = sound, a.averaging_constant = 1.5f;
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "weight");
  a = sound, a.quant_min = 255;
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "range");
  a = sound, a.scales = NULL;
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "no scales");
  a = sound, a.shape = (oct_channels){1, 2, 1};
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  a = sound, a.shape.outer = SIZE_MAX;
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_OVERFLOW, "immense");
  check_refused(oct_moving_average_fake_quantize(&sound, x, NULL, NULL, NULL), OCT_INVALID_ARGUMENT, "no y");
  a = sound, a.observes = false, low[0] = 7;
  check_refused(oct_moving_average_fake_quantize(&a, x, y, NULL, NULL), OCT_INVALID_ARGUMENT, "extremes upside down");
  check(y[0] == 9 && scale[0] == 1, "a refused call wrote");
  check_refused(oct_moving_average_workspace(1, NULL), OCT_INVALID_ARGUMENT, "no size");
  check_refused(oct_moving_average_workspace(SIZE_MAX, &size), OCT_OVERFLOW, "immense workspace");
  check_refused(oct_choose_quantization(1, 0, 0, 255, false, &wide, &integer), OCT_INVALID_ARGUMENT, "upside down");
  check_refused(oct_choose_quantization(NAN, 0, 0, 255, false, &wide, &integer), OCT_INVALID_ARGUMENT, "NaN");
  check_refused(oct_choose_quantization(0, 1, 5, 5, false, &wide, &integer), OCT_INVALID_ARGUMENT, "empty integers");
  check_refused(oct_choose_quantization(0, 1, 0, 255, false, NULL, &integer), OCT_INVALID_ARGUMENT, "no scale");
}

int main(void) {
  check_random random = {7};
  test_choices();
  test_any_range(&random);
  test_steps(&random);
  test_refusals();
  return check_report("moving_average");
}
