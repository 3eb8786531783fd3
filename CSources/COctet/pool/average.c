/* Average pooling: each output pixel is the mean of its window's pixels inside the input, rounded to an integer. */
#include "base/align.h"
#include "base/run.h"
#include "base/status.h"
#include "base/verbose.h"
#include "geometry.h"
#include "kernel.h"

OCT_FP_STRICT

/* Bytes that a claimed range reads at least, bytes that start a team, the elements of a window whose sum surely fits int32,
 * pixels that are too few for threads to share, and channels that they share then. */
enum { RANGE_BYTES = 1 << 15, FORK_BYTES = 1 << 18, MOST_ELEMENTS = INT32_MAX / 255, FEW_PIXELS = 16, BLOCK = 256 };

typedef struct job {
  oct_pool_axis axes[3];
  oct_pool_windows windows;
  const oct_pool_kernel *kernel;
  const uint8_t *x;
  uint8_t *y;
  ptrdiff_t x_stride, y_stride;
  size_t channels, block, out_pixels, divisor; /* channels of a claimed pixel: a block of them */
  bool count_padding;
  uint8_t flip;
  int32_t offset; /* of each element, after ^ flip */
  oct_average_rule rule;
} job;

/* One dimension of a window: `taps` elements from `begin` on, `size` with the padding. */
typedef struct window {
  size_t begin, taps, size;
} window;

static window window_of(const job *j, int i, size_t o) {
  const oct_pool_axis *a = &j->axes[i];
  if (j->windows == OCT_POOL_WINDOWS_DIVIDED) {
    const size_t begin = o * a->in / a->out, taps = oct_ceil_div((o + 1) * a->in, a->out) - begin;
    return (window){begin, taps, taps};
  }
  const oct_pool_span span = oct_pool_span_of(a, o);
  const size_t room = a->in + 2 * a->padding - o * a->stride;
  return (window){span.origin + span.first, span.end - span.first, a->kernel < room ? a->kernel : room};
}

static float multiplier_of(const job *j, const window *const w) {
  if (j->windows == OCT_POOL_WINDOWS_DIVIDED) return 1.0f / (float)w[0].taps / (float)w[1].taps / (float)w[2].taps;
  if (j->divisor > 0) return (float)(1.0 / (double)j->divisor);
  const size_t inside = w[0].taps * w[1].taps * w[2].taps;
  const double with_padding = (double)w[0].size * (double)w[1].size * (double)w[2].size;
  return (float)(1.0 / (j->count_padding ? with_padding : (double)inside));
}

/* Outputs from `o` on whose windows along the last dimension hold the same taps at the same distance: those that lie whole
 * inside the input, or one. */
static size_t alike(const job *j, size_t o) {
  const oct_pool_axis *a = &j->axes[2];
  if (j->windows == OCT_POOL_WINDOWS_DIVIDED || a->in + a->padding < a->kernel) return 1;
  const size_t first = oct_ceil_div(a->padding, a->stride), end = (a->in + a->padding - a->kernel) / a->stride + 1;
  return o >= first && o < end ? end - o : 1;
}

/* `count` outputs of a row from `o` on, of some channels. */
static void average_row(const job *j, size_t image, window deep, window down, size_t o, size_t count, size_t channel,
                        uint8_t *y) {
  const oct_pool_axis *const a = j->axes;
  const size_t line = (image * a[0].in + deep.begin) * a[1].in + down.begin, left = j->channels - channel;
  while (count > 0) {
    const window w[3] = {deep, down, window_of(j, 2, o)};
    const size_t same = alike(j, o), pixels = same < count ? same : count;
    /* Distances that no pair of pixels has may be beyond any size. */
    const oct_average_run run = {.x = j->x + (ptrdiff_t)(line * a[2].in + w[2].begin) * j->x_stride + channel,
                                 .planes = deep.taps,
                                 .rows = down.taps,
                                 .taps = w[2].taps,
                                 .pixels = pixels,
                                 .channels = left < j->block ? left : j->block,
                                 .plane_step = (ptrdiff_t)(a[1].in * a[2].in) * j->x_stride,
                                 .row_step = (ptrdiff_t)a[2].in * j->x_stride,
                                 .tap_step = j->x_stride,
                                 .pixel_step = pixels > 1 ? (ptrdiff_t)a[2].stride * j->x_stride : 0,
                                 .flip = j->flip,
                                 .y = y + channel,
                                 .y_step = j->y_stride};
    oct_average_rule rule = j->rule;
    rule.offset = (int32_t)(deep.taps * down.taps * w[2].taps) * j->offset;
    rule.multiplier = multiplier_of(j, w);
    j->kernel->average(&run, &rule);
    o += pixels;
    count -= pixels;
    y += (ptrdiff_t)pixels * j->y_stride;
  }
}

/* Pixels of one block of channels after the other. */
static void average_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const oct_pool_axis *const a = j->axes;
  while (begin < end) {
    const size_t pixel = begin % j->out_pixels, channel = begin / j->out_pixels * j->block;
    const size_t row = pixel / a[2].out, plane = row / a[1].out, o = pixel % a[2].out;
    const size_t rest = a[2].out - o, count = rest < end - begin ? rest : end - begin;
    average_row(j, plane / a[0].out, window_of(j, 0, plane % a[0].out), window_of(j, 1, row % a[1].out), o, count,
                channel, j->y + (ptrdiff_t)pixel * j->y_stride);
    begin += count;
  }
}

static oct_status check_average(const char *entry, const oct_pool *pool, const oct_average *average,
                                oct_pool_windows windows) {
  if (!average) return oct_fail(OCT_INVALID_ARGUMENT, "%s: average is null; pass an oct_average", entry);
  if (average->struct_size != sizeof *average)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: average->struct_size is %u, expected %zu; set it to sizeof(oct_average)",
                    entry, (unsigned)average->struct_size, sizeof *average);
  const int32_t low = pool->dtype == OCT_U8 ? 0 : -128, high = pool->dtype == OCT_U8 ? 255 : 127;
  if (average->zero_point < low || average->zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: zero_point is %d, but %s holds %d..%d; pass the input's", entry,
                    (int)average->zero_point, oct_dtype_name(pool->dtype), (int)low, (int)high);
  if (average->order != OCT_ROUND_FIRST && average->order != OCT_ADD_FIRST)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: order is %d, expected OCT_ROUND_FIRST or OCT_ADD_FIRST", entry,
                    (int)average->order);
  if (windows == OCT_POOL_WINDOWS_DIVIDED) {
    if (average->count_padding || average->divisor > 0)
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: count_padding and divisor are for oct_average_pool; leave them 0",
                      entry);
    return OCT_OK;
  }
  for (uint32_t i = 0; i < pool->rank; i++)
    if (pool->dilation[i] != 1)
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: dilation[%u] is %zu, expected 1: averages have no dilation", entry, i,
                      pool->dilation[i]);
  return OCT_OK;
}

/* The elements of the largest window, refused when their sum may not fit. */
static oct_status check_elements(const char *entry, const job *j, size_t *elements) {
  *elements = 1;
  for (int i = 0; i < 3; i++) {
    const oct_pool_axis *a = &j->axes[i];
    size_t taps = j->windows == OCT_POOL_WINDOWS_DIVIDED ? a->in / a->out + 2 : a->kernel;
    if (taps > a->in) taps = a->in;
    if (!oct_multiply(*elements, taps, elements) || *elements > MOST_ELEMENTS)
      return oct_fail(OCT_UNSUPPORTED,
                      "%s: a window holds more than %d elements, whose sum may not fit int32; pool in two steps", entry,
                      (int)MOST_ELEMENTS);
  }
  return OCT_OK;
}

static oct_status run_average(const char *entry, const oct_pool *pool, const oct_average *average,
                              oct_pool_windows windows, const oct_run *run) {
  job j = {.windows = windows};
  size_t in_pixels = 0, out_pixels = 0, elements = 1;
  int threads = 1;
  oct_status status = oct_pool_check(entry, pool, windows, j.axes, &in_pixels, &out_pixels);
  if (status == OCT_OK) status = check_average(entry, pool, average, windows);
  if (status == OCT_OK) status = check_elements(entry, &j, &elements);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_pool_select(&j.kernel);
  if (status != OCT_OK || out_pixels == 0 || pool->channels == 0) return status;
  const bool is_signed = pool->dtype == OCT_S8, add_first = average->order == OCT_ADD_FIRST;
  const int32_t z = average->zero_point, low = is_signed ? -128 : 0, high = is_signed ? 127 : 255;
  j.x = pool->x;
  j.y = pool->y;
  j.x_stride = pool->x_stride;
  j.y_stride = pool->y_stride;
  j.channels = pool->channels;
  j.divisor = average->divisor;
  j.count_padding = average->count_padding;
  j.flip = is_signed ? 0x80 : 0;
  j.offset = is_signed ? z + 128 : z;
  /* Adding -0 leaves every product as it is. */
  j.rule.add = add_first ? (float)z : -0.0f;
  const int32_t added = add_first ? 0 : z;
  j.rule.zero_point = is_signed ? added + 128 : added;
  j.rule.low = (float)(low - added);
  j.rule.high = (float)(high - added);
  const size_t per_pixel = elements * pool->channels;
  const bool worth_threads = out_pixels >= FORK_BYTES / per_pixel;
  j.out_pixels = out_pixels;
  j.block = worth_threads && out_pixels < FEW_PIXELS ? BLOCK : pool->channels;
  const size_t count = out_pixels * oct_ceil_div(pool->channels, j.block);
  const size_t range = oct_ceil_div(RANGE_BYTES, elements * (j.block < pool->channels ? j.block : pool->channels));
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(count, worth_threads ? range : count, threads, average_pixels, &j);
  if (oct_verbose())
    oct_tell("%s pixels=%zu channels=%zu window=%zu %s kernel=%s %.1f us", entry + 4, out_pixels, pool->channels,
             elements, oct_dtype_name(pool->dtype), j.kernel->name, oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_average_pool(const oct_pool *pool, const oct_average *average, const oct_run *run) {
  return run_average("oct_average_pool", pool, average, OCT_POOL_WINDOWS_GIVEN, run);
}

oct_status oct_adaptive_average_pool(const oct_pool *pool, const oct_average *average, const oct_run *run) {
  return run_average("oct_adaptive_average_pool", pool, average, OCT_POOL_WINDOWS_DIVIDED, run);
}
