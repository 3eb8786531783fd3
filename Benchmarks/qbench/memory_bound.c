/* Making and freeing memory-bound operations. */
#include "memory_bound.h"

#include <stdlib.h>

void *memory_bound_allocate(memory_bound *operation, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
  if (operation->buffer_count == QB_MOST_BUFFERS) return NULL;
  void *memory = aligned_alloc(OCT_ALIGNMENT, (bytes / OCT_ALIGNMENT + 1) * OCT_ALIGNMENT);
  if (memory) operation->buffers[operation->buffer_count++] = memory;
  return memory;
}

memory_bound *memory_bound_create(const qb_desc *desc, int threads) {
  memory_bound *operation = calloc(1, sizeof *operation);
  if (!operation) return NULL;
  operation->desc = *desc;
  operation->run = (oct_run){.struct_size = sizeof(oct_run), .threads = threads};
  const bool made = memory_bound_make_elementwise(operation) || memory_bound_make_spatial(operation) ||
                    memory_bound_make_observer(operation) || memory_bound_make_recurrent(operation);
  /* A first run finds out whether the library takes the arguments. */
  if (made && operation->entry(operation) == OCT_OK) return operation;
  memory_bound_destroy(operation);
  return NULL;
}

void memory_bound_destroy(memory_bound *operation) {
  if (!operation) return;
  for (int i = 0; i < operation->buffer_count; i++) free(operation->buffers[i]);
  free(operation);
}
