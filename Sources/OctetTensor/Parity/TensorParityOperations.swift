/// The operations that this room runs: its own, and modules that are thin covers of its operators.
package enum TensorParityOperations {
  /// Every line.
  package static let all =
    quantizeOperations + decomposedOperations + methodOperations + reductionOperations
    + layerOperations + elementwiseOperations + poolOperations + embeddingOperations
}
