/* Embedding tables of 8, 4 or 2-bit rows with a scale and a bias each: packing, unpacking, sums over bags of rows. */
#ifndef OCTET_EMBEDDING_H
#define OCTET_EMBEDDING_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of a code. */
typedef enum oct_embedding_bits { OCT_EMBEDDING_8 = 8, OCT_EMBEDDING_4 = 4, OCT_EMBEDDING_2 = 2 } oct_embedding_bits;

/* A table lies row after row without gaps. A row is ceil(dim * bits / 8) bytes of codes, the earlier code in the lower bits of a byte
 * and unused bits 0, then its scale, then its bias: two float32 behind 8-bit codes, two float16 behind 4 and 2-bit ones, in the
 * machine's byte order. A code q stands for scale * q + bias. It is the layout of torch's quantized::embedding_bag_*_prepack.
 *
 * `size` becomes the bytes of one row. */
OCT_API oct_status oct_embedding_row_size(oct_embedding_bits bits, size_t dim, size_t *size);

/* Quantizes float32 rows [rows, dim], each by its own range; every operation rounds to float32, ties to even.
 *
 * 8 bits: scale = (max - min) / 255, bias = min, q = rint((x - min) * (255 / ((max - min) + 1e-8))).
 * 4 and 2 bits: bias = min and scale = (max - bias) / (2^bits - 1), both as float16 (scale 1 when that is 0 or its reciprocal infinite),
 * q = clamp(rint((x - bias) * (1 / scale)), 0, 2^bits - 1).
 *
 * Refuses elements that aren't finite, and rows whose scale or bias isn't. torch's quantized::embedding_bag_byte_prepack, _4bit_ and
 * _2bit_prepack on real weights. */
OCT_API oct_status oct_embedding_quantize(const float *weight, oct_embedding_bits bits, size_t rows, size_t dim,
                                          void *table, size_t table_size);

/* Packs codes that exist, a byte each, [rows, dim], with the parameters of each row: bias = -zero_point * scale in float32, both as float16
 * for 4 and 2 bits. Refuses codes of more bits, scales that aren't positive and finite, and zero points that aren't finite. */
OCT_API oct_status oct_embedding_pack(const uint8_t *codes, const float *scales, const float *zero_points,
                                      oct_embedding_bits bits, size_t rows, size_t dim, void *table, size_t table_size);

typedef enum oct_index_type { OCT_INDEX_S32 = 0, OCT_INDEX_S64 = 1 } oct_index_type;

/* What is looked up. Nothing may overlap y. */
typedef struct oct_embedding_bag {
  uint32_t struct_size;
  oct_embedding_bits bits;
  size_t rows, dim;
  const void *table;
  size_t table_size; /* in bytes: at least rows of oct_embedding_row_size */

  oct_index_type index_type, offset_type;
  size_t index_count;
  const void *indices; /* each in 0..<rows */

  /* Where bags begin among the indices: from 0, never falling, at most index_count. The last bag ends at index_count; with
   * include_last_offset that end is an entry of its own. Null: every index is a bag. */
  const void *offsets;
  size_t offset_count;
  bool include_last_offset;

  const float *weights; /* a factor for each index; null: 1 */

  float *y;      /* [bags, dim], dense */
  size_t y_size; /* in elements: at least bags * dim */
} oct_embedding_bag;

/* y[bag][d] = the sum over the bag's indices, in order from 0: acc = fma(weight * scale, q, acc + weight * bias), where fma rounds once and
 * the other three operations round to float32 on their own. Empty bags give 0. The same bits on every tier and for any number of
 * threads. torch's quantized::embedding_bag_*_rowwise_offsets, quantized::embedding_byte and embedding_4bit. */
OCT_API oct_status oct_embedding_bag_sum(const oct_embedding_bag *bag, const oct_run *run);

/* y[row][d] = fma(scale, q, bias) of every row, `y_size` elements at least. torch's quantized::embedding_bag_*_unpack. */
OCT_API oct_status oct_embedding_unpack(const void *table, size_t table_size, oct_embedding_bits bits, size_t rows,
                                        size_t dim, float *y, size_t y_size, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_EMBEDDING_H */
