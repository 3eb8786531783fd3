/* Strips: the padded lines of input that a block of output lines reads, each once. Rows of the product are windows into
 * them, so nothing is gathered. */
#ifndef OCT_CONV_STRIP_H
#define OCT_CONV_STRIP_H

#include "conv_panel.h"
#include "gemm/gemm_plan.h"
#include "gemm/gemm_rows.h"

enum { OCT_CONV_MAX_RUNS = 49 };

/* Lines are of the last dimension; a block is some lines of one plane, the last two dimensions. */
typedef struct oct_conv_strip {
  size_t lines;         /* output lines of the largest block, 0: no strips */
  size_t plane_blocks;  /* blocks of a plane */
  size_t height, width; /* input lines for each of the kernel's planes, and their pixels */
  bool shared;          /* pixels hold the channels of all products, and each product reads its own */
  size_t channels;      /* of a pixel */
  size_t pixel;         /* bytes from pixel to pixel */
  size_t bytes;         /* of a whole strip, with slack */
  size_t run, runs;     /* elements of a run of neighbours, and how many make up a window */
  ptrdiff_t run_at[OCT_CONV_MAX_RUNS];
} oct_conv_strip;

/* The output lines of a block in its plane. */
static inline oct_gemm_span oct_conv_strip_lines(const oct_conv_phase *phase, const oct_conv_strip *strip,
                                                 size_t block) {
  const size_t part = block % strip->plane_blocks, first = oct_gemm_part(phase->out[1], strip->plane_blocks, part);
  return (oct_gemm_span){.first = first, .count = oct_gemm_part(phase->out[1], strip->plane_blocks, part + 1) - first};
}

/* The length of padded runs that pay for strips of this geometry, 0 for none: then k is padded at its end only. */
size_t oct_conv_padded_run(const oct_conv_geometry *geometry, const oct_gemm_kernel *kernel, size_t channels);

/* Shapes the strips of a phase for products of so many of all channels, of at most `lines` lines and about `bytes` bytes. Without lines when windows don't overlap enough, lines are too short for tiles, or the kernel doesn't take
 * runs. */
void oct_conv_shape_strip(const oct_conv_phase *phase, const oct_gemm_packed *product, size_t channels,
                          size_t all_channels, size_t lines, size_t bytes, oct_conv_strip *strip);

/* Writes the strip of a block for one product, whose channels begin with `channel`, or for all if it is shared. `plane` counts over the batch and the first dimension. */
void oct_conv_pack_strip(const oct_conv_phase *phase, const oct_conv_strip *strip, const oct_gemm_packed *product,
                         const oct_conv_input *input, size_t channel, size_t plane, size_t line, int32_t zero,
                         uint8_t *to);

/* Sums of the windows of `count` pixels of one output line; `line` is the first one's window. */
void oct_conv_strip_sums(const oct_conv_phase *phase, const oct_conv_strip *strip, const oct_gemm_packed *product,
                         const uint8_t *line, size_t count, int64_t *row_sum);

#endif /* OCT_CONV_STRIP_H */
