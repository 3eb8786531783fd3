/* The vocabulary of vector_scalar.h in 8 lanes. Included inside a region of the AVX2 tier, after <immintrin.h>,
 * <string.h> and base/unroll.h. */
#ifndef OCT_BASE_VECTOR_AVX2_H
#define OCT_BASE_VECTOR_AVX2_H

enum { LANES = 8, QUAD = 32 };

typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

OCT_INLINE vf vf_set(float value) { return _mm256_set1_ps(value); }
OCT_INLINE vf vf_load(const void *from) { return _mm256_loadu_ps(from); }
OCT_INLINE void vf_store(void *to, vf value) { _mm256_storeu_ps(to, value); }
OCT_INLINE void vf_stream(void *to, vf value) { _mm256_stream_ps(to, value); }
OCT_INLINE void vf_stream_end(void) { _mm_sfence(); }

OCT_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
OCT_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
OCT_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
OCT_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
OCT_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
OCT_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
OCT_INLINE vf vf_round(vf value) { return _mm256_round_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

OCT_INLINE vm vf_less(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
OCT_INLINE vm vf_within(vf value, vf low, vf high) {
  return _mm256_and_ps(_mm256_cmp_ps(low, value, _CMP_LE_OQ), _mm256_cmp_ps(value, high, _CMP_LE_OQ));
}
OCT_INLINE vm vm_and(vm a, vm b) { return _mm256_and_ps(a, b); }
OCT_INLINE vf vf_select(vm mask, vf yes, vf no) { return _mm256_blendv_ps(no, yes, mask); }
OCT_INLINE vf vf_keep(vm mask, vf value) { return _mm256_and_ps(mask, value); }

OCT_INLINE vi vi_set(int32_t value) { return _mm256_set1_epi32(value); }
OCT_INLINE vi vi_load(const void *from) { return _mm256_loadu_si256(from); }
OCT_INLINE void vi_store(void *to, vi value) { _mm256_storeu_si256(to, value); }
OCT_INLINE vi vi_load_part(const void *from, size_t bytes) {
  uint8_t whole[QUAD] = {0};
  memcpy(whole, from, bytes);
  return vi_load(whole);
}
OCT_INLINE void vi_store_part(void *to, vi value, size_t bytes) {
  uint8_t whole[QUAD];
  vi_store(whole, value);
  memcpy(to, whole, bytes);
}
OCT_INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
OCT_INLINE vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
OCT_INLINE vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
OCT_INLINE vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
OCT_INLINE vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
OCT_INLINE vi vi_max(vi a, vi b) { return _mm256_max_epi32(a, b); }
OCT_INLINE vi vi_min(vi a, vi b) { return _mm256_min_epi32(a, b); }
OCT_INLINE vi vi_shift_right(vi value, int bits) { return _mm256_srl_epi32(value, _mm_cvtsi32_si128(bits)); }
OCT_INLINE vi vi_shift_left(vi value, int bits) { return _mm256_sll_epi32(value, _mm_cvtsi32_si128(bits)); }
OCT_INLINE vi vi_select(vm mask, vi yes, vi no) { return _mm256_blendv_epi8(no, yes, _mm256_castps_si256(mask)); }

OCT_INLINE vi vf_bits(vf value) { return _mm256_castps_si256(value); }
OCT_INLINE vf vi_as_float(vi bits) { return _mm256_castsi256_ps(bits); }
OCT_INLINE vi vf_to_int(vf value) { return _mm256_cvtps_epi32(value); }
OCT_INLINE vi vf_truncate(vf value) { return _mm256_cvttps_epi32(value); }
OCT_INLINE vf vi_to_float(vi value) { return _mm256_cvtepi32_ps(value); }

OCT_INLINE void vi_load_bytes(const void *from, vi quad[4], const bool is_signed) {
  OCT_UNROLL
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadl_epi64((const void *)((const char *)from + 8 * i));
    quad[i] = is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
  }
}
/* vpack works inside 128-bit lanes: the permutation puts their words in order. */
OCT_INLINE __m256i vi_in_order(__m256i bytes) {
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Conversion gives -2^31 for what is too low for int32, whose side the saturating packs keep. */
OCT_INLINE vi vf_to_code(vf value, vf low, vf high) {
  (void)low;
  return _mm256_cvtps_epi32(_mm256_min_ps(value, high));
}
OCT_INLINE vi vi_zero_point(int32_t zero_point) { return _mm256_set1_epi16((int16_t)zero_point); }
OCT_INLINE void vi_store_codes(void *to, const vi quad[4], vi zero_point, const bool is_signed) {
  const __m256i ab = _mm256_adds_epi16(_mm256_packs_epi32(quad[0], quad[1]), zero_point);
  const __m256i cd = _mm256_adds_epi16(_mm256_packs_epi32(quad[2], quad[3]), zero_point);
  _mm256_storeu_si256(to, vi_in_order(is_signed ? _mm256_packs_epi16(ab, cd) : _mm256_packus_epi16(ab, cd)));
}

OCT_INLINE vi vi_add16(vi a, vi b) { return _mm256_add_epi16(a, b); }
OCT_INLINE vi vi_sub16(vi a, vi b) { return _mm256_sub_epi16(a, b); }
OCT_INLINE vi vi_high_bytes16(vi a) { return _mm256_srli_epi16(a, 8); }
OCT_INLINE vi vi_times_256_16(vi a) { return _mm256_slli_epi16(a, 8); }
OCT_INLINE vi vi_dot16(vi a, vi b) { return _mm256_madd_epi16(a, b); }

OCT_INLINE void vm_store_bytes(uint8_t *to, const vm quad[4]) {
  const __m256i ab = _mm256_packs_epi32(_mm256_castps_si256(quad[0]), _mm256_castps_si256(quad[1]));
  const __m256i cd = _mm256_packs_epi32(_mm256_castps_si256(quad[2]), _mm256_castps_si256(quad[3]));
  const __m256i all = vi_in_order(_mm256_packs_epi16(ab, cd));
  _mm256_storeu_si256((void *)to, _mm256_and_si256(all, _mm256_set1_epi8(1)));
}
OCT_INLINE void vm_load_bytes(const uint8_t *from, vm quad[4]) {
  vi bytes[4];
  vi_load_bytes(from, bytes, false);
  OCT_UNROLL
  for (int i = 0; i < 4; i++) quad[i] = _mm256_castsi256_ps(_mm256_cmpgt_epi32(bytes[i], _mm256_setzero_si256()));
}

typedef struct vd {
  __m256d low, high;
} vd;
OCT_INLINE vd vd_set(double value) { return (vd){_mm256_set1_pd(value), _mm256_set1_pd(value)}; }
OCT_INLINE vd vd_of(vf value) {
  return (vd){_mm256_cvtps_pd(_mm256_castps256_ps128(value)), _mm256_cvtps_pd(_mm256_extractf128_ps(value, 1))};
}
OCT_INLINE vf vd_round(vd value) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(value.low)), _mm256_cvtpd_ps(value.high), 1);
}
OCT_INLINE void vd_store(double *to, vd value) {
  _mm256_storeu_pd(to, value.low);
  _mm256_storeu_pd(to + 4, value.high);
}
OCT_INLINE vd vd_add(vd a, vd b) { return (vd){_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)}; }
OCT_INLINE vd vd_sub(vd a, vd b) { return (vd){_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)}; }
OCT_INLINE vd vd_mul(vd a, vd b) { return (vd){_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)}; }

#endif /* OCT_BASE_VECTOR_AVX2_H */
