import OctetFormats
import OctetTensor
import Testing

@Suite("safetensors, there and back") struct SafetensorsRoundTripTests {
  static func randomEntry(
    _ name: String, _ dtype: SafetensorsDType, _ shape: [Int], _ generator: inout SeededGenerator
  ) -> SafetensorsWriter.Entry {
    let count = shape.reduce(dtype.bitWidth, *) / 8
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    return SafetensorsWriter.Entry(name: name, dtype: dtype, shape: shape, bytes: bytes)
  }

  @Test("every element type", arguments: SafetensorsDType.allCases)
  func elementTypes(_ dtype: SafetensorsDType) throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: UInt64(dtype.bitWidth))
    let shapes = [[], [8], [0], [3, 0, 5], [2, 4, 1], Array(repeating: 1, count: 15) + [8]]
      .filter { $0.reduce(dtype.bitWidth, *) % 8 == 0 }
    let entries = shapes.enumerated().map {
      Self.randomEntry("tensor.\($0.offset)", dtype, $0.element, &generator)
    }
    let metadata = ["format": "pt", "é\"\n": "\0\u{1F600}"]
    let path = folder.file("all.safetensors")
    try SafetensorsWriter.write(entries, metadata: metadata, to: path)
    #expect(try contents(path) == SafetensorsWriter.bytes(entries, metadata: metadata))
    let bytes = try contents(path)
    for file in try [
      SafetensorsFile(path: path), SafetensorsFile(path: path, access: .copied),
      SafetensorsFile(bytes: bytes),
    ] {
      #expect(file.metadata == metadata)
      #expect(file.entries.map(\.name) == entries.map(\.name))
      #expect(file.entries.map(\.dtype) == entries.map { _ in dtype })
      #expect(file.entries.map(\.shape) == shapes)
      #expect(try checkAccepted(file, bytes) == nil)
    }
  }

  @Test("widths and names as the format has them") func widths() {
    let widths = SafetensorsDType.allCases.map { "\($0.rawValue)=\($0.bitWidth)" }
    #expect(
      widths.sorted().joined(separator: " ")
        == "BF16=16 BOOL=8 C64=64 F16=16 F32=32 F4=4 F64=64 F6_E2M3=6 F6_E3M2=6 F8_E4M3=8 "
        + "F8_E5M2=8 F8_E8M0=8 I16=16 I32=32 I64=64 I8=8 U16=16 U32=32 U64=64 U8=8")
  }

  @Test("the bytes of a small file, one by one") func exactBytes() throws {
    let entries = [
      SafetensorsWriter.Entry(name: "b", dtype: .uint8, shape: [3], bytes: [1, 2, 3]),
      SafetensorsWriter.Entry(name: "a", dtype: .float32, shape: [], bytes: [0, 0, 0x80, 0x3F]),
    ]
    let header =
      #"{"__metadata__":{"k":"v","z":""},"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"#
      + #""a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let expected = assemble(header: padded, data: [0, 0, 0x80, 0x3F, 1, 2, 3])
    let bytes = try SafetensorsWriter.bytes(entries, metadata: ["z": "", "k": "v"])
    #expect(bytes == expected)
    let file = try SafetensorsFile(bytes: bytes)
    #expect(file["b"]?.dataRange == 4..<7)
    #expect(file["b"]?.fileOffset == 8 + padded.utf8.count + 4)
    #expect(file["c"] == nil)
    #expect(try file.withBytes(of: "b") { $0.reduce(0) { $0 + Int($1) } } == 6)
  }

  @Test("every element lies on its own alignment") func alignment() throws {
    var generator = SeededGenerator(seed: 3)
    let entries = SafetensorsDType.allCases.map {
      Self.randomEntry($0.rawValue, $0, [$0.bitWidth < 8 ? 4 : 1], &generator)
    }
    let file = try SafetensorsFile(bytes: SafetensorsWriter.bytes(entries))
    for entry in file.entries {
      #expect(entry.fileOffset % max(1, entry.dtype.bitWidth / 8) == 0, "\(entry.name)")
    }
  }

  @Test("a file without tensors", arguments: ["{}", "{ }  ", "{\"__metadata__\":{}}"])
  func empty(_ header: String) throws {
    let file = try SafetensorsFile(bytes: assemble(header: header))
    #expect(file.entries.isEmpty && file.metadata.isEmpty)
    let written = try SafetensorsFile(bytes: SafetensorsWriter.bytes([]))
    #expect(written.entries.isEmpty && written.metadata.isEmpty)
  }

  @Test("a header in another order, spaced, with escapes") func otherWriters() throws {
    let header = """
      { "b" : {"shape":[2], "data_offsets" : [1, 3] , "dtype":"I8"},
      \t"\\u0061/1:x": {"data_offsets":[0,1],"dtype":"BOOL","shape":[1,1]} ,
      "none":{"dtype":"F64","shape":[0,9],"data_offsets":[1,1]} }\u{20}
      """
    let bytes = assemble(header: header, data: [1, 0xFF, 0x80])
    let file = try SafetensorsFile(bytes: bytes)
    #expect(file.entries.map(\.name) == ["b", "a/1:x", "none"])
    #expect(try file.bytes(of: "b") == [0xFF, 0x80])
    #expect(try file.bytes(of: "a/1:x") == [1])
    #expect(try file.bytes(of: "none") == [])
    #expect(try checkAccepted(file, bytes) == nil)
  }

  @Test("a source that comes in parts, and one that lies") func sources() throws {
    func entry(_ parts: [[UInt8]]) -> SafetensorsWriter.Entry {
      SafetensorsWriter.Entry(name: "t", dtype: .uint8, shape: [5]) { sink in
        for part in parts { try part.withUnsafeBytes { try sink($0) } }
      }
    }
    let bytes = try SafetensorsWriter.bytes([entry([[1, 2], [], [3, 4, 5]])])
    #expect(try SafetensorsFile(bytes: bytes).bytes(of: "t") == [1, 2, 3, 4, 5])
    let lies: [([[UInt8]], String)] = [
      ([[1, 2]], "2 bytes"), ([[1, 2, 3], [4, 5, 6, 7]], "2 bytes more"),
    ]
    for (parts, received) in lies {
      let error = try #require(throws: OctetError.self) {
        try SafetensorsWriter.bytes([entry(parts)])
      }
      #expect(error.code == .invalidArgument && error.received == received)
      #expect(error.expected == "5 bytes for tensor \"t\" of shape [5] and dtype U8")
    }
  }

  static let refused: [(String, SafetensorsDType, [Int], String)] = [
    ("__metadata__", .uint8, [1], "a name other than the metadata's"),
    ("t", .uint8, Array(repeating: 1, count: 17), "at most 16 dimensions, none negative"),
    ("t", .uint8, [-1], "at most 16 dimensions, none negative"),
    ("t", .float64, [1 << 60], "sizes that 63 bits count"),
    ("t", .uint8, [0, 1 << 32, 1 << 32], "sizes that 63 bits count"),
    ("t", .float4, [3], "tensors that fill whole bytes"),
    (
      "t" + String(repeating: "é", count: 128), .uint8, [1],
      "names of at most 256 bytes when not plain ASCII"
    ),
  ]

  @Test("entries that no file may hold", arguments: refused)
  func refuses(_ name: String, _ dtype: SafetensorsDType, _ shape: [Int], _ expected: String) throws
  {
    let entry = SafetensorsWriter.Entry(name: name, dtype: dtype, shape: shape, bytes: [])
    let error = try #require(throws: OctetError.self) { try SafetensorsWriter.bytes([entry]) }
    #expect(error.code == .invalidArgument)
    #expect(error.operation == "safetensors.save")
    #expect(error.expected == expected)
  }

  @Test func refusesDuplicates() throws {
    let entry = SafetensorsWriter.Entry(name: "t", dtype: .uint8, shape: [1], bytes: [0])
    let error = try #require(throws: OctetError.self) {
      try SafetensorsWriter.bytes([entry, entry])
    }
    #expect(
      error.description
        == "safetensors.save: entries: expected each name once, received \"t\" twice")
  }
}
