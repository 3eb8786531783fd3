/// What a recurrent step makes of its two projections.
package enum RecurrentKind: Sendable, Equatable {
  /// Gates i, f, g, o: `c' = σ(f) * c + σ(i) * tanh(g)`, `h' = σ(o) * tanh(c')`.
  case lstm
  /// Gates r, z, n: `n = tanh(n_x + σ(r) * n_h)`, `h' = (h - n) * σ(z) + n`.
  case gru
  /// `h' = tanh(x + h)`.
  case tanh
  /// `h' = max(x + h, 0)`.
  case relu

  /// Rows of the weights for each hidden unit.
  package var gates: Int {
    switch self {
    case .lstm: 4
    case .gru: 3
    case .tanh, .relu: 1
    }
  }

  /// True when a cell state goes with the hidden one.
  package var hasCell: Bool { self == .lstm }
}

/// The hidden state after a step, and the cell state of an LSTM.
package struct RecurrentMemory: Sendable {
  package var hidden: Tensor
  package var cell: Tensor?

  package init(hidden: Tensor, cell: Tensor? = nil) {
    self.hidden = hidden
    self.cell = cell
  }
}

extension Functional {
  /// One step of a recurrent cell after its matrix products.
  ///
  /// - Parameters:
  ///   - input: float32 `[B, gates * H]`, the projected input with its bias.
  ///   - hidden: float32 `[B, gates * H]`, the projected hidden state with its bias.
  ///   - memory: the state before the step, float32 `[B, H]`.
  /// - Throws: `shapeMismatch` when the sizes don't fit each other.
  package static func recurrentStep(
    _ kind: RecurrentKind, input: Tensor, hidden: Tensor, memory: RecurrentMemory
  ) throws(OctetError) -> RecurrentMemory {
    let operands = [input, hidden, memory.hidden] + (memory.cell.map { [$0] } ?? [])
    if operands.contains(where: \.isPlaceholder) {
      return RecurrentMemory(hidden: .placeholder, cell: kind.hasCell ? .placeholder : nil)
    }
    let records = ExecutionMode.current.recordsGradients && operands.contains(where: \.requiresGrad)
    return records
      ? try recordedStep(kind, input, hidden, memory) : try fusedStep(kind, input, hidden, memory)
  }

  /// The C library's step.
  private static func fusedStep(
    _ kind: RecurrentKind, _ input: Tensor, _ hidden: Tensor, _ memory: RecurrentMemory
  ) throws(OctetError) -> RecurrentMemory {
    let columns = input.shape.last ?? 0
    let state = [input.shape.first ?? 0, columns / kind.gates]
    // Only a GRU reads the hidden state itself; an LSTM's may be a projection of another size.
    guard input.rank == 2, columns % kind.gates == 0, hidden.shape == input.shape,
      kind != .gru || memory.hidden.shape == state, memory.cell?.shape ?? state == state,
      kind.hasCell == (memory.cell != nil),
      [input, hidden, memory.hidden, memory.cell ?? input].allSatisfy({ $0.dtype == .float32 })
    else {
      throw OctetError(
        .shapeMismatch, operation: "rnn_step", argument: "hx",
        expected: "float32 projections [B, \(kind.gates) * H] and states [B, H]",
        received: "\(input.shape), \(hidden.shape) and \(memory.hidden.shape)")
    }
    if columns == 0 { return memory }
    return try Kernel.recurrentStep(
      kind, input: input, hidden: hidden, memory: memory, rows: state[0], units: state[1])
  }

  /// The step as operators that gradients pass.
  private static func recordedStep(
    _ kind: RecurrentKind, _ input: Tensor, _ hidden: Tensor, _ memory: RecurrentMemory
  ) throws(OctetError) -> RecurrentMemory {
    switch kind {
    case .tanh: return RecurrentMemory(hidden: try tanh(add(hidden, input)))
    case .relu: return RecurrentMemory(hidden: try relu(add(hidden, input)))
    case .gru: return try gatedStep(input, hidden, memory.hidden)
    case .lstm:
      guard let cell = memory.cell else {
        throw OctetError(
          .invalidArgument, operation: "lstm_cell", argument: "hx",
          expected: "a hidden and a cell state", received: "a hidden state alone")
      }
      return try longShortStep(add(hidden, input), cell)
    }
  }

  private static func longShortStep(_ gates: Tensor, _ cell: Tensor) throws(OctetError)
    -> RecurrentMemory
  {
    let units = gates.shape[1] / 4
    func gate(_ index: Int) throws(OctetError) -> Tensor {
      try gates.slice(dim: 1, index * units..<(index + 1) * units)
    }
    let kept = try multiply(sigmoid(gate(1)), cell)
    let added = try multiply(sigmoid(gate(0)), tanh(gate(2)))
    let after = try add(kept, added)
    return RecurrentMemory(hidden: try multiply(sigmoid(gate(3)), tanh(after)), cell: after)
  }

  private static func gatedStep(_ input: Tensor, _ hidden: Tensor, _ before: Tensor)
    throws(OctetError) -> RecurrentMemory
  {
    let units = input.shape[1] / 3
    func gate(_ gates: Tensor, _ index: Int) throws(OctetError) -> Tensor {
      try gates.slice(dim: 1, index * units..<(index + 1) * units)
    }
    let reset = try sigmoid(add(gate(hidden, 0), gate(input, 0)))
    let update = try sigmoid(add(gate(hidden, 1), gate(input, 1)))
    let fresh = try tanh(add(gate(input, 2), multiply(gate(hidden, 2), reset)))
    let difference = try add(before, multiplyScalar(fresh, -1))
    return RecurrentMemory(hidden: try add(multiply(difference, update), fresh))
  }
}
