import OctetTensor

/// Reads JSON's words one at a time from bytes that nobody has checked yet.
///
/// Nothing is allocated but the strings that are asked for, each of at most the size of its own text, and nothing
/// recurses: the nesting is the caller's affair. Every error names the offset of the byte at fault.
struct JSONScanner {
  /// Keys beyond ASCII are compared under Unicode's canonical equivalence, which costs the square of their length.
  static let longestUnicodeKey = 256
  /// Digits and signs that a number may have; the longest exact double has 1,079.
  static let longestNumber = 4_096

  let bytes: UnsafeRawBufferPointer
  /// The offset in the file of the first of `bytes`.
  let origin: Int
  let operation: String
  let argument: String
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer, origin: Int, operation: String, argument: String) {
    self.bytes = bytes
    self.origin = origin
    self.operation = operation
    self.argument = argument
  }

  /// An error about the byte at `offset`, counted from the first of `bytes`.
  func failure(
    _ expected: String, _ received: String, at offset: Int, fix: String = ""
  ) -> OctetError {
    OctetError(
      .malformedFile, operation: operation, argument: argument, expected: expected,
      received: "\(received) at byte \(origin + offset)", fix: fix)
  }

  /// An error about what stands at the current position.
  func unexpected(_ expected: String, fix: String = "") -> OctetError {
    failure(expected, kind, at: position, fix: fix)
  }

  /// What stands at the current position, in words.
  var kind: String {
    guard let byte = peek() else { return "the end of the text" }
    switch byte {
    case UInt8(ascii: "\""): return "a string"
    case UInt8(ascii: "{"): return "an object"
    case UInt8(ascii: "["): return "an array"
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return "a number"
    case 0x21...0x7E: return "'\(Character(UnicodeScalar(byte)))'"
    default: return "the byte \(hexadecimal(byte))"
    }
  }

  /// The byte at the current position, nil at the end.
  func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipWhitespace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// Steps over `byte` if it stands here.
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  /// Steps over a word such as `null` if it stands here.
  mutating func take(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.count - position >= count else { return false }
    for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
    position += count
    return true
  }

  /// Refuses anything but whitespace up to the end.
  mutating func expectEnd() throws(OctetError) {
    skipWhitespace()
    guard position == bytes.count else {
      throw unexpected("nothing after the document", fix: "remove the trailing bytes")
    }
  }

  /// Reads an object, handing each key, its offset and the scanner before its value to `member`.
  mutating func object(
    _ expected: String,
    member: (inout JSONScanner, String, Int) throws(OctetError) -> Void
  ) throws(OctetError) {
    guard take(UInt8(ascii: "{")) else { throw unexpected(expected) }
    skipWhitespace()
    if take(UInt8(ascii: "}")) { return }
    while true {
      let offset = position
      let key = try key()
      try member(&self, key, offset)
      skipWhitespace()
      if take(UInt8(ascii: "}")) { return }
      guard take(UInt8(ascii: ",")) else { throw unexpected("',' or '}' after a member") }
      skipWhitespace()
    }
  }

  /// Reads an array, handing the scanner before each element to `element`.
  mutating func array(
    _ expected: String, element: (inout JSONScanner) throws(OctetError) -> Void
  ) throws(OctetError) {
    guard take(UInt8(ascii: "[")) else { throw unexpected(expected) }
    skipWhitespace()
    if take(UInt8(ascii: "]")) { return }
    while true {
      try element(&self)
      skipWhitespace()
      if take(UInt8(ascii: "]")) { return }
      guard take(UInt8(ascii: ",")) else { throw unexpected("',' or ']' after an element") }
      skipWhitespace()
    }
  }

  /// Reads a member's key and steps over the colon to the value.
  mutating func key() throws(OctetError) -> String {
    let start = position
    let key = try string("a key in double quotes")
    let length = key.utf8.count
    if length > Self.longestUnicodeKey, !key.utf8.allSatisfy({ $0 < 0x80 }) {
      throw failure(
        "a key of at most \(Self.longestUnicodeKey) bytes when it isn't plain ASCII",
        "a key of \(length) bytes", at: start, fix: "shorten the name")
    }
    skipWhitespace()
    guard take(UInt8(ascii: ":")) else { throw unexpected("':' after a key") }
    skipWhitespace()
    return key
  }
}

// MARK: - Numbers

extension JSONScanner {
  /// Reads a number: an exact integer where its text and size allow, a finite double otherwise.
  mutating func number() throws(OctetError) -> JSONValue {
    let start = position
    let negative = take(UInt8(ascii: "-"))
    let magnitude = try integerPart()
    var isWhole = true
    if take(UInt8(ascii: ".")) {
      isWhole = false
      try digits("a digit after the decimal point")
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isWhole = false
      if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
      try digits("a digit in the exponent")
    }
    guard position - start <= Self.longestNumber else {
      throw failure(
        "a number of at most \(Self.longestNumber) characters",
        "one of \(position - start)", at: start)
    }
    if isWhole, let magnitude {
      if !negative {
        return Int64(exactly: magnitude).map(JSONValue.integer) ?? .unsigned(magnitude)
      }
      if magnitude > 0, magnitude <= Int64.min.magnitude {
        return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
      }
    }
    let text = String(
      decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw failure(
        "a number within the range of a double", quoted(text), at: start,
        fix: "write non-finite values as strings")
    }
    return .number(value)
  }

  /// Digits before the point: one, or several without a leading zero. Nil when they exceed 64 bits.
  private mutating func integerPart() throws(OctetError) -> UInt64? {
    let start = position
    var magnitude: UInt64? = 0
    while let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      if let value = magnitude {
        let (product, high) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
        magnitude = high || carry ? nil : sum
      }
      position += 1
    }
    if position == start { throw unexpected("a digit") }
    if position - start > 1, bytes[start] == UInt8(ascii: "0") {
      throw failure("a number without leading zeros", "one that starts with 0", at: start)
    }
    return magnitude
  }

  private mutating func digits(_ expected: String) throws(OctetError) {
    let start = position
    while let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    if position == start { throw unexpected(expected) }
  }
}

// MARK: - Strings

extension JSONScanner {
  /// Reads a string: well-formed UTF-8, no raw control characters, escapes that name whole characters.
  mutating func string(_ expected: String) throws(OctetError) -> String {
    let start = position
    guard take(UInt8(ascii: "\"")) else { throw unexpected(expected) }
    let body = position
    var hasEscapes = false
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\""):
        let text = UnsafeRawBufferPointer(rebasing: bytes[body..<position])
        position += 1
        return hasEscapes ? Self.unescaped(text) : String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try skipEscape()
      case 0x20..<0x80:
        position += 1
      case 0x00..<0x20:
        throw failure(
          "control characters as \\u escapes", "the raw byte \(hexadecimal(byte))", at: position)
      default:
        guard let length = sequenceLength(byte) else {
          throw failure("well-formed UTF-8", "the byte \(hexadecimal(byte))", at: position)
        }
        position += length
      }
    }
    throw failure("a closing quote", "a string without end that starts", at: start)
  }

  /// The length of the multi-byte UTF-8 sequence that starts here, nil when it's ill-formed or cut off.
  private func sequenceLength(_ lead: UInt8) -> Int? {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return nil
    }
    guard bytes.count - position >= length, second.contains(bytes[position + 1]) else { return nil }
    for index in 2..<max(2, length) where bytes[position + index] & 0xC0 != 0x80 { return nil }
    return length
  }

  private mutating func skipEscape() throws(OctetError) {
    let start = position
    position += 1
    guard let kind = peek() else {
      throw failure("a character after the backslash", "the end of the text", at: start)
    }
    position += 1
    if JSONEscape.character(after: kind) != nil { return }
    guard kind == UInt8(ascii: "u") else {
      throw failure("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", "another escape", at: start)
    }
    let unit = try codeUnit(from: start)
    switch unit {
    case 0xDC00...0xDFFF:
      throw failure("a high surrogate before a low one", "a lone low surrogate", at: start)
    case 0xD800...0xDBFF:
      guard take("\\u") else {
        throw failure("a low surrogate after a high one", "a lone high surrogate", at: start)
      }
      guard case 0xDC00...0xDFFF = try codeUnit(from: start) else {
        throw failure("a low surrogate after a high one", "a lone high surrogate", at: start)
      }
    default: return
    }
  }

  private mutating func codeUnit(from start: Int) throws(OctetError) -> UInt32 {
    guard bytes.count - position >= 4,
      let unit = JSONEscape.codeUnit(
        UnsafeRawBufferPointer(rebasing: bytes[position..<position + 4]))
    else { throw failure("four hexadecimal digits after \\u", "something else", at: start) }
    position += 4
    return unit
  }

  /// The characters of a string's text that `string` has checked; never longer than the text.
  private static func unescaped(_ text: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: text.count) { output in
      var read = 0
      var written = 0
      while read < text.count {
        guard text[read] == UInt8(ascii: "\\"), read + 1 < text.count else {
          output[written] = text[read]
          (read, written) = (read + 1, written + 1)
          continue
        }
        if let character = JSONEscape.character(after: text[read + 1]) {
          output[written] = character
          (read, written) = (read + 2, written + 1)
          continue
        }
        let (scalar, length) = JSONEscape.scalar(text, at: read)
        for unit in String(Character(scalar)).utf8 {
          output[written] = unit
          written += 1
        }
        read += length
      }
      return written
    }
  }
}

/// `0x` and the two digits of a byte.
func hexadecimal(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16, uppercase: true)
  return byte < 16 ? "0x0\(digits)" : "0x\(digits)"
}
