import OctetFormats
import OctetTensor

extension AttributeValue {
  /// The attribute that a JSON value stands for.
  package init(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(Int(value))
    case .unsigned(let value): self = .number(Double(value))
    case .number(let value): self = .number(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .list(values.map(AttributeValue.init))
    case .object(let object):
      var values: [String: AttributeValue] = [:]
      for member in object { values[member.key] = AttributeValue(member.value) }
      self = .dictionary(values)
    }
  }
}
