/* Which tiers this CPU has, from CPUID and the auxiliary vector alone: no file is read. */
#include "isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#if OCT_ARCH_X86
#include <cpuid.h>
#elif OCT_ARCH_ARM64 && defined(__linux__)
#include <sys/auxv.h>
#elif OCT_ARCH_ARM64 && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

static bool oct_probe_always(void) { return true; }

#if OCT_ARCH_X86

static uint64_t xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

/* True when CPUID announces the state that XCR0 must save, and the operating system saves it. */
static bool os_saves(uint64_t state) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  return (xcr0() & state) == state;
}

enum { STATE_YMM = 0x06, STATE_ZMM = 0xE6 };

static bool oct_probe_avx2(void) {
  uint32_t a, b, c, d;
  return os_saves(STATE_YMM) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static bool oct_probe_avxvnni(void) {
  uint32_t a, b, c, d;
  return oct_probe_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4));
}

static bool oct_probe_avx512vnni(void) {
  uint32_t a, b, c, d;
  const uint32_t wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  return os_saves(STATE_ZMM) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & wanted) == wanted &&
         (c & bit_AVX512VNNI);
}

static bool oct_probe_avx512vbmi(void) {
  uint32_t a, b, c, d;
  return oct_probe_avx512vnni() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_AVX512VBMI);
}

#elif OCT_ARCH_ARM64 && defined(__linux__)

static bool oct_probe_dotprod(void) { return getauxval(AT_HWCAP) & (1ul << 20); }
static bool oct_probe_i8mm(void) { return oct_probe_dotprod() && (getauxval(AT_HWCAP2) & (1ul << 13)); }

#elif OCT_ARCH_ARM64 && defined(__APPLE__)

static bool has_feature(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}
static bool oct_probe_dotprod(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
static bool oct_probe_i8mm(void) { return oct_probe_dotprod() && has_feature("hw.optional.arm.FEAT_I8MM"); }

#elif OCT_ARCH_ARM64

static bool oct_probe_dotprod(void) { return false; }
static bool oct_probe_i8mm(void) { return false; }

#endif

typedef struct tier {
  const char *name;
  bool (*probe)(void); /* null for another architecture's tier */
} tier;

/* The architecture's own column decides whether a probe is named at all. */
#define PROBE_1(probe) probe
#define PROBE_0(probe) NULL
#define PROBE_SELECT(flag, probe) PROBE_##flag(probe)
#define PROBE(flag, probe) PROBE_SELECT(flag, probe)

static const tier tiers[OCT_ISA_COUNT] = {
#define OCT_ISA_TIER(id, name, arch, probe) [OCT_ISA_##id] = {name, PROBE(OCT_ARCH_##arch, probe)},
#include "isa.def"
#undef OCT_ISA_TIER
};

const char *oct_isa_name(oct_isa isa) { return (unsigned)isa < OCT_ISA_COUNT ? tiers[isa].name : "unknown"; }

/* Bit i is set when tier i is supported; bit 31 says that the CPU was asked. Racing first calls store the same value. */
static _Atomic uint32_t supported_tiers;

bool oct_isa_supported(oct_isa isa) {
  if ((unsigned)isa >= OCT_ISA_COUNT) return false;
  uint32_t found = atomic_load_explicit(&supported_tiers, memory_order_relaxed);
  if (found == 0) {
    found = 1u << 31;
    for (unsigned i = 0; i < OCT_ISA_COUNT; i++)
      if (tiers[i].probe && tiers[i].probe()) found |= 1u << i;
    atomic_store_explicit(&supported_tiers, found, memory_order_relaxed);
  }
  return (found >> isa) & 1;
}

bool oct_isa_allowed(oct_isa isa, oct_isa max) { return isa <= max && oct_isa_supported(isa); }

/* The best supported tier that is not above `cap`. */
static oct_isa best_under(oct_isa cap) {
  oct_isa best = OCT_ISA_SCALAR;
  for (unsigned i = 0; i <= (unsigned)cap; i++)
    if (oct_isa_supported((oct_isa)i)) best = (oct_isa)i;
  return best;
}

/* 0: not decided; otherwise 1 + the tier, or CAP_INVALID when OCTET_MAX_ISA is nonsense. */
static _Atomic int cap_state;
enum { CAP_INVALID = -1 };

static int cap_from_environment(void) {
  const char *value = getenv("OCTET_MAX_ISA");
  if (!value || !*value) return 1 + (int)best_under((oct_isa)(OCT_ISA_COUNT - 1));
  for (unsigned i = 0; i < OCT_ISA_COUNT; i++)
    if (strcmp(value, tiers[i].name) == 0 && tiers[i].probe) return 1 + (int)best_under((oct_isa)i);
  return CAP_INVALID;
}

oct_status oct_max_isa(oct_isa *isa) {
  if (!isa) return oct_fail(OCT_INVALID_ARGUMENT, "oct_max_isa: isa is null; pass a place for the answer");
  int state = atomic_load_explicit(&cap_state, memory_order_relaxed);
  if (state == 0) {
    int undecided = 0;
    state = cap_from_environment();
    if (!atomic_compare_exchange_strong(&cap_state, &undecided, state)) state = undecided;
  }
  if (state == CAP_INVALID)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "OCTET_MAX_ISA is '%.32s', which is no tier of this architecture; use scalar, %s, or unset it",
                    getenv("OCTET_MAX_ISA") ? getenv("OCTET_MAX_ISA") : "",
                    OCT_ARCH_ARM64 ? "neon, dotprod, i8mm" : "avx2, avxvnni, avx512vnni, avx512vbmi");
  *isa = (oct_isa)(state - 1);
  return OCT_OK;
}

oct_status oct_set_max_isa(oct_isa isa) {
  if ((unsigned)isa >= OCT_ISA_COUNT || !tiers[isa].probe)
    return oct_fail(OCT_INVALID_ARGUMENT, "oct_set_max_isa: %s is no tier of this architecture", oct_isa_name(isa));
  atomic_store(&cap_state, 1 + (int)best_under(isa));
  return OCT_OK;
}
