import OctetFormats
import OctetTensor
import Testing

@Suite("companions that don't fit") struct CompanionTests {
  typealias Entry = SafetensorsWriter.Entry

  static func integers(_ name: String, _ values: [Int64], shape: [Int]? = nil) -> Entry {
    Entry(
      name: name, dtype: .int64, shape: shape ?? [values.count],
      bytes: values.withUnsafeBytes { Array($0) })
  }

  static func doubles(_ name: String, _ values: [Double], shape: [Int]? = nil) -> Entry {
    Entry(
      name: name, dtype: .float64, shape: shape ?? [values.count],
      bytes: values.withUnsafeBytes { Array($0) })
  }

  static func floats(_ name: String, _ values: [Float], shape: [Int]? = nil) -> Entry {
    Entry(
      name: name, dtype: .float32, shape: shape ?? [values.count],
      bytes: values.withUnsafeBytes { Array($0) })
  }

  static let weight = Entry(name: "w", dtype: .uint8, shape: [2, 3], bytes: [1, 2, 3, 4, 5, 6])
  static let scale = doubles("w:scale", [0.5], shape: [])
  static let zero = integers("w:zero_point", [3], shape: [])
  static let scales = doubles("w:scale", [0.5, 1])
  static let zeros = integers("w:zero_point", [0, 1])
  static let axis = integers("w:axis", [0], shape: [])
  static let packed = Entry(name: "w", dtype: .uint8, shape: [3], bytes: [1, 2, 3])

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let entries: @Sendable () -> [Entry]
    let code: OctetError.Code
    let expected: String
    /// The entry whose bytes the error points to.
    let at: String

    init(
      _ name: String, _ entries: @autoclosure @escaping @Sendable () -> [Entry],
      _ expected: String, at: String, _ code: OctetError.Code = .malformedFile
    ) {
      testDescription = name
      self.entries = entries
      self.expected = expected
      self.at = at
      self.code = code
    }
  }

  static let cases: [Case] = [
    Case("no zero point", [weight, scale], "an entry \"w:zero_point\"", at: "w"),
    Case(
      "scale in int64", [weight, integers("w:scale", [1], shape: []), zero],
      "a scale as F64 or F32 [] without an axis", at: "w:scale"),
    Case(
      "scales without axis", [weight, scales, zeros], "a scale as F64 or F32 [] without an axis",
      at: "w:scale"),
    Case(
      "a scale with axis", [weight, scale, zero, axis], "scales as F64 or F32 [C] beside an axis",
      at: "w:scale"),
    Case(
      "zero points of another shape", [weight, scales, zero, axis],
      "zero points of the scale's shape as I64 or I32, or F32 per channel", at: "w:zero_point"),
    Case(
      "a float zero point per tensor", [weight, scale, floats("w:zero_point", [0], shape: [])],
      "zero points of the scale's shape as I64 or I32, or F32 per channel", at: "w:zero_point"),
    Case(
      "an axis of rank 1", [weight, scales, zeros, integers("w:axis", [0])],
      "an integer as I64 []", at: "w:axis"),
    Case(
      "an axis beyond the rank", [weight, scales, zeros, integers("w:axis", [2], shape: [])],
      "an axis below the rank 2", at: "w:axis", .invalidQuantizer),
    Case(
      "the lowest axis", [weight, scales, zeros, integers("w:axis", [.min], shape: [])],
      "an axis below the rank 2", at: "w:axis", .invalidQuantizer),
    Case(
      "fewer scales than channels",
      [weight, scales, zeros, integers("w:axis", [1], shape: [])],
      "one scale for each of the 3 indices of axis 1", at: "w:scale", .invalidQuantizer),
    Case(
      "a zero point beyond the type", [weight, scale, integers("w:zero_point", [256], shape: [])],
      "a zero point in 0...255 for quint8", at: "w:zero_point", .invalidQuantizer),
    Case(
      "a scale of zero", [weight, doubles("w:scale", [0], shape: []), zero],
      "a positive finite scale", at: "w:scale", .invalidQuantizer),
    Case(
      "a negative scale", [weight, doubles("w:scale", [1, -1]), zeros, axis],
      "a positive finite scale", at: "w:scale", .invalidQuantizer),
    Case(
      "a scale that isn't a number", [weight, doubles("w:scale", [.nan], shape: []), zero],
      "a positive finite scale", at: "w:scale", .invalidQuantizer),
    Case(
      "an infinite scale", [weight, doubles("w:scale", [.infinity], shape: []), zero],
      "a positive finite scale", at: "w:scale", .invalidQuantizer),
    Case(
      "a float zero point that isn't a number",
      [weight, scales, floats("w:zero_point", [0, .nan]), axis],
      "finite zero points", at: "w:zero_point", .invalidQuantizer),
    Case(
      "floats with a scale", [floats("w", [1, 2]), scale, zero],
      "U8, I8 or I32 integers beside a scale", at: "w"),
    Case(
      "packed integers that are signed",
      [
        Entry(name: "w", dtype: .int8, shape: [3], bytes: [1, 2, 3]), scale, zero,
        integers("w:shape", [6]),
      ],
      "packed integers as U8", at: "w"),
    Case(
      "bits without a shape", [packed, scale, zero, integers("w:bits", [2], shape: [])],
      "a shape beside the bits", at: "w:bits"),
    Case(
      "three bits",
      [packed, scale, zero, integers("w:shape", [6]), integers("w:bits", [3], shape: [])],
      "2 or 4 bits", at: "w:bits"),
    Case(
      "a shape of other size", [packed, scale, zero, integers("w:shape", [7])],
      "a shape whose quint4x2 elements pack into 3 bytes", at: "w:shape"),
    Case(
      "a shape that wraps", [packed, scale, zero, integers("w:shape", [1 << 32, 1 << 32, 6])],
      "a shape whose quint4x2 elements pack into 3 bytes", at: "w:shape"),
    Case(
      "an empty shape whose strides wrap",
      [
        Entry(name: "w", dtype: .uint8, shape: [0], bytes: []), scale, zero,
        integers("w:shape", [0, 1 << 62, 1 << 62]),
      ],
      "a shape whose quint4x2 elements pack into 0 bytes", at: "w:shape"),
    Case(
      "a negative shape", [packed, scale, zero, integers("w:shape", [-2, -3])],
      "dimensions that aren't negative", at: "w:shape"),
    Case(
      "a shape of rank 17",
      [packed, scale, zero, integers("w:shape", Array(repeating: 1, count: 17))],
      "a shape as I64 [rank] of at most 16 dimensions", at: "w:shape"),
    Case(
      "a quantized companion",
      [weight, scale, zero, doubles("w:scale:scale", [1], shape: [])],
      "a companion that isn't quantized itself", at: "w"),
  ]

  @Test("each is refused with the byte of the entry at fault", arguments: cases)
  func refuses(_ example: Case) throws {
    let file = try SafetensorsFile(
      bytes: SafetensorsWriter.bytes(example.entries()), name: "m")
    for attempt in [{ _ = try file.tensors() }, { _ = try file.tensor("w") }] {
      let error = try #require(throws: OctetError.self) { try attempt() }
      #expect(error.code == example.code, "\(error)")
      #expect(error.operation == "safetensors.load")
      #expect(error.argument.hasPrefix("m, tensor \"w"), "\(error)")
      #expect(error.expected == example.expected)
      let offset = try #require(file[example.at]).fileOffset
      #expect(error.received.hasSuffix(" at byte \(offset)"), "\(error)")
    }
  }

  @Test("parts that fit, in every form") func accepts() throws {
    let forms: [([Entry], DType, [Int])] = [
      ([Self.weight, Self.scale, Self.zero], .quint8, [2, 3]),
      ([Self.weight, Self.scales, Self.zeros, Self.axis], .quint8, [2, 3]),
      (
        [Self.packed, Self.scale, Self.zero, Self.integers("w:shape", [5])], .quint4x2, [5]
      ),
      (
        [
          Self.packed, Self.scale, Self.zero, Self.integers("w:shape", [2, 3]),
          Self.integers("w:bits", [4], shape: []),
        ], .quint4x2, [2, 3]
      ),
      (
        [
          Self.packed, Self.scale, Self.zero, Self.integers("w:shape", [3, 4]),
          Self.integers("w:bits", [2], shape: []),
        ], .quint2x4, [3, 4]
      ),
    ]
    for (entries, dtype, shape) in forms {
      let file = try SafetensorsFile(bytes: SafetensorsWriter.bytes(entries))
      let tensors = try file.tensors()
      #expect(tensors.map(\.0) == ["w"])
      #expect(tensors[0].1.dtype == dtype && tensors[0].1.shape == shape)
    }
  }
}
