/* Attention in float32: softmax of rows, and softmax(q kT) v for heads side by side. */
#ifndef OCTET_ATTENTION_H
#define OCTET_ATTENTION_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[i] = e[i] * (1 / s) for each of `rows` contiguous rows of `length` elements, with e[i] = exp(x[i] - largest) and s the sum of e.
 *
 * exp is good to about one unit in the last place, its results below the normal numbers included. Every operation is rounded by itself, and s
 * is summed in lanes by the place modulo 64, so that results are the same bits on every tier and for any number of threads. A row
 * with NaN, with plus infinity, or of minus infinities alone is NaN. y may be x. */
OCT_API oct_status oct_softmax(const float *x, size_t rows, size_t length, float *y, const oct_run *run);

/* For each of batch * heads pairs of matrices q [queries, width] and k [keys, width], and v [keys, value_width]:
 *
 *   y = softmax((scale * q) kT + mask) v
 *
 * the same bits as these operations one after the other: products of elements and their sums, in the order of the summed dimension, are
 * rounded one by one, and the softmax is oct_softmax's. Rows of no keys are 0.
 *
 * Element (n, h, i, c) of a matrix lies at n * batch stride + h * head stride + i * row stride + c; strides of the inputs may be 0 or
 * overlap. */
typedef struct oct_attention {
  uint32_t struct_size;
  float scale;
  size_t batch, heads, queries, keys, width, value_width;
  const float *q;
  size_t q_batch, q_head, q_row;
  const float *k;
  size_t k_batch, k_head, k_row;
  const float *v;
  size_t v_batch, v_head, v_row;
  const float *mask; /* [queries, keys] for each pair, null for none */
  size_t mask_batch, mask_head, mask_row;
  float *y; /* [queries, value_width]; rows of y overlap neither each other nor an input */
  size_t y_batch, y_head, y_row;
} oct_attention;

/* Bytes of workspace that a run with so many threads (0: all) needs. */
OCT_API oct_status oct_attention_workspace(const oct_attention *attention, int32_t threads, size_t *size);

OCT_API oct_status oct_attention_run(const oct_attention *attention, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_ATTENTION_H */
