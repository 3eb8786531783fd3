/* Phases: the plain convolutions with stride 1 that a transposed convolution consists of.
 *
 * Per dimension, output position o meets tap t at input position p when p * stride = o + padding - t * dilation. Taps
 * whose t * dilation leave the same rest modulo the stride meet the same outputs, namely every stride-th: that is a
 * phase. With g = gcd(stride, dilation) the taps of one are u, u + stride / g, u + 2 * stride / g.., and from one to the
 * next p falls by dilation / g; read backwards they are a convolution of stride 1 and that dilation. Phases of several
 * dimensions combine freely. */
#include "base/align.h"
#include "conv_packed.h"

static size_t gcd(size_t a, size_t b) {
  while (b != 0) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Taps between two of the same phase. */
static size_t tap_distance(const oct_conv_geometry *geometry, int d) {
  if (!geometry->transposed) return 1;
  return (size_t)(geometry->stride[d] / gcd((size_t)geometry->stride[d], (size_t)geometry->dilation[d]));
}

/* Phases of one dimension that have taps. */
static size_t phases_along(const oct_conv_geometry *geometry, int d) {
  const size_t distance = tap_distance(geometry, d);
  return distance < geometry->kernel[d] ? distance : (size_t)geometry->kernel[d];
}

size_t oct_conv_phases(const oct_conv_geometry *geometry, bool *bare) {
  size_t phases = 1;
  *bare = false;
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++) {
    const size_t along = phases_along(geometry, d);
    phases *= along;
    *bare = *bare || (geometry->transposed && along < geometry->stride[d]);
  }
  return phases;
}

/* Phase u of a dimension of a transposed convolution. */
static void set_dimension(const oct_conv_geometry *geometry, int d, size_t u, oct_conv_phase *phase) {
  const size_t stride = (size_t)geometry->stride[d], dilation = (size_t)geometry->dilation[d];
  const size_t padding = (size_t)geometry->padding_begin[d], distance = tap_distance(geometry, d);
  const size_t taps = oct_ceil_div((size_t)geometry->kernel[d] - u, distance);
  const size_t first = (u * dilation % stride + stride - padding % stride) % stride;
  phase->kernel[d] = taps;
  phase->stride[d] = 1;
  phase->dilation[d] = dilation / (stride / distance);
  phase->start[d] = ((ptrdiff_t)(first + padding) - (ptrdiff_t)((u + (taps - 1) * distance) * dilation)) /
                    (ptrdiff_t)stride; /* without rest */
  phase->first[d] = first;
  phase->step[d] = stride;
  phase->tap[d] = u + (taps - 1) * distance;
  phase->tap_step[d] = -(ptrdiff_t)distance;
}

oct_conv_phase oct_conv_phase_at(const oct_conv_geometry *geometry, size_t index) {
  bool bare;
  const size_t phases = oct_conv_phases(geometry, &bare);
  oct_conv_phase phase = {.index = index, .taps = 1};
  for (int d = OCT_CONV_MAX_RANK - 1; d >= 0; d--) {
    if (geometry->transposed && index < phases) {
      const size_t along = phases_along(geometry, d);
      set_dimension(geometry, d, phase.index % along, &phase);
      phase.index /= along;
    } else {
      phase.kernel[d] = index < phases ? (size_t)geometry->kernel[d] : 0;
      phase.stride[d] = geometry->transposed ? 1 : (size_t)geometry->stride[d];
      phase.dilation[d] = (size_t)geometry->dilation[d];
      phase.start[d] = geometry->transposed ? 0 : -(ptrdiff_t)geometry->padding_begin[d];
      phase.step[d] = phase.tap_step[d] = 1;
    }
    phase.taps *= phase.kernel[d];
  }
  phase.index = index;
  return phase;
}

void oct_conv_fit_phase(oct_conv_phase *phase, const size_t out[]) {
  phase->scattered = false;
  phase->pixels = 1;
  for (int d = 0; d < OCT_CONV_MAX_RANK; d++) {
    phase->out[d] = phase->first[d] < out[d] ? oct_ceil_div(out[d] - phase->first[d], phase->step[d]) : 0;
    phase->pixels *= phase->out[d];
    phase->scattered = phase->scattered || phase->step[d] != 1;
  }
}
