/* Depthwise convolution: groups == in_channels == out_channels, channels last. Internal; conv/conv.c is the caller.
 *
 * conv.c validates everything that oct_conv_* promises (pointers, struct sizes, dtypes, geometry, strides, output
 * stage, zero points) and calls in with sound arguments. The blob of packed weights is position independent and starts
 * with a header of its own; conv.c keeps it at an address aligned to OCT_ALIGNMENT, for instance behind its own header.
 * run->workspace may be a part of conv.c's workspace, aligned likewise. None of the functions allocates. */
#ifndef OCT_DEPTHWISE_H
#define OCT_DEPTHWISE_H

#include "octet/conv.h"

/* More taps could carry an accumulator beyond int32: 33025 * 255 * 255 < 2^31. */
#define OCT_DEPTHWISE_MAX_TAPS 33025

/* Bytes that oct_depthwise_pack writes, a multiple of OCT_ALIGNMENT. OCT_UNSUPPORTED, without a sentence, when the
 * convolution is not depthwise or has more than OCT_DEPTHWISE_MAX_TAPS taps: then the general path serves it.
 * OCT_OVERFLOW when the size overflows; OCT_INVALID_ARGUMENT when oct_max_isa() fails. Reads neither w nor zero_point.
 */
oct_status oct_depthwise_packed_size(const oct_conv_weights *weights, size_t *bytes);

/* Packs for the best kernel that oct_max_isa() allows. `packed` holds what oct_depthwise_packed_size said. */
oct_status oct_depthwise_pack(const oct_conv_weights *weights, void *packed, size_t packed_size);

/* The kernel's name; null for bytes that oct_depthwise_pack did not write. Reads no byte beyond packed_size. */
const char *oct_depthwise_kernel_name(const void *packed, size_t packed_size);

/* Workspace of a run on at most `threads` threads (0: oct_max_threads()), a multiple of OCT_ALIGNMENT. Only call->batch
 * and call->in matter. OCT_CORRUPT for a foreign blob. */
oct_status oct_depthwise_workspace_size(const void *packed, size_t packed_size, const oct_conv_call *call, int threads,
                                        size_t *bytes);

/* Runs. Everything in `call` counts; output rules are those of oct_output. run may be null only when the workspace
 * query said 0 (batch 0); run->threads must not exceed what the query was told. */
oct_status oct_depthwise_run(const void *packed, size_t packed_size, const oct_conv_call *call, const oct_run *run);

#endif /* OCT_DEPTHWISE_H */
