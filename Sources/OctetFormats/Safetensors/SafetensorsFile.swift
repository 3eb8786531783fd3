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

    var fileRange: Range<Int> { fileOffset..<fileOffset + dataRange.count }
  }

  /// The pairs under `__metadata__`.
  public let metadata: [String: String]
  /// The tensors in the header's order.
  public let entries: [Entry]
  /// The path, or the name that was given to bytes in memory.
  public let path: String

  let source: ByteSource
  private let index: [String: Int]

  static let operation = "safetensors.load"

  /// Opens and checks a file. Opens exactly this path, which must lead to a regular file.
  ///
  /// - Throws: `fileAccess` when it can't be opened, `malformedFile`, with the tensor and the byte offset, when its
  ///   bytes break the format.
  public init(path: String, access: FileAccess = .mapped) throws(OctetError) {
    try self.init(
      ByteSource(path: path, access: access, operation: Self.operation), path: path)
  }

  /// Checks a file that is in memory, and keeps a copy of it.
  ///
  /// - Parameter name: stands for the path in errors.
  /// - Throws: `malformedFile`, with the tensor and the byte offset.
  public init(bytes: [UInt8], name: String = "bytes") throws(OctetError) {
    try self.init(
      ByteSource(copying: bytes, name: name, operation: Self.operation), path: name)
  }

  private init(_ source: ByteSource, path: String) throws(OctetError) {
    let header = try SafetensorsHeader(source, path: path, operation: Self.operation)
    metadata = header.metadata
    entries = header.entries
    index = header.index
    self.path = path
    self.source = source
  }

  /// The description of a tensor, nil when the file has none of that name.
  public subscript(name: String) -> Entry? { index[name].map { entries[$0] } }

  /// Hands a tensor's bytes to `body`, little-endian as the format has them. They are valid until it returns and may
  /// have any alignment.
  ///
  /// - Throws: `stateMismatch` when the file has no such tensor, `fileAccess` when it can't be read any more, and what
  ///   `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    try source.view(entry(name).fileRange).withBytes(body)
  }

  /// A copy of a tensor's bytes.
  ///
  /// - Throws: `stateMismatch` when the file has no such tensor, `fileAccess` when it can't be read any more.
  public func bytes(of name: String) throws(OctetError) -> [UInt8] {
    try source.view(entry(name).fileRange).withBytes { Array($0) }
  }

  /// The description of a tensor that the caller needs.
  func entry(_ name: String) throws(OctetError) -> Entry {
    if let entry = self[name] { return entry }
    throw OctetError(
      .stateMismatch, operation: Self.operation, argument: path,
      expected: "a tensor \(quoted(name))", received: "\(entries.count) tensors without it",
      fix: entries.isEmpty ? "" : "names are like \(quoted(entries[0].name))")
  }
}
