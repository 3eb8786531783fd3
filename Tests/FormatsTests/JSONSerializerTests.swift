import OctetFormats
import OctetTensor
import Testing

@Suite("JSON out") struct JSONSerializerTests {
  static let texts: [(JSONValue, String)] = [
    (.null, "null"), (true, "true"), (.integer(.min), "-9223372036854775808"),
    (.unsigned(.max), "18446744073709551615"), (5.0, "5.0"), (.number(-0.0), "-0.0"),
    (0.1, "0.1"), (1e-7, "1e-07"), (1e300, "1e+300"),
    ("\"\\/\u{08}\u{0C}\n\r\t\u{01}\u{7F}é", #""\"\\/\b\f\n\r\t\u0001"# + "\u{7F}é\""),
    ([1, [], [:], ["b": nil, "a": [2]]], #"[1,[],{},{"b":null,"a":[2]}]"#),
  ]

  @Test("the exact text", arguments: texts) func text(_ value: JSONValue, _ text: String) throws {
    #expect(try value.serialized() == text)
  }

  @Test func indentation() throws {
    let value: JSONValue = ["b": [1, ["c": "é"]], "a": [:], "d": []]
    #expect(
      try value.serialized(indent: 2, ascii: true) == """
        {
          "b": [
            1,
            {
              "c": "\\u00e9"
            }
          ],
          "a": {},
          "d": []
        }
        """)
    #expect(try JSONValue.string("😀").serialized(ascii: true) == #""\ud83d\ude00""#)
  }

  @Test("JSON has no such numbers", arguments: [Double.nan, .infinity, -.infinity])
  func nonFinite(_ value: Double) throws {
    let error = try #require(throws: OctetError.self) {
      try JSONValue.array([.number(value)]).serialized()
    }
    #expect(error.code == .invalidArgument)
    #expect(error.received == "\(value)")
  }

  @Test func depth() throws {
    var value: JSONValue = []
    for _ in 0..<63 { value = [value] }
    #expect(try JSONValue.parse(value.serialized()) == value)
    let error = try #require(throws: OctetError.self) { try JSONValue.array([value]).serialized() }
    #expect(error.expected == "at most 64 levels of nesting")
  }

  @Test("values at random read back equal") func roundTrips() throws {
    var generator = SeededGenerator(seed: 7)
    for index in 0..<2_000 {
      let value = Self.randomValue(depth: 4, &generator)
      let text = try value.serialized(
        indent: index % 3 == 0 ? 2 : nil, ascii: index.isMultiple(of: 2))
      #expect(try JSONValue.parse(text) == value)
    }
  }

  static func randomValue(depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
    let count = Int.random(in: 0...12, using: &generator)
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
    case 0: return .null
    case 1: return .bool(.random(using: &generator))
    case 2: return .integer(Int64(bitPattern: generator.next()) >> Int64(count * 5))
    case 3: return .unsigned(generator.next() | 1 << 63)
    case 4:
      let value = Double(bitPattern: generator.next())
      return .number(value.isFinite ? value : 0.5)
    case 5:
      return .string(
        String(
          String.UnicodeScalarView(
            (0..<count).compactMap { _ in
              UnicodeScalar(
                UInt32.random(in: 0...0x10FFFF, using: &generator) >> UInt32(count))
            })))
    case 6: return .array((0..<count).map { _ in randomValue(depth: depth - 1, &generator) })
    default:
      var object = JSONObject()
      for index in 0..<count { object["\(index)"] = randomValue(depth: depth - 1, &generator) }
      return .object(object)
    }
  }

  @Test("members keep their order, whatever their number", arguments: [0, 1, 8, 9, 40])
  func members(_ count: Int) {
    var object = JSONObject()
    for index in 0..<count { object["k\(index)"] = .integer(Int64(index)) }
    for index in 0..<count { #expect(object["k\(index)"] == .integer(Int64(index))) }
    #expect(object["none"] == nil)
    object["k0"] = nil
    object["k1"] = "changed"
    let rest = count > 1 ? (1..<count).map { "k\($0)" } : ["k1"]
    #expect(object.keys == rest)
    #expect(object["k1"] == "changed" && object["k0"] == nil)
    if count > 2 { #expect(object["k\(count - 1)"] == .integer(Int64(count - 1))) }
  }

  @Test("of two equal keys of a literal the later value stands") func literals() {
    let object: JSONObject = ["a": 1, "b": 2]
    #expect(object.map(\.key) == ["a", "b"] && object.map(\.value) == [1, 2])
    let pairs = [("a", JSONValue.integer(1)), ("b", 2), ("a", 3)]
    var built = JSONObject()
    for (key, value) in pairs { built[key] = value }
    #expect(built == ["a": 3, "b": 2])
    #expect(built != ["b": 2, "a": 3])
  }

  @Test func accessors() {
    let all: [JSONValue] = [nil, true, 3, .unsigned(.max), 2.5, "s", [1], ["k": 2]]
    #expect(all.map(\.boolValue) == [nil, true, nil, nil, nil, nil, nil, nil])
    #expect(all.map(\.intValue) == [nil, nil, 3, nil, nil, nil, nil, nil])
    #expect(all.map(\.doubleValue) == [nil, nil, 3, 0x1p64, 2.5, nil, nil, nil])
    #expect(all.map(\.stringValue) == [nil, nil, nil, nil, nil, "s", nil, nil])
    #expect(all.map { $0.arrayValue?.count } == [nil, nil, nil, nil, nil, nil, 1, nil])
    #expect(all.map { $0["k"]?.intValue } == [nil, nil, nil, nil, nil, nil, nil, 2])
    #expect(
      all.map(\.kind) == [
        "null", "true", "the integer 3", "the integer 18446744073709551615", "the number 2.5",
        "the string \"s\"", "an array of 1", "an object of 1",
      ])
  }
}
