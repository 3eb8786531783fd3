/* Depthwise convolution from rows to bytes on AVX-512 VNNI.
 *
 * Instructions: vpunpck* transposes four input rows, vpdpbusd multiplies four uint8 taps by four int8 weights and adds
 * them without saturation, vpack* ends in bytes. Windows of three columns stream: 12 vectors of weights, 12 accumulators
 * of three outputs under way, 4 of a column. Others have a tile of 2 output rows of 6 outputs in two halves of two quads,
 * or 1 row of 6 outputs in four quads: 24 accumulators, 6 cells, 1 vector of weights.
 *
 * Bound for a 3x3 window, for each output of 64 channels: 12 vpdpbusd and 4 multiplications on two ports, 8 conversions,
 * 8 shuffles for a new column, 3 packs, and 5 more: 40 on four ports, 10 cycles. With stride 2 there are two new columns,
 * 48 and 12 cycles. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/unroll.h"
#include "rows.h"

OCT_FP_STRICT

enum { VECTOR = OCT_ROWS_VECTOR, LANES = OCT_ROWS_LANES, QUADS = OCT_ROWS_QUADS, CELL = OCT_ROWS_CELL };

OCT_ISA_BEGIN(AVX512VNNI)

/* One input row of a vector; the pointers of its pixels are `apart` places apart. */
OCT_INLINE __m512i load_row(const uint8_t *const *rows, size_t apart, size_t at, const int pixels) {
  if (pixels == 1) return _mm512_loadu_si512(rows[0] + at);
  if (pixels == 2)
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const void *)(rows[0] + at))),
                              _mm256_loadu_si256((const void *)(rows[apart] + at)), 1);
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(rows[0] + at))),
                                              _mm_loadu_si128((const void *)(rows[apart] + at)), 1);
  const __m256i high =
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(rows[2 * apart] + at))),
                              _mm_loadu_si128((const void *)(rows[3 * apart] + at)), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Four rows of 64 bytes to four quads. */
OCT_INLINE void transpose(const __m512i row[LANES], __m512i x[QUADS]) {
  const __m512i ab_low = _mm512_unpacklo_epi8(row[0], row[1]), ab_high = _mm512_unpackhi_epi8(row[0], row[1]);
  const __m512i cd_low = _mm512_unpacklo_epi8(row[2], row[3]), cd_high = _mm512_unpackhi_epi8(row[2], row[3]);
  x[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
  x[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
  x[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
  x[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

/* Cells from..<to, all inside the image. */
OCT_INLINE void gather_inside(const oct_rows_run *run, size_t channel, size_t from, size_t to, const int pixels) {
  const size_t groups = run->layout->groups, lanes = groups * LANES, step = (size_t)run->column_bytes;
  const __m512i flip = _mm512_set1_epi8((char)run->flip);
  const uint8_t *const *input = run->input;
  size_t at = channel + (size_t)run->first_offset + from * step;
  char *cell = run->cells + from * groups * CELL;
  for (size_t c = from; c < to; c++, at += step)
    for (size_t lane = 0; lane < lanes; lane += LANES, cell += CELL) {
      __m512i row[LANES], x[QUADS];
      OCT_UNROLL
      for (size_t l = 0; l < LANES; l++) row[l] = _mm512_xor_si512(load_row(input + lane + l, lanes, at, pixels), flip);
      transpose(row, x);
      OCT_UNROLL
      for (int q = 0; q < QUADS; q++) _mm512_store_si512(cell + q * VECTOR, x[q]);
    }
}

static void fill_padding(const oct_rows_run *run, size_t from, size_t to) {
  const size_t bytes = run->layout->groups * CELL;
  const __m512i padding = _mm512_set1_epi8((char)(run->padding ^ run->flip));
  for (char *at = run->cells + from * bytes, *end = run->cells + to * bytes; at < end; at += VECTOR)
    _mm512_store_si512(at, padding);
}

/* Cells from..<to. */
static void gather(const oct_rows_run *run, size_t channel, size_t from, size_t to) {
  const size_t begin = from < run->begin ? (run->begin < to ? run->begin : to) : from;
  const size_t end = to > run->end ? (run->end > begin ? run->end : begin) : to;
  if (from < begin) fill_padding(run, from, begin);
  if (end < to) fill_padding(run, end, to);
  if (begin == end) return;
  if (run->pixels == 1)
    gather_inside(run, channel, begin, end, 1);
  else if (run->pixels == 2)
    gather_inside(run, channel, begin, end, 2);
  else
    gather_inside(run, channel, begin, end, 4);
}

/* What the walk over cells needs of a layout; copies, which stores of bytes can't change. */
typedef struct walk_shape {
  size_t steps, groups, output_bytes, step_bytes, half_bytes;
} walk_shape;

/* Adds the products of one half: acc[v][t][q]. */
OCT_INLINE void add_products(const walk_shape *shape, const char *cells, const char *weights, const int rows,
                             const int count, const int quads, __m512i acc[OCT_ROWS_MOST][OCT_ROWS_OUTPUTS][QUADS]) {
  for (size_t j = shape->steps; j > 0; j--, cells += shape->step_bytes) {
    const char *cell = cells;
    for (size_t g = shape->groups; g > 0; g--, cell += CELL) {
      OCT_UNROLL
      for (int q = 0; q < quads; q++) {
        __m512i x[OCT_ROWS_OUTPUTS];
        OCT_UNROLL
        for (int t = 0; t < count; t++) x[t] = _mm512_load_si512(cell + (size_t)t * shape->output_bytes + q * VECTOR);
        OCT_UNROLL
        for (int v = 0; v < rows; v++, weights += VECTOR) {
          const __m512i w = _mm512_load_si512(weights);
          OCT_UNROLL
          for (int t = 0; t < count; t++) acc[v][t][q] = _mm512_dpbusd_epi32(acc[v][t][q], x[t], w);
        }
      }
    }
  }
}

/* The end of a tile in bytes. Everything goes through int8: uint8 less 128, which its top bit takes back. */
typedef struct byte_end {
  __m512 high;
  __m512i zero, low, top, flip; /* words, then bytes */
} byte_end;

static inline byte_end byte_end_of(const oct_stage *stage) {
  const int32_t offset = stage->dtype == OCT_U8 ? 128 : 0, zero = stage->zero_point - offset;
  return (byte_end){.high = _mm512_set1_ps(stage->high),
                    .zero = _mm512_set1_epi16((int16_t)zero),
                    .low = _mm512_set1_epi8((char)((int32_t)stage->low + zero)),
                    .top = _mm512_set1_epi8((char)((int32_t)stage->high + zero)),
                    .flip = _mm512_set1_epi8((char)offset)};
}

/* Sums of a quad as integers, not yet clamped. Without `biased` they are within int32 for sure; with it the upper clamp
 * comes first, whose order lets a NaN pass, which becomes the lowest integer and meets the lower clamp. */
OCT_INLINE __m512i integer_of(__m512i acc, const oct_rows_columns *columns, const byte_end *end, const int quad,
                              const bool biased) {
  __m512 t = _mm512_cvtepi32_ps(acc);
  if (biased) t = _mm512_add_ps(t, _mm512_load_ps(columns->bias[quad]));
  t = _mm512_mul_ps(t, _mm512_load_ps(columns->multiplier[quad]));
  if (biased) t = _mm512_min_ps(end->high, t);
  return _mm512_cvtps_epi32(t);
}

/* Takes the pixels of a tile's vectors apart: [row][output][64] at `vectors`. The first row comes last, since one that
 * doesn't exist lies in its place. */
static void scatter(const oct_rows_run *run, const char *vectors, size_t channel, size_t first, size_t count) {
  const size_t rows = run->layout->rows, pixels = run->pixels, step = (size_t)run->output_bytes;
  for (size_t v = rows; v-- > 0;)
    for (size_t p = 0; p < pixels; p++) {
      char *to = run->output[p * rows + v] + first * step + channel;
      const char *from = vectors + v * count * VECTOR + p * (VECTOR / pixels);
      for (size_t t = 0; t < count; t++, to += step, from += VECTOR) {
        if (pixels == 2)
          _mm256_storeu_si256((void *)to, _mm256_load_si256((const void *)from));
        else
          _mm_storeu_si128((void *)to, _mm_load_si128((const void *)from));
      }
    }
}

/* Sums of one quad in the order of bytes. */
static inline void store_sums(int32_t *sums, int quad, __m512i acc) {
  _mm_store_si128((void *)(sums + 4 * quad), _mm512_castsi512_si128(acc));
  _mm_store_si128((void *)(sums + 16 + 4 * quad), _mm512_extracti32x4_epi32(acc, 1));
  _mm_store_si128((void *)(sums + 32 + 4 * quad), _mm512_extracti32x4_epi32(acc, 2));
  _mm_store_si128((void *)(sums + 48 + 4 * quad), _mm512_extracti32x4_epi32(acc, 3));
}

/* How a run ends: in bytes, with or without float bias, or in sums for others to take. */
typedef enum ending { ENDS_PLAIN, ENDS_BIASED, ENDS_IN_SUMS } ending;

/* Two quads to words. */
OCT_INLINE __m512i words_of(const __m512i *acc, const oct_rows_columns *columns, const byte_end *end, const int quad,
                            const bool biased) {
  const __m512i even = integer_of(acc[0], columns, end, quad, biased);
  const __m512i odd = integer_of(acc[1], columns, end, quad + 1, biased);
  return _mm512_adds_epi16(_mm512_packs_epi32(even, odd), end->zero);
}

/* `rows` by `count` outputs from `first` on. What the first half leaves to the second, words, and vectors of several
 * pixels pass through run->sums. */
OCT_INLINE void run_tile(const oct_rows_run *run, const walk_shape *shape, const oct_rows_columns *columns,
                         const byte_end *end, const char *weights, size_t channel, size_t first, const int rows,
                         const int count, const ending how) {
  const int quads = QUADS / rows;
  const char *cells = run->cells + first * shape->output_bytes;
  const bool scatters = run->pixels > 1;
  const size_t apart = scatters ? VECTOR : (size_t)run->output_bytes;
  char *memory = (char *)run->sums, *to[OCT_ROWS_MOST];
  OCT_UNROLL
  for (int v = 0; v < rows; v++)
    to[v] = scatters ? memory + v * count * VECTOR : run->output[v] + first * apart + channel;
  OCT_UNROLL
  for (int half = 0; half < rows; half++) {
    __m512i acc[OCT_ROWS_MOST][OCT_ROWS_OUTPUTS][QUADS];
    OCT_UNROLL
    for (int q = 0; q < quads; q++) {
      const __m512i start = _mm512_load_si512(columns->start[half * quads + q]);
      OCT_UNROLL
      for (int v = 0; v < rows; v++) OCT_UNROLL
      for (int t = 0; t < count; t++) acc[v][t][q] = start;
    }
    add_products(shape, cells + half * quads * VECTOR, weights, rows, count, quads, acc);
    weights += shape->half_bytes;
    /* The first row comes last, since one that doesn't exist lies in its place. */
    OCT_UNROLL
    for (int v = rows - 1; v >= 0; v--) OCT_UNROLL
    for (int t = 0; t < count; t++) {
      char *place = memory + (v * count + t) * VECTOR;
      if (how == ENDS_IN_SUMS) {
        OCT_UNROLL
        for (int q = 0; q < quads; q++)
          store_sums(run->sums + (v * count + t) * VECTOR, half * quads + q, acc[v][t][q]);
        continue;
      }
      const __m512i low = rows == 1   ? words_of(acc[v][t], columns, end, 0, how == ENDS_BIASED)
                          : half == 1 ? _mm512_load_si512(place)
                                      : _mm512_setzero_si512();
      const int quad = rows == 1 ? 2 : half * quads;
      const __m512i high = words_of(acc[v][t] + (rows == 1 ? 2 : 0), columns, end, quad, how == ENDS_BIASED);
      if (rows > 1 && half == 0) {
        _mm512_store_si512(place, high);
        continue;
      }
      const __m512i packed = _mm512_packs_epi16(low, high);
      const __m512i clamped = _mm512_min_epi8(_mm512_max_epi8(packed, end->low), end->top);
      _mm512_storeu_si512(to[v] + (size_t)t * apart, _mm512_xor_si512(clamped, end->flip));
    }
  }
  if (how == ENDS_IN_SUMS)
    run->take(run->context, run, channel, first, (size_t)count);
  else if (scatters)
    scatter(run, memory, channel, first, (size_t)count);
}

/* All outputs of all blocks, `count` at a time; the last ones may be computed twice. Columns are gathered as they are
 * needed, so that a tile's shuffles meet the products of the one before. */
OCT_INLINE void run_blocks(const oct_rows_run *run, const int rows, const int count, const ending how) {
  const oct_rows_layout *layout = run->layout;
  const byte_end end = byte_end_of(run->stage);
  const size_t distance = layout->output_distance, window = (layout->steps - 1) * layout->step_distance + 1;
  const size_t cell_bytes = layout->groups * CELL, block_bytes = sizeof(oct_rows_sums) + layout->block_bytes;
  const walk_shape shape = {.steps = layout->steps,
                            .groups = layout->groups,
                            .output_bytes = distance * cell_bytes,
                            .step_bytes = layout->step_distance * cell_bytes,
                            .half_bytes = layout->steps * cell_bytes};
  const size_t outputs = run->outputs, step = (size_t)count;
  size_t channel = run->channel;
  const char *weights = run->weights + sizeof(oct_rows_sums);
  const oct_rows_columns *columns = run->columns;
  for (size_t b = run->block_count; b > 0; b--, channel += VECTOR, columns++, weights += block_bytes) {
    size_t gathered = 0;
    for (size_t first = 0;;) {
      const size_t needed = (first + step - 1) * distance + window;
      gather(run, channel, gathered, needed);
      gathered = needed;
      run_tile(run, &shape, columns, &end, weights, channel, first, rows, count, how);
      if (first + step >= outputs) break;
      first = first + 2 * step <= outputs ? first + step : outputs - step;
    }
  }
}

/* What a stream reads in its loop, in memory where the compiler can't take it for its own and spill it. */
typedef struct stream_end {
  byte_end bytes;
  __m512i padding, input_flip;
} stream_end;

/* How a stream is compiled: the distance of outputs, pixels of a vector, whether input is flipped, and whether the end is
 * biased. Windows have three columns and one group of rows, so that all weights stay in registers. */
typedef struct stream_kind {
  int distance, pixels;
  bool flips, biased;
} stream_kind;

enum { STEPS = 3, LIVE = 3 };

/* Where the next column of a stream lies. */
typedef struct stream {
  const uint8_t *rows[LANES * OCT_ROWS_PIXELS];
  size_t at, step;
  size_t left, inside; /* columns until the first that isn't padding (modulo 2^64), and how many aren't */
} stream;

/* The cell of the next column. */
OCT_INLINE void load_cell(const stream *s, const stream_end *end, const stream_kind kind, __m512i x[QUADS]) {
  if (s->left >= s->inside) {
    OCT_UNROLL
    for (int q = 0; q < QUADS; q++) x[q] = end->padding;
    return;
  }
  __m512i row[LANES];
  OCT_UNROLL
  for (int l = 0; l < LANES; l++) {
    row[l] = load_row(s->rows + l, LANES, s->at, kind.pixels);
    if (kind.flips) row[l] = _mm512_xor_si512(row[l], end->input_flip);
  }
  transpose(row, x);
}

/* The bytes of one output. */
OCT_INLINE __m512i finish(const __m512i acc[QUADS], const oct_rows_columns *columns, const byte_end *end,
                          const bool biased) {
  const __m512i low = words_of(acc, columns, end, 0, biased), high = words_of(acc + 2, columns, end, 2, biased);
  const __m512i packed = _mm512_packs_epi16(low, high);
  const __m512i clamped = _mm512_min_epi8(_mm512_max_epi8(packed, end->low), end->top);
  return _mm512_xor_si512(clamped, end->flip);
}

/* Stores one output of each pixel. */
OCT_INLINE void store_output(char *const *to, size_t at, const int pixels, __m512i bytes) {
  if (pixels == 1) {
    _mm512_storeu_si512(to[0] + at, bytes);
  } else if (pixels == 2) {
    _mm256_storeu_si256((void *)(to[0] + at), _mm512_castsi512_si256(bytes));
    _mm256_storeu_si256((void *)(to[1] + at), _mm512_extracti64x4_epi64(bytes, 1));
  } else {
    _mm_storeu_si128((void *)(to[0] + at), _mm512_castsi512_si128(bytes));
    _mm_storeu_si128((void *)(to[1] + at), _mm512_extracti32x4_epi32(bytes, 1));
    _mm_storeu_si128((void *)(to[2] + at), _mm512_extracti32x4_epi32(bytes, 2));
    _mm_storeu_si128((void *)(to[3] + at), _mm512_extracti32x4_epi32(bytes, 3));
  }
}

/* Multiplies the next column into the outputs that meet it: it is column `tap` of the window of the output in slot
 * `oldest`. An output begins with its column 0. */
OCT_INLINE void add_column(stream *s, const stream_end *end, const stream_kind kind, const int tap, const int oldest,
                           const int live, __m512i w[STEPS][QUADS], const oct_rows_columns *columns,
                           __m512i acc[LIVE][QUADS]) {
  __m512i x[QUADS];
  load_cell(s, end, kind, x);
  OCT_UNROLL
  for (int j = tap, slot = oldest; j >= 0; j -= kind.distance, slot = (slot + 1) % live) OCT_UNROLL
  for (int q = 0; q < QUADS; q++) {
    const __m512i from = j == 0 ? _mm512_load_si512(columns->start[q]) : acc[slot][q];
    acc[slot][q] = _mm512_dpbusd_epi32(from, x[q], w[j][q]);
  }
  /* The empty statement keeps the compiler from deriving pointers from each other. */
  s->left++;
  s->at += s->step;
  __asm__("" : "+r"(s->at));
}

/* One row of outputs of one block, column by column, without cells in memory. Output i is in slot i modulo `live`. */
OCT_INLINE void stream_block(const oct_rows_run *run, const stream_end *end, const oct_rows_columns *columns,
                             const char *weights, size_t channel, const stream_kind kind) {
  const int live = (STEPS - 1) / kind.distance + 1, before = STEPS - kind.distance;
  stream s = {.at = channel + (size_t)run->first_offset,
              .step = (size_t)run->column_bytes,
              .left = 0 - run->begin,
              .inside = run->end - run->begin};
  char *to[OCT_ROWS_PIXELS];
  __m512i acc[LIVE][QUADS], w[STEPS][QUADS];
  OCT_UNROLL
  for (int j = 0; j < STEPS; j++) OCT_UNROLL
  for (int q = 0; q < QUADS; q++) w[j][q] = _mm512_load_si512(weights + (j * QUADS + q) * VECTOR);
  OCT_UNROLL
  for (int i = 0; i < kind.pixels * LANES; i++) s.rows[i] = run->input[i];
  OCT_UNROLL
  for (int p = 0; p < kind.pixels; p++) to[p] = run->output[p];
  OCT_UNROLL
  for (int column = 0; column < before; column++) add_column(&s, end, kind, column, 0, live, w, columns, acc);
  const size_t output_step = (size_t)run->output_bytes;
  for (size_t left = run->outputs, at = channel;;) {
    OCT_UNROLL
    for (int slot = 0; slot < live; slot++) {
      OCT_UNROLL
      for (int column = before; column < STEPS; column++)
        add_column(&s, end, kind, column, slot, live, w, columns, acc);
      store_output(to, at, kind.pixels, finish(acc[slot], columns, &end->bytes, kind.biased));
      if (--left == 0) return;
      at += output_step;
    }
  }
}

OCT_INLINE void stream_blocks(const oct_rows_run *run, const stream_kind kind) {
  const stream_end end = {.bytes = byte_end_of(run->stage),
                          .padding = _mm512_set1_epi8((char)(run->padding ^ run->flip)),
                          .input_flip = _mm512_set1_epi8((char)run->flip)};
  const stream_end *hidden = &end;
  __asm__("" : "+r"(hidden) : : "memory");
  const size_t block_bytes = sizeof(oct_rows_sums) + run->layout->block_bytes;
  const char *weights = run->weights + sizeof(oct_rows_sums);
  for (size_t b = 0; b < run->block_count; b++)
    stream_block(run, hidden, run->columns + b, weights + b * block_bytes, run->channel + b * VECTOR, kind);
}

OCT_INLINE void stream_ending(const oct_rows_run *run, const int distance, const int pixels, const bool flips) {
  if (run->biased)
    stream_blocks(run, (stream_kind){.distance = distance, .pixels = pixels, .flips = flips, .biased = true});
  else
    stream_blocks(run, (stream_kind){.distance = distance, .pixels = pixels, .flips = flips, .biased = false});
}

OCT_INLINE void stream_pixels(const oct_rows_run *run, const int distance, const int pixels) {
  if (run->flip)
    stream_ending(run, distance, pixels, true);
  else
    stream_ending(run, distance, pixels, false);
}

OCT_INLINE void stream_distance(const oct_rows_run *run, const int distance) {
  if (run->pixels == 1)
    stream_pixels(run, distance, 1);
  else if (run->pixels == 2)
    stream_pixels(run, distance, 2);
  else
    stream_pixels(run, distance, 4);
}

static void stream_rows(const oct_rows_run *run) {
  if (run->layout->output_distance == 1)
    stream_distance(run, 1);
  else
    stream_distance(run, 2);
}

OCT_INLINE void run_rows(const oct_rows_run *run, size_t count, const int rows, const ending how) {
  switch (count) {
    case 1: run_blocks(run, rows, 1, how); break;
    case 2: run_blocks(run, rows, 2, how); break;
    case 3: run_blocks(run, rows, 3, how); break;
    case 4: run_blocks(run, rows, 4, how); break;
    case 5: run_blocks(run, rows, 5, how); break;
    default: run_blocks(run, rows, 6, how); break;
  }
}

static void run_one(const oct_rows_run *run, size_t count, ending how) {
  if (how == ENDS_PLAIN)
    run_rows(run, count, 1, ENDS_PLAIN);
  else if (how == ENDS_BIASED)
    run_rows(run, count, 1, ENDS_BIASED);
  else
    run_blocks(run, 1, 1, ENDS_IN_SUMS);
}

static void run_two(const oct_rows_run *run, size_t count, ending how) {
  if (how == ENDS_PLAIN)
    run_rows(run, count, 2, ENDS_PLAIN);
  else if (how == ENDS_BIASED)
    run_rows(run, count, 2, ENDS_BIASED);
  else
    run_blocks(run, 2, 1, ENDS_IN_SUMS);
}

void oct_depthwise_rows_avx512vnni(const oct_rows_run *run) {
  const size_t tiles = (run->outputs + OCT_ROWS_OUTPUTS - 1) / OCT_ROWS_OUTPUTS;
  const size_t count = (run->outputs + tiles - 1) / tiles;
  const ending how = run->take ? ENDS_IN_SUMS : run->biased ? ENDS_BIASED : ENDS_PLAIN;
  if (run->layout->streams && how != ENDS_IN_SUMS)
    stream_rows(run);
  else if (run->layout->rows == 2)
    run_two(run, count, how);
  else
    run_one(run, count, how);
}

OCT_ISA_END

#endif /* OCT_ARCH_X86 */
