import OctetFormats
import OctetTensor
import Testing

@Suite("tensors in safetensors") struct TensorFileTests {
  private static func quantized() throws -> [NamedTensor] {
    let scales = [0.5, 0.25, 1e-3]
    return [
      (
        "u",
        try Tensor(
          integers: [UInt8](0..<6), shape: [2, 3], dtype: .quint8,
          quantizer: Quantizer(scale: 0.1, zeroPoint: 128, dtype: .quint8))
      ),
      (
        "i",
        try Tensor(
          integers: [Int8](-3..<3), shape: [3, 2], dtype: .qint8,
          quantizer: Quantizer(
            scales: scales, zeroPoints: [0, -128, 127], axis: 0, shape: [3, 2], dtype: .qint8))
      ),
      (
        "b",
        try Tensor(
          integers: [Int32.min, 0, .max], shape: [3], dtype: .qint32,
          quantizer: Quantizer(scale: 1e-7, zeroPoint: 0, dtype: .qint32))
      ),
      (
        "f",
        try Tensor(
          integers: [UInt8](250...255), shape: [2, 3], dtype: .quint8,
          quantizer: Quantizer(
            scales: [0.5, 0.1, 2], floatZeroPoints: [-1.5, 0, 7.25], axis: 1, shape: [2, 3],
            dtype: .quint8))
      ),
      (
        "q4",
        try Tensor(
          integers: [0x21, 0x43, 0x05] as [UInt8], shape: [5, 1], dtype: .quint4x2,
          quantizer: Quantizer(
            scales: [1, 2, 3, 4, 5], floatZeroPoints: [0, 1, 2, 3, 4], axis: 0, shape: [5, 1],
            dtype: .quint4x2))
      ),
      (
        "q2",
        try Tensor(
          integers: [0b1110_0100] as [UInt8], shape: [2, 2], dtype: .quint2x4,
          quantizer: Quantizer(scale: 3, zeroPoint: 3, dtype: .quint2x4))
      ),
      (
        "none",
        try Tensor(
          integers: [] as [Int8], shape: [0, 4], dtype: .qint8,
          quantizer: Quantizer(
            scales: [], zeroPoints: [], axis: 0, shape: [0, 4], dtype: .qint8))
      ),
    ]
  }

  private static func dense() throws -> [NamedTensor] {
    [
      ("float32", try Tensor([1.5, -0.0, .infinity, .nan] as [Float], shape: [2, 2])),
      ("float64", Tensor(scalar: 0.1)),
      ("float16", try Tensor([1, 2] as [Float], shape: [2]).converted(to: .float16)),
      ("bfloat16", try Tensor([1, 2, 3] as [Float], shape: [3]).converted(to: .bfloat16)),
      ("uint8", try Tensor([0, 255] as [UInt8], shape: [1, 2])),
      ("int8", try Tensor([-128, 127] as [Int8], shape: [2])),
      ("int16", try Tensor([Int16.min, .max], shape: [2])),
      ("uint16", try Tensor([UInt16.max], shape: [1])),
      ("int32", try Tensor([Int32.min, .max], shape: [2])),
      ("int64", try Tensor([Int64.min, .max], shape: [2])),
      ("bool", try Tensor([true, false, true], shape: [3])),
      ("empty", try Tensor([] as [Float], shape: [2, 0])),
    ]
  }

  private static func rawBytes(_ tensor: Tensor) throws -> [UInt8] {
    try tensor.contiguous().withBytes { Array($0) }
  }

  private static func expectEqual(_ got: [NamedTensor], _ want: [NamedTensor]) throws {
    #expect(got.map(\.0) == want.map(\.0))
    for (got, want) in zip(got, want) {
      #expect(got.1.dtype == want.1.dtype, "\(want.0)")
      #expect(got.1.shape == want.1.shape, "\(want.0)")
      #expect(got.1.quantizer == want.1.quantizer, "\(want.0)")
      #expect(try rawBytes(got.1) == rawBytes(want.1), "\(want.0)")
    }
  }

  @Test("dense and quantized tensors of every type, in order") func roundTrip() throws {
    let folder = try TemporaryFolder()
    let tensors = try Self.quantized() + Self.dense()
    let covered = Set(tensors.map(\.1.dtype))
    #expect(DType.allCases.allSatisfy { covered.contains($0) })
    let path = folder.file("model.safetensors")
    try saveTensors(tensors, metadata: ["k": "v"], path: path)
    try Self.expectEqual(loadTensors(path: path), tensors)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["k": "v"])
    try Self.expectEqual(file.tensors(), tensors)
    let again = folder.file("again.safetensors")
    try saveTensors(loadTensors(path: path), metadata: ["k": "v"], path: again)
    #expect(try contents(again) == contents(path))
  }

  @Test("the companions of each type, as other programs see them") func companions() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.safetensors")
    try saveTensors(Self.quantized(), path: path)
    let file = try SafetensorsFile(path: path)
    let seen = file.entries.map { "\($0.name) \($0.dtype.rawValue) \($0.shape)" }
    #expect(
      seen == [
        "u U8 [2, 3]", "u:scale F64 []", "u:zero_point I32 []",
        "i I8 [3, 2]", "i:scale F64 [3]", "i:zero_point I32 [3]", "i:axis I64 []",
        "b I32 [3]", "b:scale F64 []", "b:zero_point I32 []",
        "f U8 [2, 3]", "f:scale F32 [3]", "f:zero_point F32 [3]", "f:axis I64 []",
        "q4 U8 [3]", "q4:scale F32 [5]", "q4:zero_point F32 [5]", "q4:axis I64 []",
        "q4:shape I64 [2]",
        "q2 U8 [1]", "q2:scale F32 []", "q2:zero_point I32 []", "q2:shape I64 [2]",
        "q2:bits I64 []",
        "none I8 [0, 4]", "none:scale F32 [0]", "none:zero_point I32 [0]", "none:axis I64 []",
      ])
    #expect(try file.bytes(of: "q2:bits") == [2, 0, 0, 0, 0, 0, 0, 0])
    #expect(try file.bytes(of: "f:axis") == [1, 0, 0, 0, 0, 0, 0, 0])
    #expect(try file.bytes(of: "q4:shape") == [5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    #expect(try file.bytes(of: "q4") == [0x21, 0x43, 0x05])
  }

  @Test("views are written as what they show") func views() throws {
    let folder = try TemporaryFolder()
    let whole = try Tensor([Float](arrayLiteral: 0, 1, 2, 3, 4, 5), shape: [2, 3])
    try saveTensors(
      [("t", whole.transposed(0, 1)), ("row", whole.select(dim: 0, index: 1))],
      path: folder.file("v"))
    let loaded = try loadTensors(path: folder.file("v"))
    #expect(loaded[0].1.shape == [3, 2])
    #expect(try loaded[0].1.elements() as [Float] == [0, 3, 1, 4, 2, 5])
    #expect(try loaded[1].1.elements() as [Float] == [3, 4, 5])
  }

  @Test("integers with a companion's name but without a scale stay plain") func plain() throws {
    let folder = try TemporaryFolder()
    let tensors: [NamedTensor] = [
      ("w", try Tensor([1, 2] as [UInt8], shape: [2])), ("w:shape", Tensor(scalar: Int64(2))),
      ("lone:scale", Tensor(scalar: 0.5)),
    ]
    try saveTensors(tensors, path: folder.file("p"))
    try Self.expectEqual(loadTensors(path: folder.file("p")), tensors)
  }

  @Test("names that would turn into companions are refused on writing") func clashes() throws {
    let folder = try TemporaryFolder()
    let quantized = try Self.quantized()[0].1
    let plain = try Tensor([1, 2] as [UInt8], shape: [2])
    for (tensor, clash) in [
      (plain, "w:scale"), (quantized, "w:scale"), (quantized, "w:axis"), (quantized, "w:bits"),
    ] {
      let error = try #require(throws: OctetError.self) {
        try saveTensors([("w", tensor), (clash, plain)], path: folder.file("c"))
      }
      #expect(error.code == .invalidArgument)
      #expect(error.expected.hasPrefix("no \"\(clash)\" beside \"w\""))
    }
    #expect(try folder.names.isEmpty)
  }

  @Test("element types that tensors don't have are named") func foreignTypes() throws {
    let foreign = SafetensorsDType.allCases.filter { $0.dtype == nil }
    #expect(foreign.count == 9)
    for dtype in foreign {
      let bytes = try SafetensorsWriter.bytes(
        [
          .init(
            name: "t", dtype: dtype, shape: [4],
            bytes: Array(repeating: 0, count: dtype.bitWidth / 2))
        ])
      let file = try SafetensorsFile(bytes: bytes)
      let error = try #require(throws: OctetError.self) { try file.tensors() }
      #expect(error.code == .dtypeMismatch)
      #expect(error.argument == "bytes, tensor \"t\"")
      let offset = try #require(file["t"]).fileOffset
      #expect(error.received == "\(dtype.rawValue) at byte \(offset)")
    }
  }

  @Test("a boolean is 0 or 1") func booleans() throws {
    let file = try SafetensorsFile(
      bytes: SafetensorsWriter.bytes(
        [.init(name: "t", dtype: .bool, shape: [3], bytes: [0, 1, 2])]))
    let error = try #require(throws: OctetError.self) { try file.tensor("t") }
    let offset = try #require(file["t"]).fileOffset
    #expect(error.code == .malformedFile && error.received == "2 at byte \(offset + 2)")
  }

  @Test func missing() throws {
    let file = try SafetensorsFile(bytes: SafetensorsWriter.bytes([]))
    let error = try #require(throws: OctetError.self) { try file.tensor("w") }
    #expect(error.code == .stateMismatch)
  }
}
