import OctetQuantization
import OctetTensor

/// Every operation that parity cases can name, from the tables of all rooms.
package struct ParityRegistry: Sendable {
  private let operations: [String: ParityOperation]

  /// Joins tables.
  ///
  /// - Throws: `invalidConfiguration` when two lines have one name.
  package init(_ tables: [[ParityOperation]]) throws(OctetError) {
    var operations: [String: ParityOperation] = [:]
    for operation in tables.joined() {
      guard operations.updateValue(operation, forKey: operation.name) == nil else {
        throw OctetError(
          .invalidConfiguration, operation: "parity", argument: operation.name,
          expected: "each operation once", received: "a second line", fix: "remove one of them")
      }
    }
    self.operations = operations
  }

  /// The operations of this build.
  package static func standard() throws(OctetError) -> ParityRegistry {
    try ParityRegistry([
      TensorParityOperations.all, ObserverParityOperations.all, ActivationParityOperations.all,
      NormParityOperations.all, EmbeddingParityOperations.all, LinearParityOperations.all,
      ConvolutionParityOperations.all, RecurrentParityOperations.all,
      AttentionParityOperations.all, TrainingParityOperations.all,
      FloatModuleParityOperations.all, EagerWorkflow.all, FXWorkflow.all,
      PT2EWorkflow.all,
    ])
  }

  /// The names in order.
  package var names: [String] { operations.keys.sorted() }

  /// The operation of a name, nil when there is none.
  package subscript(name: String) -> ParityOperation? { operations[name] }
}
