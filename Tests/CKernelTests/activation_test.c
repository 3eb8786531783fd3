/* GELU bit by bit against a plain loop, and within its bound of double: every tier that this CPU runs, counts around a quad, guarded buffers,
 * odd addresses, every size of number, infinities and NaN, threads, refusals. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "activation/kernels.h"
#include "check.h"
#include "octet.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* Any NaN is the same as any other. */
static bool same_bits(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

static float exponential(float y) {
  static const float coefficients[] = {0x1.6bebfep-10f, 0x1.1227b0p-7f, 0x1.555674p-5f, 0x1.5554b0p-3f, 0x1.fffffep-2f};
  if (isnan(y)) return y;
  if (y < -104.0f) y = -104.0f;
  const float shifted = y * 0x1.715476p+0f + 12582912.0f, n = shifted - 12582912.0f;
  const float r = (y - n * 0x1.63p-1f) - n * -0x1.bd0106p-13f, power = ldexpf(1.0f, (int)n + 100);
  float q = coefficients[0];
  for (int c = 1; c < 5; c++) q = q * r + coefficients[c];
  const float p = q * (r * r) + r;
  return (power * p + power) * 0x1p-100f;
}

static float plain_gelu(float x) {
  static const float coefficients[] = {0x1.3aa224p-5f, -0x1.5abddep-3f, 0x1.d4e4aap-3f, -0x1.3abc36p-4f, 0x1.24621ep-3f,
                                       0x1.836c78p-4f, 0x1.f37ce0p-4f,  0x1.e96846p-4f, 0x1.eec078p-18f};
  const float a = fabsf(x), t = 1.0f / (a * 0.3f + 1.0f), e = exponential(a * a * -0.5f);
  float r = coefficients[0];
  for (int c = 1; c < 9; c++) r = r * t + coefficients[c];
  const float q = e * r;
  return x * (x < 0.0f ? q : 1.0f - q);
}

static bool near_exact(float x, float y) {
  const double want = (double)x * 0.5 * erfc(-(double)x / sqrt(2.0)), error = fabs((double)y - want);
  if (isnan(x) || x == -INFINITY) return isnan(y);
  if (isinf(x)) return y == x;
  return error <= fmax(0x1p-22 * fabs((double)x), 0x1p-149) && (fabs(want) < 0x1p-126 || error <= 0x1p-14 * fabs(want));
}

static void test_numbers(const oct_activation_kernels *kernels) {
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 64 * 1021) {
    float x[64], y[64];
    for (size_t i = 0; i < 64; i++) {
      const uint32_t one = (uint32_t)(bits + i * 1021);
      memcpy(&x[i], &one, sizeof one);
    }
    kernels->gelu(x, 64, y);
    for (size_t i = 0; i < 64; i++) {
      if (!check(same_bits(y[i], plain_gelu(x[i])), "%s: gelu(%.9g) is %.9g, expected %.9g", kernels->name,
                 (double)x[i], (double)y[i], (double)plain_gelu(x[i])) ||
          !check(near_exact(x[i], y[i]), "%s: gelu(%.9g) is %.9g, far from exact", kernels->name, (double)x[i],
                 (double)y[i]))
        return;
    }
  }
}

static void test_counts(check_random *random, const char *tier) {
  static const float ends[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-42f, 3e38f, -3e38f};
  for (size_t turn = 0; turn < 200; turn++) {
    const size_t count = turn % 20 ? check_next(random) % 300 : 20000 + turn;
    check_guard x = check_guard_make(count * sizeof(float)), y = check_guard_make(count * sizeof(float));
    float *from = (float *)(void *)x.bytes, *to = turn % 3 ? (float *)(void *)y.bytes : from;
    float *want = check_aligned(count * sizeof(float) + 1);
    for (size_t i = 0; i < count; i++) {
      from[i] = check_next(random) % 16 ? check_real(random, -6, 6) : ends[check_next(random) % 8];
      want[i] = plain_gelu(from[i]);
    }
    const oct_run run = {.struct_size = sizeof run, .threads = 1 + (int)(turn % 3)};
    bool good = check_ok(oct_gelu(from, count, to, &run), tier);
    for (size_t i = 0; i < count && good; i++)
      good = check(same_bits(to[i], want[i]), "%s: element %zu of %zu is %.9g, expected %.9g", tier, i, count,
                   (double)to[i], (double)want[i]);
    check(check_guard_intact(&x) && check_guard_intact(&y), "%s: bytes before a buffer", tier);
    free(want);
    check_guard_free(&x), check_guard_free(&y);
  }
}

static void test_odd_addresses(check_random *random, const oct_activation_kernels *kernels) {
  for (size_t offset = 0; offset < 4; offset++) {
    unsigned char from[4 * 70 + 4], to[4 * 70 + 4];
    float values[70], want[70];
    for (size_t i = 0; i < 70; i++) want[i] = plain_gelu(values[i] = check_real(random, -4, 4));
    memcpy(from + offset, values, sizeof values);
    kernels->gelu((const float *)(const void *)(from + offset), 70, (float *)(void *)(to + offset));
    check(memcmp(to + offset, want, sizeof want) == 0, "%s: gelu at an odd address %zu", kernels->name, offset);
  }
}

static void test_refusals(void) {
  float x[2] = {1, 2}, y[2] = {77, 77};
  const oct_run wrong = {.struct_size = 1};
  check_refused(oct_gelu(NULL, 2, y, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_gelu(x, 2, NULL, NULL), OCT_INVALID_ARGUMENT, "null y");
  check_refused(oct_gelu(x, 2, y, &wrong), OCT_INVALID_ARGUMENT, "run");
  check_refused(oct_gelu(x, SIZE_MAX / 2, y, NULL), OCT_OVERFLOW, "immense count");
  check(y[0] == 77, "a refused call wrote to y");
  check_ok(oct_gelu(NULL, 0, NULL, NULL), "no elements");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_activation_kernels *kernels = NULL;
    if (!check_ok(oct_activation_select(&kernels), "select") || reached[kernels->isa]) continue;
    reached[kernels->isa] = true;
    const int before = check_failures;
    check_random random = {9};
    test_numbers(kernels);
    test_counts(&random, kernels->name);
    test_odd_addresses(&random, kernels);
    test_refusals();
    printf("activation on %s: %d failures\n", kernels->name, check_failures - before);
  }
#define OCT_ACTIVATION_KERNELS(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernels " #symbol " were not reached");
#include "activation/activation.def"
#undef OCT_ACTIVATION_KERNELS
  return check_report("activation");
}
