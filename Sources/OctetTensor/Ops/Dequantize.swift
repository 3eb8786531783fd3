/// `x = scale * (q - zeroPoint)`. torch's `dequantize`.
struct Dequantize: Operator {
  static let torchName = "dequantize"
  static let onnxName: String? = "DequantizeLinear"

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(
      inputs[0], "input", dtypes: DType.allCases.filter(\.isQuantized) + [.float16, .float32])
    return TensorSpec(shape: inputs[0].shape, dtype: .float32)
  }

  /// A float32 tensor comes back as it is, a float16 one widened.
  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    inputs[0].dtype == .float32 ? inputs[0] : try inputs[0].converted(to: .float32)
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard let quantizer = inputs[0].quantizer else {
      throw error(
        .invalidQuantizer, "input", expected: "a tensor with a quantizer", received: "none")
    }
    let source = try inputs[0].unpacked()
    if case .perTensor(let scale, let zeroPoint) = quantizer.parameters {
      let format = source.preferredFormat
      let dense = try source.contiguous(format)
      let result = try Tensor(uninitialized: output.shape, dtype: .float32, format: format)
      try Kernel.dequantize(dense, scale: scale, zeroPoint: zeroPoint, into: result)
      return result
    }
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    try Kernel.dequantizePerChannel(source.contiguous(), quantizer, into: result)
    return result
  }
}

extension Functional {
  /// `x = scale * (q - zeroPoint)` as float32; per channel the product is taken in double. torch.dequantize.
  ///
  /// A float32 tensor is returned unchanged and a float16 one widened.
  public static func dequantize(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Dequantize(), [input])
  }
}

extension Tensor {
  /// The real values as float32. torch's `dequantize()`.
  public func dequantized() throws(OctetError) -> Tensor { try Functional.dequantize(self) }

  /// One byte per code: packed types as quint8 with the same quantizer, others as they are.
  package func unpacked() throws(OctetError) -> Tensor {
    guard isQuantized, dtype.bitWidth < 8, let quantizer else { return self }
    let bytes = withBytes { Array($0) }
    return try Tensor(
      integers: PackedCodes.unpack(bytes, count: count, bitWidth: dtype.bitWidth), shape: shape,
      dtype: .quint8, quantizer: quantizer)
  }

  /// The stored integers as a plain tensor; packed types keep their packed bytes as one row. torch's `int_repr()`.
  public func integerRepresentation() throws(OctetError) -> Tensor {
    guard isQuantized else {
      throw OctetError(
        .quantizationMismatch, operation: "int_repr", argument: "self",
        expected: "a quantized tensor", received: "dtype \(dtype.rawValue)",
        fix: "quantize it first")
    }
    if dtype.bitWidth < 8 {
      let bytes = withBytes { Array($0) }
      return try Tensor(bytes, shape: [bytes.count])
    }
    let copy = try clone()
    return Tensor(
      storage: copy.storage, offset: copy.offset, shape: shape, strides: copy.strides,
      dtype: dtype.storageDType, quantizer: nil)
  }
}
