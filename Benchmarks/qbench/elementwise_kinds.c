/* Functions of one and two quantized operands, and joining. */
#include <math.h>

#include "memory_bound.h"

static oct_status run_lookup(memory_bound *o) {
  return oct_lookup(o->desc.in, memory_bound_size(o, 0), o->tables[0], o->desc.out, &o->run);
}

static oct_status run_add(memory_bound *o) { return oct_quantized_add(&o->call.binary, &o->run); }
static oct_status run_multiply(memory_bound *o) { return oct_quantized_multiply(&o->call.binary, &o->run); }

static oct_status run_join(memory_bound *o) {
  return oct_join_rows(o->call.parts, 2, memory_bound_size(o, 0), o->desc.out, &o->run);
}

static float real_function(uint32_t kind, float x) {
  switch (kind) {
    case QB_RELU: return x > 0 ? x : 0;
    case QB_HARDSWISH: return x * fminf(fmaxf(x + 3, 0), 6) / 6;
    case QB_SIGMOID: return 1 / (1 + expf(-x));
    default: return x;
  }
}

/* The results of a function for all codes of an input by `scale` and `zero_point`. */
static bool make_table(const memory_bound *o, float scale, int32_t zero_point, uint8_t table[OCT_LOOKUP_ENTRIES]) {
  uint8_t codes[OCT_LOOKUP_ENTRIES];
  float reals[OCT_LOOKUP_ENTRIES];
  for (int i = 0; i < OCT_LOOKUP_ENTRIES; i++) codes[i] = (uint8_t)i;
  if (oct_dequantize(codes, OCT_U8, OCT_LOOKUP_ENTRIES, scale, zero_point, reals, NULL) != OCT_OK) return false;
  for (int i = 0; i < OCT_LOOKUP_ENTRIES; i++) reals[i] = real_function(o->desc.kind, reals[i]);
  return oct_quantize(reals, OCT_LOOKUP_ENTRIES, o->desc.out_scale, o->desc.out_zp, OCT_U8, table, NULL) == OCT_OK;
}

static bool make_join(memory_bound *o) {
  const size_t columns = memory_bound_size(o, 1);
  o->call.parts[0] = (oct_joined){o->desc.in, columns, o->tables[0]};
  o->call.parts[1] = (oct_joined){o->desc.in2, columns, o->tables[1]};
  o->entry = run_join;
  return make_table(o, o->desc.in_scale, o->desc.in_zp, o->tables[0]) &&
         make_table(o, o->desc.in2_scale, o->desc.in2_zp, o->tables[1]);
}

bool memory_bound_make_elementwise(memory_bound *o) {
  const qb_desc *d = &o->desc;
  switch (d->kind) {
    case QB_RELU:
    case QB_HARDSWISH:
    case QB_SIGMOID: o->entry = run_lookup; return make_table(o, d->in_scale, d->in_zp, o->tables[0]);
    case QB_CAT: return make_join(o);
    case QB_ADD:
    case QB_MUL:
      o->entry = d->kind == QB_ADD ? run_add : run_multiply;
      o->call.binary = (oct_quantized_binary){.struct_size = sizeof(oct_quantized_binary),
                                              .dtype = OCT_U8,
                                              .count = memory_bound_size(o, 0),
                                              .a = d->in,
                                              .b = d->in2,
                                              .y = d->out,
                                              .a_scale = d->in_scale,
                                              .b_scale = d->in2_scale,
                                              .y_scale = d->out_scale,
                                              .a_zero_point = d->in_zp,
                                              .b_zero_point = d->in2_zp,
                                              .y_zero_point = d->out_zp};
      return true;
    default: return false;
  }
}
