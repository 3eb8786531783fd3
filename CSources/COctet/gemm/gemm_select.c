/* The list of kernels and the choice among them. */
#include "base/registry.h"
#include "base/status.h"
#include "gemm_kernel.h"

enum { USE_DISPATCH = 0, USE_TEST = 1, TAKES_WHOLE = 0, TAKES_RUNS = 1, TAKES_PANELS = 2 };

const oct_gemm_kernel oct_gemm_kernels[] = {
#define OCT_GEMM_KERNEL(name, isa, form, mr, nr, k_group, row_group, runs, speed, use, blocks, columns) \
  {#name,                                                                                               \
   OCT_ISA_##isa,                                                                                       \
   OCT_GEMM_FORM_##form,                                                                                \
   mr,                                                                                                  \
   nr,                                                                                                  \
   k_group,                                                                                             \
   row_group,                                                                                           \
   TAKES_##runs >= TAKES_RUNS,                                                                          \
   TAKES_##runs >= TAKES_PANELS,                                                                        \
   speed,                                                                                               \
   USE_##use,                                                                                           \
   oct_gemm_##name,                                                                                     \
   blocks,                                                                                              \
   columns},
#include "gemm.def"
#undef OCT_GEMM_KERNEL
};
const size_t oct_gemm_kernel_count = sizeof oct_gemm_kernels / sizeof oct_gemm_kernels[0];

#define OCT_GEMM_KERNEL(name, isa, form, mr, nr, k_group, row_group, runs, speed, use, blocks, columns) \
  _Static_assert((mr) <= OCT_GEMM_MAX_ROWS && (nr) <= OCT_GEMM_MAX_COLUMNS &&                           \
                     (mr + row_group - 1) / row_group * row_group * (nr) <= OCT_GEMM_MAX_TILE,          \
                 "the tile of " #name " is beyond the bounds in gemm_kernel.h");
#include "gemm.def"
#undef OCT_GEMM_KERNEL

oct_status oct_gemm_select(const oct_gemm_kernel **kernel) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  for (size_t i = 0; i < oct_gemm_kernel_count; i++) {
    const oct_gemm_kernel *candidate = &oct_gemm_kernels[i];
    if (candidate->test_only) continue;
    if (!oct_registry_allows("gemm", candidate->name, candidate->isa, max)) continue;
    *kernel = candidate;
    return OCT_OK;
  }
  return oct_fail(OCT_UNSUPPORTED, "gemm: no kernel for this CPU; the list must end with a scalar one");
}
