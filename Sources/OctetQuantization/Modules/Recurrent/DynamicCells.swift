import OctetNN
import OctetTensor

extension Dynamic {
  /// The base of dynamic cells: one step `[B, I]` with the input and the hidden state quantized each by its own range to quint8 in
  /// 0...127. With float16 weights all arithmetic is float32.
  ///
  /// The state dictionary has the float cell's keys; weights are qint8 or float16.
  public class RecurrentCell<State: RecurrentState>: RecurrentModule<State> {
    public override var isCell: Bool { true }

    /// Sizes.
    public let settings: RecurrentSettings
    let kind: RecurrentKind
    private let operation: String
    private let weights: DynamicRecurrentState

    init(_ float: OctetNN.RecurrentCell<State>, _ context: ConversionContext, _ name: String)
      throws
    {
      settings = float.settings
      kind = float.kind
      operation = name
      weights = DynamicRecurrentState([
        ("", try DynamicRecurrentWeights(float.weights, context))
      ])
    }

    init(copying other: RecurrentCell) {
      settings = other.settings
      kind = other.kind
      operation = other.operation
      weights = other.weights.copied()
    }

    public override var details: String {
      settings.details + (weights[""]?.details ?? "")
    }

    final func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws
      -> RecurrentMemory
    {
      let step = RecurrentStep(kind, settings, operation: operation)
      return try step.run(input, memory, batchSizes: batchSizes, takesOneSequence: false) {
        rows, before in
        guard let weights = weights[""] else { return before }
        return try weights.after(kind, weights.input.forward(rows), before)
      }
    }
  }

  /// One step of an RNN with integer or float16 weights. torch.ao.nn.quantized.dynamic.RNNCell.
  public final class RNNCell: RecurrentCell<Tensor> {
    /// The dynamic form of a float cell; the weights are quantized by the configuration's weight observer.
    public convenience init(_ float: OctetNN.RNNCell, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }

    init(_ float: OctetNN.RNNCell, _ context: ConversionContext) throws {
      try super.init(float, context, "Dynamic.RNNCell")
    }

    private init(_ other: RNNCell) { super.init(copying: other) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { RNNCell(self) }

    public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: Tensor)
    {
      let after = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes).hidden
      return (after, after)
    }
  }

  /// One step of gated recurrent units with integer or float16 weights. torch.ao.nn.quantized.dynamic.GRUCell.
  public final class GRUCell: RecurrentCell<Tensor> {
    /// The dynamic form of a float cell; the weights are quantized by the configuration's weight observer.
    public convenience init(_ float: OctetNN.GRUCell, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }

    init(_ float: OctetNN.GRUCell, _ context: ConversionContext) throws {
      try super.init(float, context, "Dynamic.GRUCell")
    }

    private init(_ other: GRUCell) { super.init(copying: other) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { GRUCell(self) }

    public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: Tensor)
    {
      let after = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes).hidden
      return (after, after)
    }
  }

  /// One step of long short-term memory with integer or float16 weights. torch.ao.nn.quantized.dynamic.LSTMCell.
  public final class LSTMCell: RecurrentCell<LSTMState> {
    /// The dynamic form of a float cell; the weights are quantized by the configuration's weight observer.
    public convenience init(_ float: OctetNN.LSTMCell, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }

    init(_ float: OctetNN.LSTMCell, _ context: ConversionContext) throws {
      try super.init(float, context, "Dynamic.LSTMCell")
    }

    private init(_ other: LSTMCell) { super.init(copying: other) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { LSTMCell(self) }

    public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: LSTMState)
    {
      let after = LSTMState(try run(input, state?.memory, batchSizes))
      return (after.hidden, after)
    }
  }
}
