/* Depthwise convolution against a plain loop in 64 bits, bit for bit: random geometry, every tier that this CPU runs,
 * extreme data, guarded buffers, gaps between pixels, every output type, and any number of threads. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "check.h"
#include "depthwise/kernel.h"
#include "octet.h"

typedef struct scene {
  oct_conv_weights weights;
  oct_conv_call call;
  oct_output output;
  size_t out[3], pixels_in, pixels_out;
  check_guard w, x, y;
  int32_t *zero_points, *bias;
  float *multiplier, *real_bias;
} scene;

static size_t size3(const size_t *v, uint32_t rank) {
  size_t product = 1;
  for (uint32_t i = 0; i < rank; i++) product *= v[i];
  return product;
}

/* The exact sum of one output, without bias. `at` is the output's position, `in` the input's size, both of rank 3. */
static int64_t oracle_sum(const scene *s, size_t image, const size_t at[3], size_t channel) {
  const oct_conv_weights *w = &s->weights;
  const uint32_t ones = 3 - w->rank;
  size_t in[3], k[3], t[3];
  for (uint32_t i = 0; i < 3; i++) {
    in[i] = i < ones ? 1 : s->call.in[i - ones];
    k[i] = i < ones ? 1 : w->kernel[i - ones];
  }
  const int32_t wz = w->zero_point_count == 0 ? 0 : w->zero_point[w->zero_point_count == 1 ? 0 : channel];
  int64_t sum = 0;
  for (t[0] = 0; t[0] < k[0]; t[0]++)
    for (t[1] = 0; t[1] < k[1]; t[1]++)
      for (t[2] = 0; t[2] < k[2]; t[2]++) {
        bool inside = true;
        size_t pixel = image;
        for (uint32_t i = 0; i < 3; i++) {
          int64_t p = (int64_t)at[i];
          if (i >= ones)
            p = p * (int64_t)w->stride[i - ones] - (int64_t)w->padding_begin[i - ones] +
                (int64_t)(t[i] * w->dilation[i - ones]);
          inside = inside && p >= 0 && p < (int64_t)in[i];
          pixel = pixel * in[i] + (size_t)p;
        }
        if (!inside) continue;
        const int32_t x = check_element(s->x.bytes, w->x_dtype, pixel * (size_t)s->call.x_stride + channel);
        const size_t tap = ((channel * k[0] + t[0]) * k[1] + t[1]) * k[2] + t[2];
        sum += (int64_t)(x - s->call.x_zero_point) * (check_element(s->w.bytes, w->w_dtype, tap) - wz);
      }
  return sum;
}

/* Float operations by way of double, whose second rounding is innocent. */
static float add(float a, float b) { return (float)((double)a + (double)b); }
static float multiply(float a, float b) { return (float)((double)a * (double)b); }

static bool output_is(const scene *s, int64_t sum, size_t channel, size_t index, double *want, double *got) {
  const oct_output *o = &s->output;
  const int64_t acc = sum + (o->bias ? o->bias[channel] : 0);
  if (o->dtype == OCT_S32) {
    int32_t value;
    memcpy(&value, s->y.bytes + 4 * index, 4);
    *want = (double)(acc > INT32_MAX ? INT32_MAX : acc < INT32_MIN ? INT32_MIN : acc);
    *got = value;
    return *want == *got;
  }
  const float m = o->multiplier[o->multiplier_count == 1 ? 0 : channel];
  const float b = o->bias_f32 ? o->bias_f32[channel] : 0.0f;
  if (o->dtype == OCT_F32) {
    float value, y = multiply((float)acc, m);
    memcpy(&value, s->y.bytes + 4 * index, 4);
    if (o->bias_f32) y = add(y, b);
    y = y < o->real_min ? o->real_min : y > o->real_max ? o->real_max : y;
    *want = (double)y;
    *got = (double)value;
    return *want == *got;
  }
  const double q = nearbyint((double)multiply(add((float)acc, b), m)) + o->zero_point;
  *want = q < o->clamp_min ? o->clamp_min : q > o->clamp_max ? o->clamp_max : q;
  *got = check_element(s->y.bytes, o->dtype, index);
  return *want == *got;
}

static void check_scene(const scene *s, const char *what) {
  const uint32_t ones = 3 - s->weights.rank;
  size_t out[3], at[3];
  for (uint32_t i = 0; i < 3; i++) out[i] = i < ones ? 1 : s->out[i - ones];
  size_t pixel = 0;
  for (size_t image = 0; image < s->call.batch; image++)
    for (at[0] = 0; at[0] < out[0]; at[0]++)
      for (at[1] = 0; at[1] < out[1]; at[1]++)
        for (at[2] = 0; at[2] < out[2]; at[2]++, pixel++)
          for (size_t c = 0; c < s->weights.groups; c++) {
            double want = 0, got = 0;
            const int64_t sum = oracle_sum(s, image, at, c);
            if (!check(output_is(s, sum, c, pixel * (size_t)s->call.y_stride + c, &want, &got),
                       "%s: [%zu; %zu, %zu, %zu; %zu of %zu] is %.9g, expected %.9g (sum %" PRId64
                       ", x %s, w %s, y %s)",
                       what, image, at[0], at[1], at[2], c, s->weights.groups, got, want, sum,
                       oct_dtype_name(s->weights.x_dtype), oct_dtype_name(s->weights.w_dtype),
                       oct_dtype_name(s->output.dtype)))
              return;
          }
  /* Nothing was written between the pixels. */
  const size_t width = oct_dtype_size(s->output.dtype), gap = ((size_t)s->call.y_stride - s->weights.groups) * width;
  for (size_t p = 0; p + 1 < s->pixels_out; p++)
    for (size_t i = 0; i < gap; i++)
      if (!check(s->y.bytes[(p * (size_t)s->call.y_stride + s->weights.groups) * width + i] == 0x5A,
                 "%s: wrote into a gap", what))
        return;
}

static void make_output(scene *s, check_random *random, size_t turn) {
  const size_t n = s->weights.groups;
  const oct_dtype dtype = (oct_dtype)(turn / 3 % 4);
  s->multiplier = check_aligned(4 * n);
  s->real_bias = check_aligned(4 * n);
  s->bias = check_aligned(4 * n);
  for (size_t i = 0; i < n; i++) {
    s->multiplier[i] = i % 4 == 0    ? 0.0078125f
                       : i % 29 == 3 ? 1e30f /* products beyond int32 and float32 */
                       : i % 31 == 5 ? 3e38f
                                     : check_real(random, 1e-5f, 3e-2f);
    s->real_bias[i] = check_real(random, -3000, 3000);
    s->bias[i] = turn % 11 == 5
                     ? (i % 2 ? INT32_MAX : INT32_MIN) - (i % 2 ? 1 : -1) * (int32_t)(check_next(random) % 3000)
                     : check_between(random, -5000, 5000);
  }
  s->output = (oct_output){.struct_size = sizeof s->output,
                           .dtype = dtype,
                           .multiplier = s->multiplier,
                           .multiplier_count = turn % 3 ? n : 1,
                           .bias = turn % 5 < 3 ? s->bias : NULL,
                           .bias_f32 = turn % 7 < 3 ? s->real_bias : NULL,
                           .real_min = turn % 2 ? 0.0f : -INFINITY,
                           .real_max = turn % 6 == 3 ? 6.0f : INFINITY};
  if (dtype == OCT_U8 || dtype == OCT_S8) {
    s->output.zero_point = check_between(random, check_lowest(dtype), check_highest(dtype));
    s->output.clamp_min = turn % 2 ? s->output.zero_point : check_lowest(dtype);
    s->output.clamp_max =
        turn % 8 < 5 ? check_highest(dtype) : check_between(random, s->output.zero_point, check_highest(dtype));
  }
}

/* Buffers and data for a geometry that is set in weights and call. False when no output would come of it. */
static bool fill_scene(scene *s, check_random *random, size_t turn) {
  oct_conv_weights *w = &s->weights;
  w->struct_size = sizeof *w;
  w->in_channels = w->out_channels = w->groups;
  for (uint32_t i = 0; i < w->rank; i++) {
    const size_t padded = s->call.in[i] + w->padding_begin[i] + w->padding_end[i];
    const size_t window = w->dilation[i] * (w->kernel[i] - 1) + 1;
    if (padded < window) return false;
    s->out[i] = (padded - window) / w->stride[i] + 1;
  }
  s->pixels_in = s->call.batch * size3(s->call.in, w->rank);
  s->pixels_out = s->call.batch * size3(s->out, w->rank);
  s->call.struct_size = sizeof s->call;
  s->call.x_stride = (ptrdiff_t)(w->groups + turn % 3);
  s->call.y_stride = (ptrdiff_t)(w->groups + turn % 4);
  make_output(s, random, turn);
  const size_t taps = size3(w->kernel, w->rank) * w->groups;
  s->w = check_guard_make(taps);
  s->x = check_guard_make((s->pixels_in - 1) * (size_t)s->call.x_stride + w->groups);
  s->y =
      check_guard_make(((s->pixels_out - 1) * (size_t)s->call.y_stride + w->groups) * oct_dtype_size(s->output.dtype));
  check_fill_bytes(random, (check_fill)(turn % CHECK_FILL_COUNT), w->w_dtype, s->w.bytes, taps);
  check_fill_bytes(random, (check_fill)(turn / 2 % CHECK_FILL_COUNT), w->x_dtype, s->x.bytes, s->x.size);
  memset(s->y.bytes, 0x5A, s->y.size);
  w->w = s->w.bytes;
  s->zero_points = check_aligned(4 * w->groups);
  for (size_t i = 0; i < w->groups; i++)
    s->zero_points[i] = i % 3 == 0 ? (i % 2 ? check_lowest(w->w_dtype) : check_highest(w->w_dtype))
                                   : check_between(random, check_lowest(w->w_dtype), check_highest(w->w_dtype));
  w->zero_point_count = turn % 4 == 0 ? w->groups : turn % 4 == 1 ? 1 : 0;
  w->zero_point = w->zero_point_count ? s->zero_points : NULL;
  const int32_t ends[3] = {check_lowest(w->x_dtype), check_highest(w->x_dtype), check_lowest(w->x_dtype) + 77};
  s->call.x_zero_point = ends[turn % 3];
  s->call.x = s->x.bytes;
  s->call.y = s->y.bytes;
  s->call.output = &s->output;
  return true;
}

static void free_scene(scene *s) {
  check(check_guard_intact(&s->w) && check_guard_intact(&s->x) && check_guard_intact(&s->y), "wrote before a buffer");
  check_guard_free(&s->w);
  check_guard_free(&s->x);
  check_guard_free(&s->y);
  free(s->zero_points);
  free(s->bias);
  free(s->multiplier);
  free(s->real_bias);
}

static int modes_seen;

static void run_scene(scene *s, int threads, const char *what) {
  size_t bytes = 0, need = 0;
  if (!check_ok(oct_depthwise_packed_size(&s->weights, &bytes), what)) return;
  void *packed = check_aligned(bytes);
  check_ok(oct_depthwise_pack(&s->weights, packed, bytes), what);
  modes_seen |= ((const oct_depthwise_packed *)packed)->along_columns ? 2 : 1;
  check_ok(oct_depthwise_workspace_size(packed, bytes, &s->call, threads, &need), what);
  check_guard workspace = check_guard_make(need + (64 - need % 64) % 64);
  const oct_run run = {
      .struct_size = sizeof run, .threads = threads, .workspace = workspace.bytes, .workspace_size = need};
  if (check_ok(oct_depthwise_run(packed, bytes, &s->call, &run), what)) check_scene(s, what);
  check(check_guard_intact(&workspace), "%s: wrote before the workspace", what);
  check_guard_free(&workspace);
  free(packed);
}

static const oct_dtype bytes_dtypes[] = {OCT_U8, OCT_S8};

static void test_random(check_random *random) {
  for (size_t turn = 0; turn < 2500; turn++) {
    scene s = {.weights = {.rank = 1 + (uint32_t)(check_next(random) % 3)}};
    s.weights.x_dtype = bytes_dtypes[turn % 2];
    s.weights.w_dtype = bytes_dtypes[turn / 2 % 2];
    s.weights.groups = turn < 210 ? 1 + turn % 70 : 1 + check_next(random) % 150;
    s.call.batch = 1 + turn % 2;
    for (uint32_t i = 0; i < s.weights.rank; i++) {
      const bool last = i + 1 == s.weights.rank;
      s.weights.kernel[i] = 1 + check_next(random) % (s.weights.rank == 1 ? 12 : 5);
      s.weights.stride[i] = 1 + check_next(random) % (turn % 9 == 0 ? 9 : 3);
      s.weights.dilation[i] = 1 + check_next(random) % (turn % 13 == 0 ? 7 : 2);
      s.weights.padding_begin[i] = check_next(random) % 4;
      s.weights.padding_end[i] = check_next(random) % 4;
      s.call.in[i] = 1 + check_next(random) % (last ? 20 : 6);
    }
    if (!fill_scene(&s, random, turn)) continue;
    char what[200];
    snprintf(what, sizeof what, "turn %zu, rank %u, kernel %zux%zux%zu", turn, s.weights.rank, s.weights.kernel[0],
             s.weights.kernel[1], s.weights.kernel[2]);
    run_scene(&s, 1 + (int)(turn % 5), what);
    free_scene(&s);
  }
}

typedef struct fixed_case {
  uint32_t rank;
  size_t channels, in[3], kernel[3], stride[3], dilation[3], padding[3];
} fixed_case;

/* Shapes of real networks, and the far ends: long rows, huge strides and dilations, padding beyond the input. */
static const fixed_case cases[] = {
    {2, 64, {9, 40}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {2, 96, {9, 37}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    {2, 144, {7, 7}, {5, 5}, {1, 1}, {1, 1}, {2, 2}},
    {2, 40, {8, 9}, {7, 7}, {1, 1}, {1, 1}, {3, 3}},
    {3, 17, {4, 5, 6}, {3, 3, 3}, {1, 2, 1}, {1, 1, 1}, {1, 1, 1}},
    {1, 80, {300}, {31}, {1}, {1}, {15}},
    {1, 33, {150}, {4}, {1}, {8}, {24}},
    {1, 5, {1000}, {2}, {97}, {1}, {0}},
    {1, 19, {1000}, {3}, {2}, {400}, {0}},
    {2, 8, {1, 1}, {3, 3}, {1, 1}, {5, 5}, {5, 5}},
    {2, 3, {2, 70}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {1, 2, {3}, {2}, {1}, {1000000000000}, {500000000000}},
    {1, 2, {1}, {1}, {1099511627776}, {1}, {3}},
};

static void test_cases(check_random *random) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t turn = 0; turn < 8; turn++) {
      scene s = {.weights = {.rank = cases[i].rank,
                             .groups = cases[i].channels,
                             .x_dtype = bytes_dtypes[turn % 2],
                             .w_dtype = bytes_dtypes[turn / 2 % 2]},
                 .call = {.batch = 1}};
      for (uint32_t k = 0; k < cases[i].rank; k++) {
        s.weights.kernel[k] = cases[i].kernel[k];
        s.weights.stride[k] = cases[i].stride[k];
        s.weights.dilation[k] = cases[i].dilation[k];
        s.weights.padding_begin[k] = s.weights.padding_end[k] = cases[i].padding[k];
        s.call.in[k] = cases[i].in[k];
      }
      char what[40];
      snprintf(what, sizeof what, "case %zu, turn %zu", i, turn);
      if (!check(fill_scene(&s, random, turn), "%s has no output", what)) continue;
      run_scene(&s, 1 + (int)(turn % 4), what);
      free_scene(&s);
    }
}

/* Input and output at all offsets from 64 bytes give the same bytes: blocks of 64, 32 and 16 channels, windows that
 * stream, and those that need cells. */
static void test_offsets(check_random *random) {
  static const struct {
    size_t channels, kernel, stride;
  } shapes[] = {{64, 3, 1}, {80, 3, 2}, {48, 3, 1}, {112, 5, 1}, {24, 2, 1}, {35, 3, 2}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const size_t k = shapes[i].kernel, step = shapes[i].stride;
    scene s = {.weights = {.rank = 2,
                           .groups = shapes[i].channels,
                           .x_dtype = bytes_dtypes[i % 2],
                           .w_dtype = OCT_S8,
                           .kernel = {k, k},
                           .stride = {step, step},
                           .dilation = {1, 1},
                           .padding_begin = {k / 2, k / 2},
                           .padding_end = {k / 2, k / 2}},
               .call = {.batch = 1, .in = {7, 9}}};
    if (!check(fill_scene(&s, random, 26), "no output")) return; /* int8 or uint8, no zero points of weights */
    check(s.output.dtype == OCT_U8 && !s.weights.zero_point, "offsets are looked at in bytes");
    run_scene(&s, 1, "offset 0");
    size_t bytes = 0, need = 0;
    check_ok(oct_depthwise_packed_size(&s.weights, &bytes), "size");
    void *packed = check_aligned(bytes);
    check_ok(oct_depthwise_pack(&s.weights, packed, bytes), "pack");
    check_ok(oct_depthwise_workspace_size(packed, bytes, &s.call, 1, &need), "workspace");
    char *workspace = check_aligned(need), *x = check_aligned(s.x.size + 64), *y = check_aligned(s.y.size + 64);
    const oct_run run = {.struct_size = sizeof run, .threads = 1, .workspace = workspace, .workspace_size = need};
    for (size_t offset = 0; offset < 64; offset++) {
      memcpy(x + offset, s.x.bytes, s.x.size);
      memset(y, 0x5A, s.y.size + 64);
      s.call.x = x + offset;
      s.call.y = y + (63 - offset);
      check_ok(oct_depthwise_run(packed, bytes, &s.call, &run), "run");
      check(memcmp(y + (63 - offset), s.y.bytes, s.y.size) == 0, "%zu channels at offset %zu differ",
            shapes[i].channels, offset);
      check(offset == 63 || y[62 - offset] == 0x5A, "wrote before the output");
      check(y[63 - offset + s.y.size] == 0x5A, "wrote behind the output");
    }
    free(packed);
    free(workspace);
    free(x);
    free(y);
    free_scene(&s);
  }
}

/* The most taps there may be, every product at its extreme: the sum is 2147450625. */
static void test_largest_sum(check_random *random) {
  for (size_t turn = 0; turn < 4; turn++) {
    scene s = {.weights = {.rank = 2,
                           .groups = 3,
                           .x_dtype = OCT_U8,
                           .w_dtype = turn % 2 ? OCT_U8 : OCT_S8,
                           .kernel = {25, 1321},
                           .stride = {1, 1},
                           .dilation = {1, 1}},
               .call = {.batch = 1, .in = {25, 1321}}};
    if (!check(fill_scene(&s, random, 6), "no output")) return;
    memset(s.x.bytes, turn < 2 ? 255 : 0, s.x.size);
    memset(s.w.bytes, turn % 2 ? 255 : 127, s.w.size);
    for (size_t i = 0; i < 3; i++) s.zero_points[i] = turn % 2 ? 0 : -128;
    s.weights.zero_point = s.zero_points;
    s.weights.zero_point_count = 3;
    s.call.x_zero_point = turn < 2 ? 0 : 255;
    check(s.output.dtype == OCT_S32, "the largest sum is looked at as int32");
    s.output.bias = NULL;
    run_scene(&s, 1, "largest sum");
    int32_t value;
    memcpy(&value, s.y.bytes, 4);
    check(value == (turn < 2 ? 2147450625 : -2147450625), "the largest sum is %d", value);
    free_scene(&s);
  }
}

static void test_refusals(void) {
  static const int8_t w[3 * 9] = {1};
  oct_conv_weights weights = {.struct_size = sizeof weights,
                              .w_dtype = OCT_S8,
                              .rank = 2,
                              .in_channels = 3,
                              .out_channels = 3,
                              .groups = 3,
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .w = w};
  size_t bytes = 0, need = 0;
  oct_conv_weights other = weights;
  other.out_channels = 6;
  check(oct_depthwise_packed_size(&other, &bytes) == OCT_UNSUPPORTED, "two outputs per channel are not depthwise");
  other = weights;
  other.kernel[0] = 25;
  other.kernel[1] = 1322;
  check(oct_depthwise_packed_size(&other, &bytes) == OCT_UNSUPPORTED, "too many taps");
  other.kernel[0] = other.kernel[1] = SIZE_MAX / 2;
  check(oct_depthwise_packed_size(&other, &bytes) == OCT_UNSUPPORTED, "taps that overflow");
  other = weights;
  other.in_channels = other.out_channels = other.groups = SIZE_MAX / 4;
  check_refused(oct_depthwise_packed_size(&other, &bytes), OCT_OVERFLOW, "channels");
  check_ok(oct_depthwise_packed_size(&weights, &bytes), "size");
  char *packed = check_aligned(bytes + 64);
  check_refused(oct_depthwise_pack(&weights, packed, bytes - 1), OCT_BUFFER_TOO_SMALL, "small blob");
  check_ok(oct_depthwise_pack(&weights, packed, bytes), "pack");
  check(oct_depthwise_kernel_name(packed, bytes) != NULL, "a blob has a name");
  check(oct_depthwise_kernel_name(packed, bytes - 1) == NULL && oct_depthwise_kernel_name(packed, 7) == NULL &&
            oct_depthwise_kernel_name(NULL, 0) == NULL && oct_depthwise_kernel_name(packed + 8, bytes) == NULL,
        "a blob that is cut, missing or moved off its alignment");
  const float one = 1;
  const oct_output output = {
      .struct_size = sizeof output, .dtype = OCT_U8, .multiplier = &one, .multiplier_count = 1, .clamp_max = 255};
  uint8_t x[27] = {0}, y[3] = {9, 9, 9};
  const oct_conv_call call = {.struct_size = sizeof call,
                              .batch = 1,
                              .in = {3, 3},
                              .x = x,
                              .x_stride = 3,
                              .y = y,
                              .y_stride = 3,
                              .output = &output};
  check_ok(oct_depthwise_workspace_size(packed, bytes, &call, 2, &need), "workspace");
  char *workspace = check_aligned(need + 64);
  oct_run run = {.struct_size = sizeof run, .threads = 2, .workspace = workspace, .workspace_size = need - 1};
  check_refused(oct_depthwise_run(packed, bytes, &call, &run), OCT_BUFFER_TOO_SMALL, "small workspace");
  run.workspace_size = need;
  run.workspace = workspace + 8;
  check_refused(oct_depthwise_run(packed, bytes, &call, &run), OCT_MISALIGNED, "misaligned workspace");
  check_refused(oct_depthwise_run(packed, bytes, &call, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  check(y[0] == 9 && y[1] == 9 && y[2] == 9, "a refused run wrote to its output");
  oct_conv_call empty = call;
  empty.batch = 0;
  check_ok(oct_depthwise_workspace_size(packed, bytes, &empty, 2, &need), "empty");
  check(need == 0, "an empty batch wants %zu bytes", need);
  check_ok(oct_depthwise_run(packed, bytes, &empty, NULL), "empty");
  packed[0] ^= 1;
  check_refused(oct_depthwise_run(packed, bytes, &call, &run), OCT_CORRUPT, "foreign blob");
  check_refused(oct_depthwise_workspace_size(packed, bytes, &call, 1, &need), OCT_CORRUPT, "foreign blob");
  free(packed);
  free(workspace);
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_depthwise_kernel *kernel = NULL;
    uint32_t index;
    if (!check_ok(oct_depthwise_select(&kernel, &index), "select") || reached[kernel->isa]) continue;
    reached[kernel->isa] = true;
    const int before = check_failures;
    check_random random = {4711};
    modes_seen = 0;
    test_random(&random);
    test_cases(&random);
    test_offsets(&random);
    test_largest_sum(&random);
    check(modes_seen == (kernel->lanes > 1 ? 3 : 1), "%s: not every layout was reached", kernel->name);
    test_refusals();
    printf("depthwise on %s: %d failures\n", kernel->name, check_failures - before);
  }
#define OCT_DEPTHWISE_KERNEL(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernel " #symbol " was not reached");
#include "depthwise/depthwise.def"
#undef OCT_DEPTHWISE_KERNEL
  return check_report("depthwise");
}
