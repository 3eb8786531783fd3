/* Normalization in the words of base/vector_scalar.h. A tier's file includes one vocabulary, and then this, inside its region.
 *
 * A quad at a time; what is left of a run goes through a quad on the stack. Bound by conversions between bytes and float32. */
#ifndef OCT_NORM_LOOPS_H
#define OCT_NORM_LOOPS_H

/* Quads whose sums of squares stay below 2^31 in each lane: 4 * 255^2 each. */
enum { NORM_BLOCK = 8192 };

/* Adds a quad of bytes: words of two bytes, their upper bytes alone, and products of both kinds. */
OCT_INLINE void add_quad(vi bytes, vi *sum, vi *squares) {
  const vi upper = vi_high_bytes16(bytes), lower = vi_and(bytes, vi_set(0x00FF00FF)), ones = vi_set(0x00010001);
  *sum = vi_add(*sum, vi_dot16(vi_add16(upper, lower), ones));
  *squares = vi_add(*squares, vi_add(vi_dot16(upper, upper), vi_dot16(lower, lower)));
}

OCT_INLINE uint64_t lanes_total(vi lanes) {
  int32_t each[LANES];
  uint64_t total = 0;
  vi_store(each, lanes);
  for (int i = 0; i < LANES; i++) total += (uint32_t)each[i];
  return total;
}

static void tier_sums(const uint8_t *x, size_t count, uint8_t flip, uint64_t *sum, uint64_t *squares) {
  const vi turn = vi_set(flip ? (int32_t)0x80808080 : 0);
  size_t i = 0;
  while (i < count) {
    vi s = vi_set(0), q = vi_set(0);
    for (int block = 0; block < NORM_BLOCK && i + QUAD <= count; block++, i += QUAD)
      add_quad(vi_xor(vi_load(x + i), turn), &s, &q);
    if (i < count && count - i < QUAD) {
      uint8_t rest[QUAD];
      memset(rest, flip, sizeof rest); /* counts as 0 */
      memcpy(rest, x + i, count - i);
      add_quad(vi_xor(vi_load(rest), turn), &s, &q);
      i = count;
    }
    *sum += lanes_total(s);
    *squares += lanes_total(q);
  }
}

typedef struct norm_vectors {
  vi offset, zero_point;
  vf mean, r, inverse, low, high;
} norm_vectors;

OCT_INLINE norm_vectors norm_of(const oct_norm_rule *r) {
  return (norm_vectors){vi_set(r->offset), vi_zero_point(r->zero_point), vf_set(r->mean),
                        vf_set(r->r),      vf_set(r->inverse),           vf_set(r->low),
                        vf_set(r->high)};
}

/* A quad with gamma and beta of its elements, either may be null, or with one beta for all when `shared`. */
OCT_INLINE void normalize_quad(const uint8_t *x, const norm_vectors *v, const float *gamma, const float *beta,
                               uint8_t *y, const bool shared, const bool is_signed) {
  vi q[4];
  vi_load_bytes(x, q, is_signed);
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    vf t = vf_mul(vf_sub(vi_to_float(vi_sub(q[i], v->offset)), v->mean), v->r);
    if (gamma) t = vf_mul(t, vf_load(gamma + i * LANES));
    if (beta) t = vf_add(t, shared ? vf_set(*beta) : vf_load(beta + i * LANES));
    q[i] = vf_to_code(vf_mul(t, v->inverse), v->low, v->high);
  }
  vi_store_codes(y, q, v->zero_point, is_signed);
}

OCT_INLINE void normalize_run(const uint8_t *x, size_t count, const oct_norm_rule *rule, const float *gamma,
                              const float *beta, uint8_t *y, const bool shared, const bool is_signed) {
  const norm_vectors v = norm_of(rule);
  size_t i = 0;
  for (; i + QUAD <= count; i += QUAD)
    normalize_quad(x + i, &v, gamma ? gamma + i : NULL, beta && !shared ? beta + i : beta, y + i, shared, is_signed);
  if (i == count) return;
  const size_t left = count - i;
  uint8_t from[QUAD] = {0}, to[QUAD];
  float factors[QUAD] = {0}, terms[QUAD] = {0};
  memcpy(from, x + i, left);
  if (gamma) memcpy(factors, gamma + i, left * sizeof *gamma);
  if (beta && !shared) memcpy(terms, beta + i, left * sizeof *beta);
  normalize_quad(from, &v, gamma ? factors : NULL, beta && !shared ? terms : beta, to, shared, is_signed);
  memcpy(y + i, to, left);
}

OCT_INLINE void normalize_any(const uint8_t *x, size_t count, const oct_norm_rule *rule, const float *gamma,
                              const float *beta, uint8_t *y, const bool is_signed) {
  if (gamma && beta)
    normalize_run(x, count, rule, gamma, beta, y, false, is_signed);
  else if (gamma)
    normalize_run(x, count, rule, gamma, NULL, y, false, is_signed);
  else if (beta)
    normalize_run(x, count, rule, NULL, beta, y, false, is_signed);
  else
    normalize_run(x, count, rule, NULL, NULL, y, false, is_signed);
}

static void tier_normalize_elements(const uint8_t *x, size_t count, const oct_norm_rule *rule, const float *gamma,
                                    const float *beta, uint8_t *y) {
  if (rule->is_signed)
    normalize_any(x, count, rule, gamma, beta, y, true);
  else
    normalize_any(x, count, rule, gamma, beta, y, false);
}

static void tier_normalize_channel(const uint8_t *x, size_t count, const oct_norm_rule *rule, float beta, uint8_t *y) {
  if (rule->is_signed)
    normalize_run(x, count, rule, NULL, &beta, y, true, true);
  else
    normalize_run(x, count, rule, NULL, &beta, y, true, false);
}

OCT_INLINE void affine_quad(const uint8_t *x, const oct_affine_rule *r, const float *alpha, const float *beta,
                            uint8_t *y, const bool is_signed) {
  const vf low = vf_set(r->low), high = vf_set(r->high);
  vi q[4];
  vi_load_bytes(x, q, is_signed);
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    const vf product = vf_mul(vf_load(alpha + i * LANES), vi_to_float(vi_sub(q[i], vi_set(r->offset))));
    /* The lower bound may lie inside the type. */
    q[i] = vf_to_code(vf_max(vf_add(product, vf_load(beta + i * LANES)), low), low, high);
  }
  vi_store_codes(y, q, vi_zero_point(r->zero_point), is_signed);
}

OCT_INLINE void affine_run(const uint8_t *x, size_t channels, const oct_affine_rule *rule, const float *alpha,
                           const float *beta, uint8_t *y, const bool is_signed) {
  const oct_affine_rule r = *rule;
  size_t c = 0;
  for (; c + QUAD <= channels; c += QUAD) affine_quad(x + c, &r, alpha + c, beta + c, y + c, is_signed);
  if (c == channels) return;
  const size_t left = channels - c;
  uint8_t from[QUAD] = {0}, to[QUAD];
  float factors[QUAD] = {0}, terms[QUAD] = {0};
  memcpy(from, x + c, left);
  memcpy(factors, alpha + c, left * sizeof *alpha);
  memcpy(terms, beta + c, left * sizeof *beta);
  affine_quad(from, &r, factors, terms, to, is_signed);
  memcpy(y + c, to, left);
}

static void tier_affine(const uint8_t *x, size_t channels, const oct_affine_rule *rule, const float *alpha,
                        const float *beta, uint8_t *y) {
  if (rule->is_signed)
    affine_run(x, channels, rule, alpha, beta, y, true);
  else
    affine_run(x, channels, rule, alpha, beta, y, false);
}

#endif /* OCT_NORM_LOOPS_H */
