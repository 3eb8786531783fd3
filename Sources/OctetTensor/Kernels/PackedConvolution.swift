import COctet
import Synchronization

/// Quantized weights `[O, C/groups, kernel...]` with bias and geometry, packed for the kernels when they are first used.
package final class PackedConvolution: Sendable {
  /// qint8 or quint8, per tensor or per channel along axis 0.
  package let weight: Tensor
  /// float32 `[O]`, nil for none.
  package let bias: Tensor?
  /// Channels, groups and window.
  package let shape: ConvolutionShape

  private let parameters: WeightParameters
  private let biasValues: [Float]?

  private struct Cache {
    var packed: [DType: PackedBytes] = [:]
    var stage: (key: PackedLinear.StageKey, stage: OutputStage)?
  }
  private let cache = Mutex(Cache())

  /// Checks weights, bias and geometry against each other.
  package init(
    weight: Tensor, bias: Tensor?, stride: [Int], padding: [Int], dilation: [Int], groups: Int,
    operation: String = "conv_prepack"
  ) throws(OctetError) {
    guard let quantizer = weight.quantizer, [.qint8, .quint8].contains(weight.dtype) else {
      throw OctetError(
        weight.isQuantized ? .dtypeMismatch : .quantizationMismatch, operation: operation,
        argument: "weight", expected: "a quantized weight of dtype qint8",
        received: "dtype \(weight.dtype.rawValue)")
    }
    guard quantizer.axis ?? 0 == 0, quantizer.scheme != .perChannelAffineFloatQParams else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "weight",
        expected: "a per-tensor scheme, or per-channel along axis 0 with integer zero points",
        received: "\(quantizer.scheme.rawValue) along axis \(quantizer.axis ?? 0)")
    }
    shape = try ConvolutionShape(
      weight: weight.shape, stride: stride, padding: padding, dilation: dilation, groups: groups,
      operation: operation)
    if let bias {
      guard bias.dtype == .float32, bias.shape == [weight.shape[0]] else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: "bias",
          expected: "float32 of shape [\(weight.shape[0])]",
          received: "\(bias.dtype.rawValue) of shape \(bias.shape)")
      }
    }
    self.weight = try weight.contiguous()
    self.bias = bias
    parameters = WeightParameters(quantizer)
    biasValues = try bias?.elements(as: Float.self)
  }

  /// Convolves `x`, channels last, into `y`, channels last.
  func convolve(
    _ x: Tensor, scale: Double, zeroPoint: Int, result: QuantizedResult, into y: Tensor,
    operation: String
  ) throws(OctetError) {
    let bytes = try packed(for: x.dtype, operation: operation)
    let key = PackedLinear.StageKey(inputScale: scale, dtype: y.dtype, result: result)
    let stage = cache.withLock { cache in
      if let (known, stage) = cache.stage, known == key { return stage }
      let stage = OutputStage(key, parameters.scales, biasValues)
      cache.stage = (key, stage)
      return stage
    }
    var status = OCT_OK
    var failure: OctetError?
    stage.withOutput { output in
      var call = oct_conv_call()
      call.struct_size = UInt32(MemoryLayout<oct_conv_call>.size)
      call.batch = x.shape[0]
      withUnsafeMutableBytes(of: &call.in) { Kernel.fill($0, x.shape[2...]) }
      call.x = UnsafeRawPointer(x.baseAddress)
      call.x_stride = shape.inChannels
      call.x_zero_point = Int32(zeroPoint)
      call.y = y.baseAddress
      call.y_stride = shape.outChannels
      call.output = output
      var workspace = 0
      let packed = UnsafeRawBufferPointer(bytes.buffer)
      status = oct_conv_workspace_size(packed.baseAddress, packed.count, &call, 0, &workspace)
      if status != OCT_OK { return }
      do throws(OctetError) {
        try Kernel.run(workspace: workspace, operation) { run in
          oct_conv(packed.baseAddress, packed.count, &call, run)
        }
      } catch {
        failure = error
      }
    }
    try Kernel.check(status, operation)
    if let failure { throw failure }
  }

  private func packed(for dtype: DType, operation: String) throws(OctetError) -> PackedBytes {
    if let known = cache.withLock({ $0.packed[dtype] }) { return known }
    let fresh = try pack(for: dtype, operation: operation)
    return cache.withLock { cache in
      if let known = cache.packed[dtype] { return known }
      cache.packed[dtype] = fresh
      return fresh
    }
  }

  private func pack(for dtype: DType, operation: String) throws(OctetError) -> PackedBytes {
    var description = oct_conv_weights()
    description.struct_size = UInt32(MemoryLayout<oct_conv_weights>.size)
    description.x_dtype = Kernel.type(of: dtype)
    description.w_dtype = Kernel.type(of: weight.dtype)
    description.rank = UInt32(shape.window.rank)
    description.in_channels = shape.inChannels
    description.out_channels = shape.outChannels
    description.groups = shape.groups
    withUnsafeMutableBytes(of: &description.kernel) { Kernel.fill($0, shape.window.kernel[...]) }
    withUnsafeMutableBytes(of: &description.stride) { Kernel.fill($0, shape.window.stride[...]) }
    withUnsafeMutableBytes(of: &description.dilation) {
      Kernel.fill($0, shape.window.dilation[...])
    }
    withUnsafeMutableBytes(of: &description.padding_begin) {
      Kernel.fill($0, shape.window.padding[...])
    }
    withUnsafeMutableBytes(of: &description.padding_end) {
      Kernel.fill($0, shape.window.padding[...])
    }
    description.w = UnsafeRawPointer(weight.baseAddress)
    description.zero_point_count = parameters.zeroPoints?.count ?? 0
    let zeros = parameters.zeroPoints
    var byteCount = 0
    try Kernel.check(
      zeros.withOptionalPointer {
        description.zero_point = $0
        return oct_conv_packed_size(&description, &byteCount)
      }, operation)
    let bytes = PackedBytes(count: byteCount)
    try Kernel.check(
      zeros.withOptionalPointer {
        description.zero_point = $0
        return oct_conv_pack(&description, bytes.buffer.baseAddress, bytes.buffer.count)
      }, operation)
    return bytes
  }
}
