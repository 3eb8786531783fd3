/* The loops of the fake-quantization family in the words of base/vector_scalar.h. A tier's file includes one vocabulary,
 * and then this, inside its region.
 *
 * A quad at a time; what is left of a run goes through a quad on the stack. Bound by memory beyond the second-level cache, within it
 * by about ten operations for a vector. */
#ifndef OCT_FAKEQUANT_LOOPS_H
#define OCT_FAKEQUANT_LOOPS_H

enum { AHEAD = 4096 };

typedef struct grid_vectors {
  vf inverse, scale, least, most;
} grid_vectors;

OCT_INLINE grid_vectors one_grid(const oct_fake_grid *grid) {
  return (grid_vectors){vf_set(grid->inverse), vf_set(grid->scale), vf_set(grid->least), vf_set(grid->most)};
}

OCT_INLINE grid_vectors grids_at(const oct_fake_columns *grids, size_t column) {
  return (grid_vectors){vf_load(grids->inverse + column), vf_load(grids->scale + column),
                        vf_load(grids->least + column), vf_load(grids->most + column)};
}

/* Steps from the zero point, rounded, where those outside of the bounds may be any number outside of them. What no
 * 64-bit integer holds, NaN too, is below. */
OCT_INLINE vf steps_of(vf x, const grid_vectors *g) {
  const vf one = vf_set(1.0f), below = vf_sub(g->least, one), steps = vf_mul(x, g->inverse);
  const vf held = vf_select(vf_less(steps, vf_set(0x1p63f)), steps, below);
  return vf_round(vf_max(vf_min(held, vf_add(g->most, one)), below));
}

OCT_INLINE vf value_of(vf steps, const grid_vectors *g) {
  /* Adding zero turns -0 into 0. */
  return vf_add(vf_mul(vf_max(vf_min(steps, g->most), g->least), g->scale), vf_set(0.0f));
}

/* Asks for what is read AHEAD bytes further on. Hardware doesn't look far enough ahead of stores that pass by the caches. */
OCT_INLINE void ask_ahead(const void *from, const bool streams) {
  if (streams) __builtin_prefetch((const void *)((uintptr_t)from + AHEAD));
}

OCT_INLINE void put(float *to, vf value, const bool streams) {
  if (streams)
    vf_stream(to, value);
  else
    vf_store(to, value);
}

OCT_INLINE void round_quad(const float *x, const grid_vectors g[4], float *y, uint8_t *mask, const bool streams) {
  vm inside[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    ask_ahead(x + i * LANES, streams);
    const vf steps = steps_of(vf_load(x + i * LANES), &g[i]);
    if (mask) inside[i] = vf_within(steps, g[i].least, g[i].most);
    put(y + i * LANES, value_of(steps, &g[i]), streams);
  }
  if (mask) vm_store_bytes(mask, inside);
}

OCT_INLINE void gradient_quad(const float *x, const float *dy, const grid_vectors g[4], float *dx, const bool streams) {
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    ask_ahead(x + i * LANES, streams);
    ask_ahead(dy + i * LANES, streams);
    const vm inside = vf_within(steps_of(vf_load(x + i * LANES), &g[i]), g[i].least, g[i].most);
    put(dx + i * LANES, vf_keep(inside, vf_load(dy + i * LANES)), streams);
  }
}

OCT_INLINE void masked_quad(const uint8_t *mask, const float *dy, float *dx, const bool streams) {
  vm inside[4];
  vm_load_bytes(mask, inside);
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    ask_ahead(dy + i * LANES, streams);
    put(dx + i * LANES, vf_keep(inside[i], vf_load(dy + i * LANES)), streams);
  }
}

/* Elements before `to` stands at a whole vector, from where streaming stores may begin; more than any count if it never
 * does. */
OCT_INLINE size_t until_aligned(const float *to) {
  const size_t bytes = (0 - (uintptr_t)to) % (LANES * sizeof(float));
  return bytes % sizeof(float) == 0 ? bytes / sizeof(float) : SIZE_MAX;
}

OCT_INLINE void round_rest(const float *x, size_t count, const grid_vectors g[4], float *y, uint8_t *mask) {
  float from[QUAD] = {0}, to[QUAD];
  uint8_t inside[QUAD];
  memcpy(from, x, count * sizeof(float));
  round_quad(from, g, to, inside, false);
  memcpy(y, to, count * sizeof(float));
  if (mask) memcpy(mask, inside, count);
}

OCT_INLINE void round_from(const float *x, size_t begin, size_t count, const grid_vectors g[4], float *y, uint8_t *mask,
                           const bool streams) {
  size_t i = begin;
  for (; i + QUAD <= count; i += QUAD) round_quad(x + i, g, y + i, mask ? mask + i : NULL, streams);
  if (i < count) round_rest(x + i, count - i, g, y + i, mask ? mask + i : NULL);
}

OCT_INLINE void round_run(const float *x, size_t count, const oct_fake_grid *grid, float *y, uint8_t *mask,
                          bool streams) {
  const grid_vectors one = one_grid(grid), g[4] = {one, one, one, one};
  const size_t head = streams ? until_aligned(y) : SIZE_MAX;
  if (head < count && head < QUAD) {
    round_rest(x, head, g, y, mask);
    if (mask)
      round_from(x, head, count, g, y, mask, true);
    else
      round_from(x, head, count, g, y, NULL, true);
    vf_stream_end();
  } else if (mask) {
    round_from(x, 0, count, g, y, mask, false);
  } else {
    round_from(x, 0, count, g, y, NULL, false);
  }
}

OCT_INLINE void load_grids(const oct_fake_columns *grids, size_t column, grid_vectors g[4]) {
  OCT_UNROLL
  for (int i = 0; i < 4; i++) g[i] = grids_at(grids, column + (size_t)i * LANES);
}

/* The parameters of the last `count` columns in a quad of their own; those beyond are 0. */
typedef struct last_columns {
  float inverse[QUAD], scale[QUAD], least[QUAD], most[QUAD];
} last_columns;

OCT_INLINE void load_last_grids(const oct_fake_columns *grids, size_t column, size_t count, grid_vectors g[4]) {
  last_columns last = {{0}, {0}, {0}, {0}};
  memcpy(last.inverse, grids->inverse + column, count * sizeof(float));
  memcpy(last.scale, grids->scale + column, count * sizeof(float));
  memcpy(last.least, grids->least + column, count * sizeof(float));
  memcpy(last.most, grids->most + column, count * sizeof(float));
  load_grids(&(oct_fake_columns){last.inverse, last.scale, last.least, last.most}, 0, g);
}

OCT_INLINE void round_row(const float *x, size_t columns, const oct_fake_columns *grids, float *y, uint8_t *mask) {
  grid_vectors g[4];
  size_t c = 0;
  for (; c + QUAD <= columns; c += QUAD) {
    load_grids(grids, c, g);
    round_quad(x + c, g, y + c, mask ? mask + c : NULL, false);
  }
  if (c == columns) return;
  load_last_grids(grids, c, columns - c, g);
  round_rest(x + c, columns - c, g, y + c, mask ? mask + c : NULL);
}

OCT_INLINE void gradient_rest(const float *x, const float *dy, size_t count, const grid_vectors g[4], float *dx) {
  float values[QUAD] = {0}, upstream[QUAD] = {0}, to[QUAD];
  memcpy(values, x, count * sizeof(float));
  memcpy(upstream, dy, count * sizeof(float));
  gradient_quad(values, upstream, g, to, false);
  memcpy(dx, to, count * sizeof(float));
}

OCT_INLINE void gradient_from(const float *x, const float *dy, size_t begin, size_t count, const grid_vectors g[4],
                              float *dx, const bool streams) {
  size_t i = begin;
  for (; i + QUAD <= count; i += QUAD) gradient_quad(x + i, dy + i, g, dx + i, streams);
  if (i < count) gradient_rest(x + i, dy + i, count - i, g, dx + i);
}

OCT_INLINE void gradient_run(const float *x, const float *dy, size_t count, const oct_fake_grid *grid, float *dx,
                             bool streams) {
  const grid_vectors one = one_grid(grid), g[4] = {one, one, one, one};
  const size_t head = streams ? until_aligned(dx) : SIZE_MAX;
  if (head < count && head < QUAD) {
    gradient_rest(x, dy, head, g, dx);
    gradient_from(x, dy, head, count, g, dx, true);
    vf_stream_end();
  } else {
    gradient_from(x, dy, 0, count, g, dx, false);
  }
}

OCT_INLINE void gradient_row(const float *x, const float *dy, size_t columns, const oct_fake_columns *grids,
                             float *dx) {
  grid_vectors g[4];
  size_t c = 0;
  for (; c + QUAD <= columns; c += QUAD) {
    load_grids(grids, c, g);
    gradient_quad(x + c, dy + c, g, dx + c, false);
  }
  if (c == columns) return;
  load_last_grids(grids, c, columns - c, g);
  gradient_rest(x + c, dy + c, columns - c, g, dx + c);
}

OCT_INLINE void masked_rest(const uint8_t *mask, const float *dy, size_t count, float *dx) {
  uint8_t inside[QUAD] = {0};
  float upstream[QUAD] = {0}, to[QUAD];
  memcpy(inside, mask, count);
  memcpy(upstream, dy, count * sizeof(float));
  masked_quad(inside, upstream, to, false);
  memcpy(dx, to, count * sizeof(float));
}

OCT_INLINE void masked_run(const uint8_t *mask, const float *dy, size_t count, float *dx, bool streams) {
  const size_t head = streams ? until_aligned(dx) : SIZE_MAX;
  const bool aligned = head < count && head < QUAD;
  size_t i = 0;
  if (aligned) {
    masked_rest(mask, dy, head, dx);
    for (i = head; i + QUAD <= count; i += QUAD) masked_quad(mask + i, dy + i, dx + i, true);
    vf_stream_end();
  } else {
    for (; i + QUAD <= count; i += QUAD) masked_quad(mask + i, dy + i, dx + i, false);
  }
  if (i < count) masked_rest(mask + i, dy + i, count - i, dx + i);
}

/* Vectors that make up the lanes of the sums. */
enum { SUMS = OCT_FAKE_LANES / LANES };

/* One term of each sum: dscale by the side of the range that the steps are on, dzero outside of it. */
OCT_INLINE void learnable_lanes(const float *x, const float *dy, const grid_vectors *g, float *dx, vf *dscale,
                                vf *dzero) {
  const vf value = vf_load(x), upstream = vf_load(dy), steps = steps_of(value, g);
  const vm inside = vf_within(steps, g->least, g->most);
  const vf error = vf_mul(vf_mul(upstream, vf_sub(value_of(steps, g), value)), g->inverse);
  const vf end = vf_select(vf_less(steps, g->least), g->least, g->most);
  *dscale = vf_add(*dscale, vf_select(inside, error, vf_mul(upstream, end)));
  const vf shift = vf_mul(vf_sub(vf_set(0.0f), upstream), g->scale);
  *dzero = vf_add(*dzero, vf_select(inside, vf_set(0.0f), shift));
  if (dx) vf_store(dx, vf_keep(inside, upstream));
}

OCT_INLINE void learnable_run(const float *x, const float *dy, size_t count, const oct_fake_grid *grid, float *dx,
                              float dscale[OCT_FAKE_LANES], float dzero[OCT_FAKE_LANES]) {
  const grid_vectors g = one_grid(grid);
  vf s[SUMS], z[SUMS];
  OCT_UNROLL
  for (int k = 0; k < SUMS; k++) {
    s[k] = vf_load(dscale + k * LANES);
    z[k] = vf_load(dzero + k * LANES);
  }
  size_t i = 0;
  for (; i + OCT_FAKE_LANES <= count; i += OCT_FAKE_LANES) {
    OCT_UNROLL
    for (int k = 0; k < SUMS; k++) {
      const size_t at = i + (size_t)(k * LANES);
      learnable_lanes(x + at, dy + at, &g, dx ? dx + at : NULL, &s[k], &z[k]);
    }
  }
  if (i < count) {
    /* Zeros beyond the end add dy = 0 times finite numbers to their lanes. */
    float values[OCT_FAKE_LANES] = {0}, upstream[OCT_FAKE_LANES] = {0}, to[OCT_FAKE_LANES];
    memcpy(values, x + i, (count - i) * sizeof(float));
    memcpy(upstream, dy + i, (count - i) * sizeof(float));
    OCT_UNROLL
    for (int k = 0; k < SUMS; k++)
      learnable_lanes(values + k * LANES, upstream + k * LANES, &g, to + k * LANES, &s[k], &z[k]);
    if (dx) memcpy(dx + i, to, (count - i) * sizeof(float));
  }
  OCT_UNROLL
  for (int k = 0; k < SUMS; k++) {
    vf_store(dscale + k * LANES, s[k]);
    vf_store(dzero + k * LANES, z[k]);
  }
}

/* The table's functions, once for each tier. */

static void tier_round(const float *x, size_t count, const oct_fake_grid *grid, float *y, uint8_t *mask, bool streams) {
  round_run(x, count, grid, y, mask, streams);
}

static void tier_round_columns(const float *x, size_t columns, const oct_fake_columns *grids, float *y, uint8_t *mask) {
  if (mask)
    round_row(x, columns, grids, y, mask);
  else
    round_row(x, columns, grids, y, NULL);
}

static void tier_gradient(const float *x, const float *dy, size_t count, const oct_fake_grid *grid, float *dx,
                          bool streams) {
  gradient_run(x, dy, count, grid, dx, streams);
}

static void tier_gradient_columns(const float *x, const float *dy, size_t columns, const oct_fake_columns *grids,
                                  float *dx) {
  gradient_row(x, dy, columns, grids, dx);
}

static void tier_masked_gradient(const uint8_t *mask, const float *dy, size_t count, float *dx, bool streams) {
  masked_run(mask, dy, count, dx, streams);
}

static void tier_learnable(const float *x, const float *dy, size_t count, const oct_fake_grid *grid, float *dx,
                           float dscale[OCT_FAKE_LANES], float dzero[OCT_FAKE_LANES]) {
  learnable_run(x, dy, count, grid, dx, dscale, dzero);
}

#endif /* OCT_FAKEQUANT_LOOPS_H */
