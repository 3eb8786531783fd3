import OctetTensor

/// The input of one recurrent layer: the rows of all steps, one step behind the other.
package struct RecurrentSteps {
  /// float32 `[n, features]`.
  package var data: Tensor
  /// Rows of each step; never growing.
  package let batchSizes: [Int]

  package init(data: Tensor, batchSizes: [Int]) {
    self.data = data
    self.batchSizes = batchSizes
  }
}

/// How layers and directions of a recurrent network follow each other; what a direction computes is its own affair.
package struct RecurrentSequence {
  package let kind: RecurrentKind
  package let settings: RecurrentSettings
  package let operation: String

  package init(_ kind: RecurrentKind, _ settings: RecurrentSettings, operation: String) {
    self.kind = kind
    self.settings = settings
    self.operation = operation
  }

  /// Runs every layer.
  ///
  /// - Parameters:
  ///   - input: `[T, B, I]`, batch first `[B, T, I]`, with `batchSizes` the data `[n, I]`; `[T, I]` for one sequence.
  ///   - memory: states `[layers * directions, B, ...]`, `[layers * directions, ...]` for one sequence; zeros when nil.
  ///   - takesOneSequence: accepts inputs without a batch dimension.
  ///   - direction: computes one direction from its first state `[B, ...]`: an output row for each input row, and the last state.
  package func run(
    _ input: Tensor, _ memory: RecurrentMemory?, batchSizes: [Int]?, isTraining: Bool = false,
    takesOneSequence: Bool = true,
    direction: (RecurrentDirection, RecurrentSteps, RecurrentMemory) throws -> (
      output: Tensor, memory: RecurrentMemory
    )
  ) throws -> (output: Tensor, memory: RecurrentMemory) {
    let isSingle = try check(input, batchSizes: batchSizes, takesOneSequence)
    let batched = isSingle ? try input.unsqueezed(1) : input
    let swaps = settings.isBatchFirst && batchSizes == nil && !isSingle
    let ordered = swaps ? try batched.transposed(0, 1) : batched
    let sizes =
      batchSizes ?? Array(repeating: ordered.shape[1], count: ordered.shape[0])
    let batch = sizes[0]
    let start = try initial(memory, batch: batch, isSingle: isSingle)
    var steps = RecurrentSteps(
      data: batchSizes == nil
        ? try ordered.reshaped([ordered.shape[0] * batch, ordered.shape[2]]) : ordered,
      batchSizes: sizes)
    var (hidden, cells): ([Tensor], [Tensor]) = ([], [])
    for layer in 0..<settings.layerCount {
      var outputs: [Tensor] = []
      for one in settings.directions where one.layer == layer {
        let result = try direction(one, steps, start(hidden.count))
        outputs.append(result.output)
        hidden.append(try result.memory.hidden.unsqueezed(0))
        if let cell = result.memory.cell { cells.append(try cell.unsqueezed(0)) }
      }
      steps.data = outputs.count == 1 ? outputs[0] : try Functional.concatenate(outputs, dim: 1)
      if settings.dropout > 0, isTraining, layer + 1 < settings.layerCount {
        steps.data = try Functional.dropout(steps.data, p: settings.dropout, training: true)
      }
    }
    var output = steps.data
    if batchSizes == nil {
      output = try output.reshaped([sizes.count, batch, output.shape[1]])
      if swaps { output = try output.transposed(0, 1) }
      if isSingle { output = try output.squeezed(1) }
    }
    func joined(_ states: [Tensor]) throws -> Tensor {
      let all = try Functional.concatenate(states)
      return isSingle ? try all.squeezed(1) : all
    }
    return (
      output,
      RecurrentMemory(hidden: try joined(hidden), cell: cells.isEmpty ? nil : try joined(cells))
    )
  }

  /// True when the input is one sequence without a batch dimension.
  private func check(_ input: Tensor, batchSizes: [Int]?, _ takesOneSequence: Bool) throws -> Bool {
    let size = settings.inputSize
    guard input.dtype == .float32 else {
      throw OctetError(
        input.isQuantized ? .quantizationMismatch : .dtypeMismatch, operation: operation,
        argument: "input", expected: "dtype float32", received: "dtype \(input.dtype.rawValue)",
        fix: input.isQuantized ? "dequantize the input first" : "")
    }
    let ranks = batchSizes != nil ? [2] : takesOneSequence ? [2, 3] : [3]
    guard ranks.contains(input.rank), input.shape.last == size else {
      let wanted =
        batchSizes != nil
        ? "[n, \(size)]" : settings.isBatchFirst ? "[B, T, \(size)]" : "[T, B, \(size)]"
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input", expected: "shape \(wanted)",
        received: "shape \(input.shape)",
        fix: input.rank == 2 && batchSizes == nil ? "add a batch dimension" : "")
    }
    if let batchSizes {
      try PackedSequence.check(batchSizes, rows: input.shape[0], operation)
      return false
    }
    let steps = input.rank == 3 && settings.isBatchFirst ? input.shape[1] : input.shape[0]
    guard steps > 0 else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "a sequence of at least one step", received: "shape \(input.shape)")
    }
    return input.rank == 2
  }

  /// The first state of each direction in order.
  private func initial(_ memory: RecurrentMemory?, batch: Int, isSingle: Bool) throws
    -> (Int) throws -> RecurrentMemory
  {
    func checked(_ state: Tensor?, _ units: Int, _ argument: String) throws -> Tensor? {
      guard let state else { return nil }
      let count = settings.layerCount * settings.directionCount
      let wanted = isSingle ? [count, units] : [count, batch, units]
      guard state.dtype == .float32, state.shape == wanted else {
        throw OctetError(
          .shapeMismatch, operation: operation, argument: argument,
          expected: "float32 of shape \(wanted)",
          received: "\(state.dtype.rawValue) of shape \(state.shape)")
      }
      return isSingle ? try state.unsqueezed(1) : state
    }
    let hidden = try checked(memory?.hidden, settings.outputSize, "h_0")
    let cell = try checked(memory?.cell, settings.hiddenSize, "c_0")
    let hasCell = kind.hasCell
    let (outputSize, hiddenSize) = (settings.outputSize, settings.hiddenSize)
    return { index in
      func part(_ state: Tensor?, _ units: Int) throws -> Tensor {
        try state?.select(dim: 0, index: index)
          ?? Tensor(repeating: Float(0), shape: [batch, units])
      }
      return RecurrentMemory(
        hidden: try part(hidden, outputSize), cell: hasCell ? try part(cell, hiddenSize) : nil)
    }
  }
}

extension RecurrentSteps {
  /// Runs `step` over the rows of each step in one direction, with as many rows of the state as are running.
  ///
  /// - Parameters:
  ///   - projected: a row for each row of the data, in the same order.
  ///   - step: the state after a step, from its rows and the state before.
  package func walk(
    _ projected: Tensor, _ start: RecurrentMemory, isReverse: Bool,
    step: (Tensor, RecurrentMemory) throws -> RecurrentMemory
  ) throws -> (output: Tensor, memory: RecurrentMemory) {
    var ends: [Int] = []
    for size in batchSizes { ends.append((ends.last ?? 0) + size) }
    var outputs: [Tensor] = []
    var memory = try start.rows(0..<batchSizes[isReverse ? batchSizes.count - 1 : 0])
    var finished: [RecurrentMemory] = []
    for at in isReverse ? Array(batchSizes.indices.reversed()) : Array(batchSizes.indices) {
      let (size, running) = (batchSizes[at], memory.hidden.shape[0])
      if size > running {
        memory = try .joined([memory, start.rows(running..<size)])
      } else if size < running {
        finished.append(try memory.rows(size..<running))
        memory = try memory.rows(0..<size)
      }
      memory = try step(projected.slice(dim: 0, ends[at] - size..<ends[at]), memory)
      outputs.append(memory.hidden)
    }
    return (
      try Functional.concatenate(isReverse ? outputs.reversed() : outputs),
      finished.isEmpty ? memory : try .joined([memory] + finished.reversed())
    )
  }
}

extension RecurrentMemory {
  /// The state of some of the sequences.
  fileprivate func rows(_ range: Range<Int>) throws -> RecurrentMemory {
    if range == 0..<hidden.shape[0] { return self }
    return RecurrentMemory(
      hidden: try hidden.slice(dim: 0, range), cell: try cell?.slice(dim: 0, range))
  }

  /// The states of all sequences of several.
  fileprivate static func joined(_ parts: [RecurrentMemory]) throws -> RecurrentMemory {
    let cells = parts.compactMap(\.cell)
    return RecurrentMemory(
      hidden: try Functional.concatenate(parts.map(\.hidden)),
      cell: cells.isEmpty ? nil : try Functional.concatenate(cells))
  }
}

extension RecurrentWeights {
  /// One direction in float32: the input of all steps is projected at once, the hidden state at each step.
  package func run(
    _ kind: RecurrentKind, _ steps: RecurrentSteps, _ start: RecurrentMemory, isReverse: Bool
  ) throws -> (output: Tensor, memory: RecurrentMemory) {
    let projected = try Functional.linear(steps.data, weight: input, bias: inputBias)
    return try steps.walk(projected, start, isReverse: isReverse) { rows, memory in
      try after(kind, rows, memory)
    }
  }

  /// The state after one step on projected input.
  package func after(_ kind: RecurrentKind, _ projected: Tensor, _ memory: RecurrentMemory) throws
    -> RecurrentMemory
  {
    let recurrent = try Functional.linear(memory.hidden, weight: hidden, bias: hiddenBias)
    var result = try Functional.recurrentStep(
      kind, input: projected, hidden: recurrent, memory: memory)
    if let projection {
      result.hidden = try Functional.linear(result.hidden, weight: projection)
    }
    return result
  }
}
