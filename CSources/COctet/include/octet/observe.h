/* Observing float32 data: extremes, histograms, and what isn't finite. */
#ifndef OCTET_OBSERVE_H
#define OCTET_OBSERVE_H

#include "quantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What NaN and infinities do to extremes. */
typedef enum oct_nonfinite_policy {
  OCT_NONFINITE_PROPAGATE = 0, /* one NaN makes both extremes NaN, infinities are extremes: torch.aminmax */
  OCT_NONFINITE_IGNORE = 1     /* extremes are those of the finite values */
} oct_nonfinite_policy;

/* The smallest and the largest of some values, +infinity and -infinity for none of them; never -0. */
typedef struct oct_extremes {
  float min, max;
} oct_extremes;

/* Values that aren't finite. `first` is the index of the first one and `first_value` it; both are 0 when there is none. */
typedef struct oct_nonfinite {
  size_t nan_count, infinity_count, first;
  float first_value;
} oct_nonfinite;

/* The extremes of all values; `nonfinite` may be null. */
OCT_API oct_status oct_observe_extremes(const float *x, size_t count, oct_nonfinite_policy policy,
                                        oct_extremes *extremes, oct_nonfinite *nonfinite, const oct_run *run);

/* The extremes of each channel, extremes[channels]; `nonfinite`, unless null, is about all of x. */
OCT_API oct_status oct_observe_channel_extremes(const float *x, oct_channels shape, oct_nonfinite_policy policy,
                                                oct_extremes *extremes, oct_nonfinite *nonfinite, const oct_run *run);

/* Adds to counts[b] how many values lie in bin b of `bins` equal bins over low..high.
 *
 * b = min((x - low) * bins / (high - low), bins - 1) without its fraction, each operation in float32, or in double where
 * (high - low) * bins overflows. Values outside, and NaN, aren't counted; x = high is in the last bin. A range of one value is
 * widened by 1 on both sides; where that changes neither end, the middle bin takes what equals it. 1 to 2^20 bins.
 * torch.histc. */
OCT_API oct_status oct_observe_histogram(const float *x, size_t count, float low, float high, size_t bins,
                                         uint64_t *counts, const oct_run *run);

/* Bytes of workspace for oct_observe_histogram with this many bins, on at most `threads` threads (0: all). */
OCT_API oct_status oct_observe_histogram_workspace(size_t bins, int threads, size_t *size);

/* Bins of the fixed grid. Each octave, from 2^e to 2^(e + 1), has 64 equal bins, on both sides of zero; denormal numbers
 * share the width of the octave above them. Bin b holds the float32 numbers whose upper 15 bits are b:
 *
 *   b = 0..16319       from 0 upwards       b + 16384    the same numbers negated
 *   16320 and 49088 - 16384, and the 63 after each: infinities and NaN
 *
 * The grid knows no range: counts of any two batches may be added, in any order, and say the same as one batch of both. */
enum { OCT_GRID_BINS = 32768, OCT_GRID_SIDE = 16384, OCT_GRID_FINITE = 16320 };

/* The edge of bin b of the side from zero upwards that is nearer to zero; its other one is that of bin b + 1. b is at most
 * OCT_GRID_FINITE, whose edge is infinite. */
OCT_API float oct_grid_edge(size_t bin);

/* Adds to counts[OCT_GRID_BINS] how many values lie in each bin of the fixed grid. */
OCT_API oct_status oct_observe_grid(const float *x, size_t count, uint64_t *counts, const oct_run *run);

/* Bytes of workspace for oct_observe_grid on at most `threads` threads (0: all). */
OCT_API oct_status oct_observe_grid_workspace(int threads, size_t *size);

/* The scale and zero point of integers quant_min..quant_max for values in min..max, finite and in order, by the rule that is used at
 * run time, mostly in double. The range is widened to hold zero; with `symmetric`, one that has both signs is widened to
 * quant_max - quant_min over two steps on both sides of a zero in the middle. Scales aren't smaller than 6.1e-5, and are 0.1 for nothing
 * but zero. Of the zero points that either end proposes, the one with the smaller error is rounded.
 * torch._choose_qparams_per_tensor, ChooseQuantizationParams of its C++ library. */
OCT_API oct_status oct_choose_quantization(float min, float max, int32_t quant_min, int32_t quant_max, bool symmetric,
                                           double *scale, int32_t *zero_point);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_OBSERVE_H */
