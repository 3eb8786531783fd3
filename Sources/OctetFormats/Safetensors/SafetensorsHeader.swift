import OctetTensor

/// What the format and this reader allow.
enum SafetensorsLimits {
  /// Bytes of the header, the format's own limit.
  static let header = 100_000_000
  /// Dimensions of a tensor.
  static let rank = 16
  /// Tensors in a file.
  static let entries = 1 << 18
  /// Pairs of metadata.
  static let metadata = 1 << 16
  /// The key of the metadata, which no tensor may have as its name.
  static let metadataKey = "__metadata__"
}

/// Reads and checks everything a safetensors file says about itself. What it returns can be believed.
struct SafetensorsHeader {
  private(set) var metadata: [String: String] = [:]
  private(set) var entries: [SafetensorsFile.Entry] = []
  private(set) var index: [String: Int] = [:]
  /// Where the tensors' bytes start in the file.
  let dataStart: Int

  private let operation: String
  private let path: String
  private let dataSize: Int

  /// Checks a whole file.
  ///
  /// Takes time linear in the header (times a logarithm when its tensors aren't in the order of their bytes) and
  /// doesn't read the tensors' bytes.
  init(_ source: ByteSource, path: String, operation: String) throws(OctetError) {
    let length = try Self.headerLength(source, path: path, operation: operation)
    self.operation = operation
    self.path = path
    dataStart = 8 + length
    dataSize = source.count - dataStart
    let text = try source.view(8..<dataStart)
    try text.withBytes { bytes throws(OctetError) in
      var scanner = JSONScanner(bytes, origin: 8, operation: operation, argument: path)
      try read(&scanner)
    }
    try checkLayout()
  }

  private static func headerLength(
    _ source: ByteSource, path: String, operation: String
  ) throws(OctetError) -> Int {
    func failure(_ expected: String, _ received: String, _ fix: String) -> OctetError {
      OctetError(
        .malformedFile, operation: operation, argument: path, expected: expected,
        received: received, fix: fix)
    }
    guard source.count >= 8 else {
      throw failure(
        "8 bytes of header length", "the file's end at byte \(source.count)",
        "check that it is a safetensors file and complete")
    }
    let length = try source.view(0..<8).withBytes {
      UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
    }
    guard length <= SafetensorsLimits.header else {
      throw failure(
        "a header of at most \(SafetensorsLimits.header) bytes",
        "a length of \(length) at byte 0", "check that it is a safetensors file")
    }
    guard length <= source.count - 8 else {
      throw failure(
        "a header of \(length) bytes", "the file's end at byte \(source.count)",
        "get the file again, it is cut off")
    }
    return Int(length)
  }
}

// MARK: - The JSON

extension SafetensorsHeader {
  private mutating func read(_ scanner: inout JSONScanner) throws(OctetError) {
    var hasMetadata = false
    try scanner.object("a header that starts with '{'") { scanner, key, offset throws(OctetError) in
      if key == SafetensorsLimits.metadataKey {
        guard !hasMetadata else {
          throw scanner.failure("each key once", "\(quoted(key)) again", at: offset)
        }
        hasMetadata = true
        try readMetadata(&scanner)
      } else {
        try readEntry(&scanner, name: key, offset: offset)
      }
    }
    try scanner.expectEnd()
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws(OctetError) {
    try scanner.object("\"__metadata__\" as an object of strings") {
      scanner, key, offset throws(OctetError) in
      guard metadata.count < SafetensorsLimits.metadata else {
        throw scanner.failure(
          "at most \(SafetensorsLimits.metadata) pairs of metadata", "another", at: offset)
      }
      guard metadata[key] == nil else {
        throw scanner.failure("each metadata key once", "\(quoted(key)) again", at: offset)
      }
      metadata[key] = try scanner.string("a string as the metadata \(quoted(key))")
    }
  }

  private mutating func readEntry(
    _ scanner: inout JSONScanner, name: String, offset: Int
  ) throws(OctetError) {
    guard index[name] == nil else {
      throw scanner.failure("each tensor once", "\(quoted(name)) again", at: offset)
    }
    guard entries.count < SafetensorsLimits.entries else {
      throw scanner.failure(
        "at most \(SafetensorsLimits.entries) tensors", "another", at: offset,
        fix: "split the file")
    }
    var fields = Fields(name: name)
    try scanner.object("tensor \(quoted(name)) as an object") {
      scanner, key, offset throws(OctetError) in
      try fields.read(&scanner, key: key, offset: offset)
    }
    let entry = try fields.entry(scanner, offset: offset, dataStart: dataStart, dataSize: dataSize)
    index[name] = entries.count
    entries.append(entry)
  }

  /// The three members of a tensor's description, as they come.
  private struct Fields {
    let name: String
    var dtype: SafetensorsDType?
    var shape: [Int]?
    var offsets: [Int]?

    init(name: String) { self.name = name }

    mutating func read(
      _ scanner: inout JSONScanner, key: String, offset: Int
    ) throws(OctetError) {
      let isNew: Bool
      switch key {
      case "dtype":
        isNew = dtype == nil
        dtype = try readDType(&scanner)
      case "shape":
        isNew = shape == nil
        shape = try readIntegers(&scanner, "shape", limit: SafetensorsLimits.rank)
      case "data_offsets":
        isNew = offsets == nil
        offsets = try readIntegers(&scanner, "data_offsets", limit: 2)
      default:
        throw scanner.failure(
          "only dtype, shape and data_offsets for tensor \(quoted(name))", quoted(key), at: offset)
      }
      guard isNew else {
        throw scanner.failure(
          "each key once for tensor \(quoted(name))", "\(quoted(key)) again", at: offset)
      }
    }

    private func readDType(_ scanner: inout JSONScanner) throws(OctetError) -> SafetensorsDType {
      let start = scanner.position
      let text = try scanner.string("a string as the dtype of tensor \(quoted(name))")
      guard let dtype = SafetensorsDType(rawValue: text) else {
        throw scanner.failure(
          "one of \(SafetensorsDType.allCases.map(\.rawValue).joined(separator: " ")) "
            + "as the dtype of tensor \(quoted(name))", quoted(text), at: start)
      }
      return dtype
    }

    private func readIntegers(
      _ scanner: inout JSONScanner, _ key: String, limit: Int
    ) throws(OctetError) -> [Int] {
      var values: [Int] = []
      let expected = "\(key) of tensor \(quoted(name)) as an array of non-negative integers"
      try scanner.array(expected) { scanner throws(OctetError) in
        let start = scanner.position
        guard let byte = scanner.peek(), byte == UInt8(ascii: "-") || 0x30...0x39 ~= byte else {
          throw scanner.unexpected(expected)
        }
        let number = try scanner.number()
        guard let value = number.intValue, value >= 0 else {
          throw scanner.failure(expected, number.kind, at: start)
        }
        guard values.count < limit else {
          throw scanner.failure(
            "\(key) of tensor \(quoted(name)) with at most \(limit) integers", "another", at: start)
        }
        values.append(value)
      }
      return values
    }

    /// The checked description of one tensor.
    func entry(
      _ scanner: JSONScanner, offset: Int, dataStart: Int, dataSize: Int
    ) throws(OctetError) -> SafetensorsFile.Entry {
      let tensor = "tensor \(quoted(name))"
      guard let dtype, let shape, let offsets else {
        let missing = dtype == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
        throw scanner.failure("a \(missing) for \(tensor)", "none", at: offset)
      }
      guard offsets.count == 2, offsets[0] <= offsets[1] else {
        throw scanner.failure(
          "[begin, end] with begin ≤ end as data_offsets of \(tensor)", "\(offsets)", at: offset)
      }
      guard offsets[1] <= dataSize else {
        throw scanner.failure(
          "\(tensor) to end within the \(dataSize) bytes of data (the file ends at byte "
            + "\(dataStart + dataSize))", "data_offsets \(offsets)", at: offset,
          fix: "get the file again, it may be cut off")
      }
      let size: Int
      switch SafetensorsSize(shape: shape, dtype: dtype) {
      case .bytes(let bytes): size = bytes
      case .tooLarge:
        throw scanner.failure(
          "a size of \(tensor) that 63 bits count", "shape \(shape) of \(dtype.rawValue)",
          at: offset)
      case .partialByte(let bits):
        throw scanner.failure(
          "\(tensor) to fill whole bytes", "\(bits) bits from shape \(shape) of \(dtype.rawValue)",
          at: offset)
      }
      guard offsets[1] - offsets[0] == size else {
        throw scanner.failure(
          "\(size) bytes for \(tensor) of shape \(shape) and dtype \(dtype.rawValue)",
          "data_offsets \(offsets) of \(offsets[1] - offsets[0]) bytes", at: offset)
      }
      return SafetensorsFile.Entry(
        name: name, dtype: dtype, shape: shape, dataRange: offsets[0]..<offsets[1],
        fileOffset: dataStart + offsets[0])
    }
  }
}

// MARK: - The layout

extension SafetensorsHeader {
  /// Checks that the tensors cover the data without overlap, hole or rest.
  private func checkLayout() throws(OctetError) {
    var end = 0
    var previous: String?
    for place in placesByOffset() {
      let entry = entries[place]
      guard entry.dataRange.lowerBound == end else {
        let neighbour = previous.map { "tensor \(quoted($0))" } ?? "the header"
        throw layoutFailure(
          "tensor \(quoted(entry.name)) to start where \(neighbour) ends, at byte \(dataStart + end)",
          entry.dataRange.lowerBound < end ? "an overlap" : "a hole", at: entry.fileOffset)
      }
      end = entry.dataRange.upperBound
      previous = entry.name
    }
    guard end == dataSize else {
      throw layoutFailure(
        "the file to end with its last tensor, at byte \(dataStart + end)",
        "\(dataSize - end) trailing bytes", at: dataStart + end)
    }
  }

  private func placesByOffset() -> [Int] {
    func isBefore(_ left: Int, _ right: Int) -> Bool {
      let (left, right) = (entries[left].dataRange, entries[right].dataRange)
      return (left.lowerBound, left.upperBound) < (right.lowerBound, right.upperBound)
    }
    var places = Array(entries.indices)
    if zip(places, places.dropFirst()).contains(where: { isBefore($1, $0) }) {
      places.sort(by: isBefore)
    }
    return places
  }

  private func layoutFailure(_ expected: String, _ received: String, at offset: Int) -> OctetError {
    OctetError(
      .malformedFile, operation: operation, argument: path, expected: expected,
      received: "\(received) at byte \(offset)", fix: "write the file again")
  }
}
