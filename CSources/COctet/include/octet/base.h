/* Status codes, element types, instruction set tiers, threads and the run context that every family shares.
 *
 * Rules that hold for the whole library:
 *  - Every entry returns an oct_status. Nothing aborts, prints to stdout or sets errno.
 *  - A failed call leaves its outputs untouched and puts a sentence into oct_last_error_message().
 *  - Nothing allocates inside a run: the caller owns packed weights and workspace, and asks for their sizes first.
 *  - Data pointers may have any alignment; packed weights and workspaces are aligned to OCT_ALIGNMENT bytes.
 *  - No byte outside the buffers described by the arguments is read or written.
 *  - Structs that callers fill start with struct_size = sizeof(the struct), so that they can grow.
 *  - Integer results are the same bits for every instruction set tier and for every number of threads.
 *  - The floating-point environment is the default one (round to nearest, no flush to zero).
 */
#ifndef OCTET_BASE_H
#define OCTET_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(OCT_SHARED) && defined(__GNUC__)
#define OCT_API __attribute__((visibility("default")))
#else
#define OCT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_VERSION_MAJOR 0
#define OCT_VERSION_MINOR 1
#define OCT_VERSION_PATCH 0

/* Alignment in bytes of packed weights and of workspaces. */
#define OCT_ALIGNMENT 64

/* What an entry reports. */
typedef enum oct_status {
  OCT_OK = 0,
  OCT_INVALID_ARGUMENT = 1, /* a value no call could accept: null pointer, scale of zero, stride of zero, ... */
  OCT_SHAPE_MISMATCH = 2,   /* arguments that disagree with each other */
  OCT_UNSUPPORTED = 3,      /* a legal combination that has no kernel */
  OCT_OVERFLOW = 4,         /* a size that doesn't fit into its type */
  OCT_BUFFER_TOO_SMALL = 5, /* packed weights, workspace or output smaller than the query said */
  OCT_MISALIGNED = 6,       /* packed weights or workspace not aligned to OCT_ALIGNMENT */
  OCT_CORRUPT = 7           /* packed weights that this library did not write */
} oct_status;

/* "ok", "invalid argument", ...: a constant string, also for values outside the enumeration. */
OCT_API const char *oct_status_name(oct_status status);

/* The sentence of the calling thread's last failed call: operation, argument, expected, received and the smallest fix.
 * Empty before the first failure. Valid until the thread's next failed call. */
OCT_API const char *oct_last_error_message(void);

/* "0.1.0". */
OCT_API const char *oct_version(void);

/* Element types of activations, weights and outputs. */
typedef enum oct_dtype { OCT_U8 = 0, OCT_S8 = 1, OCT_S32 = 2, OCT_F32 = 3 } oct_dtype;

/* Bytes per element, 0 for a value outside the enumeration. */
OCT_API size_t oct_dtype_size(oct_dtype dtype);
OCT_API const char *oct_dtype_name(oct_dtype dtype);

/* Instruction set tiers, from the lowest to the highest of an architecture. */
typedef enum oct_isa {
  OCT_ISA_SCALAR = 0,
  OCT_ISA_AVX2 = 1,
  OCT_ISA_AVXVNNI = 2,
  OCT_ISA_AVX512VNNI = 3,
  OCT_ISA_NEON = 4,
  OCT_ISA_DOTPROD = 5,
  OCT_ISA_I8MM = 6,
  OCT_ISA_AVX512VBMI = 7,
  OCT_ISA_COUNT = 8
} oct_isa;

/* The tier's name as OCTET_MAX_ISA spells it: "scalar", "avx2", "avxvnni", "avx512vnni", "neon", "dotprod", "i8mm",
 * "avx512vbmi". */
OCT_API const char *oct_isa_name(oct_isa isa);

/* True when this build holds the tier's kernels and this CPU (and its operating system) runs them. */
OCT_API bool oct_isa_supported(oct_isa isa);

/* The tier that dispatch may use at most: the best supported one, lowered by the environment variable OCTET_MAX_ISA (read once)
 * or by oct_set_max_isa. OCT_INVALID_ARGUMENT when OCTET_MAX_ISA names no tier or one of another architecture; then every
 * entry that selects a kernel fails the same way. A tier above what the CPU has means the best one it has. */
OCT_API oct_status oct_max_isa(oct_isa *isa);

/* Caps dispatch for weights packed from now on; packed weights keep their kernel. It may raise an earlier cap, never beyond
 * the CPU. */
OCT_API oct_status oct_set_max_isa(oct_isa isa);

/* How an entry runs: its memory and its threads. A null oct_run means no workspace and every thread. */
typedef struct oct_run {
  uint32_t struct_size;
  int32_t threads;       /* at most this many, the caller's included; 0: as many as oct_max_threads() says */
  void *workspace;       /* aligned to OCT_ALIGNMENT; null when the entry's query said 0 */
  size_t workspace_size; /* in bytes */
} oct_run;

/* Threads that a run uses when it isn't told: the OpenMP runtime's figure, 1 in a build without it. */
OCT_API int oct_max_threads(void);

/* Whose threads a run uses beside the caller's. The library's own ones start when they are first needed, wait at most 200
 * microseconds for more work before they sleep, and a call never waits for one that the system hasn't run yet. OpenMP's are those of
 * the runtime that the program may use itself. */
typedef enum oct_thread_source { OCT_THREADS_OWN = 0, OCT_THREADS_OPENMP = 1 } oct_thread_source;

/* For calls from now on. The default is OCT_THREADS_OWN, or OpenMP when the environment variable OCTET_THREADS says "openmp" (read
 * once). OCT_UNSUPPORTED in a build without OpenMP, which has no threads. */
OCT_API oct_status oct_set_thread_source(oct_thread_source source);

/* Calls body(context, begin, end, worker) on disjoint ranges that cover 0..<count, each at most `grain` long, and returns when all
 * are done. Workers claim ranges one by one, so that one that lost its core holds up its own range only. `worker` is in 0..<threads,
 * and no two ranges under way at once share it. Runs on the caller's thread alone when count <= grain, threads is 1, the caller is itself inside a body, or in a parallel region of the program's own OpenMP. */
typedef void (*oct_range_body)(void *context, size_t begin, size_t end, int worker);
OCT_API void oct_parallel_for(size_t count, size_t grain, int threads, oct_range_body body, void *context);

/* The same, and the team's threads go to sleep at once afterwards instead of waiting for more work: for a part that is
 * followed by a library with threads of its own. */
OCT_API void oct_parallel_for_then_rest(size_t count, size_t grain, int threads, oct_range_body body, void *context);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_BASE_H */
