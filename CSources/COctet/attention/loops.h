/* Attention in the words of base/vector_scalar.h. A tier's file says TILE_ROWS and TILE_VECTORS, includes one vocabulary, and then
 * this, inside its region.
 *
 * Products keep the sums of a tile in registers and read panels line by line; they are bound by multiplications. The softmax between
 * them takes some 25 operations for each exponential and finds its rows in the first level of cache. */
#ifndef OCT_ATTENTION_LOOPS_H
#define OCT_ATTENTION_LOOPS_H

/* Sums of a row's exponentials go by the place modulo this many, on every tier. */
enum { SUM_LANES = 64, SUM_VECTORS = SUM_LANES / LANES, PANEL = TILE_VECTORS * LANES };

/* An element of an array of any alignment. */
OCT_INLINE float number(const float *from) {
  float value;
  memcpy(&value, from, sizeof value);
  return value;
}

/* exp(y) for four vectors of y <= 0 or NaN: y = n * ln 2 + r, and exp(r) = 1 + r + r * r * polynomial(r), the minimax one of relative
 * error for |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to n and leaves n in the lowest bits; ln 2 is split so that n times its first
 * part is exact. 2^n is made 2^100 times too large: what it multiplies is then rounded once where the result is below the
 * normal numbers. Below -104 everything rounds to 0. The four go side by side, since each is one chain of operations. */
OCT_INLINE void exps(vf y[4]) {
  static const float coefficients[] = {0x1.1227b0p-7f, 0x1.555674p-5f, 0x1.5554b0p-3f, 0x1.fffffep-2f};
  const vf magic = vf_set(12582912.0f);
  vf power[4], q[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    y[i] = vf_max(vf_set(-104.0f), y[i]);
    const vf shifted = vf_add(vf_mul(y[i], vf_set(0x1.715476p+0f)), magic);
    power[i] = vi_as_float(vi_add(vi_shift_left(vf_bits(shifted), 23), vi_set((127 + 100) << 23)));
    q[i] = vf_sub(shifted, magic);
  }
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    y[i] = vf_sub(vf_sub(y[i], vf_mul(q[i], vf_set(0x1.63p-1f))), vf_mul(q[i], vf_set(-0x1.bd0106p-13f)));
    q[i] = vf_set(0x1.6bebfep-10f);
  }
  OCT_UNROLL
  for (int c = 0; c < 4; c++) {
    OCT_UNROLL
    for (int i = 0; i < 4; i++) q[i] = vf_add(vf_mul(q[i], y[i]), vf_set(coefficients[c]));
  }
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    y[i] = vf_add(vf_mul(q[i], vf_mul(y[i], y[i])), y[i]);
    y[i] = vf_mul(vf_add(vf_mul(power[i], y[i]), power[i]), vf_set(0x1p-100f));
  }
}

/* exp(x - largest) of SUM_LANES elements, added to the lanes' sums. */
OCT_INLINE void add_exps(const float *x, vf largest, float *y, vf sums[SUM_VECTORS]) {
  for (int v = 0; v < SUM_VECTORS; v += 4) {
    vf e[4];
    OCT_UNROLL
    for (int i = 0; i < 4; i++) e[i] = vf_sub(vf_load(x + (v + i) * LANES), largest);
    exps(e);
    OCT_UNROLL
    for (int i = 0; i < 4; i++) {
      vf_store(y + (v + i) * LANES, e[i]);
      sums[v + i] = vf_add(sums[v + i], e[i]);
    }
  }
}

/* Lanes are added in halves: 32 and 32, then 16 and 16, down to one. */
OCT_INLINE float total(vf sums[SUM_VECTORS]) {
  float lanes[LANES];
  for (int half = SUM_VECTORS / 2; half > 0; half /= 2)
    for (int v = 0; v < half; v++) sums[v] = vf_add(sums[v], sums[v + half]);
  vf_store(lanes, sums[0]);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}

/* The largest element but for NaN, and y = x + mask on the way when there is a mask. Which of two equal numbers wins changes nothing. */
OCT_INLINE float largest_of(const float *x, const float *mask, size_t count, float *y) {
  vf most[4];
  float lanes[LANES], largest = -INFINITY;
  size_t i = 0;
  OCT_UNROLL
  for (int v = 0; v < 4; v++) most[v] = vf_set(-INFINITY);
  for (; i + QUAD <= count; i += QUAD) {
    OCT_UNROLL
    for (int v = 0; v < 4; v++) {
      const size_t at = i + (size_t)v * LANES;
      vf value = vf_load(x + at);
      if (mask) {
        value = vf_add(value, vf_load(mask + at));
        vf_store(y + at, value);
      }
      most[v] = vf_max(value, most[v]);
    }
  }
  vf_store(lanes, vf_max(vf_max(most[0], most[1]), vf_max(most[2], most[3])));
  for (int v = 0; v < LANES; v++) largest = lanes[v] > largest ? lanes[v] : largest;
  for (; i < count; i++) {
    float value = number(x + i);
    if (mask) {
      value += number(mask + i);
      memcpy(y + i, &value, sizeof value);
    }
    largest = value > largest ? value : largest;
  }
  return largest;
}

/* One row of x + mask; y may be x. NaN and infinities end in a sum of NaN. */
OCT_INLINE void softmax_row(const float *x, const float *mask, size_t count, float *y) {
  const float largest = largest_of(x, mask, count, y);
  const float *from = mask ? y : x;
  vf sums[SUM_VECTORS];
  OCT_UNROLL
  for (int v = 0; v < SUM_VECTORS; v++) sums[v] = vf_set(0.0f);
  size_t i = 0;
  for (; i + SUM_LANES <= count; i += SUM_LANES) add_exps(from + i, vf_set(largest), y + i, sums);
  if (i < count) {
    float rest[SUM_LANES];
    for (int l = 0; l < SUM_LANES; l++) rest[l] = -INFINITY; /* adds 0 */
    memcpy(rest, from + i, (count - i) * sizeof *rest);
    add_exps(rest, vf_set(largest), rest, sums);
    memcpy(y + i, rest, (count - i) * sizeof *rest);
  }
  const float inverse = 1.0f / total(sums);
  for (i = 0; i + LANES <= count; i += LANES) vf_store(y + i, vf_mul(vf_load(y + i), vf_set(inverse)));
  for (; i < count; i++) {
    const float value = number(y + i) * inverse;
    memcpy(y + i, &value, sizeof value);
  }
}

static void tier_softmax(const float *x, size_t count, float *y) { softmax_row(x, NULL, count, y); }

/* c[i][j] = sum over p of a[i][p] * b[p][j], each sum one chain. Counts are constants. */
OCT_INLINE void tile(const int rows, const int vectors, size_t depth, const float *a, size_t a_row, const float *b,
                     float *c, size_t c_row) {
  vf sums[TILE_ROWS][TILE_VECTORS];
  OCT_UNROLL
  for (int i = 0; i < rows; i++) {
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) sums[i][v] = vf_set(0.0f);
  }
  for (size_t p = 0; p < depth; p++, b += PANEL) {
    vf line[TILE_VECTORS];
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) line[v] = vf_load(b + v * LANES);
    OCT_UNROLL
    for (int i = 0; i < rows; i++) {
      const vf factor = vf_set(a[(size_t)i * a_row + p]);
      OCT_UNROLL
      for (int v = 0; v < vectors; v++) sums[i][v] = vf_add(sums[i][v], vf_mul(factor, line[v]));
    }
  }
  OCT_UNROLL
  for (int i = 0; i < rows; i++) {
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) vf_store(c + (size_t)i * c_row + v * LANES, sums[i][v]);
  }
}

/* A tile of `rows` rows whose columns from `columns` on nobody wants. */
static void any_tile(size_t rows, size_t columns, size_t depth, const float *a, size_t a_row, const float *b, float *c,
                     size_t c_row) {
  if (columns <= PANEL / 2) {
    switch (rows) {
      case 1: tile(1, TILE_VECTORS / 2, depth, a, a_row, b, c, c_row); return;
      case 2: tile(2, TILE_VECTORS / 2, depth, a, a_row, b, c, c_row); return;
      case 3: tile(3, TILE_VECTORS / 2, depth, a, a_row, b, c, c_row); return;
      case 4: tile(4, TILE_VECTORS / 2, depth, a, a_row, b, c, c_row); return;
      case 5: tile(5, TILE_VECTORS / 2, depth, a, a_row, b, c, c_row); return;
      default: tile(6, TILE_VECTORS / 2, depth, a, a_row, b, c, c_row); return;
    }
  }
  switch (rows) {
    case 1: tile(1, TILE_VECTORS, depth, a, a_row, b, c, c_row); return;
    case 2: tile(2, TILE_VECTORS, depth, a, a_row, b, c, c_row); return;
    case 3: tile(3, TILE_VECTORS, depth, a, a_row, b, c, c_row); return;
    case 4: tile(4, TILE_VECTORS, depth, a, a_row, b, c, c_row); return;
    case 5: tile(5, TILE_VECTORS, depth, a, a_row, b, c, c_row); return;
    default: tile(6, TILE_VECTORS, depth, a, a_row, b, c, c_row); return;
  }
}

OCT_INLINE size_t at_most(size_t count, size_t most) { return count < most ? count : most; }

static void tier_block(const oct_attention_block *b) {
  for (size_t key = 0; key < b->keys; key += PANEL) {
    const float *panel = b->key_panels + key * b->width;
    for (size_t row = 0; row < b->rows; row += TILE_ROWS)
      any_tile(at_most(b->rows - row, TILE_ROWS), b->keys - key, b->width, b->queries + row * b->width, b->width, panel,
               b->scores + row * b->scores_row + key, b->scores_row);
  }
  for (size_t row = 0; row < b->rows; row++) {
    float *scores = b->scores + row * b->scores_row;
    softmax_row(scores, b->mask ? b->mask + row * b->mask_row : NULL, b->keys, scores);
  }
  for (size_t column = 0; column < b->value_width; column += PANEL) {
    const float *panel = b->value_panels + column * b->keys;
    const size_t columns = at_most(b->value_width - column, PANEL);
    for (size_t row = 0; row < b->rows; row += TILE_ROWS) {
      const size_t rows = at_most(b->rows - row, TILE_ROWS);
      float edge[TILE_ROWS * PANEL], *y = b->y + row * b->y_row + column;
      const bool is_whole = columns == PANEL;
      any_tile(rows, columns, b->keys, b->scores + row * b->scores_row, b->scores_row, panel, is_whole ? y : edge,
               is_whole ? b->y_row : PANEL);
      for (size_t i = 0; i < rows && !is_whole; i++) memcpy(y + i * b->y_row, edge + i * PANEL, columns * sizeof *edge);
    }
  }
}

#endif /* OCT_ATTENTION_LOOPS_H */
