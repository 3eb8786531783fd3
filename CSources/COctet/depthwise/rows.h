/* The row form: what a tier may implement for windows in a plane, beside the cells of kernel.h.
 *
 * Everything from input to output happens in registers for a vector of 64 bytes: 64 channels of one pixel, or 32 or 16
 * channels of 2 or 4 pixels, when there are no more. Its pixels come from different output rows, so that they share
 * columns.
 *
 * Cells hang over input rows: four rows of 64 bytes, transposed, are four quads of 64 bytes. The transposition stays
 * inside lanes of 128 bits, which is what packing sums to bytes undoes: element i of lane u of quad q is byte
 * 16 u + 4 q + i of the vector. Neighbouring output rows read the same cells with their weights moved by some lanes,
 * so one transposition serves `rows` of them:
 *
 *   acc[v, t] = sum over steps j and groups g of cell[t * output_distance + j * step_distance, g] * weight[v, j, g]
 *
 * where weight[v, j, g][lane] belongs to window row 4 g + lane - v * shift, and is 0 outside the window. */
#ifndef OCT_DEPTHWISE_ROWS_H
#define OCT_DEPTHWISE_ROWS_H

#include "kernel.h"

enum {
  OCT_ROWS_VECTOR = 64,
  OCT_ROWS_LANES = 4,
  OCT_ROWS_QUADS = 4,
  OCT_ROWS_CELL = OCT_ROWS_QUADS * OCT_ROWS_VECTOR,
  OCT_ROWS_MOST = 2,   /* output rows that share cells */
  OCT_ROWS_PIXELS = 4, /* pixels of a vector at most */
  OCT_ROWS_OUTPUTS = 6 /* outputs of a tile at most */
};

/* The layout of packed weights. The vectors of one block are [half][step][group][quad of the half][row][64], with as
 * many halves as rows. */
typedef struct oct_rows_layout {
  uint32_t rows, shift; /* output rows that share cells, and lanes from one to the next */
  bool streams;         /* the tier has code that needs no cells in memory */
  size_t window_rows, steps, groups;
  size_t output_distance, step_distance; /* in cells */
  size_t column_unit;                    /* input columns from one cell to the next */
  size_t block_bytes;                    /* weights of a block, behind an oct_rows_sums */
} oct_rows_layout;

/* In front of each block's weights: sums of the weights, in the order of quads. */
typedef struct oct_rows_sums {
  int32_t sum[OCT_ROWS_QUADS][16];
} oct_rows_sums;

/* What a call makes of each block, in the order of quads. */
typedef struct oct_rows_columns {
  int32_t start[OCT_ROWS_QUADS][16]; /* of accumulators */
  float multiplier[OCT_ROWS_QUADS][16];
  float bias[OCT_ROWS_QUADS][16];
} oct_rows_columns;

/* Channels of a block: 64 / pixels from `channel` on. Blocks may overlap. */
typedef struct oct_rows_block {
  size_t channel, pixels;
} oct_rows_block;

/* The layout for a header; false when the form doesn't serve it. Weights must have no zero points. */
bool oct_rows_make_layout(const oct_depthwise_packed *header, oct_rows_layout *layout);

/* Bytes of all blocks' weights, and writing them where zeros are. */
size_t oct_rows_packed_bytes(const oct_rows_layout *layout, size_t channels);
void oct_rows_pack(const oct_rows_layout *layout, size_t channels, const oct_conv_weights *weights, void *to);

/* Workspace and run for weights packed in this form, batch not 0. */
oct_status oct_rows_workspace_size(const oct_depthwise_packed *header, const oct_conv_call *call, int threads,
                                   size_t *bytes);
oct_status oct_rows_run_call(const oct_depthwise_packed *header, const oct_conv_call *call, const oct_run *run);

/* How many blocks serve so many channels (at least 16), and one of them. Those of more channels come first. */
size_t oct_rows_blocks(size_t channels);
oct_rows_block oct_rows_block_at(size_t channels, size_t index);

/* One set of output rows for each pixel, over blocks that have as many pixels. */
struct oct_rows_run {
  const oct_rows_layout *layout;
  const oct_stage *stage;
  bool biased; /* the stage's bias and upper clamp need floats */
  uint8_t flip, padding;
  size_t pixels;
  /* For each pixel groups * 4 input rows: where channel 0 of column 0 lies. */
  const uint8_t *const *input;
  ptrdiff_t column_bytes, first_offset; /* from cell to cell, and from column 0 to cell 0 */
  size_t begin, end;                    /* the cells inside the image */
  size_t outputs;
  /* For each pixel the rows' outputs: channel 0 of the first. Rows that don't exist lie where the first of their set
   * does, which is stored last. */
  char *const *output;
  ptrdiff_t output_bytes;
  /* Blocks. */
  size_t block_count, channel; /* those after the first are 64 channels further each */
  const char *weights;
  const oct_rows_columns *columns;
  char *cells;
  /* Outputs other than bytes: sums of a tile, [row][output][64], and who takes them. */
  int32_t *sums;
  void (*take)(void *context, const oct_rows_run *run, size_t channel, size_t first, size_t count);
  void *context;
};

#if OCT_ARCH_X86
void oct_depthwise_rows_avx512vnni(const oct_rows_run *run);
#endif

#endif /* OCT_DEPTHWISE_ROWS_H */
