/* Blocks of tiles, and sums beyond int32. */
#include "gemm_run.h"

#include "base/align.h"
#include "base/range.h"
#include "gemm_rows.h"

OCT_FP_STRICT

static size_t array_bytes(size_t columns) { return oct_round_up(columns * 4, OCT_ALIGNMENT); }

size_t oct_gemm_column_bytes(const oct_gemm_packed *packed) { return 3 * array_bytes(packed->columns); }

/* True when some |acc + bias| may be beyond int32. */
static bool may_leave_int32(const oct_gemm_packed *packed, int32_t a_zero_point, const oct_output *output,
                            size_t first) {
  const int32_t low = packed->a_dtype == OCT_U8 ? 0 : -128, high = packed->a_dtype == OCT_U8 ? 255 : 127;
  const int32_t below = a_zero_point - low, above = high - a_zero_point;
  const uint64_t product = (uint64_t)(below > above ? below : above) * (uint64_t)packed->largest;
  uint64_t bound;
  if (__builtin_mul_overflow(product, (uint64_t)packed->k, &bound) || bound > INT32_MAX) return true;
  return !oct_output_bias_fits(output, first, packed->n, (int64_t)bound);
}

oct_gemm_prepared oct_gemm_lay_out(const oct_gemm_packed *packed, int32_t a_zero_point, const oct_output *output,
                                   size_t first, void *memory) {
  const size_t bytes = array_bytes(packed->columns);
  float *multiplier = (float *)(void *)((char *)memory + bytes), *bias = (float *)(void *)((char *)memory + 2 * bytes);
  return (oct_gemm_prepared){
      .packed = packed,
      .output = output,
      .first = first,
      .zero = oct_gemm_form_zero(packed, a_zero_point),
      .wide = may_leave_int32(packed, a_zero_point, output, first),
      .scale = 1.0f,
      .term = memory,
      .stage = oct_stage_make(output, first, packed->n, multiplier, bias),
      .multiplier = multiplier,
      .bias = bias,
  };
}

void oct_gemm_columns__scalar(const oct_gemm_columns *columns) {
  const size_t begin = columns->begin, end = columns->end, n = end < columns->n ? end : columns->n;
  const size_t biased = columns->bias ? n : begin, biased_real = columns->real_from ? n : begin;
  const uint32_t zero = (uint32_t)columns->zero, k_zero = (uint32_t)columns->k_zero;
  int32_t *term = columns->term;
  /* Products of 32 bits in 64, which vectors have everywhere. */
  for (size_t i = begin; i < biased; i++)
    term[i] = (int32_t)((uint32_t)columns->bias[i] - (uint32_t)((uint64_t)zero * (uint32_t)columns->column_sum[i]));
  for (size_t i = biased; i < end; i++)
    term[i] = (int32_t)(0u - (uint32_t)((uint64_t)zero * (uint32_t)columns->column_sum[i]));
  for (size_t i = begin; columns->minus_zero && i < end; i++)
    term[i] = (int32_t)((uint32_t)term[i] - k_zero * (uint32_t)columns->minus_zero[i]);
  if (!columns->from) return;
  if (columns->from_count == 1) oct_fill_f32(columns->multiplier + begin, n - begin, columns->from[0] * columns->scale);
  for (size_t i = begin; columns->from_count != 1 && i < n; i++)
    columns->multiplier[i] = columns->from[i] * columns->scale;
  oct_fill_f32(columns->multiplier + n, end - n, 1.0f);
  for (size_t i = begin; i < biased_real; i++) columns->real_bias[i] = columns->real_from[i];
  oct_fill_f32(columns->real_bias + biased_real, end - biased_real, -0.0f);
}

void oct_gemm_fill_columns(const oct_gemm_prepared *prepared, size_t begin, size_t end) {
  const oct_gemm_packed *packed = prepared->packed;
  const oct_output *output = prepared->output;
  const size_t first = prepared->first, from = output->multiplier_count == 1 ? 0 : first;
  const oct_gemm_columns columns = {
      .begin = begin,
      .end = end,
      .n = packed->n,
      .zero = prepared->zero,
      .k_zero = (int32_t)((uint32_t)packed->k * (uint32_t)prepared->zero),
      .column_sum = packed->column_sum,
      .minus_zero = packed->has_zero ? packed->minus_zero : NULL,
      .bias = output->bias ? output->bias + first : NULL,
      .scale = prepared->scale,
      .from = output->dtype == OCT_S32 ? NULL : output->multiplier + from,
      .from_count = output->multiplier_count,
      .real_from = output->bias_f32 ? output->bias_f32 + first : NULL,
      .term = prepared->term,
      .multiplier = prepared->multiplier,
      .real_bias = prepared->bias,
  };
  packed->kernel->fill_columns(&columns);
}

oct_gemm_prepared oct_gemm_prepare(const oct_gemm_packed *packed, int32_t a_zero_point, const oct_output *output,
                                   size_t first, void *memory) {
  const oct_gemm_prepared prepared = oct_gemm_lay_out(packed, a_zero_point, output, first, memory);
  oct_gemm_fill_columns(&prepared, 0, packed->columns);
  return prepared;
}

/* 32768 * 255 * 128 < 2^31: the products of so many k fit into int32 whatever they are. */
enum { WIDE_K = 32768 };

static const ptrdiff_t one_run = 0;

static void run_tile(const oct_gemm_packed *packed, const oct_gemm_tile *tile) {
  (packed->blocks > 1 ? packed->kernel->run_blocks : packed->kernel->run)(tile);
}

/* One tile whose sums may leave int32: the kernel sums the bare products of one part of k after the other, the rest
 * happens in 64 bits. */
static void run_wide_tile(const oct_gemm_prepared *prepared, const oct_gemm_tile *tile, const int64_t *row_sum) {
  static const int32_t no_term[OCT_GEMM_MAX_COLUMNS];
  static const oct_stage bare = {.dtype = OCT_S32};
  const oct_gemm_packed *packed = prepared->packed;
  const oct_gemm_kernel *kernel = packed->kernel;
  int64_t sum[OCT_GEMM_MAX_TILE] = {0};
  int32_t part[OCT_GEMM_MAX_TILE];
  const size_t part_groups = WIDE_K / kernel->k_group;
  const size_t a_group = (size_t)kernel->k_group * kernel->row_group * oct_gemm_form_size(kernel->form);
  const size_t parts = oct_ceil_div(tile->k_groups, part_groups);
  for (size_t part_index = 0; part_index < tile->runs * parts; part_index++) {
    const size_t run = part_index / parts, group = part_index % parts * part_groups;
    oct_gemm_tile bare_tile = *tile;
    bare_tile.a = (const char *)tile->a + tile->run_at[run] + group * a_group;
    bare_tile.b = tile->b + oct_gemm_groups_bytes(packed, run * tile->k_groups + group);
    bare_tile.k_groups = tile->k_groups - group < part_groups ? tile->k_groups - group : part_groups;
    bare_tile.k_tail = group + bare_tile.k_groups == tile->k_groups ? tile->k_tail : 0;
    bare_tile.runs = 1;
    bare_tile.run_at = &one_run;
    bare_tile.column_term = no_term;
    bare_tile.row_sum = NULL;
    bare_tile.stage = &bare;
    bare_tile.c = part;
    bare_tile.c_stride = (ptrdiff_t)(kernel->nr * sizeof part[0]);
    run_tile(packed, &bare_tile);
    for (size_t r = 0; r < tile->rows; r++)
      for (size_t c = 0; c < tile->columns; c++) sum[r * kernel->nr + c] += part[r * kernel->nr + c];
  }
  for (size_t c = 0; c < tile->columns; c++) {
    const size_t n = tile->column + c;
    const int64_t minus_zero = packed->minus_zero[n];
    const int64_t bias = prepared->output->bias ? prepared->output->bias[prepared->first + n] : 0;
    const int64_t term =
        bias - prepared->zero * packed->column_sum[n] - (int64_t)packed->k * prepared->zero * minus_zero;
    for (size_t r = 0; r < tile->rows; r++) {
      const int64_t acc = sum[r * kernel->nr + c] + term + (row_sum ? row_sum[r] * minus_zero : 0);
      oct_stage_store(tile->stage, acc, n, (char *)tile->c + (ptrdiff_t)r * tile->c_stride, c);
    }
  }
}

/* Tiles of one column of tiles, `height` rows each, from where the tile lies. */
static void run_panel(const oct_gemm_prepared *prepared, oct_gemm_tile *tile, const int64_t *row_sum, size_t rows,
                      size_t height, ptrdiff_t a_step) {
  const ptrdiff_t c_step = (ptrdiff_t)height * tile->c_stride;
  int32_t sums[OCT_GEMM_MAX_ROWS];
  tile->row_sum = row_sum && !prepared->wide ? sums : NULL;
  for (size_t row = 0; row < rows; row += height) {
    tile->rows = rows - row < height ? rows - row : height;
    if (prepared->wide) {
      run_wide_tile(prepared, tile, row_sum ? row_sum + row : NULL);
    } else {
      for (size_t r = 0; row_sum && r < tile->rows; r++) sums[r] = (int32_t)(uint32_t)row_sum[row + r];
      run_tile(prepared->packed, tile);
    }
    tile->a = (const char *)tile->a + a_step;
    tile->c = (char *)tile->c + c_step;
  }
}

/* Weights beyond the first come from the third level of cache, beyond the second from memory. There fetching ahead
 * costs a fifth of the speed: the hardware's own prefetchers follow loads that miss, and look further. */
enum { NEAR_BYTES = 32 << 10, MEMORY_BYTES = 20 << 20, AHEAD_BYTES = 2048 };

void oct_gemm_run_block(const oct_gemm_prepared *prepared, const oct_gemm_rows *rows, size_t panel_begin,
                        size_t panel_end, void *c, ptrdiff_t c_stride) {
  const oct_gemm_packed *packed = prepared->packed;
  const size_t nr = packed->kernel->nr, panel_bytes = oct_gemm_groups_bytes(packed, packed->k_groups);
  const size_t size = oct_dtype_size(prepared->stage.dtype), bytes = packed->columns / nr * panel_bytes;
  if (rows->count == 0) return;
  /* Rows are spread evenly, so that the last tile isn't a sliver. */
  const size_t tiles = oct_ceil_div(rows->count, packed->kernel->mr), group = packed->kernel->row_group;
  const size_t height = oct_round_up(oct_ceil_div(rows->count, tiles), group);
  const ptrdiff_t a_step = (ptrdiff_t)(height / group) * rows->stride;
  oct_gemm_tile tile = {
      .a_stride = rows->stride,
      .ahead = bytes > NEAR_BYTES && bytes <= MEMORY_BYTES ? AHEAD_BYTES : 0,
      .blocks = packed->blocks,
      .k_groups = rows->runs > 1 ? packed->k_groups / rows->runs : packed->k_groups,
      .runs = rows->runs > 1 ? rows->runs : 1,
      .run_at = rows->runs > 1 ? rows->run_at : &one_run,
      .k_tail = rows->k_tail,
      .stage = &prepared->stage,
      .panel_c_stride = (ptrdiff_t)(size * nr),
      .c_stride = c_stride,
  };
  const size_t lines = rows->lines > 1 ? rows->lines : 1;
  /* A single tile high, whole panels take one call. */
  const bool together =
      tiles == 1 && lines == 1 && packed->kernel->takes_panels && packed->blocks == 1 && !prepared->wide;
  const size_t whole = packed->n / nr < panel_end ? packed->n / nr : panel_end;
  for (size_t panel = panel_begin; panel < panel_end; panel += tile.panels) {
    const size_t column = panel * nr;
    tile.b = packed->panels + panel * panel_bytes;
    tile.columns = packed->n - column < nr ? packed->n - column : nr;
    tile.panels = together && panel < whole ? whole - panel : 1;
    tile.column_term = prepared->term + column;
    tile.minus_zero = packed->minus_zero + column;
    tile.column = column;
    for (size_t line = 0; line < lines; line++) {
      tile.a = (const char *)rows->a + (ptrdiff_t)line * rows->line_stride;
      tile.c = (char *)c + size * column + (ptrdiff_t)line * rows->line_c_stride;
      run_panel(prepared, &tile, rows->row_sum ? rows->row_sum + line * rows->count : NULL, rows->count, height,
                a_step);
    }
  }
}
