/* Status codes, names, tiers, the cap, and the checks of an oct_run. OCTET_MAX_ISA is read once, so each spelling runs
 * in a child. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <sys/wait.h>

#include "base/align.h"
#include "base/isa.h"
#include "base/run.h"
#include "base/status.h"
#include "check.h"
#include "octet.h"

static void test_names(void) {
  static const char *const statuses[] = {"ok",       "invalid argument", "shape mismatch", "unsupported",
                                         "overflow", "buffer too small", "misaligned",     "corrupt"};
  for (int i = 0; i < 8; i++)
    check(strcmp(oct_status_name((oct_status)i), statuses[i]) == 0, "status %d is %s", i,
          oct_status_name((oct_status)i));
  check(strcmp(oct_status_name((oct_status)99), "unknown status") == 0, "status 99");
  static const char *const dtypes[] = {"uint8", "int8", "int32", "float32"};
  static const size_t sizes[] = {1, 1, 4, 4};
  for (int i = 0; i < 4; i++)
    check(strcmp(oct_dtype_name((oct_dtype)i), dtypes[i]) == 0 && oct_dtype_size((oct_dtype)i) == sizes[i], "dtype %d",
          i);
  check(oct_dtype_size((oct_dtype)77) == 0 && strcmp(oct_dtype_name((oct_dtype)77), "unknown dtype") == 0, "dtype 77");
  check(strcmp(oct_version(), "0.1.0") == 0, "version %s", oct_version());
  static const char *const isas[] = {"scalar", "avx2",    "avxvnni", "avx512vnni",
                                     "neon",   "dotprod", "i8mm",    "avx512vbmi"};
  for (int i = 0; i < OCT_ISA_COUNT; i++) check(strcmp(oct_isa_name((oct_isa)i), isas[i]) == 0, "isa %d", i);
  check(strcmp(oct_isa_name(OCT_ISA_COUNT), "unknown") == 0, "isa out of range");
}

static void *fail_elsewhere(void *argument) {
  (void)argument;
  oct_fail(OCT_OVERFLOW, "another thread's sentence");
  return NULL;
}

static void test_messages(void) {
  check(oct_fail(OCT_UNSUPPORTED, "entry: %d of %s", 7, "nine") == OCT_UNSUPPORTED, "oct_fail returns its status");
  check(strcmp(oct_last_error_message(), "entry: 7 of nine") == 0, "message is '%s'", oct_last_error_message());
  pthread_t thread;
  if (check(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0, "thread")) pthread_join(thread, NULL);
  check(strcmp(oct_last_error_message(), "entry: 7 of nine") == 0, "another thread changed the message");
  char text[2000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  oct_fail(OCT_OVERFLOW, "%s", text);
  check(strlen(oct_last_error_message()) == 511, "a long sentence is cut to its buffer");
}

static void test_sizes(void) {
  size_t r = 0;
  check(oct_multiply(1 << 20, 1 << 20, &r) && r == (size_t)1 << 40, "product");
  check(!oct_multiply(SIZE_MAX, 2, &r), "product overflows");
  check(oct_add(SIZE_MAX - 1, 1, &r) && r == SIZE_MAX && !oct_add(SIZE_MAX, 1, &r), "sum");
  check(oct_round_up(0, 64) == 0 && oct_round_up(1, 64) == 64 && oct_round_up(64, 64) == 64, "round up");
  check(oct_ceil_div(0, 3) == 0 && oct_ceil_div(1, 3) == 1 && oct_ceil_div(SIZE_MAX, 2) == SIZE_MAX / 2 + 1,
        "ceil div");
}

static void test_tiers(void) {
  check(oct_isa_supported(OCT_ISA_SCALAR), "scalar is always there");
  check(!oct_isa_supported(OCT_ISA_COUNT) && !oct_isa_supported((oct_isa)-1), "tiers out of range");
  check(!(oct_isa_supported(OCT_ISA_AVX2) && oct_isa_supported(OCT_ISA_NEON)), "two architectures at once");
  if (OCT_ARCH_ARM64) check(oct_isa_supported(OCT_ISA_NEON), "NEON is part of AArch64");
#if OCT_ARCH_X86
  __builtin_cpu_init();
  check(oct_isa_supported(OCT_ISA_AVX2) == !!__builtin_cpu_supports("avx2"),
        "the compiler's probe disagrees about AVX2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
  check(oct_isa_supported(OCT_ISA_AVX512VNNI) == avx512, "the compiler's probe disagrees about AVX-512 VNNI");
  check(oct_isa_supported(OCT_ISA_AVX512VBMI) == (avx512 && __builtin_cpu_supports("avx512vbmi")),
        "the compiler's probe disagrees about AVX-512 VBMI");
#endif
  for (int i = 0; i < OCT_ISA_COUNT; i++) {
    const oct_isa isa = (oct_isa)i;
    const bool x86 = i <= OCT_ISA_AVX512VNNI || i == OCT_ISA_AVX512VBMI;
    const bool ours = i == 0 || (x86 ? OCT_ARCH_X86 : OCT_ARCH_ARM64);
    const oct_status status = oct_set_max_isa(isa);
    check(status == (ours ? OCT_OK : OCT_INVALID_ARGUMENT), "cap %s: %s", oct_isa_name(isa), oct_status_name(status));
    if (!ours) continue;
    oct_isa max = OCT_ISA_COUNT;
    check_ok(oct_max_isa(&max), "max");
    check(oct_isa_supported(isa) ? max == isa : max < isa && oct_isa_supported(max), "cap %s gives %s",
          oct_isa_name(isa), oct_isa_name(max));
    check(oct_isa_allowed(OCT_ISA_SCALAR, max) && oct_isa_allowed(max, max), "the cap allows itself and scalar");
    for (int above = (int)max + 1; above < OCT_ISA_COUNT; above++)
      check(!oct_isa_allowed((oct_isa)above, max), "above the cap");
  }
  check_refused(oct_set_max_isa(OCT_ISA_COUNT), OCT_INVALID_ARGUMENT, "cap out of range");
  check_refused(oct_max_isa(NULL), OCT_INVALID_ARGUMENT, "null place");
}

/* What a fresh process makes of OCTET_MAX_ISA: a tier, or 100 + the status. */
static int child(const char *value) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (value)
      setenv("OCTET_MAX_ISA", value, 1);
    else
      unsetenv("OCTET_MAX_ISA");
    oct_isa isa = OCT_ISA_COUNT;
    const oct_status status = oct_max_isa(&isa);
    if (status != OCT_OK) {
      float x = 1;
      uint8_t q = 0;
      /* Entries that choose a kernel fail alike, and a cap set by hand mends it. */
      if (oct_quantize(&x, 1, 1, 0, OCT_U8, &q, NULL) != status || q != 0) _exit(98);
      if (oct_set_max_isa(OCT_ISA_SCALAR) != OCT_OK || oct_quantize(&x, 1, 1, 0, OCT_U8, &q, NULL) != OCT_OK || q != 1)
        _exit(97);
    }
    _exit(status == OCT_OK ? (int)isa : 100 + (int)status);
  }
  int state = 0;
  waitpid(pid, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* Before anything else has asked for the cap. */
static void test_environment(void) {
  int best = 0;
  for (int i = 0; i < OCT_ISA_COUNT; i++)
    if (oct_isa_supported((oct_isa)i)) best = i;
  check(child(NULL) == best, "without the variable: %d, expected %d", child(NULL), best);
  check(child("") == best, "an empty variable counts as none");
  check(child("scalar") == OCT_ISA_SCALAR, "scalar: %d", child("scalar"));
  for (int i = 0; i < OCT_ISA_COUNT; i++)
    if (oct_isa_supported((oct_isa)i)) check(child(oct_isa_name((oct_isa)i)) == i, "%s", oct_isa_name((oct_isa)i));
  static const char *const nonsense[] = {"AVX2", "sse", "avx512", "scalar ", OCT_ARCH_X86 ? "neon" : "avx2"};
  for (int i = 0; i < 5; i++)
    check(child(nonsense[i]) == 100 + OCT_INVALID_ARGUMENT, "OCTET_MAX_ISA='%s': %d", nonsense[i], child(nonsense[i]));
}

static void test_runs(void) {
  int threads = 0;
  void *place = &threads;
  static _Alignas(64) char memory[256];
  oct_run run = {.struct_size = sizeof run, .threads = 3, .workspace = memory, .workspace_size = 128};
  check_ok(oct_run_threads("test", &run, &threads), "threads");
  check(threads == 3, "%d threads", threads);
  check_ok(oct_run_threads("test", NULL, &threads), "no run");
  check(threads == oct_max_threads(), "%d threads without a run", threads);
  check_ok(oct_run_workspace("test", &run, 128, &place), "workspace");
  check(place == memory, "workspace elsewhere");
  check_ok(oct_run_workspace("test", NULL, 0, &place), "no workspace wanted");
  check(place == NULL, "no workspace is null");
  check_refused(oct_run_workspace("test", &run, 129, &place), OCT_BUFFER_TOO_SMALL, "too small");
  check_refused(oct_run_workspace("test", NULL, 1, &place), OCT_INVALID_ARGUMENT, "no run");
  run.workspace = memory + 32;
  check_refused(oct_run_workspace("test", &run, 64, &place), OCT_MISALIGNED, "misaligned");
  run.threads = -1;
  check_refused(oct_run_threads("test", &run, &threads), OCT_INVALID_ARGUMENT, "negative threads");
  run.struct_size = 1;
  check_refused(oct_run_threads("test", &run, &threads), OCT_INVALID_ARGUMENT, "struct size");
}

int main(void) {
  check(strcmp(oct_last_error_message(), "") == 0, "a message before the first failure");
  test_environment();
  test_names();
  test_messages();
  test_sizes();
  test_tiers();
  test_runs();
  return check_report("base");
}
