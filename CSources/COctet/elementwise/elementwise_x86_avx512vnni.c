/* The elementwise family on AVX-512 (F, BW, DQ, VL): vpshufb looks up, vpmovzxbd widens, vcvtps2dq rounds, masks make the
 * tails.
 *
 * Tile: 64 bytes of a lookup, 64 of a sum or product in four vectors. Lookups search the upper four bits of a code as on AVX2, by
 * differences of the table's rows (elementwise_x86_avx2.c explains), and are bound by 16 shuffles for a vector; sums and
 * products by conversions. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "kernels.h"

OCT_FP_STRICT

enum { LANES = 16, STEP = 64, ROWS = 16 };

OCT_ISA_BEGIN(AVX512VNNI)

static inline __mmask64 bytes_mask(size_t left) { return left >= STEP ? ~0ull : (1ull << left) - 1; }

/* The lanes of the step that starts `left` elements before the end. */
static inline __mmask16 lanes(size_t left) { return left >= LANES ? 0xFFFF : (__mmask16)((1u << left) - 1); }

static inline __attribute__((always_inline)) __m512i lookup_half(__m512i index, const __m512i *rows) {
  const __m512i sixteen = _mm512_set1_epi8(16);
  __m512i y = _mm512_shuffle_epi8(rows[0], index);
  for (int j = 1; j < ROWS / 2; j++) {
    index = _mm512_subs_epi8(index, sixteen);
    y = _mm512_xor_si512(y, _mm512_shuffle_epi8(rows[j], index));
  }
  return y;
}

static inline __attribute__((always_inline)) __m512i lookup_64(__m512i x, const __m512i *rows) {
  const __m512i turned = _mm512_xor_si512(x, _mm512_set1_epi8(-128));
  return _mm512_xor_si512(lookup_half(x, rows), lookup_half(turned, rows + ROWS / 2));
}

static void lookup(const uint8_t *x, size_t count, const uint8_t *table, uint8_t *y) {
  __m512i rows[ROWS];
  for (int j = 0; j < ROWS; j++) {
    const __m128i row = _mm_loadu_si128((const void *)(table + 16 * j));
    const bool first = j % (ROWS / 2) == 0;
    const __m128i before = first ? _mm_setzero_si128() : _mm_loadu_si128((const void *)(table + 16 * (j - 1)));
    rows[j] = _mm512_broadcast_i32x4(_mm_xor_si128(row, before));
  }
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) _mm512_storeu_si512(y + i, lookup_64(_mm512_loadu_si512(x + i), rows));
  if (i < count) {
    const __mmask64 m = bytes_mask(count - i);
    _mm512_mask_storeu_epi8(y + i, m, lookup_64(_mm512_maskz_loadu_epi8(m, x + i), rows));
  }
}

/* A rule in vectors. */
typedef struct binary_vectors {
  __m128i flip;
  __m512i a_offset, b_offset, zero_point;
  __m512 a_scale, b_scale, floor, multiplier, low, high;
} binary_vectors;

static inline __m512 difference_16(const uint8_t *x, __mmask16 m, __m128i flip, __m512i offset) {
  const __m128i codes = _mm_xor_si128(_mm_maskz_loadu_epi8(m, x), flip);
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepu8_epi32(codes), offset));
}

/* vmaxps and vminps return their second operand when one is NaN: it passes the floor and ends at `high`. */
static inline __attribute__((always_inline)) __m512i binary_16(const uint8_t *a, const uint8_t *b, __mmask16 m,
                                                               const binary_vectors *r, bool product) {
  const __m512 u = difference_16(a, m, r->flip, r->a_offset), v = difference_16(b, m, r->flip, r->b_offset);
  const __m512 sum = _mm512_add_ps(_mm512_mul_ps(u, r->a_scale), _mm512_mul_ps(v, r->b_scale));
  const __m512 value = product ? _mm512_mul_ps(u, v) : _mm512_max_ps(r->floor, sum);
  const __m512 t = _mm512_max_ps(_mm512_min_ps(_mm512_mul_ps(value, r->multiplier), r->high), r->low);
  return _mm512_add_epi32(_mm512_cvtps_epi32(t), r->zero_point);
}

/* The low bytes of 64 int32 within -512..511, in order. */
static inline __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i byte = _mm512_set1_epi16(0xFF);
  const __m512i ab = _mm512_and_si512(_mm512_packs_epi32(a, b), byte);
  const __m512i cd = _mm512_and_si512(_mm512_packs_epi32(c, d), byte);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(ab, cd));
}

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, bool product) {
  const binary_vectors r = {.flip = _mm_set1_epi8((char)rule->flip),
                            .a_offset = _mm512_set1_epi32(rule->a_offset),
                            .b_offset = _mm512_set1_epi32(rule->b_offset),
                            .zero_point = _mm512_set1_epi32(rule->zero_point),
                            .a_scale = _mm512_set1_ps(rule->a_scale),
                            .b_scale = _mm512_set1_ps(rule->b_scale),
                            .floor = _mm512_set1_ps(rule->floor),
                            .multiplier = _mm512_set1_ps(rule->multiplier),
                            .low = _mm512_set1_ps(rule->low),
                            .high = _mm512_set1_ps(rule->high)};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) {
    __m512i v[4];
    for (size_t j = 0; j < 4; j++) v[j] = binary_16(a + i + LANES * j, b + i + LANES * j, 0xFFFF, &r, product);
    _mm512_storeu_si512(y + i, narrow(v[0], v[1], v[2], v[3]));
  }
  for (; i < count; i += LANES) {
    const __mmask16 m = lanes(count - i);
    _mm512_mask_cvtepi32_storeu_epi8(y + i, m, binary_16(a + i, b + i, m, &r, product));
  }
}

static void add(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false);
}

static void multiply(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true);
}

OCT_ISA_END

const oct_elementwise_kernels oct_elementwise_avx512vnni = {
    .name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .lookup = lookup, .add = add, .multiply = multiply};

#endif /* OCT_ARCH_X86 */
