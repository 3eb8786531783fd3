/// A JSON document, or a part of one.
///
/// Whole numbers stay exact over the ranges of `Int64` and `UInt64`; all other numbers are doubles. Objects
/// keep the order of their members.
public enum JSONValue: Sendable, Equatable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without fraction or exponent, within `Int64`.
  case integer(Int64)
  /// A number written without fraction or exponent, above `Int64.max` and within `UInt64`.
  case unsigned(UInt64)
  /// Any other number: rounded to the nearest double.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object.
  case object(JSONObject)
}

extension JSONValue {
  /// The truth value, nil for anything else.
  public var boolValue: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The whole number, nil for anything else; a double such as `2.0` isn't a whole number.
  public var intValue: Int? {
    if case .integer(let value) = self { Int(exactly: value) } else { nil }
  }

  /// The number, rounded to the nearest double; nil for anything that isn't a number.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The string, nil for anything else.
  public var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The elements, nil for anything but an array.
  public var arrayValue: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The object, nil for anything else.
  public var objectValue: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The member of an object, nil when there is none or this isn't an object.
  public subscript(key: String) -> JSONValue? { objectValue?[key] }

  /// What the value is, in words for an error: `a string`, `an array of 3`.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "the integer \(value)"
    case .unsigned(let value): "the integer \(value)"
    case .number(let value): "the number \(value)"
    case .string(let value): "the string \(quoted(value))"
    case .array(let value): "an array of \(value.count)"
    case .object(let value): "an object of \(value.count)"
    }
  }
}

/// The members of a JSON object, in their order, each key once.
///
/// Keys are equal when they are canonically equivalent, as Swift's strings are. A look-up takes constant time.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable, Equatable {
    /// The key.
    public let key: String
    /// The value.
    public let value: JSONValue
  }

  /// The members in their order.
  public private(set) var members: [Member] = []
  /// Places of the keys, kept once a look-up would otherwise walk over more than `scanned` members.
  private var places: [String: Int] = [:]
  private static let scanned = 8

  /// An object without members.
  public init() {}

  /// The number of members.
  public var count: Int { members.count }

  /// The keys in their order.
  public var keys: [String] { members.map(\.key) }

  /// The value of a key, nil when there is none.
  ///
  /// Assigning keeps the place of a key that exists and appends one that doesn't; assigning nil removes it.
  public subscript(key: String) -> JSONValue? {
    get { place(of: key).map { members[$0].value } }
    set {
      switch (place(of: key), newValue) {
      case (let place?, let value?): members[place] = Member(key: key, value: value)
      case (nil, let value?): append(key: key, value: value)
      case (let place?, nil):
        members.remove(at: place)
        rebuild()
      case (nil, nil): break
      }
    }
  }

  /// Appends a member whose key the caller has found to be new.
  mutating func append(key: String, value: JSONValue) {
    members.append(Member(key: key, value: value))
    if places.isEmpty {
      if members.count > Self.scanned { rebuild() }
    } else {
      places[key] = members.count - 1
    }
  }

  func contains(_ key: String) -> Bool { place(of: key) != nil }

  private func place(of key: String) -> Int? {
    places.isEmpty ? members.firstIndex { $0.key == key } : places[key]
  }

  private mutating func rebuild() {
    places.removeAll(keepingCapacity: true)
    guard members.count > Self.scanned else { return }
    for (place, member) in members.enumerated() { places[member.key] = place }
  }
}

extension JSONObject: Equatable {
  /// True for the same members in the same order.
  public static func == (left: Self, right: Self) -> Bool { left.members == right.members }
}

extension JSONObject: Sequence {
  /// Walks over the members in their order.
  public func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// The members of a literal in their order; of two equal keys the later value stands.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (key, value) in elements { self[key] = value }
  }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A whole number.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A double.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object with its members in order; of two equal keys the later value stands.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}

/// A name from outside as an error shows it: quoted, control characters escaped, long ones cut.
func quoted(_ name: String) -> String {
  let limit = 80
  var text = "\""
  var count = 0
  for scalar in name.unicodeScalars {
    if count == limit { return text + "…\"" }
    text += scalar.escaped(asASCII: false)
    count += 1
  }
  return text + "\""
}
