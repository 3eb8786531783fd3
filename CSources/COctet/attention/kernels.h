/* What a tier implements for attention: a row's softmax, and a block of rows from scores to results. */
#ifndef OCT_ATTENTION_KERNELS_H
#define OCT_ATTENTION_KERNELS_H

#include "base/isa.h"
#include "octet/attention.h"

/* Some rows of one pair. Panels have the kernel's columns, the missing ones 0. */
typedef struct oct_attention_block {
  size_t rows, keys, width, value_width;
  const float *queries;      /* [rows, width], scaled */
  const float *key_panels;   /* for each panel of keys [width, columns] */
  const float *value_panels; /* for each panel of values [keys, columns] */
  const float *mask;         /* rows mask_row apart, of any alignment; null for none */
  size_t mask_row;
  float *scores; /* [rows, scores_row], whole panels of keys */
  size_t scores_row;
  float *y; /* rows y_row apart, of any alignment */
  size_t y_row;
} oct_attention_block;

typedef struct oct_attention_kernels {
  const char *name;
  oct_isa isa;
  size_t rows, columns; /* of a tile */
  /* Neighbouring rows, of any alignment; y may be x. */
  void (*softmax)(const float *x, size_t rows, size_t count, float *y);
  /* Keys [count, width], rows `row` apart, as panels [width, columns]; values as panels [count, columns]. Missing columns are 0. */
  void (*pack_keys)(const float *keys, size_t row, size_t count, size_t width, float *panels);
  void (*pack_values)(const float *values, size_t row, size_t count, size_t width, float *panels);
  /* Rows times a factor, side by side. */
  void (*scale)(const float *x, size_t row, size_t rows, size_t count, float factor, float *y);
  void (*block)(const oct_attention_block *block);
} oct_attention_kernels;

#define OCT_ATTENTION_KERNELS(isa, arch, symbol) extern const oct_attention_kernels symbol;
#include "attention.def"
#undef OCT_ATTENTION_KERNELS

/* The best kernels that oct_max_isa() allows. */
oct_status oct_attention_select(const oct_attention_kernels **kernels);

#endif /* OCT_ATTENTION_KERNELS_H */
