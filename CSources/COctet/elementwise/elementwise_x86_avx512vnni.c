/* The elementwise family on AVX-512 (F, BW, DQ, VL): vpshufb looks up and widens, vcvtps2dq rounds, masks make the tails.
 *
 * Tile: 64 bytes. Lookups search the upper four bits of a code as on AVX2, by differences of the table's rows
 * (elementwise_x86_avx2.c explains), and are bound by 16 shuffles for a vector; sums and products by float operations, about
 * 40 for 64 results. */
#include "base/isa.h"

#if OCT_ARCH_X86
#include <immintrin.h>

#include "base/unroll.h"
#include "kernels.h"

OCT_FP_STRICT

enum { STEP = 64, ROWS = 16 };

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

static inline __attribute__((always_inline)) void lookup_row(const uint8_t *x, size_t count, const __m512i *parts,
                                                             uint8_t *y) {
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) _mm512_storeu_si512(y + i, lookup_64(_mm512_loadu_si512(x + i), parts));
  if (i < count) {
    const __mmask64 m = bytes_mask(count - i);
    _mm512_mask_storeu_epi8(y + i, m, lookup_64(_mm512_maskz_loadu_epi8(m, x + i), parts));
  }
}

static void lookup(const uint8_t *x, size_t rows, size_t columns, const uint8_t *table, uint8_t *y, size_t y_step) {
  __m512i parts[ROWS];
  for (int j = 0; j < ROWS; j++) {
    const __m128i part = _mm_loadu_si128((const void *)(table + 16 * j));
    const bool first = j % (ROWS / 2) == 0;
    const __m128i before = first ? _mm_setzero_si128() : _mm_loadu_si128((const void *)(table + 16 * (j - 1)));
    parts[j] = _mm512_broadcast_i32x4(_mm_xor_si128(part, before));
  }
  for (size_t row = 0; row < rows; row++, x += columns, y += y_step) lookup_row(x, columns, parts, y);
}

/* A rule in vectors. */
typedef struct binary_vectors {
  __m512 a_offset, b_offset; /* 2^23 plus the zero points of uint8 codes */
  __m512 a_scale, b_scale, multiplier, high;
  __m512i zero_point, low; /* in int16; in bytes, with the zero point */
} binary_vectors;

/* Sixteen codes as real numbers less their zero point, `part` of four: bytes 4 * part..4 * part + 3 of every 128-bit lane, which is
 * the order that the packs below undo. A byte under the exponent of 2^23 is the float 2^23 + code, and the difference
 * is exact. */
static inline __attribute__((always_inline)) __m512 difference_16(__m512i codes, __m512 offset, const int part) {
  const __m512i exponent = _mm512_set1_epi32(0x4B000000);
  const __m128i bytes = _mm_setr_epi32(4 * part, 4 * part + 1, 4 * part + 2, 4 * part + 3);
  const __m512i raw = _mm512_mask_shuffle_epi8(exponent, 0x1111111111111111ull, codes, _mm512_broadcast_i32x4(bytes));
  return _mm512_sub_ps(_mm512_castsi512_ps(raw), offset);
}

/* vminps returns its second operand when the first is NaN, which therefore ends at `high`; what is bounded needs no clamp. Conversion
 * gives -2^31 for what is too low for int32, so that the saturating packs below keep its side. */
static inline __attribute__((always_inline)) __m512i binary_16(__m512i a, __m512i b, const binary_vectors *r,
                                                               const int part, const bool product, const bool bounded) {
  const __m512 u = difference_16(a, r->a_offset, part), v = difference_16(b, r->b_offset, part);
  const __m512 value =
      product ? _mm512_mul_ps(u, v) : _mm512_add_ps(_mm512_mul_ps(u, r->a_scale), _mm512_mul_ps(v, r->b_scale));
  const __m512 steps = _mm512_mul_ps(value, r->multiplier);
  return _mm512_cvtps_epi32(bounded ? steps : _mm512_min_ps(steps, r->high));
}

static inline __attribute__((always_inline)) __m512i binary_64(__m512i a, __m512i b, const binary_vectors *r,
                                                               const bool product, const bool is_signed,
                                                               const bool bounded) {
  const __m512i flip = _mm512_set1_epi8(-128);
  const __m512i x = is_signed ? _mm512_xor_si512(a, flip) : a, y = is_signed ? _mm512_xor_si512(b, flip) : b;
  __m512i v[4];
  OCT_UNROLL
  for (int part = 0; part < 4; part++) v[part] = binary_16(x, y, r, part, product, bounded);
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), r->zero_point);
  const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), r->zero_point);
  return is_signed ? _mm512_max_epi8(_mm512_packs_epi16(low, high), r->low)
                   : _mm512_max_epu8(_mm512_packus_epi16(low, high), r->low);
}

static inline __attribute__((always_inline)) void binary_run(const uint8_t *a, const uint8_t *b, size_t count,
                                                             const oct_binary_rule *rule, uint8_t *y,
                                                             const bool product, const bool is_signed,
                                                             const bool bounded) {
  const float exponent = 0x1p23f;
  const int32_t shift = is_signed ? 128 : 0;
  const binary_vectors r = {.a_offset = _mm512_set1_ps(exponent + (float)(rule->a_zero_point + shift)),
                            .b_offset = _mm512_set1_ps(exponent + (float)(rule->b_zero_point + shift)),
                            .a_scale = _mm512_set1_ps(rule->a_scale),
                            .b_scale = _mm512_set1_ps(rule->b_scale),
                            .multiplier = _mm512_set1_ps(rule->multiplier),
                            .high = _mm512_set1_ps((float)rule->high),
                            .zero_point = _mm512_set1_epi16((short)rule->zero_point),
                            .low = _mm512_set1_epi8((char)(rule->zero_point + rule->low))};
  size_t i = 0;
  for (; i + STEP <= count; i += STEP)
    _mm512_storeu_si512(
        y + i, binary_64(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i), &r, product, is_signed, bounded));
  if (i < count) {
    const __mmask64 m = bytes_mask(count - i);
    _mm512_mask_storeu_epi8(y + i, m,
                            binary_64(_mm512_maskz_loadu_epi8(m, a + i), _mm512_maskz_loadu_epi8(m, b + i), &r, product,
                                      is_signed, bounded));
  }
}

static inline __attribute__((always_inline)) void binary(const uint8_t *a, const uint8_t *b, size_t count,
                                                         const oct_binary_rule *rule, uint8_t *y, const bool product,
                                                         const bool is_signed) {
  if (rule->bounded)
    binary_run(a, b, count, rule, y, product, is_signed, true);
  else
    binary_run(a, b, count, rule, y, product, is_signed, false);
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
