/* Max pooling: each output pixel is the maximum of its window's pixels inside the input. */
#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "geometry.h"
#include "kernel.h"

/* Lines of a window that a kernel is handed at once, bytes that a claimed range reads at least, bytes that start a
 * team. */
enum { LINES_AT_ONCE = 64, RANGE_BYTES = 1 << 16, FORK_BYTES = 1 << 19 };

static const oct_pool_kernel *const table[] = {
#define OCT_POOL_KERNEL(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "pool.def"
#undef OCT_POOL_KERNEL
};

oct_status oct_pool_select(const oct_pool_kernel **kernel) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("pool", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernel = table[i];
  return OCT_OK;
}

typedef struct job {
  oct_pool_axis axes[3];
  oct_pool_max max;
  const uint8_t *x;
  uint8_t *y;
  ptrdiff_t x_stride, y_stride;
  size_t channels;
} job;

/* `count` output pixels of a row whose windows hold the taps of `across`. */
static void pool_run(const job *j, const uint8_t *const *lines, size_t line_count, bool more,
                     const oct_pool_span *across, size_t count, uint8_t *y) {
  const oct_pool_axis *a = &j->axes[2];
  const size_t taps = across->end - across->first;
  /* Distances that no pair of pixels has may be beyond any size. */
  const oct_pool_run run = {.lines = lines,
                            .line_count = line_count,
                            .taps = taps,
                            .pixels = count,
                            .channels = j->channels,
                            .offset = (ptrdiff_t)(across->origin + across->first * a->dilation) * j->x_stride,
                            .tap_step = taps > 1 ? (ptrdiff_t)a->dilation * j->x_stride : 0,
                            .pixel_step = count > 1 ? (ptrdiff_t)a->stride * j->x_stride : 0,
                            .more = more,
                            .y = y,
                            .y_step = j->y_stride};
  j->max(&run);
}

/* Outputs begin..<end of a row, from the given lines of their windows: one run where windows lie whole inside the
 * input, and pixel by pixel at the edges. */
static void pool_line(const job *j, const uint8_t *const *lines, size_t line_count, bool more, size_t begin, size_t end,
                      uint8_t *y) {
  const oct_pool_axis *a = &j->axes[2];
  const size_t window = (a->kernel - 1) * a->dilation + 1, room = a->in + a->padding;
  const size_t whole_begin = oct_ceil_div(a->padding, a->stride);
  const size_t whole_end = room >= window ? (room - window) / a->stride + 1 : 0;
  for (size_t o = begin; o < end;) {
    const size_t stop = o >= whole_begin && o < whole_end ? (whole_end < end ? whole_end : end) : o + 1;
    const oct_pool_span across = oct_pool_span_of(a, o);
    pool_run(j, lines, line_count, more, &across, stop - o, y + (ptrdiff_t)(o - begin) * j->y_stride);
    o = stop;
  }
}

static void pool_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const oct_pool_axis *const a = j->axes;
  const uint8_t *lines[LINES_AT_ONCE];
  for (size_t pixel = begin; pixel < end;) {
    const size_t row = pixel / a[2].out, plane = row / a[1].out, row_end = (row + 1) * a[2].out;
    const size_t stop = row_end < end ? row_end : end, ox = pixel - row * a[2].out, ox_end = ox + (stop - pixel);
    const size_t image = plane / a[0].out;
    const oct_pool_span deep = oct_pool_span_of(&a[0], plane % a[0].out),
                        down = oct_pool_span_of(&a[1], row % a[1].out);
    uint8_t *y = j->y + (ptrdiff_t)pixel * j->y_stride;
    size_t count = 0;
    bool more = false;
    for (size_t tz = deep.first; tz < deep.end; tz++)
      for (size_t ty = down.first; ty < down.end; ty++) {
        if (count == LINES_AT_ONCE) {
          pool_line(j, lines, count, more, ox, ox_end, y);
          more = true;
          count = 0;
        }
        const size_t line =
            (image * a[0].in + deep.origin + tz * a[0].dilation) * a[1].in + down.origin + ty * a[1].dilation;
        lines[count++] = j->x + (ptrdiff_t)(line * a[2].in) * j->x_stride;
      }
    pool_line(j, lines, count, more, ox, ox_end, y);
    pixel = stop;
  }
}

oct_status oct_max_pool(const oct_pool *pool, const oct_run *run) {
  job j;
  size_t in_pixels = 0, out_pixels = 0;
  int threads = 1;
  const oct_pool_kernel *kernel;
  oct_status status = oct_pool_check("oct_max_pool", pool, OCT_POOL_WINDOWS_GIVEN, j.axes, &in_pixels, &out_pixels);
  if (status == OCT_OK) status = oct_run_threads("oct_max_pool", run, &threads);
  if (status == OCT_OK) status = oct_pool_select(&kernel);
  if (status != OCT_OK || out_pixels == 0 || pool->channels == 0) return status;
  j.max = pool->dtype == OCT_U8 ? kernel->max_u8 : kernel->max_s8;
  j.x = pool->x;
  j.y = pool->y;
  j.x_stride = pool->x_stride;
  j.y_stride = pool->y_stride;
  j.channels = pool->channels;
  /* What a pixel reads, bounded so that the products below cannot overflow: more than the input it is not. */
  size_t window = 1;
  for (int i = 0; i < 3; i++) {
    const size_t taps = j.axes[i].kernel < j.axes[i].in ? j.axes[i].kernel : j.axes[i].in;
    window *= taps;
  }
  const size_t per_pixel = window * pool->channels;
  const bool worth_threads = out_pixels >= FORK_BYTES / per_pixel;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(out_pixels, worth_threads ? oct_ceil_div(RANGE_BYTES, per_pixel) : out_pixels, threads, pool_pixels,
                   &j);
  if (oct_verbose())
    oct_tell("max_pool pixels=%zu channels=%zu window=%zu %s kernel=%s %.1f us", out_pixels, pool->channels, window,
             oct_dtype_name(pool->dtype), kernel->name, oct_clock_us() - start);
  return OCT_OK;
}
