/* Packed weights: their bytes, and what a run needs to know of them. Internal; convolution packs one of these for each
 * group.
 *
 * Bytes: header | column sums, int64 [columns] | minus zero points, int32 [columns] | panels, int8 [columns /
 * nr][k_groups][nr][k_group] each part at a multiple of OCT_ALIGNMENT, columns being n rounded up to nr. There are no
 * pointers in it. Weights are int8: uint8 ones are stored less 128, and so are their zero points. */
#ifndef OCT_GEMM_PACKED_H
#define OCT_GEMM_PACKED_H

#include "gemm_kernel.h"

/* Weights to pack: k runs over outer[0] x outer[1] x outer[2] steps of k_inner elements each, and element (n, (o0, o1,
 * o2, i)) is at b[n * stride_n + o0 * stride_outer[0] + o1 * stride_outer[1] + o2 * stride_outer[2] + i *
 * stride_inner].
 *
 * With blocks > 1 they are block diagonal over n and i, which is how one product serves several groups of a
 * convolution: of column n's k_inner elements only the k_inner / blocks of its block are there, counted from the
 * block's first; the others are the column's zero point, and add nothing. Column c of a block is then at block *
 * stride_block + c * stride_n. */
typedef struct oct_gemm_source {
  oct_dtype a_dtype, b_dtype;
  size_t n, outer[3], k_inner;
  size_t blocks; /* divides n and k_inner */
  const void *b;
  ptrdiff_t stride_n, stride_block, stride_outer[3], stride_inner;
  size_t run;                /* elements of k that are padded to whole groups together; 0: all */
  const int32_t *zero_point; /* null, or [zero_point_count], 1 or n of them */
  size_t zero_point_count;
} oct_gemm_source;

static inline size_t oct_gemm_source_steps(const oct_gemm_source *source) {
  return source->outer[0] * source->outer[1] * source->outer[2];
}

/* A view of packed weights, valid while they are. */
typedef struct oct_gemm_packed {
  const oct_gemm_kernel *kernel;
  oct_dtype a_dtype, b_dtype;
  size_t n, k;
  size_t columns;            /* n rounded up to nr */
  size_t run;                /* elements of k that are padded to whole groups together; k unless packed otherwise */
  size_t k_groups;           /* of all runs */
  int32_t largest;           /* largest |b - its zero point| */
  bool has_zero;             /* some minus_zero isn't 0 */
  size_t blocks;             /* of cells of block diagonal weights, for the kernel's run_blocks; 1: panels as usual */
  const int64_t *column_sum; /* sums of the int8 weights over k */
  const int32_t *minus_zero;
  const int8_t *panels;
} oct_gemm_packed;

/* Bytes of one row of a in the kernel's form, padded to whole groups. */
static inline size_t oct_gemm_row_bytes(const oct_gemm_packed *packed) {
  return packed->k_groups * packed->kernel->k_group * oct_gemm_form_size(packed->kernel->form);
}

/* Bytes of `groups` groups of k of a panel. */
static inline size_t oct_gemm_groups_bytes(const oct_gemm_packed *packed, size_t groups) {
  const size_t bytes = groups * packed->kernel->k_group * packed->kernel->nr;
  return bytes / packed->blocks;
}

/* True when rows of a can be used where they lie: the kernel takes plain rows of its dtype, and whole groups of k or
 * their tail. */
static inline bool oct_gemm_takes_in_place(const oct_gemm_packed *packed) {
  const oct_gemm_kernel *kernel = packed->kernel;
  return kernel->row_group == 1 &&
         (packed->k % kernel->k_group == 0 || (kernel->takes_runs && packed->k >= kernel->k_group)) &&
         kernel->form == (packed->a_dtype == OCT_U8 ? OCT_GEMM_FORM_U8 : OCT_GEMM_FORM_S8);
}

/* a's zero point in the kernel's form. */
static inline int32_t oct_gemm_form_zero(const oct_gemm_packed *packed, int32_t a_zero_point) {
  if (packed->kernel->form == OCT_GEMM_FORM_U8 && packed->a_dtype == OCT_S8) return a_zero_point + 128;
  if (packed->kernel->form == OCT_GEMM_FORM_S8 && packed->a_dtype == OCT_U8) return a_zero_point - 128;
  return a_zero_point;
}

/* Refuses dtypes, zero points and their count, in the name of `entry`. The values are looked at if `zero_point` isn't
 * null. */
oct_status oct_gemm_check_zero_points(const char *entry, oct_dtype dtype, const int32_t *zero_point, size_t count,
                                      size_t n);

/* Bytes of weights [n, k] packed for `kernel` in runs of `run` (0: one), a multiple of OCT_ALIGNMENT. False on
 * overflow. */
bool oct_gemm_packed_bytes(const oct_gemm_kernel *kernel, size_t n, size_t k, size_t run, size_t *bytes);

/* The blocks of a cell when a block diagonal source, without zero points, fits the kernel's run_blocks, else 1. */
size_t oct_gemm_cell_blocks(const oct_gemm_kernel *kernel, const oct_gemm_source *source);

/* What the header remembers of packed weights beside their sizes. */
typedef struct oct_gemm_summary {
  int32_t largest; /* largest |b - its zero point| */
  bool has_zero;   /* some zero point, as stored, isn't 0 */
} oct_gemm_summary;

/* Writes the parts behind the header, all of them zeroed before: sums, zero points, and panels for `kernel`. */
oct_gemm_summary oct_gemm_pack_panels(const oct_gemm_kernel *kernel, const oct_gemm_source *source, int64_t *column_sum,
                                      int32_t *minus_zero, int8_t *panels);

/* Packs into `packed`, aligned and of oct_gemm_packed_bytes bytes. The source must be sound. */
void oct_gemm_pack_source(const oct_gemm_kernel *kernel, const oct_gemm_source *source, void *packed);

/* Opens packed weights, refusing what this library did not write or this CPU can't run. */
oct_status oct_gemm_open(const char *entry, const void *packed, size_t packed_size, oct_gemm_packed *view);

/* The same for weights that are probably of the same sizes as others, which takes less. */
oct_status oct_gemm_open_like(const char *entry, const oct_gemm_packed *like, const void *packed, size_t packed_size,
                              oct_gemm_packed *view);

/* Packs for a kernel of the list, chosen by the caller: for tests and benchmarks. The kernel must be one that the CPU
 * has. */
oct_status oct_gemm_packed_size_for(const oct_gemm_kernel *kernel, const oct_gemm_weights *weights, size_t *bytes);
oct_status oct_gemm_pack_for(const oct_gemm_kernel *kernel, const oct_gemm_weights *weights, void *packed,
                             size_t packed_size);

#endif /* OCT_GEMM_PACKED_H */
