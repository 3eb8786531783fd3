/* Every GEMM kernel of the list that this CPU has, against the definition: all small heights, widths around the tile's,
 * lengths around every group, all dtypes, extreme data and zero points, strides, and buffers that end at a protected
 * page. */
#define _DEFAULT_SOURCE
#include "gemm/gemm_packed.h"
#include "gemm_reference.h"

enum { ARENA = 1 << 19, ROW_SLACK = 7 };

/* The guarded memory that all cases place their data in: each ends where the arena ends. */
typedef struct arenas {
  check_guard a, b, c, packed, workspace;
} arenas;

typedef struct gemm_case {
  size_t m, n, k;
  oct_dtype a_dtype, b_dtype, c_dtype;
  check_fill a_fill, b_fill;
  size_t a_slack, c_slack; /* elements between rows */
  bool transposed;         /* weights lie as [k, n] */
  int zero_points;         /* of the weights: 0, 1 or per column */
  int threads;
  int limit; /* of threads, that the workspace is asked for; 0: threads */
} gemm_case;

static void describe(const gemm_case *test, const oct_gemm_kernel *kernel, char *text, size_t size) {
  snprintf(text, size, "%s m=%zu n=%zu k=%zu %s x %s -> %s fills %d %d slack %zu %zu%s zero points %d threads %d",
           kernel->name, test->m, test->n, test->k, oct_dtype_name(test->a_dtype), oct_dtype_name(test->b_dtype),
           oct_dtype_name(test->c_dtype), (int)test->a_fill, (int)test->b_fill, test->a_slack, test->c_slack,
           test->transposed ? " transposed" : "", test->zero_points, test->threads);
}

/* Sizes of packed weights and workspaces are multiples of the alignment, as pages are, so these places are aligned. */
static uint8_t *place(const check_guard *arena, size_t size) { return arena->bytes + arena->size - size; }

static int32_t random_zero(check_random *random, oct_dtype dtype) {
  switch (check_next(random) % 4) {
    case 0: return check_lowest(dtype);
    case 1: return check_highest(dtype);
    case 2: return dtype == OCT_U8 ? 128 : 0;
    default: return check_between(random, check_lowest(dtype), check_highest(dtype));
  }
}

/* [m, n] exact sums by the definition. */
static void reference_sums(const gemm_case *test, const uint8_t *a, size_t a_stride, int32_t a_zero, const uint8_t *b,
                           const int32_t *b_zero, int64_t *sums) {
  int32_t *left = malloc((test->k + 1) * sizeof(int32_t)), *right = malloc((test->n * test->k + 1) * sizeof(int32_t));
  for (size_t n = 0; n < test->n; n++)
    for (size_t k = 0; k < test->k; k++)
      right[n * test->k + k] =
          check_element(b, test->b_dtype, test->transposed ? k * test->n + n : n * test->k + k) - b_zero[n];
  for (size_t m = 0; m < test->m; m++) {
    for (size_t k = 0; k < test->k; k++) left[k] = check_element(a, test->a_dtype, m * a_stride + k) - a_zero;
    for (size_t n = 0; n < test->n; n++) {
      int64_t sum = 0;
      for (size_t k = 0; k < test->k; k++) sum += left[k] * right[n * test->k + k];
      sums[m * test->n + n] = sum;
    }
  }
  free(left);
  free(right);
}

/* Compares c with the reference and its gaps with what was there before. */
static bool compare(const gemm_case *test, const oct_output *output, const int64_t *sums, const uint8_t *c,
                    size_t c_stride, const char *text) {
  const size_t size = oct_dtype_size(test->c_dtype);
  for (size_t m = 0; m < test->m; m++) {
    const uint8_t *row = c + m * c_stride * size;
    for (size_t n = 0; n < test->n; n++) {
      uint32_t expected = 0;
      reference_store(output, sums[m * test->n + n], n, &expected, 0);
      uint32_t received = 0;
      memcpy(&received, row + n * size, size);
      if (!check(same_output(test->c_dtype, &expected, row + n * size),
                 "%s: [%zu, %zu] sum %" PRId64 " expected %08x received %08x", text, m, n, sums[m * test->n + n],
                 expected, received))
        return false;
    }
    if (m + 1 == test->m) break;
    for (size_t i = test->n * size; i < c_stride * size; i++)
      if (!check(row[i] == CHECK_SLACK_PATTERN, "%s: byte %zu behind row %zu was written", text, i, m)) return false;
  }
  return true;
}

/* Runs one case; false when it failed. */
static bool run_case(check_random *random, const arenas *memory, const oct_gemm_kernel *kernel, const gemm_case *test) {
  char text[256];
  describe(test, kernel, text, sizeof text);
  const size_t a_stride = test->k + test->a_slack, c_stride = test->n + test->c_slack,
               c_size = oct_dtype_size(test->c_dtype);
  const size_t a_bytes = (test->m - 1) * a_stride + test->k, b_bytes = test->n * test->k;
  const size_t c_bytes = ((test->m - 1) * c_stride + test->n) * c_size;
  uint8_t *a = place(&memory->a, a_bytes), *b = place(&memory->b, b_bytes), *c = place(&memory->c, c_bytes);
  check_fill_bytes(random, test->a_fill, test->a_dtype, a, a_bytes);
  check_fill_bytes(random, test->b_fill, test->b_dtype, b, b_bytes);
  memset(c - 64, CHECK_SLACK_PATTERN, c_bytes + 64);
  int32_t *zeros = calloc(test->n, sizeof(int32_t));
  for (size_t n = 0; n < test->n; n++)
    zeros[n] = test->zero_points == 0            ? 0
               : test->zero_points == 1 && n > 0 ? zeros[0]
                                                 : random_zero(random, test->b_dtype);
  const oct_gemm_weights weights = {
      .struct_size = sizeof weights,
      .a_dtype = test->a_dtype,
      .b_dtype = test->b_dtype,
      .n = test->n,
      .k = test->k,
      .b = b,
      .stride_n = test->transposed ? 1 : (ptrdiff_t)test->k,
      .stride_k = test->transposed ? (ptrdiff_t)test->n : 1,
      .zero_point = test->zero_points == 0 ? NULL : zeros,
      .zero_point_count = test->zero_points == 1 ? 1 : test->n,
  };
  size_t packed_size = 0, workspace_size = 0;
  bool good = check_ok(oct_gemm_packed_size_for(kernel, &weights, &packed_size), text);
  uint8_t *packed = place(&memory->packed, packed_size);
  good = good && check_ok(oct_gemm_pack_for(kernel, &weights, packed, packed_size), text) &&
         check_ok(oct_gemm_workspace_size(packed, packed_size, test->m, test->limit ? test->limit : test->threads,
                                          &workspace_size),
                  text);
  if (good && check(workspace_size <= memory->workspace.size, "%s: workspace of %zu bytes", text, workspace_size)) {
    stage_case stage = stage_case_make(random, test->c_dtype, test->n, 128.0 * sqrt((double)test->k) * 128.0);
    const oct_gemm_call call = {.struct_size = sizeof call,
                                .m = test->m,
                                .a = a,
                                .a_stride = (ptrdiff_t)a_stride,
                                .a_zero_point = random_zero(random, test->a_dtype),
                                .c = c,
                                .c_stride = (ptrdiff_t)c_stride,
                                .output = &stage.output};
    const oct_run run = {.struct_size = sizeof run,
                         .threads = test->threads,
                         .workspace = place(&memory->workspace, workspace_size),
                         .workspace_size = workspace_size};
    int64_t *sums = malloc(test->m * test->n * sizeof(int64_t));
    reference_sums(test, a, a_stride, call.a_zero_point, b, zeros, sums);
    good = check_ok(oct_gemm(packed, packed_size, &call, &run), text) &&
           compare(test, &stage.output, sums, c, c_stride, text);
    for (size_t i = 1; good && i <= 64; i++)
      good = check(c[-(ptrdiff_t)i] == CHECK_SLACK_PATTERN, "%s: byte %zu before c was written", text, i);
    free(sums);
    stage_case_free(&stage);
  }
  free(zeros);
  return good;
}

static const oct_dtype byte_types[] = {OCT_U8, OCT_S8};
static const oct_dtype output_types[] = {OCT_U8, OCT_S8, OCT_S32, OCT_F32};

/* The grid of one kernel: shapes in full, the rest varied from case to case. */
static size_t run_grid(check_random *random, const arenas *memory, const oct_gemm_kernel *kernel) {
  static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300};
  const size_t nr = kernel->nr;
  const size_t widths[] = {1, 2, nr / 2, nr / 2 + 1, nr - 1, nr, nr + 1, 2 * nr - 1, 2 * nr, 4 * nr + 3};
  size_t cases = 0;
  for (size_t m = 1; m <= 2 * kernel->mr + 1; m++)
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
      for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        const uint32_t pick = check_next(random);
        const gemm_case test = {
            .m = m,
            .n = widths[w],
            .k = lengths[l],
            .a_dtype = byte_types[cases & 1],
            .b_dtype = byte_types[(cases >> 1) & 1],
            .c_dtype = output_types[(cases >> 2) & 3],
            .a_fill = pick % 3 ? CHECK_RANDOM : (check_fill)((pick >> 4) % CHECK_FILL_COUNT),
            .b_fill = pick % 3 ? CHECK_RANDOM : (check_fill)((pick >> 8) % CHECK_FILL_COUNT),
            .a_slack = (pick >> 12) & 1 ? (pick >> 13) % ROW_SLACK : 0,
            .c_slack = (pick >> 16) & 1 ? (pick >> 17) % ROW_SLACK : 0,
            .transposed = (pick >> 20) & 1,
            .zero_points = (int)((pick >> 21) % 3),
            .threads = 1,
        };
        run_case(random, memory, kernel, &test);
        cases++;
      }
  return cases;
}

/* All combinations of dtypes, fills and zero points at one awkward shape. */
static size_t run_combinations(check_random *random, const arenas *memory, const oct_gemm_kernel *kernel) {
  size_t cases = 0;
  for (uint32_t i = 0; i < 2 * 2 * 4 * CHECK_FILL_COUNT * CHECK_FILL_COUNT * 3; i++) {
    uint32_t left = i;
    gemm_case test = {.m = kernel->mr + 1, .n = kernel->nr + 3, .k = 37, .a_slack = 1, .c_slack = 2, .threads = 1};
    test.a_dtype = byte_types[left % 2], left /= 2;
    test.b_dtype = byte_types[left % 2], left /= 2;
    test.c_dtype = output_types[left % 4], left /= 4;
    test.a_fill = (check_fill)(left % CHECK_FILL_COUNT), left /= CHECK_FILL_COUNT;
    test.b_fill = (check_fill)(left % CHECK_FILL_COUNT), left /= CHECK_FILL_COUNT;
    test.zero_points = (int)left;
    run_case(random, memory, kernel, &test);
    cases++;
  }
  return cases;
}

/* Shapes that are worth several threads, cut in several ways; more threads than pieces too. The last one has rows that some
 * kernels copy because of how they lie. */
static size_t run_threads(check_random *random, const arenas *memory, const oct_gemm_kernel *kernel) {
  const size_t shapes[][3] = {
      {173, 211, 640}, {3, 640, 500}, {640, 5, 500}, {40, 70, 4000}, {kernel->mr + 2, 517, 4096}};
  static const int threads[] = {1, 2, 3, 5};
  size_t cases = 0;
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
      const gemm_case test = {.m = shapes[s][0],
                              .n = shapes[s][1],
                              .k = shapes[s][2],
                              .a_dtype = byte_types[(s + t) & 1],
                              .b_dtype = OCT_S8,
                              .c_dtype = OCT_U8,
                              .a_slack = shapes[s][2] == 4096 ? t / 2 * 4096 : t,
                              .zero_points = (int)(t % 3),
                              .threads = threads[t],
                              .limit = s % 2 ? 5 : 0};
      run_case(random, memory, kernel, &test);
      cases++;
    }
  return cases;
}

int main(void) {
  arenas memory = {check_guard_make(ARENA), check_guard_make(5 * ARENA), check_guard_make(ARENA),
                   check_guard_make(6 * ARENA), check_guard_make(4 * ARENA)};
  for (size_t i = 0; i < oct_gemm_kernel_count; i++) {
    const oct_gemm_kernel *kernel = &oct_gemm_kernels[i];
    if (!oct_isa_supported(kernel->isa)) {
      printf("%-24s not on this CPU\n", kernel->name);
      continue;
    }
    check_random random = {.state = 1 + i};
    const size_t cases = run_grid(&random, &memory, kernel) + run_combinations(&random, &memory, kernel) +
                         run_threads(&random, &memory, kernel);
    check(cases > 1000, "%s ran %zu cases only", kernel->name, cases);
    printf("%-24s %zu cases\n", kernel->name, cases);
  }
  check_guard_free(&memory.a);
  check_guard_free(&memory.b);
  check_guard_free(&memory.c);
  check_guard_free(&memory.packed);
  check_guard_free(&memory.workspace);
  return check_report("gemm_test");
}
