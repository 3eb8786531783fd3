import OctetTensor

/// A safetensors file, opened and checked: named tensors as bytes.
///
/// Everything is checked before the initializer returns: the header's length and JSON, every dtype, shape and range, that
/// the ranges cover the file's data without overlap or hole, and that nothing follows. So an instance never hands out
/// bytes outside its file. Opening takes memory in proportion to the header; tensors are read when they are touched.
///
/// Limits: a header of 100,000,000 bytes (the format's), 262,144 tensors, 16 dimensions, 65,536 pairs of metadata, 256
/// bytes for a name that isn't plain ASCII.
public struct SafetensorsFile: Sendable {
  /// One tensor's description.
  public struct Entry: Sendable, Equatable {
    /// The tensor's name.
    public let name: String
    /// The element type.
    public let dtype: SafetensorsDType
    /// The dimensions, outermost first; elements are contiguous, the last dimension fastest.
    public let shape: [Int]
    /// Where the elements are, counted from the end of the header.
    public let dataRange: Range<Int>
    /// Where the elements start, counted from the start of the file.
    public let fileOffset: Int
  }

  /// The pairs under `__metadata__`.
  public let metadata: [String: String]
  /// The tensors in the header's order.
  public let entries: [Entry]
  /// The path, or the name that was given to bytes in memory.
  public let path: String

  private let index: [String: Int]
  private let dataStart: Int
  private let storage: Storage

  private enum Storage: Sendable {
    case file(FileBytes)
    case memory([UInt8])

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
      switch self {
      case .file(let file): try withExtendedLifetime(file) { try body(file.bytes) }
      case .memory(let bytes): try bytes.withUnsafeBytes(body)
      }
    }
  }

  static let operation = "safetensors.load"

  /// Opens and checks a file. Opens exactly this path, which must lead to a regular file.
  ///
  /// - Throws: `fileAccess` when it can't be opened, `malformedFile`, with the tensor and the byte offset, when its
  ///   bytes break the format.
  public init(path: String, access: FileAccess = .mapped) throws(OctetError) {
    let file = try FileBytes(path: path, access: access, operation: Self.operation)
    try self.init(storage: .file(file), path: path)
  }

  /// Checks a file that is in memory.
  ///
  /// - Parameter name: stands for the path in errors.
  /// - Throws: `malformedFile`, with the tensor and the byte offset.
  public init(bytes: [UInt8], name: String = "bytes") throws(OctetError) {
    try self.init(storage: .memory(bytes), path: name)
  }

  private init(storage: Storage, path: String) throws(OctetError) {
    let outcome: Result<SafetensorsHeader, OctetError> = storage.withBytes { bytes in
      Result { () throws(OctetError) in
        try SafetensorsHeader(file: bytes, path: path, operation: Self.operation)
      }
    }
    let header = try outcome.get()
    metadata = header.metadata
    entries = header.entries
    index = header.index
    dataStart = header.dataStart
    self.path = path
    self.storage = storage
  }

  /// The description of a tensor, nil when the file has none of that name.
  public subscript(name: String) -> Entry? { index[name].map { entries[$0] } }

  /// Hands a tensor's bytes to `body`, little-endian as the format has them. They are valid until it returns and may
  /// have any alignment.
  ///
  /// - Throws: `stateMismatch` when the file has no such tensor, and what `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let range = try range(of: name)
    return try storage.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// A copy of a tensor's bytes.
  ///
  /// - Throws: `stateMismatch` when the file has no such tensor.
  public func bytes(of name: String) throws(OctetError) -> [UInt8] {
    let range = try range(of: name)
    return storage.withBytes { Array($0[range]) }
  }

  private func range(of name: String) throws(OctetError) -> Range<Int> {
    guard let entry = self[name] else {
      throw OctetError(
        .stateMismatch, operation: Self.operation, argument: path,
        expected: "a tensor \(quoted(name))", received: "\(entries.count) tensors without it",
        fix: entries.isEmpty ? "" : "names are like \(quoted(entries[0].name))")
    }
    return entry.fileOffset..<entry.fileOffset + entry.dataRange.count
  }
}
