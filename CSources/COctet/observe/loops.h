/* The loops of the observe family in the words of base/vector_scalar.h. A tier's file includes one vocabulary, and then
 * this, inside its region.
 *
 * Extremes: a quad at a time, each vector of it with accumulators of its own; four operations for a vector, so that loads are the
 * bound, and memory is asked for well ahead. NaN never enters the extremes, since a comparison with it keeps the accumulator. Histograms: one store for each value is the
 * bound; divisions go on meanwhile. */
#ifndef OCT_OBSERVE_LOOPS_H
#define OCT_OBSERVE_LOOPS_H

/* Bytes between a load and what is asked for ahead of it: hardware stops at the end of a page. */
enum { AHEAD = 16384, LINE = 64 };

typedef struct reach_vectors {
  vf low, high;
  vi top;
} reach_vectors;

OCT_INLINE void widen(reach_vectors *r, vf value) {
  r->low = vf_min(value, r->low);
  r->high = vf_max(value, r->high);
  r->top = vi_max(r->top, vi_and(vf_bits(value), vi_set(0x7FFFFFFF)));
}

static void tier_reach(const float *x, size_t count, oct_reach *reach) {
  reach_vectors r[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++) r[i] = (reach_vectors){vf_set(reach->low), vf_set(reach->high), vi_set(reach->top)};
  size_t at = 0;
  for (; at + QUAD <= count; at += QUAD) {
    OCT_UNROLL
    for (size_t byte = 0; byte < QUAD * sizeof *x; byte += LINE)
      __builtin_prefetch((const void *)((uintptr_t)(x + at) + AHEAD + byte));
    OCT_UNROLL
    for (int i = 0; i < 4; i++) widen(&r[i], vf_load(x + at + (size_t)(i * LANES)));
  }
  for (; at + LANES <= count; at += LANES) widen(&r[0], vf_load(x + at));
  if (at < count) {
    /* The last vector's lanes beyond the end repeat its first value. */
    float last[LANES];
    memcpy(last, x + at, sizeof *last);
    for (int lane = 1; lane < LANES; lane++) last[lane] = last[0];
    memcpy(last, x + at, (count - at) * sizeof *last);
    widen(&r[1], vf_load(last));
  }
  float low[LANES], high[LANES];
  int32_t top[LANES];
  vf_store(low, vf_min(vf_min(r[0].low, r[1].low), vf_min(r[2].low, r[3].low)));
  vf_store(high, vf_max(vf_max(r[0].high, r[1].high), vf_max(r[2].high, r[3].high)));
  vi_store(top, vi_max(vi_max(r[0].top, r[1].top), vi_max(r[2].top, r[3].top)));
  for (int lane = 0; lane < LANES; lane++) {
    reach->low = low[lane] < reach->low ? low[lane] : reach->low;
    reach->high = high[lane] > reach->high ? high[lane] : reach->high;
    reach->top = top[lane] > reach->top ? top[lane] : reach->top;
  }
}

/* A quad of columns down all rows. */
OCT_INLINE void reach_quad(const float *x, size_t rows, size_t stride, float *low, float *high, int32_t *top) {
  reach_vectors r[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++)
    r[i] = (reach_vectors){vf_load(low + i * LANES), vf_load(high + i * LANES), vi_load(top + i * LANES)};
  for (size_t row = 0; row < rows; row++) {
    OCT_UNROLL
    for (int i = 0; i < 4; i++) widen(&r[i], vf_load(x + row * stride + (size_t)(i * LANES)));
  }
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    vf_store(low + i * LANES, r[i].low);
    vf_store(high + i * LANES, r[i].high);
    vi_store(top + i * LANES, r[i].top);
  }
}

/* Fewer columns than a quad. */
OCT_INLINE void reach_few_columns(const float *x, size_t rows, size_t columns, size_t stride, float *low, float *high,
                                  int32_t *top) {
  float values[QUAD] = {0}, lows[QUAD] = {0}, highs[QUAD] = {0};
  int32_t tops[QUAD] = {0};
  memcpy(lows, low, columns * sizeof *lows);
  memcpy(highs, high, columns * sizeof *highs);
  memcpy(tops, top, columns * sizeof *tops);
  for (size_t row = 0; row < rows; row++) {
    memcpy(values, x + row * stride, columns * sizeof *values);
    reach_quad(values, 1, 0, lows, highs, tops);
  }
  memcpy(low, lows, columns * sizeof *lows);
  memcpy(high, highs, columns * sizeof *highs);
  memcpy(top, tops, columns * sizeof *tops);
}

static void tier_reach_columns(const float *x, size_t rows, size_t columns, size_t stride, float *low, float *high,
                               int32_t *top) {
  if (columns < QUAD) {
    reach_few_columns(x, rows, columns, stride, low, high, top);
    return;
  }
  size_t c = 0;
  for (; c + QUAD <= columns; c += QUAD) reach_quad(x + c, rows, stride, low + c, high + c, top + c);
  /* The last quad goes back over columns that were seen already: seeing a value twice changes nothing. */
  const size_t last = columns - QUAD;
  if (c < columns) reach_quad(x + last, rows, stride, low + last, high + last, top + last);
}

typedef struct bin_vectors {
  vf low, high, scale, width;
  vi last, outside;
} bin_vectors;

OCT_INLINE vi bin_of(vf x, const bin_vectors *v) {
  const vf place = vf_div(vf_mul(vf_sub(x, v->low), v->scale), v->width);
  /* Before the selection, so that what lies outside is never converted. */
  const vm inside = vf_within(x, v->low, v->high);
  return vi_select(inside, vi_min(vf_truncate(vf_keep(inside, place)), v->last), v->outside);
}

/* Counts a quad of bins, in turn in four tables. */
OCT_INLINE void count_quad(const uint32_t bins[QUAD], uint32_t *counts, size_t stride) {
  uint32_t *second = counts + stride, *third = second + stride, *fourth = third + stride;
  for (int i = 0; i < QUAD; i += 4) {
    counts[bins[i]]++;
    second[bins[i + 1]]++;
    third[bins[i + 2]]++;
    fourth[bins[i + 3]]++;
  }
}

OCT_INLINE void find_quad(const float *x, const bin_vectors *v, uint32_t bins[QUAD]) {
  OCT_UNROLL
  for (int i = 0; i < 4; i++) vi_store(bins + i * LANES, bin_of(vf_load(x + i * LANES), v));
}

/* The bins of a quad are found while the one before it is counted: neither waits for the other. */
static void tier_count_bins(const float *x, size_t count, const oct_bin_rule *rule, uint32_t *counts, size_t stride) {
  const bin_vectors v = {vf_set(rule->low),   vf_set(rule->high), vf_set(rule->scale),
                         vf_set(rule->width), vi_set(rule->last), vi_set(rule->last + 1)};
  uint32_t bins[2][QUAD];
  size_t at = 0, quads = 0;
  for (; at + QUAD <= count; at += QUAD, quads++) {
    find_quad(x + at, &v, bins[quads % 2]);
    if (quads > 0) count_quad(bins[(quads + 1) % 2], counts, stride);
  }
  if (quads > 0) count_quad(bins[(quads + 1) % 2], counts, stride);
  if (at == count) return;
  float values[QUAD] = {0};
  memcpy(values, x + at, (count - at) * sizeof *values);
  find_quad(values, &v, bins[0]);
  for (size_t i = 0; i < count - at; i++) counts[bins[0][i]]++;
}

#endif /* OCT_OBSERVE_LOOPS_H */
