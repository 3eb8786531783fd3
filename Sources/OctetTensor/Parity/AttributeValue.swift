/// A value among a parity case's attributes: JSON's kinds, with whole numbers kept exact.
package enum AttributeValue: Sendable, Equatable {
  /// Nothing. Python's None.
  case null
  /// A truth value.
  case bool(Bool)
  /// A whole number.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// A string.
  case string(String)
  /// A list or tuple.
  case list([AttributeValue])
  /// Named values.
  case dictionary([String: AttributeValue])

  /// What the value is, in words for an error.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "the integer \(value)"
    case .number(let value): "the number \(value)"
    case .string(let value): "the string \"\(value)\""
    case .list(let values): "a list of \(values.count)"
    case .dictionary(let values): "a dictionary of \(values.count)"
    }
  }

  /// The whole number, nil for anything else.
  package var intValue: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// The number; strings spell the ones that JSON has no words for: `"nan"`, `"inf"`, `"-inf"`.
  package var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .string("nan"): .nan
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    default: nil
    }
  }

  /// The truth value; the integers 0 and 1 serve too.
  package var boolValue: Bool? {
    switch self {
    case .bool(let value): value
    case .integer(0): false
    case .integer(1): true
    default: nil
    }
  }

  /// The string, nil for anything else.
  package var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The elements, nil for anything but a list.
  package var listValue: [AttributeValue]? {
    if case .list(let values) = self { values } else { nil }
  }

  /// The named values, nil for anything but a dictionary.
  package var dictionaryValue: [String: AttributeValue]? {
    if case .dictionary(let values) = self { values } else { nil }
  }
}
