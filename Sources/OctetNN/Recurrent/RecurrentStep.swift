import OctetTensor

/// What cells of every form check and arrange around their one step.
package struct RecurrentStep {
  package let kind: RecurrentKind
  package let settings: RecurrentSettings
  package let operation: String

  package init(_ kind: RecurrentKind, _ settings: RecurrentSettings, operation: String) {
    self.kind = kind
    self.settings = settings
    self.operation = operation
  }

  /// Checks the arguments and computes the state after the step.
  ///
  /// - Parameters:
  ///   - input: `[B, I]`, `[I]` for one sequence.
  ///   - memory: states `[B, H]`, `[H]` for one sequence; zeros when nil.
  ///   - body: computes on `[B, I]` and `[B, H]`.
  package func run(
    _ input: Tensor, _ memory: RecurrentMemory?, batchSizes: [Int]?,
    takesOneSequence: Bool = true, _ body: (Tensor, RecurrentMemory) throws -> RecurrentMemory
  ) throws -> RecurrentMemory {
    guard batchSizes == nil else {
      throw OctetError(
        .unsupportedModule, operation: operation, argument: "input",
        expected: "one step [B, \(settings.inputSize)]", received: "packed sequences",
        fix: "use the layer of this name without Cell")
    }
    guard input.dtype == .float32, input.shape.last == settings.inputSize,
      (takesOneSequence ? 1...2 : 2...2).contains(input.rank)
    else {
      throw OctetError(
        input.isQuantized ? .quantizationMismatch : .shapeMismatch, operation: operation,
        argument: "input", expected: "float32 of shape [B, \(settings.inputSize)]",
        received: "\(input.dtype.rawValue) of shape \(input.shape)")
    }
    let isSingle = input.rank == 1
    let rows = isSingle ? try input.unsqueezed(0) : input
    let batch = rows.shape[0]
    func state(_ given: Tensor?, _ argument: String) throws -> Tensor {
      let wanted = isSingle ? [settings.hiddenSize] : [batch, settings.hiddenSize]
      guard let given else {
        return try Tensor(repeating: Float(0), shape: [batch, settings.hiddenSize])
      }
      guard given.dtype == .float32, given.shape == wanted else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: argument,
          expected: "float32 of shape \(wanted)",
          received: "\(given.dtype.rawValue) of shape \(given.shape)")
      }
      return isSingle ? try given.unsqueezed(0) : given
    }
    let before = RecurrentMemory(
      hidden: try state(memory?.hidden, "hx"),
      cell: kind.hasCell ? try state(memory?.cell, "cx") : nil)
    let after = try body(rows, before)
    guard isSingle else { return after }
    return RecurrentMemory(
      hidden: try after.hidden.squeezed(0), cell: try after.cell?.squeezed(0))
  }
}
