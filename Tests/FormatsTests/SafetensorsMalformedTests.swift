import OctetFormats
import OctetTensor
import Testing

@Suite("safetensors, malformed") struct SafetensorsMalformedTests {
  static func tensor(
    _ name: String = "t", dtype: String = "\"U8\"", shape: String = "[4]", offsets: String = "[0,4]"
  ) -> String {
    "\"\(name)\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  /// A header, the count of data bytes behind it, what the error says it expected and what it received.
  static let headers: [(String, Int, String, String)] = [
    ("", 0, "a header that starts with '{'", "the end of the text at byte 8"),
    (" {}", 0, "a header that starts with '{'", "the byte 0x20 at byte 8"),
    ("[]", 0, "a header that starts with '{'", "an array at byte 8"),
    ("{}x", 0, "nothing after the document", "'x' at byte 10"),
    ("{}", 3, "the file to end with its last tensor, at byte 10", "3 trailing bytes at byte 10"),
    (
      "{\(tensor())}", 3,
      "tensor \"t\" to end within the 3 bytes of data (the file ends at byte 64)",
      "data_offsets [0, 4] at byte 9"
    ),
    (
      "{\(tensor())}", 5, "the file to end with its last tensor, at byte 65",
      "1 trailing bytes at byte 65"
    ),
    (
      "{\(tensor(offsets: "[4,0]"))}", 4,
      "[begin, end] with begin ≤ end as data_offsets of tensor \"t\"", "[4, 0] at byte 9"
    ),
    (
      "{\(tensor(offsets: "[0]"))}", 4,
      "[begin, end] with begin ≤ end as data_offsets of tensor \"t\"", "[0] at byte 9"
    ),
    (
      "{\(tensor(offsets: "[0,4,4]"))}", 4,
      "data_offsets of tensor \"t\" with at most 2 integers", "another at byte 59"
    ),
    (
      "{\(tensor(offsets: "[0,4.0]"))}", 4,
      "data_offsets of tensor \"t\" as an array of non-negative integers",
      "the number 4.0 at byte 57"
    ),
    (
      "{\(tensor(offsets: "[-1,4]"))}", 4,
      "data_offsets of tensor \"t\" as an array of non-negative integers",
      "the integer -1 at byte 55"
    ),
    (
      "{\(tensor(offsets: "[0,18446744073709551615]"))}", 4,
      "data_offsets of tensor \"t\" as an array of non-negative integers",
      "the integer 18446744073709551615 at byte 57"
    ),
    (
      "{\(tensor(offsets: "[1,5]"))}", 5,
      "tensor \"t\" to start where the header ends, at byte 61", "a hole at byte 62"
    ),
    (
      "{\(tensor("a")),\(tensor("b"))}", 8,
      "tensor \"b\" to start where tensor \"a\" ends, at byte 117", "an overlap at byte 113"
    ),
    (
      "{\(tensor("a", offsets: "[0,4]")),\(tensor("b", offsets: "[5,9]"))}", 9,
      "tensor \"b\" to start where tensor \"a\" ends, at byte 117", "a hole at byte 118"
    ),
    ("{\(tensor()),\(tensor(offsets: "[4,8]"))}", 8, "each tensor once", "\"t\" again at byte 61"),
    (
      "{\(tensor(shape: "[5]"))}", 4, "5 bytes for tensor \"t\" of shape [5] and dtype U8",
      "data_offsets [0, 4] of 4 bytes at byte 9"
    ),
    (
      "{\(tensor(dtype: "\"F32\"", shape: "[2]"))}", 4,
      "8 bytes for tensor \"t\" of shape [2] and dtype F32",
      "data_offsets [0, 4] of 4 bytes at byte 9"
    ),
    (
      "{\(tensor(dtype: "\"F4\"", shape: "[7]"))}", 4, "tensor \"t\" to fill whole bytes",
      "28 bits from shape [7] of F4 at byte 9"
    ),
    (
      "{\(tensor(shape: "[4294967296,4294967296]", offsets: "[0,0]"))}", 0,
      "a size of tensor \"t\" that 63 bits count",
      "shape [4294967296, 4294967296] of U8 at byte 9"
    ),
    (
      "{\(tensor(shape: "[0,4294967296,4294967296]", offsets: "[0,0]"))}", 0,
      "a size of tensor \"t\" that 63 bits count",
      "shape [0, 4294967296, 4294967296] of U8 at byte 9"
    ),
    (
      "{\(tensor(shape: "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4]"))}", 4,
      "shape of tensor \"t\" with at most 16 integers", "another at byte 68"
    ),
    (
      "{\(tensor(shape: "[-4]"))}", 4, "shape of tensor \"t\" as an array of non-negative integers",
      "the integer -4 at byte 36"
    ),
    (
      "{\(tensor(shape: "[4.0]"))}", 4,
      "shape of tensor \"t\" as an array of non-negative integers",
      "the number 4.0 at byte 36"
    ),
    (
      "{\(tensor(shape: "[[4]]"))}", 4,
      "shape of tensor \"t\" as an array of non-negative integers",
      "an array at byte 36"
    ),
    (
      "{\(tensor(shape: "4"))}", 4, "shape of tensor \"t\" as an array of non-negative integers",
      "a number at byte 35"
    ),
    ("{\(tensor(dtype: "7"))}", 4, "a string as the dtype of tensor \"t\"", "a number at byte 22"),
    ("{\"t\":[]}", 0, "tensor \"t\" as an object", "an array at byte 13"),
    ("{\"t\":{}}", 0, "a dtype for tensor \"t\"", "none at byte 9"),
    ("{\"t\":{\"dtype\":\"U8\"}}", 0, "a shape for tensor \"t\"", "none at byte 9"),
    (
      "{\"t\":{\"dtype\":\"U8\",\"shape\":[]}}", 1, "a data_offsets for tensor \"t\"",
      "none at byte 9"
    ),
    (
      "{\"t\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, "each key once for tensor \"t\"",
      "\"dtype\" again at byte 27"
    ),
    (
      "{\"t\":{\"stride\":[1]}}", 0, "only dtype, shape and data_offsets for tensor \"t\"",
      "\"stride\" at byte 14"
    ),
    (
      "{\"__metadata__\":[]}", 0, "\"__metadata__\" as an object of strings",
      "an array at byte 24"
    ),
    ("{\"__metadata__\":{\"k\":1}}", 0, "a string as the metadata \"k\"", "a number at byte 29"),
    (
      "{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", 0, "each metadata key once",
      "\"k\" again at byte 32"
    ),
    (
      "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "each key once",
      "\"__metadata__\" again at byte 27"
    ),
  ]

  @Test("each rule names the tensor and the byte", arguments: headers)
  func header(_ text: String, _ dataCount: Int, _ expected: String, _ received: String) throws {
    let bytes = assemble(header: text, data: Array(repeating: 0, count: dataCount))
    let error = try #require(throws: OctetError.self) {
      try SafetensorsFile(bytes: bytes, name: "model.safetensors")
    }
    #expect(error.code == .malformedFile)
    #expect(error.operation == "safetensors.load")
    #expect(error.argument == "model.safetensors")
    #expect(error.expected == expected)
    #expect(error.received == received)
  }

  @Test("an unknown dtype lists the known ones") func unknownDType() throws {
    let bytes = assemble(header: "{\(Self.tensor(dtype: "\"float32\""))}", data: [0, 0, 0, 0])
    let error = try #require(throws: OctetError.self) { try SafetensorsFile(bytes: bytes) }
    #expect(error.received == "\"float32\" at byte 22")
    for dtype in SafetensorsDType.allCases { #expect(error.expected.contains(dtype.rawValue)) }
  }

  static let lengths: [(UInt64, String, String)] = [
    (3, "a header of 3 bytes", "the file's end at byte 10"),
    (100_000_000, "a header of 100000000 bytes", "the file's end at byte 10"),
    (100_000_001, "a header of at most 100000000 bytes", "a length of 100000001 at byte 0"),
    (1 << 63, "a header of at most 100000000 bytes", "a length of 9223372036854775808 at byte 0"),
    (.max, "a header of at most 100000000 bytes", "a length of 18446744073709551615 at byte 0"),
    (.max - 7, "a header of at most 100000000 bytes", "a length of 18446744073709551608 at byte 0"),
  ]

  @Test("header lengths that lie", arguments: lengths)
  func length(_ length: UInt64, _ expected: String, _ received: String) throws {
    let error = try #require(throws: OctetError.self) {
      try SafetensorsFile(bytes: assemble(header: "{}", length: length))
    }
    #expect(error.expected == expected && error.received == received)
  }

  @Test("one whole sentence") func sentence() throws {
    let error = try #require(throws: OctetError.self) {
      try SafetensorsFile(bytes: [1, 2, 3], name: "m.safetensors")
    }
    #expect(
      error.description
        == "safetensors.load: m.safetensors: expected 8 bytes of header length, received the file's "
        + "end at byte 3; check that it is a safetensors file and complete")
  }

  @Test("a name that would flood the error is cut and escaped") func longName() throws {
    let name = "\\n" + String(repeating: "x", count: 100_000)
    let error = try #require(throws: OctetError.self) {
      try SafetensorsFile(bytes: assemble(header: "{\"\(name)\":0}"))
    }
    #expect(error.expected == "tensor \"\\n\(String(repeating: "x", count: 79))…\" as an object")
  }

  @Test("a tensor that isn't there") func missingTensor() throws {
    let file = try SafetensorsFile(
      bytes: assemble(header: "{\(Self.tensor())}", data: [1, 2, 3, 4]), name: "m")
    let error = try #require(throws: OctetError.self) { try file.bytes(of: "u") }
    #expect(
      error.description
        == "safetensors.load: m: expected a tensor \"u\", received 1 tensors without it; names are "
        + "like \"t\"")
  }

  /// A small file that uses every part of the format.
  static func small() throws -> [UInt8] {
    try SafetensorsWriter.bytes(
      [
        .init(name: "w", dtype: .float32, shape: [1, 2], bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
        .init(name: "é", dtype: .uint8, shape: [3], bytes: [9, 10, 11]),
        .init(name: "f", dtype: .float4, shape: [2, 0], bytes: []),
        .init(name: "s", dtype: .int16, shape: [], bytes: [12, 13]),
      ], metadata: ["k": "v"])
  }

  @Test("a file cut at every length is refused") func truncation() throws {
    let bytes = try Self.small()
    for count in 0..<bytes.count {
      let error = try #require(throws: OctetError.self) {
        try SafetensorsFile(bytes: Array(bytes[..<count]))
      }
      #expect(error.code == .malformedFile)
      #expect(error.received.contains("at byte "), "\(count): \(error)")
    }
  }

  @Test("every bit of the header flipped: refused, or a valid file") func bitFlips() throws {
    let bytes = try Self.small()
    let headerEnd = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    var accepted = 0
    for bit in 0..<headerEnd * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        let file = try SafetensorsFile(bytes: flipped)
        accepted += 1
        #expect(try checkAccepted(file, flipped) == nil, "bit \(bit)")
      } catch let error as OctetError {
        #expect(error.code == .malformedFile && error.received.contains("at byte "), "\(error)")
      }
    }
    #expect(accepted > 0 && accepted < headerEnd)
  }

  @Test("two files in a row, and a file within a file") func concatenation() throws {
    let bytes = try Self.small()
    for joined in [
      bytes + bytes, bytes + [0], Array(bytes.prefix(8)) + bytes, bytes.dropFirst(8) + [],
    ] {
      let error = try #require(throws: OctetError.self) { try SafetensorsFile(bytes: joined) }
      #expect(error.code == .malformedFile)
    }
  }
}
