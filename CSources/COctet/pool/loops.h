/* Average pooling in the words of base/vector_scalar.h. A tier's file includes one vocabulary, and then this, inside its region.
 *
 * Tile: four vectors of channels, then one, of one pixel. A vector of bytes is summed as it is, as words of two bytes, and so are its upper bytes:
 * three operations for a tap, whose difference is the sum of the lower bytes. Words hold 256 taps; then they are
 * added to int32. Bound by those operations for large windows, by rounding for small ones. */
#ifndef OCT_POOL_LOOPS_H
#define OCT_POOL_LOOPS_H

/* Taps whose sums of bytes surely fit 16 bits, and neighbouring vectors that are summed at once: whole cache lines that lie side by
 * side. */
enum { WORD_TAPS = 256, WIDTH = 4 };

/* Sums of the four bytes of each lane. */
typedef struct byte_sums {
  vi lane[4];
} byte_sums;

/* What sums of words say about bytes. */
OCT_INLINE byte_sums of_words(vi words, vi upper) {
  const vi low = vi_set(0xFFFF), lower = vi_sub16(words, vi_times_256_16(upper));
  return (byte_sums){{vi_and(lower, low), vi_and(upper, low), vi_shift_right(lower, 16), vi_shift_right(upper, 16)}};
}

/* `bytes` of a vector at x: all of it when that is a whole vector. */
OCT_INLINE vi load_channels(const uint8_t *x, size_t bytes, const bool whole) {
  return whole ? vi_load(x) : vi_load_part(x, bytes);
}

/* Words of two bytes of some neighbouring vectors, and their upper bytes. */
typedef struct word_sums {
  vi words[WIDTH], upper[WIDTH];
} word_sums;

OCT_INLINE void flush(byte_sums sums[WIDTH], word_sums *w, const int width) {
  OCT_UNROLL
  for (int i = 0; i < width; i++) {
    const byte_sums part = of_words(w->words[i], w->upper[i]);
    OCT_UNROLL
    for (int k = 0; k < 4; k++) sums[i].lane[k] = vi_add(sums[i].lane[k], part.lane[k]);
    w->words[i] = w->upper[i] = vi_set(0);
  }
}

/* Adds `taps` pixels from `at` on. */
OCT_INLINE void add_taps(const uint8_t *at, ptrdiff_t step, size_t taps, size_t bytes, vi flip, word_sums *w,
                         const int width, const bool whole, const bool flips) {
  for (size_t t = 0; t < taps; t++, at += step) {
    OCT_UNROLL
    for (int i = 0; i < width; i++) {
      const vi loaded = load_channels(at + i * QUAD, bytes, whole), pixel = flips ? vi_xor(loaded, flip) : loaded;
      w->words[i] = vi_add16(w->words[i], pixel);
      w->upper[i] = vi_add16(w->upper[i], vi_high_bytes16(pixel));
    }
  }
}

/* Sums over one window of `width` neighbouring vectors; `small` windows have at most WORD_TAPS taps. */
OCT_INLINE void sum_window(const oct_average_run *run, const uint8_t *x, size_t bytes, vi flip, byte_sums sums[WIDTH],
                           const int width, const bool whole, const bool flips, const bool small) {
  word_sums w;
  OCT_UNROLL
  for (int i = 0; i < width; i++) {
    w.words[i] = w.upper[i] = vi_set(0);
    if (!small) sums[i] = (byte_sums){{vi_set(0), vi_set(0), vi_set(0), vi_set(0)}};
  }
  size_t room = WORD_TAPS;
  for (size_t plane = 0; plane < run->planes; plane++) {
    const uint8_t *line = x + (ptrdiff_t)plane * run->plane_step;
    for (size_t row = 0; row < run->rows; row++, line += run->row_step) {
      const uint8_t *at = line;
      for (size_t left = run->taps; left > 0;) {
        const size_t taps = small || left < room ? left : room;
        add_taps(at, run->tap_step, taps, bytes, flip, &w, width, whole, flips);
        at += (ptrdiff_t)taps * run->tap_step;
        left -= taps;
        room -= taps;
        if (small || room > 0) continue;
        flush(sums, &w, width);
        room = WORD_TAPS;
      }
    }
  }
  if (!small) flush(sums, &w, width);
  OCT_UNROLL
  for (int i = 0; small && i < width; i++) sums[i] = of_words(w.words[i], w.upper[i]);
}

/* The four bytes of each lane put together: rounded means less the zero point, each shifted to its place, add up to bytes with
 * four zero points, modulo 2^32. */
OCT_INLINE vi mean_of(const byte_sums *sums, const oct_average_rule *r) {
  vi bytes = vi_set((int32_t)((uint32_t)r->zero_point * 0x01010101u));
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    const vf centered = vi_to_float(vi_sub(sums->lane[i], vi_set(r->offset)));
    const vf mean = vf_add(vf_mul(centered, vf_set(r->multiplier)), vf_set(r->add));
    const vf clamped = vf_max(vf_min(mean, vf_set(r->high)), vf_set(r->low));
    bytes = vi_add(bytes, vi_shift_left(vf_to_int(clamped), 8 * i));
  }
  return bytes;
}

OCT_INLINE void average_channels(const oct_average_run *run, const oct_average_rule *rule, const uint8_t *x, uint8_t *y,
                                 size_t bytes, const int width, const bool whole, const bool flips, const bool small) {
  const vi flip = vi_set(flips ? (int32_t)0x80808080 : 0);
  byte_sums sums[WIDTH];
  sum_window(run, x, bytes, flip, sums, width, whole, flips, small);
  OCT_UNROLL
  for (int i = 0; i < width; i++) {
    const vi mean = mean_of(&sums[i], rule), out = flips ? vi_xor(mean, flip) : mean;
    if (whole)
      vi_store(y + i * QUAD, out);
    else
      vi_store_part(y, out, bytes);
  }
}

OCT_INLINE void average_run(const oct_average_run *given, const oct_average_rule *given_rule, const bool flips,
                            const bool small) {
  const oct_average_run run = *given;
  const oct_average_rule rule = *given_rule;
  for (size_t i = 0; i < run.pixels; i++) {
    const uint8_t *x = run.x + (ptrdiff_t)i * run.pixel_step;
    uint8_t *y = run.y + (ptrdiff_t)i * run.y_step;
    size_t c = 0;
    for (; c + WIDTH * QUAD <= run.channels; c += WIDTH * QUAD)
      average_channels(&run, &rule, x + c, y + c, QUAD, WIDTH, true, flips, small);
    for (; c + QUAD <= run.channels; c += QUAD)
      average_channels(&run, &rule, x + c, y + c, QUAD, 1, true, flips, small);
    if (c == run.channels) continue;
    if (c > 0) {
      const size_t last = run.channels - QUAD;
      average_channels(&run, &rule, x + last, y + last, QUAD, 1, true, flips, small);
    } else {
      average_channels(&run, &rule, x, y, run.channels, 1, false, flips, small);
    }
  }
}

static void tier_average(const oct_average_run *run, const oct_average_rule *rule) {
  const bool small = run->planes * run->rows * run->taps <= WORD_TAPS;
  if (run->flip) {
    if (small)
      average_run(run, rule, true, true);
    else
      average_run(run, rule, true, false);
  } else {
    if (small)
      average_run(run, rule, false, true);
    else
      average_run(run, rule, false, false);
  }
}

#endif /* OCT_POOL_LOOPS_H */
