/* Integer convolution over one, two or three spatial dimensions, channels last.
 *
 *   acc[i, o.., n] = sum over taps t.. and channels c of its group: (x[i, o * stride - padding + t * dilation.., c] - x_zero_point)
 *                                                                   * (w[n, c, t..] - w_zero_point[n])
 *
 * exact; a tap outside the input counts as x_zero_point, that is, adds nothing. Depthwise convolutions (one input channel per group) and
 * 1x1 ones take kernels of their own.
 *
 * A transposed convolution (torch's ConvTranspose) is the same with the roles of input and output positions exchanged:
 *
 *   acc[i, o.., n] = sum over taps t.., positions p.. with p * stride - padding_begin + t * dilation = o, and channels c of its group:
 *                    (x[i, p.., c] - x_zero_point) * (w[c, n, t..] - w_zero_point[n])
 *
 * An output that no tap reaches is the output stage of an accumulator of 0: the bias.
 */
#ifndef OCTET_CONV_H
#define OCTET_CONV_H

#include "gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_CONV_MAX_RANK 3

/* A convolution without its input size. Arrays hold `rank` entries, outermost dimension first (depth, height, width). */
typedef struct oct_conv_weights {
  uint32_t struct_size;
  oct_dtype x_dtype; /* OCT_U8 or OCT_S8 */
  oct_dtype w_dtype; /* OCT_U8 or OCT_S8 */
  uint32_t rank;     /* 1, 2 or 3 */
  size_t in_channels, out_channels, groups;
  size_t kernel[OCT_CONV_MAX_RANK];
  size_t stride[OCT_CONV_MAX_RANK];
  size_t dilation[OCT_CONV_MAX_RANK];
  size_t padding_begin[OCT_CONV_MAX_RANK];
  size_t padding_end[OCT_CONV_MAX_RANK];
  const void *
      w; /* [out_channels, in_channels / groups, kernel..], contiguous; transposed: [in_channels, out_channels / groups, kernel..] */
  const int32_t *zero_point; /* null: all 0; else 1 or out_channels values within the dtype */
  size_t zero_point_count;
  bool transposed;
  size_t output_padding[OCT_CONV_MAX_RANK]; /* transposed: positions added at the end of the output; otherwise 0 */
} oct_conv_weights;

/* Bytes that oct_conv_pack writes. w and zero_point aren't read. */
OCT_API oct_status oct_conv_packed_size(const oct_conv_weights *weights, size_t *bytes);
OCT_API oct_status oct_conv_pack(const oct_conv_weights *weights, void *packed, size_t packed_size);
OCT_API const char *oct_conv_kernel_name(const void *packed, size_t packed_size);

/* One run: x is [batch, in.., in_channels] and y is [batch, out.., out_channels], pixels x_stride and y_stride elements apart, no other
 * gaps. out = (in + padding_begin + padding_end - dilation * (kernel - 1) - 1) / stride + 1, or for transposed ones
 * (in - 1) * stride - padding_begin - padding_end + dilation * (kernel - 1) + output_padding + 1; at least 1 unless batch is 0. */
typedef struct oct_conv_call {
  uint32_t struct_size;
  size_t batch;
  size_t in[OCT_CONV_MAX_RANK];
  const void *x;
  ptrdiff_t x_stride;
  int32_t x_zero_point;
  void *y;
  ptrdiff_t y_stride;
  const oct_output *output; /* per channel over out_channels */
} oct_conv_call;

/* The output's spatial size for an input's. */
OCT_API oct_status oct_conv_output_size(const oct_conv_weights *weights, const size_t in[], size_t out[]);

OCT_API oct_status oct_conv_workspace_size(const void *packed, size_t packed_size, const oct_conv_call *call,
                                           int threads, size_t *bytes);

/* Runs. x and y must not overlap. */
OCT_API oct_status oct_conv(const void *packed, size_t packed_size, const oct_conv_call *call, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_CONV_H */
