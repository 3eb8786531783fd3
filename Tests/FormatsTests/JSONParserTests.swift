import OctetFormats
import OctetTensor
import Testing

@Suite("JSON in") struct JSONParserTests {
  static let valid: [(String, JSONValue)] = [
    ("null", .null), (" true ", true), ("false\n", false), ("\t\"\"\r", ""),
    ("0", 0), ("-1", -1), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .unsigned(1 << 63)),
    ("18446744073709551615", .unsigned(.max)), ("18446744073709551616", .number(0x1p64)),
    ("-9223372036854775809", .number(-0x1p63)), ("1.0", 1.0), ("1e2", 100.0), ("1E+2", 100.0),
    ("25e-1", 2.5), ("0.1", 0.1), ("-0.0", .number(-0.0)), ("1e-400", 0.0),
    ("5e-324", .number(.leastNonzeroMagnitude)),
    ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
    ("100000000000000000000000", 1e23), ("0e999999999", 0.0),
    (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{08}\u{0C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
    (#""\uD83D\uDE00""#, "😀"), (#""\uD800\uDC00\uDBFF\uDFFF""#, "\u{10000}\u{10FFFF}"),
    (#""\u0000""#, "\0"), ("\"é€😀\u{7F}\"", "é€😀\u{7F}"),
    ("[]", []), ("[ ]", []), ("[1,[2,[]],3]", [1, [2, []], 3]), ("{}", [:]), ("{ }", [:]),
    (#"{"b":1,"a":{"b":[null]}}"#, ["b": 1, "a": ["b": [nil]]]), (#"{"":0}"#, ["": 0]),
  ]

  @Test("what RFC 8259 allows", arguments: valid) func accepts(_ text: String, _ value: JSONValue)
    throws
  {
    #expect(try JSONValue.parse(text) == value)
  }

  @Test func negativeZeroKeepsItsSign() throws {
    for text in ["-0", "-0.0", "-0e5"] {
      let value = try #require(try JSONValue.parse(text).doubleValue)
      #expect(value == 0 && value.sign == .minus, "\(text)")
    }
  }

  /// Texts, and the offset of the byte that each error must name.
  static let invalid: [(String, Int)] = [
    ("", 0), ("  ", 2), ("nul", 0), ("nulll", 4), ("True", 0), ("NaN", 0), ("-Infinity", 1),
    ("+1", 0), ("01", 0), ("-01", 1), ("00", 0), ("1.", 2), (".5", 0), ("-", 1), ("1e", 2),
    ("1e+", 3), ("1.e5", 2), ("0x10", 1), ("1_000", 1), ("1e400", 0), ("-1e400", 0),
    ("[1e999]", 1), ("1 2", 2), ("[1 2]", 3), ("[1,]", 3), ("[,1]", 1), ("[", 1), ("]", 0),
    ("[1", 2), ("[1}", 2), ("{", 1), ("{\"a\"}", 4), ("{\"a\":}", 5), ("{\"a\":1,}", 7),
    ("{a:1}", 1), ("{'a':1}", 1), ("{1:1}", 1), ("{\"a\" 1}", 5), ("{\"a\":1]", 6),
    ("{\"a\":1,\"a\":2}", 7), ("{\"a\":1,\"\\u0061\":2}", 7), ("[{\"k\":{},\"k\":0}]", 9),
    ("\"a", 0), ("\"\\", 1), ("\"\\x\"", 1), ("\"\\u12\"", 1), ("\"\\u12G4\"", 1),
    ("\"\\uD800\"", 1), ("\"\\uDC00\"", 1), ("\"\\uD800\\u0041\"", 1), ("\"\\uD800\\n\"", 1),
    ("\"\\uD800\\uD800\"", 1), ("\"a\nb\"", 2), ("\"\t\"", 1), ("\"\0\"", 1), ("[]]", 2),
    ("{}x", 2), ("/**/1", 0), ("1//", 1), ("\u{FEFF}1", 0), ("\u{A0}1", 0),
  ]

  @Test("what it doesn't allow, with the byte at fault", arguments: invalid)
  func refuses(_ text: String, _ offset: Int) throws {
    let error = try #require(throws: OctetError.self) { try JSONValue.parse(text) }
    #expect(error.code == .malformedFile)
    #expect(error.received.hasSuffix("at byte \(offset)"), "\(text): \(error)")
  }

  static let illFormed: [[UInt8]] = [
    [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80],
    [0xE0, 0x9F, 0xBF], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
    [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
    [0xF0, 0x9F, 0x28, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
  ]

  @Test("ill-formed UTF-8", arguments: illFormed) func refusesIllFormed(_ bytes: [UInt8]) throws {
    for text in [[0x22, 0x61] + bytes + [0x22], [0x22, 0x61] + bytes] {
      let error = try #require(throws: OctetError.self) { try JSONValue.parse(text) }
      #expect(error.expected == "well-formed UTF-8")
      #expect(error.received.hasSuffix("at byte 2"))
    }
  }

  @Test("every scalar of UTF-8's length boundaries reads back") func acceptsBoundaries() throws {
    for value: UInt32 in [
      0x20, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD7FF, 0xE000, 0xFFFF, 0x10000,
      0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF,
    ] {
      let text = String(Character(try #require(UnicodeScalar(value))))
      #expect(try JSONValue.parse("\"\(text)\"") == .string(text))
      #expect(
        try JSONValue.parse(JSONValue.string(text).serialized(ascii: true)) == .string(text))
    }
  }

  @Test("nesting ends at 64 levels") func depth() throws {
    let brackets = { (count: Int) in
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    #expect(throws: Never.self) { try JSONValue.parse(brackets(64)) }
    let error = try #require(throws: OctetError.self) { try JSONValue.parse(brackets(65)) }
    #expect(
      error.description
        == "JSONValue.parse: expected at most 64 levels of nesting, received a deeper one at byte 64"
    )
    #expect(throws: Never.self) {
      try JSONValue.parse(brackets(1000), limits: JSONLimits(depth: 1000))
    }
  }

  @Test("the number of values is limited") func valueLimit() throws {
    let text = "[" + String(repeating: "0,", count: 99) + "0]"
    #expect(throws: Never.self) { try JSONValue.parse(text, limits: JSONLimits(values: 101)) }
    let error = try #require(throws: OctetError.self) {
      try JSONValue.parse(text, limits: JSONLimits(values: 100))
    }
    #expect(error.expected == "at most 100 values")
    #expect(error.received == "more of them at byte 199")
  }

  @Test("a key whose comparison would cost the square of its length") func longUnicodeKey() throws {
    let marks = String(repeating: "\u{301}\u{323}", count: 64)
    let error = try #require(throws: OctetError.self) {
      try JSONValue.parse("{\"a\(marks)\":0}")
    }
    #expect(error.expected == "a key of at most 256 bytes when it isn't plain ASCII")
    #expect(error.received == "a key of 257 bytes at byte 1")
    let ascii = String(repeating: "k", count: 1 << 20)
    #expect(try JSONValue.parse("{\"\(ascii)\":0}")[ascii] == 0)
  }

  @Test("a number of unbounded length") func longNumber() throws {
    let error = try #require(throws: OctetError.self) {
      try JSONValue.parse("0." + String(repeating: "1", count: 5000))
    }
    #expect(error.received == "one of 5002 at byte 0")
    #expect(try JSONValue.parse("0." + String(repeating: "1", count: 1000)) == .number(1.0 / 9))
  }

  @Test("bytes at random either fail or read back") func noise() throws {
    var generator = SeededGenerator(seed: 11)
    let seed = Array(#"{"a":[1,-2.5e3,"x\n\u00e9",true,null],"é":{"b":{}},"c":[[],[0]]}"#.utf8)
    var accepted = 0
    for _ in 0..<20_000 {
      var text = seed
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = text.indices.randomElement(using: &generator) ?? 0
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: text.remove(at: place)
        case 2: text.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        default: text.insert(text[place], at: seed.count % text.count)
        }
      }
      do {
        let value = try JSONValue.parse(text)
        accepted += 1
        #expect(try JSONValue.parse(value.serialized()) == value)
      } catch {
        #expect(error.code == .malformedFile && error.received.contains("at byte "))
      }
    }
    #expect(accepted > 100)
  }
}
