/* Interpolation on AVX-512: the shared loop in vectors of sixteen float32 (vpmovzxbd, vcvtdq2ps, vmulps, vpmovdb).
 * Tile: what the compiler unrolls to, 16 or more channels of one pixel. Bound by conversions. */
#include "loops.h"

#if OCT_ARCH_X86

OCT_ISA_BEGIN(AVX512VNNI)

static void blend(const oct_blend *pixels, size_t channels, uint8_t *y) { oct_blend_channels(pixels, channels, y); }

OCT_ISA_END

const oct_interpolate_kernels oct_interpolate_avx512vnni = {
    .name = "avx512vnni", .isa = OCT_ISA_AVX512VNNI, .blend = blend};

#endif /* OCT_ARCH_X86 */
