/* Embedding tables: the fused multiply-add against libm's, halves against their definition, packing against plain loops, bags on every
 * tier that this CPU runs with guarded buffers, threads, refusals. */
#define _DEFAULT_SOURCE
#include <float.h>
#include <math.h>

#include "base/registry.h"
#include "check.h"
#include "embedding/half.h"
#include "embedding/kernels.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static const oct_embedding_kernels *const tiers[] = {
#define OCT_EMBEDDING_KERNELS(isa, arch, symbol) OCT_REGISTRY_ENTRY(arch, symbol)
#include "embedding/embedding.def"
#undef OCT_EMBEDDING_KERNELS
};

static const oct_embedding_bits widths[] = {OCT_EMBEDDING_8, OCT_EMBEDDING_4, OCT_EMBEDDING_2};

static float of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* One bit pattern, or both NaN. */
static bool same(float a, float b) { return bits_of(a) == bits_of(b) || (isnan(a) && isnan(b)); }

/* Operands of every kind: any bits, neighbours of midpoints, subnormal and huge ones, exact ties. */
static void draw(check_random *random, size_t turn, float *a, uint32_t *q, float *t) {
  *q = check_next(random) & 255;
  *a = of_bits(check_next(random));
  *t = of_bits(check_next(random));
  switch (turn % 6) {
    case 0: return;
    case 1: /* a * q is half a step of t, give or take a part that double cuts off */
      *t = ldexpf(1.0f + (float)(check_next(random) & 0x7FFFFF) * 0x1p-23f, check_between(random, -100, 100));
      *a = ldexpf(nextafterf(1.0f, check_next(random) & 1 ? 0.0f : 2.0f),
                  ilogbf(*t) - 24 - check_between(random, 0, 40));
      *q = 1u << check_between(random, 0, 7);
      break;
    case 2: /* t is a step or a few below the midpoint of a * q */
      *a = ldexpf(1.0f + (float)(check_next(random) & 0x7FFFFF) * 0x1p-23f, check_between(random, -100, 100));
      *t = ldexpf(check_next(random) & 1 ? 1.0f : -1.0f, ilogbf(*a) - check_between(random, 10, 60));
      break;
    case 3: /* around the smallest numbers */
      *a = of_bits(check_next(random) & 0x00FFFFFF);
      *t = of_bits((check_next(random) & 0x80FFFFFF));
      break;
    case 4: /* around the largest */
      *a = ldexpf(1.0f + (float)(check_next(random) & 0x7FFFFF) * 0x1p-23f, check_between(random, 118, 122));
      *t = check_next(random) & 1 ? FLT_MAX : -FLT_MAX;
      break;
    default: /* what tables hold */ *a = check_real(random, 0.001f, 0.1f); *t = check_real(random, -10, 10);
  }
  if (check_next(random) & 1) *a = -*a;
}

static void test_fma(check_random *random) {
  for (size_t turn = 0; turn < 3000000; turn++) {
    float a, t;
    uint32_t q;
    draw(random, turn, &a, &q, &t);
    const float want = fmaf(a, (float)q, t), got = oct_embedding_fma(a, q, t);
    if (!check(same(got, want), "fma(%a, %u, %a) is %a, expected %a", (double)a, q, (double)t, (double)got,
               (double)want))
      return;
  }
  /* By hand: 1 + 2^-24 + 2^-60 and 1 + 2^-24 - 2^-60 in double are both the midpoint 1 + 2^-24. */
  const float step = 0x1p-24f + 0x1p-47f, before = 0x1p-24f - 0x1p-48f;
  check(oct_embedding_fma(step, 1, 1.0f) == 1.0f + 0x1p-23f, "above a midpoint");
  check(oct_embedding_fma(before, 1, 1.0f) == 1.0f, "below a midpoint");
  check(oct_embedding_fma(0x1p-24f, 1, 1.0f) == 1.0f, "a tie goes to even");
  check(oct_embedding_fma(0x1p-24f, 1, 1.0f + 0x1p-23f) == 1.0f + 0x1p-22f, "a tie goes up to even");
  /* 2^40 * 129 + 2^-20 has a midpoint nowhere near; 2^24 + 1 + tiny has one at 2^24 + 1. */
  check(oct_embedding_fma(5592405.6f, 3, 0x1p-60f) == fmaf(5592405.6f, 3, 0x1p-60f), "a product near a midpoint");
  check(oct_embedding_fma(16777217.0f / 17, 17, 0x1p-90f) == fmaf(16777217.0f / 17, 17, 0x1p-90f), "a tiny addend");
  const float third = 5592405.0f; /* odd: 3 * 5592405 + 2 = 2^24 + 1 */
  check(oct_embedding_fma(third, 3, 2.0f) == 16777216.0f, "the midpoint 2^24 + 1");
  check(oct_embedding_fma(65793.0f, 255, 2.0f + 0x1p-20f) == 16777218.0f, "above 2^24 + 1");
}

static void test_halves(void) {
  for (uint32_t half = 0; half < 0x10000; half++) {
    const int exponent = (int)(half >> 10 & 31), mantissa = (int)(half & 0x3FF);
    const float size = exponent == 31  ? mantissa ? NAN : INFINITY
                       : exponent == 0 ? ldexpf((float)mantissa, -24)
                                       : ldexpf((float)(1024 + mantissa), exponent - 25);
    const float want = half & 0x8000 ? -size : size, got = oct_half_widen((uint16_t)half);
    if (!check(same(got, want), "half %04x is %a, expected %a", half, (double)got, (double)want)) return;
    if (exponent == 31) {
      check(mantissa ? isnan(oct_half_widen(oct_half_narrow(got))) : oct_half_narrow(got) == half, "half %04x back",
            half);
      continue;
    }
    /* The midpoint to the next half, and its neighbours. Above the largest half it decides for infinity. */
    const float next =
        (half & 0x7FFF) == 0x7BFF ? ldexpf(half & 0x8000 ? -1.0f : 1.0f, 16) : oct_half_widen((uint16_t)(half + 1));
    const float middle = (got + next) / 2, inner = nextafterf(middle, 0.0f), outer = nextafterf(middle, 2 * next);
    const uint16_t even = (uint16_t)(half + (half & 1));
    const bool right = oct_half_narrow(got) == half && oct_half_narrow(middle) == even &&
                       oct_half_narrow(inner) == half && oct_half_narrow(outer) == half + 1;
    if (!check(right, "narrowing around half %04x, %a: %04x %04x %04x", half, (double)middle, oct_half_narrow(inner),
               oct_half_narrow(middle), oct_half_narrow(outer)))
      return;
  }
}

static float stored_real(const uint8_t *tail, oct_embedding_bits bits, size_t which) {
  if (bits == OCT_EMBEDDING_8) {
    float value;
    memcpy(&value, tail + which * sizeof value, sizeof value);
    return value;
  }
  uint16_t half;
  memcpy(&half, tail + which * sizeof half, sizeof half);
  return oct_half_widen(half);
}

static uint32_t stored_code(const uint8_t *row, oct_embedding_bits bits, size_t i) {
  const size_t place = i * (size_t)bits;
  return (uint32_t)(row[place / 8] >> (place % 8)) & (255u >> (8 - (int)bits));
}

/* Every tier's loops on guarded rows: the same bits as libm's fmaf gives. */
static void test_tiers(check_random *random) {
  for (size_t turn = 0; turn < 2400; turn++) {
    const oct_embedding_bits bits = widths[turn % 3];
    const size_t dim = turn / 3 % 80, size = (dim * (size_t)bits + 7) / 8;
    check_guard codes = check_guard_make(size), y = check_guard_make(dim * sizeof(float));
    float want[80], start[80], scale, bias;
    uint32_t q;
    check_fill_bytes(random, (check_fill)(turn % CHECK_FILL_COUNT), OCT_U8, codes.bytes, size);
    draw(random, turn / 7, &scale, &q, &bias);
    for (size_t i = 0; i < dim; i++) {
      float unused;
      draw(random, turn / 7, &unused, &q, &start[i]);
      want[i] = fmaf(scale, (float)stored_code(codes.bytes, bits, i), start[i] + bias);
    }
    for (size_t k = 0; k < sizeof tiers / sizeof *tiers; k++) {
      if (!oct_isa_supported(tiers[k]->isa)) continue;
      memcpy(y.bytes, start, dim * sizeof(float));
      tiers[k]->accumulate[turn % 3](codes.bytes, dim, scale, bias, (float *)(void *)y.bytes);
      for (size_t i = 0; i < dim; i++) {
        float got;
        memcpy(&got, y.bytes + i * sizeof got, sizeof got);
        if (!check(same(got, want[i]), "%s, %d bits: element %zu of %zu is %a, expected %a", tiers[k]->name, (int)bits,
                   i, dim, (double)got, (double)want[i]))
          break;
      }
      check(check_guard_intact(&y) && check_guard_intact(&codes), "%s: wrote before a buffer", tiers[k]->name);
    }
    check_guard_free(&codes);
    check_guard_free(&y);
  }
}

/* Sums just inside and just outside of what double adds exactly, on midpoints of float32 but for the last bit that counts: a tier
 * that takes one of them for exact rounds it wrongly. */
static void test_exact_window(void) {
  for (int e = -90; e <= 90; e += 3)
    for (int turn = 0; turn < 64; turn++) {
      const int j = turn % 8, sign = turn & 8 ? -1 : 1;
      float scale, start;
      uint8_t code;
      if (turn < 32) {
        /* Below: scale * 255 is a midpoint less 2^(3 - j) units, which t adds with one bit more. */
        const int32_t low = -(128 - (8 >> j)) & 255;
        scale = ldexpf((float)((1 << 23) + (1 << 22) + 256 * (turn / 8) + low), e - 23);
        start = ldexpf(1.0f + 0x1p-23f, e - 20 - j);
        code = 255;
      } else {
        /* Above: 59 * 9099507 = 2^29 + 1, half a step of t and one bit more. */
        scale = ldexpf(9099507.0f, e - 23);
        start = ldexpf(1.0f + (float)(turn & 1) * 0x1p-23f, e + 26 + j);
        code = 59;
      }
      uint8_t codes[16];
      memset(codes, code, sizeof codes);
      scale *= (float)sign;
      start *= (float)sign;
      const float want = fmaf(scale, code, start);
      for (size_t k = 0; k < sizeof tiers / sizeof *tiers; k++) {
        if (!oct_isa_supported(tiers[k]->isa)) continue;
        float y[16];
        for (size_t i = 0; i < 16; i++) y[i] = start;
        tiers[k]->accumulate[0](codes, 16, scale, 0, y);
        for (size_t i = 0; i < 16; i++)
          if (!check(same(y[i], want), "%s: fma(%a, %d, %a) is %a, expected %a", tiers[k]->name, (double)scale, code,
                     (double)start, (double)y[i], (double)want))
            return;
      }
    }
}

/* A row against the rule in the header, then unpacked. */
static void check_row(const float *x, size_t dim, oct_embedding_bits bits, const uint8_t *row, const float *unpacked) {
  const size_t codes = (dim * (size_t)bits + 7) / 8;
  const float top = (float)((1 << (int)bits) - 1);
  float low = dim ? x[0] : 0, high = low;
  for (size_t i = 0; i < dim; i++) {
    low = fminf(low, x[i]);
    high = fmaxf(high, x[i]);
  }
  const float bias = bits == OCT_EMBEDDING_8 ? low : oct_half_widen(oct_half_narrow(low)), range = high - bias;
  float scale = bits == OCT_EMBEDDING_8 ? range / 255.0f : oct_half_widen(oct_half_narrow(range / top));
  if (bits != OCT_EMBEDDING_8 && scale == 0) scale = 1;
  const float inverse = bits == OCT_EMBEDDING_8 ? 255.0f / (range + 1e-8f) : 1.0f / scale;
  check(stored_real(row + codes, bits, 0) == scale && stored_real(row + codes, bits, 1) == bias,
        "%d bits: scale %a, bias %a, expected %a, %a", (int)bits, (double)stored_real(row + codes, bits, 0),
        (double)stored_real(row + codes, bits, 1), (double)scale, (double)bias);
  for (size_t i = 0; i < dim; i++) {
    const float steps = fminf(fmaxf(rintf((x[i] - bias) * inverse), 0), top);
    const uint32_t got = stored_code(row, bits, i);
    const float real = fmaf(scale, (float)got, bias);
    if (!check((float)got == steps && same(unpacked[i], real), "%d bits: code %zu is %u (%a), expected %g (%a)",
               (int)bits, i, got, (double)unpacked[i], (double)steps, (double)real))
      return;
  }
  for (size_t i = dim * (size_t)bits; i < 8 * codes; i++)
    check((row[i / 8] >> (i % 8) & 1) == 0, "%d bits: a bit behind the row is set", (int)bits);
}

static void test_quantize(check_random *random) {
  for (size_t turn = 0; turn < 600; turn++) {
    const oct_embedding_bits bits = widths[turn % 3];
    const size_t rows = turn % 5, dim = check_next(random) % 70;
    size_t row = 0;
    if (!check_ok(oct_embedding_row_size(bits, dim, &row), "row size")) return;
    check(row == (dim * (size_t)bits + 7) / 8 + (bits == OCT_EMBEDDING_8 ? 8 : 4), "a row has %zu bytes", row);
    check_guard weight = check_guard_make(rows * dim * sizeof(float)), table = check_guard_make(rows * row);
    check_guard real = check_guard_make(rows * dim * sizeof(float));
    float *x = (float *)(void *)weight.bytes, *y = (float *)(void *)real.bytes;
    const float size = ldexpf(1.0f, check_between(random, -8, 10));
    for (size_t i = 0; i < rows * dim; i++)
      x[i] = turn % 7 == 0 ? size : check_real(random, -size, turn % 2 ? size : 0.0f);
    check_ok(oct_embedding_quantize(x, bits, rows, dim, table.bytes, table.size), "quantize");
    check_ok(oct_embedding_unpack(table.bytes, table.size, bits, rows, dim, y, rows * dim, NULL), "unpack");
    for (size_t r = 0; r < rows; r++) check_row(x + r * dim, dim, bits, table.bytes + r * row, y + r * dim);
    check(check_guard_intact(&table) && check_guard_intact(&real), "quantize wrote before a buffer");
    check_guard_free(&weight);
    check_guard_free(&table);
    check_guard_free(&real);
  }
}

/* A table of rows, bags over it, and what the header promises. */
typedef struct scene {
  oct_embedding_bag bag;
  check_guard table, indices, offsets, weights, y;
  size_t row, bags;
} scene;

static void store_entry(check_guard *list, oct_index_type type, size_t i, size_t value) {
  const int64_t wide = (int64_t)value;
  const int32_t narrow = (int32_t)value;
  if (type == OCT_INDEX_S64)
    memcpy(list->bytes + i * sizeof wide, &wide, sizeof wide);
  else
    memcpy(list->bytes + i * sizeof narrow, &narrow, sizeof narrow);
}

static size_t load_entry(const check_guard *list, oct_index_type type, size_t i) {
  int64_t wide;
  int32_t narrow;
  if (type == OCT_INDEX_S64) {
    memcpy(&wide, list->bytes + i * sizeof wide, sizeof wide);
    return (size_t)wide;
  }
  memcpy(&narrow, list->bytes + i * sizeof narrow, sizeof narrow);
  return (size_t)narrow;
}

static scene make_scene(check_random *random, size_t turn, size_t rows, size_t dim, size_t count, size_t bags) {
  scene s = {.bags = bags};
  s.bag = (oct_embedding_bag){.struct_size = sizeof s.bag, .bits = widths[turn % 3], .rows = rows, .dim = dim};
  oct_embedding_bag *bag = &s.bag;
  check_ok(oct_embedding_row_size(bag->bits, dim, &s.row), "row size");
  s.table = check_guard_make(rows * s.row);
  uint8_t *codes = malloc(rows * dim + 1);
  float *scales = malloc(2 * rows * sizeof(float));
  check_fill_bytes(random, (check_fill)(turn % CHECK_FILL_COUNT), OCT_U8, codes, rows * dim);
  for (size_t i = 0; i < rows * dim; i++) codes[i] &= (uint8_t)(255 >> (8 - (int)bag->bits));
  for (size_t i = 0; i < rows; i++) {
    scales[i] = check_real(random, 0.001f, 0.1f);
    scales[rows + i] = check_real(random, -20, 270);
  }
  check_ok(oct_embedding_pack(codes, scales, scales + rows, bag->bits, rows, dim, s.table.bytes, s.table.size), "pack");
  for (size_t i = 0; i < rows * dim; i++)
    if (!check(stored_code(s.table.bytes + i / dim * s.row, bag->bits, i % dim) == codes[i], "code %zu", i)) break;
  const size_t behind = (dim * (size_t)bag->bits + 7) / 8;
  for (size_t i = 0; i < rows; i++) {
    const bool byte = bag->bits == OCT_EMBEDDING_8;
    const float bias = -scales[rows + i] * scales[i];
    check(stored_real(s.table.bytes + i * s.row + behind, bag->bits, 0) ==
                  (byte ? scales[i] : oct_half_widen(oct_half_narrow(scales[i]))) &&
              stored_real(s.table.bytes + i * s.row + behind, bag->bits, 1) ==
                  (byte ? bias : oct_half_widen(oct_half_narrow(bias))),
          "parameters of row %zu", i);
  }
  free(codes);
  free(scales);
  bag->index_type = turn % 2 ? OCT_INDEX_S64 : OCT_INDEX_S32;
  bag->offset_type = turn / 2 % 2 ? OCT_INDEX_S64 : OCT_INDEX_S32;
  bag->include_last_offset = turn / 4 % 2;
  bag->offset_count = bags + bag->include_last_offset;
  s.indices = check_guard_make(count * (bag->index_type ? 8 : 4));
  s.offsets = check_guard_make(bag->offset_count * (bag->offset_type ? 8 : 4));
  s.weights = check_guard_make(count * sizeof(float));
  s.y = check_guard_make(bags * dim * sizeof(float));
  for (size_t i = 0; i < count; i++) {
    store_entry(&s.indices, bag->index_type, i, check_next(random) % rows);
    const float weight = check_real(random, -2, 2);
    memcpy(s.weights.bytes + i * sizeof weight, &weight, sizeof weight);
  }
  size_t at = 0;
  for (size_t b = 0; b < bag->offset_count; b++) {
    store_entry(&s.offsets, bag->offset_type, b, b == bags ? count : at);
    if (turn % 5 == 0 && b % 2) continue; /* an empty bag */
    at += check_next(random) % (2 * count / bags + 2);
    if (at > count) at = count;
  }
  bag->table = s.table.bytes;
  bag->table_size = s.table.size;
  bag->indices = s.indices.bytes;
  bag->index_count = count;
  bag->offsets = s.offsets.bytes;
  bag->weights = turn % 3 == 1 ? (const float *)(const void *)s.weights.bytes : NULL;
  bag->y = (float *)(void *)s.y.bytes;
  bag->y_size = bags * dim;
  return s;
}

static void free_scene(scene *s) {
  check_guard *guards[] = {&s->table, &s->indices, &s->offsets, &s->weights, &s->y};
  for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
    check(check_guard_intact(guards[i]), "a byte before buffer %zu was written", i);
    check_guard_free(guards[i]);
  }
}

static size_t scene_begin(const scene *s, size_t b) {
  const oct_embedding_bag *bag = &s->bag;
  if (!bag->offsets) return b;
  return b < bag->offset_count ? load_entry(&s->offsets, bag->offset_type, b) : bag->index_count;
}

static void check_scene(const scene *s, int threads, const char *what) {
  const oct_embedding_bag *bag = &s->bag;
  const oct_run run = {.struct_size = sizeof run, .threads = threads};
  memset(s->y.bytes, 0xFF, s->y.size);
  if (!check_ok(oct_embedding_bag_sum(bag, &run), what)) return;
  const size_t behind = (bag->dim * (size_t)bag->bits + 7) / 8;
  for (size_t b = 0; b < s->bags; b++)
    for (size_t d = 0; d < bag->dim; d++) {
      float want = 0;
      for (size_t i = scene_begin(s, b); i < scene_begin(s, b + 1); i++) {
        const uint8_t *row = s->table.bytes + load_entry(&s->indices, bag->index_type, i) * s->row;
        const float weight = bag->weights ? bag->weights[i] : 1;
        const float scale = weight * stored_real(row + behind, bag->bits, 0);
        const float bias = weight * stored_real(row + behind, bag->bits, 1);
        want = fmaf(scale, (float)stored_code(row, bag->bits, d), want + bias);
      }
      const float got = bag->y[b * bag->dim + d];
      if (!check(same(got, want), "%s, %d bits: bag %zu, element %zu of %zu is %a, expected %a", what, (int)bag->bits,
                 b, d, bag->dim, (double)got, (double)want))
        return;
    }
}

static void test_bags(check_random *random) {
  for (size_t turn = 0; turn < 700; turn++) {
    const size_t dim = check_next(random) % 67, count = turn % 9 == 0 ? 0 : check_next(random) % 60;
    scene s = make_scene(random, turn, 1 + check_next(random) % 40, dim, count, 1 + check_next(random) % 9);
    check_scene(&s, 1 + (int)(turn % 4), "bags");
    free_scene(&s);
  }
  /* One row for each index. */
  for (size_t turn = 0; turn < 60; turn++) {
    const size_t count = check_next(random) % 20;
    scene s = make_scene(random, turn, 12, 1 + turn, count, count ? count : 1);
    s.bags = count;
    s.bag.offsets = NULL;
    s.bag.offset_count = 0;
    s.bag.include_last_offset = false;
    check_scene(&s, 0, "rows");
    free_scene(&s);
  }
  /* Enough for a team. */
  for (size_t turn = 0; turn < 6; turn++) {
    scene s = make_scene(random, turn, 200, 96, 4000, 300);
    check_scene(&s, 1 + (int)turn, "many bags");
    free_scene(&s);
  }
}

static void refuse(const scene *s, oct_embedding_bag bag, oct_status expected, const char *what) {
  memset(s->y.bytes, 0x5A, s->y.size);
  check_refused(oct_embedding_bag_sum(&bag, NULL), expected, what);
  for (size_t i = 0; i < s->y.size; i++)
    if (!check(s->y.bytes[i] == 0x5A, "%s: y was written", what)) return;
}

static void test_bag_refusals(check_random *random) {
  scene s = make_scene(random, 1, 10, 8, 20, 4); /* 4 bits, int64 indices, int32 offsets, weights */
  oct_embedding_bag bag = s.bag;
  check_refused(oct_embedding_bag_sum(NULL, NULL), OCT_INVALID_ARGUMENT, "null");
  bag.struct_size = 1, refuse(&s, bag, OCT_INVALID_ARGUMENT, "struct_size"), bag = s.bag;
  bag.bits = (oct_embedding_bits)3, refuse(&s, bag, OCT_INVALID_ARGUMENT, "bits"), bag = s.bag;
  bag.dim = SIZE_MAX, refuse(&s, bag, OCT_OVERFLOW, "dim"), bag = s.bag;
  bag.rows = SIZE_MAX / 2, refuse(&s, bag, OCT_OVERFLOW, "rows"), bag = s.bag;
  bag.rows = 11, refuse(&s, bag, OCT_BUFFER_TOO_SMALL, "table_size"), bag = s.bag;
  bag.table = NULL, refuse(&s, bag, OCT_INVALID_ARGUMENT, "table"), bag = s.bag;
  bag.indices = NULL, refuse(&s, bag, OCT_INVALID_ARGUMENT, "indices"), bag = s.bag;
  bag.index_type = (oct_index_type)2, refuse(&s, bag, OCT_INVALID_ARGUMENT, "index_type"), bag = s.bag;
  bag.offset_type = (oct_index_type)-1, refuse(&s, bag, OCT_INVALID_ARGUMENT, "offset_type"), bag = s.bag;
  bag.index_count = SIZE_MAX, refuse(&s, bag, OCT_OVERFLOW, "index_count"), bag = s.bag;
  bag.offsets = NULL, refuse(&s, bag, OCT_INVALID_ARGUMENT, "offsets"), bag = s.bag;
  bag.offset_count = 0, refuse(&s, bag, OCT_SHAPE_MISMATCH, "no offsets"), bag = s.bag;
  bag.offset_count = 0, bag.include_last_offset = true, refuse(&s, bag, OCT_SHAPE_MISMATCH, "no end"), bag = s.bag;
  bag.y = NULL, refuse(&s, bag, OCT_INVALID_ARGUMENT, "y"), bag = s.bag;
  bag.y_size--, refuse(&s, bag, OCT_BUFFER_TOO_SMALL, "y_size"), bag = s.bag;
  bag.indices = s.y.bytes, refuse(&s, bag, OCT_INVALID_ARGUMENT, "indices in y"), bag = s.bag;
  bag.weights = bag.y + 3, refuse(&s, bag, OCT_INVALID_ARGUMENT, "weights in y"), bag = s.bag;
  const oct_run run = {.struct_size = 0};
  check_refused(oct_embedding_bag_sum(&bag, &run), OCT_INVALID_ARGUMENT, "run");
  static const int64_t wrong[] = {-1, 10, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const size_t kept = load_entry(&s.indices, OCT_INDEX_S64, 19);
    store_entry(&s.indices, OCT_INDEX_S64, 19, (size_t)wrong[i]);
    refuse(&s, bag, OCT_INVALID_ARGUMENT, "an index outside the table");
    store_entry(&s.indices, OCT_INDEX_S64, 19, kept);
  }
  static const int32_t places[][4] = {{1, 2, 3, 4}, {0, 5, 4, 6}, {0, 5, 21, 21}, {0, -1, 2, 3}, {0, 1, 2, INT32_MIN}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    memcpy(s.offsets.bytes, places[i], sizeof places[i]);
    refuse(&s, bag, OCT_INVALID_ARGUMENT, "offsets that aren't places in order");
  }
  static const int32_t early[4] = {0, 1, 2, 19};
  memcpy(s.offsets.bytes, early, sizeof early);
  bag.include_last_offset = true, refuse(&s, bag, OCT_SHAPE_MISMATCH, "an end before the last index"), bag = s.bag;
  free_scene(&s);
}

static void test_table_refusals(void) {
  size_t size = 77;
  check_refused(oct_embedding_row_size(OCT_EMBEDDING_8, 4, NULL), OCT_INVALID_ARGUMENT, "no place");
  check_refused(oct_embedding_row_size((oct_embedding_bits)0, 4, &size), OCT_INVALID_ARGUMENT, "bits");
  check_refused(oct_embedding_row_size(OCT_EMBEDDING_8, SIZE_MAX, &size), OCT_OVERFLOW, "dim");
  check(size == 77, "a failed query answered");
  float x[4] = {1, 2, 3, 4}, y[4];
  uint8_t table[16], kept[16];
  memset(table, 0x5A, sizeof table);
  memcpy(kept, table, sizeof table);
  check_refused(oct_embedding_quantize(NULL, OCT_EMBEDDING_8, 1, 4, table, 16), OCT_INVALID_ARGUMENT, "weight");
  check_refused(oct_embedding_quantize(x, OCT_EMBEDDING_8, 1, 4, NULL, 16), OCT_INVALID_ARGUMENT, "table");
  check_refused(oct_embedding_quantize(x, OCT_EMBEDDING_8, 1, 4, table, 11), OCT_BUFFER_TOO_SMALL, "table_size");
  check_refused(oct_embedding_quantize(x, OCT_EMBEDDING_8, SIZE_MAX / 4, 4, table, 16), OCT_OVERFLOW, "rows");
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 3; i++) {
    x[2] = bad[i];
    check_refused(oct_embedding_quantize(x, OCT_EMBEDDING_8, 1, 4, table, 16), OCT_INVALID_ARGUMENT, "not finite");
  }
  x[2] = FLT_MAX, x[3] = -FLT_MAX;
  check_refused(oct_embedding_quantize(x, OCT_EMBEDDING_8, 1, 4, table, 16), OCT_INVALID_ARGUMENT, "a range too wide");
  x[2] = 0, x[3] = -70000;
  check_refused(oct_embedding_quantize(x, OCT_EMBEDDING_4, 1, 4, table, 16), OCT_INVALID_ARGUMENT, "beyond float16");
  uint8_t codes[4] = {1, 2, 3, 16};
  float scales[2] = {0.5f, 0.25f}, zeros[2] = {1, 2};
  check_refused(oct_embedding_pack(codes, scales, zeros, OCT_EMBEDDING_4, 1, 4, table, 16), OCT_INVALID_ARGUMENT,
                "a wide code");
  codes[3] = 15;
  check_refused(oct_embedding_pack(NULL, scales, zeros, OCT_EMBEDDING_4, 1, 4, table, 16), OCT_INVALID_ARGUMENT,
                "codes");
  check_refused(oct_embedding_pack(codes, NULL, zeros, OCT_EMBEDDING_4, 1, 4, table, 16), OCT_INVALID_ARGUMENT,
                "scales");
  check_refused(oct_embedding_pack(codes, scales, NULL, OCT_EMBEDDING_4, 1, 4, table, 16), OCT_INVALID_ARGUMENT,
                "zeros");
  static const float wrong[] = {0, -1, NAN, INFINITY};
  for (size_t i = 0; i < 4; i++) {
    scales[1] = wrong[i];
    check_refused(oct_embedding_pack(codes, scales, zeros, OCT_EMBEDDING_8, 2, 2, table, 20), OCT_INVALID_ARGUMENT,
                  "a scale");
  }
  scales[1] = 1e5f;
  check_refused(oct_embedding_pack(codes, scales, zeros, OCT_EMBEDDING_4, 2, 2, table, 16), OCT_INVALID_ARGUMENT,
                "beyond float16");
  zeros[1] = INFINITY;
  check_refused(oct_embedding_pack(codes, scales, zeros, OCT_EMBEDDING_8, 2, 2, table, 20), OCT_INVALID_ARGUMENT,
                "a zero point");
  check(memcmp(table, kept, sizeof table) == 0, "a refused call wrote a table");
  check_refused(oct_embedding_unpack(NULL, 12, OCT_EMBEDDING_8, 1, 4, y, 4, NULL), OCT_INVALID_ARGUMENT, "no table");
  check_refused(oct_embedding_unpack(table, 11, OCT_EMBEDDING_8, 1, 4, y, 4, NULL), OCT_BUFFER_TOO_SMALL, "a table");
  check_refused(oct_embedding_unpack(table, 12, OCT_EMBEDDING_8, 1, 4, NULL, 4, NULL), OCT_INVALID_ARGUMENT, "no y");
  check_refused(oct_embedding_unpack(table, 12, OCT_EMBEDDING_8, 1, 4, y, 3, NULL), OCT_BUFFER_TOO_SMALL, "y");
  check_refused(oct_embedding_unpack(y, 12, OCT_EMBEDDING_8, 1, 4, y, 4, NULL), OCT_INVALID_ARGUMENT, "in place");
  check_ok(oct_embedding_unpack(NULL, 0, OCT_EMBEDDING_2, 0, 4, NULL, 0, NULL), "no rows");
}

int main(void) {
  check_random random = {.state = 2026};
  test_fma(&random);
  test_halves();
  test_tiers(&random);
  test_exact_window();
  test_quantize(&random);
  test_bags(&random);
  test_bag_refusals(&random);
  test_table_refusals();
  return check_report("embedding");
}
