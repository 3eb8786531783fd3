/* Softmax and attention: against double within a derived bound, and bit by bit against plain loops of the same operations; every tier that
 * this CPU runs, sizes around tiles and lanes, strides, masks, threads, guarded buffers, infinities and NaN, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "attention/kernels.h"
#include "check.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Any NaN is the same as any other. */
static bool same_bits(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

/* The exponential that the family defines, one number at a time. */
static float exponential(float y) {
  static const float coefficients[] = {0x1.6bebfep-10f, 0x1.1227b0p-7f, 0x1.555674p-5f, 0x1.5554b0p-3f, 0x1.fffffep-2f};
  if (isnan(y)) return y;
  if (y < -104.0f) y = -104.0f;
  const float shifted = y * 0x1.715476p+0f + 12582912.0f, n = shifted - 12582912.0f;
  const float r = (y - n * 0x1.63p-1f) - n * -0x1.bd0106p-13f, power = ldexpf(1.0f, (int)n + 100);
  float q = coefficients[0];
  for (int c = 1; c < 5; c++) q = q * r + coefficients[c];
  const float p = q * (r * r) + r;
  return (power * p + power) * 0x1p-100f;
}

static void plain_softmax(const float *x, size_t count, float *y) {
  float largest = -INFINITY, lanes[64] = {0};
  for (size_t i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  for (size_t i = 0; i < count; i++) {
    y[i] = exponential(x[i] - largest);
    lanes[i % 64] += y[i];
  }
  for (size_t half = 32; half > 0; half /= 2)
    for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
  const float inverse = 1.0f / lanes[0];
  for (size_t i = 0; i < count; i++) y[i] *= inverse;
}

static void fill(check_random *random, float *values, size_t count, float reach, bool extremes) {
  static const float ends[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-42f, 3e38f, -3e38f};
  for (size_t i = 0; i < count; i++) {
    values[i] = check_real(random, -reach, reach);
    if (extremes && check_next(random) % 16 == 0) values[i] = ends[check_next(random) % 8];
  }
}

/* exp of every 257th float from -0 down to -110 lies within one unit of the true value; below the normal numbers, of their step. */
static void test_exponential(void) {
  double worst = 0;
  for (uint32_t bits = 0x80000000u; bits <= 0xC2DC0000u; bits += 257) {
    float y, pair[2];
    memcpy(&y, &bits, sizeof y);
    const float x[2] = {0.0f, y};
    const oct_attention_kernels *kernels;
    if (!check_ok(oct_attention_select(&kernels), "select")) return;
    kernels->softmax(x, 1, 2, pair);
    const double sum = 1.0 + exp((double)y), want = exp((double)y) / sum;
    const double unit = fmax(want * 0x1p-23, 0x1p-149);
    worst = fmax(worst, fabs((double)pair[1] - want) / unit);
    if (!check(fabs((double)pair[1] - want) <= 2.5 * unit, "exp(%.9g) gives %.9g, expected %.9g", (double)y,
               (double)pair[1], want))
      return;
  }
  check(worst > 0.4, "an error of %g units of everything is too good to be true", worst);
}

static void test_softmax(check_random *random, const char *tier) {
  static const size_t lengths[] = {1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200, 500, 1000};
  for (int turn = 0; turn < 400; turn++) {
    const size_t length = lengths[check_next(random) % 19], rows = 1 + check_next(random) % (turn % 40 ? 4 : 90);
    const bool extremes = turn % 3 == 0, in_place = turn % 5 == 0;
    check_guard x = check_guard_make(rows * length * sizeof(float)),
                y = check_guard_make(rows * length * sizeof(float));
    float *from = (float *)(void *)x.bytes, *to = in_place ? from : (float *)(void *)y.bytes;
    fill(random, from, rows * length, turn % 2 ? 3.0f : 60.0f, extremes);
    if (turn % 7 == 0)
      for (size_t i = 0; i < length; i++) from[i] = -INFINITY;
    float *want = check_aligned(rows * length * sizeof(float));
    double *exact = check_aligned(rows * length * sizeof(double));
    for (size_t row = 0; row < rows; row++) {
      const float *values = from + row * length;
      plain_softmax(values, length, want + row * length);
      double largest = -INFINITY, sum = 0;
      for (size_t i = 0; i < length; i++) largest = isnan(values[i]) ? NAN : fmax(largest, (double)values[i]);
      for (size_t i = 0; i < length; i++) sum += exact[row * length + i] = exp((double)values[i] - largest);
      for (size_t i = 0; i < length; i++) exact[row * length + i] /= sum;
    }
    const oct_run run = {.struct_size = sizeof run, .threads = 1 + turn % 3};
    bool good = check_ok(oct_softmax(from, rows, length, to, &run), tier);
    for (size_t i = 0; i < rows * length && good; i++) {
      good = check(same_bits(to[i], want[i]), "%s: softmax of %zu, element %zu is %.9g, expected %.9g", tier, length, i,
                   (double)to[i], (double)want[i]);
      /* The difference is rounded: |x - largest| <= 120 half units of exp; exp itself 2, sums of up to 16 of a lane and 6 of lanes, the
       * inverse and the product. */
      if (good && !extremes && turn % 7 != 0)
        good =
            check(fabs((double)to[i] - exact[i]) <= (120 + 120 + 2 + 2 + 22 + 2) * 0x1p-24 * exact[i] + 0x1p-140,
                  "%s: softmax of %zu, element %zu is %.9g, in double %.9g", tier, length, i, (double)to[i], exact[i]);
    }
    check(check_guard_intact(&x) && check_guard_intact(&y), "%s: bytes before a buffer", tier);
    free(want);
    free(exact);
    check_guard_free(&x);
    check_guard_free(&y);
  }
  for (size_t offset = 0; offset < 4; offset++) {
    unsigned char from[4 * 70 + 4], to[4 * 70 + 4];
    float values[70], want[70];
    fill(random, values, 70, 5, false);
    plain_softmax(values, 70, want);
    memcpy(from + offset, values, sizeof values);
    const oct_attention_kernels *kernels;
    if (!check_ok(oct_attention_select(&kernels), "select")) return;
    kernels->softmax((const float *)(const void *)(from + offset), 1, 70, (float *)(void *)(to + offset));
    check(memcmp(to + offset, want, sizeof want) == 0, "%s: softmax at an odd address %zu", tier, offset);
  }
}

/* A tensor of batch x heads matrices in one of two orders, with gaps. */
typedef struct operand {
  check_guard guard;
  float *data;
  size_t batch, head, row, count;
} operand;

static operand make_operand(check_random *random, size_t batch, size_t heads, size_t rows, size_t columns) {
  operand o;
  const size_t gap = check_next(random) % 3;
  if (check_next(random) & 1) { /* heads inside of rows */
    o.head = columns, o.row = heads * columns + gap, o.batch = rows * o.row;
  } else {
    o.row = columns + gap, o.head = rows * o.row, o.batch = heads * o.head;
  }
  const bool empty = batch == 0 || heads == 0 || rows == 0 || columns == 0;
  o.count = empty ? 0 : (batch - 1) * o.batch + (heads - 1) * o.head + (rows - 1) * o.row + columns;
  o.guard = check_guard_make(o.count * sizeof(float));
  o.data = (float *)(void *)o.guard.bytes;
  return o;
}

static void plain_attention(const oct_attention *a, float *y) {
  float *scores = check_aligned((a->keys + 1) * sizeof(float));
  for (size_t n = 0; n < a->batch; n++)
    for (size_t h = 0; h < a->heads; h++)
      for (size_t i = 0; i < a->queries; i++) {
        for (size_t j = 0; j < a->keys; j++) {
          float sum = 0;
          for (size_t c = 0; c < a->width; c++) {
            const float q = a->q[n * a->q_batch + h * a->q_head + i * a->q_row + c] * a->scale;
            const float product = q * a->k[n * a->k_batch + h * a->k_head + j * a->k_row + c];
            sum = sum + product;
          }
          if (a->mask) sum = sum + a->mask[n * a->mask_batch + h * a->mask_head + i * a->mask_row + j];
          scores[j] = sum;
        }
        plain_softmax(scores, a->keys, scores);
        for (size_t c = 0; c < a->value_width; c++) {
          float sum = 0;
          for (size_t j = 0; j < a->keys; j++) {
            const float product = scores[j] * a->v[n * a->v_batch + h * a->v_head + j * a->v_row + c];
            sum = sum + product;
          }
          y[n * a->y_batch + h * a->y_head + i * a->y_row + c] = sum;
        }
      }
  free(scores);
}

static void run_scene(check_random *random, oct_attention a, bool masked, bool extremes, int threads,
                      const char *tier) {
  operand q = make_operand(random, a.batch, a.heads, a.queries, a.width);
  operand k = make_operand(random, a.batch, a.heads, a.keys, a.width);
  operand v = make_operand(random, a.batch, a.heads, a.keys, a.value_width);
  operand y = make_operand(random, a.batch, a.heads, a.queries, a.value_width);
  operand mask = make_operand(random, masked ? 1 : 0, 1, a.queries, a.keys);
  fill(random, q.data, q.count, 2, extremes), fill(random, k.data, k.count, 2, extremes);
  fill(random, v.data, v.count, 2, extremes), fill(random, y.data, y.count, 2, false);
  fill(random, mask.data, mask.count, 3, false);
  for (size_t i = 0; i < mask.count; i++)
    if (check_next(random) % 3 == 0) mask.data[i] = -INFINITY;
  a.struct_size = sizeof a;
  a.q = q.data, a.q_batch = q.batch, a.q_head = q.head, a.q_row = q.row;
  a.k = k.data, a.k_batch = k.batch, a.k_head = k.head, a.k_row = k.row;
  a.v = v.data, a.v_batch = v.batch, a.v_head = v.head, a.v_row = v.row;
  a.y = y.data, a.y_batch = y.batch, a.y_head = y.head, a.y_row = y.row;
  if (masked) a.mask = mask.data, a.mask_row = mask.row;
  float *want = check_aligned((y.count + 1) * sizeof(float));
  if (y.count) memcpy(want, y.data, y.count * sizeof(float));
  plain_attention(&a, want);
  size_t bytes = 0;
  bool good = check_ok(oct_attention_workspace(&a, threads, &bytes), tier);
  void *workspace = check_aligned(bytes + 1);
  const oct_run run = {.struct_size = sizeof run, .threads = threads, .workspace = workspace, .workspace_size = bytes};
  good = good && check_ok(oct_attention_run(&a, &run), tier);
  for (size_t i = 0; i < y.count && good; i++)
    good = check(same_bits(y.data[i], want[i]),
                 "%s: %zu x %zu heads, %zu x %zu of %zu and %zu: element %zu is %.9g, expected %.9g", tier, a.batch,
                 a.heads, a.queries, a.keys, a.width, a.value_width, i, (double)y.data[i], (double)want[i]);
  check(check_guard_intact(&q.guard) && check_guard_intact(&k.guard) && check_guard_intact(&v.guard) &&
            check_guard_intact(&y.guard) && check_guard_intact(&mask.guard),
        "%s: bytes before a buffer", tier);
  free(want);
  free(workspace);
  check_guard_free(&q.guard), check_guard_free(&k.guard), check_guard_free(&v.guard);
  check_guard_free(&y.guard), check_guard_free(&mask.guard);
}

static void test_attention(check_random *random, const char *tier) {
  static const size_t sizes[] = {1, 2, 3, 5, 7, 15, 16, 17, 24, 25, 31, 33, 63, 64, 65, 97, 130};
  for (int turn = 0; turn < 250; turn++) {
    const oct_attention a = {.scale = turn % 3 ? check_real(random, 0.1f, 1) : 0.125f,
                             .batch = 1 + check_next(random) % 2,
                             .heads = 1 + check_next(random) % 3,
                             .queries = sizes[check_next(random) % 17],
                             .keys = turn % 50 ? sizes[check_next(random) % 17] : 0,
                             .width = turn % 60 ? sizes[check_next(random) % 15] : 0,
                             .value_width = sizes[check_next(random) % 17]};
    run_scene(random, a, turn % 2, turn % 4 == 0, 1 + (int)(check_next(random) % 3), tier);
  }
  /* Scores of a block that is one tile high, and parts of one pair for several threads. */
  run_scene(random,
            (oct_attention){
                .scale = 0.5f, .batch = 1, .heads = 1, .queries = 100, .keys = 3000, .width = 8, .value_width = 9},
            false, false, 2, tier);
}

static void test_refusals(void) {
  float numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[4] = {77, 77, 77, 77};
  const oct_attention sound = {.struct_size = sizeof sound,
                               .scale = 1,
                               .batch = 1,
                               .heads = 1,
                               .queries = 2,
                               .keys = 2,
                               .width = 2,
                               .value_width = 2,
                               .q = numbers,
                               .q_row = 2,
                               .k = numbers,
                               .k_row = 2,
                               .v = numbers,
                               .v_row = 2,
                               .y = y,
                               .y_row = 2};
  size_t bytes = 0;
  check_refused(oct_attention_workspace(NULL, 1, &bytes), OCT_INVALID_ARGUMENT, "null");
  check_refused(oct_attention_workspace(&sound, 1, NULL), OCT_INVALID_ARGUMENT, "null size");
  check_refused(oct_attention_workspace(&sound, -1, &bytes), OCT_INVALID_ARGUMENT, "negative threads");
  check_ok(oct_attention_workspace(&sound, 1, &bytes), "workspace");
  check_refused(oct_attention_run(&sound, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  void *workspace = check_aligned(bytes);
  oct_run run = {.struct_size = sizeof run, .threads = 1, .workspace = workspace, .workspace_size = bytes - 1};
  check_refused(oct_attention_run(&sound, &run), OCT_BUFFER_TOO_SMALL, "small workspace");
  run.workspace_size = bytes;
  oct_attention wrong[8];
  for (int i = 0; i < 8; i++) wrong[i] = sound;
  wrong[0].struct_size = 1;
  wrong[1].q = NULL;
  wrong[2].k = NULL;
  wrong[3].v = NULL;
  wrong[4].y = NULL;
  for (int i = 0; i < 5; i++) check_refused(oct_attention_run(&wrong[i], &run), OCT_INVALID_ARGUMENT, "a wrong call");
  wrong[5].y_row = 1;
  check_refused(oct_attention_run(&wrong[5], &run), OCT_SHAPE_MISMATCH, "overlapping rows");
  wrong[6].k_row = SIZE_MAX / 2;
  check_refused(oct_attention_run(&wrong[6], &run), OCT_OVERFLOW, "immense strides");
  wrong[7].keys = SIZE_MAX / 8, wrong[7].k_row = wrong[7].v_row = 0;
  check_refused(oct_attention_run(&wrong[7], &run), OCT_OVERFLOW, "immense keys");
  check_refused(oct_softmax(NULL, 1, 4, y, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_softmax(numbers, 1, 4, NULL, NULL), OCT_INVALID_ARGUMENT, "null y");
  check_refused(oct_softmax(numbers, SIZE_MAX / 2, 4, y, NULL), OCT_OVERFLOW, "immense rows");
  check(y[0] == 77 && y[3] == 77, "a refused call wrote to y");
  check_ok(oct_softmax(NULL, 0, 4, NULL, NULL), "no rows");
  oct_attention empty = sound;
  empty.batch = 0;
  check_ok(oct_attention_run(&empty, NULL), "no batch");
  check_ok(oct_attention_run(&sound, &run), "the sound one");
  /* Scores 5, 11 and 11, 25: weights exp(-6) / (1 + exp(-6)) and 1 / (1 + exp(-6)); values 1 2 and 3 4. */
  const double first = exp(-6) / (1 + exp(-6)), second = exp(-14) / (1 + exp(-14));
  check(fabs((double)y[0] - (first + 3 * (1 - first))) < 1e-6 &&
            fabs((double)y[3] - (2 * second + 4 * (1 - second))) < 1e-6,
        "attention by hand");
  free(workspace);
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_attention_kernels *kernels = NULL;
    if (!check_ok(oct_attention_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {5};
    test_exponential();
    test_softmax(&random, kernels->name);
    test_attention(&random, kernels->name);
    test_refusals();
    printf("attention on %s: %d failures\n", kernels->name, check_failures - before);
  }
#define OCT_ATTENTION_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "attention/attention.def"
#undef OCT_ATTENTION_KERNELS
  return check_report("attention");
}
