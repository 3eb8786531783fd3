/* Float32 products: arguments, blocks, threads.
 *
 * The result is cut into panels of the kernel's columns, and panels into tiles of its rows. A panel of b is copied when it is
 * transposed or narrower than the kernel's columns; the sums over k run through in blocks that stay in the second level cache and go
 * on from c. A thread computes whole panels, or some rows of one when there are few. */
#include <string.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "kernel.h"

static const oct_sgemm_kernel *const table[] = {
#define OCT_SGEMM_KERNEL(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "sgemm.def"
#undef OCT_SGEMM_KERNEL
};

enum {
  BLOCK = 256, /* rows of b that a panel takes at a time */
  ROW_BLOCK =
      240, /* rows of c that a thread takes at most at a time: with them, a block of a stays in the second level cache */
  GRAIN = 1 << 16 /* products that are worth a thread */
};

/* Elements that any address space can hold. */
#define MOST ((size_t)PTRDIFF_MAX / sizeof(float))

static oct_status choose(const oct_sgemm_kernel **kernel) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("sgemm", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernel = table[i];
  return OCT_OK;
}

/* Whether `rows` rows of `columns` elements with these strides can lie in memory. */
static bool fits(size_t rows, size_t row, size_t columns, size_t column) {
  size_t down, across, last;
  if (rows == 0 || columns == 0) return true;
  return oct_multiply(rows - 1, row, &down) && oct_multiply(columns - 1, column, &across) &&
         oct_add(down, across, &last) && last < MOST;
}

static oct_status check(const char *entry, const oct_sgemm *g) {
  if (!g) return oct_fail(OCT_INVALID_ARGUMENT, "%s: gemm is null; pass an oct_sgemm", entry);
  if (g->struct_size != sizeof *g)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: gemm->struct_size is %u, expected %zu; set it to sizeof(oct_sgemm)",
                    entry, (unsigned)g->struct_size, sizeof *g);
  if (!fits(g->m, g->a_row, g->k, g->a_column) || !fits(g->k, g->b_row, g->n, g->b_column) ||
      !fits(g->m, g->c_row, g->n, 1))
    return oct_fail(OCT_OVERFLOW, "%s: m %zu, n %zu, k %zu and the strides reach beyond memory; check the shape", entry,
                    g->m, g->n, g->k);
  if (g->m > 1 && g->c_row < g->n)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: c_row is %zu, expected at least n, %zu; rows of c may not overlap", entry,
                    g->c_row, g->n);
  if (g->m > 0 && g->n > 0 && (!g->c || (g->k > 0 && (!g->a || !g->b))))
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass a buffer", entry, !g->c ? "c" : !g->a ? "a" : "b");
  return OCT_OK;
}

typedef struct job {
  const oct_sgemm *gemm;
  const oct_sgemm_kernel *kernel;
  size_t rows, row_blocks; /* rows of c of an item, and how often they fit */
  float *panels;           /* a panel and a tile for each thread */
} job;

/* Floats of workspace for each thread: a copied panel, and a tile for the edges. */
static size_t thread_floats(const oct_sgemm_kernel *kernel) {
  return oct_round_up((BLOCK + OCT_SGEMM_MOST_ROWS) * kernel->columns, OCT_ALIGNMENT / sizeof(float));
}

/* Four vectors of every ABI's floor. */
typedef float quad __attribute__((vector_size(16)));

static inline quad load(const float *x) {
  quad v;
  memcpy(&v, x, sizeof v);
  return v;
}

static inline void store(float *y, quad v) { memcpy(y, &v, sizeof v); }

/* Four columns of b, each of which lies in one piece, as the rows of a panel. */
static void transpose_four(const float *b, size_t b_column, size_t depth, float *panel, size_t columns) {
  size_t p = 0;
  for (; p + 4 <= depth; p += 4) {
    const quad w = load(b + p), x = load(b + p + b_column), y = load(b + p + 2 * b_column),
               z = load(b + p + 3 * b_column);
    const quad wx = __builtin_shufflevector(w, x, 0, 4, 1, 5), yz = __builtin_shufflevector(y, z, 0, 4, 1, 5);
    const quad wx_high = __builtin_shufflevector(w, x, 2, 6, 3, 7), yz_high = __builtin_shufflevector(y, z, 2, 6, 3, 7);
    store(panel + p * columns, __builtin_shufflevector(wx, yz, 0, 1, 4, 5));
    store(panel + (p + 1) * columns, __builtin_shufflevector(wx, yz, 2, 3, 6, 7));
    store(panel + (p + 2) * columns, __builtin_shufflevector(wx_high, yz_high, 0, 1, 4, 5));
    store(panel + (p + 3) * columns, __builtin_shufflevector(wx_high, yz_high, 2, 3, 6, 7));
  }
  for (; p < depth; p++)
    for (size_t i = 0; i < 4; i++) panel[p * columns + i] = b[p + i * b_column];
}

/* Rows of b of one panel, the missing columns 0. */
static void copy_panel(const oct_sgemm *g, size_t first, size_t depth, size_t column, size_t width, size_t columns,
                       float *panel) {
  const float *b = g->b + first * g->b_row + column * g->b_column;
  if (width < columns) memset(panel, 0, depth * columns * sizeof(float));
  if (g->b_column == 1) {
    for (size_t p = 0; p < depth; p++) memcpy(panel + p * columns, b + p * g->b_row, width * sizeof(float));
    return;
  }
  size_t j = 0;
  if (g->b_row == 1)
    for (; j + 4 <= width; j += 4) transpose_four(b + j * g->b_column, g->b_column, depth, panel + j, columns);
  /* Eight rows at a time: a cache line of b is read while it is near. */
  for (size_t start = 0; start < depth; start += 8) {
    const size_t end = start + 8 < depth ? start + 8 : depth;
    for (size_t i = j; i < width; i++)
      for (size_t p = start; p < end; p++) panel[p * columns + i] = b[p * g->b_row + i * g->b_column];
  }
}

/* Rows first..<last of one panel over one block of k. */
static void run_panel(const job *j, size_t start, size_t depth, size_t column, size_t first, size_t last,
                      float *scratch) {
  const oct_sgemm *g = j->gemm;
  const oct_sgemm_kernel *kernel = j->kernel;
  const size_t columns = kernel->columns, width = g->n - column < columns ? g->n - column : columns;
  const bool accumulate = g->accumulate || start > 0;
  const float *b = g->b + start * g->b_row + column;
  size_t b_row = g->b_row;
  if (g->b_column != 1 || width < columns) {
    copy_panel(g, start, depth, column, width, columns, scratch);
    b = scratch;
    b_row = columns;
  }
  float *edge = scratch + BLOCK * columns;
  for (size_t row = first; row < last; row += kernel->rows) {
    const size_t rows = last - row < kernel->rows ? last - row : kernel->rows;
    const float *a = g->a + row * g->a_row + start * g->a_column;
    float *c = g->c + row * g->c_row + column;
    if (width == columns) {
      kernel->tiles[rows - 1](depth, a, g->a_row, g->a_column, b, b_row, c, g->c_row, accumulate);
      continue;
    }
    if (accumulate) {
      memset(edge, 0, rows * columns * sizeof(float));
      for (size_t i = 0; i < rows; i++) memcpy(edge + i * columns, c + i * g->c_row, width * sizeof(float));
    }
    kernel->tiles[rows - 1](depth, a, g->a_row, g->a_column, b, b_row, edge, columns, accumulate);
    for (size_t i = 0; i < rows; i++) memcpy(c + i * g->c_row, edge + i * columns, width * sizeof(float));
  }
}

/* Items are (panel, block of rows). */
static void run_items(void *context, size_t begin, size_t end, int worker) {
  const job *j = context;
  const oct_sgemm *g = j->gemm;
  float *scratch = j->panels + (size_t)worker * thread_floats(j->kernel);
  for (size_t item = begin; item < end; item++) {
    const size_t column = item / j->row_blocks * j->kernel->columns, first = item % j->row_blocks * j->rows;
    const size_t last = g->m - first < j->rows ? g->m : first + j->rows;
    for (size_t start = 0; start < g->k; start += BLOCK)
      run_panel(j, start, g->k - start < BLOCK ? g->k - start : BLOCK, column, first, last, scratch);
  }
}

/* Rows of an item: equal parts of whole tiles. Each item copies its panel, so there are no more of them than keep the second level
 * cache, unless panels alone are too few for the threads. */
static void share_rows(job *j, int threads) {
  const size_t m = j->gemm->m, tile = j->kernel->rows;
  const size_t panels = oct_ceil_div(j->gemm->n, j->kernel->columns), wanted = 4 * (size_t)threads;
  size_t parts = oct_ceil_div(m, ROW_BLOCK);
  if (threads > 1 && panels * parts < wanted) parts = oct_ceil_div(wanted, panels);
  j->rows = oct_round_up(oct_ceil_div(m, parts), tile);
  j->row_blocks = oct_ceil_div(m, j->rows);
}

oct_status oct_sgemm_workspace(const oct_sgemm *gemm, int32_t threads, size_t *size) {
  static const char entry[] = "oct_sgemm_workspace";
  if (!size) return oct_fail(OCT_INVALID_ARGUMENT, "%s: size is null; pass where to put the answer", entry);
  if (threads < 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: threads is %d, expected 0 or more; pass 0 for every thread", entry,
                    (int)threads);
  const oct_sgemm_kernel *kernel;
  oct_status status = check(entry, gemm);
  if (status == OCT_OK) status = choose(&kernel);
  if (status != OCT_OK) return status;
  const size_t count = (size_t)(threads > 0 ? threads : oct_max_threads());
  if (!oct_multiply(count, thread_floats(kernel) * sizeof(float), size))
    return oct_fail(OCT_OVERFLOW, "%s: threads is %d, more than memory can serve; pass fewer", entry, (int)threads);
  return OCT_OK;
}

oct_status oct_sgemm_run(const oct_sgemm *gemm, const oct_run *run) {
  static const char entry[] = "oct_sgemm_run";
  int threads = 1;
  void *workspace = NULL;
  size_t bytes;
  job j = {.gemm = gemm};
  oct_status status = check(entry, gemm);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_sgemm_workspace(gemm, threads, &bytes);
  if (status == OCT_OK) status = choose(&j.kernel);
  if (status == OCT_OK) status = oct_run_workspace(entry, run, bytes, &workspace);
  if (status != OCT_OK || gemm->m == 0 || gemm->n == 0) return status;
  if (gemm->k == 0) {
    for (size_t i = 0; i < gemm->m && !gemm->accumulate; i++)
      memset(gemm->c + i * gemm->c_row, 0, gemm->n * sizeof(float));
    return OCT_OK;
  }
  j.panels = workspace;
  share_rows(&j, threads);
  const size_t items = oct_ceil_div(gemm->n, j.kernel->columns) * j.row_blocks;
  const size_t grain = GRAIN / (j.rows * j.kernel->columns * (gemm->k < GRAIN ? gemm->k : GRAIN)) + 1;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(items, grain, threads, run_items, &j);
  if (oct_verbose())
    oct_tell("sgemm %zux%zux%zu kernel=%s %.1f us", gemm->m, gemm->n, gemm->k, j.kernel->name, oct_clock_us() - start);
  return OCT_OK;
}
