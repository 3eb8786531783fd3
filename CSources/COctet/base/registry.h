/* Tables of kernels from a family's .def list.
 *
 * A table is an array of pointers; OCT_REGISTRY_ENTRY(architecture, symbol) is "&symbol," on its own architecture and
 * nothing on others. Order is preference and the last entry is scalar. Kernels of a list start with a name and a tier.
 */
#ifndef OCT_BASE_REGISTRY_H
#define OCT_BASE_REGISTRY_H

#include "isa.h"
#include "verbose.h"

#define OCT_REGISTRY_1(symbol) &symbol,
#define OCT_REGISTRY_0(symbol)
#define OCT_REGISTRY_SELECT(flag, symbol) OCT_REGISTRY_##flag(symbol)
#define OCT_REGISTRY_FLAG(flag, symbol) OCT_REGISTRY_SELECT(flag, symbol)
#define OCT_REGISTRY_ENTRY(arch, symbol) OCT_REGISTRY_FLAG(OCT_ARCH_##arch, symbol)

/* True when `isa` may run under the cap; otherwise OCTET_VERBOSE hears why the kernel was declined. */
static inline bool oct_registry_allows(const char *family, const char *name, oct_isa isa, oct_isa max) {
  if (oct_isa_allowed(isa, max)) return true;
  if (oct_verbose())
    oct_tell("%s kernel %s declined: %s", family, name,
             oct_isa_supported(isa) ? "above the cap on instruction sets" : "the CPU lacks its instructions");
  return false;
}

#endif /* OCT_BASE_REGISTRY_H */
