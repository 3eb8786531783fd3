/* How products are cut: parts cover everything once and differ by one at most, and no thread of a team gets much more
 * than its share where the sides can be cut finely enough. */
#define _DEFAULT_SOURCE
#include "gemm/gemm_plan.h"

#include "check.h"

static void test_parts(void) {
  static const size_t counts[] = {0, 1, 2, 7, 14, 196, 511, 3136, (size_t)1 << 40};
  static const size_t parts[] = {1, 2, 3, 8, 13, 100, (size_t)1 << 20};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
      const size_t count = counts[c], least = count / parts[p], most = least + (count % parts[p] != 0);
      bool good = oct_gemm_part(count, parts[p], 0) == 0 && oct_gemm_part(count, parts[p], parts[p]) == count;
      for (size_t i = 0; i < parts[p]; i++) {
        const size_t size = oct_gemm_part(count, parts[p], i + 1) - oct_gemm_part(count, parts[p], i);
        good = good && size >= least && size <= most;
      }
      check(good, "%zu in %zu parts", count, parts[p]);
    }
}

/* Lines times panels of one piece. */
static size_t work_of(const oct_gemm_cut *cut, size_t piece) {
  const size_t blocks = cut->planes * cut->line_parts, rest = piece % (blocks * cut->panel_parts);
  const size_t block = cut->panels_inside ? rest / cut->panel_parts : rest % blocks;
  const size_t group = cut->panels_inside ? rest % cut->panel_parts : rest / blocks;
  const size_t part = block % cut->line_parts;
  return (oct_gemm_part(cut->lines, cut->line_parts, part + 1) - oct_gemm_part(cut->lines, cut->line_parts, part)) *
         (oct_gemm_part(cut->panels, cut->panel_parts, group + 1) -
          oct_gemm_part(cut->panels, cut->panel_parts, group));
}

/* Cuts and deals out the pieces as oct_parallel_for does; the heaviest thread's work in thousandths of its share. */
static size_t heaviest(oct_gemm_cut *cut, size_t wanted, bool lines_first, int threads) {
  const size_t work = cut->repeats * cut->planes * cut->lines * cut->panels;
  oct_gemm_cut_for_team(cut, wanted, lines_first, cut->lines, threads);
  const size_t pieces = oct_gemm_cut_pieces(cut);
  size_t piece = 0, all = 0, most = 0;
  for (size_t left = (size_t)threads; left > 0; left--) {
    size_t load = 0;
    for (size_t count = (pieces - piece) / left; count > 0; count--) load += work_of(cut, piece++);
    all += load;
    most = load > most ? load : most;
  }
  check(all == work, "pieces make %zu, expected %zu", all, work);
  return 1000 * most * (size_t)threads / work;
}

static void test_shares(void) {
  /* Lines of 3x3 and strided convolutions, rows of products; panels of 32 channels. */
  static const size_t lines[] = {7, 13, 14, 28, 49, 56, 112, 512, 1024, 1111},
                      panels[] = {1, 4, 8, 16, 17, 24, 32, 128};
  for (size_t l = 0; l < sizeof lines / sizeof *lines; l++)
    for (size_t p = 0; p < sizeof panels / sizeof *panels; p++)
      for (int form = 0; form < 3; form++) { /* 0, 1: rows in place; 1, 2: lines first */
        oct_gemm_cut cut = {.planes = 1,
                            .lines = lines[l],
                            .panels = panels[p],
                            .repeats = 1,
                            .line_parts = 1,
                            .panel_parts = 1,
                            .panels_inside = form == 2};
        const size_t load = heaviest(&cut, 8, form > 0, 2);
        /* An odd line of a single panel can't be shared. */
        const size_t fair = panels[p] == 1 ? 1000 + 1000 / lines[l] + 1 : 1035;
        check(load <= fair, "%zu lines of %zu panels, form %d: the heaviest of two threads has %zu/1000 of its share",
              lines[l], panels[p], form, load);
      }
  oct_gemm_cut groups = {
      .planes = 3, .lines = 5, .panels = 1, .repeats = 4, .line_parts = 1, .panel_parts = 1, .panels_inside = true};
  check(heaviest(&groups, 2, true, 2) == 1000, "four groups come out even on two threads");
  check(heaviest(&groups, 4, true, 4) == 1000, "and on four");
}

int main(void) {
  test_parts();
  test_shares();
  return check_report("gemm_plan_test");
}
