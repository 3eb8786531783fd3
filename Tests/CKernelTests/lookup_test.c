/* Lookups and joined rows against plain loops: every tier that this CPU runs, guarded buffers, every length up to 300, in
 * place, threads, refusals. */
#define _DEFAULT_SOURCE
#include "check.h"
#include "elementwise/kernels.h"
#include "octet.h"

static void test_lookup(check_random *random) {
  for (size_t count = 0; count <= 300; count++)
    for (int in_place = 0; in_place < 2; in_place++) {
      check_guard x = check_guard_make(count), y = check_guard_make(count);
      check_guard table = check_guard_make(OCT_LOOKUP_ENTRIES);
      uint8_t before[300];
      for (size_t i = 0; i < OCT_LOOKUP_ENTRIES; i++) table.bytes[i] = (uint8_t)check_next(random);
      for (size_t i = 0; i < count; i++) before[i] = x.bytes[i] = (uint8_t)(count < 256 ? check_next(random) : i);
      uint8_t *out = in_place ? x.bytes : y.bytes;
      check_ok(oct_lookup(x.bytes, count, table.bytes, out, NULL), "lookup");
      bool same = true;
      for (size_t i = 0; i < count && same; i++)
        same = check(out[i] == table.bytes[before[i]], "lookup of %zu: element %zu, code %u is %u, expected %u", count,
                     i, before[i], out[i], table.bytes[before[i]]);
      check(check_guard_intact(&x) && check_guard_intact(&y), "lookup wrote before a buffer of %zu", count);
      check_guard_free(&x);
      check_guard_free(&y);
      check_guard_free(&table);
    }
}

static void test_threads(check_random *random) {
  const size_t count = 1000003;
  uint8_t *x = malloc(count), *y = malloc(count), table[OCT_LOOKUP_ENTRIES];
  if (!x || !y) exit(2);
  check_fill_bytes(random, CHECK_RANDOM, OCT_U8, x, count);
  for (size_t i = 0; i < OCT_LOOKUP_ENTRIES; i++) table[i] = (uint8_t)(255 - i * 7);
  for (int threads = 1; threads <= 5; threads++) {
    const oct_run run = {.struct_size = sizeof run, .threads = threads};
    check_ok(oct_lookup(x, count, table, y, &run), "lookup on threads");
    bool same = true;
    for (size_t i = 0; i < count && same; i++)
      same = check(y[i] == table[x[i]], "lookup on %d threads: element %zu", threads, i);
  }
  free(x);
  free(y);
}

enum { MOST_PARTS = 5 };

static void join(check_random *random, size_t part_count, size_t rows, size_t longest, int threads) {
  oct_joined parts[MOST_PARTS];
  check_guard x[MOST_PARTS], tables[MOST_PARTS];
  size_t columns = 0;
  for (size_t p = 0; p < part_count; p++) {
    parts[p].columns = check_next(random) % (longest + 1);
    columns += parts[p].columns;
    x[p] = check_guard_make(rows * parts[p].columns);
    tables[p] = check_guard_make(OCT_LOOKUP_ENTRIES);
    check_fill_bytes(random, CHECK_RANDOM, OCT_U8, x[p].bytes, x[p].size);
    check_fill_bytes(random, CHECK_RANDOM, OCT_U8, tables[p].bytes, OCT_LOOKUP_ENTRIES);
    parts[p].x = x[p].size ? x[p].bytes : NULL;
    parts[p].table = check_next(random) % 3 ? tables[p].bytes : NULL;
  }
  check_guard y = check_guard_make(rows * columns);
  const oct_run run = {.struct_size = sizeof run, .threads = threads};
  bool same = check_ok(oct_join_rows(parts, part_count, rows, y.bytes, &run), "join");
  const uint8_t *at = y.bytes;
  for (size_t row = 0; row < rows && same; row++)
    for (size_t p = 0; p < part_count; p++)
      for (size_t c = 0; c < parts[p].columns && same; c++, at++) {
        const uint8_t code = x[p].bytes[row * parts[p].columns + c];
        same = check(*at == (parts[p].table ? parts[p].table[code] : code), "row %zu of %zu, part %zu of %zu, byte %zu",
                     row, rows, p, part_count, c);
      }
  check(check_guard_intact(&y), "join wrote before its output");
  for (size_t p = 0; p < part_count; p++) {
    check_guard_free(&x[p]);
    check_guard_free(&tables[p]);
  }
  check_guard_free(&y);
}

static void test_joins(check_random *random) {
  for (size_t turn = 0; turn < 300; turn++)
    join(random, turn % (MOST_PARTS + 1), turn % 8, turn % 3 ? 40 : 300, 1 + (int)(turn % 3));
  for (int threads = 1; threads <= 4; threads++) {
    join(random, 3, 1001, 300, threads);
    join(random, 2, 2, 400000, threads);
  }
}

static void test_join_refusals(void) {
  uint8_t x[8] = {0}, y[16] = {77}, table[OCT_LOOKUP_ENTRIES] = {1};
  oct_joined parts[2] = {{x, 2, table}, {x, 2, NULL}};
  const oct_run bad_run = {.struct_size = 1};
  check_refused(oct_join_rows(NULL, 2, 4, y, NULL), OCT_INVALID_ARGUMENT, "null parts");
  check_refused(oct_join_rows(parts, 2, 4, NULL, NULL), OCT_INVALID_ARGUMENT, "null y");
  check_refused(oct_join_rows(parts, 2, SIZE_MAX, y, NULL), OCT_OVERFLOW, "immense");
  check_refused(oct_join_rows(parts, 2, 4, y, &bad_run), OCT_INVALID_ARGUMENT, "run size");
  check_refused(oct_join_rows(parts, 2, 4, x, NULL), OCT_INVALID_ARGUMENT, "over a part");
  check_refused(oct_join_rows(parts, 2, 4, table, NULL), OCT_INVALID_ARGUMENT, "over a table");
  parts[1].columns = SIZE_MAX;
  check_refused(oct_join_rows(parts, 2, 4, y, NULL), OCT_OVERFLOW, "columns");
  parts[1] = (oct_joined){NULL, 2, NULL};
  check_refused(oct_join_rows(parts, 2, 4, y, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_ok(oct_join_rows(NULL, 0, 4, NULL, NULL), "no parts");
  check_ok(oct_join_rows(parts, 2, 0, NULL, NULL), "no rows");
  check(y[0] == 77, "a refused join wrote to y");
}

static void test_lookup_refusals(void) {
  uint8_t x[8] = {0}, y[8] = {77}, table[OCT_LOOKUP_ENTRIES] = {1};
  const oct_run bad_run = {.struct_size = 1}, negative = {.struct_size = sizeof negative, .threads = -1};
  check_refused(oct_lookup(NULL, 4, table, y, NULL), OCT_INVALID_ARGUMENT, "null x");
  check_refused(oct_lookup(x, 4, table, NULL, NULL), OCT_INVALID_ARGUMENT, "null y");
  check_refused(oct_lookup(x, 4, NULL, y, NULL), OCT_INVALID_ARGUMENT, "null table");
  check_refused(oct_lookup(x, SIZE_MAX, table, y, NULL), OCT_OVERFLOW, "count");
  check_refused(oct_lookup(y + 1, 4, table, y, NULL), OCT_INVALID_ARGUMENT, "overlap from behind");
  check_refused(oct_lookup(y, 4, table, y + 3, NULL), OCT_INVALID_ARGUMENT, "overlap from before");
  check_refused(oct_lookup(table, 4, table, table, NULL), OCT_INVALID_ARGUMENT, "over the table");
  check_refused(oct_lookup(x, 4, table, y, &bad_run), OCT_INVALID_ARGUMENT, "run size");
  check_refused(oct_lookup(x, 4, table, y, &negative), OCT_INVALID_ARGUMENT, "negative threads");
  check_ok(oct_lookup(NULL, 0, table, NULL, NULL), "nothing");
  check(y[0] == 77, "a refused lookup wrote to y");
  check_ok(oct_lookup(y, 4, table, y + 4, NULL), "neighbours");
}

int main(void) {
  bool reached[OCT_ISA_COUNT] = {false};
  for (int isa = 0; isa < OCT_ISA_COUNT; isa++) {
    if (!oct_isa_supported((oct_isa)isa)) continue;
    check_ok(oct_set_max_isa((oct_isa)isa), "cap");
    const oct_lookup_kernel *kernel = NULL;
    if (!check_ok(oct_lookup_select(&kernel), "select") || reached[kernel->isa]) continue;
    reached[kernel->isa] = true;
    const int before = check_failures;
    check_random random = {20240917};
    test_lookup(&random);
    test_threads(&random);
    test_joins(&random);
    printf("lookup on %s: %d failures\n", kernel->name, check_failures - before);
  }
  test_lookup_refusals();
  test_join_refusals();
#define OCT_LOOKUP_KERNEL(isa, arch, symbol) \
  check(!oct_isa_supported(OCT_ISA_##isa) || reached[OCT_ISA_##isa], "kernel " #symbol " was not reached");
#include "elementwise/lookup.def"
#undef OCT_LOOKUP_KERNEL
  return check_report("lookup");
}
