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

    /// The dynamic form of a float cell.
    required init(_ float: OctetNN.RecurrentCell<State>, _ context: ConversionContext) throws {
      settings = float.settings
      kind = float.kind
      operation = "Dynamic.\(Self.self)"
      weights = DynamicRecurrentState([
        ("", try DynamicRecurrentWeights(float.weights, context))
      ])
    }

    required init(copying other: RecurrentCell) {
      settings = other.settings
      kind = other.kind
      operation = other.operation
      weights = other.weights.copied()
    }

    public final override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Self(copying: self)
    }

    public override var details: String {
      settings.details + (weights[""]?.details ?? "")
    }

    public final override func forward(_ input: Tensor, _ state: State?, _ batchSizes: [Int]?)
      throws
      -> (output: Tensor, state: State)
    {
      let after = State.state(after: try run(input, state?.memory, batchSizes))
      return (after.hidden, after)
    }

    private func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws
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
  }

  /// One step of gated recurrent units with integer or float16 weights. torch.ao.nn.quantized.dynamic.GRUCell.
  public final class GRUCell: RecurrentCell<Tensor> {
    /// The dynamic form of a float cell; the weights are quantized by the configuration's weight observer.
    public convenience init(_ float: OctetNN.GRUCell, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }
  }

  /// One step of long short-term memory with integer or float16 weights. torch.ao.nn.quantized.dynamic.LSTMCell.
  public final class LSTMCell: RecurrentCell<LSTMState> {
    /// The dynamic form of a float cell; the weights are quantized by the configuration's weight observer.
    public convenience init(_ float: OctetNN.LSTMCell, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }
  }
}
