/* What a tier implements for depthwise convolution.
 *
 * Channels are taken in units of 16. A cell is what one multiplication step of a unit reads: for each of the 16
 * channels, `lanes` taps side by side. An output is the sum over steps and groups of products of its cells with the
 * packed weights' cells:
 *
 *   acc[c] = sum over steps j, groups g, lanes l of x[j, g][c][l] * w[j, g][c][l]
 *
 * Steps walk along the input row. Neighbouring outputs share cells, so gathering a column once serves all taps that
 * meet it. Cells either hang over the window's rows (lane = row % lanes, group = row / lanes, one step per kernel
 * column) or lie along its columns (lane = column % lanes, step = column / lanes, one group per row); packing takes
 * what costs less.
 *
 * Exactness. int16 cells hold x - x_zero_point and w - w_zero_point, both within -255..255: a product is within 65025,
 * a pair within 130050. Byte cells hold x as uint8 or as int8, whichever the kernel multiplies, and int8 w; the other
 * type is flipped by 0x80 and its zero point moves by 128. Then
 *
 *   acc = sum x w - x_zero_point * sum w - w_zero_point * (sum x - lanes_in_all * x_zero_point)
 *
 * modulo 2^32. The true sum is within taps * 65025 < 2^31 (OCT_DEPTHWISE_MAX_TAPS), so in all forms the result is the
 * true one, whatever the partial sums do. A lane without a tap holds a weight equal to its zero point and adds nothing.
 * Taps in the padding read x_zero_point and add nothing either. */
#ifndef OCT_DEPTHWISE_KERNEL_H
#define OCT_DEPTHWISE_KERNEL_H

#include "base/epilogue.h"
#include "base/isa.h"
#include "depthwise.h"

/* What cells hold. */
typedef enum oct_depthwise_form {
  OCT_DEPTHWISE_INT16,      /* x - x_zero_point and w - w_zero_point */
  OCT_DEPTHWISE_UNSIGNED_X, /* uint8 x, int8 w */
  OCT_DEPTHWISE_SIGNED_X    /* int8 x, int8 w */
} oct_depthwise_form;

enum {
  OCT_DEPTHWISE_UNIT = 16,
  OCT_DEPTHWISE_UNITS = 4,
  OCT_DEPTHWISE_CHANNELS = OCT_DEPTHWISE_UNIT * OCT_DEPTHWISE_UNITS
};

/* Copies pixels into cells: cell i of unit u at to + u * unit_stride + i * cell size. Channels beyond `channels` become
 * 0. */
typedef struct oct_depthwise_gather {
  const uint8_t *const *taps; /* lanes pointers per cell, each to channel 0 of a pixel */
  size_t cells;
  size_t channel, channels; /* the block: 1..OCT_DEPTHWISE_CHANNELS channels from `channel` on */
  uint8_t flip;             /* 0x80 when the input is of the other signedness than cells; int16 cells come from uint8 */
  int16_t zero_point;       /* of the flipped input; int16 cells subtract it */
  char *to;
  size_t unit_stride;
} oct_depthwise_gather;

/* In front of each unit's weight cells. */
typedef struct oct_depthwise_unit {
  int32_t sum[OCT_DEPTHWISE_UNIT];        /* of all weights of the channel, lanes without a tap included */
  int32_t zero_point[OCT_DEPTHWISE_UNIT]; /* both for byte cells only */
} oct_depthwise_unit;

/* Accumulates one unit for a run of outputs. Distances are in bytes. */
typedef struct oct_depthwise_sum {
  const char *x; /* the first output's first cell */
  size_t outputs, output_distance, step_distance, steps, groups;
  const oct_depthwise_unit *unit;
  const char *w; /* steps * groups cells */
  int32_t x_zero_point, lanes_in_all;
  bool weight_zero_points; /* any is not 0 */
  const int32_t *bias;     /* 16 values to start from */
  int32_t *acc;            /* 16 per output */
  size_t acc_stride;       /* in elements */
} oct_depthwise_sum;

/* Applies the output stage to rows of accumulators. */
typedef struct oct_depthwise_store {
  const oct_stage *stage;
  size_t column; /* of the stage's arrays, which are padded to whole units */
  const int32_t *acc;
  size_t acc_stride, rows, columns;
  char *y;
  ptrdiff_t y_stride; /* in bytes */
} oct_depthwise_store;

typedef struct oct_rows_run oct_rows_run; /* see rows.h */

typedef struct oct_depthwise_kernel {
  const char *name;
  oct_isa isa;
  uint32_t lanes;
  oct_depthwise_form form;
  void (*gather)(const oct_depthwise_gather *gather);
  void (*sum)(const oct_depthwise_sum *sum);
  void (*store)(const oct_depthwise_store *store);
  void (*rows)(const oct_rows_run *run); /* null, or the row form, for cells of bytes */
} oct_depthwise_kernel;

static inline size_t oct_depthwise_cell_size(const oct_depthwise_kernel *kernel) {
  return (size_t)OCT_DEPTHWISE_UNIT * kernel->lanes * (kernel->form == OCT_DEPTHWISE_INT16 ? 2 : 1);
}

#define OCT_DEPTHWISE_KERNEL(isa, arch, symbol) extern const oct_depthwise_kernel symbol;
#include "depthwise.def"
#undef OCT_DEPTHWISE_KERNEL

/* The kernel that oct_max_isa() allows, and a kernel by its place in the list (null beyond the end). */
oct_status oct_depthwise_select(const oct_depthwise_kernel **kernel, uint32_t *index);
const oct_depthwise_kernel *oct_depthwise_kernel_at(uint32_t index);

/* The output stage for sums that need 64 bits with this bias. */
void oct_depthwise_store_wide(const oct_depthwise_store *store, const int32_t *bias);

/* The packed blob: this, then per unit an oct_depthwise_unit and steps * groups cells, or the blocks of the row form. Geometry has rank 3, ones in
 * front. */
typedef struct oct_depthwise_packed {
  uint32_t magic, kernel;
  uint64_t size;
  uint32_t x_dtype, rank;
  uint32_t along_columns, weight_zero_points, in_rows, none;
  size_t channels, steps, groups;
  size_t kernel_size[3], stride[3], dilation[3], padding_begin[3], padding_end[3];
  char reserved[8];
} oct_depthwise_packed;

_Static_assert(sizeof(oct_depthwise_packed) % OCT_ALIGNMENT == 0, "the units behind the header are aligned");
_Static_assert(sizeof(oct_depthwise_unit) % OCT_ALIGNMENT == 0, "the cells behind a unit's header are aligned");

/* The blob's header when it is one that oct_depthwise_pack wrote for a kernel of this build and CPU, else null. */
const oct_depthwise_packed *oct_depthwise_open(const void *packed, size_t packed_size);

#endif /* OCT_DEPTHWISE_KERNEL_H */
