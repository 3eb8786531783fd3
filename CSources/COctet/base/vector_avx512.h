/* The vocabulary of vector_scalar.h in 16 lanes. Included inside a region of the AVX512VNNI tier, after <immintrin.h>,
 * <string.h> and base/unroll.h. */
#ifndef OCT_BASE_VECTOR_AVX512_H
#define OCT_BASE_VECTOR_AVX512_H

enum { LANES = 16, QUAD = 64 };

typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

OCT_INLINE vf vf_set(float value) { return _mm512_set1_ps(value); }
OCT_INLINE vf vf_load(const void *from) { return _mm512_loadu_ps(from); }
OCT_INLINE void vf_store(void *to, vf value) { _mm512_storeu_ps(to, value); }
OCT_INLINE void vf_stream(void *to, vf value) { _mm512_stream_ps(to, value); }
OCT_INLINE void vf_stream_end(void) { _mm_sfence(); }

OCT_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
OCT_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
OCT_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
OCT_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
OCT_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
OCT_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
OCT_INLINE vf vf_round(vf value) { return _mm512_roundscale_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

OCT_INLINE vm vf_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
OCT_INLINE vm vf_within(vf value, vf low, vf high) {
  return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(low, value, _CMP_LE_OQ), value, high, _CMP_LE_OQ);
}
OCT_INLINE vm vm_and(vm a, vm b) { return a & b; }
OCT_INLINE vf vf_select(vm mask, vf yes, vf no) { return _mm512_mask_mov_ps(no, mask, yes); }
OCT_INLINE vf vf_keep(vm mask, vf value) { return _mm512_maskz_mov_ps(mask, value); }

OCT_INLINE vi vi_set(int32_t value) { return _mm512_set1_epi32(value); }
OCT_INLINE vi vi_load(const void *from) { return _mm512_loadu_si512(from); }
OCT_INLINE void vi_store(void *to, vi value) { _mm512_storeu_si512(to, value); }
OCT_INLINE vi vi_load_part(const void *from, size_t bytes) {
  return _mm512_maskz_loadu_epi8(((__mmask64)1 << bytes) - 1, from);
}
OCT_INLINE void vi_store_part(void *to, vi value, size_t bytes) {
  _mm512_mask_storeu_epi8(to, ((__mmask64)1 << bytes) - 1, value);
}
OCT_INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
OCT_INLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
OCT_INLINE vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
OCT_INLINE vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
OCT_INLINE vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
OCT_INLINE vi vi_max(vi a, vi b) { return _mm512_max_epi32(a, b); }
OCT_INLINE vi vi_min(vi a, vi b) { return _mm512_min_epi32(a, b); }
OCT_INLINE vi vi_shift_right(vi value, int bits) { return _mm512_srl_epi32(value, _mm_cvtsi32_si128(bits)); }
OCT_INLINE vi vi_shift_left(vi value, int bits) { return _mm512_sll_epi32(value, _mm_cvtsi32_si128(bits)); }
OCT_INLINE vi vi_select(vm mask, vi yes, vi no) { return _mm512_mask_mov_epi32(no, mask, yes); }

OCT_INLINE vi vf_bits(vf value) { return _mm512_castps_si512(value); }
OCT_INLINE vf vi_as_float(vi bits) { return _mm512_castsi512_ps(bits); }
OCT_INLINE vi vf_to_int(vf value) { return _mm512_cvtps_epi32(value); }
OCT_INLINE vi vf_truncate(vf value) { return _mm512_cvttps_epi32(value); }
OCT_INLINE vf vi_to_float(vi value) { return _mm512_cvtepi32_ps(value); }

OCT_INLINE void vi_load_bytes(const void *from, vi quad[4], const bool is_signed) {
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadu_si128((const void *)((const char *)from + 16 * i));
    quad[i] = is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
  }
}

/* Conversion gives -2^31 for what is too low for int32, whose side the saturating packs keep. */
OCT_INLINE vi vf_to_code(vf value, vf low, vf high) {
  (void)low;
  return _mm512_cvtps_epi32(_mm512_min_ps(value, high));
}
OCT_INLINE vi vi_zero_point(int32_t zero_point) { return _mm512_set1_epi16((int16_t)zero_point); }
OCT_INLINE void vi_store_codes(void *to, const vi quad[4], vi zero_point, const bool is_signed) {
  const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(quad[0], quad[1]), zero_point);
  const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(quad[2], quad[3]), zero_point);
  /* vpack works inside 128-bit lanes: the permutation puts their words in order. */
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = is_signed ? _mm512_packs_epi16(ab, cd) : _mm512_packus_epi16(ab, cd);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, bytes));
}

OCT_INLINE vi vi_add16(vi a, vi b) { return _mm512_add_epi16(a, b); }
OCT_INLINE vi vi_sub16(vi a, vi b) { return _mm512_sub_epi16(a, b); }
OCT_INLINE vi vi_high_bytes16(vi a) { return _mm512_srli_epi16(a, 8); }
OCT_INLINE vi vi_times_256_16(vi a) { return _mm512_slli_epi16(a, 8); }
OCT_INLINE vi vi_dot16(vi a, vi b) { return _mm512_madd_epi16(a, b); }

OCT_INLINE void vm_store_bytes(uint8_t *to, const vm quad[4]) {
  const __mmask32 low = _mm512_kunpackw(quad[1], quad[0]), high = _mm512_kunpackw(quad[3], quad[2]);
  _mm512_storeu_si512(to, _mm512_maskz_set1_epi8(_mm512_kunpackd(high, low), 1));
}
OCT_INLINE void vm_load_bytes(const uint8_t *from, vm quad[4]) {
  const __m512i bytes = _mm512_loadu_si512(from);
  const __mmask64 all = _mm512_test_epi8_mask(bytes, bytes);
  for (int i = 0; i < 4; i++) quad[i] = (vm)(all >> (16 * i));
}

typedef struct vd {
  __m512d low, high;
} vd;
OCT_INLINE vd vd_set(double value) { return (vd){_mm512_set1_pd(value), _mm512_set1_pd(value)}; }
OCT_INLINE vd vd_of(vf value) {
  return (vd){_mm512_cvtps_pd(_mm512_castps512_ps256(value)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(value, 1))};
}
OCT_INLINE vf vd_round(vd value) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(value.low)), _mm512_cvtpd_ps(value.high), 1);
}
OCT_INLINE void vd_store(double *to, vd value) {
  _mm512_storeu_pd(to, value.low);
  _mm512_storeu_pd(to + 8, value.high);
}
OCT_INLINE vd vd_add(vd a, vd b) { return (vd){_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)}; }
OCT_INLINE vd vd_sub(vd a, vd b) { return (vd){_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)}; }
OCT_INLINE vd vd_mul(vd a, vd b) { return (vd){_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)}; }

#endif /* OCT_BASE_VECTOR_AVX512_H */
