/* Where windows lie, and what a pool must satisfy. */
#include "geometry.h"

#include "base/align.h"
#include "base/status.h"

oct_pool_span oct_pool_span_of(const oct_pool_axis *a, size_t o) {
  const size_t start = o * a->stride;
  const size_t before = start < a->padding ? a->padding - start : 0;
  const size_t reach = a->in + a->padding; /* coordinates less than this, counted from the padding's start */
  const size_t end = start < reach ? (reach - start - 1) / a->dilation + 1 : 0;
  return (oct_pool_span){.first = oct_ceil_div(before, a->dilation),
                         .end = end < a->kernel ? end : a->kernel,
                         .origin = start - a->padding};
}

/* True when every window along the axis holds an input element. Windows from the input's start on do if the last one
 * begins inside. Earlier ones must reach it, and when the dilation is larger than the input each may step over it. */
static bool windows_filled(const oct_pool_axis *a) {
  const oct_pool_span first = oct_pool_span_of(a, 0), last = oct_pool_span_of(a, a->out - 1);
  if (first.first >= first.end || last.first >= last.end) return false;
  if (a->dilation <= a->in) return true;
  for (size_t o = 0; o < a->out && o * a->stride < a->padding; o++) {
    const oct_pool_span s = oct_pool_span_of(a, o);
    if (s.first >= s.end) return false;
  }
  return true;
}

static oct_status check_axis(const char *entry, const oct_pool *pool, uint32_t i, const oct_pool_axis *a) {
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

/* An axis that is divided evenly: only its sizes count. */
static oct_status check_divided_axis(const char *entry, const oct_pool *pool, uint32_t i, const oct_pool_axis *a) {
  size_t product;
  if (a->in == 0 || a->out == 0)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: dimension %u of %u has in %zu, out %zu; each must be at least 1", entry,
                    i, pool->rank, a->in, a->out);
  if (a->out == SIZE_MAX || !oct_multiply(a->in, a->out + 1, &product))
    return oct_fail(OCT_OVERFLOW, "%s: dimension %u has in %zu, out %zu, whose product doesn't fit; lower out", entry,
                    i, a->in, a->out);
  return OCT_OK;
}

/* Bytes of `pixels` pixels `stride` apart, refused when they overflow. */
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

oct_status oct_pool_check(const char *entry, const oct_pool *pool, oct_pool_windows windows, oct_pool_axis axes[3],
                          size_t *in_pixels, size_t *out_pixels) {
  if (!pool) return oct_fail(OCT_INVALID_ARGUMENT, "%s: pool is null; pass an oct_pool", entry);
  if (pool->struct_size != sizeof *pool)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: pool->struct_size is %u, expected %zu; set it to sizeof(oct_pool)",
                    entry, (unsigned)pool->struct_size, sizeof *pool);
  if (pool->dtype != OCT_U8 && pool->dtype != OCT_S8)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: dtype is %s (%d), expected OCT_U8 or OCT_S8", entry,
                    oct_dtype_name(pool->dtype), (int)pool->dtype);
  if (pool->rank < 1 || pool->rank > OCT_POOL_MAX_RANK)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: rank is %u, expected 1, 2 or 3 spatial dimensions", entry,
                    (unsigned)pool->rank);
  const uint32_t ones = 3 - pool->rank;
  *in_pixels = *out_pixels = pool->batch;
  for (uint32_t i = 0; i < 3; i++) {
    axes[i] = (oct_pool_axis){1, 1, 1, 1, 0, 1};
    if (i < ones) continue;
    const uint32_t k = i - ones;
    oct_pool_axis *const a = &axes[i];
    if (windows == OCT_POOL_WINDOWS_GIVEN)
      *a = (oct_pool_axis){pool->in[k],     pool->out[k],     pool->kernel[k],
                           pool->stride[k], pool->padding[k], pool->dilation[k]};
    else
      *a = (oct_pool_axis){.in = pool->in[k], .out = pool->out[k]};
    const oct_status status =
        windows == OCT_POOL_WINDOWS_GIVEN ? check_axis(entry, pool, k, a) : check_divided_axis(entry, pool, k, a);
    if (status != OCT_OK) return status;
    if (!oct_multiply(*in_pixels, pool->in[k], in_pixels) || !oct_multiply(*out_pixels, pool->out[k], out_pixels))
      return oct_fail(OCT_OVERFLOW, "%s: the shape has more pixels than memory can hold; check batch, in and out",
                      entry);
  }
  oct_status status = check_pixels(entry, "x", *in_pixels, pool->x_stride, pool->channels);
  if (status == OCT_OK) status = check_pixels(entry, "y", *out_pixels, pool->y_stride, pool->channels);
  if (status == OCT_OK && *out_pixels > 0 && pool->channels > 0 && (!pool->x || !pool->y))
    status = oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null; pass a buffer", entry, pool->x ? "y" : "x");
  return status;
}
