import OctetTensor

/// Writes safetensors files.
///
/// The header lists the tensors in the order given and the metadata by key, and is padded with spaces to a multiple of 8
/// bytes; the bytes are laid out with the widest elements first, so every tensor is aligned to its element. The same
/// input gives the same bytes.
public enum SafetensorsWriter {
  /// A tensor to write.
  public struct Entry: Sendable {
    /// The name, unique in the file.
    public let name: String
    /// The element type.
    public let dtype: SafetensorsDType
    /// The dimensions, outermost first.
    public let shape: [Int]
    /// Hands the elements' bytes, little-endian and contiguous, to its argument, in one or more parts.
    let source: @Sendable ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// A tensor whose bytes are in memory.
    public init(name: String, dtype: SafetensorsDType, shape: [Int], bytes: [UInt8]) {
      self.init(name: name, dtype: dtype, shape: shape) { sink in
        try bytes.withUnsafeBytes { try sink($0) }
      }
    }

    /// A tensor whose bytes come when they are written, in one or more parts.
    public init(
      name: String, dtype: SafetensorsDType, shape: [Int],
      source: @escaping @Sendable ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.source = source
    }
  }

  static let operation = "safetensors.save"

  /// Writes a file atomically: the path holds the old bytes or all of the new ones, also after a crash.
  ///
  /// - Throws: `invalidArgument` for entries that no file may hold, `fileAccess` when the system refuses, and what an
  ///   entry's source throws. The file at the path is untouched then.
  public static func write(
    _ entries: [Entry], metadata: [String: String] = [:], to path: String
  ) throws {
    let plan = try Plan(entries, metadata: metadata)
    try AtomicFile.write(to: path, operation: operation) { file in
      try plan.write { try file.append($0) }
    }
  }

  /// The bytes of the file that `write` would write.
  ///
  /// - Throws: `invalidArgument` for entries that no file may hold, and what an entry's source throws.
  public static func bytes(
    _ entries: [Entry], metadata: [String: String] = [:]
  ) throws -> [UInt8] {
    let plan = try Plan(entries, metadata: metadata)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(plan.fileSize)
    try plan.write { bytes.append(contentsOf: $0) }
    return bytes
  }
}

extension SafetensorsWriter {
  /// A file that is right by construction, but for the bytes that are still to come.
  private struct Plan {
    private struct Piece {
      let entry: Entry
      let size: Int

      func mismatch(_ received: String) -> OctetError {
        failure(
          "entries",
          "\(size) bytes for tensor \(quoted(entry.name)) of shape \(entry.shape) and "
            + "dtype \(entry.dtype.rawValue)", received)
      }
    }

    private let header: [UInt8]
    private let pieces: [Piece]
    let fileSize: Int

    init(_ entries: [Entry], metadata: [String: String]) throws(OctetError) {
      guard entries.count <= SafetensorsLimits.entries else {
        throw failure(
          "entries", "at most \(SafetensorsLimits.entries) tensors", "\(entries.count)",
          "split the file")
      }
      var sizes: [Int] = []
      var names: Set<String> = []
      for entry in entries {
        guard names.insert(entry.name).inserted else {
          throw failure("entries", "each name once", "\(quoted(entry.name)) twice")
        }
        sizes.append(try size(of: entry))
      }
      // Sorting isn't stable by contract, so the place decides among equals.
      let order = entries.indices.sorted {
        let (left, right) = (entries[$0].dtype.bitWidth, entries[$1].dtype.bitWidth)
        return left != right ? left > right : $0 < $1
      }
      var ranges = Array(repeating: 0..<0, count: entries.count)
      var end = 0
      for place in order {
        let (sum, overflow) = end.addingReportingOverflow(sizes[place])
        guard !overflow, sum <= Int.max - SafetensorsLimits.header - 8 else {
          throw failure("entries", "a file whose size 63 bits count", "more bytes")
        }
        ranges[place] = end..<sum
        end = sum
      }
      header = try Self.header(entries, ranges: ranges, metadata: metadata)
      pieces = order.map { Piece(entry: entries[$0], size: sizes[$0]) }
      fileSize = header.count + end
    }

    private static func header(
      _ entries: [Entry], ranges: [Range<Int>], metadata: [String: String]
    ) throws(OctetError) -> [UInt8] {
      guard metadata.count <= SafetensorsLimits.metadata else {
        throw failure(
          "metadata", "at most \(SafetensorsLimits.metadata) pairs", "\(metadata.count)")
      }
      var members = JSONObject()
      if !metadata.isEmpty {
        var pairs = JSONObject()
        let keys = metadata.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for key in keys {
          try checkKey(key, "metadata")
          pairs.append(key: key, value: .string(metadata[key, default: ""]))
        }
        members.append(key: SafetensorsLimits.metadataKey, value: .object(pairs))
      }
      for (entry, range) in zip(entries, ranges) {
        members.append(
          key: entry.name,
          value: [
            "dtype": .string(entry.dtype.rawValue),
            "shape": .array(entry.shape.map { .integer(Int64($0)) }),
            "data_offsets": [
              .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
            ],
          ])
      }
      var text = Array(try JSONValue.object(members).serialized().utf8)
      text.append(contentsOf: repeatElement(0x20, count: (8 - text.count % 8) % 8))
      guard text.count <= SafetensorsLimits.header else {
        throw failure(
          "entries", "a header of at most \(SafetensorsLimits.header) bytes",
          "\(text.count) bytes", "split the file or shorten the names")
      }
      return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }

    /// Hands the file's bytes to `sink`, and refuses a source that gives more or fewer than its shape says.
    func write(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
      try header.withUnsafeBytes { try sink($0) }
      for piece in pieces {
        var written = 0
        try piece.entry.source { bytes in
          guard bytes.count <= piece.size - written else {
            throw piece.mismatch("\(bytes.count - (piece.size - written)) bytes more")
          }
          written += bytes.count
          try sink(bytes)
        }
        guard written == piece.size else { throw piece.mismatch("\(written) bytes") }
      }
    }
  }

  private static func failure(
    _ argument: String, _ expected: String, _ received: String, _ fix: String = ""
  ) -> OctetError {
    OctetError(
      .invalidArgument, operation: operation, argument: argument, expected: expected,
      received: received, fix: fix)
  }

  private static func checkKey(_ key: String, _ argument: String) throws(OctetError) {
    guard key.utf8.count > JSONScanner.longestUnicodeKey,
      !key.utf8.allSatisfy({ $0 < 0x80 })
    else { return }
    throw failure(
      argument, "names of at most \(JSONScanner.longestUnicodeKey) bytes when not plain ASCII",
      "\(key.utf8.count) bytes of \(quoted(key))", "shorten the name")
  }

  /// The bytes of an entry that a file may hold.
  private static func size(of entry: Entry) throws(OctetError) -> Int {
    let tensor = "tensor \(quoted(entry.name))"
    try checkKey(entry.name, "entries")
    guard entry.name != SafetensorsLimits.metadataKey else {
      throw failure("entries", "a name other than the metadata's", tensor, "rename it")
    }
    guard entry.shape.count <= SafetensorsLimits.rank, entry.shape.allSatisfy({ $0 >= 0 }) else {
      throw failure(
        "entries", "at most \(SafetensorsLimits.rank) dimensions, none negative",
        "shape \(entry.shape) of \(tensor)")
    }
    switch SafetensorsSize(shape: entry.shape, dtype: entry.dtype) {
    case .bytes(let bytes): return bytes
    case .tooLarge:
      throw failure("entries", "sizes that 63 bits count", "shape \(entry.shape) of \(tensor)")
    case .partialByte(let bits):
      throw failure("entries", "tensors that fill whole bytes", "\(bits) bits of \(tensor)")
    }
  }
}
