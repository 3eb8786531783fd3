import OctetTensor

/// What a recurrent module carries from step to step: a hidden state, and whatever goes with it.
public protocol RecurrentState: Sendable {
  /// float32 or quantized `[layers * directions, B, H]`; a cell's is `[B, H]`.
  var hidden: Tensor { get }

  /// What stands in for the state of a call that has failed inside `collectingErrors`.
  static var afterFailure: Self { get }

  /// The tensors of the state, in torch's order.
  var tensors: [Tensor] { get }

  /// The state of these tensors, as many as `tensors` has; traps on another number.
  static func state(of tensors: [Tensor]) -> Self
}

/// The state of RNN and GRU modules is a hidden state alone.
extension Tensor: RecurrentState {
  /// The tensor itself.
  public var hidden: Tensor { self }

  /// What stands in for the state of a call that has failed inside `collectingErrors`.
  public static var afterFailure: Tensor { .placeholder }

  /// The tensor itself.
  public var tensors: [Tensor] { [self] }

  /// The only tensor itself.
  public static func state(of tensors: [Tensor]) -> Tensor {
    precondition(tensors.count == 1, "a hidden state is one tensor")
    return tensors[0]
  }
}

/// The state of LSTM modules. torch's `(h, c)`.
public struct LSTMState: RecurrentState {
  /// `[layers * directions, B, H]`, with a projection to P `[layers * directions, B, P]`; a cell's is `[B, H]`.
  public var hidden: Tensor
  /// `[layers * directions, B, H]`; a cell's is `[B, H]`.
  public var cell: Tensor

  /// A state from its two parts.
  public init(hidden: Tensor, cell: Tensor) {
    self.hidden = hidden
    self.cell = cell
  }

  /// What stands in for the state of a call that has failed inside `collectingErrors`.
  public static var afterFailure: LSTMState {
    LSTMState(hidden: .placeholder, cell: .placeholder)
  }

  /// Hidden and cell state.
  public var tensors: [Tensor] { [hidden, cell] }

  /// A state of two tensors.
  public static func state(of tensors: [Tensor]) -> LSTMState {
    precondition(tensors.count == 2, "an LSTM's state is two tensors")
    return LSTMState(hidden: tensors[0], cell: tensors[1])
  }
}

/// The base of modules with memory: real, quantized and reference ones, whole sequences and single steps.
///
/// A call gives an output and the state after it. Input and output take `Module`'s path (pre-hooks, successor or the module itself,
/// observer, post-hooks); the state travels beside them.
open class RecurrentModule<State: RecurrentState>: Module {
  /// Computes the output and the state after it. Subclasses override this.
  ///
  /// - Parameters:
  ///   - input: the whole sequence, the data of a packed one, or a cell's one step.
  ///   - state: the state before, nil for zeros.
  ///   - batchSizes: for packed data the sequences that are still running at each step, nil otherwise.
  open func forward(_ input: Tensor, _ state: State?, _ batchSizes: [Int]?) throws
    -> (output: Tensor, state: State)
  {
    throw OctetError(
      .unsupportedModule, operation: "forward", expected: "a module that overrides forward",
      received: "\(type(of: self))")
  }

  /// The output under the state of the call, of zeros when the module is called with an input alone.
  public final override func forward(_ input: Tensor) throws -> Tensor {
    let call = RecurrentCall.current.flatMap { $0.handle.current === self ? $0 : nil }
    let result = try RecurrentCall.$current.withValue(nil) {
      try forward(input, call?.state as? State, call?.batchSizes)
    }
    call?.result = result.state
    return result.output
  }

  override func recordedCall(_ input: Tensor) -> any RecordedCall {
    let call = RecurrentCall.current.flatMap { $0.handle === self ? $0 : nil }
    return RecurrentForm<State>(
      input: input, state: call?.state as? State, isCell: isCell, batchSizes: call?.batchSizes)
  }

  override func recordedResults(_ output: Tensor) -> [Tensor] {
    let call = RecurrentCall.current.flatMap { $0.handle === self ? $0 : nil }
    return [output] + ((call?.result as? State)?.tensors ?? [])
  }

  /// True for single steps, whose output is their hidden state.
  open var isCell: Bool { false }

  /// Runs the module on an input `[T, B, I]` (batch first `[B, T, I]`; a cell's is `[B, I]`) from a state, trapping on mistakes
  /// unless inside `collectingErrors`.
  ///
  /// - Returns: the output (a cell's is its hidden state), and the state after the last step.
  public final func callAsFunction(_ input: Tensor, _ state: State?) -> (
    output: Tensor, state: State
  ) {
    call(input, state, nil)
  }

  /// Runs the module from a state; the first mistake anywhere inside is thrown with the module's path. In evaluation mode nothing is
  /// recorded on the tape.
  public final func evaluate(_ input: Tensor, _ state: State?) throws -> (
    output: Tensor, state: State
  ) {
    try collectingErrors { unrecordedUnlessTraining { call(input, state, nil) } }
  }

  final func call(_ input: Tensor, _ state: State?, _ batchSizes: [Int]?) -> (
    output: Tensor, state: State
  ) {
    let call = RecurrentCall(self, state, batchSizes)
    let output = RecurrentCall.$current.withValue(call) { callAsFunction(input) }
    return (output, call.result as? State ?? .afterFailure)
  }
}

/// What a recurrent call has besides its input and output.
private final class RecurrentCall: @unchecked Sendable {
  // One call makes it, and only the task of that call touches it.
  let handle: Module
  let state: (any RecurrentState)?
  let batchSizes: [Int]?
  var result: (any RecurrentState)?

  init(_ handle: Module, _ state: (any RecurrentState)?, _ batchSizes: [Int]?) {
    self.handle = handle
    self.state = state
    self.batchSizes = batchSizes
  }

  /// The call under way; nil inside a recurrent module's `forward`.
  @TaskLocal static var current: RecurrentCall?
}
