/* Cutting products into pieces of work, for GEMM and convolution. */
#ifndef OCT_GEMM_PLAN_H
#define OCT_GEMM_PLAN_H

#include "gemm_packed.h"

/* Where part `index` begins when `count` things are cut into `parts` parts that differ by one at most. */
static inline size_t oct_gemm_part(size_t count, size_t parts, size_t index) {
  if (parts == 1) return index * count;
  const size_t rest = count % parts;
  const size_t spread = parts <= UINT32_MAX ? rest * index / parts : index < rest ? index : rest;
  return index * (count / parts) + spread;
}

typedef struct oct_gemm_span {
  size_t first, count;
} oct_gemm_span;

/* How m rows are cut into pieces of work: blocks of rows by blocks of panels. */
typedef struct oct_gemm_plan {
  size_t row_unit, row_units;   /* blocks are whole units of so many rows, the last one's end aside */
  size_t row_block, row_blocks; /* rows of the largest block at least, and blocks */
  size_t panel_blocks;          /* parts of the panels */
  size_t pieces_wanted;         /* of a team */
  int threads;
  size_t panel_offset, scratch_offset; /* inside a worker's slice, behind its mark and row sums */
  size_t slice;                        /* bytes per worker, a multiple of OCT_ALIGNMENT; 0 when a worker needs none */
} oct_gemm_plan;

/* The rows of a block, of m. */
static inline oct_gemm_span oct_gemm_block_span(const oct_gemm_plan *plan, size_t m, size_t block) {
  const size_t first = oct_gemm_part(plan->row_units, plan->row_blocks, block) * plan->row_unit;
  const size_t end = oct_gemm_part(plan->row_units, plan->row_blocks, block + 1) * plan->row_unit;
  return (oct_gemm_span){.first = first, .count = (end < m ? end : m) - first};
}

/* How many of at most `threads` threads m rows, `repeats` times, are worth. */
int oct_gemm_worthwhile_threads(const oct_gemm_packed *packed, size_t m, size_t repeats, int threads);

/* Plans m rows for at most `threads` threads; packs_rows: rows of a go through the worker's slice. The plan is one of
 * `repeats` equal ones that run together, the groups of a convolution. */
oct_gemm_plan oct_gemm_make_plan(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows, int threads);

/* Bytes of all slices that suffice for any limit up to `threads`: fewer threads may have larger slices. */
size_t oct_gemm_slice_bytes(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows, int threads);

/* Blocks that the panels are cut into for the second level of cache. */
size_t oct_gemm_plan_panel_blocks(const oct_gemm_packed *packed);

/* Planes of lines by panels, `repeats` times. A plane's lines are cut into line_parts parts, all panels into
 * panel_parts; pieces are handed out with the panels running fastest, or the blocks of lines. */
typedef struct oct_gemm_cut {
  size_t planes, lines, panels, repeats, line_parts, panel_parts;
  bool panels_inside;
} oct_gemm_cut;

static inline size_t oct_gemm_cut_pieces(const oct_gemm_cut *cut) {
  return cut->repeats * cut->planes * cut->line_parts * cut->panel_parts;
}

/* Cuts further, lines rather than panels or the other way round: into `wanted` pieces of each repeat, and so that no
 * thread has much more to do than another. */
void oct_gemm_cut_for_team(oct_gemm_cut *cut, size_t wanted, bool lines_first, size_t most_line_parts, int threads);

/* A worker's slice of the workspace. It starts with a mark: which block of rows its panel holds. */
#define OCT_GEMM_NO_BLOCK SIZE_MAX
static inline size_t *oct_gemm_slice_mark(void *slice) { return slice; }
static inline int64_t *oct_gemm_slice_row_sums(void *slice) {
  return (int64_t *)(void *)((char *)slice + OCT_ALIGNMENT);
}

#endif /* OCT_GEMM_PLAN_H */
