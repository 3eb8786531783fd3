/// What an operation gives back: tensors under the names of `out/`, and for workflows the structure they built.
package struct ParityOutputs: Sendable {
  /// Outputs by name.
  package var tensors: [String: Tensor]
  /// What `attrs.expect` is compared with.
  package var structure: [String: AttributeValue]

  /// Outputs by name, and a workflow's structure.
  package init(_ tensors: [String: Tensor], structure: [String: AttributeValue] = [:]) {
    self.tensors = tensors
    self.structure = structure
  }

  /// The only output, `out/0`.
  package init(_ sole: Tensor) { self.init(["0": sole]) }

  /// Several results of one call: `out/0`, `out/1`, … or, with a name, `out/NAME.0`, `out/NAME.1`, …
  package init(list: [Tensor], name: String? = nil) {
    var tensors: [String: Tensor] = [:]
    for (i, tensor) in list.enumerated() { tensors[name.map { "\($0).\(i)" } ?? "\(i)"] = tensor }
    self.init(tensors)
  }
}

extension ParityOutputs: ExpressibleByDictionaryLiteral {
  /// Outputs by name.
  package init(dictionaryLiteral elements: (String, Tensor)...) {
    self.init(Dictionary(elements) { _, last in last })
  }
}

/// One line of a room's table: how an operation of the parity cases is run on Octet.
package struct ParityOperation: Sendable {
  /// The operation's name in torch's spelling.
  package let name: String
  /// Runs a case.
  package let run: @Sendable (ParityCase) throws -> ParityOutputs

  /// An operation with named outputs.
  package init(_ name: String, run: @escaping @Sendable (ParityCase) throws -> ParityOutputs) {
    self.name = name
    self.run = run
  }

  /// An operation whose only output is `out/0`.
  package static func single(
    _ name: String, _ run: @escaping @Sendable (ParityCase) throws -> Tensor
  ) -> ParityOperation {
    ParityOperation(name) { ParityOutputs(try run($0)) }
  }
}
