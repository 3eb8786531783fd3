/* Activations in the words of base/vector_scalar.h, included after base/words_exp.h inside a tier's region. Bound by some fifty
 * operations and a division for each vector. */
#ifndef OCT_ACTIVATION_LOOPS_H
#define OCT_ACTIVATION_LOOPS_H

/* R(t) = exp(a * a / 2) * erfc(a / sqrt(2)) / 2 at a = (1 / t - 1) / 0.3, minimax of relative error for a <= 14.5; beyond, q is 0. The vectors go
 * side by side, since each is one chain of operations. */
OCT_INLINE void gelu_quad(const float *from, float *to) {
  static const float coefficients[] = {-0x1.5abddep-3f, 0x1.d4e4aap-3f, -0x1.3abc36p-4f, 0x1.24621ep-3f,
                                       0x1.836c78p-4f,  0x1.f37ce0p-4f, 0x1.e96846p-4f,  0x1.eec078p-18f};
  vf x[4], t[4], r[4], e[4];
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    x[i] = vf_load(from + i * LANES);
    const vf a = vf_max(x[i], vf_sub(vf_set(-0.0f), x[i]));
    e[i] = vf_mul(vf_mul(a, a), vf_set(-0.5f));
    t[i] = vf_div(vf_set(1.0f), vf_add(vf_mul(a, vf_set(0.3f)), vf_set(1.0f)));
    r[i] = vf_set(0x1.3aa224p-5f);
  }
  exps(e);
  OCT_UNROLL
  for (int c = 0; c < 8; c++) {
    OCT_UNROLL
    for (int i = 0; i < 4; i++) r[i] = vf_add(vf_mul(r[i], t[i]), vf_set(coefficients[c]));
  }
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    const vf q = vf_mul(e[i], r[i]);
    const vf share = vf_select(vf_less(x[i], vf_set(0.0f)), q, vf_sub(vf_set(1.0f), q));
    vf_store(to + i * LANES, vf_mul(x[i], share));
  }
}

static void tier_gelu(const float *x, size_t count, float *y) {
  size_t i = 0;
  for (; i + QUAD <= count; i += QUAD) gelu_quad(x + i, y + i);
  if (i == count) return;
  float rest[QUAD] = {0};
  memcpy(rest, (const char *)(x + i), (count - i) * sizeof *rest);
  gelu_quad(rest, rest);
  memcpy((char *)(y + i), rest, (count - i) * sizeof *rest);
}

#endif /* OCT_ACTIVATION_LOOPS_H */
