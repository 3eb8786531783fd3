/* Embedding rows on AVX-512 (F, BW, DQ, VL): vpmovzxbd or a variable shift makes codes, masks make the tails. Bags are summed in
 * registers by vfmadd: 128 elements of up to 64 rows at a time. Single rows are added in double by vcvtdq2pd, vmulpd and vaddpd.
 *
 * Tile: 16 elements, two vectors of double. Where that sum may be inexact, an error term mends it, as kernels.h
 * derives. Bound by conversions while the table is in cache, by memory otherwise. */
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

/* The codes that `lanes` names of 16 packed ones, which take 2 * bits bytes; no other byte is read. */
static inline __attribute__((always_inline)) __m512i codes_16(const uint8_t *codes, size_t left, int bits) {
  const size_t each = 8 / (size_t)bits, bytes = left >= STEP ? 2 * (size_t)bits : (left + each - 1) / each;
  const __m128i packed = left >= STEP && bits == 8   ? _mm_loadu_si128((const void *)codes)
                         : left >= STEP && bits == 4 ? _mm_loadl_epi64((const void *)codes)
                                                     : _mm_maskz_loadu_epi8((__mmask16)((1u << bytes) - 1), codes);
  if (bits == 8) return _mm512_cvtepu8_epi32(packed);
  /* A lane takes the word that holds its code and shifts it down. */
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32(bits));
  const __m512i word = _mm512_permutexvar_epi32(_mm512_srli_epi32(at, 5), _mm512_castsi128_si512(packed));
  const __m512i shifted = _mm512_srlv_epi32(word, _mm512_and_si512(at, _mm512_set1_epi32(31)));
  return _mm512_and_si512(shifted, _mm512_set1_epi32((1 << bits) - 1));
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

/* Rows whose sums stay in registers. The instruction set has the family's operation, y = fma(scale, q, y + bias), and gives the
 * bits that the sums in double above do: it is asked for by name here, and nowhere else. */
static inline __attribute__((always_inline)) void sum_vectors(const oct_embedding_row *rows, size_t count, size_t first,
                                                              size_t left, float *y, const int vectors,
                                                              const int bits) {
  const __mmask16 lanes = left >= STEP ? 0xFFFF : (__mmask16)((1u << left) - 1);
  __m512 acc[MOST_VECTORS];
  OCT_UNROLL
  for (int v = 0; v < vectors; v++) acc[v] = _mm512_maskz_loadu_ps(lanes, y + STEP * v);
  for (size_t r = 0; r < count; r++) {
    const uint8_t *codes = rows[r].codes + first / 8 * (size_t)bits;
    const __m512 scale = _mm512_set1_ps(rows[r].scale), bias = _mm512_set1_ps(rows[r].bias);
    OCT_UNROLL
    for (int v = 0; v < vectors; v++) {
      const __m512 q = _mm512_cvtepi32_ps(codes_16(codes + 2 * bits * v, left, bits));
      acc[v] = _mm512_fmadd_ps(scale, q, _mm512_add_ps(acc[v], bias));
    }
  }
  OCT_UNROLL
  for (int v = 0; v < vectors; v++) _mm512_mask_storeu_ps(y + STEP * v, lanes, acc[v]);
}

static inline __attribute__((always_inline)) void sum_rows(const oct_embedding_row *rows, size_t count, size_t dim,
                                                           float *y, const int bits) {
  size_t i = 0;
  for (; i + STEP * MOST_VECTORS <= dim; i += STEP * MOST_VECTORS)
    sum_vectors(rows, count, i, STEP, y + i, MOST_VECTORS, bits);
  for (; i + STEP * 4 <= dim; i += STEP * 4) sum_vectors(rows, count, i, STEP, y + i, 4, bits);
  for (; i < dim; i += STEP) sum_vectors(rows, count, i, dim - i, y + i, 1, bits);
}

static void sum_bytes(const oct_embedding_row *rows, size_t count, size_t dim, float *y) {
  sum_rows(rows, count, dim, y, 8);
}
static void sum_nibbles(const oct_embedding_row *rows, size_t count, size_t dim, float *y) {
  sum_rows(rows, count, dim, y, 4);
}
static void sum_pairs(const oct_embedding_row *rows, size_t count, size_t dim, float *y) {
  sum_rows(rows, count, dim, y, 2);
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
