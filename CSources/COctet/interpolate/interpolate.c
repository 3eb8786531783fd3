/* Resizing: each output pixel is an input pixel, or a blend of up to four. */
#include <math.h>
#include <string.h>

#include "base/align.h"
#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"
#include "kernels.h"

OCT_FP_STRICT

/* Bytes that a claimed range writes at least, and bytes that start a team. */
enum { RANGE_BYTES = 1 << 14, FORK_BYTES = 1 << 16 };

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

typedef struct job {
  axis axes[3];
  const oct_interpolate_kernels *kernels;
  const uint8_t *x;
  uint8_t *y;
  ptrdiff_t x_stride, y_stride;
  size_t channels;
  bool centered; /* nearest: from the middle of output pixels; linear: not aligned corners */
  oct_blend blend;
} job;

/* floor(position) inside the axis. Positions beyond it, infinities too, are its end. */
static size_t index_below(float position, const axis *a) {
  return position < (float)a->in && (size_t)position < a->in ? (size_t)position : a->in - 1;
}

static size_t nearest_index(const job *j, int i, size_t o) {
  const axis *a = &j->axes[i];
  return index_below((j->centered ? (float)o + 0.5f : (float)o) * a->step, a);
}

static void copy_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const axis *const a = j->axes;
  for (size_t pixel = begin; pixel < end;) {
    const size_t row = pixel / a[2].out, plane = row / a[1].out, image = plane / a[0].out;
    const size_t depth = image * a[0].in + nearest_index(j, 0, plane % a[0].out);
    const size_t line = depth * a[1].in + nearest_index(j, 1, row % a[1].out);
    const uint8_t *x = j->x + (ptrdiff_t)(line * a[2].in) * j->x_stride;
    const size_t row_end = (row + 1) * a[2].out, stop = row_end < end ? row_end : end;
    for (; pixel < stop; pixel++)
      memcpy(j->y + (ptrdiff_t)pixel * j->y_stride,
             x + (ptrdiff_t)nearest_index(j, 2, pixel - row * a[2].out) * j->x_stride, j->channels);
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

static void blend_pixels(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const job *j = context;
  const axis *const a = j->axes;
  oct_blend blend = j->blend;
  for (size_t pixel = begin; pixel < end;) {
    const size_t row = pixel / a[2].out, image = row / a[1].out;
    const pair down = pair_of(j, 1, row % a[1].out);
    const uint8_t *above = j->x + (ptrdiff_t)((image * a[1].in + down.first) * a[2].in) * j->x_stride;
    const uint8_t *below = j->x + (ptrdiff_t)((image * a[1].in + down.second) * a[2].in) * j->x_stride;
    blend.rows[0] = 1.0f - down.weight;
    blend.rows[1] = down.weight;
    const size_t row_end = (row + 1) * a[2].out, stop = row_end < end ? row_end : end;
    for (; pixel < stop; pixel++) {
      const pair across = pair_of(j, 2, pixel - row * a[2].out);
      const ptrdiff_t left = (ptrdiff_t)across.first * j->x_stride, right = (ptrdiff_t)across.second * j->x_stride;
      blend.columns[0] = 1.0f - across.weight;
      blend.columns[1] = across.weight;
      blend.x[0] = above + left;
      blend.x[1] = above + right;
      blend.x[2] = below + left;
      blend.x[3] = below + right;
      j->kernels->blend(&blend, j->channels, j->y + (ptrdiff_t)pixel * j->y_stride);
    }
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

static void run_pixels(const char *name, job *j, size_t pixels, int threads, oct_range_body body) {
  if (pixels == 0 || j->channels == 0) return;
  const bool worth_threads = pixels >= FORK_BYTES / j->channels;
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(pixels, worth_threads ? oct_ceil_div(RANGE_BYTES, j->channels) : pixels, threads, body, j);
  if (oct_verbose())
    oct_tell("%s pixels=%zu channels=%zu kernel=%s %.1f us", name, pixels, j->channels, j->kernels->name,
             oct_clock_us() - start);
}

oct_status oct_interpolate_nearest(const oct_interpolation *interpolation, bool centered, const oct_run *run) {
  static const char entry[] = "oct_interpolate_nearest";
  job j = {.centered = centered};
  size_t pixels = 0;
  int threads = 1;
  oct_status status = prepare(entry, interpolation, OCT_INTERPOLATE_MAX_RANK, &j, &pixels);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) run_pixels("interpolate_nearest", &j, pixels, threads, copy_pixels);
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
  j.blend = (oct_blend){.low = (float)(low - zero_point),
                        .high = (float)(high - zero_point),
                        .zero_point = zero_point,
                        .flip = is_signed ? 0x80 : 0};
  run_pixels("interpolate_linear", &j, pixels, threads, blend_pixels);
  return OCT_OK;
}
