/* Embedding rows on AVX2: vpmovzxbd or a variable shift makes codes, vcvtdq2pd, vmulpd and vaddpd add them in double, vcvtpd2ps rounds.
 *
 * Tile: 8 elements, two vectors of double. Where that sum may be inexact, an error term mends it, as kernels.h
 * derives. Bound by conversions while the table is in cache, by memory otherwise. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "kernels.h"

OCT_FP_STRICT

enum { STEP = 8 };

OCT_ISA_BEGIN(AVX2)

/* Moves sums on midpoints of float32 one step towards what RN64 cut off. */
static inline __attribute__((always_inline)) __m256d mended(__m256d p, __m256d c, __m256d s) {
  const __m256i rest = _mm256_and_si256(_mm256_castpd_si256(s), _mm256_set1_epi64x(OCT_EMBEDDING_REST));
  const __m256i middle = _mm256_cmpeq_epi64(rest, _mm256_set1_epi64x(OCT_EMBEDDING_MIDDLE));
  const __m256d part = _mm256_sub_pd(s, p);
  const __m256d e = _mm256_add_pd(_mm256_sub_pd(p, _mm256_sub_pd(s, part)), _mm256_sub_pd(c, part));
  const __m256d inexact = _mm256_cmp_pd(e, _mm256_setzero_pd(), _CMP_NEQ_OQ);
  /* 1 where e and s have one sign, -1 elsewhere. */
  const __m256i apart = _mm256_srli_epi64(_mm256_castpd_si256(_mm256_xor_pd(e, s)), 63);
  const __m256i step = _mm256_sub_epi64(_mm256_set1_epi64x(1), _mm256_add_epi64(apart, apart));
  const __m256i chosen = _mm256_and_si256(_mm256_and_si256(middle, _mm256_castpd_si256(inexact)), step);
  return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(s), chosen));
}

/* What all codes of a row share. */
typedef struct row {
  __m256d scale;
  __m256 bias;
  __m256i low, last;
} row;

/* y = fma(scale, q, y + bias) for 8 codes in int32. */
static inline __attribute__((always_inline)) void add_8(__m256i q, const row *r, float *y) {
  const __m256 t = _mm256_add_ps(_mm256_loadu_ps(y), r->bias);
  const __m256d c0 = _mm256_cvtps_pd(_mm256_castps256_ps128(t)), c1 = _mm256_cvtps_pd(_mm256_extractf128_ps(t, 1));
  const __m256d p0 = _mm256_mul_pd(r->scale, _mm256_cvtepi32_pd(_mm256_castsi256_si128(q)));
  const __m256d p1 = _mm256_mul_pd(r->scale, _mm256_cvtepi32_pd(_mm256_extracti128_si256(q, 1)));
  __m256d s0 = _mm256_add_pd(p0, c0), s1 = _mm256_add_pd(p1, c1);
  const __m256i size = _mm256_and_si256(_mm256_castps_si256(t), _mm256_set1_epi32(INT32_MAX));
  const __m256i outside = _mm256_or_si256(_mm256_cmpgt_epi32(r->low, size), _mm256_cmpgt_epi32(size, r->last));
  if (!_mm256_testz_si256(outside, outside)) {
    s0 = mended(p0, c0, s0);
    s1 = mended(p1, c1, s1);
  }
  _mm256_storeu_ps(y, _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(s0)), _mm256_cvtpd_ps(s1), 1));
}

/* 8 packed codes, which take `bits` bytes. */
static inline __attribute__((always_inline)) __m256i codes_8(const uint8_t *codes, int bits) {
  if (bits == 8) return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)codes));
  uint32_t packed = 0;
  memcpy(&packed, codes, (size_t)bits);
  const __m256i place = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(bits));
  const __m256i shifted = _mm256_srlv_epi32(_mm256_set1_epi32((int)packed), place);
  return _mm256_and_si256(shifted, _mm256_set1_epi32((1 << bits) - 1));
}

static inline __attribute__((always_inline)) void accumulate(const uint8_t *codes, size_t dim, float scale, float bias,
                                                             float *y, int bits) {
  const oct_embedding_window exact = oct_embedding_exact(scale);
  const row r = {.scale = _mm256_set1_pd((double)scale),
                 .bias = _mm256_set1_ps(bias),
                 .low = _mm256_set1_epi32(exact.low),
                 .last = _mm256_set1_epi32(exact.last)};
  size_t i = 0;
  for (; i + STEP <= dim; i += STEP) add_8(codes_8(codes + i / 8 * (size_t)bits, bits), &r, y + i);
  oct_embedding_rest(codes, i, dim, scale, bias, y, bits);
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

const oct_embedding_kernels oct_embedding_avx2 = {
    .name = "avx2", .isa = OCT_ISA_AVX2, .accumulate = {bytes, nibbles, pairs}};

#endif /* OCT_ARCH_X86 */
