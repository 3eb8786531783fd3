import COctet

/// The quantize family of the C library.
extension Kernel {
  /// Quantizes dense float32 elements per tensor into `output`, which has the same memory order.
  static func quantize(_ input: Tensor, scale: Double, zeroPoint: Int, into output: Tensor)
    throws(OctetError)
  {
    try run(workspace: 0, "quantize_per_tensor") { run in
      oct_quantize(
        input.baseAddress.assumingMemoryBound(to: Float.self), input.count, Float(scale),
        Int32(zeroPoint), type(of: output.dtype), output.baseAddress, run)
    }
  }

  /// Dequantizes dense integers per tensor into `output`, which has the same memory order.
  static func dequantize(_ input: Tensor, scale: Double, zeroPoint: Int, into output: Tensor)
    throws(OctetError)
  {
    try run(workspace: 0, "dequantize") { run in
      oct_dequantize(
        input.baseAddress, type(of: input.dtype), input.count, Float(scale), Int32(zeroPoint),
        output.baseAddress.assumingMemoryBound(to: Float.self), run)
    }
  }

  /// Quantizes contiguous float32 elements with the parameters of a per-channel quantizer.
  static func quantizePerChannel(_ input: Tensor, _ quantizer: Quantizer, into output: Tensor)
    throws(OctetError)
  {
    let shape = channels(of: input.shape, axis: quantizer.axis ?? 0)
    let x = input.baseAddress.assumingMemoryBound(to: Float.self)
    try run(workspace: 0, "quantize_per_channel") { run in
      switch quantizer.parameters {
      case .perChannel(let scales, let zeroPoints, _):
        oct_quantize_per_channel(
          x, shape, scales, zeroPoints.map(Int64.init), type(of: output.dtype), output.baseAddress,
          run)
      case .perChannelFloat(let scales, let zeroPoints, _):
        oct_quantize_per_channel_float(
          x, shape, scales, zeroPoints, type(of: output.dtype), output.baseAddress, run)
      case .perTensor(let scale, let zeroPoint):
        oct_quantize(
          x, input.count, Float(scale), Int32(zeroPoint), type(of: output.dtype),
          output.baseAddress, run)
      }
    }
  }

  /// Dequantizes contiguous integers with the parameters of a per-channel quantizer.
  static func dequantizePerChannel(_ input: Tensor, _ quantizer: Quantizer, into output: Tensor)
    throws(OctetError)
  {
    let shape = channels(of: input.shape, axis: quantizer.axis ?? 0)
    let y = output.baseAddress.assumingMemoryBound(to: Float.self)
    try run(workspace: 0, "dequantize") { run in
      switch quantizer.parameters {
      case .perChannel(let scales, let zeroPoints, _):
        oct_dequantize_per_channel(
          input.baseAddress, type(of: input.dtype), shape, scales, zeroPoints.map(Int64.init), y,
          run)
      case .perChannelFloat(let scales, let zeroPoints, _):
        oct_dequantize_per_channel_float(
          input.baseAddress, type(of: input.dtype), shape, scales, zeroPoints, y, run)
      case .perTensor(let scale, let zeroPoint):
        oct_dequantize(
          input.baseAddress, type(of: input.dtype), input.count, Float(scale), Int32(zeroPoint), y,
          run)
      }
    }
  }

  private static func channels(of shape: [Int], axis: Int) -> oct_channels {
    oct_channels(
      outer: shape[..<axis].reduce(1, *), channels: shape[axis],
      inner: shape[(axis + 1)...].reduce(1, *))
  }
}
