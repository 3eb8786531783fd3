/* The elementwise family on AVX2: pshufb looks up, pmovzxbd and pmovsxbd widen, cvtps2dq rounds, packs narrow.
 *
 * Tile: 64 bytes of a lookup, 32 of a sum or product; tails of these go through padded blocks on the stack.
 *
 * pshufb knows tables of 16 bytes and gives 0 where an index has its top bit set. The upper four bits of a code are
 * searched by subtracting 16 again and again: with T[j] the table's j-th row and D[j] = T[j] ^ T[j - 1], the rows whose
 * index is not yet negative cancel to T[code / 16]. Signed saturation keeps negative indices negative; codes from 128 up
 * take a second pass with the top bit turned. Bound by shuffles: 16 for a vector. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "kernels.h"

OCT_FP_STRICT

enum { LOOKUP_STEP = 64, STEP = 32, ROWS = 16 };

OCT_ISA_BEGIN(AVX2)

static inline __attribute__((always_inline)) void lookup_half(__m256i index[2], const __m256i *rows, __m256i y[2]) {
  const __m256i sixteen = _mm256_set1_epi8(16);
  for (int j = 0; j < ROWS / 2; j++)
    for (int i = 0; i < 2; i++) {
      y[i] = _mm256_xor_si256(y[i], _mm256_shuffle_epi8(rows[j], index[i]));
      index[i] = _mm256_subs_epi8(index[i], sixteen);
    }
}

static inline __attribute__((always_inline)) void lookup_row(const uint8_t *x, size_t count, const __m256i *parts,
                                                             const uint8_t *table, uint8_t *y) {
  size_t i = 0;
  for (; i + LOOKUP_STEP <= count; i += LOOKUP_STEP) {
    const __m256i top = _mm256_set1_epi8(-128);
    __m256i low[2], high[2], result[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int v = 0; v < 2; v++) {
      low[v] = _mm256_loadu_si256((const void *)(x + i + 32 * (size_t)v));
      high[v] = _mm256_xor_si256(low[v], top);
    }
    lookup_half(low, parts, result);
    lookup_half(high, parts + ROWS / 2, result);
    for (int v = 0; v < 2; v++) _mm256_storeu_si256((void *)(y + i + 32 * (size_t)v), result[v]);
  }
  for (; i < count; i++) y[i] = table[x[i]];
}

static void lookup(const uint8_t *x, size_t rows, size_t columns, const uint8_t *table, uint8_t *y, size_t y_step) {
  __m256i parts[ROWS];
  for (int j = 0; j < ROWS; j++) {
    const __m128i part = _mm_loadu_si128((const void *)(table + 16 * j));
    const bool first = j % (ROWS / 2) == 0;
    const __m128i before = first ? _mm_setzero_si128() : _mm_loadu_si128((const void *)(table + 16 * (j - 1)));
    parts[j] = _mm256_broadcastsi128_si256(_mm_xor_si128(part, before));
  }
  for (size_t row = 0; row < rows; row++, x += columns, y += y_step) lookup_row(x, columns, parts, table, y);
}

/* A rule in vectors. */
typedef struct binary_vectors {
  __m256i a_zero_point, b_zero_point, low, zero_point; /* low and zero_point in int16 */
  __m256 a_scale, b_scale, multiplier, high;
} binary_vectors;

static inline __attribute__((always_inline)) __m256 difference_8(const uint8_t *x, __m256i zero_point,
                                                                 const bool is_signed) {
  const __m128i codes = _mm_loadl_epi64((const void *)x);
  const __m256i wide = is_signed ? _mm256_cvtepi8_epi32(codes) : _mm256_cvtepu8_epi32(codes);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(wide, zero_point));
}

/* minps returns its second operand when the first is NaN, which therefore ends at `high`. Conversion gives -2^31 for what is
 * too low for int32, so that the saturating packs below keep its side. */
static inline __attribute__((always_inline)) __m256i binary_8(const uint8_t *a, const uint8_t *b,
                                                              const binary_vectors *r, const bool product,
                                                              const bool is_signed) {
  const __m256 u = difference_8(a, r->a_zero_point, is_signed), v = difference_8(b, r->b_zero_point, is_signed);
  const __m256 value =
      product ? _mm256_mul_ps(u, v) : _mm256_add_ps(_mm256_mul_ps(u, r->a_scale), _mm256_mul_ps(v, r->b_scale));
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_mul_ps(value, r->multiplier), r->high));
}

static inline __m256i at_zero_point(__m256i a, __m256i b, const binary_vectors *r) {
  return _mm256_add_epi16(_mm256_max_epi16(_mm256_packs_epi32(a, b), r->low), r->zero_point);
}

static inline __attribute__((always_inline)) void binary_32(const uint8_t *a, const uint8_t *b, const binary_vectors *r,
                                                            uint8_t *y, const bool product, const bool is_signed) {
  __m256i v[4];
  for (int j = 0; j < 4; j++) v[j] = binary_8(a + 8 * j, b + 8 * j, r, product, is_signed);
  const __m256i low = at_zero_point(v[0], v[1], r), high = at_zero_point(v[2], v[3], r);
  const __m256i bytes = is_signed ? _mm256_packs_epi16(low, high) : _mm256_packus_epi16(low, high);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256((void *)y, _mm256_permutevar8x32_epi32(bytes, order));
}

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, const bool product,
                                                         const bool is_signed) {
  const binary_vectors r = {.a_zero_point = _mm256_set1_epi32(rule->a_zero_point),
                            .b_zero_point = _mm256_set1_epi32(rule->b_zero_point),
                            .low = _mm256_set1_epi16((short)rule->low),
                            .zero_point = _mm256_set1_epi16((short)rule->zero_point),
                            .a_scale = _mm256_set1_ps(rule->a_scale),
                            .b_scale = _mm256_set1_ps(rule->b_scale),
                            .multiplier = _mm256_set1_ps(rule->multiplier),
                            .high = _mm256_set1_ps((float)rule->high)};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) binary_32(a + i, b + i, &r, y + i, product, is_signed);
  if (i < count) {
    uint8_t a_padded[STEP] = {0}, b_padded[STEP] = {0}, out[STEP];
    memcpy(a_padded, a + i, count - i);
    memcpy(b_padded, b + i, count - i);
    binary_32(a_padded, b_padded, &r, out, product, is_signed);
    memcpy(y + i, out, count - i);
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

const oct_lookup_kernel oct_lookup_avx2 = {.name = "avx2", .isa = OCT_ISA_AVX2, .lookup = lookup};

const oct_elementwise_kernels oct_elementwise_avx2 = {.name = "avx2",
                                                      .isa = OCT_ISA_AVX2,
                                                      .add_u8 = add_u8,
                                                      .add_s8 = add_s8,
                                                      .multiply_u8 = multiply_u8,
                                                      .multiply_s8 = multiply_s8};

#endif /* OCT_ARCH_X86 */
