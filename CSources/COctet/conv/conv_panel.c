/* Gathering rows: for each output pixel its taps in order, each with the channels of the product; taps outside the
 * image are filled with the zero point. Taps that lie side by side in memory are copied as one run. */
#include "conv_panel.h"

#include <string.h>

#include "base/align.h"
#include "gemm/gemm_rows.h"

/* Runs of neighbours in memory that make up a row; kernels with more of them are walked tap by tap. */
enum { LISTED_RUNS = 64, SHORT_RUN = 32 };

/* What stays the same for all rows of a panel. */
typedef struct gather {
  const oct_conv_phase *phase;
  const oct_conv_input *input;
  oct_gemm_form form;
  oct_dtype dtype;
  int32_t zero;
  size_t channels, element;              /* of a product; bytes of one in the panel */
  size_t taps_plane;                     /* taps of the last two dimensions */
  bool side_by_side;                     /* taps along the last dimension are neighbours in memory */
  uint8_t flip;                          /* of bytes on their way into the panel */
  ptrdiff_t reach[OCT_CONV_MAX_RANK];    /* pixels from the first tap to the last */
  ptrdiff_t tap_step[OCT_CONV_MAX_RANK]; /* elements from tap to tap in memory */
  size_t run;                            /* elements of a run when all taps are inside the image */
  size_t runs;                           /* listed ones, 0 when they are too many */
  ptrdiff_t run_at[LISTED_RUNS];         /* from the first tap, ascending */
  const uint8_t *end;                    /* of x: up to here reading is fine */
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

/* The taps of one line of the input: `line` is its first pixel in this index, `start` the position of tap 0. */
static char *put_line(const gather *gather, const uint8_t *line, ptrdiff_t start, char *to) {
  const size_t taps = gather->phase->kernel[2], dilation = gather->phase->dilation[2];
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

/* Lists the runs of a row. */
static void list_runs(gather *gather) {
  const oct_conv_phase *phase = gather->phase;
  const size_t lines = gather->side_by_side ? 1 : phase->kernel[2];
  gather->run = gather->side_by_side ? phase->kernel[2] * gather->channels : gather->channels;
  gather->runs = 0;
  if (phase->kernel[0] > LISTED_RUNS || phase->kernel[1] > LISTED_RUNS || lines > LISTED_RUNS ||
      phase->kernel[0] * phase->kernel[1] * lines > LISTED_RUNS)
    return;
  for (size_t t0 = 0; t0 < phase->kernel[0]; t0++)
    for (size_t t1 = 0; t1 < phase->kernel[1]; t1++)
      for (size_t t2 = 0; t2 < lines; t2++)
        gather->run_at[gather->runs++] = (ptrdiff_t)t0 * gather->tap_step[0] + (ptrdiff_t)t1 * gather->tap_step[1] +
                                         (ptrdiff_t)t2 * gather->tap_step[2];
}

/* A row of listed runs, all taps being inside the image; `from` is the first. Short runs are copied with bytes behind
 * them, which the next run, the next row or the panel's slack takes, wherever x goes on for long enough. */
static void put_listed(const gather *gather, const uint8_t *from, char *to) {
  const size_t bytes = gather->run * gather->element;
  if (gather->form == OCT_GEMM_FORM_S16 || gather->run > SHORT_RUN ||
      gather->end - from < gather->run_at[gather->runs - 1] + SHORT_RUN) {
    for (size_t i = 0; i < gather->runs; i++, to += bytes) put_run(gather, from + gather->run_at[i], gather->run, to);
    return;
  }
  for (size_t i = 0; i < gather->runs; i++, to += bytes)
    oct_gemm_copy_bytes(from + gather->run_at[i], SHORT_RUN, gather->flip, (uint8_t *)to);
}

/* The same for runs that are too many for a list. */
static void put_walked(const gather *gather, const uint8_t *from, char *to) {
  const oct_conv_phase *phase = gather->phase;
  const size_t lines = gather->side_by_side ? 1 : phase->kernel[2];
  const size_t bytes = gather->run * gather->element;
  for (size_t t0 = 0; t0 < phase->kernel[0]; t0++)
    for (size_t t1 = 0; t1 < phase->kernel[1]; t1++) {
      const uint8_t *line = from + (ptrdiff_t)t0 * gather->tap_step[0] + (ptrdiff_t)t1 * gather->tap_step[1];
      for (size_t t2 = 0; t2 < lines; t2++, to += bytes)
        put_run(gather, line + (ptrdiff_t)t2 * gather->tap_step[2], gather->run, to);
    }
}

/* One row: `image` is pixel 0 of the image in this index, `at` the output pixel. */
static void put_row(const gather *gather, const uint8_t *image, const size_t at[], char *to) {
  const oct_conv_phase *phase = gather->phase;
  const size_t *in = gather->input->in;
  ptrdiff_t start[OCT_CONV_MAX_RANK];
  bool inside = true;
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++) {
    start[d] = (ptrdiff_t)(at[d] * phase->stride[d]) + phase->start[d];
    inside = inside && start[d] >= 0 && start[d] + gather->reach[d] < (ptrdiff_t)in[d];
  }
  if (inside) {
    const ptrdiff_t pixel = (start[0] * (ptrdiff_t)in[1] + start[1]) * (ptrdiff_t)in[2] + start[2];
    const uint8_t *from = image + pixel * gather->input->x_stride;
    if (gather->runs > 0)
      put_listed(gather, from, to);
    else
      put_walked(gather, from, to);
    return;
  }
  const size_t line_bytes = phase->kernel[2] * gather->channels * gather->element;
  for (size_t t0 = 0; t0 < phase->kernel[0]; t0++) {
    const ptrdiff_t p0 = start[0] + (ptrdiff_t)(t0 * phase->dilation[0]);
    if (p0 < 0 || p0 >= (ptrdiff_t)in[0]) {
      put_zeros(gather, gather->taps_plane * gather->channels, to);
      to += phase->kernel[1] * line_bytes;
      continue;
    }
    for (size_t t1 = 0; t1 < phase->kernel[1]; t1++) {
      const ptrdiff_t p1 = start[1] + (ptrdiff_t)(t1 * phase->dilation[1]);
      if (p1 < 0 || p1 >= (ptrdiff_t)in[1]) {
        put_zeros(gather, phase->kernel[2] * gather->channels, to);
        to += line_bytes;
        continue;
      }
      const ptrdiff_t line = (p0 * (ptrdiff_t)in[1] + p1) * (ptrdiff_t)in[2];
      to = put_line(gather, image + line * gather->input->x_stride, start[2], to);
    }
  }
}

void oct_conv_pack_panel(const oct_conv_phase *phase, size_t channels, const oct_gemm_packed *product,
                         const oct_conv_input *input, size_t channel, size_t first, size_t rows, int32_t zero,
                         void *panel, void *scratch, int64_t *row_sum) {
  const oct_gemm_kernel *kernel = product->kernel;
  gather gather = {
      .phase = phase,
      .input = input,
      .form = kernel->form,
      .dtype = product->a_dtype,
      .zero = zero,
      .channels = channels,
      .element = oct_gemm_form_size(kernel->form),
      .taps_plane = phase->kernel[1] * phase->kernel[2],
      .side_by_side = phase->dilation[2] == 1 && input->x_stride == (ptrdiff_t)channels,
      .flip = oct_gemm_form_flip(kernel->form, product->a_dtype),
      .end = input->x + input->x_elements,
  };
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++) {
    const bool single = phase->kernel[d] == 1;
    gather.reach[d] = single ? 0 : (ptrdiff_t)((phase->kernel[d] - 1) * phase->dilation[d]);
    size_t step = single ? 0 : phase->dilation[d];
    for (int inner = d + 1; inner < OCT_CONV_MAX_RANK; inner++) step *= input->in[inner];
    gather.tap_step[d] = (ptrdiff_t)(step * (size_t)input->x_stride);
  }
  list_runs(&gather);
  const size_t row_bytes = oct_gemm_row_bytes(product), filled = product->k * gather.element;
  const ptrdiff_t image_stride = (ptrdiff_t)(input->in[0] * input->in[1] * input->in[2]) * input->x_stride;
  const size_t pixel = first % phase->pixels;
  const uint8_t *image = input->x + (ptrdiff_t)(first / phase->pixels) * image_stride + (ptrdiff_t)channel;
  size_t at[OCT_CONV_MAX_RANK] = {pixel / (phase->out[1] * phase->out[2]), pixel / phase->out[2] % phase->out[1],
                                  pixel % phase->out[2]};
  for (size_t begin = 0; begin < rows; begin += kernel->row_group) {
    char *group_rows = (char *)panel + begin * oct_gemm_row_pitch(product);
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
      if (++at[2] < phase->out[2]) continue;
      at[2] = 0;
      if (++at[1] < phase->out[1]) continue;
      at[1] = 0;
      if (++at[0] < phase->out[0]) continue;
      at[0] = 0;
      image += image_stride;
    }
    if (kernel->row_group != 1) oct_gemm_interleave(kernel, plain, row_bytes, group_rows);
  }
}
