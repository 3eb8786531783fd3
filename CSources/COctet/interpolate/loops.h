/* Interpolation in the words of base/vector_scalar.h. A tier's file includes one vocabulary, and then this, inside its region.
 *
 * Tile: a quad of channels of one pixel across, a quad of elements down; a pixel's last quad goes back over the one before. Bound by
 * conversions between bytes and float32, copies by memory. */
#ifndef OCT_INTERPOLATE_LOOPS_H
#define OCT_INTERPOLATE_LOOPS_H

/* Pixels of size..2 * size bytes, in two moves that may overlap. */
OCT_INLINE void copy_small(const uint8_t *x, const ptrdiff_t *from, size_t count, size_t channels, uint8_t *y,
                           ptrdiff_t y_step, const size_t size) {
  const size_t last = channels - size;
  for (size_t i = 0; i < count; i++, y += y_step) {
    const uint8_t *pixel = x + from[i];
    uint8_t head[32], tail[32];
    memcpy(head, pixel, size);
    memcpy(tail, pixel + last, size);
    memcpy(y, head, size);
    memcpy(y + last, tail, size);
  }
}

static void copy_few(const uint8_t *x, const ptrdiff_t *from, size_t count, size_t channels, uint8_t *y,
                     ptrdiff_t y_step) {
  if (channels == 1)
    for (size_t i = 0; i < count; i++, y += y_step) *y = x[from[i]];
  else if (channels < 4)
    copy_small(x, from, count, channels, y, y_step, 2);
  else if (channels < 8)
    copy_small(x, from, count, channels, y, y_step, 4);
  else if (channels < 16)
    copy_small(x, from, count, channels, y, y_step, 8);
  else if (channels < 32)
    copy_small(x, from, count, channels, y, y_step, 16);
  else
    copy_small(x, from, count, channels, y, y_step, 32);
}

static void tier_copy(const uint8_t *x, const ptrdiff_t *from, size_t count, size_t channels, uint8_t *y,
                      ptrdiff_t y_step) {
  if (channels < QUAD) {
    copy_few(x, from, count, channels, y, y_step);
    return;
  }
  for (size_t i = 0; i < count; i++, y += y_step) {
    const uint8_t *pixel = x + from[i];
    size_t c = 0;
    for (; c + QUAD <= channels; c += QUAD) vi_store(y + c, vi_load(pixel + c));
    if (c < channels) vi_store(y + channels - QUAD, vi_load(pixel + channels - QUAD));
  }
}

OCT_INLINE void across_quad(const uint8_t *first, const uint8_t *second, const float weights[2], float *to,
                            const bool is_signed) {
  const vf a = vf_set(weights[0]), b = vf_set(weights[1]);
  vi q[4], r[4];
  vi_load_bytes(first, q, is_signed);
  vi_load_bytes(second, r, is_signed);
  OCT_UNROLL
  for (int i = 0; i < 4; i++)
    vf_store(to + i * LANES, vf_add(vf_mul(a, vi_to_float(q[i])), vf_mul(b, vi_to_float(r[i]))));
}

OCT_INLINE float real_of(uint8_t code, const bool is_signed) { return (float)(is_signed ? (int8_t)code : code); }

OCT_INLINE void across_pixels(const uint8_t *x, const oct_across *from, size_t count, size_t channels, float *to,
                              const bool is_signed) {
  for (size_t i = 0; i < count; i++, to += channels) {
    const uint8_t *first = x + from[i].first, *second = x + from[i].second;
    const float *w = from[i].weights;
    if (channels < QUAD) {
      for (size_t c = 0; c < channels; c++)
        to[c] = w[0] * real_of(first[c], is_signed) + w[1] * real_of(second[c], is_signed);
      continue;
    }
    size_t c = 0;
    for (; c + QUAD <= channels; c += QUAD) across_quad(first + c, second + c, w, to + c, is_signed);
    const size_t last = channels - QUAD;
    if (c < channels) across_quad(first + last, second + last, w, to + last, is_signed);
  }
}

static void tier_across(const uint8_t *x, const oct_across *from, size_t count, size_t channels, bool is_signed,
                        float *to) {
  if (is_signed)
    across_pixels(x, from, count, channels, to, true);
  else
    across_pixels(x, from, count, channels, to, false);
}

OCT_INLINE void down_quad(const float *above, const float *below, vf a, vf b, const oct_blend_rule *r, uint8_t *y,
                          const bool is_signed) {
  const vf z = vf_set((float)r->zero_point), low = vf_set(r->low), high = vf_set(r->high);
  vi q[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    const vf v = vf_add(vf_mul(a, vf_load(above + i * LANES)), vf_mul(b, vf_load(below + i * LANES)));
    q[i] = vf_to_code(vf_sub(v, z), low, high);
  }
  vi_store_codes(y, q, vi_zero_point(r->zero_point), is_signed);
}

OCT_INLINE void down_elements(const float *above, const float *below, const float weights[2], size_t count,
                              const oct_blend_rule *rule, uint8_t *y, const bool is_signed) {
  const vf a = vf_set(weights[0]), b = vf_set(weights[1]);
  const oct_blend_rule r = *rule;
  size_t i = 0;
  for (; i + QUAD <= count; i += QUAD) down_quad(above + i, below + i, a, b, &r, y + i, is_signed);
  if (i == count) return;
  float upper[QUAD] = {0}, lower[QUAD] = {0};
  uint8_t to[QUAD];
  memcpy(upper, above + i, (count - i) * sizeof *upper);
  memcpy(lower, below + i, (count - i) * sizeof *lower);
  down_quad(upper, lower, a, b, &r, to, is_signed);
  memcpy(y + i, to, count - i);
}

static void tier_down(const float *above, const float *below, const float weights[2], size_t count,
                      const oct_blend_rule *rule, uint8_t *y) {
  if (rule->is_signed)
    down_elements(above, below, weights, count, rule, y, true);
  else
    down_elements(above, below, weights, count, rule, y, false);
}

#endif /* OCT_INTERPOLATE_LOOPS_H */
