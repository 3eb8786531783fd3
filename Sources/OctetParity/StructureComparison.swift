import OctetTensor

/// Compares the structure that a workflow built with the one that a case expects.
package enum StructureComparison {
  /// Entries that list values by name: only those that both sides have are compared, each against the other list.
  private static let valueLists = [
    "quantized_values": "float_values", "float_values": "quantized_values",
  ]

  /// What is wrong, empty when nothing is.
  ///
  /// Everything must be equal, except lists of value names, where an expected value must not stand in the opposite list,
  /// and must stand in the right one when it is the name of a module that is still called.
  package static func differences(
    expected: [String: AttributeValue], got: [String: AttributeValue]
  ) -> [String] {
    var failures: [String] = []
    for (key, want) in expected.sorted(by: { $0.key < $1.key }) {
      guard let have = got[key] else {
        failures.append("\(key) is missing")
        continue
      }
      if let opposite = valueLists[key] {
        failures += misplacedValues(key, want, have, opposite: got[opposite], expected: expected)
      } else if have != want {
        failures.append("\(key): \(firstDifference(want, have))")
      }
    }
    return failures
  }

  private static func misplacedValues(
    _ key: String, _ want: AttributeValue, _ have: AttributeValue, opposite: AttributeValue?,
    expected: [String: AttributeValue]
  ) -> [String] {
    let names = Set((have.listValue ?? []).compactMap(\.stringValue))
    let others = Set((opposite?.listValue ?? []).compactMap(\.stringValue))
    let modules = Set(
      (expected["converted"]?.listValue ?? []).compactMap { $0.listValue?.first?.stringValue })
    return (want.listValue ?? []).compactMap(\.stringValue).compactMap { name in
      if others.contains(name) { return "\(key): \(name) is on the other list" }
      return !names.contains(name) && modules.contains(name) ? "\(key): \(name) is missing" : nil
    }
  }

  private static func firstDifference(_ want: AttributeValue, _ have: AttributeValue) -> String {
    if let want = want.listValue, let have = have.listValue {
      let missing = want.filter { !have.contains($0) }.map(text)
      let extra = have.filter { !want.contains($0) }.map(text)
      if missing.isEmpty && extra.isEmpty { return "another order" }
      return [
        missing.isEmpty ? "" : "missing \(missing.joined(separator: " "))",
        extra.isEmpty ? "" : "unexpected \(extra.joined(separator: " "))",
      ].filter { !$0.isEmpty }.joined(separator: ", ")
    }
    if let want = want.dictionaryValue, let have = have.dictionaryValue {
      let keys = Set(want.keys).union(have.keys).sorted().filter { want[$0] != have[$0] }
      return keys.map { key in
        "\(key) is \(have[key].map(text) ?? "missing"), expected \(want[key].map(text) ?? "none")"
      }.joined(separator: ", ")
    }
    return "\(text(have)), expected \(text(want))"
  }

  private static func text(_ value: AttributeValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value
    case .list(let values): "[\(values.map(text).joined(separator: " "))]"
    case .dictionary(let values):
      "{\(values.sorted { $0.key < $1.key }.map { "\($0.key): \(text($0.value))" }.joined(separator: ", "))}"
    }
  }
}
