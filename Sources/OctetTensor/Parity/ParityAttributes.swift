/// The attributes of a parity case, or of a dictionary among them, read under torch's argument names.
///
/// Every accessor throws when a value is of another kind. The one without a default also throws when it is missing;
/// null counts as missing.
package struct ParityAttributes: Sendable, Equatable {
  /// The values by name.
  package let values: [String: AttributeValue]

  /// The operation that errors name. It marks them as the case's fault, which no `raises` case may expect.
  package static let operation = "parity case"

  private let path: String

  /// Attributes; `path` stands before their names in errors.
  package init(_ values: [String: AttributeValue], path: String = "attrs") {
    self.values = values
    self.path = path
  }

  /// True when the attribute is there and isn't null.
  package func has(_ name: String) -> Bool { present(name) != nil }

  private func present(_ name: String) -> AttributeValue? {
    guard let value = values[name], value != .null else { return nil }
    return value
  }

  private func read<Value>(
    _ name: String, _ expected: String, _ convert: (AttributeValue) -> Value?
  ) throws(OctetError) -> Value? {
    guard let value = present(name) else { return nil }
    guard let converted = convert(value) else {
      throw OctetError(
        .invalidConfiguration, operation: Self.operation, argument: "\(path).\(name)",
        expected: expected, received: value.kind)
    }
    return converted
  }

  private func require<Value>(_ name: String, _ value: Value?) throws(OctetError) -> Value {
    guard let value else {
      throw OctetError(
        .invalidConfiguration, operation: Self.operation, argument: "\(path).\(name)",
        expected: "the attribute",
        received: values.isEmpty
          ? "no attributes" : "\(values.keys.sorted().joined(separator: ", "))")
    }
    return value
  }
}

extension ParityAttributes {
  /// An integer, nil when missing.
  package func optionalInt(_ name: String) throws(OctetError) -> Int? {
    try read(name, "an integer", \.intValue)
  }

  /// An integer.
  package func int(_ name: String) throws(OctetError) -> Int {
    try require(name, optionalInt(name))
  }

  /// An integer, `fallback` when missing.
  package func int(_ name: String, default fallback: Int) throws(OctetError) -> Int {
    try optionalInt(name) ?? fallback
  }

  /// A list of integers, nil when missing; a single integer is a list of one.
  package func optionalInts(_ name: String) throws(OctetError) -> [Int]? {
    try read(name, "a list of integers") { value in
      if let one = value.intValue { return [one] }
      return Self.all(value, \.intValue)
    }
  }

  /// A list of integers.
  package func ints(_ name: String) throws(OctetError) -> [Int] {
    try require(name, optionalInts(name))
  }

  /// A list of integers, `fallback` when missing.
  package func ints(_ name: String, default fallback: [Int]) throws(OctetError) -> [Int] {
    try optionalInts(name) ?? fallback
  }

  /// A number, `"nan"` and `"inf"` included, nil when missing.
  package func optionalDouble(_ name: String) throws(OctetError) -> Double? {
    try read(name, "a number", \.doubleValue)
  }

  /// A number, `"nan"` and `"inf"` included.
  package func double(_ name: String) throws(OctetError) -> Double {
    try require(name, optionalDouble(name))
  }

  /// A number, `fallback` when missing.
  package func double(_ name: String, default fallback: Double) throws(OctetError) -> Double {
    try optionalDouble(name) ?? fallback
  }

  /// A list of numbers, nil when missing; a single number is a list of one.
  package func optionalDoubles(_ name: String) throws(OctetError) -> [Double]? {
    try read(name, "a list of numbers") { value in
      if let one = value.doubleValue { return [one] }
      return Self.all(value, \.doubleValue)
    }
  }

  /// A list of numbers.
  package func doubles(_ name: String) throws(OctetError) -> [Double] {
    try require(name, optionalDoubles(name))
  }

  /// A truth value, nil when missing.
  package func optionalBool(_ name: String) throws(OctetError) -> Bool? {
    try read(name, "true or false", \.boolValue)
  }

  /// A truth value, `fallback` when missing.
  package func bool(_ name: String, default fallback: Bool) throws(OctetError) -> Bool {
    try optionalBool(name) ?? fallback
  }

  /// A string, nil when missing.
  package func optionalString(_ name: String) throws(OctetError) -> String? {
    try read(name, "a string", \.stringValue)
  }

  /// A string.
  package func string(_ name: String) throws(OctetError) -> String {
    try require(name, optionalString(name))
  }

  /// A string, `fallback` when missing.
  package func string(_ name: String, default fallback: String) throws(OctetError) -> String {
    try optionalString(name) ?? fallback
  }

  /// A list of strings, nil when missing.
  package func optionalStrings(_ name: String) throws(OctetError) -> [String]? {
    try read(name, "a list of strings") { Self.all($0, \.stringValue) }
  }

  /// An element type under torch's name, nil when missing.
  package func optionalDType(_ name: String) throws(OctetError) -> DType? {
    try read(name, "the name of a dtype") { $0.stringValue.flatMap(DType.init(rawValue:)) }
  }

  /// An element type under torch's name.
  package func dtype(_ name: String = "dtype") throws(OctetError) -> DType {
    try require(name, optionalDType(name))
  }

  /// A quantization scheme under torch's name, nil when missing.
  package func optionalScheme(_ name: String = "qscheme") throws(OctetError) -> QScheme? {
    try read(name, "the name of a qscheme") { $0.stringValue.flatMap(QScheme.init(rawValue:)) }
  }

  /// Named values, nil when missing.
  package func optionalDictionary(_ name: String) throws(OctetError) -> ParityAttributes? {
    try read(name, "a dictionary", \.dictionaryValue).map {
      ParityAttributes($0, path: "\(path).\(name)")
    }
  }

  /// Named values.
  package func dictionary(_ name: String) throws(OctetError) -> ParityAttributes {
    try require(name, optionalDictionary(name))
  }

  /// A list of any values, nil when missing.
  package func optionalList(_ name: String) throws(OctetError) -> [AttributeValue]? {
    try read(name, "a list", \.listValue)
  }

  /// A list of any values.
  package func list(_ name: String) throws(OctetError) -> [AttributeValue] {
    try require(name, optionalList(name))
  }

  private static func all<Value>(
    _ value: AttributeValue, _ convert: (AttributeValue) -> Value?
  ) -> [Value]? {
    guard let elements = value.listValue else { return nil }
    let converted = elements.compactMap(convert)
    return converted.count == elements.count ? converted : nil
  }
}
