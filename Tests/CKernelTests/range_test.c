/* The passes over arrays of arguments against plain loops: one value among good ones, at every place, for lengths
 * around a vector's and at addresses that are no multiple of anything. */
#define _DEFAULT_SOURCE
#include "base/range.h"

#include <math.h>

#include "check.h"

enum { LONGEST = 19 };

static const int32_t words[] = {0,   1,   -1,         INT32_MAX,     INT32_MIN, INT32_MAX - 1, INT32_MIN + 1,
                                30,  31,  -31,        -32,           1 << 30,   (1 << 30) - 1, -129,
                                127, 128, -(1 << 30), -(1 << 30) - 1};
static const int64_t longs[] = {0,
                                1,
                                -1,
                                127,
                                128,
                                -128,
                                -129,
                                255,
                                256,
                                INT32_MAX,
                                INT32_MIN,
                                (int64_t)INT32_MAX + 1,
                                INT64_MAX,
                                INT64_MIN,
                                INT64_MAX - 127,
                                INT64_MIN + 128,
                                (int64_t)INT32_MIN - 1};
enum { WORDS = sizeof words / sizeof *words, LONGS = sizeof longs / sizeof *longs };

static void test_words(void) {
  static const int32_t ranges[][2] = {{-31, 30},           {1 << 30, INT32_MAX}, {0, INT32_MAX},
                                      {-1, INT32_MAX - 1}, {INT32_MIN, -1},      {0, 0}};
  static char memory[4 * LONGEST + 1];
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
    for (size_t n = 0; n <= LONGEST; n++)
      for (size_t place = 0; place < n; place++)
        for (size_t v = 0; v < WORDS; v++) {
          char *from = memory + n % 2;
          for (size_t i = 0; i < n; i++) memcpy(from + 4 * i, i == place ? &words[v] : &ranges[r][i % 2], 4);
          const bool want = words[v] >= ranges[r][0] && words[v] <= ranges[r][1];
          check(oct_all_within_s32(from, n, ranges[r][0], ranges[r][1]) == want, "%d of %zu words within %d...%d",
                (int)words[v], n, (int)ranges[r][0], (int)ranges[r][1]);
        }
  check(oct_all_within_s32(memory, 0, 1, 2), "no word is outside");
}

static void test_longs(void) {
  static const int64_t ranges[][2] = {{0, 255}, {-128, 127}, {INT32_MIN, INT32_MAX}, {1, INT64_MAX}, {INT64_MIN, -1}};
  static char memory[8 * LONGEST + 1];
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
    for (size_t n = 0; n <= LONGEST; n++)
      for (size_t place = 0; place < n; place++)
        for (size_t v = 0; v < LONGS; v++) {
          char *from = memory + n % 2;
          for (size_t i = 0; i < n; i++) memcpy(from + 8 * i, i == place ? &longs[v] : &ranges[r][i % 2], 8);
          const bool want = longs[v] >= ranges[r][0] && longs[v] <= ranges[r][1];
          check(oct_all_within_s64(from, n, ranges[r][0], ranges[r][1]) == want, "%lld of %zu longs",
                (long long)longs[v], n);
        }
  check(oct_all_within_s64(memory, 0, 1, 2), "no long is outside");
}

static void test_positive(void) {
  static const float floats[] = {0.0f,       -0.0f,           1.0f,      -1.0f,      0x1p-149f,
                                 -0x1p-149f, INFINITY,        -INFINITY, NAN,        -NAN,
                                 0x1p-126f,  0x1.fffffep127f, 1e-3f,     -0x1p-126f, -0x1.fffffep127f};
  static const double doubles[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, -NAN, 0x1p-1074, -0x1p-1074,
                                   0x1.fffffffffffffp1023, -0x1.fffffffffffffp1023,
                                   /* The ends of what float32 can round to. */
                                   0x1p-150, 0x1.0000000000001p-150, 0x1p-149, 0x1.fffffffffffffp-151, 0x1.fffffep127,
                                   0x1.ffffffp127, 0x1.fffffefffffffp127, 0x1p128};
  for (size_t n = 1; n <= LONGEST; n++)
    for (size_t place = 0; place < n; place++) {
      float x[LONGEST];
      double wide[LONGEST];
      for (size_t i = 0; i < n; i++) wide[i] = x[i] = 0.5f;
      for (size_t v = 0; v < sizeof floats / sizeof *floats; v++) {
        x[place] = floats[v];
        check(oct_all_positive_f32(x, n) == (floats[v] > 0 && !isinf(floats[v])), "float %a", (double)floats[v]);
      }
      for (size_t v = 0; v < sizeof doubles / sizeof *doubles; v++) {
        const float narrowed = (float)doubles[v];
        wide[place] = doubles[v];
        check(oct_all_positive_f64(wide, n, false) == (doubles[v] > 0 && !isinf(doubles[v])), "double %a", doubles[v]);
        check(oct_all_positive_f64(wide, n, true) == (narrowed > 0 && !isinf(narrowed)), "narrowed %a", doubles[v]);
      }
    }
}

static void test_extremes(check_random *random) {
  char memory[4 * LONGEST + 1];
  for (int round = 0; round < 2000; round++) {
    const size_t n = 1 + check_next(random) % LONGEST;
    char *from = memory + round % 2;
    int32_t low = INT32_MAX, high = INT32_MIN, got_low, got_high;
    for (size_t i = 0; i < n; i++) {
      const int32_t v = check_next(random) % 4 ? (int32_t)check_next(random) : words[check_next(random) % WORDS];
      memcpy(from + 4 * i, &v, 4);
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    oct_extremes_s32(from, n, &got_low, &got_high);
    check(got_low == low && got_high == high, "extremes of %zu: %d and %d, expected %d and %d", n, (int)got_low,
          (int)got_high, (int)low, (int)high);
  }
}

static void test_fill(void) {
  for (size_t n = 0; n <= LONGEST; n++) {
    float values[LONGEST + 1];
    for (size_t i = 0; i <= LONGEST; i++) values[i] = 7.0f;
    oct_fill_f32(values, n, -0.0f);
    for (size_t i = 0; i <= LONGEST; i++)
      check(i < n ? values[i] == 0.0f && signbit(values[i]) : values[i] == 7.0f, "fill of %zu at %zu", n, i);
  }
}

int main(void) {
  check_random random = {20};
  test_words();
  test_longs();
  test_positive();
  test_extremes(&random);
  test_fill();
  return check_report("range");
}
