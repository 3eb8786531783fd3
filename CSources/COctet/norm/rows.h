/* Layer norm of float32 rows in the words of base/vector_scalar.h, included after it. Statistics are in double: a float's square is
 * exact there, and a mean that dwarfs the spread costs no digits. Bound by conversions between float32 and double. */
#ifndef OCT_NORM_ROWS_H
#define OCT_NORM_ROWS_H

/* Sums go by the place modulo this many, on every tier. */
enum { ROW_LANES = 32, ROW_VECTORS = ROW_LANES / LANES };

/* An element of an array of any alignment; copies go by char, from which compilers conclude nothing. */
OCT_INLINE float row_element(const float *from) {
  float value;
  memcpy(&value, (const char *)from, sizeof value);
  return value;
}

/* Lanes are added in halves: 16 and 16, then 8 and 8, down to one. */
OCT_INLINE double row_total(double lanes[ROW_LANES]) {
  for (int half = ROW_LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}

/* The sum of x + add, which is stored, or of x where add is null. */
OCT_INLINE double row_sum(const float *x, const float *add, size_t count, float *y) {
  double lanes[ROW_LANES];
  vd sums[ROW_VECTORS];
  size_t i = 0;
  OCT_UNROLL
  for (int v = 0; v < ROW_VECTORS; v++) sums[v] = vd_set(0);
  for (; i + ROW_LANES <= count; i += ROW_LANES) {
    OCT_UNROLL
    for (int v = 0; v < ROW_VECTORS; v++) {
      const size_t at = i + (size_t)v * LANES;
      vf value = vf_load(x + at);
      if (add) {
        value = vf_add(value, vf_load(add + at));
        vf_store(y + at, value);
      }
      sums[v] = vd_add(sums[v], vd_of(value));
    }
  }
  OCT_UNROLL
  for (int v = 0; v < ROW_VECTORS; v++) vd_store(lanes + v * LANES, sums[v]);
  for (size_t l = 0; i < count; i++, l++) {
    float value = row_element(x + i);
    if (add) {
      value += row_element(add + i);
      memcpy((char *)(y + i), &value, sizeof value);
    }
    lanes[l] += (double)value;
  }
  return row_total(lanes);
}

OCT_INLINE double row_squares(const float *x, size_t count, double mean) {
  double lanes[ROW_LANES];
  vd sums[ROW_VECTORS];
  size_t i = 0;
  OCT_UNROLL
  for (int v = 0; v < ROW_VECTORS; v++) sums[v] = vd_set(0);
  for (; i + ROW_LANES <= count; i += ROW_LANES) {
    OCT_UNROLL
    for (int v = 0; v < ROW_VECTORS; v++) {
      const vd distance = vd_sub(vd_of(vf_load(x + i + (size_t)v * LANES)), vd_set(mean));
      sums[v] = vd_add(sums[v], vd_mul(distance, distance));
    }
  }
  OCT_UNROLL
  for (int v = 0; v < ROW_VECTORS; v++) vd_store(lanes + v * LANES, sums[v]);
  for (size_t l = 0; i < count; i++, l++) {
    const double distance = (double)row_element(x + i) - mean;
    lanes[l] += distance * distance;
  }
  return row_total(lanes);
}

/* What is null is a constant. */
OCT_INLINE void scale_row(const float *x, size_t count, double mean, double scale, const float *gamma,
                          const float *beta, float *y) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vf value = vd_round(vd_mul(vd_sub(vd_of(vf_load(x + i)), vd_set(mean)), vd_set(scale)));
    if (gamma) value = vf_mul(value, vf_load(gamma + i));
    if (beta) value = vf_add(value, vf_load(beta + i));
    vf_store(y + i, value);
  }
  for (; i < count; i++) {
    float value = (float)(((double)row_element(x + i) - mean) * scale);
    if (gamma) value *= row_element(gamma + i);
    if (beta) value += row_element(beta + i);
    memcpy((char *)(y + i), &value, sizeof value);
  }
}

/* A few rows take each step together: the end of a step is a chain over one row's lanes, which the next row's vectors fill. */
static void tier_layer_rows(const float *x, const float *add, size_t rows, size_t count, double epsilon,
                            const float *gamma, const float *beta, float *y) {
  enum { TOGETHER = 4 };
  const float *source = add ? y : x;
  for (size_t first = 0; first < rows; first += TOGETHER) {
    const size_t here = rows - first < TOGETHER ? rows - first : TOGETHER, at = first * count;
    const float *from = source + at;
    float *to = y + at;
    double means[TOGETHER], scales[TOGETHER];
    for (size_t r = 0; r < here; r++) {
      const size_t start = at + r * count;
      means[r] = (add ? row_sum(x + start, add + start, count, y + start) : row_sum(x + start, NULL, count, NULL)) /
                 (double)count;
    }
    for (size_t r = 0; r < here; r++)
      scales[r] = 1 / sqrt(row_squares(from + r * count, count, means[r]) / (double)count + epsilon);
    for (size_t r = 0; r < here; r++) {
      const size_t start = r * count;
      if (gamma && beta)
        scale_row(from + start, count, means[r], scales[r], gamma, beta, to + start);
      else if (gamma)
        scale_row(from + start, count, means[r], scales[r], gamma, NULL, to + start);
      else if (beta)
        scale_row(from + start, count, means[r], scales[r], NULL, beta, to + start);
      else
        scale_row(from + start, count, means[r], scales[r], NULL, NULL, to + start);
    }
  }
}

#endif /* OCT_NORM_ROWS_H */
