/* Packed integer matrix multiplication with a fused output stage.
 *
 *   acc[m, n] = sum over k of (a[m, k] - a_zero_point) * (b[n, k] - b_zero_point[n]),  exact
 *
 * a is uint8 or int8, b (the weights) is uint8 or int8 and packed once; the output stage turns acc into uint8, int8, int32 or float32.
 */
#ifndef OCTET_GEMM_H
#define OCTET_GEMM_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How an accumulator becomes an output element. The rule is stated once here and serves GEMM and convolution.
 *
 *   OCT_U8, OCT_S8:  q = clamp(zero_point + rint(((float)(acc + bias[n]) + bias_f32[n]) * multiplier[n]), clamp_min, clamp_max)
 *   OCT_F32:         y = min(max((float)(acc + bias[n]) * multiplier[n] + bias_f32[n], real_min), real_max)
 *   OCT_S32:         acc + bias[n], saturating
 *
 * every operation rounded to float32 on its own (no fused multiply-add), rint to even, saturating. A null bias or bias_f32 adds
 * nothing. For integer outputs bias_f32 is in units of the accumulator, that is real bias / (a_scale * b_scale[n]); for OCT_F32 it
 * is the real bias. multiplier is a_scale * b_scale[n] / out_scale for integer outputs and a_scale * b_scale[n] for OCT_F32.
 * An accumulator beyond int32 (large k) is carried in 64 bits, so (float)acc is the float nearest to the exact sum. */
typedef struct oct_output {
  uint32_t struct_size;
  oct_dtype dtype;
  const float *multiplier; /* [1] or [n]; positive and finite; not read for OCT_S32 */
  size_t multiplier_count;
  const int32_t *bias;          /* [n] or null */
  const float *bias_f32;        /* [n] or null */
  int32_t zero_point;           /* integer outputs: within the dtype */
  int32_t clamp_min, clamp_max; /* integer outputs: within the dtype; ReLU is clamp_min = zero_point */
  float real_min, real_max;     /* OCT_F32: -INFINITY and INFINITY for none; ReLU is real_min = 0 */
} oct_output;

/* What weights are and how they lie in memory: element (n, k) is at b[n * stride_n + k * stride_k]. Strides in elements.
 * The transpose [k, n] of a matrix is stride_n = 1, stride_k = n. */
typedef struct oct_gemm_weights {
  uint32_t struct_size;
  oct_dtype a_dtype; /* the activations that will meet these weights: OCT_U8 or OCT_S8 */
  oct_dtype b_dtype; /* OCT_U8 or OCT_S8 */
  size_t n, k;
  const void *b;
  ptrdiff_t stride_n, stride_k;
  const int32_t *zero_point; /* null: all 0; else zero_point_count values within the dtype */
  size_t zero_point_count;   /* 1 or n */
} oct_gemm_weights;

/* Bytes that oct_gemm_pack writes. b and zero_point aren't read. */
OCT_API oct_status oct_gemm_packed_size(const oct_gemm_weights *weights, size_t *bytes);

/* Packs weights for the best kernel that oct_max_isa() allows. Packed weights remember their kernel, can be copied byte by byte to
 * another aligned place in the same process, and are shared freely between threads. */
OCT_API oct_status oct_gemm_pack(const oct_gemm_weights *weights, void *packed, size_t packed_size);

/* The name of the kernel that packed weights were packed for, null for bytes that aren't packed weights. */
OCT_API const char *oct_gemm_kernel_name(const void *packed, size_t packed_size);

typedef struct oct_gemm_call {
  uint32_t struct_size;
  size_t m;
  const void *a; /* [m, k], rows a_stride elements apart */
  ptrdiff_t a_stride;
  int32_t a_zero_point;
  void *c; /* [m, n], rows c_stride elements apart */
  ptrdiff_t c_stride;
  const oct_output *output;
} oct_gemm_call;

/* Bytes of workspace that oct_gemm wants for m rows on at most `threads` threads (0: oct_max_threads()). */
OCT_API oct_status oct_gemm_workspace_size(const void *packed, size_t packed_size, size_t m, int threads,
                                           size_t *bytes);

/* Runs. a and c must not overlap. */
OCT_API oct_status oct_gemm(const void *packed, size_t packed_size, const oct_gemm_call *call, const oct_run *run);

/* A linear layer between real numbers whose input is quantized on the way, by the range of all its values:
 *
 *   scale, zero_point = oct_choose_quantization(min(x), max(x), 0, reduce_range ? 127 : 255, not symmetric)
 *   q = oct_quantize(x) to uint8 by them, (float)scale
 *   y[m, n] = max((float)acc[m, n] * ((float)scale * b_scale[n]) + bias[n], relu ? 0 : -infinity)
 *
 * every operation rounded to float32 on its own. acc is the exact sum above, of q and weights packed for OCT_U8. x must be finite.
 * torch's quantized::linear_dynamic and linear_relu_dynamic. */
typedef struct oct_gemm_dynamic_call {
  uint32_t struct_size;
  size_t m;
  const float *x; /* [m, k], rows x_stride elements apart */
  ptrdiff_t x_stride;
  bool reduce_range; /* 0..127 of 0..255: for kernels of other libraries that would saturate; torch's default */
  bool relu;
  const float *b_scale; /* [b_scale_count], 1 or n: positive, finite, and still so times the input's scale */
  size_t b_scale_count;
  const float *bias; /* [n] or null */
  float *y;          /* [m, n], rows y_stride elements apart */
  ptrdiff_t y_stride;
} oct_gemm_dynamic_call;

/* Bytes of workspace that oct_gemm_dynamic wants for m rows on at most `threads` threads (0: oct_max_threads()). */
OCT_API oct_status oct_gemm_dynamic_workspace_size(const void *packed, size_t packed_size, size_t m, int threads,
                                                   size_t *bytes);

/* Runs. x and y must not overlap. */
OCT_API oct_status oct_gemm_dynamic(const void *packed, size_t packed_size, const oct_gemm_dynamic_call *call,
                                    const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_GEMM_H */
