/* oct_conv: uint8 activations, channels last, int8 weights with a scale for each output channel. */
#include "operation.h"

static oct_status run_conv(oct_bench_operation *operation) {
  return oct_conv(operation->packed, operation->packed_size, &operation->call.conv, &operation->run);
}

static oct_conv_weights describe(const oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  oct_conv_weights weights = {
      .struct_size = sizeof(oct_conv_weights),
      .x_dtype = OCT_U8,
      .w_dtype = OCT_S8,
      .rank = shape->rank,
      .in_channels = shape->in_channels,
      .out_channels = shape->out_channels,
      .groups = shape->groups,
      .w = operation->data.w,
      .transposed = shape->transposed,
  };
  for (uint32_t i = 0; i < shape->rank; i++) {
    weights.kernel[i] = shape->kernel[i];
    weights.stride[i] = shape->stride[i];
    weights.dilation[i] = shape->dilation[i];
    weights.padding_begin[i] = weights.padding_end[i] = shape->padding[i];
    weights.output_padding[i] = shape->transposed ? shape->output_padding[i] : 0;
  }
  return weights;
}

const char *oct_bench_make_conv(oct_bench_operation *operation) {
  const oct_bench_shape *shape = &operation->shape;
  const oct_conv_weights weights = describe(operation);
  const char *problem = oct_bench_make_output(operation, shape->out_channels);
  if (problem) return problem;
  if ((problem = oct_bench_sentence(oct_conv_packed_size(&weights, &operation->packed_size)))) return problem;
  void *packed = oct_bench_allocate(operation, operation->packed_size, 1);
  if (!packed) return oct_bench_no_memory();
  operation->packed = packed;
  if ((problem = oct_bench_sentence(oct_conv_pack(&weights, packed, operation->packed_size)))) return problem;
  oct_conv_call *call = &operation->call.conv;
  *call = (oct_conv_call){
      .struct_size = sizeof(oct_conv_call),
      .batch = shape->batch,
      .x = operation->data.x,
      .x_stride = (ptrdiff_t)shape->in_channels,
      .x_zero_point = operation->data.x_zero_point,
      .y = operation->data.y,
      .y_stride = (ptrdiff_t)shape->out_channels,
      .output = &operation->output,
  };
  for (uint32_t i = 0; i < shape->rank; i++) call->in[i] = shape->in[i];
  size_t workspace;
  const int threads = operation->run.threads;
  problem = oct_bench_sentence(oct_conv_workspace_size(packed, operation->packed_size, call, threads, &workspace));
  if (problem || (problem = oct_bench_make_workspace(operation, workspace))) return problem;
  operation->kernel = oct_conv_kernel_name(packed, operation->packed_size);
  operation->entry = run_conv;
  return NULL;
}
