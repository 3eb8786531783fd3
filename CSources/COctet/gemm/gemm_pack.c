/* The bytes of packed weights: their layout, their header, and opening them again. */
#include <string.h>

#include "base/align.h"
#include "base/status.h"
#include "gemm_packed.h"

/* "OCTGEMM" and the version of the bytes. */
#define PACKED_MAGIC 0x014D4D454754434Fu

typedef struct packed_header {
  uint64_t magic;
  uint64_t total;
  uint64_t n, k;
  uint32_t kernel; /* index into the list: packed weights live in the process that made them */
  uint32_t a_dtype, b_dtype;
  int32_t largest;
  uint32_t has_zero;
  uint32_t run; /* 0: one run */
  uint32_t blocks;
  uint32_t check; /* of the fields above */
} packed_header;

_Static_assert(sizeof(packed_header) == OCT_ALIGNMENT, "the header is the first aligned part");

/* Where the parts lie. */
typedef struct layout {
  size_t columns, k_groups;
  size_t minus_zero, panels, total;
} layout;

static bool lay_out(const oct_gemm_kernel *kernel, size_t n, size_t k, size_t run, layout *parts) {
  if (run == 0) run = k;
  parts->k_groups = k == 0 ? 0 : k / run * oct_ceil_div(run, kernel->k_group);
  size_t column_bytes, panel_bytes, sums, total;
  /* 16 bytes per column cover the sums, the zero points and any rounding once a few hundred bytes are added. */
  if (!oct_multiply(oct_ceil_div(n, kernel->nr), kernel->nr, &parts->columns)) return false;
  if (!oct_multiply(parts->columns, 16, &sums) || !oct_multiply(parts->k_groups, kernel->k_group, &column_bytes))
    return false;
  if (!oct_multiply(parts->columns, column_bytes, &panel_bytes)) return false;
  if (!oct_add(sums, panel_bytes, &total) || !oct_add(total, 8 * OCT_ALIGNMENT, &total)) return false;
  parts->minus_zero = OCT_ALIGNMENT + oct_round_up(parts->columns * sizeof(int64_t), OCT_ALIGNMENT);
  parts->panels = parts->minus_zero + oct_round_up(parts->columns * sizeof(int32_t), OCT_ALIGNMENT);
  parts->total = parts->panels + oct_round_up(panel_bytes, OCT_ALIGNMENT);
  return parts->total <= PTRDIFF_MAX;
}

bool oct_gemm_packed_bytes(const oct_gemm_kernel *kernel, size_t n, size_t k, size_t run, size_t *bytes) {
  layout parts;
  if (!lay_out(kernel, n, k, run, &parts)) return false;
  *bytes = parts.total;
  return true;
}

/* A foreign header that survives the other comparisons by accident has 1 chance in 2^32 here. */
static uint32_t header_check(const packed_header *header) {
  const uint64_t fields[] = {header->magic,    header->total,   header->n,       header->k,
                             header->kernel,   header->a_dtype, header->b_dtype, (uint32_t)header->largest,
                             header->has_zero, header->run,     header->blocks};
  uint64_t hash[2] = {0xCBF29CE484222325u, 0x84222325CBF29CE4u}; /* two chains, which don't wait for each other */
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    hash[i % 2] = (hash[i % 2] ^ fields[i]) * 0x100000001B3u;
  const uint64_t both = hash[0] ^ (hash[1] << 17 | hash[1] >> 47);
  return (uint32_t)(both ^ (both >> 32));
}

void oct_gemm_pack_source(const oct_gemm_kernel *kernel, const oct_gemm_source *source, void *packed) {
  const size_t k = oct_gemm_source_steps(source) * source->k_inner;
  layout parts;
  if (!lay_out(kernel, source->n, k, source->run, &parts)) return;
  char *bytes = packed;
  memset(bytes, 0, parts.total);
  const oct_gemm_summary summary =
      oct_gemm_pack_panels(kernel, source, (int64_t *)(void *)(bytes + OCT_ALIGNMENT),
                           (int32_t *)(void *)(bytes + parts.minus_zero), (int8_t *)(bytes + parts.panels));
  packed_header header = {.magic = PACKED_MAGIC,
                          .total = parts.total,
                          .n = source->n,
                          .k = k,
                          .kernel = (uint32_t)(kernel - oct_gemm_kernels),
                          .a_dtype = (uint32_t)source->a_dtype,
                          .b_dtype = (uint32_t)source->b_dtype,
                          .largest = summary.largest,
                          .has_zero = summary.has_zero,
                          .run = (uint32_t)source->run,
                          .blocks = (uint32_t)oct_gemm_cell_blocks(kernel, source)};
  header.check = header_check(&header);
  memcpy(bytes, &header, sizeof header);
}

static oct_status corrupt(const char *entry, const char *what) {
  return oct_fail(OCT_CORRUPT,
                  "%s: packed weights are not ours (%s); pass bytes that the pack function wrote in this process",
                  entry, what);
}

oct_status oct_gemm_open(const char *entry, const void *packed, size_t packed_size, oct_gemm_packed *view) {
  if (!packed) return oct_fail(OCT_INVALID_ARGUMENT, "%s: packed is null; pass packed weights", entry);
  if (!oct_aligned(packed))
    return oct_fail(OCT_MISALIGNED, "%s: packed is at %p, expected an address that is a multiple of %d", entry, packed,
                    OCT_ALIGNMENT);
  if (packed_size < OCT_ALIGNMENT)
    return oct_fail(OCT_BUFFER_TOO_SMALL,
                    "%s: packed_size is %zu, expected at least the header's %d; pass the size that was queried", entry,
                    packed_size, OCT_ALIGNMENT);
  packed_header header;
  memcpy(&header, packed, sizeof header);
  if (header.magic != PACKED_MAGIC) return corrupt(entry, "the first bytes differ");
  if (header.check != header_check(&header) || header.kernel >= oct_gemm_kernel_count)
    return corrupt(entry, "damaged header");
  const oct_gemm_kernel *kernel = &oct_gemm_kernels[header.kernel];
  if (!oct_isa_supported(kernel->isa)) return corrupt(entry, "their kernel doesn't run on this CPU");
  layout parts;
  if (header.n > SIZE_MAX || header.k > SIZE_MAX || (header.run != 0 && header.k % header.run != 0) ||
      !lay_out(kernel, (size_t)header.n, (size_t)header.k, header.run, &parts) || parts.total != header.total)
    return corrupt(entry, "sizes that contradict each other");
  if (parts.total > packed_size)
    return oct_fail(OCT_BUFFER_TOO_SMALL,
                    "%s: packed_size is %zu, but these weights have %zu bytes; pass the size that was queried", entry,
                    packed_size, parts.total);
  const char *bytes = packed;
  *view = (oct_gemm_packed){
      .kernel = kernel,
      .a_dtype = (oct_dtype)header.a_dtype,
      .b_dtype = (oct_dtype)header.b_dtype,
      .n = (size_t)header.n,
      .k = (size_t)header.k,
      .columns = parts.columns,
      .run = header.run != 0 ? header.run : (size_t)header.k,
      .k_groups = parts.k_groups,
      .largest = header.largest,
      .has_zero = header.has_zero != 0,
      .blocks = header.blocks,
      .column_sum = (const int64_t *)(const void *)(bytes + OCT_ALIGNMENT),
      .minus_zero = (const int32_t *)(const void *)(bytes + parts.minus_zero),
      .panels = (const int8_t *)(bytes + parts.panels),
  };
  return OCT_OK;
}

oct_status oct_gemm_open_like(const char *entry, const oct_gemm_packed *like, const void *packed, size_t packed_size,
                              oct_gemm_packed *view) {
  const char *other = (const char *)like->column_sum - OCT_ALIGNMENT;
  packed_header header, others;
  if (!packed || !oct_aligned(packed) || packed_size < OCT_ALIGNMENT)
    return oct_gemm_open(entry, packed, packed_size, view);
  memcpy(&header, packed, sizeof header);
  memcpy(&others, other, sizeof others);
  const bool same = header.magic == others.magic && header.total == others.total && header.n == others.n &&
                    header.k == others.k && header.kernel == others.kernel && header.a_dtype == others.a_dtype &&
                    header.b_dtype == others.b_dtype && header.run == others.run && header.blocks == others.blocks;
  if (!same || header.total > packed_size || header.check != header_check(&header))
    return oct_gemm_open(entry, packed, packed_size, view);
  const ptrdiff_t apart = (const char *)packed - other;
  *view = *like;
  view->largest = header.largest;
  view->has_zero = header.has_zero != 0;
  view->column_sum = (const int64_t *)(const void *)((const char *)like->column_sum + apart);
  view->minus_zero = (const int32_t *)(const void *)((const char *)like->minus_zero + apart);
  view->panels = (const int8_t *)like->panels + apart;
  return OCT_OK;
}

oct_status oct_gemm_check_zero_points(const char *entry, oct_dtype dtype, const int32_t *zero_point, size_t count,
                                      size_t n) {
  if (!zero_point) return OCT_OK;
  if (count != 1 && count != n)
    return oct_fail(OCT_SHAPE_MISMATCH, "%s: zero_point_count is %zu, expected 1 or the %zu output channels", entry,
                    count, n);
  const int32_t low = dtype == OCT_U8 ? 0 : -128, high = dtype == OCT_U8 ? 255 : 127;
  for (size_t i = 0; i < count; i++)
    if (zero_point[i] < low || zero_point[i] > high)
      return oct_fail(OCT_INVALID_ARGUMENT, "%s: zero_point[%zu] is %d, but %s holds %d..%d; pass a value it holds",
                      entry, i, (int)zero_point[i], oct_dtype_name(dtype), (int)low, (int)high);
  return OCT_OK;
}
