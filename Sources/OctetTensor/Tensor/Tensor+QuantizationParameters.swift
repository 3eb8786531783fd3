/// A quantized tensor's parameters under torch's names.
extension Tensor {
  private func parameters(_ operation: String) throws(OctetError) -> Quantizer.Parameters {
    guard let quantizer else {
      throw OctetError(
        .quantizationMismatch, operation: operation, argument: "self",
        expected: "a quantized tensor", received: "dtype \(dtype.rawValue)",
        fix: "quantize it first")
    }
    return quantizer.parameters
  }

  private func perTensor(_ operation: String) throws(OctetError) -> (scale: Double, zeroPoint: Int)
  {
    guard case .perTensor(let scale, let zeroPoint) = try parameters(operation) else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "self",
        expected: "a per-tensor scheme", received: "a per-channel one",
        fix: "use q_per_channel_scales and q_per_channel_zero_points")
    }
    return (scale, zeroPoint)
  }

  private func perTensorError(_ operation: String) -> OctetError {
    OctetError(
      .invalidQuantizer, operation: operation, argument: "self",
      expected: "a per-channel scheme", received: "a per-tensor one",
      fix: "use q_scale and q_zero_point")
  }

  /// The scale of a per-tensor scheme. torch's `q_scale()`.
  public func qScale() throws(OctetError) -> Double { try perTensor("q_scale").scale }

  /// The zero point of a per-tensor scheme. torch's `q_zero_point()`.
  public func qZeroPoint() throws(OctetError) -> Int { try perTensor("q_zero_point").zeroPoint }

  /// The scales of a per-channel scheme, `[C]`: float64, or float32 with real zero points. torch's
  /// `q_per_channel_scales()`.
  public func qPerChannelScales() throws(OctetError) -> Tensor {
    switch try parameters("q_per_channel_scales") {
    case .perTensor: throw perTensorError("q_per_channel_scales")
    case .perChannel(let scales, _, _): return try Tensor(scales, shape: [scales.count])
    case .perChannelFloat(let scales, _, _): return try Tensor(scales, shape: [scales.count])
    }
  }

  /// The zero points of a per-channel scheme, `[C]`: int64, or float32 when they are real. torch's
  /// `q_per_channel_zero_points()`.
  public func qPerChannelZeroPoints() throws(OctetError) -> Tensor {
    switch try parameters("q_per_channel_zero_points") {
    case .perTensor: throw perTensorError("q_per_channel_zero_points")
    case .perChannel(_, let zeros, _):
      return try Tensor(zeros.map(Int64.init), shape: [zeros.count])
    case .perChannelFloat(_, let zeros, _): return try Tensor(zeros, shape: [zeros.count])
    }
  }

  /// The channel axis of a per-channel scheme. torch's `q_per_channel_axis()`.
  public func qPerChannelAxis() throws(OctetError) -> Int {
    _ = try parameters("q_per_channel_axis")
    guard let axis = quantizer?.axis else { throw perTensorError("q_per_channel_axis") }
    return axis
  }
}
