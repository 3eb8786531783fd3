import COctet

/// Quantized weights `[O, C/groups, kernel...]` (transposed: `[C, O/groups, kernel...]`) with bias and geometry, packed for the kernels when they are first used.
package final class PackedConvolution: Sendable {
  private let weights: PackedWeights
  /// Channels, groups and window.
  package let shape: ConvolutionShape

  /// Checks weights, bias and geometry against each other.
  package init(
    weight: Tensor, bias: Tensor?, stride: [Int], padding: [Int], dilation: [Int], groups: Int,
    operation: String = "conv_prepack"
  ) throws(OctetError) {
    shape = try ConvolutionShape(
      weight: weight.shape, stride: stride, padding: padding, dilation: dilation, groups: groups,
      operation: operation)
    weights = try PackedWeights(weight: weight, bias: bias, operation: operation)
  }

  /// Checks the weights `[C, O/groups, kernel...]` of a transposed convolution, its bias and geometry against each other.
  package init(
    transposed weight: Tensor, bias: Tensor?, stride: [Int], padding: [Int], outputPadding: [Int],
    dilation: [Int], groups: Int, operation: String = "conv_transpose_prepack"
  ) throws(OctetError) {
    shape = try ConvolutionShape(
      transposed: weight.shape, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups, operation: operation)
    weights = try PackedWeights(
      weight: weight, bias: bias, axis: 1, groups: groups, operation: operation)
  }

  /// The same geometry around other weights.
  package func with(weight: Tensor, bias: Tensor?, operation: String) throws(OctetError)
    -> PackedConvolution
  {
    let window = shape.window
    if let outputPadding = shape.outputPadding {
      return try PackedConvolution(
        transposed: weight, bias: bias, stride: window.stride, padding: window.padding,
        outputPadding: outputPadding, dilation: window.dilation, groups: shape.groups,
        operation: operation)
    }
    return try PackedConvolution(
      weight: weight, bias: bias, stride: window.stride, padding: window.padding,
      dilation: window.dilation, groups: shape.groups, operation: operation)
  }

  /// qint8 or quint8 `[O, C/groups, kernel...]`, transposed `[C, O/groups, kernel...]`.
  package var weight: Tensor { weights.weight }
  /// float32 `[O]`, nil for none.
  package var bias: Tensor? { weights.bias }

  /// Lets go of what was packed for this CPU; the next call packs again.
  package func releaseCache() { weights.releaseCache() }

  /// Convolves `x`, channels last, into `y`, channels last.
  func convolve(
    _ x: Tensor, scale: Double, zeroPoint: Int, result: QuantizedResult, into y: Tensor,
    operation: String
  ) throws(OctetError) {
    let packed = try packed(for: x.dtype)
    // A release of the cache meanwhile must not free the bytes under the kernel.
    defer { withExtendedLifetime(packed) {} }
    let bytes = packed.buffer
    let stage = weights.stage(.init(inputScale: scale, dtype: y.dtype, result: result))
    var call = oct_conv_call()
    call.struct_size = UInt32(MemoryLayout<oct_conv_call>.size)
    call.batch = x.shape[0]
    withUnsafeMutableBytes(of: &call.in) { Kernel.fill($0, x.shape[2...]) }
    call.x = UnsafeRawPointer(x.baseAddress)
    call.x_stride = shape.inChannels
    call.x_zero_point = Int32(zeroPoint)
    call.y = y.baseAddress
    call.y_stride = shape.outChannels
    func complete(_ output: UnsafePointer<oct_output>) -> oct_conv_call {
      var copy = call
      copy.output = output
      return copy
    }
    var workspace = 0
    try Kernel.check(
      stage.withOutput { output in
        withUnsafePointer(to: complete(output)) {
          oct_conv_workspace_size(bytes.baseAddress, bytes.count, $0, 0, &workspace)
        }
      }, operation)
    try Kernel.run(workspace: workspace, operation) { run in
      stage.withOutput { output in
        withUnsafePointer(to: complete(output)) {
          oct_conv(bytes.baseAddress, bytes.count, $0, run)
        }
      }
    }
  }

  private func packed(for dtype: DType) throws(OctetError) -> PackedBytes {
    var description = oct_conv_weights()
    description.struct_size = UInt32(MemoryLayout<oct_conv_weights>.size)
    description.x_dtype = Kernel.type(of: dtype)
    description.w_dtype = Kernel.type(of: weight.dtype)
    description.rank = UInt32(shape.window.rank)
    description.in_channels = shape.inChannels
    description.out_channels = shape.outChannels
    description.groups = shape.groups
    let window = shape.window
    withUnsafeMutableBytes(of: &description.kernel) { Kernel.fill($0, window.kernel[...]) }
    withUnsafeMutableBytes(of: &description.stride) { Kernel.fill($0, window.stride[...]) }
    withUnsafeMutableBytes(of: &description.dilation) { Kernel.fill($0, window.dilation[...]) }
    withUnsafeMutableBytes(of: &description.padding_begin) { Kernel.fill($0, window.padding[...]) }
    withUnsafeMutableBytes(of: &description.padding_end) { Kernel.fill($0, window.padding[...]) }
    description.transposed = shape.isTransposed
    if let outputPadding = shape.outputPadding {
      withUnsafeMutableBytes(of: &description.output_padding) {
        Kernel.fill($0, outputPadding[...])
      }
    }
    description.w = UnsafeRawPointer(weight.baseAddress)
    func described(_ zeros: UnsafePointer<Int32>?, _ count: Int) -> oct_conv_weights {
      var copy = description
      copy.zero_point = zeros
      copy.zero_point_count = count
      return copy
    }
    return try weights.packed(for: dtype) { zeros, count, byteCount in
      withUnsafePointer(to: described(zeros, count)) { oct_conv_packed_size($0, &byteCount) }
    } pack: { zeros, count, buffer in
      withUnsafePointer(to: described(zeros, count)) {
        oct_conv_pack($0, buffer.baseAddress, buffer.count)
      }
    }
  }
}
