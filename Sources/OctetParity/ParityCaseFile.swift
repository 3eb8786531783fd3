import OctetFormats
import OctetTensor

/// A parity case with the oracle's answer, as a `.safetensors` file holds it.
package struct ParityCaseFile: Sendable {
  /// The file's name without folder and extension.
  package let name: String
  /// What to run.
  package let parityCase: ParityCase
  /// The oracle's outputs by name.
  package let expected: [String: Tensor]
  /// How far outputs may lie from them.
  package let tolerance: ToleranceTable
  /// The word that the error's message must contain, nil when the call must succeed.
  package let raises: String?
  /// The structure that a workflow must show.
  package let structure: [String: AttributeValue]
  /// What produced the outputs.
  package let oracle: String

  /// A case from its parts.
  package init(
    name: String, parityCase: ParityCase, expected: [String: Tensor], tolerance: ToleranceTable,
    raises: String? = nil, structure: [String: AttributeValue] = [:], oracle: String = ""
  ) {
    self.name = name
    self.parityCase = parityCase
    self.expected = expected
    self.tolerance = tolerance
    self.raises = raises
    self.structure = structure
    self.oracle = oracle
  }

  /// Reads a case file whole.
  ///
  /// - Throws: `fileAccess`, `malformedFile`, or what a quantizer that can't exist gives.
  package init(path: String) throws(OctetError) {
    let file = try SafetensorsFile(path: path, access: .copied)
    let version = try Self.metadata(file, "octet.case")
    guard version == "1" else {
      throw Self.failure("octet.case", expected: "format version 1", received: version)
    }
    let attributes = ParityAttributes(try Self.object(file, "attrs"))
    let tensors = CaseTensors(file)
    var inputs = try tensors.group("in")
    inputs["none"] = nil
    self.init(
      name: Self.name(of: path),
      parityCase: ParityCase(
        operation: try Self.metadata(file, "op"), attributes: attributes, inputs: inputs,
        state: try tensors.group("state")),
      expected: try tensors.group("out"),
      tolerance: try ToleranceTable(try Self.object(file, "tolerance")),
      raises: try attributes.optionalString("raises"),
      structure: try attributes.optionalDictionary("expect")?.values ?? [:],
      oracle: file.metadata["oracle"] ?? "")
  }

  /// A path's last component without `.safetensors`.
  package static func name(of path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    return file.hasSuffix(".safetensors") ? String(file.dropLast(12)) : file
  }

  private static func metadata(_ file: SafetensorsFile, _ key: String) throws(OctetError) -> String
  {
    guard let value = file.metadata[key] else {
      throw failure(key, expected: "the metadata of a parity case", received: "none under this key")
    }
    return value
  }

  private static func object(
    _ file: SafetensorsFile, _ key: String
  ) throws(OctetError) -> [String: AttributeValue] {
    let json = try JSONValue.parse(
      try metadata(file, key), operation: ParityAttributes.operation, argument: key)
    guard case .dictionary(let values) = AttributeValue(json) else {
      throw failure(key, expected: "a JSON object", received: json.kind)
    }
    return values
  }

  private static func failure(
    _ argument: String, expected: String, received: String
  ) -> OctetError {
    OctetError(
      .malformedFile, operation: ParityAttributes.operation, argument: argument,
      expected: expected, received: received)
  }
}
