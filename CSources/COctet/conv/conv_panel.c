/* Gathering rows: for each output pixel its taps in order, each with the channels of the group; taps outside the image
 * are filled with the zero point. Taps that lie side by side in memory are copied as one run. */
#include "conv_panel.h"

#include <string.h>

#include "base/align.h"
#include "gemm/gemm_rows.h"

/* What stays the same for all rows of a panel. */
typedef struct gather {
  const oct_conv_geometry *geometry;
  const oct_conv_input *input;
  oct_gemm_form form;
  oct_dtype dtype;
  int32_t zero;
  size_t channels, element;              /* of a group; bytes of one in the panel */
  size_t taps_plane;                     /* taps of the last two dimensions */
  bool side_by_side;                     /* taps along the last dimension are neighbours in memory */
  uint8_t flip;                          /* of bytes on their way into the panel */
  ptrdiff_t reach[OCT_CONV_MAX_RANK];    /* pixels from the first tap to the last */
  ptrdiff_t tap_step[OCT_CONV_MAX_RANK]; /* elements from tap to tap in memory */
} gather;

static inline void put_run(const gather *gather, const uint8_t *from, size_t count, char *to) {
  if (gather->form == OCT_GEMM_FORM_S16)
    oct_gemm_convert(gather->form, gather->dtype, from, count, to);
  else
    oct_gemm_copy_bytes(from, count, gather->flip, (uint8_t *)to);
}

static inline void put_zeros(const gather *gather, size_t count, char *to) {
  if (count > 0) oct_gemm_fill(gather->form, gather->zero, count, to);
}

/* The first tap at or beyond position 0, when tap t lies at start + t * dilation; at most `taps`. */
static size_t taps_before(ptrdiff_t start, size_t dilation, size_t taps) {
  if (start >= 0) return 0;
  const size_t before = oct_ceil_div((size_t)-start, dilation);
  return before < taps ? before : taps;
}

/* The taps of one line of the input: `line` is its first pixel in this group, `start` the position of tap 0. */
static char *put_line(const gather *gather, const uint8_t *line, ptrdiff_t start, char *to) {
  const size_t taps = (size_t)gather->geometry->kernel[2], dilation = (size_t)gather->geometry->dilation[2];
  const size_t bytes = gather->channels * gather->element;
  const ptrdiff_t width = (ptrdiff_t)gather->input->in[2];
  const size_t low = taps_before(start, dilation, taps);
  size_t high = taps;
  if (start + (ptrdiff_t)((taps - 1) * dilation) >= width)
    high = width > start ? oct_ceil_div((size_t)(width - start), dilation) : 0;
  if (high < low) high = low;
  put_zeros(gather, low * gather->channels, to);
  if (gather->side_by_side) {
    if (high > low)
      put_run(gather, line + (start + (ptrdiff_t)low) * gather->input->x_stride, (high - low) * gather->channels,
              to + low * bytes);
  } else {
    for (size_t t = low; t < high; t++)
      put_run(gather, line + (start + (ptrdiff_t)(t * dilation)) * gather->input->x_stride, gather->channels,
              to + t * bytes);
  }
  put_zeros(gather, (taps - high) * gather->channels, to + high * bytes);
  return to + taps * bytes;
}

/* A row whose taps are all inside the image; `from` is the first. */
static void put_inside(const gather *gather, const uint8_t *from, char *to) {
  const oct_conv_geometry *geometry = gather->geometry;
  const size_t runs = gather->side_by_side ? 1 : (size_t)geometry->kernel[2];
  const size_t count = gather->side_by_side ? (size_t)geometry->kernel[2] * gather->channels : gather->channels;
  const size_t bytes = count * gather->element;
  for (size_t t0 = 0; t0 < geometry->kernel[0]; t0++, from += gather->tap_step[0]) {
    const uint8_t *line = from;
    for (size_t t1 = 0; t1 < geometry->kernel[1]; t1++, line += gather->tap_step[1])
      for (size_t t2 = 0; t2 < runs; t2++, to += bytes)
        put_run(gather, line + (ptrdiff_t)t2 * gather->tap_step[2], count, to);
  }
}

/* One row: `image` is pixel 0 of the image in this group, `at` the output pixel. */
static void put_row(const gather *gather, const uint8_t *image, const size_t at[], char *to) {
  const oct_conv_geometry *geometry = gather->geometry;
  const size_t *in = gather->input->in;
  ptrdiff_t start[OCT_CONV_MAX_RANK];
  bool inside = true;
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++) {
    start[d] = (ptrdiff_t)(at[d] * (size_t)geometry->stride[d]) - (ptrdiff_t)geometry->padding_begin[d];
    inside = inside && start[d] >= 0 && start[d] + gather->reach[d] < (ptrdiff_t)in[d];
  }
  if (inside) {
    const ptrdiff_t pixel = (start[0] * (ptrdiff_t)in[1] + start[1]) * (ptrdiff_t)in[2] + start[2];
    put_inside(gather, image + pixel * gather->input->x_stride, to);
    return;
  }
  const size_t line_bytes = (size_t)geometry->kernel[2] * gather->channels * gather->element;
  for (size_t t0 = 0; t0 < geometry->kernel[0]; t0++) {
    const ptrdiff_t p0 = start[0] + (ptrdiff_t)(t0 * (size_t)geometry->dilation[0]);
    if (p0 < 0 || p0 >= (ptrdiff_t)in[0]) {
      put_zeros(gather, gather->taps_plane * gather->channels, to);
      to += geometry->kernel[1] * line_bytes;
      continue;
    }
    for (size_t t1 = 0; t1 < geometry->kernel[1]; t1++) {
      const ptrdiff_t p1 = start[1] + (ptrdiff_t)(t1 * (size_t)geometry->dilation[1]);
      if (p1 < 0 || p1 >= (ptrdiff_t)in[1]) {
        put_zeros(gather, (size_t)geometry->kernel[2] * gather->channels, to);
        to += line_bytes;
        continue;
      }
      const ptrdiff_t line = (p0 * (ptrdiff_t)in[1] + p1) * (ptrdiff_t)in[2];
      to = put_line(gather, image + line * gather->input->x_stride, start[2], to);
    }
  }
}

void oct_conv_pack_panel(const oct_conv_packed *conv, const oct_gemm_packed *product, const oct_conv_input *input,
                         size_t group, size_t first, size_t rows, int32_t zero, void *panel, void *scratch,
                         int64_t *row_sum) {
  const oct_gemm_kernel *kernel = product->kernel;
  const oct_conv_geometry *geometry = &conv->geometry;
  const gather gather = {
      .geometry = geometry,
      .input = input,
      .form = kernel->form,
      .dtype = product->a_dtype,
      .zero = zero,
      .channels = conv->group_in,
      .element = oct_gemm_form_size(kernel->form),
      .taps_plane = (size_t)(geometry->kernel[1] * geometry->kernel[2]),
      .side_by_side = geometry->dilation[2] == 1 && input->x_stride == (ptrdiff_t)conv->group_in,
      .flip = oct_gemm_form_flip(kernel->form, product->a_dtype),
      .reach = {(ptrdiff_t)((geometry->kernel[0] - 1) * geometry->dilation[0]),
                (ptrdiff_t)((geometry->kernel[1] - 1) * geometry->dilation[1]),
                (ptrdiff_t)((geometry->kernel[2] - 1) * geometry->dilation[2])},
      .tap_step = {(ptrdiff_t)(geometry->dilation[0] * input->in[1] * input->in[2]) * input->x_stride,
                   (ptrdiff_t)(geometry->dilation[1] * input->in[2]) * input->x_stride,
                   (ptrdiff_t)geometry->dilation[2] * input->x_stride},
  };
  const size_t row_bytes = oct_gemm_row_bytes(product), filled = product->k * gather.element;
  const ptrdiff_t image_stride = (ptrdiff_t)(input->in[0] * input->in[1] * input->in[2]) * input->x_stride;
  const size_t pixel = first % input->out_pixels;
  const uint8_t *image =
      input->x + (ptrdiff_t)(first / input->out_pixels) * image_stride + (ptrdiff_t)(group * conv->group_in);
  size_t at[OCT_CONV_MAX_RANK] = {pixel / (input->out[1] * input->out[2]), pixel / input->out[2] % input->out[1],
                                  pixel % input->out[2]};
  for (size_t begin = 0; begin < rows; begin += kernel->row_group) {
    char *group_rows = (char *)panel + begin * row_bytes;
    char *plain = kernel->row_group == 1 ? group_rows : scratch;
    for (size_t r = 0; r < kernel->row_group; r++) {
      char *row = plain + r * row_bytes;
      if (begin + r >= rows) {
        memset(row, 0, row_bytes);
        continue;
      }
      put_row(&gather, image, at, row);
      for (size_t i = filled; i < row_bytes; i++) row[i] = 0;
      if (row_sum) row_sum[begin + r] = oct_gemm_row_sum(kernel->form, row, product->k);
      if (++at[2] < input->out[2]) continue;
      at[2] = 0;
      if (++at[1] < input->out[1]) continue;
      at[1] = 0;
      if (++at[0] < input->out[0]) continue;
      at[0] = 0;
      image += image_stride;
    }
    if (kernel->row_group != 1) oct_gemm_interleave(kernel, plain, row_bytes, group_rows);
  }
}
