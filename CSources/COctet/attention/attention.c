/* Attention of heads side by side: arguments, panels, threads.
 *
 * An item is a pair of batch and head, or a part of its rows when there are few pairs. Whoever takes one copies the pair's keys,
 * transposed, and its values to panels that fit the caches, and goes through its rows block by block: a block's scores never leave the
 * first levels of cache. */
#include <string.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "kernels.h"

OCT_FP_STRICT

enum {
  BLOCK = 24,             /* rows of a block at most */
  BLOCK_SCORES = 1 << 14, /* scores of a block at most, unless a tile has more */
  GRAIN = 1 << 16         /* products that are worth a thread */
};

/* Elements that any address space can hold. */
#define MOST ((size_t)PTRDIFF_MAX / sizeof(float))

/* One of the tensors of a call. */
typedef struct tensor {
  const char *name;
  const float *data;
  size_t rows, columns, batch_step, head_step, row_step;
} tensor;

/* Adds (count - 1) * step to `reach`; false beyond memory. */
static bool reach_on(size_t count, size_t step, size_t *reach) {
  size_t more;
  return count == 0 || (oct_multiply(count - 1, step, &more) && oct_add(*reach, more, reach));
}

static oct_status check_tensor(const char *entry, const oct_attention *a, const tensor *t) {
  if (t->rows == 0 || t->columns == 0) return OCT_OK;
  size_t reach = t->columns;
  if (!reach_on(a->batch, t->batch_step, &reach) || !reach_on(a->heads, t->head_step, &reach) ||
      !reach_on(t->rows, t->row_step, &reach) || reach > MOST)
    return oct_fail(OCT_OVERFLOW, "%s: %s of %zu x %zu matrices [%zu, %zu] reaches beyond memory; check its strides",
                    entry, t->name, a->batch, a->heads, t->rows, t->columns);
  if (!t->data)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu x %zu matrices [%zu, %zu]; pass a buffer",
                    entry, t->name, a->batch, a->heads, t->rows, t->columns);
  return OCT_OK;
}

static oct_status check_output(const char *entry, const oct_attention *a) {
  const struct {
    const char *name;
    size_t count, step;
  } strides[] = {{"y_batch", a->batch, a->y_batch}, {"y_head", a->heads, a->y_head}, {"y_row", a->queries, a->y_row}};
  for (size_t i = 0; i < 3; i++)
    if (strides[i].count > 1 && strides[i].step < a->value_width)
      return oct_fail(OCT_SHAPE_MISMATCH,
                      "%s: %s is %zu, expected at least value_width, %zu; rows of y may not overlap", entry,
                      strides[i].name, strides[i].step, a->value_width);
  return OCT_OK;
}

static bool is_empty(const oct_attention *a) {
  return a->batch == 0 || a->heads == 0 || a->queries == 0 || a->value_width == 0;
}

static oct_status check(const char *entry, const oct_attention *a) {
  if (!a) return oct_fail(OCT_INVALID_ARGUMENT, "%s: attention is null; pass an oct_attention", entry);
  if (a->struct_size != sizeof *a)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: attention->struct_size is %u, expected %zu; set it to sizeof(oct_attention)", entry,
                    (unsigned)a->struct_size, sizeof *a);
  if (is_empty(a)) return OCT_OK;
  const tensor tensors[] = {{"q", a->q, a->queries, a->width, a->q_batch, a->q_head, a->q_row},
                            {"k", a->k, a->keys, a->width, a->k_batch, a->k_head, a->k_row},
                            {"v", a->v, a->keys, a->value_width, a->v_batch, a->v_head, a->v_row},
                            {"y", a->y, a->queries, a->value_width, a->y_batch, a->y_head, a->y_row},
                            {"mask", a->mask, a->queries, a->keys, a->mask_batch, a->mask_head, a->mask_row}};
  oct_status status = check_output(entry, a);
  for (size_t i = 0; i < (a->mask ? 5 : 4) && status == OCT_OK; i++) status = check_tensor(entry, a, &tensors[i]);
  size_t pairs;
  if (status == OCT_OK && !oct_multiply(a->batch, a->heads, &pairs))
    return oct_fail(OCT_OVERFLOW, "%s: batch %zu times heads %zu don't fit; check the shape", entry, a->batch,
                    a->heads);
  return status;
}

/* What a thread works in, in floats: one part behind the other. */
typedef struct layout {
  size_t block_rows, scores_row;
  size_t values, queries, scores, all; /* where they begin; keys begin at 0 */
} layout;

static bool lay_out(const oct_attention *a, const oct_attention_kernels *kernels, layout *l) {
  const size_t columns = kernels->columns, line = OCT_ALIGNMENT / sizeof(float);
  size_t keys, values, queries, scores;
  if (a->keys > MOST / 2 || a->width > MOST / 2 || a->value_width > MOST / 2) return false;
  l->scores_row = oct_round_up(a->keys, columns);
  const size_t rows = BLOCK_SCORES / (l->scores_row + 1) / kernels->rows * kernels->rows;
  l->block_rows = rows > BLOCK ? BLOCK : rows < kernels->rows ? kernels->rows : rows;
  if (!oct_multiply(l->scores_row, a->width, &keys) ||
      !oct_multiply(oct_round_up(a->value_width, columns), a->keys, &values) ||
      !oct_multiply(l->block_rows, a->width, &queries) || !oct_multiply(l->block_rows, l->scores_row, &scores) ||
      keys > MOST / 8 || values > MOST / 8 || queries > MOST / 8 || scores > MOST / 8)
    return false;
  l->values = oct_round_up(keys, line);
  l->queries = l->values + oct_round_up(values, line);
  l->scores = l->queries + oct_round_up(queries, line);
  l->all = l->scores + oct_round_up(scores, line);
  return true;
}

static oct_status thread_layout(const char *entry, const oct_attention *a, const oct_attention_kernels *kernels,
                                int32_t threads, layout *l, size_t *bytes) {
  *bytes = 0;
  *l = (layout){0};
  if (is_empty(a) || a->keys == 0) return OCT_OK;
  if (lay_out(a, kernels, l) && oct_multiply(l->all, sizeof(float) * (size_t)threads, bytes) && *bytes <= PTRDIFF_MAX)
    return OCT_OK;
  return oct_fail(OCT_OVERFLOW,
                  "%s: keys %zu, width %zu, value_width %zu and threads %d are more than memory can serve", entry,
                  a->keys, a->width, a->value_width, (int)threads);
}

typedef struct job {
  const oct_attention *attention;
  const oct_attention_kernels *kernels;
  layout layout;
  size_t rows, parts; /* rows of an item, and items of a pair */
  float *workspace;
} job;

static void run_rows(const job *j, size_t batch, size_t head, size_t first, size_t last, float *work) {
  const oct_attention *a = j->attention;
  const float *q = a->q ? a->q + batch * a->q_batch + head * a->q_head : NULL;
  oct_attention_block block = {.keys = a->keys,
                               .width = a->width,
                               .value_width = a->value_width,
                               .queries = work + j->layout.queries,
                               .key_panels = work,
                               .value_panels = work + j->layout.values,
                               .mask_row = a->mask_row,
                               .scores = work + j->layout.scores,
                               .scores_row = j->layout.scores_row,
                               .y_row = a->y_row};
  for (size_t row = first; row < last; row += block.rows) {
    block.rows = last - row < j->layout.block_rows ? last - row : j->layout.block_rows;
    if (a->width > 0)
      j->kernels->scale(q + row * a->q_row, a->q_row, block.rows, a->width, a->scale, work + j->layout.queries);
    if (a->mask) block.mask = a->mask + batch * a->mask_batch + head * a->mask_head + row * a->mask_row;
    block.y = a->y + batch * a->y_batch + head * a->y_head + row * a->y_row;
    j->kernels->block(&block);
  }
}

static void run_items(void *context, size_t begin, size_t end, int worker) {
  const job *j = context;
  const oct_attention *a = j->attention;
  float *work = j->workspace + (size_t)worker * j->layout.all;
  for (size_t item = begin; item < end; item++) {
    const size_t pair = item / j->parts, batch = pair / a->heads, head = pair % a->heads;
    if (item == begin || item % j->parts == 0) {
      if (a->width > 0)
        j->kernels->pack_keys(a->k + batch * a->k_batch + head * a->k_head, a->k_row, a->keys, a->width, work);
      j->kernels->pack_values(a->v + batch * a->v_batch + head * a->v_head, a->v_row, a->keys, a->value_width,
                              work + j->layout.values);
    }
    const size_t first = item % j->parts * j->rows;
    run_rows(j, batch, head, first, a->queries - first < j->rows ? a->queries : first + j->rows, work);
  }
}

/* Results of no keys. */
static void clear(const oct_attention *a) {
  for (size_t batch = 0; batch < a->batch; batch++)
    for (size_t head = 0; head < a->heads; head++)
      for (size_t row = 0; row < a->queries; row++)
        memset(a->y + batch * a->y_batch + head * a->y_head + row * a->y_row, 0, a->value_width * sizeof(float));
}

oct_status oct_attention_workspace(const oct_attention *attention, int32_t threads, size_t *size) {
  static const char entry[] = "oct_attention_workspace";
  const oct_attention_kernels *kernels;
  layout l;
  if (!size) return oct_fail(OCT_INVALID_ARGUMENT, "%s: size is null; pass where to put the answer", entry);
  if (threads < 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: threads is %d, expected 0 or more; pass 0 for every thread", entry,
                    (int)threads);
  oct_status status = check(entry, attention);
  if (status == OCT_OK) status = oct_attention_select(&kernels);
  if (status != OCT_OK) return status;
  return thread_layout(entry, attention, kernels, threads > 0 ? threads : oct_max_threads(), &l, size);
}

/* Pairs, or parts of their rows where pairs alone are too few for the threads. */
static void share(job *j, int threads) {
  const oct_attention *a = j->attention;
  const size_t pairs = a->batch * a->heads, wanted = 4 * (size_t)threads;
  const size_t parts = threads > 1 && pairs < wanted ? oct_ceil_div(wanted, pairs) : 1;
  j->rows = oct_round_up(oct_ceil_div(a->queries, parts), j->kernels->rows);
  j->parts = oct_ceil_div(a->queries, j->rows);
}

oct_status oct_attention_run(const oct_attention *attention, const oct_run *run) {
  static const char entry[] = "oct_attention_run";
  int threads = 1;
  size_t bytes;
  void *workspace;
  job j = {.attention = attention};
  oct_status status = check(entry, attention);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_attention_select(&j.kernels);
  if (status == OCT_OK) status = thread_layout(entry, attention, j.kernels, threads, &j.layout, &bytes);
  if (status == OCT_OK) status = oct_run_workspace(entry, run, bytes, &workspace);
  if (status != OCT_OK || is_empty(attention)) return status;
  if (attention->keys == 0) {
    clear(attention);
    return OCT_OK;
  }
  j.workspace = workspace;
  share(&j, threads);
  const size_t rows = j.rows < GRAIN ? j.rows : GRAIN, keys = attention->keys < GRAIN ? attention->keys : GRAIN;
  const size_t each = attention->width + attention->value_width, grain = GRAIN / (rows * keys) / each + 1;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(attention->batch * attention->heads * j.parts, grain, threads, run_items, &j);
  if (oct_verbose())
    oct_tell("attention %zux%zu queries=%zu keys=%zu width=%zu kernel=%s %.1f us", attention->batch, attention->heads,
             attention->queries, attention->keys, attention->width, j.kernels->name, oct_clock_us() - start);
  return OCT_OK;
}
