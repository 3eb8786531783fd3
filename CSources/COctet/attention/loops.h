/* Attention in the words of base/vector_scalar.h. A tier's file says TILE_ROWS and TILE_VECTORS, includes one vocabulary, and then
 * this, inside its region.
 *
 * Products keep the sums of a tile in registers and read panels line by line; they are bound by multiplications. The softmax between
 * them takes some 25 operations for each exponential and finds its rows in the first level of cache. */
#ifndef OCT_ATTENTION_LOOPS_H
#define OCT_ATTENTION_LOOPS_H

/* Sums of a row's exponentials go by the place modulo this many, on every tier. */
enum { SUM_LANES = 64, SUM_VECTORS = SUM_LANES / LANES, PANEL = TILE_VECTORS * LANES };

/* An element of an array of any alignment; copies go by char, from which compilers conclude nothing. */
OCT_INLINE float number(const float *from) {
  float value;
  memcpy(&value, (const char *)from, sizeof value);
  return value;
}

OCT_INLINE size_t at_most(size_t count, size_t most) { return count < most ? count : most; }

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
  float lanes[LANES];
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
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lanes[l] = lanes[l] > lanes[l + half] ? lanes[l] : lanes[l + half];
  for (; i < count; i++) {
    float value = number(x + i);
    if (mask) {
      value += number(mask + i);
      memcpy((char *)(y + i), &value, sizeof value);
    }
    lanes[0] = value > lanes[0] ? value : lanes[0];
  }
  return lanes[0];
}

/* exp(x - largest) of a row; the sum. NaN and infinities end in a sum of NaN. */
OCT_INLINE float exps_of(const float *x, size_t count, float largest, float *y) {
  vf sums[SUM_VECTORS];
  for (int v = 0; v < SUM_VECTORS; v++) sums[v] = vf_set(0.0f);
  size_t i = 0;
  for (; i + SUM_LANES <= count; i += SUM_LANES) add_exps(x + i, vf_set(largest), y + i, sums);
  if (i < count) {
    float rest[SUM_LANES];
    for (int l = 0; l < SUM_LANES; l++) rest[l] = -INFINITY; /* adds 0 */
    memcpy(rest, (const char *)(x + i), (count - i) * sizeof *rest);
    add_exps(rest, vf_set(largest), rest, sums);
    memcpy((char *)(y + i), rest, (count - i) * sizeof *rest);
  }
  return total(sums);
}

/* x * factor for neighbours. */
OCT_INLINE void scale_run(const float *x, size_t count, float factor, float *y) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) vf_store(y + i, vf_mul(vf_load(x + i), vf_set(factor)));
  for (; i < count; i++) {
    const float value = number(x + i) * factor;
    memcpy((char *)(y + i), &value, sizeof value);
  }
}

/* Rows of x + mask, `row` apart as in y, which may be x. A few rows take each step together: the end of a step is a chain over one row's lanes,
 * which the next row's vectors fill. */
OCT_INLINE void softmax_rows(const float *x, const float *mask, size_t mask_row, size_t rows, size_t row, size_t count,
                             float *y) {
  enum { TOGETHER = 8 };
  for (size_t first = 0; first < rows; first += TOGETHER) {
    const size_t here = at_most(rows - first, TOGETHER);
    const float *from = x + first * row;
    float *to = y + first * row, numbers[TOGETHER];
    for (size_t r = 0; r < here; r++)
      numbers[r] = mask ? largest_of(from + r * row, mask + (first + r) * mask_row, count, to + r * row)
                        : largest_of(from + r * row, NULL, count, to + r * row);
    if (mask) from = to;
    for (size_t r = 0; r < here; r++) numbers[r] = exps_of(from + r * row, count, numbers[r], to + r * row);
    for (size_t r = 0; r < here; r++) scale_run(to + r * row, count, 1.0f / numbers[r], to + r * row);
  }
}

static void tier_softmax(const float *x, size_t rows, size_t count, float *y) {
  softmax_rows(x, NULL, 0, rows, count, count, y);
}

/* Four vectors of every ABI's floor. */
typedef float quad __attribute__((vector_size(16)));

OCT_INLINE quad quad_load(const float *x) {
  quad v;
  memcpy(&v, (const char *)x, sizeof v);
  return v;
}

OCT_INLINE void quad_store(float *y, quad v) { memcpy(y, &v, sizeof v); }

/* Four keys, `row` apart, as the first columns of a panel. */
OCT_INLINE void transpose_four(const float *keys, size_t row, size_t width, float *panel) {
  size_t c = 0;
  for (; c + 4 <= width; c += 4) {
    const quad w = quad_load(keys + c), x = quad_load(keys + c + row), y = quad_load(keys + c + 2 * row),
               z = quad_load(keys + c + 3 * row);
    const quad wx = __builtin_shufflevector(w, x, 0, 4, 1, 5), yz = __builtin_shufflevector(y, z, 0, 4, 1, 5);
    const quad wx_high = __builtin_shufflevector(w, x, 2, 6, 3, 7), yz_high = __builtin_shufflevector(y, z, 2, 6, 3, 7);
    quad_store(panel + c * PANEL, __builtin_shufflevector(wx, yz, 0, 1, 4, 5));
    quad_store(panel + (c + 1) * PANEL, __builtin_shufflevector(wx, yz, 2, 3, 6, 7));
    quad_store(panel + (c + 2) * PANEL, __builtin_shufflevector(wx_high, yz_high, 0, 1, 4, 5));
    quad_store(panel + (c + 3) * PANEL, __builtin_shufflevector(wx_high, yz_high, 2, 3, 6, 7));
  }
  for (; c < width; c++)
    for (size_t i = 0; i < 4; i++) panel[c * PANEL + i] = number(keys + c + i * row);
}

static void tier_pack_keys(const float *keys, size_t row, size_t count, size_t width, float *panels) {
  for (size_t first = 0; first < count; first += PANEL, panels += width * PANEL) {
    const size_t here = at_most(count - first, PANEL);
    const float *from = keys + first * row;
    size_t j = 0;
    if (here < PANEL) memset(panels, 0, width * PANEL * sizeof *panels);
    for (; j + 4 <= here; j += 4) transpose_four(from + j * row, row, width, panels + j);
    for (; j < here; j++)
      for (size_t c = 0; c < width; c++) panels[c * PANEL + j] = number(from + j * row + c);
  }
}

static void tier_pack_values(const float *values, size_t row, size_t count, size_t width, float *panels) {
  for (size_t first = 0; first < width; first += PANEL) {
    const size_t here = at_most(width - first, PANEL);
    const float *from = values + first;
    for (size_t i = 0; i < count; i++, panels += PANEL, from += row) {
      if (here == PANEL) {
        OCT_UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) vf_store(panels + v * LANES, vf_load(from + v * LANES));
      } else {
        memcpy(panels, (const char *)from, here * sizeof *panels);
        memset(panels + here, 0, (PANEL - here) * sizeof *panels);
      }
    }
  }
}

static void tier_scale(const float *x, size_t row, size_t rows, size_t count, float factor, float *y) {
  for (size_t r = 0; r < rows; r++) scale_run(x + r * row, count, factor, y + r * count);
}

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

static void tier_block(const oct_attention_block *b) {
  for (size_t key = 0; key < b->keys; key += PANEL) {
    const float *panel = b->key_panels + key * b->width;
    for (size_t row = 0; row < b->rows; row += TILE_ROWS)
      any_tile(at_most(b->rows - row, TILE_ROWS), b->keys - key, b->width, b->queries + row * b->width, b->width, panel,
               b->scores + row * b->scores_row + key, b->scores_row);
  }
  if (b->mask)
    softmax_rows(b->scores, b->mask, b->mask_row, b->rows, b->scores_row, b->keys, b->scores);
  else
    softmax_rows(b->scores, NULL, 0, b->rows, b->scores_row, b->keys, b->scores);
  for (size_t column = 0; column < b->value_width; column += PANEL) {
    const float *panel = b->value_panels + column * b->keys;
    const size_t columns = at_most(b->value_width - column, PANEL);
    for (size_t row = 0; row < b->rows; row += TILE_ROWS) {
      const size_t rows = at_most(b->rows - row, TILE_ROWS);
      float edge[TILE_ROWS * PANEL], *y = b->y + row * b->y_row + column;
      const bool is_whole = columns == PANEL;
      any_tile(rows, columns, b->keys, b->scores + row * b->scores_row, b->scores_row, panel, is_whole ? y : edge,
               is_whole ? b->y_row : PANEL);
      for (size_t i = 0; i < rows && !is_whole; i++)
        memcpy((char *)(y + i * b->y_row), edge + i * PANEL, columns * sizeof *edge);
    }
  }
}

#endif /* OCT_ATTENTION_LOOPS_H */
