/* Packed convolutions: geometry, and the packed product of each group. Internal.
 *
 * Bytes: header | blocks of oct_gemm_packed, all of the same size: for each phase one for each product; or one block of
 * oct_depthwise_pack. Inside a product, n runs over its output channels and k over taps and then channels: k = tap *
 * channels + c.
 *
 * A convolution has one phase. A transposed one has a phase for each set of outputs that meets the same taps (see
 * conv_phase.c), and, where outputs are left that meet no tap, one without taps that covers all outputs. */
#ifndef OCT_CONV_PACKED_H
#define OCT_CONV_PACKED_H

#include "gemm/gemm_packed.h"
#include "octet/conv.h"

/* The geometry with three spatial dimensions; leading ones that a lower rank lacks have size 1. */
typedef struct oct_conv_geometry {
  uint64_t in_channels, out_channels, groups;
  uint64_t kernel[OCT_CONV_MAX_RANK], stride[OCT_CONV_MAX_RANK], dilation[OCT_CONV_MAX_RANK];
  uint64_t padding_begin[OCT_CONV_MAX_RANK], padding_end[OCT_CONV_MAX_RANK];
  uint64_t output_padding[OCT_CONV_MAX_RANK];
  uint32_t x_dtype, w_dtype;
  uint32_t rank;
  uint32_t transposed;
} oct_conv_geometry;

/* One convolution of a call, over a part of the taps and of the outputs; positions may be negative. */
typedef struct oct_conv_phase {
  size_t index, taps;
  size_t kernel[OCT_CONV_MAX_RANK], stride[OCT_CONV_MAX_RANK], dilation[OCT_CONV_MAX_RANK];
  ptrdiff_t start[OCT_CONV_MAX_RANK];    /* where in the input tap 0 of output 0 lies */
  size_t first[OCT_CONV_MAX_RANK];       /* the position of output 0 among all outputs, and the distance from one */
  size_t step[OCT_CONV_MAX_RANK];        /* to the next */
  size_t tap[OCT_CONV_MAX_RANK];         /* the weights' tap that is tap 0, and the distance to the next */
  ptrdiff_t tap_step[OCT_CONV_MAX_RANK]; /* one */
  size_t out[OCT_CONV_MAX_RANK], pixels; /* outputs of one image, after oct_conv_fit_phase */
  bool scattered;                        /* outputs aren't neighbours in y */
} oct_conv_phase;

/* A view of packed weights, valid while they are. */
typedef struct oct_conv_packed {
  oct_conv_geometry geometry;
  size_t phases;   /* with taps */
  bool bare;       /* there is one without taps behind them */
  size_t taps;     /* of the largest phase, for one channel */
  size_t products; /* matrix products, each for `merged` groups, see oct_conv_first_group */
  size_t merged; /* groups of one product: block diagonal weights, zeros between, when groups are narrower than tiles */
  size_t in, out;             /* input and output channels of a product */
  size_t group_in, group_out; /* of a group */
  size_t run;                 /* the length of padded runs of k, 0 for none */
  bool any_zero;              /* some product's weights have zero points */
  bool depthwise;             /* blocks is one block of oct_depthwise_pack, and there are no products */
  const char *blocks;         /* the packed products, phase by phase */
  size_t block_bytes;         /* of one */
} oct_conv_packed;

/* True when the last product has some groups of the one before it: groups that merged ones don't divide. */
static inline bool oct_conv_overlaps(const oct_conv_packed *view) {
  return view->products * view->merged != (size_t)view->geometry.groups;
}

/* The first group of a product. The last one moves back until all its groups exist. */
static inline size_t oct_conv_first_group(const oct_conv_packed *view, size_t product) {
  const size_t first = product * view->merged, last = (size_t)view->geometry.groups - view->merged;
  return first < last ? first : last;
}

/* Refuses geometry that no input could meet, in the name of `entry`, and normalizes the rest. */
oct_status oct_conv_check_geometry(const char *entry, const oct_conv_weights *weights, oct_conv_geometry *geometry);

/* The output's size for an input's, three dimensions each. Refuses inputs that give no output. */
oct_status oct_conv_out_size(const char *entry, const oct_conv_geometry *geometry, const size_t in[], size_t out[]);

/* Opens packed weights, refusing what this library did not write. */
oct_status oct_conv_open(const char *entry, const void *packed, size_t packed_size, oct_conv_packed *view);

/* One of a phase's packed products. `like` may be null, or one of the same phase. */
oct_status oct_conv_product(const char *entry, const oct_conv_packed *view, const oct_conv_phase *phase, size_t index,
                            const oct_gemm_packed *like, oct_gemm_packed *product);

/* How many phases with taps there are, and whether one without any is needed. The number of taps must fit. */
size_t oct_conv_phases(const oct_conv_geometry *geometry, bool *bare);

/* A phase; the one without taps comes last, and the first has the most. */
oct_conv_phase oct_conv_phase_at(const oct_conv_geometry *geometry, size_t index);

/* Tells the phase the output's size. */
void oct_conv_fit_phase(oct_conv_phase *phase, const size_t out[]);

/* Packs the general path for a kernel of gemm.def, chosen by the caller: for tests and benchmarks. */
oct_status oct_conv_pack_for(const oct_gemm_kernel *kernel, const oct_conv_weights *weights, void *packed,
                             size_t packed_size);

#endif /* OCT_CONV_PACKED_H */
