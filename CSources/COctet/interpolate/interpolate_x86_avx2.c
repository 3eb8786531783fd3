/* Interpolation on AVX2: the shared loop in vectors of eight float32 (vpmovzxbd, vcvtdq2ps, vmulps). Tile: what the
 * compiler unrolls to, 8 or more channels of one pixel. Bound by conversions. */
#include "loops.h"

#if OCT_ARCH_X86

OCT_ISA_BEGIN(AVX2)

static void blend(const oct_blend *pixels, size_t channels, uint8_t *y) { oct_blend_channels(pixels, channels, y); }

OCT_ISA_END

const oct_interpolate_kernels oct_interpolate_avx2 = {.name = "avx2", .isa = OCT_ISA_AVX2, .blend = blend};

#endif /* OCT_ARCH_X86 */
