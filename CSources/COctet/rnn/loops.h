/* Recurrent cells in the words of base/vector_scalar.h: each tier's file includes its vectors and then these loops, inside its
 * region. Bound by some 25 operations for each exponential and by one division for each pair of functions that are multiplied.
 *
 * Everything comes from E(y) = exp(y) - 1:  s(x) = 1 / (2 + E(-x)),  tanh(x) = E(2x) / (2 + E(2x)).
 * A product of the two has one division, E(2x) / ((2 + E(-u)) * (2 + E(2x))). Where one function follows another there are two loops
 * with y between them: in one, the second chain of operations would fill the scheduler while it waits for the first. */
#ifndef OCT_RNN_LOOPS_H
#define OCT_RNN_LOOPS_H

/* exp(y) - 1 for each y in -87..88: y = n * ln 2 + r, and with p = exp(r) - 1 it is 2^n * p + (2^n - 1), which keeps its digits near
 * 0. Adding 1.5 * 2^23 rounds to n and leaves n in the lowest bits. ln 2 is split so that n times its first part is exact. The
 * polynomial is the minimax one of relative error for |r| <= ln 2 / 2.
 *
 * One value is a chain of operations that wait for each other. `count` of them, a constant, go side by side: a scheduler that is
 * full of one chain would not see the next. */
OCT_INLINE void exps_minus_1(vf *y, const int count) {
  static const float coefficients[] = {0x1.1227b0p-7f, 0x1.555674p-5f, 0x1.5554b0p-3f, 0x1.fffffep-2f};
  const vf magic = vf_set(12582912.0f);
  vf power[4], q[4];
  OCT_UNROLL
  for (int i = 0; i < count; i++) {
    const vf shifted = vf_add(vf_mul(y[i], vf_set(0x1.715476p+0f)), magic);
    power[i] = vi_as_float(vi_add(vi_shift_left(vf_bits(shifted), 23), vi_set(0x3F800000)));
    q[i] = vf_sub(shifted, magic);
  }
  OCT_UNROLL
  for (int i = 0; i < count; i++) {
    y[i] = vf_sub(vf_sub(y[i], vf_mul(q[i], vf_set(0x1.63p-1f))), vf_mul(q[i], vf_set(-0x1.bd0106p-13f)));
    q[i] = vf_set(0x1.6bebfep-10f);
  }
  OCT_UNROLL
  for (int c = 0; c < 4; c++) {
    OCT_UNROLL
    for (int i = 0; i < count; i++) q[i] = vf_add(vf_mul(q[i], y[i]), vf_set(coefficients[c]));
  }
  OCT_UNROLL
  for (int i = 0; i < count; i++) y[i] = vf_add(vf_mul(q[i], vf_mul(y[i], y[i])), y[i]);
  OCT_UNROLL
  for (int i = 0; i < count; i++) y[i] = vf_add(vf_mul(power[i], y[i]), vf_sub(power[i], vf_set(1.0f)));
}

/* NaN stays: minimum and maximum give their second operand then. */
OCT_INLINE vf clamped(vf y, float low, float high) { return vf_max(vf_set(low), vf_min(vf_set(high), y)); }

/* What E takes for 1 / s(x) = 2 + E. */
OCT_INLINE vf sigmoid_argument(vf x) { return clamped(vf_sub(vf_set(-0.0f), x), -87.0f, 88.0f); }

/* What E takes for tanh(x) = E / (2 + E); beyond 10 the quotient is 1 as a float. */
OCT_INLINE vf tanh_argument(vf x) { return clamped(vf_add(x, x), -20.0f, 20.0f); }

OCT_INLINE vf two_more(vf e) { return vf_add(vf_set(2.0f), e); }

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

/* Vectors that a pass takes side by side, so that it has up to four exponentials at a time. */
OCT_INLINE int first_width(const oct_rnn_cell cell) { return cell == OCT_RNN_LSTM ? 1 : 4; }
OCT_INLINE int second_width(const oct_rnn_cell cell) { return cell == OCT_RNN_GRU ? 2 : 4; }

OCT_INLINE void first_lstm(const row_parts *p, size_t j) {
  vf e[4] = {sigmoid_argument(gate_sum(p, 0, j)), sigmoid_argument(gate_sum(p, 1, j)), tanh_argument(gate_sum(p, 2, j)),
             sigmoid_argument(gate_sum(p, 3, j))};
  exps_minus_1(e, 4);
  const vf kept = vf_div(vf_load(p->c + j), two_more(e[1]));
  vf_store(p->c + j, vf_add(kept, vf_div(e[2], vf_mul(two_more(e[0]), two_more(e[2])))));
  vf_store(p->y + j, two_more(e[3]));
}

/* `width` vectors, a constant. */
OCT_INLINE void first_pass(const oct_rnn_cell cell, const row_parts *p, size_t j, const int width) {
  vf e[4];
  if (cell == OCT_RNN_LSTM) {
    first_lstm(p, j);
    return;
  }
  OCT_UNROLL
  for (int i = 0; i < width; i++) {
    e[i] = gate_sum(p, 0, j + (size_t)i * LANES);
    if (cell == OCT_RNN_GRU) e[i] = sigmoid_argument(e[i]);
    if (cell == OCT_RNN_TANH) e[i] = tanh_argument(e[i]);
  }
  if (cell != OCT_RNN_RELU) exps_minus_1(e, width);
  OCT_UNROLL
  for (int i = 0; i < width; i++) {
    const size_t at = j + (size_t)i * LANES;
    switch (cell) {
      case OCT_RNN_GRU: {
        const vf n = vf_div(vf_load(p->h + 2 * p->gate + at), two_more(e[i]));
        vf_store(p->y + at, vf_add(vf_load(p->x + 2 * p->gate + at), n));
        break;
      }
      case OCT_RNN_TANH: vf_store(p->y + at, vf_div(e[i], two_more(e[i]))); break;
      case OCT_RNN_RELU: vf_store(p->y + at, vf_max(vf_set(0.0f), e[i])); break;
      case OCT_RNN_LSTM: break;
    }
  }
}

OCT_INLINE void second_pass(const oct_rnn_cell cell, const row_parts *p, size_t j, const int width) {
  vf e[4];
  if (cell == OCT_RNN_LSTM) {
    OCT_UNROLL
    for (int i = 0; i < width; i++) e[i] = tanh_argument(vf_load(p->c + j + (size_t)i * LANES));
    exps_minus_1(e, width);
    OCT_UNROLL
    for (int i = 0; i < width; i++) {
      float *y = p->y + j + (size_t)i * LANES;
      vf_store(y, vf_div(e[i], vf_mul(vf_load(y), two_more(e[i]))));
    }
  }
  if (cell == OCT_RNN_GRU) {
    OCT_UNROLL
    for (int i = 0; i < width; i++) {
      const size_t at = j + (size_t)i * LANES;
      e[2 * i] = sigmoid_argument(gate_sum(p, 1, at));
      e[2 * i + 1] = tanh_argument(vf_load(p->y + at));
    }
    exps_minus_1(e, 2 * width);
    OCT_UNROLL
    for (int i = 0; i < width; i++) {
      const size_t at = j + (size_t)i * LANES;
      const vf z = two_more(e[2 * i]), n = vf_div(e[2 * i + 1], two_more(e[2 * i + 1]));
      vf_store(p->y + at, vf_add(vf_div(vf_sub(vf_load(p->before + at), n), z), n));
    }
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
  first_pass(cell, &copy, 0, 1);
  second_pass(cell, &copy, 0, 1);
  if (cell == OCT_RNN_LSTM) memcpy(p->c + j, c, bytes);
  memcpy(p->y + j, y, bytes);
}

OCT_INLINE void run_row(const oct_rnn_cell cell, const size_t gates, const row_parts *p, size_t count) {
  const size_t whole = count / LANES * LANES;
  const size_t first = (size_t)first_width(cell) * LANES, second = (size_t)second_width(cell) * LANES;
  size_t j = 0;
  for (; j + first <= whole; j += first) first_pass(cell, p, j, first_width(cell));
  for (; j < whole; j += LANES) first_pass(cell, p, j, 1);
  for (j = 0; j + second <= whole; j += second) second_pass(cell, p, j, second_width(cell));
  for (; j < whole; j += LANES) second_pass(cell, p, j, 1);
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
static oct_rnn_range tier_range(const float *x, size_t rows, size_t stride, size_t count) {
  float low[OCT_RNN_LANES], high[OCT_RNN_LANES];
  uint32_t odd[OCT_RNN_LANES];
  for (size_t l = 0; l < OCT_RNN_LANES; l++) low[l] = INFINITY, high[l] = -INFINITY, odd[l] = 0;
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * stride;
    size_t i = 0;
    for (; i + OCT_RNN_LANES <= count; i += OCT_RNN_LANES) {
      for (size_t l = 0; l < OCT_RNN_LANES; l++) {
        const float value = value_at(row, i + l);
        low[l] = value < low[l] ? value : low[l];
        high[l] = value > high[l] ? value : high[l];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        odd[l] |= (bits & 0x7F800000u) == 0x7F800000u;
      }
    }
    for (size_t l = 0; i < count; i++, l++) {
      const float value = value_at(row, i);
      low[l] = value < low[l] ? value : low[l];
      high[l] = value > high[l] ? value : high[l];
      odd[l] |= isfinite(value) ? 0 : 1;
    }
  }
  oct_rnn_range range = {.low = INFINITY, .high = -INFINITY, .finite = true};
  for (size_t l = 0; l < OCT_RNN_LANES; l++) {
    range.low = low[l] < range.low ? low[l] : range.low;
    range.high = high[l] > range.high ? high[l] : range.high;
    range.finite = range.finite && !odd[l];
  }
  return range;
}

OCT_INLINE void one_column(const int32_t *minus_sum, int32_t zero, const float *weight_scale, float scale,
                           int32_t *term, float *multiplier) {
  *term = (int32_t)((uint32_t)zero * (uint32_t)*minus_sum);
  const float product = scale * *weight_scale, below = product < FLT_MAX ? product : FLT_MAX;
  *multiplier = below > FLT_TRUE_MIN ? below : FLT_TRUE_MIN;
}

/* Columns come in whole panels, so there is hardly ever a rest. */
static void tier_columns(const int32_t *minus_sum, int32_t zero, const float *weight_scale, float scale, size_t count,
                         int32_t *restrict term, float *restrict multiplier) {
  size_t i = 0;
  for (; i + OCT_RNN_LANES <= count; i += OCT_RNN_LANES)
    for (size_t l = i; l < i + OCT_RNN_LANES; l++)
      one_column(minus_sum + l, zero, weight_scale + l, scale, term + l, multiplier + l);
  for (; i < count; i++) one_column(minus_sum + i, zero, weight_scale + i, scale, term + i, multiplier + i);
}

#endif /* OCT_RNN_LOOPS_H */
