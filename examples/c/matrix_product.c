/* y = x * transpose(w) by eight-bit integers, compared with the product of the real numbers. */
#include <octet.h>
#include <stdio.h>
#include <stdlib.h>

enum { M = 24, N = 40, K = 64 };
static float x[M * K], w[N * K], y[M * N];
static uint8_t qx[M * K], qy[M * N];
static int8_t qw[N * K];

static void check(oct_status status) {
  if (status == OCT_OK) return;
  fprintf(stderr, "%s: %s\n", oct_status_name(status), oct_last_error_message());
  exit(1);
}

static double magnitude(double value) { return value < 0 ? -value : value; }

static double exact(int m, int n) {
  double sum = 0;
  for (int k = 0; k < K; k++) sum += (double)x[m * K + k] * w[n * K + k];
  return sum;
}

int main(void) {
  for (int i = 0; i < M * K; i++) x[i] = (float)(i * 37 % 201 - 100) / 100; /* -1...1 */
  for (int i = 0; i < N * K; i++) w[i] = (float)(i * 71 % 333 - 166) / 332; /* -0.5...0.5 */
  double largest = 0;
  for (int i = 0; i < M * N; i++)
    if (magnitude(exact(i / N, i % N)) > largest) largest = magnitude(exact(i / N, i % N));

  /* A scale is what one step is worth. Activations are uint8 around 128, weights int8 around 0. */
  const float x_scale = 1.0f / 127, w_scale = 0.5f / 127, y_scale = (float)largest / 127;
  check(oct_quantize(x, M * K, x_scale, 128, OCT_U8, qx, NULL));
  check(oct_quantize(w, N * K, w_scale, 0, OCT_S8, qw, NULL));

  /* Weights are packed once, for the best kernel that this CPU has, into memory of ours. */
  oct_gemm_weights weights = {.struct_size = sizeof weights, .a_dtype = OCT_U8, .b_dtype = OCT_S8, .n = N, .k = K};
  weights.b = qw, weights.stride_n = K, weights.stride_k = 1;
  size_t packed_size, workspace_size;
  check(oct_gemm_packed_size(&weights, &packed_size));
  void *packed = aligned_alloc(OCT_ALIGNMENT, (packed_size / OCT_ALIGNMENT + 1) * OCT_ALIGNMENT);
  check(oct_gemm_pack(&weights, packed, packed_size));
  check(oct_gemm_workspace_size(packed, packed_size, M, 0, &workspace_size));
  void *workspace = aligned_alloc(OCT_ALIGNMENT, (workspace_size / OCT_ALIGNMENT + 1) * OCT_ALIGNMENT);

  /* The output stage rounds the exact integer sums to the output's steps. */
  const float multiplier = x_scale * w_scale / y_scale;
  oct_output output = {.struct_size = sizeof output, .dtype = OCT_U8, .zero_point = 128, .clamp_max = 255};
  output.multiplier = &multiplier, output.multiplier_count = 1;
  oct_gemm_call call = {.struct_size = sizeof call, .m = M, .a = qx, .a_stride = K, .a_zero_point = 128};
  call.c = qy, call.c_stride = N, call.output = &output;
  const oct_run run = {.struct_size = sizeof run, .workspace = workspace, .workspace_size = workspace_size};
  check(oct_gemm(packed, packed_size, &call, &run));
  check(oct_dequantize(qy, OCT_U8, M * N, y_scale, 128, y, NULL));

  /* A factor is off by half a step at most; so is the result, over what its K products are off. */
  const double bound = y_scale / 2 + K * (x_scale / 2 * 0.5 + w_scale / 2 * 1.0 + x_scale / 2 * w_scale / 2);
  double worst = 0;
  for (int i = 0; i < M * N; i++)
    if (magnitude(y[i] - exact(i / N, i % N)) > worst) worst = magnitude(y[i] - exact(i / N, i % N));
  printf("%s: results up to %.3f, largest error %.4f, bound %.4f\n", oct_gemm_kernel_name(packed, packed_size), largest,
         worst, bound);
  free(workspace);
  free(packed);
  return worst <= bound ? 0 : 1;
}
