import OctetTensor

/// The base of RNNCell, LSTMCell and GRUCell in float32: one step `[B, I]`, or `[I]` for one sequence.
///
/// The state dictionary has torch's keys: `weight_ih [gates * H, I]`, `weight_hh [gates * H, H]`, `bias_ih`, `bias_hh`
/// `[gates * H]`.
public class RecurrentCell<State: RecurrentState>: RecurrentModule<State> {
  public override var isCell: Bool { true }

  /// Sizes.
  public let settings: RecurrentSettings
  /// `[gates * H, I]`.
  public let weightIh: Parameter
  /// `[gates * H, H]`.
  public let weightHh: Parameter
  /// `[gates * H]`, nil for none.
  public let biasIh: Parameter?
  /// `[gates * H]`, nil for none.
  public let biasHh: Parameter?
  package let kind: RecurrentKind
  private let operation: String

  init(
    _ kind: RecurrentKind, _ operation: String,
    _ settings: () throws(OctetError) -> RecurrentSettings
  ) {
    let settings = arguments(settings)
    self.kind = kind
    self.operation = operation
    self.settings = settings
    let rows = kind.gates * settings.hiddenSize
    func parameter(_ shape: [Int]) -> Parameter {
      Parameter(uniformWeights(shape, fanIn: settings.hiddenSize, operation))
    }
    weightIh = parameter([rows, settings.inputSize])
    weightHh = parameter([rows, settings.hiddenSize])
    biasIh = settings.hasBias ? parameter([rows]) : nil
    biasHh = settings.hasBias ? parameter([rows]) : nil
  }

  public override var details: String { settings.details }

  /// The parameters under torch's names.
  package var table: ParameterTable {
    ParameterTable(
      [("weight_ih", weightIh), ("weight_hh", weightHh)]
        + (biasIh.map { [("bias_ih", $0)] } ?? []) + (biasHh.map { [("bias_hh", $0)] } ?? []))
  }

  /// The weights.
  package var weights: RecurrentWeights {
    RecurrentWeights(
      input: weightIh.value, hidden: weightHh.value, inputBias: biasIh?.value,
      hiddenBias: biasHh?.value)
  }

  final func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws
    -> RecurrentMemory
  {
    let step = RecurrentStep(kind, settings, operation: operation)
    return try step.run(input, memory, batchSizes: batchSizes) { rows, before in
      let weights = weights
      let projected = try Functional.linear(rows, weight: weights.input, bias: weights.inputBias)
      return try weights.after(kind, projected, before)
    }
  }
}

/// One step of an RNN: `h' = f(W_ih x + b_ih + W_hh h + b_hh)`. torch.nn.RNNCell.
public final class RNNCell: RecurrentCell<Tensor> {
  /// The function between two hidden states.
  public let nonlinearity: RecurrentActivation

  /// A cell with random weights in `±1 / sqrt(H)`. Traps on sizes that aren't positive.
  public init(
    _ inputSize: Int, _ hiddenSize: Int, bias: Bool = true,
    nonlinearity: RecurrentActivation = .tanh
  ) {
    self.nonlinearity = nonlinearity
    super.init(nonlinearity.kind, "RNNCell") { () throws(OctetError) in
      try RecurrentSettings(inputSize: inputSize, hiddenSize: hiddenSize, bias: bias)
    }
  }

  /// A cell of the settings' sizes with random weights in `±1 / sqrt(H)`.
  public init(_ settings: RecurrentSettings, nonlinearity: RecurrentActivation = .tanh) {
    self.nonlinearity = nonlinearity
    super.init(nonlinearity.kind, "RNNCell") { settings }
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    RNNCell(settings, nonlinearity: nonlinearity)
  }

  public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: Tensor)
  {
    let after = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes).hidden
    return (after, after)
  }
}

/// One step of gated recurrent units. torch.nn.GRUCell.
public final class GRUCell: RecurrentCell<Tensor> {
  /// A cell with random weights in `±1 / sqrt(H)`. Traps on sizes that aren't positive.
  public init(_ inputSize: Int, _ hiddenSize: Int, bias: Bool = true) {
    super.init(.gru, "GRUCell") { () throws(OctetError) in
      try RecurrentSettings(inputSize: inputSize, hiddenSize: hiddenSize, bias: bias)
    }
  }

  /// A cell of the settings' sizes with random weights in `±1 / sqrt(H)`.
  public init(_ settings: RecurrentSettings) { super.init(.gru, "GRUCell") { settings } }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { GRUCell(settings) }

  public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: Tensor)
  {
    let after = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes).hidden
    return (after, after)
  }
}

/// One step of long short-term memory: h and c `[B, H]`. torch.nn.LSTMCell.
public final class LSTMCell: RecurrentCell<LSTMState> {
  /// A cell with random weights in `±1 / sqrt(H)`. Traps on sizes that aren't positive.
  public init(_ inputSize: Int, _ hiddenSize: Int, bias: Bool = true) {
    super.init(.lstm, "LSTMCell") { () throws(OctetError) in
      try RecurrentSettings(inputSize: inputSize, hiddenSize: hiddenSize, bias: bias)
    }
  }

  /// A cell of the settings' sizes with random weights in `±1 / sqrt(H)`.
  public init(_ settings: RecurrentSettings) { super.init(.lstm, "LSTMCell") { settings } }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { LSTMCell(settings) }

  public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: LSTMState)
  {
    let after = LSTMState(try run(input, state?.memory, batchSizes))
    return (after.hidden, after)
  }
}
