/* Packing rows of a: copy, flip the top bit, or widen; pad with zeros to whole groups; lay row groups side by side. */
#include "gemm_rows.h"

#include <string.h>

#include "base/align.h"

static void widen_u8(const uint8_t *from, size_t count, int16_t *to) {
  for (size_t i = 0; i < count; i++) to[i] = from[i];
}

static void widen_s8(const int8_t *from, size_t count, int16_t *to) {
  for (size_t i = 0; i < count; i++) to[i] = from[i];
}

void oct_gemm_convert(oct_gemm_form form, oct_dtype dtype, const void *from, size_t count, void *to) {
  if (form == OCT_GEMM_FORM_S16) {
    if (dtype == OCT_U8)
      widen_u8(from, count, to);
    else
      widen_s8(from, count, to);
  } else {
    oct_gemm_copy_bytes(from, count, oct_gemm_form_flip(form, dtype), to);
  }
}

void oct_gemm_fill(oct_gemm_form form, int32_t zero, size_t count, void *to) {
  if (form != OCT_GEMM_FORM_S16) {
    memset(to, zero & 0xFF, count);
    return;
  }
  int16_t *words = to;
  for (size_t i = 0; i < count; i++) words[i] = (int16_t)zero;
}

/* Partial sums stay in 32 bits, which vectors like, for as long as they fit. */
enum { SUM_BLOCK = 1 << 16 };

int64_t oct_gemm_row_sum(oct_gemm_form form, const void *row, size_t count) {
  int64_t sum = 0;
  for (size_t begin = 0; begin < count; begin += SUM_BLOCK) {
    const size_t end = count - begin < SUM_BLOCK ? count : begin + SUM_BLOCK;
    int32_t part = 0;
    if (form == OCT_GEMM_FORM_U8)
      for (size_t i = begin; i < end; i++) part += ((const uint8_t *)row)[i];
    else if (form == OCT_GEMM_FORM_S8)
      for (size_t i = begin; i < end; i++) part += ((const int8_t *)row)[i];
    else
      for (size_t i = begin; i < end; i++) part += ((const int16_t *)row)[i];
    sum += part;
  }
  return sum;
}

void oct_gemm_interleave(const oct_gemm_kernel *kernel, const void *rows, size_t row_bytes, void *to) {
  const size_t group_bytes = kernel->k_group * oct_gemm_form_size(kernel->form);
  char *out = to;
  for (size_t at = 0; at < row_bytes; at += group_bytes)
    for (uint32_t r = 0; r < kernel->row_group; r++, out += group_bytes) {
      const char *from = (const char *)rows + r * row_bytes + at;
      if (group_bytes == 8)
        memcpy(out, from, 8);
      else
        memcpy(out, from, group_bytes);
    }
}

size_t oct_gemm_panel_bytes(const oct_gemm_packed *packed, size_t rows) {
  return oct_round_up(oct_round_up(rows, packed->kernel->row_group) * oct_gemm_row_pitch(packed) + OCT_GEMM_PANEL_SLACK,
                      OCT_ALIGNMENT);
}

size_t oct_gemm_scratch_bytes(const oct_gemm_packed *packed) {
  return packed->kernel->row_group == 1 ? 0 : oct_gemm_panel_bytes(packed, packed->kernel->row_group);
}

/* One plain row, padded. */
static void pack_row(const oct_gemm_packed *packed, const void *a, void *to) {
  const oct_gemm_form form = packed->kernel->form;
  oct_gemm_convert(form, packed->a_dtype, a, packed->k, to);
  for (size_t i = packed->k * oct_gemm_form_size(form), end = oct_gemm_row_bytes(packed); i < end; i++)
    ((char *)to)[i] = 0;
}

/* Plain rows of bytes, the common case: neighbours in one go, others row by row without a call. */
static void pack_byte_rows(const oct_gemm_packed *packed, const uint8_t *a, ptrdiff_t a_stride, size_t rows,
                           uint8_t *panel) {
  const size_t k = packed->k, row_bytes = oct_gemm_row_bytes(packed), pitch = oct_gemm_row_pitch(packed);
  const uint8_t flip = oct_gemm_form_flip(packed->kernel->form, packed->a_dtype);
  if (pitch == k && a_stride == (ptrdiff_t)k) {
    oct_gemm_copy_bytes(a, rows * k, flip, panel);
    return;
  }
  for (size_t r = 0; r < rows; r++, panel += pitch) {
    oct_gemm_copy_bytes(a + (ptrdiff_t)r * a_stride, k, flip, panel);
    for (size_t i = k; i < row_bytes; i++) panel[i] = 0;
  }
}

void oct_gemm_pack_rows(const oct_gemm_packed *packed, const void *a, ptrdiff_t a_stride, size_t rows, void *panel,
                        void *scratch, int64_t *row_sum) {
  const oct_gemm_kernel *kernel = packed->kernel;
  const size_t row_bytes = oct_gemm_row_bytes(packed), pitch = oct_gemm_row_pitch(packed);
  if (kernel->row_group == 1 && kernel->form != OCT_GEMM_FORM_S16) {
    pack_byte_rows(packed, a, a_stride, rows, panel);
    for (size_t r = 0; row_sum && r < rows; r++)
      row_sum[r] = oct_gemm_row_sum(kernel->form, (const char *)panel + r * pitch, packed->k);
    return;
  }
  for (size_t first = 0; first < rows; first += kernel->row_group) {
    char *group = (char *)panel + first * pitch;
    char *plain = kernel->row_group == 1 ? group : scratch;
    for (size_t r = 0; r < kernel->row_group; r++) {
      char *row = plain + r * row_bytes;
      if (first + r >= rows) {
        memset(row, 0, row_bytes);
        continue;
      }
      pack_row(packed, (const char *)a + (ptrdiff_t)(first + r) * a_stride, row);
      if (row_sum) row_sum[first + r] = oct_gemm_row_sum(kernel->form, row, packed->k);
    }
    if (kernel->row_group != 1) oct_gemm_interleave(kernel, plain, row_bytes, group);
  }
}
