/// `q = clamp(zeroPoint + rint(x * (1 / scale)))`, per tensor or per channel. torch.quantize_per_tensor and
/// torch.quantize_per_channel.
struct Quantize: Operator {
  static let torchName = "quantize"
  static let onnxName: String? = "QuantizeLinear"

  let quantizer: Quantizer
  let dtype: DType
  let name: String

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard inputs[0].dtype == .float32 else {
      throw OctetError(
        inputs[0].isQuantized ? .quantizationMismatch : .dtypeMismatch, operation: name,
        argument: "input", expected: "a tensor of dtype float32",
        received: "dtype \(inputs[0].dtype.rawValue)",
        fix: inputs[0].isQuantized ? "it is quantized already" : "convert it to float32 first")
    }
    return TensorSpec(shape: inputs[0].shape, dtype: dtype, quantizer: quantizer)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    if dtype.bitWidth < 8 { return try evaluatePacked(inputs[0], output) }
    if case .perTensor(let scale, let zeroPoint) = quantizer.parameters {
      let format = inputs[0].preferredFormat
      let input = try inputs[0].contiguous(format)
      let result = try Tensor(
        uninitialized: output.shape, dtype: dtype, quantizer: quantizer, format: format)
      try Kernel.quantize(input, scale: scale, zeroPoint: zeroPoint, into: result)
      return result
    }
    let result = try Tensor(uninitialized: output.shape, dtype: dtype, quantizer: quantizer)
    try Kernel.quantizePerChannel(inputs[0].contiguous(), quantizer, into: result)
    let format = inputs[0].preferredFormat
    return format == .contiguous ? result : try result.contiguous(format)
  }

  /// Types below a byte are rows of packed codes: quantized to bytes first, clamped to the type's range, then packed.
  private func evaluatePacked(_ input: Tensor, _ output: TensorSpec) throws(OctetError) -> Tensor {
    let bytes = try Tensor(uninitialized: output.shape, dtype: .quint8, quantizer: quantizer)
    try Kernel.quantizePerChannel(input.contiguous(), quantizer, into: bytes)
    let top = UInt8(dtype.integerRange?.upperBound ?? 255)
    let codes: [UInt8] = try bytes.elements().map { min($0, top) }
    return try Tensor(
      integers: PackedCodes.pack(codes, bitWidth: dtype.bitWidth), shape: output.shape,
      dtype: dtype, quantizer: quantizer)
  }
}

/// Several codes a byte, the earlier ones in the lower bits.
package enum PackedCodes {
  /// Packs codes that are below `1 << bitWidth`.
  package static func pack(_ codes: [UInt8], bitWidth: Int) -> [UInt8] {
    let perByte = 8 / bitWidth
    var bytes = [UInt8](repeating: 0, count: (codes.count + perByte - 1) / perByte)
    for (i, code) in codes.enumerated() {
      bytes[i / perByte] |= code << UInt8(i % perByte * bitWidth)
    }
    return bytes
  }

  /// The first `count` codes.
  package static func unpack(_ bytes: [UInt8], count: Int, bitWidth: Int) -> [UInt8] {
    let perByte = 8 / bitWidth
    let mask = UInt8((1 << bitWidth) - 1)
    return (0..<count).map { (bytes[$0 / perByte] >> UInt8($0 % perByte * bitWidth)) & mask }
  }
}

extension Functional {
  /// `q = clamp(zeroPoint + rint(x * (1 / scale)))`: 1 / scale rounded to float32, ties to even, NaN to the largest
  /// integer. torch.quantize_per_tensor.
  ///
  /// - Parameters:
  ///   - input: float32, any shape; its memory format is kept.
  ///   - scale: the real value of one step, positive and finite.
  ///   - zeroPoint: the integer that stands for 0, inside the range of `dtype`.
  ///   - dtype: quint8, qint8, qint32, quint4x2 or quint2x4.
  public static func quantizePerTensor(
    _ input: Tensor, scale: Double, zeroPoint: Int, dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantize_per_tensor"
    let quantizer = try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: dtype, operation: name)
    return try apply(Quantize(quantizer: quantizer, dtype: dtype, name: name), [input])
  }

  /// As `quantizePerTensor`, with a scale and zero point for each index of `axis`. torch.quantize_per_channel.
  public static func quantizePerChannel(
    _ input: Tensor, scales: [Double], zeroPoints: [Int], axis: Int, dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantize_per_channel"
    let quantizer = try Quantizer(
      scales: scales, zeroPoints: zeroPoints, axis: axis, shape: input.shape, dtype: dtype,
      operation: name)
    return try apply(Quantize(quantizer: quantizer, dtype: dtype, name: name), [input])
  }

  /// `q = clamp(rint(x * (1 / scale) + zeroPoint))` for each index of `axis`: the real zero point is added before rounding.
  /// torch.quantize_per_channel under per_channel_affine_float_qparams.
  public static func quantizePerChannel(
    _ input: Tensor, scales: [Float], floatZeroPoints: [Float], axis: Int, dtype: DType
  ) throws(OctetError) -> Tensor {
    let name = "quantize_per_channel"
    let quantizer = try Quantizer(
      scales: scales, floatZeroPoints: floatZeroPoints, axis: axis, shape: input.shape,
      dtype: dtype, operation: name)
    return try apply(Quantize(quantizer: quantizer, dtype: dtype, name: name), [input])
  }

  /// Quantizes with parameters that exist already.
  package static func quantize(_ input: Tensor, _ quantizer: Quantizer, dtype: DType)
    throws(OctetError) -> Tensor
  {
    try apply(Quantize(quantizer: quantizer, dtype: dtype, name: "quantize"), [input])
  }
}

extension Tensor {
  /// `Functional.quantizePerTensor`, trapping on mistakes.
  public func quantizedPerTensor(scale: Double, zeroPoint: Int, dtype: DType) -> Tensor {
    eager {
      try Functional.quantizePerTensor(self, scale: scale, zeroPoint: zeroPoint, dtype: dtype)
    }
  }
}
