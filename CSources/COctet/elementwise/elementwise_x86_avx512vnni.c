/* The elementwise family on AVX-512 (F, BW, DQ, VL): vpshufb looks up, vpmovzxbd and vpmovsxbd widen, vcvtps2dq rounds, masks make the
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
  __m512i a_zero_point, b_zero_point, low, zero_point; /* low and zero_point in int16 */
  __m512 a_scale, b_scale, multiplier, high;
} binary_vectors;

static inline __attribute__((always_inline)) __m512 difference_16(const uint8_t *x, __mmask16 m, __m512i zero_point,
                                                                  const bool is_signed) {
  const __m128i codes = _mm_maskz_loadu_epi8(m, x);
  const __m512i wide = is_signed ? _mm512_cvtepi8_epi32(codes) : _mm512_cvtepu8_epi32(codes);
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, zero_point));
}

/* vminps returns its second operand when the first is NaN, which therefore ends at `high`. Conversion gives -2^31 for what
 * is too low for int32, so that the saturating packs below keep its side. */
static inline __attribute__((always_inline)) __m512i binary_16(const uint8_t *a, const uint8_t *b, __mmask16 m,
                                                               const binary_vectors *r, const bool product,
                                                               const bool is_signed) {
  const __m512 u = difference_16(a, m, r->a_zero_point, is_signed), v = difference_16(b, m, r->b_zero_point, is_signed);
  const __m512 value =
      product ? _mm512_mul_ps(u, v) : _mm512_add_ps(_mm512_mul_ps(u, r->a_scale), _mm512_mul_ps(v, r->b_scale));
  return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(value, r->multiplier), r->high));
}

static inline __m512i at_zero_point(__m512i a, __m512i b, const binary_vectors *r) {
  return _mm512_add_epi16(_mm512_max_epi16(_mm512_packs_epi32(a, b), r->low), r->zero_point);
}

/* The 64 elements of a mask. */
static inline __attribute__((always_inline)) __m512i binary_64(const uint8_t *a, const uint8_t *b, __mmask64 m,
                                                               const binary_vectors *r, const bool product,
                                                               const bool is_signed) {
  __m512i v[4];
  for (int j = 0; j < 4; j++)
    v[j] = binary_16(a + LANES * j, b + LANES * j, (__mmask16)(m >> LANES * j), r, product, is_signed);
  const __m512i low = at_zero_point(v[0], v[1], r), high = at_zero_point(v[2], v[3], r);
  const __m512i bytes = is_signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, bytes);
}

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, const bool product,
                                                         const bool is_signed) {
  const binary_vectors r = {.a_zero_point = _mm512_set1_epi32(rule->a_zero_point),
                            .b_zero_point = _mm512_set1_epi32(rule->b_zero_point),
                            .low = _mm512_set1_epi16((short)rule->low),
                            .zero_point = _mm512_set1_epi16((short)rule->zero_point),
                            .a_scale = _mm512_set1_ps(rule->a_scale),
                            .b_scale = _mm512_set1_ps(rule->b_scale),
                            .multiplier = _mm512_set1_ps(rule->multiplier),
                            .high = _mm512_set1_ps((float)rule->high)};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP)
    _mm512_storeu_si512(y + i, binary_64(a + i, b + i, ~0ull, &r, product, is_signed));
  if (i < count) {
    const __mmask64 m = bytes_mask(count - i);
    _mm512_mask_storeu_epi8(y + i, m, binary_64(a + i, b + i, m, &r, product, is_signed));
  }
}

static void add_u8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false, false);
}
static void add_s8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, false, true);
}
static void multiply_u8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true, false);
}
static void multiply_s8(const uint8_t *a, const uint8_t *b, size_t count, const oct_binary_rule *rule, uint8_t *y) {
  binary(a, b, count, rule, y, true, true);
}

OCT_ISA_END

const oct_lookup_kernel oct_lookup_avx512vnni = {.name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .lookup = lookup};

const oct_elementwise_kernels oct_elementwise_avx512vnni = {.name = "avx512vnni",
                                                            .isa = OCT_ISA_AVX512VNNI,
                                                            .add_u8 = add_u8,
                                                            .add_s8 = add_s8,
                                                            .multiply_u8 = multiply_u8,
                                                            .multiply_s8 = multiply_s8};

#endif /* OCT_ARCH_X86 */
