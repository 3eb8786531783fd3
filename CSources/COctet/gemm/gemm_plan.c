/* How a product is cut into pieces: blocks that fit the caches, and parts that let the threads of a team finish together. */
#include "gemm_plan.h"

#include "base/align.h"
#include "gemm_rows.h"

/* Caches are taken for what cores of the last years have at least: 32 KB and 512 KB. A block of rows stays in the
 * second level beside the panels that meet it; a block of panels fits it. */
enum { ROW_BLOCK_BYTES = 128 << 10, PANEL_BLOCK_BYTES = 384 << 10 };

/* A thread is worth starting for this many cycles of multiply-adds and output stages, or for reading so many bytes of
 * weights. So much makes a piece as well, but a thread has at least one and, where blocks don't ask for more, at most
 * PIECES_PER_THREAD. */
enum { CYCLES_PER_THREAD = 4000, BYTES_PER_THREAD = 256 << 10, PIECES_PER_THREAD = 4, OUTPUTS_PER_CYCLE = 8 };

/* Sides of so many lines or panels may be cut into single ones. */
enum { SINGLES_PER_THREAD = 16 };

/* How many threads a product is worth, not rounded. */
static double worth(const oct_gemm_packed *packed, size_t m, size_t repeats) {
  const double bytes = (double)repeats * (double)packed->columns * (double)packed->k;
  const double products = (double)m * bytes / (double)packed->blocks;
  const double outputs = (double)repeats * (double)m * (double)packed->columns;
  const double cycles = products / packed->kernel->speed + outputs / OUTPUTS_PER_CYCLE;
  const double by_cycles = cycles / CYCLES_PER_THREAD, by_bytes = bytes / BYTES_PER_THREAD;
  return by_cycles > by_bytes ? by_cycles : by_bytes;
}

static int threads_for(double threads_worth, int threads) {
  if (threads_worth < 2) return 1;
  return threads_worth < threads ? (int)threads_worth : threads;
}

int oct_gemm_worthwhile_threads(const oct_gemm_packed *packed, size_t m, size_t repeats, int threads) {
  return threads_for(worth(packed, m, repeats), threads);
}

/* Lines times panels in the pieces before `piece`. */
static size_t work_before(const oct_gemm_cut *cut, size_t piece) {
  const size_t all_lines = cut->planes * cut->lines, blocks = cut->planes * cut->line_parts;
  const size_t repeat = piece / (blocks * cut->panel_parts), rest = piece % (blocks * cut->panel_parts);
  const size_t block = cut->panels_inside ? rest / cut->panel_parts : rest % blocks;
  const size_t group = cut->panels_inside ? rest % cut->panel_parts : rest / blocks;
  const size_t plane = block / cut->line_parts, part = block % cut->line_parts;
  const size_t line = oct_gemm_part(cut->lines, cut->line_parts, part);
  const size_t panel = oct_gemm_part(cut->panels, cut->panel_parts, group);
  const size_t lines = oct_gemm_part(cut->lines, cut->line_parts, part + 1) - line;
  const size_t panels = oct_gemm_part(cut->panels, cut->panel_parts, group + 1) - panel;
  const size_t lines_before = plane * cut->lines + line;
  return repeat * all_lines * cut->panels +
         (cut->panels_inside ? lines_before * cut->panels + lines * panel : panel * all_lines + panels * lines_before);
}

/* The most that one of the threads has to do when oct_parallel_for deals out the pieces. */
static size_t heaviest(const oct_gemm_cut *cut, size_t threads) {
  const size_t pieces = oct_gemm_cut_pieces(cut);
  size_t most = 0, before = 0, next = 0;
  for (size_t i = 0; i < threads; i++) {
    next += (pieces - next) / (threads - i);
    const size_t work = next < pieces ? work_before(cut, next) : cut->repeats * cut->planes * cut->lines * cut->panels;
    most = work - before > most ? work - before : most;
    before = work;
  }
  return most;
}

void oct_gemm_cut_for_team(oct_gemm_cut *cut, size_t wanted, bool lines_first, size_t most_line_parts, int threads) {
  const size_t team = (size_t)threads, work = cut->repeats * cut->planes * cut->lines * cut->panels;
  const size_t enough = work / team + work / team / 32;
  size_t *first = lines_first ? &cut->line_parts : &cut->panel_parts;
  size_t *second = lines_first ? &cut->panel_parts : &cut->line_parts;
  const size_t most_first = lines_first ? most_line_parts : cut->panels;
  const size_t most_second = lines_first ? cut->panels : most_line_parts;
  for (int i = 0; i < 2; i++) {
    size_t *parts = i == 0 ? first : second;
    const size_t most = i == 0 ? most_first : most_second, others = oct_gemm_cut_pieces(cut) / *parts;
    const size_t more = oct_ceil_div(wanted, others);
    if (more > *parts) *parts = more < most ? more : most;
  }
  /* The first of these that lets threads finish together, or else the best: the least parts, whole rounds of them, and
   * single lines and panels where these are few. */
  const size_t options1[] = {*first, oct_round_up(*first, team), most_first};
  const size_t options2[] = {*second, oct_round_up(*second, team), most_second};
  const size_t few = SINGLES_PER_THREAD * team;
  size_t best = SIZE_MAX, best1 = *first, best2 = *second;
  for (int i = 0; i < 9 && best > enough; i++) {
    *first = options1[i % 3];
    *second = options2[i / 3];
    if (*first > most_first || *second > most_second) continue;
    if ((i % 3 == 2 && most_first > few) || (i / 3 == 2 && most_second > few)) continue;
    const size_t load = heaviest(cut, team);
    if (load >= best) continue;
    best = load;
    best1 = *first;
    best2 = *second;
  }
  *first = best1;
  *second = best2;
}

/* A plan with the parts of a worker's slice. */
static oct_gemm_plan with_slice(const oct_gemm_packed *packed, oct_gemm_plan plan, bool packs_rows) {
  if (!packs_rows && !packed->has_zero) return plan;
  const size_t sums = packed->has_zero ? oct_round_up(plan.row_block * sizeof(int64_t), OCT_ALIGNMENT) : 0;
  plan.panel_offset = OCT_ALIGNMENT + sums;
  plan.scratch_offset = plan.panel_offset + (packs_rows ? oct_gemm_panel_bytes(packed, plan.row_block) : 0);
  plan.slice = plan.scratch_offset + (packs_rows ? oct_gemm_scratch_bytes(packed) : 0);
  return plan;
}

/* Cuts the plan's blocks further for a team. Every part of the rows reads all weights, and every part of the panels all
 * rows, which it may have to pack again. Few tiles are shared out by the row. */
static void plan_team(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows, oct_gemm_plan *plan) {
  const size_t tiles = plan->row_units, threads = (size_t)plan->threads;
  if (tiles < 32 * threads) {
    plan->row_unit = packed->kernel->row_group;
    plan->row_units = oct_ceil_div(m, plan->row_unit);
  }
  oct_gemm_cut cut = {.planes = 1,
                      .lines = plan->row_units,
                      .panels = packed->columns / packed->kernel->nr,
                      .repeats = repeats,
                      .line_parts = plan->row_blocks,
                      .panel_parts = plan->panel_blocks,
                      .panels_inside = packs_rows};
  oct_gemm_cut_for_team(&cut, oct_ceil_div(plan->pieces_wanted, repeats), packs_rows || m >= packed->n, tiles,
                        plan->threads);
  plan->row_blocks = cut.line_parts;
  plan->panel_blocks = cut.panel_parts;
}

size_t oct_gemm_plan_panel_blocks(const oct_gemm_packed *packed) {
  const size_t panel_bytes = packed->k_groups * packed->kernel->k_group * packed->kernel->nr + 1;
  const size_t block = PANEL_BLOCK_BYTES / panel_bytes;
  return oct_ceil_div(packed->columns / packed->kernel->nr, block > 0 ? block : 1);
}

oct_gemm_plan oct_gemm_make_plan(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows,
                                 int threads) {
  const oct_gemm_kernel *kernel = packed->kernel;
  const size_t row_bytes = oct_gemm_row_bytes(packed) + 1;
  const size_t panel_bytes = packed->k_groups * kernel->k_group * kernel->nr + 1;
  const size_t tiles = oct_ceil_div(m, kernel->mr), panels = packed->columns / kernel->nr;
  oct_gemm_plan plan = {.threads = 1, .row_unit = kernel->mr, .row_units = tiles};
  if (tiles == 0 || panels == 0) return plan;
  if (threads == 1 && (double)row_bytes * kernel->mr * (double)tiles <= ROW_BLOCK_BYTES &&
      (double)panel_bytes * (double)panels <= PANEL_BLOCK_BYTES) {
    /* One piece: small products shouldn't pay for the divisions below. */
    plan.row_block = tiles * kernel->mr;
    plan.row_blocks = plan.panel_blocks = 1;
    return with_slice(packed, plan, packs_rows);
  }
  const size_t block_tiles = ROW_BLOCK_BYTES / (row_bytes * kernel->mr);
  plan.row_blocks = oct_ceil_div(tiles, block_tiles > 0 ? block_tiles : 1);
  plan.panel_blocks = oct_gemm_plan_panel_blocks(packed);
  if (threads <= 0) threads = oct_max_threads();
  const double team_worth = worth(packed, m, repeats);
  plan.threads = threads_for(team_worth, threads);
  if (plan.threads > 1) {
    const size_t most = (size_t)plan.threads * PIECES_PER_THREAD;
    plan.pieces_wanted = team_worth < (double)most ? (size_t)team_worth : most;
    plan_team(packed, m, repeats, packs_rows, &plan);
    const size_t pieces = plan.row_blocks * plan.panel_blocks * repeats;
    if ((size_t)plan.threads > pieces) plan.threads = (int)pieces;
  }
  plan.row_block = oct_ceil_div(plan.row_units, plan.row_blocks) * plan.row_unit;
  return with_slice(packed, plan, packs_rows);
}

size_t oct_gemm_slice_bytes(const oct_gemm_packed *packed, size_t m, size_t repeats, bool packs_rows, int threads) {
  if (threads <= 0) threads = oct_max_threads();
  threads = oct_gemm_worthwhile_threads(packed, m, repeats, threads);
  size_t most = 0;
  for (int limit = 1; limit <= threads; limit++) {
    const oct_gemm_plan plan = oct_gemm_make_plan(packed, m, repeats, packs_rows, limit);
    const size_t bytes = (size_t)plan.threads * plan.slice;
    most = bytes > most ? bytes : most;
  }
  return most;
}
