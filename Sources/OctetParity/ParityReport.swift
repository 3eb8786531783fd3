import OctetFormats
import OctetTensor

/// The results of a run.
package struct ParityReport: Sendable {
  /// The results in the order of the cases.
  package private(set) var results: [CaseResult] = []

  /// An empty report.
  package init() {}

  /// Takes a result in.
  package mutating func append(_ result: CaseResult) { results.append(result) }

  /// Cases that passed.
  package var passed: Int { results.count { $0.passed } }

  /// Cases that failed.
  package var failed: Int { results.count - passed }

  /// The closing line.
  package var summary: String { "\(passed) passed, \(failed) failed" }

  /// Every case with its outputs' worst errors. `schema` counts the versions of this form.
  package var json: JSONValue {
    [
      "schema": "octet.parity/1", "passed": .integer(Int64(passed)),
      "failed": .integer(Int64(failed)), "cases": .array(results.map(Self.json)),
    ]
  }

  /// Writes `json` to a file, which holds all of it or what it held before.
  package func write(to path: String) throws {
    let text = try json.serialized(indent: 1) + "\n"
    try AtomicFile.write(to: path, operation: "parity") { file in
      try Array(text.utf8).withUnsafeBytes { try file.append($0) }
    }
  }

  private static func json(_ result: CaseResult) -> JSONValue {
    [
      "case": .string(result.name), "op": .string(result.operation),
      "passed": .bool(result.passed), "failures": .array(result.failures.map { .string($0) }),
      "outputs": .array(result.outputs.map(json)),
    ]
  }

  private static func json(_ output: OutputVerdict) -> JSONValue {
    var object: JSONObject = [
      "name": .string(output.name), "rules": .array(output.rules.map { .string($0) }),
      "passed": .bool(output.passed),
    ]
    if let deviation = output.deviation {
      object["elements"] = .integer(Int64(deviation.count))
      object["differing"] = .integer(Int64(deviation.differing))
      object["worst"] = number(deviation.worst)
    }
    if let sqnr = output.sqnr { object["sqnr"] = number(sqnr) }
    return .object(object)
  }

  /// JSON has no words for infinities and NaN; strings spell them.
  private static func number(_ value: Double) -> JSONValue {
    value.isFinite ? .number(value) : .string(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
  }
}
