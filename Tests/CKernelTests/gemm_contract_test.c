/* What oct_gemm_* promise beside products: dispatch under a cap, exact sums at and beyond the end of int32, empty
 * shapes, refusals that say why, and packed weights that are foreign, damaged or moved. */
#define _DEFAULT_SOURCE
#include "gemm/gemm_packed.h"
#include "gemm_reference.h"

/* Packed weights with the call and run that use them, sound until a test spoils something. */
typedef struct fixture {
  uint8_t a[6 * 40];
  int8_t b[9 * 40];
  uint8_t c[6 * 9];
  float multiplier[9];
  int32_t zeros[9];
  oct_output output;
  oct_gemm_weights weights;
  oct_gemm_call call;
  oct_run run;
  void *packed;
  size_t packed_size;
} fixture;

static void fixture_make(fixture *made) {
  check_random random = {.state = 77};
  *made = (fixture){.output = {.struct_size = sizeof(oct_output)}};
  check_fill_bytes(&random, CHECK_RANDOM, OCT_U8, made->a, sizeof made->a);
  check_fill_bytes(&random, CHECK_RANDOM, OCT_S8, made->b, sizeof made->b);
  for (int i = 0; i < 9; i++) made->multiplier[i] = 0.001f;
  made->output = (oct_output){.struct_size = sizeof(oct_output),
                              .dtype = OCT_U8,
                              .multiplier = made->multiplier,
                              .multiplier_count = 9,
                              .zero_point = 128,
                              .clamp_max = 255};
  made->weights = (oct_gemm_weights){.struct_size = sizeof(oct_gemm_weights),
                                     .a_dtype = OCT_U8,
                                     .b_dtype = OCT_S8,
                                     .n = 9,
                                     .k = 40,
                                     .b = made->b,
                                     .stride_n = 40,
                                     .stride_k = 1};
  made->call = (oct_gemm_call){.struct_size = sizeof(oct_gemm_call),
                               .m = 6,
                               .a = made->a,
                               .a_stride = 40,
                               .a_zero_point = 3,
                               .c = made->c,
                               .c_stride = 9,
                               .output = &made->output};
  check_ok(oct_gemm_packed_size(&made->weights, &made->packed_size), "packed size");
  made->packed = check_aligned(made->packed_size);
  check_ok(oct_gemm_pack(&made->weights, made->packed, made->packed_size), "pack");
  size_t bytes = 0;
  check_ok(oct_gemm_workspace_size(made->packed, made->packed_size, 6, 2, &bytes), "workspace size");
  made->run = (oct_run){
      .struct_size = sizeof(oct_run), .threads = 2, .workspace = check_aligned(bytes), .workspace_size = bytes};
}

static void fixture_free(fixture *made) {
  free(made->packed);
  free(made->run.workspace);
}

static oct_status run_fixture(const fixture *made) {
  return oct_gemm(made->packed, made->packed_size, &made->call, &made->run);
}

/* The kernel under every cap is the first of the list that the cap and the CPU allow, and every dispatched kernel is
 * some cap's choice. */
static void test_dispatch(void) {
  oct_isa best;
  check_ok(oct_max_isa(&best), "oct_max_isa");
  for (unsigned i = 0; i < OCT_ISA_COUNT; i++) {
    const oct_isa isa = (oct_isa)i;
    if (!oct_isa_supported(isa)) continue;
    check_ok(oct_set_max_isa(isa), "oct_set_max_isa");
    const oct_gemm_kernel *expected = NULL;
    bool of_its_own = false; /* not every tier has a gemm kernel */
    for (size_t k = 0; k < oct_gemm_kernel_count; k++) {
      if (oct_gemm_kernels[k].test_only || !oct_isa_allowed(oct_gemm_kernels[k].isa, isa)) continue;
      if (!expected) expected = &oct_gemm_kernels[k];
      of_its_own = of_its_own || oct_gemm_kernels[k].isa == isa;
    }
    fixture made;
    fixture_make(&made);
    const char *name = oct_gemm_kernel_name(made.packed, made.packed_size);
    check(expected && name && strcmp(name, expected->name) == 0, "under %s the kernel is %s, expected %s",
          oct_isa_name(isa), name ? name : "none", expected ? expected->name : "none");
    check(expected && (!of_its_own || expected->isa == isa), "the best kernel under %s is for %s", oct_isa_name(isa),
          expected ? oct_isa_name(expected->isa) : "nothing");
    check_ok(run_fixture(&made), "run under a cap");
    fixture_free(&made);
  }
  check_ok(oct_set_max_isa(best), "oct_set_max_isa");
}

/* Two rows by three columns of all-extreme data at one length; every sum is checked exactly through int32 and float32
 * outputs. */
static void check_long(const oct_gemm_kernel *kernel, size_t k, int32_t a_value, int32_t a_zero, int32_t b_value,
                       int32_t b_zero, const int32_t *bias) {
  enum { M = 2, N = 3 };
  uint8_t *a = malloc(M * k), *b = malloc(N * k);
  memset(a, a_value, M * k);
  memset(b, b_value & 0xFF, N * k);
  const int32_t zeros[N] = {b_zero, b_zero, b_zero};
  const float multiplier[N] = {1.0f, 1.0f, 1.0f};
  const oct_gemm_weights weights = {.struct_size = sizeof weights,
                                    .a_dtype = OCT_U8,
                                    .b_dtype = OCT_S8,
                                    .n = N,
                                    .k = k,
                                    .b = b,
                                    .stride_n = (ptrdiff_t)k,
                                    .stride_k = 1,
                                    .zero_point = zeros,
                                    .zero_point_count = N};
  size_t packed_size = 0, bytes = 0;
  check_ok(oct_gemm_packed_size_for(kernel, &weights, &packed_size), kernel->name);
  void *packed = check_aligned(packed_size);
  check_ok(oct_gemm_pack_for(kernel, &weights, packed, packed_size), kernel->name);
  check_ok(oct_gemm_workspace_size(packed, packed_size, M, 1, &bytes), kernel->name);
  const oct_run run = {
      .struct_size = sizeof run, .threads = 1, .workspace = check_aligned(bytes), .workspace_size = bytes};
  const int64_t sum = (int64_t)k * (a_value - a_zero) * (b_value - b_zero);
  for (int real = 0; real < 2; real++) {
    const oct_output output = {.struct_size = sizeof output,
                               .dtype = real ? OCT_F32 : OCT_S32,
                               .multiplier = multiplier,
                               .multiplier_count = N,
                               .bias = bias,
                               .real_min = -INFINITY,
                               .real_max = INFINITY};
    uint32_t c[M * N], expected[M * N];
    const oct_gemm_call call = {.struct_size = sizeof call,
                                .m = M,
                                .a = a,
                                .a_stride = (ptrdiff_t)k,
                                .a_zero_point = a_zero,
                                .c = c,
                                .c_stride = N,
                                .output = &output};
    check_ok(oct_gemm(packed, packed_size, &call, &run), kernel->name);
    for (size_t i = 0; i < M * N; i++) {
      reference_store(&output, sum, i % N, expected, i);
      check(c[i] == expected[i], "%s k=%zu (%d - %d)(%d - %d) element %zu -> %s: expected %08x received %08x",
            kernel->name, k, a_value, a_zero, b_value, b_zero, i, oct_dtype_name(output.dtype), expected[i], c[i]);
    }
  }
  free(run.workspace);
  free(packed);
  free(a);
  free(b);
}

/* Lengths where 255 * 255, 255 * 128 and 128 * 128 cross the end of int32, and biases that push sums over it. */
static void test_long(void) {
  static const size_t lengths[] = {33024, 33025, 33026, 65792, 65793, 65794, 131070, 131071, 131072, 131073, 300001};
  static const int32_t none[3] = {0, 0, 0}, ends[3] = {INT32_MAX, INT32_MIN, 1};
  for (size_t i = 0; i < oct_gemm_kernel_count; i++) {
    const oct_gemm_kernel *kernel = &oct_gemm_kernels[i];
    if (!oct_isa_supported(kernel->isa)) continue;
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
      check_long(kernel, lengths[l], 255, 0, -128, 127, NULL);
      check_long(kernel, lengths[l], 255, 0, 127, -128, NULL);
      check_long(kernel, lengths[l], 0, 255, 127, -128, none);
      check_long(kernel, lengths[l], 255, 0, -128, 0, NULL);
      check_long(kernel, lengths[l], 255, 128, -128, 0, NULL);
      check_long(kernel, lengths[l], 0, 128, -128, 0, ends);
    }
    check_long(kernel, 40, 255, 0, 127, 0, ends);
    check_long(kernel, 40, 255, 0, -128, 0, ends);
  }
}

static void test_empty(void) {
  fixture made;
  fixture_make(&made);
  made.call.m = 0;
  made.call.a = made.call.c = NULL;
  check_ok(run_fixture(&made), "m = 0");
  check_ok(oct_gemm(made.packed, made.packed_size, &made.call, NULL), "m = 0 without a run");
  fixture_free(&made);
  for (int empty_k = 0; empty_k < 2; empty_k++) {
    fixture_make(&made);
    const int32_t bias[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    if (empty_k)
      made.weights.k = 0;
    else
      made.weights.n = 0;
    made.weights.b = NULL;
    made.call.a = NULL;
    made.output.bias = bias;
    made.output.multiplier_count = 1;
    made.multiplier[0] = 1.0f;
    memset(made.c, 200, sizeof made.c);
    check_ok(oct_gemm_pack(&made.weights, made.packed, made.packed_size), "empty pack");
    check_ok(run_fixture(&made), "empty run");
    for (int i = 0; i < 54; i++)
      check(made.c[i] == (empty_k ? 129 + i % 9 : 200), "empty %s: element %d is %d", empty_k ? "k" : "n", i,
            made.c[i]);
    fixture_free(&made);
  }
}

/* Spoils one thing after the other; each must be refused with its status, and c must stay as it is. */
static void test_refused_calls(void) {
  static const int spoils = 20;
  for (int spoil = 0; spoil < spoils; spoil++) {
    fixture made;
    fixture_make(&made);
    memset(made.c, 0x5A, sizeof made.c);
    oct_status expected = OCT_INVALID_ARGUMENT;
    switch (spoil) {
      case 0: made.call.struct_size = 3; break;
      case 1: made.call.a = NULL; break;
      case 2: made.call.c = NULL; break;
      case 3: made.call.a_zero_point = -1; break;
      case 4: made.call.c_stride = 8, expected = OCT_SHAPE_MISMATCH; break;
      case 5: made.call.output = NULL; break;
      case 6: made.output.struct_size = 0; break;
      case 7: made.output.dtype = (oct_dtype)9; break;
      case 8: made.output.multiplier = NULL; break;
      case 9: made.output.multiplier_count = 8, expected = OCT_SHAPE_MISMATCH; break;
      case 10: made.multiplier[8] = 0.0f; break;
      case 11: made.multiplier[3] = NAN; break;
      case 12: made.output.zero_point = 256; break;
      case 13: made.output.clamp_min = -1; break;
      case 14: made.output.clamp_max = 256; break;
      case 15: made.output.clamp_min = 9, made.output.clamp_max = 8; break;
      case 16: made.run.struct_size = 1; break;
      case 17: made.run.threads = -1; break;
      case 18: made.run.workspace_size -= 1, expected = OCT_BUFFER_TOO_SMALL; break;
      default: made.call.m = SIZE_MAX / 2, expected = OCT_OVERFLOW; break;
    }
    char what[32];
    snprintf(what, sizeof what, "spoiled call %d", spoil);
    check_refused(run_fixture(&made), expected, what);
    for (size_t i = 0; i < sizeof made.c; i++) check(made.c[i] == 0x5A, "%s wrote c[%zu]", what, i);
    fixture_free(&made);
  }
  fixture made;
  fixture_make(&made);
  check_refused(oct_gemm(made.packed, made.packed_size, NULL, &made.run), OCT_INVALID_ARGUMENT, "null call");
  check_refused(oct_gemm(made.packed, made.packed_size, &made.call, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  made.output.dtype = OCT_F32;
  made.output.real_min = NAN;
  check_refused(run_fixture(&made), OCT_INVALID_ARGUMENT, "NaN clamp");
  fixture_free(&made);
}

static void test_refused_weights(void) {
  for (int spoil = 0; spoil < 10; spoil++) {
    fixture made;
    fixture_make(&made);
    size_t packed_size = made.packed_size;
    oct_status expected = OCT_INVALID_ARGUMENT;
    char *packed = made.packed;
    made.weights.zero_point = made.zeros;
    made.weights.zero_point_count = 9;
    switch (spoil) {
      case 0: made.weights.struct_size = 0; break;
      case 1: made.weights.a_dtype = OCT_F32; break;
      case 2: made.weights.b_dtype = OCT_S32; break;
      case 3: made.weights.b = NULL; break;
      case 4: made.weights.zero_point_count = 3, expected = OCT_SHAPE_MISMATCH; break;
      case 5: made.zeros[8] = 128; break;
      case 6: made.weights.n = SIZE_MAX / 8, expected = OCT_OVERFLOW; break;
      case 7: made.weights.stride_n = PTRDIFF_MAX, expected = OCT_OVERFLOW; break;
      case 8: packed_size--, expected = OCT_BUFFER_TOO_SMALL; break;
      default: packed = NULL; break;
    }
    char what[32];
    snprintf(what, sizeof what, "spoiled weights %d", spoil);
    check_refused(oct_gemm_pack(&made.weights, packed, packed_size), expected, what);
    fixture_free(&made);
  }
  fixture made;
  fixture_make(&made);
  size_t bytes = 0;
  check_refused(oct_gemm_packed_size(NULL, &bytes), OCT_INVALID_ARGUMENT, "null weights");
  check_refused(oct_gemm_packed_size(&made.weights, NULL), OCT_INVALID_ARGUMENT, "null size");
  check_refused(oct_gemm_workspace_size(made.packed, made.packed_size, 1, -1, &bytes), OCT_INVALID_ARGUMENT,
                "-1 threads");
  check_refused(oct_gemm_workspace_size(made.packed, made.packed_size, 1, 1, NULL), OCT_INVALID_ARGUMENT, "null size");
  char *room = check_aligned(made.packed_size + 64);
  check_refused(oct_gemm_pack(&made.weights, room + 1, made.packed_size), OCT_MISALIGNED, "misaligned packed");
  made.run.workspace = (char *)made.run.workspace + 1;
  check_refused(run_fixture(&made), OCT_MISALIGNED, "misaligned workspace");
  made.run.workspace = (char *)made.run.workspace - 1;
  free(room);
  fixture_free(&made);
}

/* No byte of the header may change unnoticed, and nothing but packed weights passes for them. */
static void test_damaged(void) {
  fixture made;
  fixture_make(&made);
  check_ok(run_fixture(&made), "before moving");
  uint8_t first[sizeof made.c];
  memcpy(first, made.c, sizeof first);
  uint8_t *moved = check_aligned(made.packed_size);
  memcpy(moved, made.packed, made.packed_size);
  memset(made.packed, 0, made.packed_size);
  check_ok(oct_gemm(moved, made.packed_size, &made.call, &made.run), "after moving");
  check(memcmp(first, made.c, sizeof first) == 0, "moved weights give other results");
  check(oct_gemm_kernel_name(made.packed, made.packed_size) == NULL, "zeros have a kernel name");
  check_refused(run_fixture(&made), OCT_CORRUPT, "zeroed weights");
  for (size_t i = 0; i < 64; i++)
    for (int bit = 0; bit < 8; bit++) {
      moved[i] ^= (uint8_t)(1u << bit);
      check_refused(oct_gemm(moved, made.packed_size, &made.call, &made.run), OCT_CORRUPT,
                    "a changed bit in the header");
      moved[i] ^= (uint8_t)(1u << bit);
    }
  check_refused(oct_gemm(moved, made.packed_size - 1, &made.call, &made.run), OCT_BUFFER_TOO_SMALL, "short weights");
  check_refused(oct_gemm(moved, 10, &made.call, &made.run), OCT_BUFFER_TOO_SMALL, "very short weights");
  check_refused(oct_gemm(moved + 1, made.packed_size, &made.call, &made.run), OCT_MISALIGNED, "misaligned weights");
  check_refused(oct_gemm(NULL, 0, &made.call, &made.run), OCT_INVALID_ARGUMENT, "null weights");
  free(moved);
  fixture_free(&made);
}

int main(void) {
  test_dispatch();
  test_long();
  test_empty();
  test_refused_calls();
  test_refused_weights();
  test_damaged();
  return check_report("gemm_contract_test");
}
