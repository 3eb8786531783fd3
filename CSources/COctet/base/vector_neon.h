/* The vocabulary of vector_scalar.h in 4 lanes. Included inside a region of the NEON tier, after <arm_neon.h>,
 * <string.h> and base/unroll.h. Loads and stores go by bytes, which have no alignment. */
#ifndef OCT_BASE_VECTOR_NEON_H
#define OCT_BASE_VECTOR_NEON_H

enum { LANES = 4, QUAD = 16 };

typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;

OCT_INLINE vf vf_set(float value) { return vdupq_n_f32(value); }
OCT_INLINE vf vf_load(const void *from) { return vreinterpretq_f32_u8(vld1q_u8(from)); }
OCT_INLINE void vf_store(void *to, vf value) { vst1q_u8(to, vreinterpretq_u8_f32(value)); }
OCT_INLINE void vf_stream(void *to, vf value) { vf_store(to, value); }
OCT_INLINE void vf_stream_end(void) {}

OCT_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
OCT_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
OCT_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
OCT_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
OCT_INLINE vf vf_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
OCT_INLINE vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
OCT_INLINE vf vf_round(vf value) { return vrndnq_f32(value); }

OCT_INLINE vm vf_less(vf a, vf b) { return vcltq_f32(a, b); }
OCT_INLINE vm vf_within(vf value, vf low, vf high) { return vandq_u32(vcleq_f32(low, value), vcleq_f32(value, high)); }
OCT_INLINE vm vm_and(vm a, vm b) { return vandq_u32(a, b); }
OCT_INLINE vf vf_select(vm mask, vf yes, vf no) { return vbslq_f32(mask, yes, no); }
OCT_INLINE vf vf_keep(vm mask, vf value) {
  return vreinterpretq_f32_u32(vandq_u32(mask, vreinterpretq_u32_f32(value)));
}

OCT_INLINE vi vi_set(int32_t value) { return vdupq_n_s32(value); }
OCT_INLINE vi vi_load(const void *from) { return vreinterpretq_s32_u8(vld1q_u8(from)); }
OCT_INLINE void vi_store(void *to, vi value) { vst1q_u8(to, vreinterpretq_u8_s32(value)); }
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
OCT_INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
OCT_INLINE vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
OCT_INLINE vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
OCT_INLINE vi vi_or(vi a, vi b) { return vorrq_s32(a, b); }
OCT_INLINE vi vi_xor(vi a, vi b) { return veorq_s32(a, b); }
OCT_INLINE vi vi_max(vi a, vi b) { return vmaxq_s32(a, b); }
OCT_INLINE vi vi_min(vi a, vi b) { return vminq_s32(a, b); }
OCT_INLINE vi vi_shift_right(vi value, int bits) {
  return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(value), vdupq_n_s32(-bits)));
}
OCT_INLINE vi vi_shift_left(vi value, int bits) { return vshlq_s32(value, vdupq_n_s32(bits)); }
OCT_INLINE vi vi_select(vm mask, vi yes, vi no) { return vbslq_s32(mask, yes, no); }

OCT_INLINE vi vf_bits(vf value) { return vreinterpretq_s32_f32(value); }
OCT_INLINE vf vi_as_float(vi bits) { return vreinterpretq_f32_s32(bits); }
OCT_INLINE vi vf_to_int(vf value) { return vcvtnq_s32_f32(value); }
OCT_INLINE vi vf_truncate(vf value) { return vcvtq_s32_f32(value); }
OCT_INLINE vf vi_to_float(vi value) { return vcvtq_f32_s32(value); }

OCT_INLINE void vi_load_bytes(const void *from, vi quad[4], const bool is_signed) {
  const uint8x16_t bytes = vld1q_u8(from);
  int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
  int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
  if (is_signed) {
    low = vmovl_s8(vget_low_s8(vreinterpretq_s8_u8(bytes)));
    high = vmovl_s8(vget_high_s8(vreinterpretq_s8_u8(bytes)));
  }
  quad[0] = vmovl_s16(vget_low_s16(low));
  quad[1] = vmovl_s16(vget_high_s16(low));
  quad[2] = vmovl_s16(vget_low_s16(high));
  quad[3] = vmovl_s16(vget_high_s16(high));
}

/* Conversion saturates, and so does what follows. */
OCT_INLINE vi vf_to_code(vf value, vf low, vf high) {
  (void)low;
  return vcvtnq_s32_f32(vf_min(value, high));
}
OCT_INLINE vi vi_zero_point(int32_t zero_point) { return vreinterpretq_s32_s16(vdupq_n_s16((int16_t)zero_point)); }
OCT_INLINE void vi_store_codes(void *to, const vi quad[4], vi zero_point, const bool is_signed) {
  const int16x8_t z = vreinterpretq_s16_s32(zero_point);
  const int16x8_t low = vqaddq_s16(vcombine_s16(vqmovn_s32(quad[0]), vqmovn_s32(quad[1])), z);
  const int16x8_t high = vqaddq_s16(vcombine_s16(vqmovn_s32(quad[2]), vqmovn_s32(quad[3])), z);
  vst1q_u8(to, is_signed ? vreinterpretq_u8_s8(vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)))
                         : vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)));
}

OCT_INLINE uint16x8_t vi_words(vi a) { return vreinterpretq_u16_s32(a); }
OCT_INLINE vi vi_add16(vi a, vi b) { return vreinterpretq_s32_u16(vaddq_u16(vi_words(a), vi_words(b))); }
OCT_INLINE vi vi_sub16(vi a, vi b) { return vreinterpretq_s32_u16(vsubq_u16(vi_words(a), vi_words(b))); }
OCT_INLINE vi vi_high_bytes16(vi a) { return vreinterpretq_s32_u16(vshrq_n_u16(vi_words(a), 8)); }
OCT_INLINE vi vi_times_256_16(vi a) { return vreinterpretq_s32_u16(vshlq_n_u16(vi_words(a), 8)); }
OCT_INLINE vi vi_dot16(vi a, vi b) {
  const int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
  return vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
}

OCT_INLINE void vm_store_bytes(uint8_t *to, const vm quad[4]) {
  const uint16x8_t low = vcombine_u16(vmovn_u32(quad[0]), vmovn_u32(quad[1]));
  const uint16x8_t high = vcombine_u16(vmovn_u32(quad[2]), vmovn_u32(quad[3]));
  vst1q_u8(to, vandq_u8(vcombine_u8(vmovn_u16(low), vmovn_u16(high)), vdupq_n_u8(1)));
}
OCT_INLINE void vm_load_bytes(const uint8_t *from, vm quad[4]) {
  vi bytes[4];
  vi_load_bytes(from, bytes, false);
  OCT_UNROLL
  for (int i = 0; i < 4; i++) quad[i] = vtstq_s32(bytes[i], bytes[i]);
}

typedef struct vd {
  float64x2_t low, high;
} vd;
OCT_INLINE vd vd_set(double value) { return (vd){vdupq_n_f64(value), vdupq_n_f64(value)}; }
OCT_INLINE vd vd_of(vf value) { return (vd){vcvt_f64_f32(vget_low_f32(value)), vcvt_high_f64_f32(value)}; }
OCT_INLINE vf vd_round(vd value) { return vcvt_high_f32_f64(vcvt_f32_f64(value.low), value.high); }
OCT_INLINE void vd_store(double *to, vd value) {
  vst1q_f64(to, value.low);
  vst1q_f64(to + 2, value.high);
}
OCT_INLINE vd vd_add(vd a, vd b) { return (vd){vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)}; }
OCT_INLINE vd vd_sub(vd a, vd b) { return (vd){vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high)}; }
OCT_INLINE vd vd_mul(vd a, vd b) { return (vd){vmulq_f64(a.low, b.low), vmulq_f64(a.high, b.high)}; }

#endif /* OCT_BASE_VECTOR_NEON_H */
