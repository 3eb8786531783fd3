/* What oct_conv_* promise beside sums: output sizes, sums beyond int32, empty batches, refusals that say why, and
 * packed weights that are foreign, damaged or moved. Each for the general path and for the depthwise one. */
#define _DEFAULT_SOURCE
#include "base/isa.h"
#include "gemm_reference.h"
#include "octet/conv.h"

enum { SIDE = 5, CHANNELS = 4 };

/* A convolution with its call and run, sound until a test spoils something. */
typedef struct fixture {
  uint8_t x[SIDE * SIDE * CHANNELS], y[SIDE * SIDE * CHANNELS];
  int8_t w[CHANNELS * CHANNELS * 9];
  float multiplier[CHANNELS];
  int32_t zeros[CHANNELS];
  oct_output output;
  oct_conv_weights weights;
  oct_conv_call call;
  oct_run run;
  void *packed;
  size_t packed_size;
} fixture;

static void fixture_make(fixture *made, bool depthwise) {
  check_random random = {.state = 5};
  *made = (fixture){.packed = NULL};
  check_fill_bytes(&random, CHECK_RANDOM, OCT_U8, made->x, sizeof made->x);
  check_fill_bytes(&random, CHECK_RANDOM, OCT_S8, made->w, sizeof made->w);
  for (int i = 0; i < CHANNELS; i++) made->multiplier[i] = 0.002f;
  made->output = (oct_output){.struct_size = sizeof(oct_output),
                              .dtype = OCT_U8,
                              .multiplier = made->multiplier,
                              .multiplier_count = CHANNELS,
                              .zero_point = 128,
                              .clamp_max = 255};
  made->weights = (oct_conv_weights){.struct_size = sizeof(oct_conv_weights),
                                     .x_dtype = OCT_U8,
                                     .w_dtype = OCT_S8,
                                     .rank = 2,
                                     .in_channels = CHANNELS,
                                     .out_channels = CHANNELS,
                                     .groups = depthwise ? CHANNELS : 1,
                                     .kernel = {3, 3},
                                     .stride = {1, 1},
                                     .dilation = {1, 1},
                                     .padding_begin = {1, 1},
                                     .padding_end = {1, 1},
                                     .w = made->w};
  made->call = (oct_conv_call){.struct_size = sizeof(oct_conv_call),
                               .batch = 1,
                               .in = {SIDE, SIDE},
                               .x = made->x,
                               .x_stride = CHANNELS,
                               .x_zero_point = 3,
                               .y = made->y,
                               .y_stride = CHANNELS,
                               .output = &made->output};
  check_ok(oct_conv_packed_size(&made->weights, &made->packed_size), "packed size");
  made->packed = check_aligned(made->packed_size);
  check_ok(oct_conv_pack(&made->weights, made->packed, made->packed_size), "pack");
  size_t bytes = 0;
  check_ok(oct_conv_workspace_size(made->packed, made->packed_size, &made->call, 2, &bytes), "workspace size");
  check(bytes > 0 && bytes % OCT_ALIGNMENT == 0, "workspace of %zu bytes", bytes);
  made->run = (oct_run){
      .struct_size = sizeof(oct_run), .threads = 2, .workspace = check_aligned(bytes), .workspace_size = bytes};
}

static void fixture_free(fixture *made) {
  free(made->packed);
  free(made->run.workspace);
}

static oct_status run_fixture(const fixture *made) {
  return oct_conv(made->packed, made->packed_size, &made->call, &made->run);
}

static void test_refused_calls(bool depthwise) {
  for (int spoil = 0; spoil < 19; spoil++) {
    fixture made;
    fixture_make(&made, depthwise);
    memset(made.y, 0x5A, sizeof made.y);
    oct_status expected = OCT_INVALID_ARGUMENT;
    switch (spoil) {
      case 0: made.call.struct_size = 3; break;
      case 1: made.call.x = NULL; break;
      case 2: made.call.y = NULL; break;
      case 3: made.call.x_zero_point = 256; break;
      case 4: made.call.x_stride = CHANNELS - 1, expected = OCT_SHAPE_MISMATCH; break;
      case 5: made.call.y_stride = CHANNELS - 1, expected = OCT_SHAPE_MISMATCH; break;
      case 6: made.call.output = NULL; break;
      case 7: made.output.dtype = (oct_dtype)9; break;
      case 8: made.output.multiplier = NULL; break;
      case 9: made.output.multiplier_count = 3, expected = OCT_SHAPE_MISMATCH; break;
      case 10: made.multiplier[2] = -1.0f; break;
      case 11: made.output.zero_point = -1; break;
      case 12: made.call.in[1] = 0, expected = OCT_SHAPE_MISMATCH; break;
      case 13: made.call.in[0] = SIZE_MAX / 2, expected = OCT_OVERFLOW; break;
      case 14: made.call.batch = SIZE_MAX / 2, expected = OCT_OVERFLOW; break;
      case 15: made.run.struct_size = 1; break;
      case 16: made.run.threads = -1; break;
      case 17: made.run.workspace_size = 64, expected = OCT_BUFFER_TOO_SMALL; break;
      default: made.call.x_stride = -CHANNELS, expected = OCT_SHAPE_MISMATCH; break;
    }
    char what[48];
    snprintf(what, sizeof what, "spoiled %s call %d", depthwise ? "depthwise" : "general", spoil);
    check_refused(run_fixture(&made), expected, what);
    for (size_t i = 0; i < sizeof made.y; i++) check(made.y[i] == 0x5A, "%s wrote y[%zu]", what, i);
    fixture_free(&made);
  }
  fixture made;
  fixture_make(&made, depthwise);
  check_refused(oct_conv(made.packed, made.packed_size, NULL, &made.run), OCT_INVALID_ARGUMENT, "null call");
  check_refused(oct_conv(made.packed, made.packed_size, &made.call, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  size_t bytes = 0;
  check_refused(oct_conv_workspace_size(made.packed, made.packed_size, &made.call, -1, &bytes), OCT_INVALID_ARGUMENT,
                "-1 threads");
  check_refused(oct_conv_workspace_size(made.packed, made.packed_size, &made.call, 1, NULL), OCT_INVALID_ARGUMENT,
                "null size");
  made.call.batch = 0;
  made.call.x = made.call.y = NULL;
  check_ok(oct_conv(made.packed, made.packed_size, &made.call, NULL), "empty batch");
  fixture_free(&made);
}

static void test_refused_weights(bool depthwise) {
  for (int spoil = 0; spoil < 21; spoil++) {
    fixture made;
    fixture_make(&made, depthwise);
    size_t packed_size = made.packed_size;
    char *packed = made.packed;
    oct_status expected = OCT_INVALID_ARGUMENT;
    oct_conv_weights *weights = &made.weights;
    weights->zero_point = made.zeros;
    weights->zero_point_count = CHANNELS;
    switch (spoil) {
      case 0: weights->struct_size = 0; break;
      case 1: weights->x_dtype = OCT_F32; break;
      case 2: weights->w_dtype = OCT_S32; break;
      case 3: weights->rank = 0; break;
      case 4: weights->rank = 4; break;
      case 5: weights->groups = 0; break;
      case 6: weights->groups = 3, expected = OCT_SHAPE_MISMATCH; break;
      case 7: weights->in_channels = 0; break;
      case 8: weights->kernel[1] = 0; break;
      case 9: weights->stride[0] = 0; break;
      case 10: weights->dilation[0] = 0; break;
      case 11: weights->dilation[0] = SIZE_MAX / 2, expected = OCT_OVERFLOW; break;
      case 12: weights->padding_end[1] = SIZE_MAX, expected = OCT_OVERFLOW; break;
      case 13: weights->kernel[0] = weights->kernel[1] = SIZE_MAX / 64, expected = OCT_OVERFLOW; break;
      case 14: weights->w = NULL; break;
      case 15: weights->zero_point_count = 3, expected = OCT_SHAPE_MISMATCH; break;
      case 16: made.zeros[3] = -129; break;
      case 17: packed_size--, expected = OCT_BUFFER_TOO_SMALL; break;
      case 18: weights->output_padding[1] = 1; break;
      case 19:
        weights->transposed = true;
        weights->output_padding[1] = SIZE_MAX / 2, expected = OCT_OVERFLOW;
        break;
      default: packed = NULL; break;
    }
    char what[48];
    snprintf(what, sizeof what, "spoiled %s weights %d", depthwise ? "depthwise" : "general", spoil);
    check_refused(oct_conv_pack(weights, packed, packed_size), expected, what);
    fixture_free(&made);
  }
  size_t bytes = 0;
  check_refused(oct_conv_packed_size(NULL, &bytes), OCT_INVALID_ARGUMENT, "null weights");
  check_refused(oct_conv_pack(NULL, NULL, 0), OCT_INVALID_ARGUMENT, "null weights");
}

static void test_damaged(bool depthwise) {
  fixture made;
  fixture_make(&made, depthwise);
  check_ok(run_fixture(&made), "before moving");
  uint8_t first[sizeof made.y];
  memcpy(first, made.y, sizeof first);
  uint8_t *moved = check_aligned(made.packed_size);
  memcpy(moved, made.packed, made.packed_size);
  memset(made.packed, 0, made.packed_size);
  memset(made.y, 0, sizeof made.y);
  check_ok(oct_conv(moved, made.packed_size, &made.call, &made.run), "after moving");
  check(memcmp(first, made.y, sizeof first) == 0, "moved weights give other results");
  check(oct_conv_kernel_name(moved, made.packed_size) != NULL, "moved weights have no kernel");
  check(oct_conv_kernel_name(made.packed, made.packed_size) == NULL, "zeros have a kernel name");
  check_refused(run_fixture(&made), OCT_CORRUPT, "zeroed weights");
  for (size_t i = 0; i < 24 + 23 * 8; i++)
    for (int bit = 0; bit < 8; bit++) {
      moved[i] ^= (uint8_t)(1u << bit);
      check_refused(oct_conv(moved, made.packed_size, &made.call, &made.run), OCT_CORRUPT,
                    "a changed bit in the header");
      moved[i] ^= (uint8_t)(1u << bit);
    }
  for (size_t i = 256; i < 256 + 8; i++) {
    moved[i] ^= 0x10;
    check_refused(oct_conv(moved, made.packed_size, &made.call, &made.run), OCT_CORRUPT, "a changed block");
    moved[i] ^= 0x10;
  }
  check_refused(oct_conv(moved, made.packed_size - 1, &made.call, &made.run), OCT_BUFFER_TOO_SMALL, "short weights");
  check_refused(oct_conv(moved, 10, &made.call, &made.run), OCT_BUFFER_TOO_SMALL, "very short weights");
  check_refused(oct_conv(moved + 1, made.packed_size, &made.call, &made.run), OCT_MISALIGNED, "misaligned weights");
  check_refused(oct_conv(NULL, 0, &made.call, &made.run), OCT_INVALID_ARGUMENT, "null weights");
  free(moved);
  fixture_free(&made);
}

/* out = (in + padding - dilation * (kernel - 1) - 1) / stride + 1, rounded down. */
static void test_output_size(void) {
  fixture made;
  fixture_make(&made, false);
  oct_conv_weights *weights = &made.weights;
  for (size_t kernel = 1; kernel < 5; kernel++)
    for (size_t stride = 1; stride < 4; stride++)
      for (size_t dilation = 1; dilation < 4; dilation++)
        for (size_t in = 1; in < 14; in++) {
          weights->kernel[0] = kernel;
          weights->stride[0] = stride;
          weights->dilation[0] = dilation;
          const size_t sizes[2] = {in, 7};
          size_t out[2] = {99, 99};
          const ptrdiff_t room = (ptrdiff_t)(in + 2) - (ptrdiff_t)(dilation * (kernel - 1) + 1);
          const oct_status status = oct_conv_output_size(weights, sizes, out);
          if (room < 0) {
            check_refused(status, OCT_SHAPE_MISMATCH, "an input smaller than the kernel");
            check(out[0] == 99 && out[1] == 99, "a refused size was written");
          } else {
            check(status == OCT_OK && out[0] == (size_t)room / stride + 1 && out[1] == 7,
                  "in %zu kernel %zu gives %zu, %zu", in, kernel, out[0], out[1]);
          }
        }
  check_refused(oct_conv_output_size(weights, NULL, NULL), OCT_INVALID_ARGUMENT, "null sizes");
  fixture_free(&made);
}

/* out = (in - 1) * stride - padding + dilation * (kernel - 1) + output_padding + 1. */
static void test_transposed_size(void) {
  fixture made;
  fixture_make(&made, false);
  oct_conv_weights *weights = &made.weights;
  weights->transposed = true;
  weights->padding_begin[0] = 2;
  for (size_t kernel = 1; kernel < 5; kernel++)
    for (size_t stride = 1; stride < 4; stride++)
      for (size_t in = 1; in < 6; in++)
        for (size_t more = 0; more < 3; more++) {
          weights->kernel[0] = kernel;
          weights->stride[0] = stride;
          weights->dilation[0] = 2;
          weights->output_padding[0] = more;
          const size_t sizes[2] = {in, 7};
          size_t out[2] = {99, 99};
          const ptrdiff_t expected = (ptrdiff_t)((in - 1) * stride + 2 * (kernel - 1) + more + 1) - 3;
          const oct_status status = oct_conv_output_size(weights, sizes, out);
          if (expected < 1) {
            check_refused(status, OCT_SHAPE_MISMATCH, "padding that leaves no output");
            check(out[0] == 99 && out[1] == 99, "a refused size was written");
          } else {
            check(status == OCT_OK && out[0] == (size_t)expected && out[1] == 7,
                  "transposed in %zu kernel %zu gives %zu, %zu", in, kernel, out[0], out[1]);
          }
        }
  weights->stride[0] = SIZE_MAX / 16;
  const size_t sizes[2] = {99, 7};
  size_t out[2];
  check_refused(oct_conv_output_size(weights, sizes, out), OCT_OVERFLOW, "an output beyond the address space");
  fixture_free(&made);
}

/* One output pixel of all-extreme data whose sum is around and beyond the end of int32. */
static void test_long(void) {
  static const size_t lengths[] = {33024, 33025, 33026, 70000};
  static const int32_t bias[2] = {INT32_MAX, INT32_MIN};
  for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
    for (size_t out = 1; out <= 2; out++) {
      const size_t k = lengths[l];
      uint8_t *x = malloc(k);
      int8_t *w = malloc(out * k);
      memset(x, 255, k);
      memset(w, -128, out * k);
      const int32_t zero = 127;
      const oct_conv_weights weights = {.struct_size = sizeof weights,
                                        .x_dtype = OCT_U8,
                                        .w_dtype = OCT_S8,
                                        .rank = 1,
                                        .in_channels = 1,
                                        .out_channels = out,
                                        .groups = 1,
                                        .kernel = {k},
                                        .stride = {1},
                                        .dilation = {1},
                                        .w = w,
                                        .zero_point = &zero,
                                        .zero_point_count = 1};
      size_t packed_size = 0, bytes = 0;
      check_ok(oct_conv_packed_size(&weights, &packed_size), "long");
      void *packed = check_aligned(packed_size);
      check_ok(oct_conv_pack(&weights, packed, packed_size), "long");
      const oct_output output = {.struct_size = sizeof output, .dtype = OCT_S32, .bias = l % 2 ? bias : NULL};
      int32_t y[2] = {1, 1}, expected[2];
      const oct_conv_call call = {.struct_size = sizeof call,
                                  .batch = 1,
                                  .in = {k},
                                  .x = x,
                                  .x_stride = 1,
                                  .y = y,
                                  .y_stride = (ptrdiff_t)out,
                                  .output = &output};
      check_ok(oct_conv_workspace_size(packed, packed_size, &call, 1, &bytes), "long");
      const oct_run run = {
          .struct_size = sizeof run, .threads = 1, .workspace = check_aligned(bytes), .workspace_size = bytes};
      check_ok(oct_conv(packed, packed_size, &call, &run), "long");
      for (size_t n = 0; n < out; n++) {
        reference_store(&output, (int64_t)k * 255 * -255, n, expected, n);
        check(y[n] == expected[n], "%zu taps, channel %zu: expected %d received %d", k, n, expected[n], y[n]);
      }
      free(run.workspace);
      free(packed);
      free(x);
      free(w);
    }
}

int main(void) {
  oct_isa best;
  check_ok(oct_max_isa(&best), "oct_max_isa");
  for (unsigned i = 0; i < OCT_ISA_COUNT; i++) {
    if (!oct_isa_supported((oct_isa)i)) continue;
    check_ok(oct_set_max_isa((oct_isa)i), "oct_set_max_isa");
    for (int depthwise = 0; depthwise < 2; depthwise++) {
      test_refused_calls(depthwise);
      test_refused_weights(depthwise);
      test_damaged(depthwise);
    }
    test_long();
  }
  check_ok(oct_set_max_isa(best), "oct_set_max_isa");
  test_output_size();
  test_transposed_size();
  return check_report("conv_contract_test");
}
