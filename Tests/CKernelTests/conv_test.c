/* Convolution against its definition: random and chosen geometries of every rank, groups, strides, dilations, paddings
 * beyond the kernel, transposed ones, dtypes, extreme data, gaps between pixels, guarded buffers, threads, and refusals;
 * for every GEMM kernel of the list, and for what dispatch picks. */
#define _DEFAULT_SOURCE
#include "conv/conv_packed.h"
#include "gemm_reference.h"

enum { ARENA = 1 << 23, RANK = OCT_CONV_MAX_RANK };

typedef struct arenas {
  check_guard x, w, y, packed, workspace;
} arenas;

typedef struct conv_case {
  oct_conv_weights weights;
  size_t batch, in[RANK], out[RANK];
  size_t x_slack, y_slack;
  oct_dtype y_dtype;
  check_fill x_fill, w_fill;
  int zero_points; /* 0, 1, or 2 for per channel */
  int threads;
} conv_case;

static uint8_t *place(const check_guard *arena, size_t size) { return arena->bytes + arena->size - size; }

static void describe(const conv_case *test, const char *kernel, char *text, size_t size) {
  const oct_conv_weights *w = &test->weights;
  int used = snprintf(text, size, "%s rank %u batch %zu channels %zu to %zu groups %zu %s x %s -> %s threads %d%s",
                      kernel, (unsigned)w->rank, test->batch, w->in_channels, w->out_channels, w->groups,
                      oct_dtype_name(w->x_dtype), oct_dtype_name(w->w_dtype), oct_dtype_name(test->y_dtype),
                      test->threads, w->transposed ? " transposed" : "");
  for (uint32_t d = 0; d < w->rank && used > 0 && (size_t)used < size; d++)
    used += snprintf(text + used, size - (size_t)used, " | in %zu k %zu s %zu d %zu p %zu %zu %zu", test->in[d],
                     w->kernel[d], w->stride[d], w->dilation[d], w->padding_begin[d], w->padding_end[d],
                     w->output_padding[d]);
}

/* Sizes with three dimensions, the lacking ones in front. */
typedef struct expanded {
  size_t in[RANK], out[RANK], kernel[RANK], stride[RANK], dilation[RANK], padding[RANK];
} expanded;

static expanded expand(const conv_case *test) {
  expanded e;
  const uint32_t lacking = RANK - test->weights.rank;
  for (uint32_t d = 0; d < RANK; d++) {
    const bool real = d >= lacking;
    e.in[d] = real ? test->in[d - lacking] : 1;
    e.out[d] = real ? test->out[d - lacking] : 1;
    e.kernel[d] = real ? test->weights.kernel[d - lacking] : 1;
    e.stride[d] = real ? test->weights.stride[d - lacking] : 1;
    e.dilation[d] = real ? test->weights.dilation[d - lacking] : 1;
    e.padding[d] = real ? test->weights.padding_begin[d - lacking] : 0;
  }
  return e;
}

/* The exact sum of one output element. */
static int64_t reference_sum(const conv_case *test, const expanded *e, const uint8_t *x, size_t x_stride,
                             int32_t x_zero, const uint8_t *w, int32_t w_zero, size_t image, const size_t at[],
                             size_t n) {
  const oct_conv_weights *weights = &test->weights;
  const size_t group_in = weights->in_channels / weights->groups, group_out = weights->out_channels / weights->groups;
  const size_t first = n / group_out * group_in;
  int64_t sum = 0;
  for (size_t c = 0; c < group_in; c++)
    for (size_t t0 = 0; t0 < e->kernel[0]; t0++)
      for (size_t t1 = 0; t1 < e->kernel[1]; t1++)
        for (size_t t2 = 0; t2 < e->kernel[2]; t2++) {
          const size_t tap[RANK] = {t0, t1, t2};
          int64_t position[RANK];
          bool inside = true;
          for (int d = 0; d < RANK; d++) {
            position[d] = (int64_t)(at[d] * e->stride[d] + tap[d] * e->dilation[d]) - (int64_t)e->padding[d];
            inside = inside && position[d] >= 0 && position[d] < (int64_t)e->in[d];
          }
          if (!inside) continue;
          const size_t pixel = ((image * e->in[0] + (size_t)position[0]) * e->in[1] + (size_t)position[1]) * e->in[2] +
                               (size_t)position[2];
          const size_t weight = (((n * group_in + c) * e->kernel[0] + t0) * e->kernel[1] + t1) * e->kernel[2] + t2;
          sum += (int64_t)(check_element(x, weights->x_dtype, pixel * x_stride + first + c) - x_zero) *
                 (check_element(w, weights->w_dtype, weight) - w_zero);
        }
  return sum;
}

/* Adds one input element times its weights to all outputs that a transposed convolution sends it to. */
static void scatter_element(const conv_case *test, const expanded *e, int64_t x, const uint8_t *w, const int32_t *zeros,
                            size_t c, const size_t at[], int64_t *image) {
  const oct_conv_weights *weights = &test->weights;
  const size_t group_in = weights->in_channels / weights->groups, group_out = weights->out_channels / weights->groups;
  const size_t first = c / group_in * group_out;
  for (size_t t0 = 0; t0 < e->kernel[0]; t0++)
    for (size_t t1 = 0; t1 < e->kernel[1]; t1++)
      for (size_t t2 = 0; t2 < e->kernel[2]; t2++) {
        const size_t tap[RANK] = {t0, t1, t2};
        size_t pixel = 0;
        bool inside = true;
        for (int d = 0; d < RANK; d++) {
          const int64_t position = (int64_t)(at[d] * e->stride[d] + tap[d] * e->dilation[d]) - (int64_t)e->padding[d];
          inside = inside && position >= 0 && position < (int64_t)e->out[d];
          pixel = pixel * e->out[d] + (size_t)position;
        }
        if (!inside) continue;
        for (size_t n = 0; n < group_out; n++) {
          const size_t weight = (((c * group_out + n) * e->kernel[0] + t0) * e->kernel[1] + t1) * e->kernel[2] + t2;
          image[pixel * weights->out_channels + first + n] +=
              x * (check_element(w, weights->w_dtype, weight) - zeros[first + n]);
        }
      }
}

/* The exact sums of a transposed convolution, [batch, out.., out_channels]. */
static int64_t *scatter(const conv_case *test, const expanded *e, const uint8_t *x, size_t x_stride, int32_t x_zero,
                        const uint8_t *w, const int32_t *zeros) {
  const size_t in_pixels = e->in[0] * e->in[1] * e->in[2];
  const size_t outputs = e->out[0] * e->out[1] * e->out[2] * test->weights.out_channels;
  int64_t *sums = calloc(test->batch * outputs, sizeof *sums);
  for (size_t pixel = 0; pixel < test->batch * in_pixels; pixel++) {
    const size_t inner = pixel % in_pixels;
    const size_t at[RANK] = {inner / (e->in[1] * e->in[2]), inner / e->in[2] % e->in[1], inner % e->in[2]};
    for (size_t c = 0; c < test->weights.in_channels; c++)
      scatter_element(test, e, check_element(x, test->weights.x_dtype, pixel * x_stride + c) - x_zero, w, zeros, c, at,
                      sums + pixel / in_pixels * outputs);
  }
  return sums;
}

static bool compare(const conv_case *test, const oct_output *output, const uint8_t *x, int32_t x_zero, const uint8_t *w,
                    const int32_t *zeros, const uint8_t *y, const char *text) {
  const expanded e = expand(test);
  const size_t size = oct_dtype_size(test->y_dtype), channels = test->weights.out_channels;
  const size_t y_stride = channels + test->y_slack, x_stride = test->weights.in_channels + test->x_slack;
  const size_t pixels = e.out[0] * e.out[1] * e.out[2];
  int64_t *sums = test->weights.transposed ? scatter(test, &e, x, x_stride, x_zero, w, zeros) : NULL;
  bool good = true;
  for (size_t pixel = 0; good && pixel < test->batch * pixels; pixel++) {
    const size_t inner = pixel % pixels;
    const size_t at[RANK] = {inner / (e.out[1] * e.out[2]), inner / e.out[2] % e.out[1], inner % e.out[2]};
    const uint8_t *row = y + pixel * y_stride * size;
    for (size_t n = 0; good && n < channels; n++) {
      const int64_t sum = sums ? sums[pixel * channels + n]
                               : reference_sum(test, &e, x, x_stride, x_zero, w, zeros[n], pixel / pixels, at, n);
      uint32_t expected = 0, received = 0;
      reference_store(output, sum, n, &expected, 0);
      memcpy(&received, row + n * size, size);
      good = check(same_output(test->y_dtype, &expected, row + n * size),
                   "%s: pixel %zu channel %zu sum %" PRId64 " expected %08x received %08x", text, pixel, n, sum,
                   expected, received);
    }
    for (size_t i = channels * size; good && pixel + 1 < test->batch * pixels && i < y_stride * size; i++)
      good = check(row[i] == CHECK_SLACK_PATTERN, "%s: byte %zu behind pixel %zu was written", text, i, pixel);
  }
  free(sums);
  return good;
}

static int32_t random_zero(check_random *random, oct_dtype dtype) {
  switch (check_next(random) % 4) {
    case 0: return check_lowest(dtype);
    case 1: return check_highest(dtype);
    default: return check_between(random, check_lowest(dtype), check_highest(dtype));
  }
}

/* Runs one case for a kernel of the list, or for what dispatch picks when kernel is null. */
static bool run_case(check_random *random, const arenas *memory, const oct_gemm_kernel *kernel, conv_case *test) {
  char text[512];
  oct_conv_weights *weights = &test->weights;
  describe(test, kernel ? kernel->name : "dispatched", text, sizeof text);
  weights->struct_size = sizeof *weights;
  if (!check_ok(oct_conv_output_size(weights, test->in, test->out), text)) return false;
  size_t taps = 1, in_pixels = test->batch, out_pixels = test->batch;
  for (uint32_t d = 0; d < weights->rank; d++) {
    taps *= weights->kernel[d];
    in_pixels *= test->in[d];
    out_pixels *= test->out[d];
  }
  const size_t x_stride = weights->in_channels + test->x_slack, y_stride = weights->out_channels + test->y_slack;
  const size_t x_bytes = (in_pixels - 1) * x_stride + weights->in_channels;
  const size_t w_bytes = weights->out_channels * weights->in_channels / weights->groups * taps;
  const size_t y_bytes = ((out_pixels - 1) * y_stride + weights->out_channels) * oct_dtype_size(test->y_dtype);
  if (!check(x_bytes <= ARENA && w_bytes <= ARENA && y_bytes + 64 <= ARENA, "%s: too large for the test", text))
    return false;
  uint8_t *x = place(&memory->x, x_bytes), *w = place(&memory->w, w_bytes), *y = place(&memory->y, y_bytes);
  check_fill_bytes(random, test->x_fill, weights->x_dtype, x, x_bytes);
  check_fill_bytes(random, test->w_fill, weights->w_dtype, w, w_bytes);
  memset(y - 64, CHECK_SLACK_PATTERN, y_bytes + 64);
  int32_t *zeros = calloc(weights->out_channels, sizeof(int32_t));
  for (size_t n = 0; n < weights->out_channels; n++)
    zeros[n] = test->zero_points == 0            ? 0
               : test->zero_points == 1 && n > 0 ? zeros[0]
                                                 : random_zero(random, weights->w_dtype);
  weights->w = w;
  weights->zero_point = test->zero_points ? zeros : NULL;
  weights->zero_point_count = test->zero_points == 1 ? 1 : weights->out_channels;
  stage_case stage = stage_case_make(random, test->y_dtype, weights->out_channels,
                                     9000.0 * sqrt((double)(w_bytes / weights->out_channels)));
  oct_conv_call call = {.struct_size = sizeof call,
                        .batch = test->batch,
                        .x = x,
                        .x_stride = (ptrdiff_t)x_stride,
                        .x_zero_point = random_zero(random, weights->x_dtype),
                        .y = y,
                        .y_stride = (ptrdiff_t)y_stride,
                        .output = &stage.output};
  for (uint32_t d = 0; d < weights->rank; d++) call.in[d] = test->in[d];
  const size_t packed_size = memory->packed.size;
  uint8_t *packed = memory->packed.bytes;
  size_t needed = 0, workspace_size = 0;
  bool good = check_ok(oct_conv_packed_size(weights, &needed), text) &&
              check_ok(kernel ? oct_conv_pack_for(kernel, weights, packed, packed_size)
                              : oct_conv_pack(weights, packed, needed),
                       text) &&
              check_ok(oct_conv_workspace_size(packed, packed_size, &call, test->batch == 2 ? 5 : test->threads,
                                               &workspace_size),
                       text) &&
              check(workspace_size <= memory->workspace.size, "%s: workspace of %zu bytes", text, workspace_size);
  const oct_run run = {.struct_size = sizeof run,
                       .threads = test->threads,
                       .workspace = place(&memory->workspace, workspace_size),
                       .workspace_size = workspace_size};
  good = good && check_ok(oct_conv(packed, packed_size, &call, &run), text) &&
         compare(test, &stage.output, x, call.x_zero_point, w, zeros, y, text);
  for (size_t i = 1; good && i <= 64; i++)
    good = check(y[-(ptrdiff_t)i] == CHECK_SLACK_PATTERN, "%s: byte %zu before y was written", text, i);
  stage_case_free(&stage);
  free(zeros);
  return good;
}

static oct_dtype byte_type(check_random *random) { return check_next(random) % 2 ? OCT_U8 : OCT_S8; }

static check_fill any_fill(check_random *random) {
  return check_next(random) % 2 ? CHECK_RANDOM : (check_fill)(check_next(random) % CHECK_FILL_COUNT);
}

static size_t upto(check_random *random, size_t high) { return (size_t)check_between(random, 1, (int32_t)high); }

/* A random geometry whose input gives an output. */
static conv_case random_case(check_random *random) {
  static const oct_dtype outputs[] = {OCT_U8, OCT_S8, OCT_S32, OCT_F32};
  conv_case test = {.batch = upto(random, 3), .threads = (int)upto(random, 3)};
  oct_conv_weights *weights = &test.weights;
  weights->x_dtype = byte_type(random);
  weights->w_dtype = byte_type(random);
  weights->rank = (uint32_t)upto(random, RANK);
  switch (check_next(random) % 4) {
    case 0: weights->groups = 1; break;
    case 1: weights->groups = 2; break;
    default: weights->groups = upto(random, 5); break;
  }
  weights->in_channels = weights->groups * upto(random, check_next(random) % 3 ? 6 : 24);
  weights->out_channels = weights->groups * upto(random, check_next(random) % 3 ? 5 : 40);
  if (check_next(random) % 4 == 0) weights->groups = weights->out_channels = weights->in_channels;
  if (check_next(random) % 8 == 0) {
    const size_t size = (size_t)4 << check_next(random) % 3;
    weights->groups = 32 / size - 1 + upto(random, 9); /* at least as many as fill a cell of block diagonal weights */
    weights->in_channels = weights->out_channels = size * weights->groups;
  }
  const size_t widest = weights->rank == 1 ? 40 : weights->rank == 2 ? 11 : 6;
  const bool pointwise = check_next(random) % 5 == 0;
  for (uint32_t d = 0; d < weights->rank; d++) {
    weights->kernel[d] = pointwise ? 1 : upto(random, weights->rank == 3 ? 3 : 5);
    weights->stride[d] = check_next(random) % 2 ? 1 : upto(random, 3);
    weights->dilation[d] = check_next(random) % 2 ? 1 : upto(random, 3);
    weights->padding_begin[d] = check_next(random) % 2 ? 0 : upto(random, weights->rank == 3 ? 4 : 7);
    weights->padding_end[d] = check_next(random) % 2 ? weights->padding_begin[d] : upto(random, 4);
    test.in[d] = upto(random, widest);
    const size_t span = weights->dilation[d] * (weights->kernel[d] - 1) + 1;
    const size_t padded = test.in[d] + weights->padding_begin[d] + weights->padding_end[d];
    if (padded < span) test.in[d] += span - padded;
  }
  if (pointwise && check_next(random) % 2)
    for (uint32_t d = 0; d < weights->rank; d++) {
      weights->stride[d] = 1;
      weights->padding_begin[d] = weights->padding_end[d] = 0;
    }
  test.x_slack = check_next(random) % 3 ? 0 : upto(random, 5);
  test.y_slack = check_next(random) % 3 ? 0 : upto(random, 5);
  test.y_dtype = outputs[check_next(random) % 4];
  test.x_fill = any_fill(random);
  test.w_fill = any_fill(random);
  test.zero_points = (int)(check_next(random) % 3);
  return test;
}

/* Turns a random geometry into a transposed one: strides beyond the kernel, padding that takes outputs away, and
 * output padding, as long as an output is left. */
static conv_case random_transposed(check_random *random) {
  conv_case test = random_case(random);
  oct_conv_weights *weights = &test.weights;
  weights->transposed = true;
  for (uint32_t d = 0; d < weights->rank; d++) {
    if (check_next(random) % 2) weights->stride[d] = upto(random, weights->rank == 3 ? 4 : 7);
    test.in[d] = upto(random, weights->rank == 1 ? 30 : weights->rank == 2 ? 8 : 5);
    weights->output_padding[d] = check_next(random) % 2 ? 0 : upto(random, weights->rank == 3 ? 3 : 9);
    const size_t reach = (test.in[d] - 1) * weights->stride[d] + weights->dilation[d] * (weights->kernel[d] - 1) + 1;
    while (weights->padding_begin[d] + weights->padding_end[d] >= reach + weights->output_padding[d])
      *(weights->padding_begin[d] > 0 ? &weights->padding_begin[d] : &weights->padding_end[d]) -= 1;
  }
  return test;
}

/* Layers as networks have them, in small. */
static void test_layers(check_random *random, const arenas *memory, const oct_gemm_kernel *kernel) {
  static const size_t layers[][10] = {
      /* in size, channels in, out, groups, kernel, stride, dilation, padding, threads, transposed */
      {23, 3, 32, 1, 7, 2, 1, 3, 1},      {14, 32, 48, 1, 3, 1, 1, 1, 2},    {14, 64, 32, 1, 1, 1, 1, 0, 3},
      {14, 64, 32, 1, 1, 2, 1, 0, 1},     {9, 32, 32, 4, 3, 1, 1, 1, 2},     {12, 24, 24, 24, 3, 2, 1, 1, 1},
      {11, 19, 19, 19, 5, 1, 1, 2, 2},    {15, 64, 64, 16, 3, 1, 1, 1, 2},   {17, 32, 32, 8, 3, 2, 1, 1, 1},
      {17, 16, 16, 1, 3, 1, 4, 4, 1},     {1, 64, 70, 1, 3, 1, 1, 1, 5},     {30, 16, 33, 1, 3, 1, 1, 1, 5},
      {14, 64, 40, 1, 4, 2, 1, 1, 2, 1},  {15, 32, 32, 1, 2, 2, 1, 0, 3, 1}, {29, 24, 40, 1, 3, 2, 1, 1, 2, 1},
      {9, 16, 16, 16, 4, 2, 1, 1, 1, 1},  {7, 8, 33, 1, 2, 5, 1, 0, 2, 1},   {13, 40, 40, 40, 3, 1, 1, 1, 2, 1},
      {11, 70, 70, 70, 5, 1, 2, 3, 2, 1}, {9, 20, 20, 20, 3, 1, 1, 3, 1, 1},
  };
  for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
    conv_case test = {.batch = 1, .y_dtype = OCT_U8, .zero_points = (int)(i % 3), .threads = (int)layers[i][8]};
    test.weights = (oct_conv_weights){.x_dtype = OCT_U8,
                                      .w_dtype = OCT_S8,
                                      .rank = 2,
                                      .in_channels = layers[i][1],
                                      .out_channels = layers[i][2],
                                      .groups = layers[i][3],
                                      .transposed = layers[i][9] != 0};
    for (int d = 0; d < 2; d++) {
      test.in[d] = layers[i][0];
      test.weights.kernel[d] = layers[i][4];
      test.weights.stride[d] = layers[i][5];
      test.weights.dilation[d] = layers[i][6];
      test.weights.padding_begin[d] = test.weights.padding_end[d] = layers[i][7];
    }
    run_case(random, memory, kernel, &test);
  }
}

int main(void) {
  arenas memory = {check_guard_make(ARENA), check_guard_make(ARENA), check_guard_make(ARENA), check_guard_make(ARENA),
                   check_guard_make(ARENA)};
  check_random random = {.state = 2026};
  oct_isa best;
  check_ok(oct_max_isa(&best), "oct_max_isa");
  for (unsigned tier = 0; tier < OCT_ISA_COUNT; tier++) {
    if (!oct_isa_supported((oct_isa)tier)) continue;
    check_ok(oct_set_max_isa((oct_isa)tier), "oct_set_max_isa");
    for (int i = 0; i < 450; i++) {
      conv_case test = i % 3 == 2 ? random_transposed(&random) : random_case(&random);
      run_case(&random, &memory, NULL, &test);
    }
    test_layers(&random, &memory, NULL);
    printf("under %-18s done\n", oct_isa_name((oct_isa)tier));
  }
  check_ok(oct_set_max_isa(best), "oct_set_max_isa");
  for (size_t k = 0; k < oct_gemm_kernel_count; k++) {
    const oct_gemm_kernel *kernel = &oct_gemm_kernels[k];
    if (!oct_isa_supported(kernel->isa)) {
      printf("%-24s not on this CPU\n", kernel->name);
      continue;
    }
    for (int i = 0; i < 450; i++) {
      conv_case test = i % 3 == 2 ? random_transposed(&random) : random_case(&random);
      run_case(&random, &memory, kernel, &test);
    }
    test_layers(&random, &memory, kernel);
    printf("%-24s done\n", kernel->name);
  }
  check_guard_free(&memory.x);
  check_guard_free(&memory.w);
  check_guard_free(&memory.y);
  check_guard_free(&memory.packed);
  check_guard_free(&memory.workspace);
  return check_report("conv_test");
}
