import OctetTensor

/// A tensor's name in a file, and the tensor.
public typealias NamedTensor = (String, Tensor)

/// The tensors of a safetensors file in the file's order, quantized ones put together from their companions.
///
/// A tensor `NAME` is quantized exactly when the file has `NAME:scale`: see `saveTensors`. Tensors own their memory.
///
/// - Throws: `fileAccess` when the file can't be read, `malformedFile` or `invalidQuantizer`, with the tensor and the byte
///   offset, when its bytes break the format, `dtypeMismatch` for element types that Octet doesn't have.
public func loadTensors(path: String) throws(OctetError) -> [NamedTensor] {
  try SafetensorsFile(path: path, access: .copied).tensors()
}

/// Writes tensors to a safetensors file, atomically and in their order.
///
/// A plain tensor is one entry. A quantized tensor `NAME` is the entry of its integers (U8 for quint8, I8 for
/// qint8, I32 for qint32, packed bytes as U8 for quint4x2 and quint2x4) with companions:
///
/// | entry | holds |
/// | --- | --- |
/// | `NAME:scale` | F32, or F64 where that loses digits; shape [] per tensor, [C] per channel |
/// | `NAME:zero_point` | I32 of the same shape (I64 is read too); F32 for float zero points |
/// | `NAME:axis` | I64 [], per channel only |
/// | `NAME:shape` | I64 [rank], the logical shape of packed types |
/// | `NAME:bits` | I64 [], 2, for quint2x4 only |
///
/// - Throws: `invalidArgument` for names that clash with each other or with companions, `fileAccess` when the system
///   refuses. The file at the path is untouched then.
public func saveTensors(
  _ tensors: some Sequence<NamedTensor>, metadata: [String: String] = [:], path: String
) throws {
  try SafetensorsWriter.write(
    SafetensorsCompanions.entries(of: Array(tensors)), metadata: metadata, to: path)
}

extension SafetensorsFile {
  /// All tensors in the file's order, quantized ones put together from their companions.
  ///
  /// - Throws: as `loadTensors`.
  public func tensors() throws(OctetError) -> [NamedTensor] {
    var tensors: [NamedTensor] = []
    for entry in entries where !isCompanion(entry.name) {
      tensors.append((entry.name, try tensor(entry.name)))
    }
    return tensors
  }

  /// The tensor of a name, quantized when the file has its scale.
  ///
  /// - Throws: as `loadTensors`, and `stateMismatch` when the file has no such tensor.
  public func tensor(_ name: String) throws(OctetError) -> Tensor {
    let entry = try entry(name)
    if isQuantized(name) {
      return try SafetensorsCompanions.Reader(file: self, base: entry).tensor()
    }
    guard let dtype = entry.dtype.dtype else {
      throw OctetError(
        .dtypeMismatch, operation: Self.operation, argument: "\(path), tensor \(quoted(name))",
        expected: "an element type that tensors have",
        received: "\(entry.dtype.rawValue) at byte \(entry.fileOffset)",
        fix: "read its bytes with bytes(of:), or convert it before saving")
    }
    let tensor = try read(entry, shape: entry.shape, dtype: dtype)
    if dtype == .bool { try checkBooleans(tensor, entry) }
    return tensor
  }

  /// True for an entry that only describes a quantized tensor of the file: its scale, for example.
  public func isCompanion(_ name: String) -> Bool {
    SafetensorsCompanions.Suffix.allCases.contains { suffix in
      guard name.hasSuffix(suffix.rawValue) else { return false }
      let base = String(name.dropLast(suffix.rawValue.count))
      return self[base] != nil && isQuantized(base)
    }
  }

  /// True when the file has the scale that makes this entry's integers a quantized tensor.
  public func isQuantized(_ name: String) -> Bool {
    self[name + SafetensorsCompanions.Suffix.scale.rawValue] != nil
  }

  /// An entry's bytes as a tensor; the caller has made sure that they are as many.
  func read(
    _ entry: Entry, shape: [Int], dtype: DType, quantizer: Quantizer? = nil
  ) throws(OctetError) -> Tensor {
    let tensor = try Tensor(
      uninitialized: shape, dtype: dtype, quantizer: quantizer, operation: Self.operation)
    try source.read(
      entry.fileRange,
      into: UnsafeMutableRawBufferPointer(
        start: tensor.storage.bytes, count: entry.dataRange.count))
    return tensor
  }

  private func checkBooleans(_ tensor: Tensor, _ entry: Entry) throws(OctetError) {
    let wrong = tensor.withBytes { bytes in
      bytes.firstIndex { $0 > 1 }.map { (offset: $0, byte: bytes[$0]) }
    }
    guard let wrong else { return }
    throw OctetError(
      .malformedFile, operation: Self.operation, argument: "\(path), tensor \(quoted(entry.name))",
      expected: "booleans of 0 or 1",
      received: "\(wrong.byte) at byte \(entry.fileOffset + wrong.offset)")
  }
}
