/* Copying strips, and when they pay.
 *
 * A gathered panel copies every input pixel once for each tap that reads it; a strip copies it once. Its rows overlap:
 * pixel o of a line starts stride pixels behind pixel o - 1, and a window is a run of neighbours for each line of the
 * kernel. What that costs is that tiles don't reach beyond a line, and that runs are padded to whole groups of k, each
 * one, with weights of zero that meet whatever follows in the strip. */
#include "conv_strip.h"

#include <string.h>

#include "base/align.h"
#include "base/status.h"

/* Windows overlap enough: a pixel is read at least twice, and none is skipped. */
static bool overlaps(const size_t kernel[], const size_t stride[], const size_t dilation[]) {
  for (int d = 1; d < OCT_CONV_MAX_RANK; d++)
    if (stride[d] > kernel[d] || dilation[d] > 16) return false;
  return kernel[1] * kernel[2] / (stride[1] * stride[2]) >= 2;
}

size_t oct_conv_padded_run(const oct_conv_geometry *geometry, const oct_gemm_kernel *kernel, size_t channels) {
  const oct_conv_phase phase = oct_conv_phase_at(geometry, 0);
  if (geometry->transposed || !kernel->takes_runs || kernel->form == OCT_GEMM_FORM_S16 || phase.dilation[1] != 1 ||
      phase.dilation[2] != 1 || !overlaps(phase.kernel, phase.stride, phase.dilation) ||
      phase.kernel[0] > OCT_CONV_MAX_RUNS || phase.kernel[1] > OCT_CONV_MAX_RUNS / phase.kernel[0])
    return 0;
  size_t run;
  if (!oct_multiply(phase.kernel[2], channels, &run) || run > UINT16_MAX || run % kernel->k_group == 0) return 0;
  /* Multiplying a third more costs about what gathering does. */
  return 3 * oct_round_up(run, kernel->k_group) <= 4 * run ? run : 0;
}

/* True when lines of so many pixels fill tiles well. */
static bool fills_tiles(size_t pixels, const oct_gemm_kernel *kernel) {
  const size_t tiles = oct_ceil_div(pixels, kernel->mr);
  return 4 * pixels >= 3 * tiles * kernel->mr;
}

static void list_runs(const oct_conv_phase *phase, size_t taps_along, oct_conv_strip *strip) {
  const size_t line = strip->width * strip->pixel;
  strip->runs = 0;
  for (size_t t0 = 0; t0 < phase->kernel[0]; t0++)
    for (size_t t1 = 0; t1 < phase->kernel[1]; t1++)
      for (size_t t2 = 0; t2 < taps_along; t2++)
        strip->run_at[strip->runs++] =
            (ptrdiff_t)((t0 * strip->height + t1 * phase->dilation[1]) * line + t2 * phase->dilation[2] * strip->pixel);
}

/* Input lines for so many output lines. */
static size_t height_of(const oct_conv_phase *phase, size_t lines) {
  return (lines - 1) * phase->stride[1] + (phase->kernel[1] - 1) * phase->dilation[1] + 1;
}

/* Pixels that all products share: no channel is copied alone, but taps are no neighbours any more. Distances that are
 * multiples of large powers of two would meet few sets of the first level of cache. */
static bool share(const oct_conv_phase *phase, const oct_gemm_packed *product, size_t channels, size_t all_channels,
                  oct_conv_strip *strip) {
  enum { SHORTEST_LINE = 4, LARGE_POWER = 512 };
  const size_t taps = phase->kernel[0] * phase->kernel[1] * phase->kernel[2];
  if (channels == all_channels || product->has_zero || channels % product->kernel->k_group != 0 ||
      taps > OCT_CONV_MAX_RUNS || phase->out[2] < SHORTEST_LINE)
    return false;
  strip->channels = all_channels;
  strip->pixel = strip->channels % LARGE_POWER == 0 ? strip->channels + OCT_ALIGNMENT : strip->channels;
  strip->run = channels;
  return true;
}

/* Gives the strip its lines, and true if it is small enough. */
static bool fit_lines(const oct_conv_phase *phase, size_t lines, size_t bytes, oct_conv_strip *strip) {
  const size_t line_bytes = strip->width * strip->pixel * phase->kernel[0];
  const size_t fitting = bytes / line_bytes, least = height_of(phase, 1);
  const size_t most = fitting > least ? (fitting - least) / phase->stride[1] + 1 : 1;
  lines = lines < most ? lines : most;
  lines = lines < phase->out[1] ? lines : phase->out[1];
  strip->plane_blocks = oct_ceil_div(phase->out[1], lines);
  strip->lines = oct_ceil_div(phase->out[1], strip->plane_blocks);
  strip->plane_blocks = oct_ceil_div(phase->out[1], strip->lines);
  strip->height = height_of(phase, strip->lines);
  strip->bytes = strip->height * line_bytes + OCT_GEMM_PANEL_SLACK;
  return least * line_bytes <= 2 * bytes;
}

void oct_conv_shape_strip(const oct_conv_phase *phase, const oct_gemm_packed *product, size_t channels,
                          size_t all_channels, size_t lines, size_t bytes, oct_conv_strip *strip) {
  const oct_gemm_kernel *kernel = product->kernel;
  const bool padded = product->run != product->k;
  strip->lines = 0;
  if (!kernel->takes_runs || kernel->form == OCT_GEMM_FORM_S16 || phase->pixels == 0 || phase->taps == 0) return;
  const bool overlapping = overlaps(phase->kernel, phase->stride, phase->dilation);
  strip->width = (phase->out[2] - 1) * phase->stride[2] + (phase->kernel[2] - 1) * phase->dilation[2] + 1;
  strip->shared = !padded && overlapping && share(phase, product, channels, all_channels, strip);
  if (strip->shared && fit_lines(phase, lines, bytes, strip)) {
    list_runs(phase, phase->kernel[2], strip);
    return;
  }
  const size_t taps_along = phase->dilation[2] == 1 ? 1 : phase->kernel[2];
  strip->shared = false;
  strip->lines = 0;
  strip->pixel = strip->channels = channels;
  strip->run = phase->dilation[2] == 1 ? phase->kernel[2] * channels : channels;
  if (!padded && (!overlapping || strip->run % kernel->k_group != 0 || !fills_tiles(phase->out[2], kernel) ||
                  phase->kernel[0] * phase->kernel[1] * taps_along > OCT_CONV_MAX_RUNS))
    return;
  if (!fit_lines(phase, lines, bytes, strip) && !padded) {
    strip->lines = 0;
    return;
  }
  list_runs(phase, taps_along, strip);
}

/* `count` pixels from the input. */
static uint8_t *put_pixels(const oct_conv_strip *strip, const oct_conv_input *input, const uint8_t *from, size_t count,
                           uint8_t flip, uint8_t *to) {
  enum { LONG_RUN = 128 };
  if (input->x_stride == (ptrdiff_t)strip->pixel && strip->pixel == strip->channels) {
    oct_gemm_copy_bytes(from, count * strip->pixel, flip, to);
    return to + count * strip->pixel;
  }
  if (strip->channels == 32) { /* block diagonal products; the constant spares a loop */
    for (size_t i = 0; i < count; i++, from += input->x_stride, to += strip->pixel)
      oct_gemm_copy_bytes(from, 32, flip, to);
    return to;
  }
  if (flip == 0 && strip->channels >= LONG_RUN) {
    for (size_t i = 0; i < count; i++, from += input->x_stride, to += strip->pixel) memcpy(to, from, strip->channels);
    return to;
  }
  for (size_t i = 0; i < count; i++, from += input->x_stride, to += strip->pixel)
    oct_gemm_copy_bytes(from, strip->channels, flip, to);
  return to;
}

static uint8_t *put_zeros(const oct_conv_strip *strip, size_t count, int32_t zero, uint8_t *to) {
  memset(to, zero & 0xFF, count * strip->pixel);
  return to + count * strip->pixel;
}

void oct_conv_pack_strip(const oct_conv_phase *phase, const oct_conv_strip *strip, const oct_gemm_packed *product,
                         const oct_conv_input *input, size_t channel, size_t plane, size_t line, int32_t zero,
                         uint8_t *to) {
  const uint8_t flip = oct_gemm_form_flip(product->kernel->form, product->a_dtype);
  const ptrdiff_t *start = phase->start, width = (ptrdiff_t)strip->width;
  const ptrdiff_t in[] = {(ptrdiff_t)input->in[0], (ptrdiff_t)input->in[1], (ptrdiff_t)input->in[2]};
  const ptrdiff_t image = (ptrdiff_t)(plane / phase->out[0]) * in[0];
  const ptrdiff_t first0 = (ptrdiff_t)(plane % phase->out[0] * phase->stride[0]) + start[0];
  const ptrdiff_t first1 = (ptrdiff_t)(line * phase->stride[1]) + start[1];
  /* The part of a line that is inside the image: low..<high of its pixels. */
  ptrdiff_t low = start[2] < 0 ? -start[2] : 0, high = in[2] - start[2];
  low = low < width ? low : width;
  high = high < width ? high : width;
  high = high > low ? high : low;
  for (size_t t0 = 0; t0 < phase->kernel[0]; t0++) {
    const ptrdiff_t p0 = first0 + (ptrdiff_t)(t0 * phase->dilation[0]);
    for (size_t h = 0; h < strip->height; h++) {
      const ptrdiff_t p1 = first1 + (ptrdiff_t)h;
      if (p0 < 0 || p0 >= in[0] || p1 < 0 || p1 >= in[1] || high == low) {
        to = put_zeros(strip, strip->width, zero, to);
        continue;
      }
      const ptrdiff_t pixel = ((image + p0) * in[1] + p1) * in[2] + start[2] + low;
      to = put_zeros(strip, (size_t)low, zero, to);
      to = put_pixels(strip, input, input->x + pixel * input->x_stride + (ptrdiff_t)channel, (size_t)(high - low), flip,
                      to);
      to = put_zeros(strip, (size_t)(width - high), zero, to);
    }
  }
  memset(to, 0, OCT_GEMM_PANEL_SLACK);
}

void oct_conv_strip_sums(const oct_conv_phase *phase, const oct_conv_strip *strip, const oct_gemm_packed *product,
                         const uint8_t *line, size_t count, int64_t *row_sum) {
  const size_t step = phase->stride[2] * strip->pixel;
  for (size_t i = 0; i < count; i++, line += step) {
    row_sum[i] = 0;
    for (size_t run = 0; run < strip->runs; run++)
      row_sum[i] += oct_gemm_row_sum(product->kernel->form, line + strip->run_at[run], strip->run);
  }
}
