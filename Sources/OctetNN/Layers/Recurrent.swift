import OctetTensor

/// The base of RNN, LSTM and GRU in float32.
///
/// The state dictionary has torch's keys: `weight_ih_l0 [gates * H, I]`, `weight_hh_l0 [gates * H, H]`, `bias_ih_l0`, `bias_hh_l0`
/// `[gates * H]`, `weight_hr_l0 [P, H]`, with `_reverse` for the second direction and `l1`, `l2`, … for further layers.
public class RecurrentLayer<State: RecurrentState>: RecurrentModule<State> {
  /// Sizes and arrangement.
  public let settings: RecurrentSettings
  /// The weights under torch's names.
  public let weights: ParameterTable
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
    var entries: [(name: String, parameter: Parameter)] = []
    func add(_ name: String, _ shape: [Int]) {
      let tensor = uniformWeights(shape, fanIn: settings.hiddenSize, operation)
      entries.append((name, Parameter(tensor)))
    }
    for direction in settings.directions {
      add(direction.name("weight_ih"), [rows, settings.inputSize(of: direction.layer)])
      add(direction.name("weight_hh"), [rows, settings.outputSize])
      if settings.hasBias {
        add(direction.name("bias_ih"), [rows])
        add(direction.name("bias_hh"), [rows])
      }
      if settings.projectionSize > 0 {
        add(direction.name("weight_hr"), [settings.projectionSize, settings.hiddenSize])
      }
    }
    weights = ParameterTable(entries)
  }

  public override var details: String { settings.details }

  /// The weights of one direction of a layer.
  ///
  /// - Throws: `invalidArgument` when the layer has no such direction.
  package func weights(of direction: RecurrentDirection) throws(OctetError) -> RecurrentWeights {
    guard let input = weights[direction.name("weight_ih")],
      let hidden = weights[direction.name("weight_hh")]
    else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "layer",
        expected: "one of \(settings.layerCount) layers", received: direction.name("layer"))
    }
    return RecurrentWeights(
      input: input.value, hidden: hidden.value,
      inputBias: weights[direction.name("bias_ih")]?.value,
      hiddenBias: weights[direction.name("bias_hh")]?.value,
      projection: weights[direction.name("weight_hr")]?.value)
  }

  final func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws -> (
    output: Tensor, memory: RecurrentMemory
  ) {
    let sequence = RecurrentSequence(kind, settings, operation: operation)
    return try sequence.run(input, memory, batchSizes: batchSizes, isTraining: isTraining) {
      direction, steps, start in
      try weights(of: direction).run(kind, steps, start, isReverse: direction.isReverse)
    }
  }
}

/// The function between two hidden states of an RNN.
public enum RecurrentActivation: String, Sendable {
  /// The hyperbolic tangent.
  case tanh
  /// `max(x, 0)`.
  case relu

  package var kind: RecurrentKind { self == .tanh ? .tanh : .relu }
}

/// `h' = f(W_ih x + b_ih + W_hh h + b_hh)` over a sequence, f the hyperbolic tangent or a ReLU. torch.nn.RNN.
///
/// Input `[T, B, I]` (batch first `[B, T, I]`, one sequence `[T, I]`), output `[T, B, directions * H]`, state
/// `[layers * directions, B, H]`.
public final class RNN: RecurrentLayer<Tensor> {
  /// The function between two hidden states.
  public let nonlinearity: RecurrentActivation

  /// A layer with random weights in `±1 / sqrt(H)`. Traps on sizes that aren't positive or a dropout outside 0...1.
  public init(
    _ inputSize: Int, _ hiddenSize: Int, layers: Int = 1,
    nonlinearity: RecurrentActivation = .tanh, bias: Bool = true, batchFirst: Bool = false,
    dropout: Double = 0, bidirectional: Bool = false
  ) {
    self.nonlinearity = nonlinearity
    super.init(nonlinearity.kind, "RNN") { () throws(OctetError) in
      try RecurrentSettings(
        inputSize: inputSize, hiddenSize: hiddenSize, layerCount: layers, bias: bias,
        batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional)
    }
  }

  /// A layer with random weights in `±1 / sqrt(H)`. Traps on a projection, which only an LSTM has.
  public init(_ settings: RecurrentSettings, nonlinearity: RecurrentActivation = .tanh) {
    self.nonlinearity = nonlinearity
    super.init(nonlinearity.kind, "RNN") { () throws(OctetError) in
      try settings.withoutProjection("RNN")
    }
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    RNN(settings, nonlinearity: nonlinearity)
  }

  public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: Tensor)
  {
    let result = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes)
    return (result.output, result.memory.hidden)
  }
}

/// Gated recurrent units over a sequence, gates r, z, n: `n = tanh(W_in x + b_in + σ(r) * (W_hn h + b_hn))`,
/// `h' = (h - n) * σ(z) + n`. torch.nn.GRU.
///
/// Input `[T, B, I]` (batch first `[B, T, I]`, one sequence `[T, I]`), output `[T, B, directions * H]`, state
/// `[layers * directions, B, H]`.
public final class GRU: RecurrentLayer<Tensor> {
  /// A layer with random weights in `±1 / sqrt(H)`. Traps on sizes that aren't positive or a dropout outside 0...1.
  public init(
    _ inputSize: Int, _ hiddenSize: Int, layers: Int = 1, bias: Bool = true,
    batchFirst: Bool = false, dropout: Double = 0, bidirectional: Bool = false
  ) {
    super.init(.gru, "GRU") { () throws(OctetError) in
      try RecurrentSettings(
        inputSize: inputSize, hiddenSize: hiddenSize, layerCount: layers, bias: bias,
        batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional)
    }
  }

  /// A layer with random weights in `±1 / sqrt(H)`. Traps on a projection, which only an LSTM has.
  public init(_ settings: RecurrentSettings) {
    super.init(.gru, "GRU") { () throws(OctetError) in try settings.withoutProjection("GRU") }
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { GRU(settings) }

  public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: Tensor)
  {
    let result = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes)
    return (result.output, result.memory.hidden)
  }
}

/// Long short-term memory over a sequence, gates i, f, g, o: `c' = σ(f) * c + σ(i) * tanh(g)`, `h' = σ(o) * tanh(c')`, with a
/// projection `h' = W_hr h'`. torch.nn.LSTM.
///
/// Input `[T, B, I]` (batch first `[B, T, I]`, one sequence `[T, I]`), output `[T, B, directions * P]` with P = H without a
/// projection, states h `[layers * directions, B, P]` and c `[layers * directions, B, H]`.
public final class LSTM: RecurrentLayer<LSTMState> {
  /// A layer with random weights in `±1 / sqrt(H)`. Traps on sizes that aren't positive, a dropout outside 0...1, or a projection that
  /// isn't smaller than `hiddenSize`.
  public init(
    _ inputSize: Int, _ hiddenSize: Int, layers: Int = 1, bias: Bool = true,
    batchFirst: Bool = false, dropout: Double = 0, bidirectional: Bool = false,
    projectionSize: Int = 0
  ) {
    super.init(.lstm, "LSTM") { () throws(OctetError) in
      try RecurrentSettings(
        inputSize: inputSize, hiddenSize: hiddenSize, layerCount: layers, bias: bias,
        batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional,
        projectionSize: projectionSize)
    }
  }

  /// A layer with random weights in `±1 / sqrt(H)`.
  public init(_ settings: RecurrentSettings) { super.init(.lstm, "LSTM") { settings } }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module { LSTM(settings) }

  public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: LSTMState)
  {
    let result = try run(input, state?.memory, batchSizes)
    return (result.output, LSTMState(result.memory))
  }
}

extension LSTMState {
  /// The state as steps take it.
  package var memory: RecurrentMemory { RecurrentMemory(hidden: hidden, cell: cell) }

  /// The state that steps gave.
  package init(_ memory: RecurrentMemory) {
    self.init(hidden: memory.hidden, cell: memory.cell ?? .placeholder)
  }
}

/// Settings from an initializer's arguments; traps with the error's words, as Swift's collections do.
func arguments(_ make: () throws(OctetError) -> RecurrentSettings) -> RecurrentSettings {
  do {
    return try make()
  } catch {
    preconditionFailure("\(error)")
  }
}
