/* oct_gemm and oct_gemm_dynamic: uint8 or real activations, int8 weights with a scale for each output channel. */
#include "operation.h"

static oct_status run_gemm(oct_bench_operation *operation) {
  return oct_gemm(operation->packed, operation->packed_size, &operation->call.gemm, &operation->run);
}

static oct_status run_dynamic(oct_bench_operation *operation) {
  return oct_gemm_dynamic(operation->packed, operation->packed_size, &operation->call.dynamic, &operation->run);
}

static const char *pack(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  const oct_gemm_weights weights = {
      .struct_size = sizeof(oct_gemm_weights),
      .a_dtype = OCT_U8,
      .b_dtype = OCT_S8,
      .n = shape->n,
      .k = shape->k,
      .b = operation->data.w,
      .stride_n = (ptrdiff_t)shape->k,
      .stride_k = 1,
  };
  const char *problem = oct_bench_sentence(oct_gemm_packed_size(&weights, &operation->packed_size));
  if (problem) return problem;
  void *packed = oct_bench_allocate(operation, operation->packed_size, 1);
  if (!packed) return oct_bench_no_memory();
  operation->packed = packed;
  problem = oct_bench_sentence(oct_gemm_pack(&weights, packed, operation->packed_size));
  operation->kernel = oct_gemm_kernel_name(packed, operation->packed_size);
  return problem;
}

const char *oct_bench_make_gemm(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  const char *problem = oct_bench_make_output(operation, shape->n);
  if (problem || (problem = pack(operation))) return problem;
  size_t workspace;
  const int threads = operation->run.threads;
  problem = oct_bench_sentence(
      oct_gemm_workspace_size(operation->packed, operation->packed_size, shape->m, threads, &workspace));
  if (problem || (problem = oct_bench_make_workspace(operation, workspace))) return problem;
  operation->call.gemm = (oct_gemm_call){
      .struct_size = sizeof(oct_gemm_call),
      .m = shape->m,
      .a = operation->data.x,
      .a_stride = (ptrdiff_t)shape->k,
      .a_zero_point = operation->data.x_zero_point,
      .c = operation->data.y,
      .c_stride = (ptrdiff_t)shape->n,
      .output = &operation->output,
  };
  operation->entry = run_gemm;
  return NULL;
}

const char *oct_bench_make_dynamic_gemm(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  const oct_bench_data *data = &operation->data;
  if (!data->scale) return "the weights have no scales; give one for each output channel";
  const char *problem = pack(operation);
  if (problem) return problem;
  size_t workspace;
  problem = oct_bench_sentence(oct_gemm_dynamic_workspace_size(operation->packed, operation->packed_size, shape->m,
                                                               operation->run.threads, &workspace));
  if (problem || (problem = oct_bench_make_workspace(operation, workspace))) return problem;
  operation->call.dynamic = (oct_gemm_dynamic_call){
      .struct_size = sizeof(oct_gemm_dynamic_call),
      .m = shape->m,
      .x = data->x,
      .x_stride = (ptrdiff_t)shape->k,
      .b_scale = data->scale,
      .b_scale_count = shape->n,
      .bias = data->real_bias,
      .y = data->y,
      .y_stride = (ptrdiff_t)shape->n,
  };
  operation->entry = run_dynamic;
  return NULL;
}
