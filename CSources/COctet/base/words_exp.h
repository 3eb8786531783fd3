/* Exponentials in the words of vector_scalar.h and the like. Included after one of them, inside its region. */
#ifndef OCT_BASE_WORDS_EXP_H
#define OCT_BASE_WORDS_EXP_H

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

#endif /* OCT_BASE_WORDS_EXP_H */
