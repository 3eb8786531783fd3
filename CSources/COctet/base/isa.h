/* Regions of code for one instruction set tier, and the choice between tiers.
 *
 * A kernel file includes its intrinsics header first and puts its functions between OCT_ISA_BEGIN(TIER) and OCT_ISA_END; everything
 * else compiles for the ABI's floor. */
#ifndef OCT_BASE_ISA_H
#define OCT_BASE_ISA_H

#include "octet/base.h"

#if defined(__x86_64__)
#define OCT_ARCH_X86 1
#else
#define OCT_ARCH_X86 0
#endif
#if defined(__aarch64__)
#define OCT_ARCH_ARM64 1
#else
#define OCT_ARCH_ARM64 0
#endif
#define OCT_ARCH_ANY 1

/* Only the target strings of the list are wanted here. */
#define OCT_ISA_TIER(id, name, arch, probe)
#include "isa.def"
#undef OCT_ISA_TIER

/* A file of float code says this once, above its first function: no expression is contracted to a fused multiply-add. GCC has no such
 * pragma; the CMake build gives it -ffp-contract=off. */
#if defined(__clang__)
#define OCT_FP_STRICT _Pragma("STDC FP_CONTRACT OFF")
#else
#define OCT_FP_STRICT
#endif

#define OCT_PRAGMA_TEXT(text) _Pragma(#text)
#define OCT_PRAGMA(text) OCT_PRAGMA_TEXT(text)
#if defined(__clang__)
#define OCT_ISA_BEGIN(tier) \
  OCT_PRAGMA(clang attribute push(__attribute__((target(OCT_TARGET_##tier))), apply_to = function))
#define OCT_ISA_END _Pragma("clang attribute pop")
#else
#define OCT_ISA_BEGIN(tier) _Pragma("GCC push_options") OCT_PRAGMA(GCC target(OCT_TARGET_##tier))
#define OCT_ISA_END _Pragma("GCC pop_options")
#endif

/* True when a kernel of `isa` may be chosen now under the cap `max`: the CPU has it, and it is not above the cap. */
bool oct_isa_allowed(oct_isa isa, oct_isa max);

#endif /* OCT_BASE_ISA_H */
