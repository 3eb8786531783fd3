/* Packed convolutions: geometry, and the packed product of each group. Internal.
 *
 * Bytes: header | one block of oct_gemm_packed for each group, all of the same size, or one block of
 * oct_depthwise_pack. Inside a group, n runs over its output channels and k over taps and then channels: k = tap *
 * channels + c. */
#ifndef OCT_CONV_PACKED_H
#define OCT_CONV_PACKED_H

#include "gemm/gemm_packed.h"
#include "octet/conv.h"

/* The geometry with three spatial dimensions; leading ones that a lower rank lacks have size 1. */
typedef struct oct_conv_geometry {
  uint64_t in_channels, out_channels, groups;
  uint64_t kernel[OCT_CONV_MAX_RANK], stride[OCT_CONV_MAX_RANK], dilation[OCT_CONV_MAX_RANK];
  uint64_t padding_begin[OCT_CONV_MAX_RANK], padding_end[OCT_CONV_MAX_RANK];
  uint32_t x_dtype, w_dtype;
  uint32_t rank;
} oct_conv_geometry;

/* A view of packed weights, valid while they are. */
typedef struct oct_conv_packed {
  oct_conv_geometry geometry;
  size_t taps;     /* of one channel */
  size_t products; /* matrix products, each for `merged` groups */
  size_t merged; /* groups of one product: block diagonal weights, zeros between, when groups are narrower than tiles */
  size_t in, out;     /* input and output channels of a product */
  bool depthwise;     /* blocks is one block of oct_depthwise_pack, and there are no products */
  const char *blocks; /* the packed products */
  size_t block_bytes; /* of one */
} oct_conv_packed;

/* Refuses geometry that no input could meet, in the name of `entry`, and normalizes the rest. */
oct_status oct_conv_check_geometry(const char *entry, const oct_conv_weights *weights, oct_conv_geometry *geometry);

/* The output's size for an input's, three dimensions each. Refuses inputs that give no output. */
oct_status oct_conv_out_size(const char *entry, const oct_conv_geometry *geometry, const size_t in[], size_t out[]);

/* Opens packed weights, refusing what this library did not write. */
oct_status oct_conv_open(const char *entry, const void *packed, size_t packed_size, oct_conv_packed *view);

/* One of the packed products. */
oct_status oct_conv_product(const char *entry, const oct_conv_packed *view, size_t index, oct_gemm_packed *product);

/* Packs the general path for a kernel of gemm.def, chosen by the caller: for tests and benchmarks. */
oct_status oct_conv_pack_for(const oct_gemm_kernel *kernel, const oct_conv_weights *weights, void *packed,
                             size_t packed_size);

#endif /* OCT_CONV_PACKED_H */
