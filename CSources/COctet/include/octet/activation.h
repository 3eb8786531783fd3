/* Activations of float32. */
#ifndef OCTET_ACTIVATION_H
#define OCTET_ACTIVATION_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y = x * P(x), P the normal distribution's integral: x * q for negative x, else x * (1 - q), with q = exp(-a * a / 2) * R(t), a = |x|,
 * t = 1 / (1 + 0.3 * a) and R a polynomial. Every operation is rounded by itself: the same bits on every tier and for any number of
 * threads. Good to 2^-22 of |x| or one denormal step, and to 2^-14 of y where
 * that is a normal number. NaN gives NaN, and so does minus infinity. y may be x. */
OCT_API oct_status oct_gelu(const float *x, size_t count, float *y, const oct_run *run);

#ifdef __cplusplus
}
#endif

#endif /* OCTET_ACTIVATION_H */
