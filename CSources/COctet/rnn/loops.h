/* Recurrent cells in the words of base/vector_scalar.h: each tier's file includes its vectors and then these loops, inside its
 * region. Bound by some 25 operations for each exponential and by one division for each pair of functions that are multiplied.
 *
 * Everything comes from E(y) = exp(y) - 1:  s(x) = 1 / (2 + E(-x)),  tanh(x) = E(2x) / (2 + E(2x)).
 * A product of the two has one division, E(2x) / ((2 + E(-u)) * (2 + E(2x))). Where one function follows another there are two loops
 * with y between them: in one, the second chain of operations would fill the scheduler while it waits for the first. */
#ifndef OCT_RNN_LOOPS_H
#define OCT_RNN_LOOPS_H

/* exp(y) - 1 for y in -87..88: y = n * ln 2 + r, and with p = exp(r) - 1 it is 2^n * p + (2^n - 1), which keeps its digits near 0.
 * Adding 1.5 * 2^23 rounds to n and leaves n in the lowest bits. ln 2 is split so that n times its first part is exact. The
 * polynomial is the minimax one of relative error for |r| <= ln 2 / 2. */
OCT_INLINE vf exp_minus_1(vf y) {
  const vf magic = vf_set(12582912.0f);
  const vf shifted = vf_add(vf_mul(y, vf_set(0x1.715476p+0f)), magic);
  const vf n = vf_sub(shifted, magic);
  const vf r = vf_sub(vf_sub(y, vf_mul(n, vf_set(0x1.63p-1f))), vf_mul(n, vf_set(-0x1.bd0106p-13f)));
  vf q = vf_set(0x1.6bebfep-10f);
  q = vf_add(vf_mul(q, r), vf_set(0x1.1227b0p-7f));
  q = vf_add(vf_mul(q, r), vf_set(0x1.555674p-5f));
  q = vf_add(vf_mul(q, r), vf_set(0x1.5554b0p-3f));
  q = vf_add(vf_mul(q, r), vf_set(0x1.fffffep-2f));
  const vf p = vf_add(vf_mul(q, vf_mul(r, r)), r);
  const vf power = vi_as_float(vi_add(vi_shift_left(vf_bits(shifted), 23), vi_set(0x3F800000)));
  return vf_add(vf_mul(power, p), vf_sub(power, vf_set(1.0f)));
}

/* NaN stays: minimum and maximum give their second operand then. */
OCT_INLINE vf clamped(vf y, float low, float high) { return vf_max(vf_set(low), vf_min(vf_set(high), y)); }

/* 1 / s(x). */
OCT_INLINE vf inverse_sigmoid(vf x) {
  return vf_add(vf_set(2.0f), exp_minus_1(clamped(vf_sub(vf_set(-0.0f), x), -87.0f, 88.0f)));
}

/* E(2x); beyond 10 the quotient E / (2 + E) is 1 as a float. */
OCT_INLINE vf tanh_part(vf x) { return exp_minus_1(clamped(vf_add(x, x), -20.0f, 20.0f)); }

/* Where a row's parts lie; the gates of x and h are `gate` elements apart. */
typedef struct row_parts {
  const float *x, *h, *before;
  size_t gate;
  float *c, *y;
} row_parts;

/* The sum of a gate's two rows. */
OCT_INLINE vf gate_sum(const row_parts *p, size_t gate, size_t j) {
  return vf_add(vf_load(p->h + gate * p->gate + j), vf_load(p->x + gate * p->gate + j));
}

OCT_INLINE void first_pass(const oct_rnn_cell cell, const row_parts *p, size_t j) {
  switch (cell) {
    case OCT_RNN_LSTM: {
      const vf i = inverse_sigmoid(gate_sum(p, 0, j)), f = inverse_sigmoid(gate_sum(p, 1, j));
      const vf g = tanh_part(gate_sum(p, 2, j));
      const vf kept = vf_div(vf_load(p->c + j), f);
      vf_store(p->c + j, vf_add(kept, vf_div(g, vf_mul(i, vf_add(vf_set(2.0f), g)))));
      vf_store(p->y + j, inverse_sigmoid(gate_sum(p, 3, j)));
      return;
    }
    case OCT_RNN_GRU: {
      const vf n = vf_div(vf_load(p->h + 2 * p->gate + j), inverse_sigmoid(gate_sum(p, 0, j)));
      vf_store(p->y + j, vf_add(vf_load(p->x + 2 * p->gate + j), n));
      return;
    }
    case OCT_RNN_TANH: {
      const vf e = tanh_part(gate_sum(p, 0, j));
      vf_store(p->y + j, vf_div(e, vf_add(vf_set(2.0f), e)));
      return;
    }
    case OCT_RNN_RELU: vf_store(p->y + j, vf_max(vf_set(0.0f), gate_sum(p, 0, j))); return;
  }
}

OCT_INLINE void second_pass(const oct_rnn_cell cell, const row_parts *p, size_t j) {
  if (cell == OCT_RNN_LSTM) {
    const vf e = tanh_part(vf_load(p->c + j));
    vf_store(p->y + j, vf_div(e, vf_mul(vf_load(p->y + j), vf_add(vf_set(2.0f), e))));
  }
  if (cell == OCT_RNN_GRU) {
    const vf z = inverse_sigmoid(gate_sum(p, 1, j)), e = tanh_part(vf_load(p->y + j));
    const vf n = vf_div(e, vf_add(vf_set(2.0f), e));
    vf_store(p->y + j, vf_add(vf_div(vf_sub(vf_load(p->before + j), n), z), n));
  }
}

/* The last units, fewer than a vector, in copies that have room for one. */
OCT_INLINE void tail(const oct_rnn_cell cell, const size_t gates, const row_parts *p, size_t j, size_t left) {
  float x[4 * LANES] = {0}, h[4 * LANES] = {0}, before[LANES] = {0}, c[LANES] = {0}, y[LANES] = {0};
  const size_t bytes = left * sizeof(float);
  for (size_t g = 0; g < gates; g++) {
    memcpy(x + g * LANES, p->x + g * p->gate + j, bytes);
    memcpy(h + g * LANES, p->h + g * p->gate + j, bytes);
  }
  if (cell == OCT_RNN_GRU) memcpy(before, p->before + j, bytes);
  if (cell == OCT_RNN_LSTM) memcpy(c, p->c + j, bytes);
  const row_parts copy = {.x = x, .h = h, .before = before, .gate = LANES, .c = c, .y = y};
  first_pass(cell, &copy, 0);
  second_pass(cell, &copy, 0);
  if (cell == OCT_RNN_LSTM) memcpy(p->c + j, c, bytes);
  memcpy(p->y + j, y, bytes);
}

OCT_INLINE void run_row(const oct_rnn_cell cell, const size_t gates, const row_parts *p, size_t count) {
  const size_t whole = count / LANES * LANES;
  for (size_t j = 0; j < whole; j += LANES) first_pass(cell, p, j);
  for (size_t j = 0; j < whole; j += LANES) second_pass(cell, p, j);
  if (whole < count) tail(cell, gates, p, whole, count - whole);
}

static void tier_lstm(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                      float *y) {
  const row_parts parts = {.x = x, .h = h, .before = before, .gate = units, .c = c, .y = y};
  run_row(OCT_RNN_LSTM, 4, &parts, count);
}

static void tier_gru(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                     float *y) {
  const row_parts parts = {.x = x, .h = h, .before = before, .gate = units, .c = c, .y = y};
  run_row(OCT_RNN_GRU, 3, &parts, count);
}

static void tier_tanh(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                      float *y) {
  const row_parts parts = {.x = x, .h = h, .before = before, .gate = units, .c = c, .y = y};
  run_row(OCT_RNN_TANH, 1, &parts, count);
}

static void tier_relu(const float *x, const float *h, const float *before, size_t units, size_t count, float *c,
                      float *y) {
  const row_parts parts = {.x = x, .h = h, .before = before, .gate = units, .c = c, .y = y};
  run_row(OCT_RNN_RELU, 1, &parts, count);
}

OCT_INLINE float value_at(const float *values, size_t i) {
  float value;
  memcpy(&value, (const char *)values + i * sizeof value, sizeof value);
  return value;
}

enum { OCT_RNN_LANES = 32 };

/* Lanes of their own, because compilers don't reorder a chain of float comparisons. An element that isn't finite has all exponent
 * bits set. */
static oct_rnn_range tier_range(const float *x, size_t count) {
  float low[OCT_RNN_LANES], high[OCT_RNN_LANES];
  uint32_t odd[OCT_RNN_LANES];
  for (size_t l = 0; l < OCT_RNN_LANES; l++) low[l] = INFINITY, high[l] = -INFINITY, odd[l] = 0;
  size_t i = 0;
  for (; i + OCT_RNN_LANES <= count; i += OCT_RNN_LANES) {
    for (size_t l = 0; l < OCT_RNN_LANES; l++) {
      const float value = value_at(x, i + l);
      low[l] = value < low[l] ? value : low[l];
      high[l] = value > high[l] ? value : high[l];
      uint32_t bits;
      memcpy(&bits, &value, sizeof bits);
      odd[l] |= (bits & 0x7F800000u) == 0x7F800000u;
    }
  }
  for (size_t l = 0; i < count; i++, l++) {
    const float value = value_at(x, i);
    low[l] = value < low[l] ? value : low[l];
    high[l] = value > high[l] ? value : high[l];
    odd[l] |= isfinite(value) ? 0 : 1;
  }
  oct_rnn_range range = {.low = INFINITY, .high = -INFINITY, .finite = true};
  for (size_t l = 0; l < OCT_RNN_LANES; l++) {
    range.low = low[l] < range.low ? low[l] : range.low;
    range.high = high[l] > range.high ? high[l] : range.high;
    range.finite = range.finite && !odd[l];
  }
  return range;
}

#endif /* OCT_RNN_LOOPS_H */
