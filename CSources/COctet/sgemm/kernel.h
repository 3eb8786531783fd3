/* What a tier implements for float32 products: one tile of the result. */
#ifndef OCT_SGEMM_KERNEL_H
#define OCT_SGEMM_KERNEL_H

#include "base/isa.h"
#include "base/unroll.h"
#include "octet/sgemm.h"

/* The largest tile of any tier. */
enum { OCT_SGEMM_MOST_ROWS = 8, OCT_SGEMM_MOST_COLUMNS = 64 };

/* c[i][j] += a[i][p] * b[p][j] over p in order for a whole tile of the kernel's rows and columns. `b` has rows of `columns` floats,
 * b_row apart; `c` starts from what is there when `accumulate`, from 0 otherwise. */
typedef void (*oct_sgemm_tile)(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row,
                               float *c, size_t c_row, bool accumulate);

typedef struct oct_sgemm_kernel {
  const char *name;
  oct_isa isa;
  size_t rows, columns;
  /* Tiles of 1, 2, ... `rows` rows. */
  oct_sgemm_tile tiles[OCT_SGEMM_MOST_ROWS];
} oct_sgemm_kernel;

#define OCT_SGEMM_KERNEL(isa, arch, symbol) extern const oct_sgemm_kernel symbol;
#include "sgemm.def"
#undef OCT_SGEMM_KERNEL

#endif /* OCT_SGEMM_KERNEL_H */
