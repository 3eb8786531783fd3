/// Memory of one's own as a tensor, and a tensor's memory as buffers, without a copy.
extension Tensor {
  /// A tensor over memory that somebody else owns: elements in logical order, read and written in place.
  ///
  /// - Parameters:
  ///   - memory: the elements, aligned to their type; alive until `release` is called.
  ///   - shape: what the elements fill.
  ///   - release: called once when the last tensor over the memory goes.
  public convenience init<Scalar: TensorScalar>(
    adopting memory: UnsafeMutableBufferPointer<Scalar>, shape: [Int],
    release: @escaping @Sendable () -> Void
  ) throws(OctetError) {
    try Self.check(elements: memory.count, shape: shape, operation: "Tensor")
    guard let start = UnsafeMutableRawPointer(memory.baseAddress), !memory.isEmpty else {
      release()
      try self.init(uninitialized: shape, dtype: Scalar.dtype)
      return
    }
    guard Int(bitPattern: start) % MemoryLayout<Scalar>.alignment == 0 else {
      throw OctetError(
        .invalidArgument, operation: "Tensor", argument: "adopting",
        expected: "an address that \(MemoryLayout<Scalar>.alignment) divides", received: "\(start)")
    }
    let bytes = memory.count * MemoryLayout<Scalar>.stride
    self.init(
      storage: Storage(adopting: start, byteCount: bytes, release: release), offset: 0,
      shape: shape, strides: Shapes.contiguousStrides(shape), dtype: Scalar.dtype,
      quantizer: nil)
  }

  /// A dense tensor whose elements `body` writes, in logical order: all of them.
  public convenience init<Scalar: TensorScalar>(
    shape: [Int], filling body: (UnsafeMutableBufferPointer<Scalar>) throws -> Void
  ) throws {
    try self.init(uninitialized: shape, dtype: Scalar.dtype)
    let start = storage.bytes.bindMemory(to: Scalar.self, capacity: count)
    try body(UnsafeMutableBufferPointer(start: start, count: count))
  }

  /// A matrix from its rows.
  ///
  /// - Throws: `shapeMismatch` unless all rows have one length.
  public convenience init<Scalar: TensorScalar>(rows: [[Scalar]]) throws(OctetError) {
    let columns = rows.first?.count ?? 0
    if let other = rows.first(where: { $0.count != columns }) {
      throw OctetError(
        .shapeMismatch, operation: "Tensor", argument: "rows",
        expected: "\(columns) elements in every row", received: "\(other.count) in one")
    }
    try self.init(rows.flatMap { $0 }, shape: [rows.count, columns])
  }

  /// Runs `body` on the stored elements in logical order: in place when the tensor is contiguous, on a copy when it isn't.
  ///
  /// - Parameter type: the stored type; a quantized tensor's integers.
  public func withUnsafeElements<Scalar: TensorScalar, Result>(
    as type: Scalar.Type, _ body: (UnsafeBufferPointer<Scalar>) throws -> Result
  ) throws -> Result {
    try requireStored(Scalar.dtype)
    try checkRecordedAccess("withUnsafeElements")
    let dense = try contiguous()
    let start = dense.storage.bytes.assumingMemoryBound(to: Scalar.self) + dense.offset
    defer { withExtendedLifetime(dense) {} }
    return try body(UnsafeBufferPointer(start: start, count: count))
  }

  /// Runs `body` on the stored elements of a contiguous tensor, to be read and written in place.
  ///
  /// - Throws: `shapeMismatch` for a tensor that isn't contiguous; `dtypeMismatch` for another type; what `body` throws.
  public func withUnsafeMutableElements<Scalar: TensorScalar, Result>(
    as type: Scalar.Type, _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> Result
  ) throws -> Result {
    try requireStored(Scalar.dtype)
    try requireUnrecorded("withUnsafeMutableElements", [self])
    guard isContiguous else {
      throw OctetError(
        .shapeMismatch, operation: "withUnsafeMutableElements", argument: "self",
        expected: "a contiguous tensor",
        received: "strides \(strides) for shape \(shape)", fix: "call contiguous() first")
    }
    storage.markChanged()
    let start = storage.bytes.assumingMemoryBound(to: Scalar.self) + offset
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeMutableBufferPointer(start: start, count: count))
  }

  private func requireStored(_ wanted: DType) throws(OctetError) {
    guard dtype.storageDType == wanted, dtype.bitWidth >= 8 else {
      throw OctetError(
        .dtypeMismatch, operation: "withUnsafeElements", argument: "type",
        expected: "the stored dtype \(dtype.storageDType.rawValue), a byte or more per element",
        received: "\(wanted.rawValue) for \(dtype.rawValue)")
    }
  }
}
