/* Embedding rows on AVX-512 (F, BW, DQ, VL): vpmovzxbd and a conversion, or a variable shift and vpermps, make floats of codes; masks
 * make the tails. Bags are summed in registers by vfmadd, single rows in double by vcvtdq2pd, vmulpd and vaddpd.
 *
 * Tile: of a bag 128 elements, of a row 16, two vectors of double. Where that sum may be inexact, an error term mends it, as
 * kernels.h derives. Bound by additions and conversions while the table is in cache, by memory otherwise. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

/* Elements of a vector, and the vectors of sums that are kept in registers. */
enum { STEP = 16, MOST_VECTORS = 8 };

OCT_ISA_BEGIN(AVX512VNNI)

/* Moves sums on midpoints of float32 one step towards what RN64 cut off. */
static inline __attribute__((always_inline)) __m512d mended(__m512d p, __m512d c, __m512d s) {
  const __m512i rest = _mm512_and_si512(_mm512_castpd_si512(s), _mm512_set1_epi64(OCT_EMBEDDING_REST));
  const __mmask8 middle = _mm512_cmpeq_epi64_mask(rest, _mm512_set1_epi64(OCT_EMBEDDING_MIDDLE));
  const __m512d part = _mm512_sub_pd(s, p);
  const __m512d e = _mm512_add_pd(_mm512_sub_pd(p, _mm512_sub_pd(s, part)), _mm512_sub_pd(c, part));
  const __mmask8 inexact = _mm512_mask_cmp_pd_mask(middle, e, _mm512_setzero_pd(), _CMP_NEQ_OQ);
  const __mmask8 apart = _mm512_movepi64_mask(_mm512_castpd_si512(_mm512_xor_pd(e, s)));
  const __m512i one = _mm512_set1_epi64(1);
  __m512i bits = _mm512_castpd_si512(s);
  bits = _mm512_mask_add_epi64(bits, (__mmask8)(inexact & ~apart), bits, one);
  bits = _mm512_mask_sub_epi64(bits, (__mmask8)(inexact & apart), bits, one);
  return _mm512_castsi512_pd(bits);
}

/* What all codes of a row share. */
typedef struct row {
  __m512d scale;
  __m512 bias;
  __m512i low, last;
} row;

/* y = fma(scale, q, y + bias) for 16 codes in int32. */
static inline __attribute__((always_inline)) void add_16(__m512i q, const row *r, float *y, __mmask16 lanes) {
  const __m512 t = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y), r->bias);
  const __m512d c0 = _mm512_cvtps_pd(_mm512_castps512_ps256(t)), c1 = _mm512_cvtps_pd(_mm512_extractf32x8_ps(t, 1));
  const __m512d p0 = _mm512_mul_pd(r->scale, _mm512_cvtepi32_pd(_mm512_castsi512_si256(q)));
  const __m512d p1 = _mm512_mul_pd(r->scale, _mm512_cvtepi32_pd(_mm512_extracti32x8_epi32(q, 1)));
  __m512d s0 = _mm512_add_pd(p0, c0), s1 = _mm512_add_pd(p1, c1);
  const __m512i size = _mm512_and_si512(_mm512_castps_si512(t), _mm512_set1_epi32(INT32_MAX));
  const __mmask16 inside = _mm512_mask_cmple_epi32_mask(_mm512_cmpge_epi32_mask(size, r->low), size, r->last);
  if (inside != 0xFFFF) {
    s0 = mended(p0, c0, s0);
    s1 = mended(p1, c1, s1);
  }
  const __m512 sum = _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(s0)), _mm512_cvtpd_ps(s1), 1);
  _mm512_mask_storeu_ps(y, lanes, sum);
}

/* `left` of 16 packed codes, which take 2 * bits bytes; no other byte is read. Codes of less than 8 bits have others above them. */
static inline __attribute__((always_inline)) __m512i words_16(const uint8_t *codes, size_t left, int bits) {
  const size_t each = 8 / (size_t)bits, bytes = left >= STEP ? 2 * (size_t)bits : (left + each - 1) / each;
  const __m128i packed = left >= STEP && bits == 8   ? _mm_loadu_si128((const void *)codes)
                         : left >= STEP && bits == 4 ? _mm_loadl_epi64((const void *)codes)
                                                     : _mm_maskz_loadu_epi8((__mmask16)((1u << bytes) - 1), codes);
  if (bits == 8) return _mm512_cvtepu8_epi32(packed);
  /* A lane takes the word that holds its code and shifts it down. */
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32(bits));
  const __m512i word = _mm512_permutexvar_epi32(_mm512_srli_epi32(at, 5), _mm512_castsi128_si512(packed));
  return _mm512_srlv_epi32(word, _mm512_and_si512(at, _mm512_set1_epi32(31)));
}

static inline __attribute__((always_inline)) __m512i codes_16(const uint8_t *codes, size_t left, int bits) {
  const __m512i words = words_16(codes, left, bits);
  return bits == 8 ? words : _mm512_and_si512(words, _mm512_set1_epi32((1 << bits) - 1));
}

static inline __attribute__((always_inline)) void accumulate(const uint8_t *codes, size_t dim, float scale, float bias,
                                                             float *y, int bits) {
  const oct_embedding_window exact = oct_embedding_exact(scale);
  const row r = {.scale = _mm512_set1_pd((double)scale),
                 .bias = _mm512_set1_ps(bias),
                 .low = _mm512_set1_epi32(exact.low),
                 .last = _mm512_set1_epi32(exact.last)};
  size_t i = 0;
  for (; i + STEP <= dim; i += STEP) add_16(codes_16(codes + i / 8 * (size_t)bits, STEP, bits), &r, y + i, 0xFFFF);
  if (i < dim) {
    const __mmask16 lanes = (__mmask16)((1u << (dim - i)) - 1);
    add_16(codes_16(codes + i / 8 * (size_t)bits, dim - i, bits), &r, y + i, lanes);
  }
}

/* Scale and bias of a row times its weight, in all lanes. */
typedef struct parameters {
  __m512 scale, bias;
} parameters;

static inline __attribute__((always_inline)) parameters parameters_of(const uint8_t *tail, float weight,
                                                                      const int bits) {
  if (bits == 8) {
    float scale, bias;
    memcpy(&scale, tail, sizeof scale);
    memcpy(&bias, tail + sizeof scale, sizeof bias);
    const __m512 w = _mm512_set1_ps(weight);
    return (parameters){_mm512_mul_ps(w, _mm512_set1_ps(scale)), _mm512_mul_ps(w, _mm512_set1_ps(bias))};
  }
  int32_t halves;
  memcpy(&halves, tail, sizeof halves);
  const __m512 both = _mm512_mul_ps(_mm512_set1_ps(weight), _mm512_cvtph_ps(_mm256_set1_epi32(halves)));
  return (parameters){_mm512_moveldup_ps(both), _mm512_movehdup_ps(both)};
}

/* The instruction set has the family's operation, y = fma(scale, q, y + bias), and gives the bits that the sums in double above do:
 * it is asked for by name here, and nowhere else. */
static inline __attribute__((always_inline)) __m512 added(__m512 y, const parameters *p, __m512 q) {
  return _mm512_fmadd_ps(p->scale, q, _mm512_add_ps(y, p->bias));
}

/* A permutation looks at four bits of an index: it finds a code's float whatever stands above the code. */
static inline __attribute__((always_inline)) __m512 floats_of(const int bits) {
  const __m512i place = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_cvtepi32_ps(_mm512_and_si512(place, _mm512_set1_epi32((1 << bits) - 1)));
}

/* Elements first..< of a bag's sum, 16 for each vector, in their order; `left` of them when there is one vector. */
static inline __attribute__((always_inline)) void sum_vectors(const oct_embedding_rows *rows, size_t begin, size_t end,
                                                              size_t first, size_t left, float *y, const int vectors,
                                                              const int bits) {
  const __m512 floats = floats_of(bits);
  __m512 acc[MOST_VECTORS];
  OCT_UNROLL
  for (int v = 0; v < vectors; v++) acc[v] = _mm512_setzero_ps();
  for (size_t i = begin; i < end; i++) {
    if (first == 0) oct_embedding_prefetch(rows, i);
    const uint8_t *row = oct_embedding_row_at(rows, i), *codes = row + first / 8 * (size_t)bits;
    const parameters p = parameters_of(row + rows->codes, oct_embedding_weight(rows, i), bits);
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) {
      const __m512i words = words_16(codes + 2 * bits * v, left, bits);
      acc[v] = added(acc[v], &p, bits == 8 ? _mm512_cvtepi32_ps(words) : _mm512_permutexvar_ps(words, floats));
    }
  }
  OCT_UNROLL
  for (int v = 0; v < vectors; v++)
    _mm512_mask_storeu_ps(y + STEP * v, left >= STEP ? 0xFFFF : (__mmask16)((1u << left) - 1), acc[v]);
}

/* Stores 128 sums of which vector k has elements k, k + 8, k + 16, ... */
static inline __attribute__((always_inline)) void store_eighths(float *y, const __m512 acc[8]) {
  __m512 fours[2][4];
  OCT_UNROLL
  for (int half = 0; half < 2; half++) {
    const __m512 *a = acc + 4 * half;
    const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(a[0], a[1]));
    const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(a[2], a[3]));
    const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(a[0], a[1]));
    const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(a[2], a[3]));
    fours[half][0] = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
    fours[half][1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
    fours[half][2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
    fours[half][3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
  }
  OCT_UNROLL
  for (int i = 0; i < 4; i += 2) {
    /* Quarters of a vector, four elements each, move as they are. */
    const __m512 a = fours[0][i], b = fours[1][i], c = fours[0][i + 1], d = fours[1][i + 1];
    const __m512 ab0 = _mm512_shuffle_f32x4(a, b, 0x44), ab2 = _mm512_shuffle_f32x4(a, b, 0xEE);
    const __m512 cd0 = _mm512_shuffle_f32x4(c, d, 0x44), cd2 = _mm512_shuffle_f32x4(c, d, 0xEE);
    _mm512_storeu_ps(y + 8 * i, _mm512_shuffle_f32x4(ab0, cd0, 0x88));
    _mm512_storeu_ps(y + 8 * i + 32, _mm512_shuffle_f32x4(ab0, cd0, 0xDD));
    _mm512_storeu_ps(y + 8 * i + 64, _mm512_shuffle_f32x4(ab2, cd2, 0x88));
    _mm512_storeu_ps(y + 8 * i + 96, _mm512_shuffle_f32x4(ab2, cd2, 0xDD));
  }
}

/* 128 nibbles from element `first` on: one vector of words, whose codes 8 l + k are a shift by 4 k away. Sums keep that order until
 * the bag ends. */
static inline __attribute__((always_inline)) void sum_128_nibbles(const oct_embedding_rows *rows, size_t begin,
                                                                  size_t end, size_t first, float *y) {
  const __m512 floats = floats_of(4);
  __m512 acc[8];
  OCT_UNROLL
  for (int k = 0; k < 8; k++) acc[k] = _mm512_setzero_ps();
  for (size_t i = begin; i < end; i++) {
    if (first == 0) oct_embedding_prefetch(rows, i);
    const uint8_t *row = oct_embedding_row_at(rows, i);
    const parameters p = parameters_of(row + rows->codes, oct_embedding_weight(rows, i), 4);
    const __m512i words = _mm512_loadu_si512(row + first / 2);
    OCT_UNROLL
    for (int k = 0; k < 8; k++)
      acc[k] = added(acc[k], &p, _mm512_permutexvar_ps(_mm512_srli_epi32(words, (unsigned)(4 * k)), floats));
  }
  store_eighths(y, acc);
}

static inline __attribute__((always_inline)) void sum_rows(const oct_embedding_rows *rows, size_t begin, size_t end,
                                                           size_t dim, float *y, const int bits) {
  size_t i = 0;
  for (; i + STEP * MOST_VECTORS <= dim; i += STEP * MOST_VECTORS)
    if (bits == 4)
      sum_128_nibbles(rows, begin, end, i, y + i);
    else
      sum_vectors(rows, begin, end, i, STEP, y + i, MOST_VECTORS, bits);
  for (; i + STEP * 4 <= dim; i += STEP * 4) sum_vectors(rows, begin, end, i, STEP, y + i, 4, bits);
  for (; i < dim; i += STEP) sum_vectors(rows, begin, end, i, dim - i, y + i, 1, bits);
}

static void sum_bytes(const oct_embedding_rows *rows, size_t begin, size_t end, size_t dim, float *y) {
  sum_rows(rows, begin, end, dim, y, 8);
}
static void sum_nibbles(const oct_embedding_rows *rows, size_t begin, size_t end, size_t dim, float *y) {
  sum_rows(rows, begin, end, dim, y, 4);
}
static void sum_pairs(const oct_embedding_rows *rows, size_t begin, size_t end, size_t dim, float *y) {
  sum_rows(rows, begin, end, dim, y, 2);
}

static void bytes(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  accumulate(codes, dim, scale, bias, y, 8);
}

static void nibbles(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  accumulate(codes, dim, scale, bias, y, 4);
}

static void pairs(const uint8_t *codes, size_t dim, float scale, float bias, float *y) {
  accumulate(codes, dim, scale, bias, y, 2);
}

OCT_ISA_END

const oct_embedding_kernels oct_embedding_avx512vnni = {.name = "avx512vnni",
                                                        .isa = OCT_ISA_AVX512VNNI,
                                                        .accumulate = {bytes, nibbles, pairs},
                                                        .sum = {sum_bytes, sum_nibbles, sum_pairs}};

#endif /* OCT_ARCH_X86 */
