/* Sums and products: checks, the choice of kernels, and ranges for threads. */
#include "elementwise.h"

#include <float.h>
#include <math.h>

#include "base/registry.h"
#include "base/run.h"
#include "base/status.h"

OCT_FP_STRICT

static const oct_elementwise_kernels *const table_of_kernels[] = {
#define OCT_ELEMENTWISE_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "elementwise.def"
#undef OCT_ELEMENTWISE_KERNELS
};

oct_status oct_elementwise_select(const oct_elementwise_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("elementwise", table_of_kernels[i]->name, table_of_kernels[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table_of_kernels[i];
  return OCT_OK;
}

typedef struct binary_job {
  oct_binary_loop loop;
  const uint8_t *a, *b;
  uint8_t *y;
  oct_binary_rule rule;
} binary_job;

static void binary_range(void *context, size_t begin, size_t end, int worker) {
  (void)worker;
  const binary_job *job = context;
  job->loop(job->a + begin, job->b + begin, end - begin, &job->rule, job->y + begin);
}

static oct_status check_parameters(const char *entry, const char *name, oct_dtype dtype, float scale,
                                   int32_t zero_point) {
  const int32_t low = dtype == OCT_U8 ? 0 : -128, high = dtype == OCT_U8 ? 255 : 127;
  if (!(scale > 0.0f) || isinf(scale))
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: %s_scale is %g, expected a positive finite number; check the observed range", entry, name,
                    (double)scale);
  if (zero_point < low || zero_point > high)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s_zero_point is %d, but %s holds %d..%d; pass a value it holds", entry,
                    name, (int)zero_point, oct_dtype_name(dtype), (int)low, (int)high);
  return OCT_OK;
}

static oct_status check_binary(const char *entry, const oct_quantized_binary *p) {
  if (!p)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: binary is null, expected a description of the call; pass one", entry);
  if (p->struct_size != sizeof *p)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: struct_size is %u, expected %zu; set it to sizeof(oct_quantized_binary)",
                    entry, (unsigned)p->struct_size, sizeof *p);
  if (p->dtype != OCT_U8 && p->dtype != OCT_S8)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: dtype is %s (%d), expected OCT_U8 or OCT_S8; quantize to 8 bits", entry,
                    oct_dtype_name(p->dtype), (int)p->dtype);
  oct_status status = check_parameters(entry, "a", p->dtype, p->a_scale, p->a_zero_point);
  if (status == OCT_OK) status = check_parameters(entry, "b", p->dtype, p->b_scale, p->b_zero_point);
  if (status == OCT_OK) status = check_parameters(entry, "y", p->dtype, p->y_scale, p->y_zero_point);
  if (status == OCT_OK) status = oct_elementwise_check(entry, "a", p->a, p->y, p->count);
  if (status == OCT_OK) status = oct_elementwise_check(entry, "b", p->b, p->y, p->count);
  return status;
}

/* The float that multiplies exact products. Beyond float32's range every product but 0 is beyond the output's: the largest
 * float says so and keeps 0 what it is. */
static float product_multiplier(const oct_quantized_binary *p) {
  const float scale = p->a_scale * p->b_scale, inverse = 1.0f / p->y_scale, multiplier = scale * inverse;
  return multiplier <= FLT_MAX ? multiplier : FLT_MAX;
}

/* Whether sums of the largest differences, 255, stay finite and become less than 2^30 steps. */
static bool is_bounded(const oct_quantized_binary *p, float multiplier, bool product) {
  const double reach = product ? 65025.0 : 255.0 * ((double)p->a_scale + (double)p->b_scale);
  return reach < 0x1p126 && reach * (double)multiplier < 0x1p29;
}

static oct_binary_rule rule_of(const oct_quantized_binary *p, bool product) {
  const bool is_signed = p->dtype == OCT_S8;
  const int32_t bottom = is_signed ? -128 : 0, top = is_signed ? 127 : 255;
  const float multiplier = product ? product_multiplier(p) : 1.0f / p->y_scale;
  return (oct_binary_rule){.a_zero_point = p->a_zero_point,
                           .b_zero_point = p->b_zero_point,
                           .a_scale = p->a_scale,
                           .b_scale = p->b_scale,
                           .multiplier = multiplier,
                           .low = p->relu ? 0 : bottom - p->y_zero_point,
                           .high = top - p->y_zero_point,
                           .zero_point = p->y_zero_point,
                           .bounded = is_bounded(p, multiplier, product)};
}

static oct_binary_loop loop_of(const oct_elementwise_kernels *kernels, oct_dtype dtype, bool product) {
  if (product) return dtype == OCT_S8 ? kernels->multiply_s8 : kernels->multiply_u8;
  return dtype == OCT_S8 ? kernels->add_s8 : kernels->add_u8;
}

static oct_status run_binary(const char *entry, const oct_quantized_binary *p, bool product, const oct_run *run) {
  const oct_elementwise_kernels *kernels;
  int threads;
  oct_status status = check_binary(entry, p);
  if (status == OCT_OK) status = oct_run_threads(entry, run, &threads);
  if (status == OCT_OK) status = oct_elementwise_select(&kernels);
  if (status != OCT_OK || p->count == 0) return status;
  binary_job job = {
      .loop = loop_of(kernels, p->dtype, product), .a = p->a, .b = p->b, .y = p->y, .rule = rule_of(p, product)};
  const double start = oct_verbose() ? oct_clock_us() : 0;
  oct_parallel_for(p->count, oct_elementwise_grain(p->count), threads, binary_range, &job);
  if (oct_verbose())
    oct_tell("%s count=%zu %s kernel=%s %.1f us", entry, p->count, oct_dtype_name(p->dtype), kernels->name,
             oct_clock_us() - start);
  return OCT_OK;
}

oct_status oct_quantized_add(const oct_quantized_binary *binary, const oct_run *run) {
  return run_binary("oct_quantized_add", binary, false, run);
}

oct_status oct_quantized_multiply(const oct_quantized_binary *binary, const oct_run *run) {
  return run_binary("oct_quantized_multiply", binary, true, run);
}
