/* GEMM tile for AVX-512 with VNNI.
 *
 * Instructions: vpdpbusd (four uint8 x int8 products into an int32 lane, exact: the sum isn't saturated), 4-5 cycles of
 * latency, one or two a cycle; vpbroadcastd from memory, a load without a shuffle. Tile 14x32: 28 accumulators, 2
 * vectors of b, 1 of a: 31 of 32 registers. Per group of four k: 28 vpdpbusd, 14 broadcasts and 2 loads, so
 * multiplication is the bound on cores with two loads a cycle. Fewer rows and narrower tails have code of their own, so
 * that a short matrix pays for what it is. */
#include "base/epilogue_avx512.h"
#include "gemm_kernel.h"

#if OCT_ARCH_X86

/* Tiles of up to MOST_FETCHING rows fetch weights ahead. */
enum { MR = 14, NR = 32, LANES = 16, MOST_FETCHING = 6 };

OCT_ISA_BEGIN(AVX512VNNI)

OCT_GEMM_INLINE __m512i broadcast(const uint8_t *four) {
  int32_t bits;
  __builtin_memcpy(&bits, four, 4);
  return _mm512_set1_epi32(bits);
}

/* One group of four k, `tail` of them there (4: all). Rows are reached from every third row's pointer, which leaves the
 * registers for addresses in peace. */
OCT_GEMM_INLINE void step(const uint8_t *const *base, ptrdiff_t stride, ptrdiff_t offset, const int8_t *b, int rows,
                          int vectors, size_t tail, __m512i acc[][2]) {
  __m512i weights[2];
  OCT_GEMM_UNROLL
  for (int v = 0; v < vectors; v++) weights[v] = _mm512_load_si512(b + 64 * v);
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    const uint8_t *four = base[r / 3] + (r % 3) * stride + offset;
    const __m512i a = tail == 4 ? broadcast(four) : _mm512_set1_epi32(oct_gemm_tail_bytes(four, tail));
    OCT_GEMM_UNROLL
    for (int v = 0; v < vectors; v++) acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], a, weights[v]);
  }
}

/* Constants of the common end of a tile. */
typedef struct byte_end {
  __m512 high;
  __m512i zero, low, top, flip, order; /* words, bytes, bytes, bytes, double words */
} byte_end;

/* Everything goes through int8: uint8 less 128, which its top bit takes back. */
OCT_GEMM_INLINE byte_end byte_end_of(const oct_stage *stage) {
  const int offset = stage->dtype == OCT_U8 ? 128 : 0;
  return (byte_end){
      .high = _mm512_set1_ps(stage->high),
      .zero = _mm512_set1_epi16((short)(stage->zero_point - offset)),
      .low = _mm512_set1_epi8((char)((int32_t)stage->low + stage->zero_point - offset)),
      .top = _mm512_set1_epi8((char)((int32_t)stage->high + stage->zero_point - offset)),
      .flip = _mm512_set1_epi8((char)(offset == 128 ? 0x80 : 0)),
      .order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
  };
}

/* The output less its zero point, unclamped below. As in the general end, a NaN becomes the lowest int32. Without bias
 * nothing leaves int32, and the upper clamp waits for bytes too. */
OCT_GEMM_INLINE __m512i scaled(const byte_end *end, __m512i acc, __m512 bias, __m512 multiplier, bool has_bias) {
  const __m512 real = _mm512_cvtepi32_ps(acc);
  if (!has_bias) return _mm512_cvtps_epi32(_mm512_mul_ps(real, multiplier));
  return _mm512_cvtps_epi32(_mm512_min_ps(end->high, _mm512_mul_ps(_mm512_add_ps(real, bias), multiplier)));
}

/* Four vectors to bytes. Packing saturates, which is all right below the lower clamp; it goes lane by lane, and the
 * order of double words puts each vector's bytes together. */
OCT_GEMM_INLINE __m512i narrowed(const byte_end *end, __m512i v0, __m512i v1, __m512i v2, __m512i v3, bool pairs,
                                 bool has_bias) {
  const __m512i first = _mm512_adds_epi16(_mm512_packs_epi32(v0, v1), end->zero);
  const __m512i second = pairs ? _mm512_adds_epi16(_mm512_packs_epi32(v2, v3), end->zero) : first;
  __m512i bytes = _mm512_max_epi8(_mm512_packs_epi16(first, second), end->low);
  if (!has_bias) bytes = _mm512_min_epi8(bytes, end->top);
  return _mm512_permutexvar_epi32(end->order, _mm512_xor_si512(bytes, end->flip));
}

/* The common end of a tile, from registers to bytes: whole vectors of integer outputs. All integers are constants. */
OCT_GEMM_INLINE void store_registers(const oct_gemm_tile *tile, int rows, int vectors, bool has_bias,
                                     __m512i acc[][2]) {
  const byte_end end = byte_end_of(tile->stage);
  const float *multipliers = tile->stage->multiplier + tile->column, *biases = tile->stage->bias + tile->column;
  const __m512 multiplier0 = _mm512_loadu_ps(multipliers), bias0 = _mm512_loadu_ps(biases);
  const __m512 multiplier1 = vectors == 2 ? _mm512_loadu_ps(multipliers + LANES) : multiplier0;
  const __m512 bias1 = vectors == 2 ? _mm512_loadu_ps(biases + LANES) : bias0;
  char *row = tile->c;
  if (vectors == 2) {
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r += 2, row += 2 * tile->c_stride) {
      const bool pair = r + 1 < rows;
      const int next = pair ? r + 1 : r;
      const __m512i q0 = scaled(&end, acc[r][0], bias0, multiplier0, has_bias);
      const __m512i q1 = scaled(&end, acc[r][1], bias1, multiplier1, has_bias);
      const __m512i q2 = pair ? scaled(&end, acc[next][0], bias0, multiplier0, has_bias) : q0;
      const __m512i q3 = pair ? scaled(&end, acc[next][1], bias1, multiplier1, has_bias) : q1;
      const __m512i bytes = narrowed(&end, q0, q1, q2, q3, pair, has_bias);
      _mm256_storeu_si256((__m256i *)row, _mm512_castsi512_si256(bytes));
      if (pair) _mm256_storeu_si256((__m256i *)(row + tile->c_stride), _mm512_extracti64x4_epi64(bytes, 1));
    }
    return;
  }
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r += 4, row += 4 * tile->c_stride) {
    __m512i q[4];
    OCT_GEMM_UNROLL
    for (int i = 0; i < 4; i++) q[i] = r + i < rows ? scaled(&end, acc[r + i][0], bias0, multiplier0, has_bias) : q[0];
    const __m512i bytes = narrowed(&end, q[0], q[1], q[2], q[3], r + 2 < rows, has_bias);
    _mm_storeu_si128((__m128i *)row, _mm512_castsi512_si128(bytes));
    if (r + 1 < rows) _mm_storeu_si128((__m128i *)(row + tile->c_stride), _mm512_extracti32x4_epi32(bytes, 1));
    if (r + 2 < rows) _mm_storeu_si128((__m128i *)(row + 2 * tile->c_stride), _mm512_extracti32x4_epi32(bytes, 2));
    if (r + 3 < rows) _mm_storeu_si128((__m128i *)(row + 3 * tile->c_stride), _mm512_extracti32x4_epi32(bytes, 3));
  }
}

static bool ends_in_bytes(const oct_gemm_tile *tile) {
  return tile->stage->dtype == OCT_U8 || tile->stage->dtype == OCT_S8;
}

/* Adds what the row sums contribute. */
OCT_GEMM_INLINE void add_row_sums(const oct_gemm_tile *tile, int rows, int vectors, __m512i acc[][2]) {
  OCT_GEMM_UNROLL
  for (int v = 0; v < vectors; v++) {
    const __m512i minus_zero = _mm512_loadu_si512(tile->minus_zero + LANES * v);
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++)
      acc[r][v] = _mm512_add_epi32(acc[r][v], _mm512_mullo_epi32(_mm512_set1_epi32(tile->row_sum[r]), minus_zero));
  }
}

/* The end of a tile of real numbers, from registers too. rows and vectors are constants. */
OCT_GEMM_INLINE void store_reals(const oct_gemm_tile *tile, int rows, int vectors, __m512i acc[][2]) {
  OCT_GEMM_UNROLL
  for (int v = 0; v < vectors; v++) {
    const size_t first = (size_t)(LANES * v), left = tile->columns - first;
    const __mmask16 mask = left >= LANES ? 0xFFFF : (__mmask16)((1u << left) - 1);
    const __m512 multiplier = _mm512_loadu_ps(tile->stage->multiplier + tile->column + first);
    const __m512 bias = _mm512_loadu_ps(tile->stage->bias + tile->column + first);
    char *row = (char *)tile->c + 4 * first;
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++, row += tile->c_stride)
      _mm512_mask_storeu_ps(row, mask, oct_stage_real_avx512(tile->stage, acc[r][v], bias, multiplier));
  }
}

/* Stores the sums themselves. rows and vectors are constants. */
OCT_GEMM_INLINE void store_sums(const oct_gemm_tile *tile, int rows, int vectors, __m512i acc[][2]) {
  OCT_GEMM_UNROLL
  for (int v = 0; v < vectors; v++) {
    const size_t first = (size_t)(LANES * v), left = tile->columns - first;
    const __mmask16 mask = left >= LANES ? 0xFFFF : (__mmask16)((1u << left) - 1);
    char *row = (char *)tile->c + 4 * first;
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++, row += tile->c_stride) _mm512_mask_storeu_epi32(row, mask, acc[r][v]);
  }
}

/* From sums to outputs. rows and vectors are constants. */
OCT_GEMM_INLINE void finish(const oct_gemm_tile *tile, int rows, int vectors, __m512i acc[][2]) {
  if (tile->row_sum) add_row_sums(tile, rows, vectors, acc);
  if (ends_in_bytes(tile) && tile->stage->has_bias)
    store_registers(tile, rows, vectors, true, acc);
  else if (ends_in_bytes(tile))
    store_registers(tile, rows, vectors, false, acc);
  else if (tile->stage->dtype == OCT_F32)
    store_reals(tile, rows, vectors, acc);
  else
    store_sums(tile, rows, vectors, acc);
}

/* Chains of sums that share a row's products, since few rows' sums would wait for each other. */
OCT_GEMM_INLINE int chains_of(int rows) { return rows <= 3 ? 4 : rows <= 6 ? 2 : 1; }

/* Runs over k and finishes one panel. rows and vectors are constants. Few rows wait for weights, and fetch them ahead. */
OCT_GEMM_INLINE void accumulate_panel(const oct_gemm_tile *tile, int rows, int vectors) {
  __m512i acc[MR][2];
  const int chains = chains_of(rows);
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows * chains; r++) {
    OCT_GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
      acc[r][v] = r < rows ? _mm512_loadu_si512(tile->column_term + LANES * v) : _mm512_setzero_si512();
  }
  const ptrdiff_t stride = tile->a_stride, ahead = tile->ahead;
  const uint8_t *base[(MR + 2) / 3];
  const int8_t *b = tile->b;
  size_t run = 0;
  do {
    const uint8_t *a = (const uint8_t *)tile->a + tile->run_at[run];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r += 3) base[r / 3] = a + r * stride;
    size_t groups = tile->k_groups - (tile->k_tail != 0);
    for (; groups >= 4; groups -= 4) {
      OCT_GEMM_UNROLL
      for (int i = 0; i < 4; i++) {
        OCT_GEMM_UNROLL
        for (int v = 0; v < vectors && rows <= MOST_FETCHING; v++)
          _mm_prefetch((const char *)b + 4 * NR * i + 64 * v + ahead, _MM_HINT_T0);
        step(base, stride, 4 * i, b + 4 * NR * i, rows, vectors, 4, acc + i % chains * rows);
      }
      oct_gemm_advance(base, 16, rows);
      b += 16 * NR;
    }
    for (; groups > 0; groups--) {
      step(base, stride, 0, b, rows, vectors, 4, acc);
      oct_gemm_advance(base, 4, rows);
      b += 4 * NR;
    }
  } while (++run < tile->runs);
  if (tile->k_tail) step(base, stride, 0, b, rows, vectors, tile->k_tail, acc);
  OCT_GEMM_UNROLL
  for (int r = rows; r < rows * chains; r++) {
    OCT_GEMM_UNROLL
    for (int v = 0; v < vectors; v++) acc[r % rows][v] = _mm512_add_epi32(acc[r % rows][v], acc[r][v]);
  }
  finish(tile, rows, vectors, acc);
}

/* Panels side by side. rows and vectors are constants. */
OCT_GEMM_INLINE void accumulate(const oct_gemm_tile *first, int rows, int vectors) {
  oct_gemm_tile tile = *first;
  for (size_t panel = 1;; panel++) {
    accumulate_panel(&tile, rows, vectors);
    if (panel >= tile.panels) return;
    tile.b += 4 * NR * tile.k_groups * tile.runs;
    tile.column_term += NR;
    tile.minus_zero += NR;
    tile.column += NR;
    tile.c = (char *)tile.c + tile.panel_c_stride;
  }
}

static void accumulate_wide(const oct_gemm_tile *tile) {
  switch (tile->rows) {
    case 1: accumulate(tile, 1, 2); break;
    case 2: accumulate(tile, 2, 2); break;
    case 3: accumulate(tile, 3, 2); break;
    case 4: accumulate(tile, 4, 2); break;
    case 5: accumulate(tile, 5, 2); break;
    case 6: accumulate(tile, 6, 2); break;
    case 7: accumulate(tile, 7, 2); break;
    case 8: accumulate(tile, 8, 2); break;
    case 9: accumulate(tile, 9, 2); break;
    case 10: accumulate(tile, 10, 2); break;
    case 11: accumulate(tile, 11, 2); break;
    case 12: accumulate(tile, 12, 2); break;
    case 13: accumulate(tile, 13, 2); break;
    default: accumulate(tile, 14, 2); break;
  }
}

static void accumulate_narrow(const oct_gemm_tile *tile) {
  switch (tile->rows) {
    case 1: accumulate(tile, 1, 1); break;
    case 2: accumulate(tile, 2, 1); break;
    case 3: accumulate(tile, 3, 1); break;
    case 4: accumulate(tile, 4, 1); break;
    case 5: accumulate(tile, 5, 1); break;
    case 6: accumulate(tile, 6, 1); break;
    case 7: accumulate(tile, 7, 1); break;
    case 8: accumulate(tile, 8, 1); break;
    case 9: accumulate(tile, 9, 1); break;
    case 10: accumulate(tile, 10, 1); break;
    case 11: accumulate(tile, 11, 1); break;
    case 12: accumulate(tile, 12, 1); break;
    case 13: accumulate(tile, 13, 1); break;
    default: accumulate(tile, 14, 1); break;
  }
}

/* Block diagonal weights of 4 by 4. Sixteen bytes of a row, broadcast to all four lanes, meet 64 bytes of a cell: double word p of
 * lane q is block p's column q. */
OCT_GEMM_INLINE void accumulate_blocks(const oct_gemm_tile *tile, int rows) {
  __m512i acc[MR][2];
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) acc[r][0] = acc[r][1] = _mm512_setzero_si512();
  const ptrdiff_t stride = tile->a_stride;
  const uint8_t *base[(MR + 2) / 3];
  const int8_t *b = tile->b;
  for (size_t run = 0; run < tile->runs; run++) {
    const uint8_t *a = (const uint8_t *)tile->a + tile->run_at[run];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r += 3) base[r / 3] = a + r * stride;
    for (size_t cells = 4 * tile->k_groups / OCT_GEMM_CELL; cells > 0; cells--, b += 4 * OCT_GEMM_CELL) {
      OCT_GEMM_UNROLL
      for (int v = 0; v < 2; v++) {
        const __m512i weights = _mm512_load_si512(b + 64 * v);
        OCT_GEMM_UNROLL
        for (int r = 0; r < rows; r++) {
          const uint8_t *sixteen = base[r / 3] + (r % 3) * stride + 16 * v;
          const __m512i x = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)sixteen));
          acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], x, weights);
        }
      }
      oct_gemm_advance(base, OCT_GEMM_CELL, rows);
    }
  }
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  OCT_GEMM_UNROLL
  for (int v = 0; v < 2; v++) {
    const __m512i term = _mm512_loadu_si512(tile->column_term + LANES * v);
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++) acc[r][v] = _mm512_add_epi32(_mm512_permutexvar_epi32(order, acc[r][v]), term);
  }
  finish(tile, rows, 2, acc);
}

static void accumulate_block_rows(const oct_gemm_tile *tile) {
  switch (tile->rows) {
    case 1: accumulate_blocks(tile, 1); break;
    case 2: accumulate_blocks(tile, 2); break;
    case 3: accumulate_blocks(tile, 3); break;
    case 4: accumulate_blocks(tile, 4); break;
    case 5: accumulate_blocks(tile, 5); break;
    case 6: accumulate_blocks(tile, 6); break;
    case 7: accumulate_blocks(tile, 7); break;
    case 8: accumulate_blocks(tile, 8); break;
    case 9: accumulate_blocks(tile, 9); break;
    case 10: accumulate_blocks(tile, 10); break;
    case 11: accumulate_blocks(tile, 11); break;
    case 12: accumulate_blocks(tile, 12); break;
    case 13: accumulate_blocks(tile, 13); break;
    default: accumulate_blocks(tile, 14); break;
  }
}

/* Blocks of 8 by 8. Sixteen bytes of a row are two blocks' k; each half of a cell is two vectors, the first of columns
 * 0...3 of its blocks, the second of columns 4...7. Double words 0 and 1 of lane q add up to the first block's column q,
 * 2 and 3 to the second's. Loads are no bound: per 28 vpdpbusd 14 broadcasts and 4 loads. */
OCT_GEMM_INLINE void accumulate_eights(const oct_gemm_tile *tile, int rows) {
  __m512i parts[MR / 2][2][2], acc[MR / 2][2];
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++)
    parts[r][0][0] = parts[r][0][1] = parts[r][1][0] = parts[r][1][1] = _mm512_setzero_si512();
  const ptrdiff_t stride = tile->a_stride;
  const uint8_t *base[(MR + 2) / 3];
  const int8_t *b = tile->b;
  for (size_t run = 0; run < tile->runs; run++) {
    const uint8_t *a = (const uint8_t *)tile->a + tile->run_at[run];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r += 3) base[r / 3] = a + r * stride;
    for (size_t cells = 4 * tile->k_groups / OCT_GEMM_CELL; cells > 0; cells--, b += 8 * OCT_GEMM_CELL) {
      OCT_GEMM_UNROLL
      for (int v = 0; v < 2; v++) {
        const __m512i low = _mm512_load_si512(b + 128 * v), high = _mm512_load_si512(b + 128 * v + 64);
        OCT_GEMM_UNROLL
        for (int r = 0; r < rows; r++) {
          const uint8_t *sixteen = base[r / 3] + (r % 3) * stride + 16 * v;
          const __m512i x = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)sixteen));
          parts[r][v][0] = _mm512_dpbusd_epi32(parts[r][v][0], x, low);
          parts[r][v][1] = _mm512_dpbusd_epi32(parts[r][v][1], x, high);
        }
      }
      oct_gemm_advance(base, OCT_GEMM_CELL, rows);
    }
  }
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15);
  OCT_GEMM_UNROLL
  for (int v = 0; v < 2; v++) {
    const __m512i term = _mm512_loadu_si512(tile->column_term + LANES * v);
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r++) {
      const __m512 first = _mm512_castsi512_ps(parts[r][v][0]), second = _mm512_castsi512_ps(parts[r][v][1]);
      const __m512i even = _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0x88));
      const __m512i odd = _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0xDD));
      acc[r][v] = _mm512_add_epi32(_mm512_permutexvar_epi32(order, _mm512_add_epi32(even, odd)), term);
    }
  }
  finish(tile, rows, 2, acc);
}

static void accumulate_eight_rows(const oct_gemm_tile *tile) {
  switch (tile->rows) {
    case 1: accumulate_eights(tile, 1); break;
    case 2: accumulate_eights(tile, 2); break;
    case 3: accumulate_eights(tile, 3); break;
    case 4: accumulate_eights(tile, 4); break;
    case 5: accumulate_eights(tile, 5); break;
    case 6: accumulate_eights(tile, 6); break;
    default: accumulate_eights(tile, 7); break;
  }
}

/* Blocks of 16 by 16: the tile of two vectors, whose columns multiply k of their own. Loads are the bound: 30 for 28
 * vpdpbusd. */
OCT_GEMM_INLINE void accumulate_sixteens(const oct_gemm_tile *tile, int rows) {
  __m512i acc[MR][2];
  OCT_GEMM_UNROLL
  for (int r = 0; r < rows; r++) {
    OCT_GEMM_UNROLL
    for (int v = 0; v < 2; v++) acc[r][v] = _mm512_loadu_si512(tile->column_term + LANES * v);
  }
  const ptrdiff_t stride = tile->a_stride;
  const uint8_t *base[(MR + 2) / 3];
  const int8_t *b = tile->b;
  for (size_t run = 0; run < tile->runs; run++) {
    const uint8_t *a = (const uint8_t *)tile->a + tile->run_at[run];
    OCT_GEMM_UNROLL
    for (int r = 0; r < rows; r += 3) base[r / 3] = a + r * stride;
    for (size_t cells = 4 * tile->k_groups / OCT_GEMM_CELL; cells > 0; cells--, b += 16 * OCT_GEMM_CELL) {
      OCT_GEMM_UNROLL
      for (int i = 0; i < 4; i++) {
        const __m512i low = _mm512_load_si512(b + 128 * i), high = _mm512_load_si512(b + 128 * i + 64);
        OCT_GEMM_UNROLL
        for (int r = 0; r < rows; r++) {
          const uint8_t *four = base[r / 3] + (r % 3) * stride + 4 * i;
          acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], broadcast(four), low);
          acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], broadcast(four + 16), high);
        }
      }
      oct_gemm_advance(base, OCT_GEMM_CELL, rows);
    }
  }
  finish(tile, rows, 2, acc);
}

static void accumulate_sixteen_rows(const oct_gemm_tile *tile) {
  switch (tile->rows) {
    case 1: accumulate_sixteens(tile, 1); break;
    case 2: accumulate_sixteens(tile, 2); break;
    case 3: accumulate_sixteens(tile, 3); break;
    case 4: accumulate_sixteens(tile, 4); break;
    case 5: accumulate_sixteens(tile, 5); break;
    case 6: accumulate_sixteens(tile, 6); break;
    case 7: accumulate_sixteens(tile, 7); break;
    case 8: accumulate_sixteens(tile, 8); break;
    case 9: accumulate_sixteens(tile, 9); break;
    case 10: accumulate_sixteens(tile, 10); break;
    case 11: accumulate_sixteens(tile, 11); break;
    case 12: accumulate_sixteens(tile, 12); break;
    case 13: accumulate_sixteens(tile, 13); break;
    default: accumulate_sixteens(tile, 14); break;
  }
}

/* Copies `count` bytes, 1...32, without a call: two overlapping words of the largest size that fits. */
OCT_GEMM_INLINE void copy_short(const char *from, size_t count, char *to) {
  if (count >= 16) {
    const __m128i low = _mm_loadu_si128((const __m128i *)from);
    const __m128i high = _mm_loadu_si128((const __m128i *)(from + count - 16));
    _mm_storeu_si128((__m128i *)to, low);
    _mm_storeu_si128((__m128i *)(to + count - 16), high);
  } else if (count >= 4) {
    uint32_t word;
    for (size_t i = 0; i + 4 < count; i += 4) {
      __builtin_memcpy(&word, from + i, 4);
      __builtin_memcpy(to + i, &word, 4);
    }
    __builtin_memcpy(&word, from + count - 4, 4);
    __builtin_memcpy(to + count - 4, &word, 4);
  } else {
    for (size_t i = 0; i < count; i++) to[i] = from[i];
  }
}

void oct_gemm_14x32c4__avx512vnni(const oct_gemm_tile *tile) {
  const bool wide = tile->columns > LANES;
  if (!ends_in_bytes(tile) || tile->columns % LANES == 0) {
    if (wide)
      accumulate_wide(tile);
    else
      accumulate_narrow(tile);
    return;
  }
  /* Bytes of a part of a vector are taken from whole ones. */
  _Alignas(64) char bytes[MR * NR];
  oct_gemm_tile whole = *tile;
  whole.c = bytes;
  whole.c_stride = NR;
  if (wide)
    accumulate_wide(&whole);
  else
    accumulate_narrow(&whole);
  for (size_t r = 0; r < tile->rows; r++)
    copy_short(bytes + r * NR, tile->columns, (char *)tile->c + (ptrdiff_t)r * tile->c_stride);
}

void oct_gemm_blocks_14x32__avx512vnni(const oct_gemm_tile *tile) {
  if (tile->blocks == OCT_GEMM_FOURS) {
    accumulate_block_rows(tile);
    return;
  }
  if (tile->blocks == OCT_GEMM_SIXTEENS) {
    accumulate_sixteen_rows(tile);
    return;
  }
  /* Rows have twice the sums, so that half a tile is all that fits. */
  oct_gemm_tile part = *tile;
  part.rows = (tile->rows + 1) / 2;
  for (size_t row = 0; row < tile->rows; row += part.rows) {
    part.a = (const uint8_t *)tile->a + (ptrdiff_t)row * tile->a_stride;
    part.c = (char *)tile->c + (ptrdiff_t)row * tile->c_stride;
    if (row + part.rows > tile->rows) part.rows = tile->rows - row;
    accumulate_eight_rows(&part);
  }
}

void oct_gemm_columns__avx512vnni(const oct_gemm_columns *columns) {
  const __m512i zero = _mm512_set1_epi32(columns->zero), k_zero = _mm512_set1_epi32(columns->k_zero);
  const __m512 scale = _mm512_set1_ps(columns->scale);
  for (size_t i = columns->begin; i < columns->end; i += LANES) {
    const size_t left = i < columns->n ? columns->n - i : 0;
    const __mmask16 mask = left >= LANES ? 0xFFFF : (__mmask16)((1u << left) - 1);
    const __m256i low = _mm512_cvtepi64_epi32(_mm512_loadu_si512(columns->column_sum + i));
    const __m256i high = _mm512_cvtepi64_epi32(_mm512_loadu_si512(columns->column_sum + i + LANES / 2));
    const __m512i sum = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    __m512i term = _mm512_setzero_si512();
    if (columns->bias) term = _mm512_maskz_loadu_epi32(mask, columns->bias + i);
    term = _mm512_sub_epi32(term, _mm512_mullo_epi32(zero, sum));
    if (columns->minus_zero) {
      const __m512i minus_zero = _mm512_loadu_si512(columns->minus_zero + i);
      term = _mm512_sub_epi32(term, _mm512_mullo_epi32(k_zero, minus_zero));
    }
    _mm512_storeu_si512(columns->term + i, term);
    if (!columns->from) continue;
    const __m512 one = _mm512_set1_ps(1.0f), none = _mm512_set1_ps(-0.0f);
    const __m512 multiplier = columns->from_count == 1 ? _mm512_mask_blend_ps(mask, one, _mm512_set1_ps(*columns->from))
                                                       : _mm512_mask_loadu_ps(one, mask, columns->from + i);
    _mm512_storeu_ps(columns->multiplier + i, _mm512_mask_mul_ps(one, mask, multiplier, scale));
    const __m512 real = columns->real_from ? _mm512_mask_loadu_ps(none, mask, columns->real_from + i) : none;
    _mm512_storeu_ps(columns->real_bias + i, real);
  }
}

OCT_ISA_END

#endif
