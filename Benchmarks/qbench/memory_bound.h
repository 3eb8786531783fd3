/* Operations whose time goes into memory rather than multiplications: elementwise functions, pooling, normalization, resizing,
 * embedding bags, observers, fake quantization and recurrent layers, made straight from a descriptor. */
#ifndef OCTET_QBENCH_MEMORY_BOUND_H
#define OCTET_QBENCH_MEMORY_BOUND_H

#include <stdbool.h>

#include "octet.h"
#include "qbench.h"

enum { QB_MOST_BUFFERS = 12 };

typedef struct memory_bound memory_bound;

struct memory_bound {
  qb_desc desc;
  oct_run run;
  oct_status (*entry)(memory_bound *operation);
  uint8_t tables[2][OCT_LOOKUP_ENTRIES];
  union {
    oct_quantized_binary binary;
    oct_joined parts[2];
    struct {
      oct_pool pool;
      oct_average average;
    } window;
    oct_interpolation interpolation;
    oct_norm norm;
    oct_embedding_bag bag;
    struct {
      float scale, low, high;
      int64_t zero_point;
      float *dx;
      uint8_t *mask;
      oct_extremes *extremes;
      uint64_t *counts;
    } observer;
    struct {
      oct_rnn_sequence_call sequence;
      oct_gemm_call projection;
      const void *packed;
      size_t packed_size, states;
      const float *x;
      float scale, weight_scale[2];
      uint8_t *quantized;
    } recurrent;
  } call;
  void *buffers[QB_MOST_BUFFERS];
  int buffer_count;
};

/* Null when the kind isn't one of these or can't be made. `threads` is how many a run may use. */
memory_bound *memory_bound_create(const qb_desc *desc, int threads);
void memory_bound_destroy(memory_bound *operation);

/* Memory that goes with the operation, aligned to OCT_ALIGNMENT; null when there is none. */
void *memory_bound_allocate(memory_bound *operation, size_t count, size_t size);

/* d[index] as a size; huge for a negative one, which no entry takes. */
static inline size_t memory_bound_size(const memory_bound *operation, int index) {
  const int64_t value = operation->desc.d[index];
  return value < 0 ? SIZE_MAX : (size_t)value;
}

/* Each sets `entry` and what it needs; false when the kind isn't among its own or can't be made. */
bool memory_bound_make_elementwise(memory_bound *operation);
bool memory_bound_make_spatial(memory_bound *operation);
bool memory_bound_make_observer(memory_bound *operation);
bool memory_bound_make_recurrent(memory_bound *operation);

#endif /* OCTET_QBENCH_MEMORY_BOUND_H */
