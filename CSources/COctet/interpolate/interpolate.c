/* Resizing: each output pixel is an input pixel, or a blend of up to four.
 *
 * Blends go in two steps, across lines of the input and then down between two of them, in tiles of columns: lines that were
 * blended across serve all output rows between them. */
#include <math.h>
#include <string.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "kernels.h"

OCT_FP_STRICT

/* Bytes that a claimed range writes at least, bytes that start a team, pixels whose places are found at once for
 * blends and for copies, elements of a tile, of which two lines are kept, and output rows that are claimed together. */
enum {
  RANGE_BYTES = 1 << 14,
  FORK_BYTES = 1 << 17,
  PLACES = 256,
  NEAREST_PLACES = 1024,
  TILE = 2048,
  ROWS_TOGETHER = 4
};

static const oct_interpolate_kernels *const table[] = {
#define OCT_INTERPOLATE_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "interpolate.def"
#undef OCT_INTERPOLATE_KERNELS
};

oct_status oct_interpolate_select(const oct_interpolate_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("interpolate", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

typedef struct axis {
  size_t in, out;
  float step;
} axis;

/* Places of output pixels in a line of the input. */
typedef struct places {
  size_t first, count;
  ptrdiff_t from[NEAREST_PLACES];
} places;

typedef struct job {
  axis axes[3];
  const oct_interpolate_kernels *kernels;
  const uint8_t *x;
  uint8_t *y;
  ptrdiff_t x_stride, y_stride;
  size_t channels;
  bool centered; /* nearest: from the middle of output pixels; linear: not aligned corners */
  oct_blend_rule rule;
  /* Tiles: pixels and channels of one, and how many of them a row has. */
  size_t tile_pixels, tile_channels, pixel_tiles, channel_tiles;
  const places *known; /* nearest: the first ones of a line */
} job;

/* floor(position) inside the axis. Positions beyond it, infinities too, are its end. */
static size_t index_below(float position, const axis *a) {
  return position < (float)a->in && (size_t)position < a->in ? (size_t)position : a->in - 1;
}

static size_t nearest_index(const job *j, int i, size_t o) {
  const axis *a = &j->axes[i];
  return index_below((j->centered ? (float)o + 0.5f : (float)o) * a->step, a);
}

/* Where row `row` of the output comes from: the start of an input line. */
static const uint8_t *line_of(const job *j, size_t row) {
  const axis *const a = j->axes;
  const size_t plane = row / a[1].out, depth = plane / a[0].out * a[0].in + nearest_index(j, 0, plane % a[0].out);
  return j->x + (ptrdiff_t)((depth * a[1].in + nearest_index(j, 1, row % a[1].out)) * a[2].in) * j->x_stride;
}

static void find_places(const job *j, size_t first, places *p) {
  const size_t left = j->axes[2].out - first;
  p->first = first;
  p->count = left < NEAREST_PLACES ? left : NEAREST_PLACES;
  for (size_t i = 0; i < p->count; i++) p->from[i] = (ptrdiff_t)nearest_index(j, 2, first + i) * j->x_stride;
}

/* Outputs begin..<end of a row. The job knows the first places, all of those of a row that isn't wider; others are found here. */
static void copy_line(const job *j, const uint8_t *line, size_t begin, size_t end, uint8_t *y) {
  places found;
  while (begin < end) {
    const size_t first = begin / NEAREST_PLACES * NEAREST_PLACES;
    const places *p = j->known;
    if (first > 0) {
      find_places(j, first, &found);
      p = &found;
    }
    const size_t known = first + p->count, stop = known < end ? known : end;
    j->kernels->copy(line, p->from + (begin - first), stop - begin, j->channels, y, j->y_stride);
    y += (ptrdiff_t)(stop - begin) * j->y_stride;
    begin = stop;
  }
}

/* Whole rows that repeat the one before them are copied from there: it is still in the first level of cache, and one long copy
 * writes whole cache lines. */
static void copy_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const size_t width = j->axes[2].out, row_bytes = width * j->channels;
  const bool dense = j->y_stride == (ptrdiff_t)j->channels;
  const uint8_t *line_before = NULL;
  for (size_t pixel = begin; pixel < end;) {
    const size_t row = pixel / width, row_end = (row + 1) * width, stop = row_end < end ? row_end : end;
    const uint8_t *line = line_of(j, row);
    uint8_t *y = j->y + (ptrdiff_t)pixel * j->y_stride;
    const bool whole = dense && stop - pixel == width;
    if (whole && line == line_before)
      memcpy(y, y - row_bytes, row_bytes);
    else
      copy_line(j, line, pixel - row * width, stop - row * width, y);
    line_before = whole ? line : NULL;
    pixel = stop;
  }
}

/* The two inputs around an output, and the weight of the second. */
typedef struct pair {
  size_t first, second;
  float weight;
} pair;

static pair pair_of(const job *j, int i, size_t o) {
  const axis *a = &j->axes[i];
  float position = j->centered ? a->step * ((float)o + 0.5f) - 0.5f : a->step * (float)o;
  if (!(position > 0.0f)) position = 0.0f;
  const size_t first = index_below(position, a);
  const bool beyond = !(position < (float)a->in);
  return (pair){first, first + (first + 1 < a->in), beyond ? 0.0f : position - (float)(size_t)position};
}

/* Lines of the input blended across for the columns and channels of one tile. */
typedef struct tile {
  size_t first_pixel, pixels, first_channel, channels;
  oct_across across[PLACES];
  float lines[2][TILE];
  size_t held[2]; /* which lines these are; SIZE_MAX for none */
} tile;

static void start_tile(const job *j, size_t number, tile *t) {
  const size_t width = j->axes[2].out;
  t->first_pixel = number % j->pixel_tiles * j->tile_pixels;
  t->first_channel = number / j->pixel_tiles * j->tile_channels;
  t->pixels = width - t->first_pixel < j->tile_pixels ? width - t->first_pixel : j->tile_pixels;
  const size_t left = j->channels - t->first_channel;
  t->channels = left < j->tile_channels ? left : j->tile_channels;
  t->held[0] = t->held[1] = SIZE_MAX;
  for (size_t i = 0; i < t->pixels; i++) {
    const pair p = pair_of(j, 2, t->first_pixel + i);
    t->across[i] = (oct_across){.first = (ptrdiff_t)p.first * j->x_stride,
                                .second = (ptrdiff_t)p.second * j->x_stride,
                                .weights = {1.0f - p.weight, p.weight}};
  }
}

/* The line blended across, in a slot that doesn't hold line `other`. */
static const float *across_line(const job *j, tile *t, size_t line, size_t other) {
  if (t->held[0] == line) return t->lines[0];
  if (t->held[1] == line) return t->lines[1];
  const int slot = t->held[0] == other;
  const uint8_t *x = j->x + (ptrdiff_t)(line * j->axes[2].in) * j->x_stride + t->first_channel;
  j->kernels->across(x, t->across, t->pixels, t->channels, j->rule.is_signed, t->lines[slot]);
  t->held[slot] = line;
  return t->lines[slot];
}

static void blend_row(const job *j, tile *t, size_t row) {
  const axis *a = &j->axes[1];
  const pair down = pair_of(j, 1, row % a->out);
  const size_t image = row / a->out * a->in, first = image + down.first, second = image + down.second;
  const float *above = across_line(j, t, first, second), *below = across_line(j, t, second, first);
  const float weights[2] = {1.0f - down.weight, down.weight};
  uint8_t *y = j->y + (ptrdiff_t)(row * j->axes[2].out + t->first_pixel) * j->y_stride + t->first_channel;
  if (j->y_stride == (ptrdiff_t)t->channels) {
    j->kernels->down(above, below, weights, t->pixels * t->channels, &j->rule, y);
    return;
  }
  for (size_t i = 0; i < t->pixels; i++, y += j->y_stride)
    j->kernels->down(above + i * t->channels, below + i * t->channels, weights, t->channels, &j->rule, y);
}

/* Rows of one tile after the other. */
static void blend_rows(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const size_t rows = j->axes[0].out * j->axes[1].out;
  tile t;
  for (size_t unit = begin; unit < end; unit++) {
    if (unit == begin || unit % rows == 0) start_tile(j, unit / rows, &t);
    blend_row(j, &t, unit % rows);
  }
}

static oct_status check_pixels(const char *entry, const char *name, size_t pixels, ptrdiff_t stride, size_t channels) {
  size_t bytes;
  if (stride < 0 || (size_t)stride < channels)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: %s_stride is %td, expected at least the %zu channels", entry, name, stride,
                    channels);
  if (!oct_multiply(pixels, (size_t)stride, &bytes) || bytes > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW,
                    "%s: %s has %zu pixels %td elements apart, more than memory can hold; check its shape", entry, name,
                    pixels, stride);
  return OCT_OK;
}

static oct_status check_axes(const char *entry, const oct_interpolation *p, axis axes[3], size_t *in_pixels,
                             size_t *out_pixels) {
  const uint32_t ones = 3 - p->rank;
  *in_pixels = *out_pixels = p->batch;
  for (uint32_t i = 0; i < 3; i++) {
    axes[i] = (axis){1, 1, 1.0f};
    if (i < ones) continue;
    const uint32_t k = i - ones;
    axes[i] = (axis){p->in[k], p->out[k], p->step[k]};
    if (p->in[k] == 0 || p->out[k] == 0)
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: dimension %u of %u has in %zu, out %zu; each must be at least 1",
                      entry, k, p->rank, p->in[k], p->out[k]);
    if (!(p->step[k] >= 0.0f) || isinf(p->step[k]))
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: step[%u] is %g, expected a finite number that isn't negative, such as in / out", entry, k,
                      (double)p->step[k]);
    if (!oct_multiply(*in_pixels, p->in[k], in_pixels) || !oct_multiply(*out_pixels, p->out[k], out_pixels))
      return oct_fail(OCT_OVERFLOW, "%s: the shape has more pixels than memory can hold; check batch, in and out",
                      entry);
  }
  return OCT_OK;
}

static oct_status prepare(const char *entry, const oct_interpolation *p, uint32_t max_rank, job *j, size_t *pixels) {
  if (!p) return oct_fail(OCT_INVALID_ARGUMENT, "%s: interpolation is null; pass an oct_interpolation", entry);
  if (p->struct_size != sizeof *p)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: interpolation->struct_size is %u, expected %zu; set it to sizeof(oct_interpolation)", entry,
                    (unsigned)p->struct_size, sizeof *p);
  if (p->dtype != OCT_U8 && p->dtype != OCT_S8)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: dtype is %s (%d), expected OCT_U8 or OCT_S8", entry,
                    oct_dtype_name(p->dtype), (int)p->dtype);
  if (p->rank < 1 || p->rank > max_rank)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: rank is %u, expected 1 to %u spatial dimensions", entry,
                    (unsigned)p->rank, (unsigned)max_rank);
  size_t in_pixels = 0;
  oct_status status = check_axes(entry, p, j->axes, &in_pixels, pixels);
  if (status == OCT_OK) status = check_pixels(entry, "x", in_pixels, p->x_stride, p->channels);
  if (status == OCT_OK) status = check_pixels(entry, "y", *pixels, p->y_stride, p->channels);
  if (status == OCT_OK && *pixels > 0 && p->channels > 0 && (!p->x || !p->y))
    status = oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass a buffer", entry, p->x ? "y" : "x");
  if (status == OCT_OK) status = oct_interpolate_select(&j->kernels);
  j->x = p->x;
  j->y = p->y;
  j->x_stride = p->x_stride;
  j->y_stride = p->y_stride;
  j->channels = p->channels;
  return status;
}

static void run_nearest(job *j, size_t pixels, int threads) {
  if (pixels == 0 || j->channels == 0) return;
  const bool worth_threads = pixels >= FORK_BYTES / j->channels;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  size_t grain = pixels;
  if (worth_threads && threads != 1) {
    /* Whole rows where they are shorter than a range, so that repeated ones stay together. */
    const size_t width = j->axes[2].out, least = oct_ceil_div(RANGE_BYTES, j->channels);
    grain = least > width ? oct_round_up(oct_ceil_div(least, width), ROWS_TOGETHER) * width : least;
  }
  places known;
  find_places(j, 0, &known);
  j->known = &known;
  oct_parallel_for(pixels, grain, threads, copy_pixels, j);
  if (oct_verbose())
    oct_tell("interpolate_nearest pixels=%zu channels=%zu kernel=%s %.1f us", pixels, j->channels, j->kernels->name,
             oct_clock_us() - start);
}

/* The batch counts as the first axis: bilinear images have but two. */
static void run_tiles(job *j, size_t pixels, int threads) {
  if (pixels == 0 || j->channels == 0) return;
  const size_t width = j->axes[2].out, rows = pixels / width;
  j->axes[0].out = rows / j->axes[1].out;
  j->tile_channels = j->channels < TILE ? j->channels : TILE;
  const size_t fitting = TILE / j->tile_channels < PLACES ? TILE / j->tile_channels : PLACES;
  j->tile_pixels = fitting < width ? fitting : width;
  j->pixel_tiles = oct_ceil_div(width, j->tile_pixels);
  j->channel_tiles = oct_ceil_div(j->channels, j->tile_channels);
  const size_t units = j->pixel_tiles * j->channel_tiles * rows, per_row = j->tile_pixels * j->tile_channels;
  const bool worth_threads = pixels >= FORK_BYTES / j->channels;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(units, worth_threads ? oct_ceil_div(2 * RANGE_BYTES, per_row) : units, threads, blend_rows, j);
  if (oct_verbose())
    oct_tell("interpolate_linear pixels=%zu channels=%zu kernel=%s %.1f us", pixels, j->channels, j->kernels->name,
             oct_clock_us() - start);
}

oct_status oct_interpolate_nearest(const oct_interpolation *interpolation, bool centered, const oct_run *run) {
  static const char entry[] = "oct_interpolate_nearest";
  job j = {.centered = centered};
  size_t pixels = 0;
  int threads = 1;
  oct_status status = prepare(entry, interpolation, OCT_INTERPOLATE_MAX_RANK, &j, &pixels);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) run_nearest(&j, pixels, threads);
  return status;
}

oct_status oct_interpolate_linear(const oct_interpolation *interpolation, bool align_corners, int32_t zero_point,
                                  const oct_run *run) {
  static const char entry[] = "oct_interpolate_linear";
  job j = {.centered = !align_corners};
  size_t pixels = 0;
  int threads = 1;
  oct_status status = prepare(entry, interpolation, 2, &j, &pixels);
  if (status != OCT_OK) return status;
  const bool is_signed = interpolation->dtype == OCT_S8;
  const int32_t low = is_signed ? -128 : 0, high = is_signed ? 127 : 255;
  if (zero_point < low || zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: zero_point is %d, but %s holds %d..%d; pass the input's", entry,
                    (int)zero_point, oct_dtype_name(interpolation->dtype), (int)low, (int)high);
  status = oct_run_threads(entry, run, &threads);
  if (status != OCT_OK) return status;
  j.rule = (oct_blend_rule){.low = (float)(low - zero_point),
                            .high = (float)(high - zero_point),
                            .zero_point = zero_point,
                            .is_signed = is_signed};
  run_tiles(&j, pixels, threads);
  return OCT_OK;
}
