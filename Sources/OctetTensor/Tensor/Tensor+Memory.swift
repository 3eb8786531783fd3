/// Typed access to a tensor's bytes, and conversion to and from Swift arrays.
extension Tensor {
  /// A dense tensor from its elements in logical order.
  ///
  /// - Throws: `shapeMismatch` when `elements` doesn't fill `shape`.
  public convenience init<Scalar: TensorScalar>(_ elements: [Scalar], shape: [Int])
    throws(OctetError)
  {
    try Self.check(elements: elements.count, shape: shape, operation: "Tensor")
    try self.init(uninitialized: shape, dtype: Scalar.dtype)
    elements.withUnsafeBytes { storage.fill(from: $0) }
  }

  /// A quantized tensor from its integers in logical order. `dtype` is stored as `Scalar`; packed types take one byte per
  /// group of elements.
  ///
  /// torch's `_make_per_tensor_quantized_tensor` and `_make_per_channel_quantized_tensor`.
  public convenience init<Scalar: TensorScalar>(
    integers: [Scalar], shape: [Int], dtype: DType, quantizer: Quantizer
  ) throws(OctetError) {
    guard dtype.isQuantized, dtype.storageDType == Scalar.dtype else {
      throw OctetError(
        .dtypeMismatch, operation: "Tensor", argument: "dtype",
        expected: "a quantized dtype stored as \(Scalar.dtype.rawValue)",
        received: "dtype \(dtype.rawValue)")
    }
    if let axis = quantizer.axis, axis >= shape.count {
      throw OctetError(
        .invalidQuantizer, operation: "Tensor", argument: "axis",
        expected: "an axis below the rank \(shape.count)", received: "axis \(axis)")
    }
    guard let count = Shapes.elementCount(shape), let bytes = dtype.byteCount(count),
      bytes == integers.count * MemoryLayout<Scalar>.stride
    else {
      throw OctetError(
        .shapeMismatch, operation: "Tensor", argument: "shape",
        expected: "a shape that \(integers.count) stored integers fill", received: "\(shape)")
    }
    try self.init(uninitialized: shape, dtype: dtype, quantizer: quantizer)
    integers.withUnsafeBytes { storage.fill(from: $0) }
  }

  /// A dense or quantized tensor from raw bytes in logical order.
  package convenience init(
    bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType, quantizer: Quantizer? = nil,
    operation: String
  ) throws(OctetError) {
    // Checked before anything is allocated: a shape from outside may be of any size.
    guard let count = Shapes.elementCount(shape), let wanted = dtype.byteCount(count),
      wanted == bytes.count
    else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "shape",
        expected: "a shape of \(dtype.rawValue) that \(bytes.count) bytes fill",
        received: "\(shape)")
    }
    try self.init(uninitialized: shape, dtype: dtype, quantizer: quantizer, operation: operation)
    storage.fill(from: bytes)
  }

  /// A tensor whose elements are all `value`.
  public convenience init<Scalar: TensorScalar>(repeating value: Scalar, shape: [Int])
    throws(OctetError)
  {
    try self.init(uninitialized: shape, dtype: Scalar.dtype)
    storage.bytes.bindMemory(to: Scalar.self, capacity: count)
      .initialize(repeating: value, count: count)
  }

  /// A tensor of shape `[]` holding `value`.
  public convenience init<Scalar: TensorScalar>(scalar value: Scalar) {
    self.init(
      storage: Storage(byteCount: MemoryLayout<Scalar>.stride), offset: 0, shape: [], strides: [],
      dtype: Scalar.dtype, quantizer: nil)
    storage.bytes.storeBytes(of: value, as: Scalar.self)
  }

  /// The elements in logical order; the integers of a quantized tensor.
  ///
  /// - Throws: `dtypeMismatch` when the tensor doesn't store `Scalar`.
  public func elements<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self)
    throws(OctetError) -> [Scalar]
  {
    guard dtype.storageDType == Scalar.dtype else {
      throw OctetError(
        .dtypeMismatch, operation: "elements", argument: "type",
        expected: "the stored dtype \(dtype.storageDType.rawValue)",
        received: Scalar.dtype.rawValue,
        fix: isQuantized ? "dequantize first, or read \(dtype.storageDType.rawValue)" : "")
    }
    try checkRecordedAccess("elements")
    return try contiguous().withElements(Scalar.self) { Array($0) }
  }

  /// The only element of a tensor with one element, as a Double. torch's `item()`.
  public func item() throws(OctetError) -> Double {
    guard count == 1 else {
      throw OctetError(
        .shapeMismatch, operation: "item", argument: "self", expected: "a tensor of one element",
        received: "shape \(shape)")
    }
    try checkRecordedAccess("item")
    if isQuantized { return try dequantized().item() }
    let one = try contiguous()
    let start = one.storage.bytes + one.offset * (dtype.bitWidth / 8)
    switch dtype {
    case .float32: return Double(start.load(as: Float.self))
    case .float64: return start.load(as: Double.self)
    case .float16: return Double(start.load(as: Half.self).float)
    case .bfloat16: return Double(start.load(as: BFloat16.self).float)
    case .uint8, .bool: return Double(start.load(as: UInt8.self))
    case .int8: return Double(start.load(as: Int8.self))
    case .int16: return Double(start.load(as: Int16.self))
    case .uint16: return Double(start.load(as: UInt16.self))
    case .int32: return Double(start.load(as: Int32.self))
    default: return Double(start.load(as: Int64.self))
    }
  }

  /// Runs `body` on the dense elements of a contiguous or channels-last tensor, in memory order.
  package func withElements<Scalar: TensorScalar, Result>(
    _ type: Scalar.Type, _ body: (UnsafeBufferPointer<Scalar>) -> Result
  ) -> Result {
    precondition(dtype.storageDType == Scalar.dtype, "stored type")
    let start = storage.bytes.assumingMemoryBound(to: Scalar.self) + offset
    return body(UnsafeBufferPointer(start: start, count: count))
  }

  /// Runs `body` on the dense elements of a freshly made tensor, to be written.
  package func withMutableElements<Scalar: TensorScalar, Result>(
    _ type: Scalar.Type, _ body: (UnsafeMutableBufferPointer<Scalar>) -> Result
  ) -> Result {
    precondition(dtype.storageDType == Scalar.dtype, "stored type")
    let start = storage.bytes.assumingMemoryBound(to: Scalar.self) + offset
    return body(UnsafeMutableBufferPointer(start: start, count: count))
  }

  /// The first element's address. The tensor must be kept alive while it is used.
  package var baseAddress: UnsafeMutableRawPointer {
    storage.bytes + offset * dtype.bitWidth / 8
  }

  /// The first element of a dense float32 tensor, which must be kept alive while it is used.
  var floats: UnsafePointer<Float> { UnsafePointer(mutableFloats) }

  /// The first element of a freshly made float32 tensor, which must be kept alive while it is used.
  var mutableFloats: UnsafeMutablePointer<Float> {
    baseAddress.assumingMemoryBound(to: Float.self)
  }

  /// The dense bytes of a contiguous tensor, in memory order.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(start: baseAddress, count: (count * dtype.bitWidth + 7) / 8))
  }

  static func check(elements: Int, shape: [Int], operation: String) throws(OctetError) {
    guard Shapes.elementCount(shape) == elements else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "shape",
        expected: "a shape that \(elements) elements fill", received: "\(shape)")
    }
  }
}
