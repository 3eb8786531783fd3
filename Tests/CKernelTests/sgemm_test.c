/* Float32 products against a plain loop, bit by bit: every tier that this CPU runs, every order of operands, sizes around the
 * tiles, threads, guarded buffers, infinities and NaN, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "check.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

typedef struct scene {
  size_t m, n, k;
  bool transpose_a, transpose_b, accumulate, extremes;
  int threads;
} scene;

/* Reals of mixed size, with an infinity, a NaN, zeros and a denormal now and then when asked. */
static void fill(check_random *random, float *values, size_t count, bool extremes) {
  static const float ends[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-42f, 3e38f, -3e38f};
  for (size_t i = 0; i < count; i++) {
    values[i] = check_real(random, -2, 2);
    if (extremes && check_next(random) % 16 == 0) values[i] = ends[check_next(random) % 8];
  }
}

/* Any NaN is the same as any other. */
static bool same_bits(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

static void run_scene(const scene *s, check_random *random, const char *what) {
  const size_t m = s->m, n = s->n, k = s->k, gap = check_next(random) % 3;
  const size_t a_line = (s->transpose_a ? m : k) + gap, b_line = (s->transpose_b ? k : n) + gap, c_line = n + gap;
  const size_t a_count = m && k ? (s->transpose_a ? k - 1 : m - 1) * a_line + (s->transpose_a ? m : k) : 0;
  const size_t b_count = n && k ? (s->transpose_b ? n - 1 : k - 1) * b_line + (s->transpose_b ? k : n) : 0;
  const size_t c_count = m && n ? (m - 1) * c_line + n : 0;
  check_guard a = check_guard_make(a_count * sizeof(float)), b = check_guard_make(b_count * sizeof(float));
  check_guard c = check_guard_make(c_count * sizeof(float));
  float *af = (float *)(void *)a.bytes, *bf = (float *)(void *)b.bytes, *cf = (float *)(void *)c.bytes;
  fill(random, af, a_count, s->extremes);
  fill(random, bf, b_count, s->extremes);
  fill(random, cf, c_count, false);
  float *before = malloc((c_count + 1) * sizeof(float));
  if (!before) exit(2);
  memcpy(before, cf, c_count * sizeof(float));
  const oct_sgemm gemm = {.struct_size = sizeof gemm,
                          .accumulate = s->accumulate,
                          .m = m,
                          .n = n,
                          .k = k,
                          .a = af,
                          .a_row = s->transpose_a ? 1 : a_line,
                          .a_column = s->transpose_a ? a_line : 1,
                          .b = bf,
                          .b_row = s->transpose_b ? 1 : b_line,
                          .b_column = s->transpose_b ? b_line : 1,
                          .c = cf,
                          .c_row = c_line};
  size_t bytes = 0;
  bool good = check_ok(oct_sgemm_workspace(&gemm, s->threads, &bytes), what);
  void *workspace = check_aligned(bytes);
  const oct_run run = {
      .struct_size = sizeof run, .threads = s->threads, .workspace = workspace, .workspace_size = bytes};
  good = good && check_ok(oct_sgemm_run(&gemm, &run), what);
  for (size_t at = 0; at < c_count && good; at++) {
    const size_t i = at / c_line, j = at % c_line;
    float want = before[at];
    if (j < n) {
      if (!s->accumulate) want = 0;
      for (size_t p = 0; p < k; p++) {
        const float product = af[i * gemm.a_row + p * gemm.a_column] * bf[p * gemm.b_row + j * gemm.b_column];
        want = want + product;
      }
    }
    good = check(same_bits(cf[at], want), "%s: %zu x %zu x %zu: c[%zu][%zu] is %.9g, expected %.9g", what, m, n, k, i,
                 j, (double)cf[at], (double)want);
  }
  check(check_guard_intact(&a) && check_guard_intact(&b) && check_guard_intact(&c), "%s: bytes before a buffer", what);
  free(before);
  free(workspace);
  check_guard_free(&a);
  check_guard_free(&b);
  check_guard_free(&c);
}

static void run_tier(const char *tier) {
  static const size_t sizes[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 47, 48, 49, 97};
  static const size_t depths[] = {0, 1, 2, 7, 31, 255, 256, 257, 521};
  check_random random = {.state = 11};
  for (int turn = 0; turn < 400; turn++) {
    const scene s = {.m = sizes[check_next(&random) % 16],
                     .n = sizes[check_next(&random) % 16],
                     .k = depths[check_next(&random) % 9],
                     .transpose_a = check_next(&random) & 1,
                     .transpose_b = check_next(&random) & 1,
                     .accumulate = check_next(&random) & 1,
                     .extremes = turn % 4 == 0,
                     .threads = (int)(check_next(&random) % 3) * 2 + 1};
    run_scene(&s, &random, tier);
  }
  const scene large = {.m = 211, .n = 199, .k = 300, .threads = 3};
  run_scene(&large, &random, tier);
}

static void refusals(void) {
  float a[4] = {1, 2, 3, 4}, c[4] = {0};
  oct_sgemm gemm = {.struct_size = sizeof gemm,
                    .m = 2,
                    .n = 2,
                    .k = 2,
                    .a = a,
                    .a_row = 2,
                    .a_column = 1,
                    .b = a,
                    .b_row = 2,
                    .b_column = 1,
                    .c = c,
                    .c_row = 2};
  size_t bytes = 0;
  check_ok(oct_sgemm_workspace(&gemm, 1, &bytes), "workspace");
  check(bytes > 0, "a product needs workspace");
  check_refused(oct_sgemm_workspace(NULL, 1, &bytes), OCT_INVALID_ARGUMENT, "null gemm");
  check_refused(oct_sgemm_workspace(&gemm, 1, NULL), OCT_INVALID_ARGUMENT, "null size");
  check_refused(oct_sgemm_workspace(&gemm, -1, &bytes), OCT_INVALID_ARGUMENT, "negative threads");
  check_refused(oct_sgemm_run(&gemm, NULL), OCT_INVALID_ARGUMENT, "no workspace");
  void *workspace = check_aligned(bytes);
  oct_run run = {.struct_size = sizeof run, .threads = 1, .workspace = workspace, .workspace_size = bytes - 1};
  check_refused(oct_sgemm_run(&gemm, &run), OCT_BUFFER_TOO_SMALL, "small workspace");
  run.workspace_size = bytes;
  run.workspace = (char *)workspace + 4;
  check_refused(oct_sgemm_run(&gemm, &run), OCT_MISALIGNED, "misaligned workspace");
  run.workspace = workspace;
  run.threads = -1;
  check_refused(oct_sgemm_run(&gemm, &run), OCT_INVALID_ARGUMENT, "negative threads of a run");
  run.threads = 1;
  oct_sgemm wrong = gemm;
  wrong.struct_size = 0;
  check_refused(oct_sgemm_run(&wrong, &run), OCT_INVALID_ARGUMENT, "struct_size");
  wrong = gemm;
  wrong.c = NULL;
  check_refused(oct_sgemm_run(&wrong, &run), OCT_INVALID_ARGUMENT, "null c");
  wrong = gemm;
  wrong.b = NULL;
  check_refused(oct_sgemm_run(&wrong, &run), OCT_INVALID_ARGUMENT, "null b");
  wrong = gemm;
  wrong.c_row = 1;
  check_refused(oct_sgemm_run(&wrong, &run), OCT_SHAPE_MISMATCH, "overlapping rows");
  wrong = gemm;
  wrong.a_row = SIZE_MAX / 2;
  wrong.m = 8;
  check_refused(oct_sgemm_run(&wrong, &run), OCT_OVERFLOW, "strides beyond memory");
  check(c[0] == 0 && c[3] == 0, "a refused run leaves c alone");
  check_ok(oct_sgemm_run(&gemm, &run), "product");
  check(c[0] == 7 && c[1] == 10 && c[2] == 15 && c[3] == 22, "product by hand");
  free(workspace);
}

int main(void) {
  oct_isa best;
  check_ok(oct_max_isa(&best), "tier");
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa) || isa > (int)best) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    run_tier(oct_isa_name((oct_isa)isa));
  }
  check_ok(oct_set_max_isa(best), "cap");
  refusals();
  return check_report("sgemm_test");
}
