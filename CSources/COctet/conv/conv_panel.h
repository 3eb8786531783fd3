/* Panels of input pixels: the rows that a convolution multiplies, gathered from x block by block. */
#ifndef OCT_CONV_PANEL_H
#define OCT_CONV_PANEL_H

#include "conv_packed.h"

/* The input of one run. */
typedef struct oct_conv_input {
  const uint8_t *x;
  ptrdiff_t x_stride; /* elements from pixel to pixel */
  size_t x_elements;  /* up to the end of the last pixel's channels */
  size_t in[OCT_CONV_MAX_RANK];
} oct_conv_input;

/* Packs the rows of a phase's output pixels first..<first + rows (over the whole batch) for one product, whose channels begin with
 * `channel`. `zero` is x's zero point in the kernel's form. row_sum may be null; scratch is needed by kernels with row groups. */
void oct_conv_pack_panel(const oct_conv_phase *phase, size_t channels, const oct_gemm_packed *product,
                         const oct_conv_input *input, size_t channel, size_t first, size_t rows, int32_t zero,
                         void *panel, void *scratch, int64_t *row_sum);

#endif /* OCT_CONV_PANEL_H */
