import OctetTensor

/// What a JSON document may cost.
public struct JSONLimits: Sendable, Equatable {
  /// How deep arrays and objects may nest.
  public var depth: Int
  /// How many values there may be, members and elements included.
  public var values: Int

  /// Limits that fit a configuration or a report: 64 levels, 1,048,576 values (at most 80 MB of them).
  public init(depth: Int = 64, values: Int = 1 << 20) {
    self.depth = depth
    self.values = values
  }
}

extension JSONValue {
  /// Parses a JSON document (RFC 8259), strictly: UTF-8 without a byte order mark, each key once, nothing after
  /// the document, numbers within the range of a double.
  ///
  /// Takes time linear in the bytes and memory in proportion to the values. Never recurses.
  ///
  /// - Throws: `malformedFile`, with the offset of the byte at fault.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits(),
    operation: String = "JSONValue.parse", argument: String = ""
  ) throws(OctetError) -> JSONValue {
    let scanner = JSONScanner(bytes, origin: 0, operation: operation, argument: argument)
    var parser = JSONParser(scanner: scanner, limits: limits)
    return try parser.document()
  }

  /// Parses a JSON document that is in memory.
  ///
  /// - Throws: `malformedFile`, with the offset of the byte at fault.
  public static func parse(
    _ bytes: [UInt8], limits: JSONLimits = JSONLimits(), operation: String = "JSONValue.parse",
    argument: String = ""
  ) throws(OctetError) -> JSONValue {
    // The closure's errors are carried out by hand: the standard library's method doesn't type them.
    let outcome: Result<JSONValue, OctetError> = bytes.withUnsafeBytes { span in
      Result { () throws(OctetError) in
        try parse(span, limits: limits, operation: operation, argument: argument)
      }
    }
    return try outcome.get()
  }

  /// Parses a JSON document that is a string.
  ///
  /// - Throws: `malformedFile`, with the offset in the string's UTF-8 of the byte at fault.
  public static func parse(
    _ text: String, limits: JSONLimits = JSONLimits(), operation: String = "JSONValue.parse",
    argument: String = ""
  ) throws(OctetError) -> JSONValue {
    try parse(Array(text.utf8), limits: limits, operation: operation, argument: argument)
  }
}

/// Builds values from the scanner's words, with a stack of its own for what is open.
struct JSONParser {
  /// An array or object whose end hasn't come.
  private struct Frame {
    var elements: [JSONValue] = []
    var object = JSONObject()
    var key = ""
    let isObject: Bool
  }

  private var scanner: JSONScanner
  private let limits: JSONLimits
  private var open: [Frame] = []
  private var values = 0

  init(scanner: JSONScanner, limits: JSONLimits) {
    self.scanner = scanner
    self.limits = limits
  }

  /// Reads the one value that the text is.
  mutating func document() throws(OctetError) -> JSONValue {
    scanner.skipWhitespace()
    while true {
      guard var value = try begin() else { continue }
      while true {
        guard !open.isEmpty else {
          try scanner.expectEnd()
          return value
        }
        guard let closed = try put(value) else { break }
        value = closed
      }
    }
  }

  /// Reads a value, or opens an array or object and leaves the scanner at its first value.
  private mutating func begin() throws(OctetError) -> JSONValue? {
    let start = scanner.position
    values += 1
    guard values <= limits.values else {
      throw scanner.failure("at most \(limits.values) values", "more of them", at: start)
    }
    switch scanner.peek() {
    case UInt8(ascii: "{"): return try enter(isObject: true)
    case UInt8(ascii: "["): return try enter(isObject: false)
    case UInt8(ascii: "\""): return .string(try scanner.string("a string"))
    case UInt8(ascii: "-"), UInt8(ascii: "0"), UInt8(ascii: "1"), UInt8(ascii: "2"),
      UInt8(ascii: "3"), UInt8(ascii: "4"), UInt8(ascii: "5"), UInt8(ascii: "6"),
      UInt8(ascii: "7"), UInt8(ascii: "8"), UInt8(ascii: "9"):
      return try scanner.number()
    default:
      if scanner.take("null") { return .null }
      if scanner.take("true") { return .bool(true) }
      if scanner.take("false") { return .bool(false) }
      throw scanner.unexpected("a JSON value")
    }
  }

  private mutating func enter(isObject: Bool) throws(OctetError) -> JSONValue? {
    guard open.count < limits.depth else {
      throw scanner.failure(
        "at most \(limits.depth) levels of nesting", "a deeper one", at: scanner.position)
    }
    _ = scanner.take(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    scanner.skipWhitespace()
    if scanner.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
      return isObject ? .object(JSONObject()) : .array([])
    }
    open.append(Frame(isObject: isObject))
    if isObject { try readKey() }
    return nil
  }

  /// Puts a value into what is open; gives the finished array or object when it was the last one.
  private mutating func put(_ value: JSONValue) throws(OctetError) -> JSONValue? {
    let top = open.count - 1
    let isObject = open[top].isObject
    if isObject {
      open[top].object.append(key: open[top].key, value: value)
    } else {
      open[top].elements.append(value)
    }
    scanner.skipWhitespace()
    if scanner.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
      let frame = open.removeLast()
      return isObject ? .object(frame.object) : .array(frame.elements)
    }
    guard scanner.take(UInt8(ascii: ",")) else {
      throw scanner.unexpected(
        isObject ? "',' or '}' after a member" : "',' or ']' after an element")
    }
    scanner.skipWhitespace()
    if isObject { try readKey() }
    return nil
  }

  private mutating func readKey() throws(OctetError) {
    let start = scanner.position
    let key = try scanner.key()
    let top = open.count - 1
    guard !open[top].object.contains(key) else {
      throw scanner.failure("each key once", "\(quoted(key)) again", at: start)
    }
    open[top].key = key
  }
}
