import COctet

extension RecurrentKind {
  /// The C library's name for it.
  fileprivate var cell: oct_rnn_cell {
    switch self {
    case .lstm: OCT_RNN_LSTM
    case .gru: OCT_RNN_GRU
    case .tanh: OCT_RNN_TANH
    case .relu: OCT_RNN_RELU
    }
  }
}

extension Kernel {
  /// One step of a cell on `rows` rows of `units` units. The projections may have any row stride; the result's parts are dense.
  static func recurrentStep(
    _ kind: RecurrentKind, input: Tensor, hidden: Tensor, memory: RecurrentMemory, rows: Int,
    units: Int
  ) throws(OctetError) -> RecurrentMemory {
    let after = try Tensor(uninitialized: [rows, units], dtype: .float32)
    // The kernel replaces the cell state, so it gets a copy.
    let cell = try memory.cell?.clone(.contiguous)
    let (x, h) = (try denseRows(input), try denseRows(hidden))
    let before = kind == .gru ? try denseRows(memory.hidden) : nil
    try run(workspace: 0, "rnn_step") { run in
      var call = oct_rnn_step_call()
      call.struct_size = UInt32(MemoryLayout<oct_rnn_step_call>.size)
      call.cell = kind.cell
      (call.rows, call.units) = (rows, units)
      (call.input, call.input_stride) = (floats(x), x.strides[0])
      (call.hidden, call.hidden_stride) = (floats(h), h.strides[0])
      (call.before, call.before_stride) = (before.map(floats), before?.strides[0] ?? 0)
      (call.h, call.h_stride) = (mutableFloats(after), units)
      (call.c, call.c_stride) = (cell.map(mutableFloats), units)
      return oct_rnn_step(&call, run)
    }
    return RecurrentMemory(hidden: after, cell: cell)
  }

  /// A matrix whose rows are dense and don't overlap: the tensor itself, or a copy.
  private static func denseRows(_ matrix: Tensor) throws(OctetError) -> Tensor {
    let isDense = matrix.strides[1] == 1 && matrix.strides[0] >= matrix.shape[1]
    return isDense ? matrix : try matrix.contiguous()
  }

  fileprivate static func floats(_ tensor: Tensor) -> UnsafePointer<Float> {
    UnsafePointer(mutableFloats(tensor))
  }

  fileprivate static func mutableFloats(_ tensor: Tensor) -> UnsafeMutablePointer<Float> {
    tensor.baseAddress.assumingMemoryBound(to: Float.self)
  }
}

extension PackedLinear {
  /// One direction of a recurrent layer whose hidden state meets these weights `[gates * H, H]`: at each step it is quantized to
  /// quint8 by the range of the rows that are running, and multiplied; then the cell computes in float32.
  ///
  /// - Parameters:
  ///   - projected: float32 `[n, gates * H]`, the projected input of all steps with its bias.
  ///   - batchSizes: rows of each step, never growing.
  ///   - memory: the first states, float32 `[B, H]`.
  ///   - reduceRange: 0...127 instead of 0...255.
  /// - Returns: the hidden state after each row, `[n, H]`, and the last states.
  /// - Throws: `shapeMismatch` when sizes don't fit; `invalidQuantizer` when a state isn't finite.
  package func recurrentSequence(
    _ kind: RecurrentKind, projected: Tensor, batchSizes: [Int], memory: RecurrentMemory,
    isReverse: Bool, reduceRange: Bool
  ) throws(OctetError) -> (output: Tensor, memory: RecurrentMemory) {
    let operation = "quantized_rnn"
    let units = inFeatures
    let batch = batchSizes.first ?? 0
    guard outFeatures == kind.gates * units, projected.dtype == .float32,
      projected.shape == [batchSizes.reduce(0, +), outFeatures], batchSizes.allSatisfy({ $0 >= 0 }),
      memory.hidden.dtype == .float32, memory.hidden.shape == [batch, units],
      (memory.cell?.shape ?? [batch, units]) == [batch, units],
      memory.cell?.dtype ?? .float32 == .float32, kind.hasCell == (memory.cell != nil)
    else {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: "input",
        expected: "projections [n, \(outFeatures)] and states [\(batch), \(units)]",
        received: "projections \(projected.shape) and states \(memory.hidden.shape)")
    }
    let bytes = try packed(for: .quint8)
    let x = try projected.contiguous()
    let output = try Tensor(uninitialized: [x.shape[0], units], dtype: .float32)
    let after = RecurrentMemory(
      hidden: try memory.hidden.clone(.contiguous), cell: try memory.cell?.clone(.contiguous))
    var call = oct_rnn_sequence_call()
    call.struct_size = UInt32(MemoryLayout<oct_rnn_sequence_call>.size)
    call.cell = kind.cell
    (call.reverse, call.reduce_range) = (isReverse, reduceRange)
    (call.steps, call.units) = (batchSizes.count, units)
    call.input = Kernel.floats(x)
    (call.weights, call.weights_size) = (
      UnsafeRawPointer(bytes.buffer.baseAddress), bytes.buffer.count
    )
    (call.output, call.output_stride) = (Kernel.mutableFloats(output), units)
    call.h = Kernel.mutableFloats(after.hidden)
    call.c = after.cell.map(Kernel.mutableFloats)
    var nonFinite = 0
    try withExtendedLifetime((bytes, x)) { () throws(OctetError) in
      try run(&call, batchSizes, &nonFinite, operation)
    }
    guard nonFinite == 0 else {
      throw OctetError(
        .invalidQuantizer, operation: operation, argument: "hx", expected: "finite values",
        received:
          "NaN or infinities in the hidden state at \(nonFinite) of \(batchSizes.count) steps",
        fix: "look for NaN or infinities in the input and the initial state")
    }
    return (output, after)
  }

  /// Runs a call that lacks what lives in arrays.
  private func run(
    _ call: inout oct_rnn_sequence_call, _ batchSizes: [Int], _ nonFinite: inout Int,
    _ operation: String
  ) throws(OctetError) {
    let (scales, bias) = (floatScales, biasValues)
    var workspace = 0
    var description = call
    func withArrays(_ body: (UnsafePointer<oct_rnn_sequence_call>) -> oct_status) -> oct_status {
      var seen = 0
      let status = batchSizes.withUnsafeBufferPointer { sizes in
        scales.withUnsafeBufferPointer { scales in
          (bias ?? []).withUnsafeBufferPointer { bias in
            withUnsafeMutablePointer(to: &seen) { seen in
              description.batch_sizes = sizes.baseAddress
              description.weight_scale = scales.baseAddress
              description.weight_scale_count = scales.count
              description.bias = bias.isEmpty ? nil : bias.baseAddress
              description.non_finite = seen
              return body(&description)
            }
          }
        }
      }
      nonFinite = seen
      return status
    }
    try Kernel.check(
      withArrays { oct_rnn_sequence_workspace_size($0, &workspace) }, operation)
    try Kernel.run(workspace: workspace, operation) { run in
      withArrays { oct_rnn_sequence($0, run) }
    }
  }
}
