/* Grids: checking them, and the form that kernels take them in. */
#include <math.h>

#include "base/registry.h"
#include "base/status.h"
#include "fakequant.h"

OCT_FP_STRICT

static const oct_fakequant_kernels *const table[] = {
#define OCT_FAKEQUANT_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "fakequant.def"
#undef OCT_FAKEQUANT_KERNELS
};

oct_status oct_fakequant_select(const oct_fakequant_kernels **kernels) {
  oct_isa max;
  const oct_status status = oct_max_isa(&max);
  if (status != OCT_OK) return status;
  size_t i = 0;
  while (!oct_registry_allows("fakequant", table[i]->name, table[i]->isa, max))
    i++; /* the last entry is scalar, which is always allowed */
  *kernels = table[i];
  return OCT_OK;
}

static float float_at(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

static int64_t integer_at(const int64_t *values, size_t i) {
  int64_t value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

oct_fake_parameters oct_fake_parameters_of(const oct_fake_quantization *grids, size_t channel) {
  const float scale = float_at(grids->scales, channel);
  const double zero = grids->zero_points ? (double)integer_at(grids->zero_points, channel)
                                         : (double)float_at(grids->real_zero_points, channel);
  oct_fake_parameters p = {
      .zero = zero, .low = (double)grids->quant_min, .high = (double)grids->quant_max, .real = !grids->zero_points};
  p.narrow = !p.real && fabs(p.low - zero) <= 0x1p21 && fabs(p.high - zero) <= 0x1p21;
  p.grid = (oct_fake_grid){1.0f / scale, scale, (float)(p.low - zero), (float)(p.high - zero)};
  return p;
}

oct_status oct_fake_null(const char *entry, const char *name, size_t count) {
  return oct_fail(OCT_INVALID_ARGUMENT, "%s: %s is null, expected %zu elements; pass a buffer", entry, name, count);
}

static oct_status check_channel(const char *entry, const oct_fake_quantization *grids, size_t c) {
  const float scale = float_at(grids->scales, c);
  if (!(scale > 0.0f) || isinf(scale))
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: scales[%zu] is %g, expected a positive finite number; check the observed range", entry, c,
                    (double)scale);
  if (grids->zero_points) {
    const int64_t zero = integer_at(grids->zero_points, c);
    if (zero < grids->quant_min || zero > grids->quant_max)
      return oct_fail(OCT_INVALID_ARGUMENT,
                      "%s: zero_points[%zu] is %lld, expected one in quant_min..quant_max, %lld..%lld", entry, c,
                      (long long)zero, (long long)grids->quant_min, (long long)grids->quant_max);
  } else if (!isfinite(float_at(grids->real_zero_points, c))) {
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: real_zero_points[%zu] is %g, expected a finite number", entry, c,
                    (double)float_at(grids->real_zero_points, c));
  }
  return OCT_OK;
}

oct_status oct_fake_check(const char *entry, const oct_fake_quantization *grids, size_t *count) {
  if (!grids) return oct_fail(OCT_INVALID_ARGUMENT, "%s: grids is null; pass an oct_fake_quantization", entry);
  if (grids->struct_size != sizeof *grids)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: grids->struct_size is %u, expected %zu; set it to sizeof(oct_fake_quantization)", entry,
                    (unsigned)grids->struct_size, sizeof *grids);
  const oct_channels *shape = &grids->shape;
  if (!oct_multiply(shape->outer, shape->channels, count) || !oct_multiply(*count, shape->inner, count) ||
      *count > PTRDIFF_MAX / sizeof(float))
    return oct_fail(OCT_OVERFLOW, "%s: shape %zu x %zu x %zu is more than memory can hold; check the shape", entry,
                    shape->outer, shape->channels, shape->inner);
  if (grids->quant_min > grids->quant_max)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: quant_min is %lld, above quant_max, %lld; swap them", entry,
                    (long long)grids->quant_min, (long long)grids->quant_max);
  if (shape->channels > 0 && !grids->scales)
    return oct_fail(OCT_INVALID_ARGUMENT, "%s: grids->scales is null, expected %zu scales", entry, shape->channels);
  if (shape->channels > 0 && !grids->zero_points == !grids->real_zero_points)
    return oct_fail(OCT_INVALID_ARGUMENT,
                    "%s: expected either zero_points or real_zero_points, received %s; leave the other one null", entry,
                    grids->zero_points ? "both" : "neither");
  for (size_t c = 0; c < shape->channels; c++) {
    const oct_status status = check_channel(entry, grids, c);
    if (status != OCT_OK) return status;
  }
  return OCT_OK;
}
