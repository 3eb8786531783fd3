/* Max pooling: each output pixel is the maximum of its window's pixels inside the input. */
#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
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

/* One dimension of the window's walk. */
typedef struct axis {
  size_t in, out, kernel, stride, padding, dilation;
} axis;

typedef struct job {
  axis axes[3];
  oct_pool_max max;
  const uint8_t *x;
  uint8_t *y;
  ptrdiff_t x_stride, y_stride;
  size_t channels;
} job;

/* The taps of output `o` that lie inside the input: first..<end. `origin` is tap 0's coordinate, modulo 2^64 when
 * before the input. */
typedef struct span {
  size_t first, end, origin;
} span;

static span span_of(const axis *a, size_t o) {
  const size_t start = o * a->stride;
  const size_t before = start < a->padding ? a->padding - start : 0;
  const size_t reach = a->in + a->padding; /* coordinates less than this, counted from the padding's start */
  const size_t end = start < reach ? (reach - start - 1) / a->dilation + 1 : 0;
  return (span){.first = oct_ceil_div(before, a->dilation),
                .end = end < a->kernel ? end : a->kernel,
                .origin = start - a->padding};
}

/* `count` output pixels of a row whose windows hold the taps of `across`. */
static void pool_run(const job *j, const uint8_t *const *lines, size_t line_count, bool more, const span *across,
                     size_t count, uint8_t *y) {
  const axis *a = &j->axes[2];
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
  const axis *a = &j->axes[2];
  const size_t window = (a->kernel - 1) * a->dilation + 1, room = a->in + a->padding;
  const size_t whole_begin = oct_ceil_div(a->padding, a->stride);
  const size_t whole_end = room >= window ? (room - window) / a->stride + 1 : 0;
  for (size_t o = begin; o < end;) {
    const size_t stop = o >= whole_begin && o < whole_end ? (whole_end < end ? whole_end : end) : o + 1;
    const span across = span_of(a, o);
    pool_run(j, lines, line_count, more, &across, stop - o, y + (ptrdiff_t)(o - begin) * j->y_stride);
    o = stop;
  }
}

static void pool_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const axis *const a = j->axes;
  const uint8_t *lines[LINES_AT_ONCE];
  for (size_t pixel = begin; pixel < end;) {
    const size_t row = pixel / a[2].out, plane = row / a[1].out, row_end = (row + 1) * a[2].out;
    const size_t stop = row_end < end ? row_end : end, ox = pixel - row * a[2].out, ox_end = ox + (stop - pixel);
    const size_t image = plane / a[0].out;
    const span deep = span_of(&a[0], plane % a[0].out), down = span_of(&a[1], row % a[1].out);
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

/* True when every window along the axis holds an input element. Windows from the input's start on do if the last one
 * begins inside. Earlier ones must reach it, and when the dilation is larger than the input each may step over it. */
static bool windows_filled(const axis *a) {
  const span first = span_of(a, 0), last = span_of(a, a->out - 1);
  if (first.first >= first.end || last.first >= last.end) return false;
  if (a->dilation <= a->in) return true;
  for (size_t o = 0; o < a->out && o * a->stride < a->padding; o++) {
    const span s = span_of(a, o);
    if (s.first >= s.end) return false;
  }
  return true;
}

static oct_status check_axis(const oct_pool *pool, uint32_t i, const axis *a) {
  static const char entry[] = "oct_max_pool";
  size_t window, extent;
  if (a->in == 0 || a->out == 0 || a->kernel == 0 || a->stride == 0 || a->dilation == 0)
    return oct_fail(
        OCT_INVALID_ARGUMENT,
        "%s: dimension %u of %u has in %zu, out %zu, kernel %zu, stride %zu, dilation %zu; each must be at least 1",
        entry, i, pool->rank, a->in, a->out, a->kernel, a->stride, a->dilation);
  if (!oct_multiply(a->kernel - 1, a->dilation, &window) || !oct_add(window, 1, &window) ||
      !oct_multiply(a->out - 1, a->stride, &extent) || !oct_add(extent, window, &extent) ||
      !oct_add(a->in, a->padding, &extent) || extent > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW,
                    "%s: dimension %u spans more than memory can hold; check kernel, stride, dilation and padding",
                    entry, i);
  if (a->padding > window / 2)
    return oct_fail(
        OCT_INVALID_ARGUMENT,
        "%s: padding[%u] is %zu, expected at most half the window of %zu; pad the input first if it must be more",
        entry, i, a->padding, window);
  if (!windows_filled(a))
    return oct_fail(
        OCT_SHAPE_MISMATCH,
        "%s: a window along dimension %u holds no input element (in %zu, out %zu, kernel %zu, stride %zu, padding %zu, "
        "dilation %zu); lower out",
        entry, i, a->in, a->out, a->kernel, a->stride, a->padding, a->dilation);
  return OCT_OK;
}

/* Bytes of `pixels` pixels `stride` apart, refused when they overflow. */
static oct_status check_pixels(const char *name, size_t pixels, ptrdiff_t stride, size_t channels) {
  size_t bytes;
  if (stride < 0 || (size_t)stride < channels)
    return oct_fail(OCT_SHAPE_MISMATCH, "oct_max_pool: %s_stride is %td, expected at least the %zu channels", name,
                    stride, channels);
  if (!oct_multiply(pixels, (size_t)stride, &bytes) || bytes > PTRDIFF_MAX)
    return oct_fail(OCT_OVERFLOW,
                    "oct_max_pool: %s has %zu pixels %td elements apart, more than memory can hold; check its shape",
                    name, pixels, stride);
  return OCT_OK;
}

static oct_status check_pool(const oct_pool *pool, axis axes[3], size_t *in_pixels, size_t *out_pixels) {
  if (!pool) return oct_fail(OCT_INVALID_ARGUMENT, "oct_max_pool: pool is null; pass an oct_pool");
  if (pool->struct_size != sizeof *pool)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "oct_max_pool: pool->struct_size is %u, expected %zu; set it to sizeof(oct_pool)",
                    (unsigned)pool->struct_size, sizeof *pool);
  if (pool->dtype != OCT_U8 && pool->dtype != OCT_S8)
    return oct_fail(OCT_INVALID_ARGUMENT, "oct_max_pool: dtype is %s (%d), expected OCT_U8 or OCT_S8",
                    oct_dtype_name(pool->dtype), (int)pool->dtype);
  if (pool->rank < 1 || pool->rank > OCT_POOL_MAX_RANK)
    return oct_fail(OCT_INVALID_ARGUMENT, "oct_max_pool: rank is %u, expected 1, 2 or 3 spatial dimensions",
                    (unsigned)pool->rank);
  const uint32_t ones = 3 - pool->rank;
  *in_pixels = *out_pixels = pool->batch;
  for (uint32_t i = 0; i < 3; i++) {
    axes[i] = (axis){1, 1, 1, 1, 0, 1};
    if (i < ones) continue;
    const uint32_t k = i - ones;
    axes[i] = (axis){pool->in[k], pool->out[k], pool->kernel[k], pool->stride[k], pool->padding[k], pool->dilation[k]};
    const oct_status status = check_axis(pool, k, &axes[i]);
    if (status != OCT_OK) return status;
    if (!oct_multiply(*in_pixels, pool->in[k], in_pixels) || !oct_multiply(*out_pixels, pool->out[k], out_pixels))
      return oct_fail(OCT_OVERFLOW,
                      "oct_max_pool: the shape has more pixels than memory can hold; check batch, in and out");
  }
  oct_status status = check_pixels("x", *in_pixels, pool->x_stride, pool->channels);
  if (status == OCT_OK) status = check_pixels("y", *out_pixels, pool->y_stride, pool->channels);
  if (status == OCT_OK && *out_pixels > 0 && pool->channels > 0 && (!pool->x || !pool->y))
    status = oct_fail(OCT_INVALID_ARGUMENT, "oct_max_pool: %s is null; pass a buffer", pool->x ? "y" : "x");
  return status;
}

oct_status oct_max_pool(const oct_pool *pool, const oct_run *run) {
  job j;
  size_t in_pixels = 0, out_pixels = 0;
  int threads = 1;
  const oct_pool_kernel *kernel;
  oct_status status = check_pool(pool, j.axes, &in_pixels, &out_pixels);
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
