import OctetTensor

extension JSONValue {
  /// The document as text, the same bytes for the same value: members in their order, doubles in the shortest form
  /// that reads back as the same double.
  ///
  /// - Parameters:
  ///   - indent: spaces a level, each member on a line of its own; nil writes one line without spaces.
  ///   - ascii: writes characters beyond ASCII as escapes.
  /// - Throws: `invalidArgument` for a NaN, an infinity, or nesting deeper than 64 levels.
  public func serialized(indent: Int? = nil, ascii: Bool = false) throws(OctetError) -> String {
    var writer = JSONSerializer(indent: indent.map { max(0, $0) }, ascii: ascii)
    try writer.write(self, depth: 0)
    return writer.text
  }
}

/// Writes values as text; recursion is bounded by the depth that the parser accepts.
struct JSONSerializer {
  private static let depth = JSONLimits().depth
  private let indent: Int?
  private let ascii: Bool
  private(set) var text = ""

  init(indent: Int?, ascii: Bool) {
    self.indent = indent
    self.ascii = ascii
  }

  mutating func write(_ value: JSONValue, depth: Int) throws(OctetError) {
    switch value {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .unsigned(let value): text += String(value)
    case .number(let value): try write(value)
    case .string(let value): write(value)
    case .array(let elements):
      try open("[", count: elements.count, depth: depth)
      for (index, element) in elements.enumerated() {
        separate(index, depth: depth + 1)
        try write(element, depth: depth + 1)
      }
      close("]", count: elements.count, depth: depth)
    case .object(let object):
      try open("{", count: object.count, depth: depth)
      for (index, member) in object.members.enumerated() {
        separate(index, depth: depth + 1)
        write(member.key)
        text += indent == nil ? ":" : ": "
        try write(member.value, depth: depth + 1)
      }
      close("}", count: object.count, depth: depth)
    }
  }

  private mutating func write(_ value: Double) throws(OctetError) {
    guard value.isFinite else {
      throw OctetError(
        .invalidArgument, operation: "JSONValue.serialized", argument: "value",
        expected: "finite numbers, the only ones JSON has", received: "\(value)",
        fix: "write it as the string \"\(value)\"")
    }
    text += value.description
  }

  private mutating func write(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars { text += scalar.escaped(asASCII: ascii) }
    text += "\""
  }

  private mutating func open(_ bracket: String, count: Int, depth: Int) throws(OctetError) {
    guard depth < Self.depth else {
      throw OctetError(
        .invalidArgument, operation: "JSONValue.serialized", argument: "value",
        expected: "at most \(Self.depth) levels of nesting", received: "a deeper value")
    }
    text += bracket
  }

  private mutating func close(_ bracket: String, count: Int, depth: Int) {
    if count > 0 { newLine(depth: depth) }
    text += bracket
  }

  private mutating func separate(_ index: Int, depth: Int) {
    if index > 0 { text += "," }
    newLine(depth: depth)
  }

  private mutating func newLine(depth: Int) {
    guard let indent else { return }
    text += "\n" + String(repeating: " ", count: indent * depth)
  }
}
