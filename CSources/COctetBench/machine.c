/* The machine's limits as operations: the tier that dispatch uses is the one whose limits are measured. */
#include "machine.h"

#include <string.h>

#include "operation.h"

static const oct_bench_tier_limits *const limits_of_tier[OCT_ISA_COUNT] = {
    [OCT_ISA_SCALAR] = &oct_bench_limits_scalar,
#if OCT_ARCH_X86
    [OCT_ISA_AVX2] = &oct_bench_limits_avx2,
    [OCT_ISA_AVXVNNI] = &oct_bench_limits_avxvnni,
    [OCT_ISA_AVX512VNNI] = &oct_bench_limits_avx512vnni,
    [OCT_ISA_AVX512VBMI] = &oct_bench_limits_avx512vnni,
#elif OCT_ARCH_ARM64
    [OCT_ISA_NEON] = &oct_bench_limits_neon,
    [OCT_ISA_DOTPROD] = &oct_bench_limits_dotprod,
    [OCT_ISA_I8MM] = &oct_bench_limits_i8mm,
#endif
};

/* Less than this for each thread isn't worth waking one; parts of memory are multiples of what `read` takes at once. */
enum { SMALLEST_PART = 32768, READ_UNIT = 256 };

static size_t part_bound(const oct_bench_operation *operation, size_t part) {
  const size_t parts = operation->call.machine.parts, bytes = operation->shape.count;
  return part == parts ? bytes : bytes / parts / READ_UNIT * READ_UNIT * part;
}

static void run_part(oct_bench_operation *operation, size_t part) {
  oct_bench_team *team = &operation->call.machine;
  switch (operation->shape.kind) {
    case OCT_BENCH_INT8_PEAK: team->limits->int8_peak(team->loops); break;
    case OCT_BENCH_FLOAT_PEAK: team->limits->float_peak(team->loops); break;
    default: {
      const size_t begin = part_bound(operation, part), end = part_bound(operation, part + 1);
      const char *x = (const char *)operation->data.x + begin;
      if (operation->shape.kind == OCT_BENCH_COPY)
        memcpy((char *)operation->data.y + begin, x, end - begin);
      else
        atomic_fetch_xor_explicit(&team->sink, team->limits->read(x, end - begin), memory_order_relaxed);
    }
  }
}

static void take_parts(void *context, size_t begin, size_t end, int worker) {
  oct_bench_operation *operation = context;
  oct_bench_team *team = &operation->call.machine;
  size_t part = (size_t)worker;
  for (size_t claimed = begin; claimed < end; claimed++) {
    while (atomic_flag_test_and_set_explicit(&team->taken[part], memory_order_relaxed)) part = (part + 1) % team->parts;
    run_part(operation, part);
  }
}

static oct_status run_machine(oct_bench_operation *operation) {
  oct_bench_team *team = &operation->call.machine;
  if (team->parts == 1) {
    run_part(operation, 0);
    return OCT_OK;
  }
  for (size_t i = 0; i < team->parts; i++) atomic_flag_clear_explicit(&team->taken[i], memory_order_relaxed);
  oct_parallel_for(team->parts, 1, (int)team->parts, take_parts, operation);
  return OCT_OK;
}

const char *oct_bench_make_machine(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  oct_isa isa;
  const char *problem = oct_bench_sentence(oct_max_isa(&isa));
  if (problem) return problem;
  oct_bench_team *team = &operation->call.machine;
  const oct_bench_tier_limits *limits = team->limits = limits_of_tier[isa];
  const size_t threads = operation->run.threads > 1 ? (size_t)operation->run.threads : 1;
  team->parts = threads;
  atomic_init(&team->sink, 0);
  size_t unit = 0, per_loop = 1;
  switch (shape->kind) {
    case OCT_BENCH_INT8_PEAK:
      operation->kernel = limits->int8_instruction;
      unit = OCT_BENCH_INT8_UNIT, per_loop = limits->int8_operations;
      break;
    case OCT_BENCH_FLOAT_PEAK:
      operation->kernel = limits->float_instruction;
      unit = OCT_BENCH_FLOAT_UNIT, per_loop = limits->float_operations;
      break;
    default:
      if (shape->kind == OCT_BENCH_READ && shape->count % READ_UNIT != 0) return "reads are multiples of 256 bytes";
      if (!operation->data.x || (shape->kind == OCT_BENCH_COPY && !operation->data.y)) return "there is no buffer";
      operation->kernel = shape->kind == OCT_BENCH_COPY ? "memcpy" : limits->read_instruction;
      if (team->parts > 1 && shape->count / team->parts < SMALLEST_PART) team->parts = 1;
  }
  if (unit > 0) {
    const size_t loops_per_unit = unit / per_loop;
    if (shape->count > SIZE_MAX / loops_per_unit) return "the peak's count of units is too large";
    team->loops = shape->count * loops_per_unit;
  }
  team->taken = oct_bench_allocate(operation, team->parts, sizeof *team->taken);
  if (!team->taken) return oct_bench_no_memory();
  operation->entry = run_machine;
  return NULL;
}
