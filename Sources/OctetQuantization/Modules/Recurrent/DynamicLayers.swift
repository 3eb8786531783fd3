import OctetNN
import OctetTensor

extension Dynamic {
  /// The base of dynamic LSTM and GRU.
  ///
  /// Each layer quantizes its whole input by the range of all its values, then at each step the hidden state by its own, both to
  /// quint8 in 0...127; the gates are float32. With float16 weights all arithmetic is float32.
  ///
  /// The state dictionary has the float layer's keys; weights are qint8 or float16.
  public class RecurrentLayer<State: RecurrentState>: RecurrentModule<State> {
    /// Sizes and arrangement.
    public let settings: RecurrentSettings
    let kind: RecurrentKind
    private let operation: String
    private let weights: DynamicRecurrentState

    init(_ float: OctetNN.RecurrentLayer<State>, _ context: ConversionContext, _ name: String)
      throws
    {
      guard float.settings.projectionSize == 0 else {
        throw OctetError(
          .unsupportedModule, operation: name, argument: "proj_size",
          expected: "a layer without projection",
          received: "proj_size \(float.settings.projectionSize)",
          fix: "leave this layer in float")
      }
      settings = float.settings
      kind = float.kind
      operation = name
      weights = DynamicRecurrentState(
        try settings.directions.map {
          ($0.name(""), try DynamicRecurrentWeights(float.weights(of: $0), context))
        })
    }

    init(copying other: RecurrentLayer) {
      settings = other.settings
      kind = other.kind
      operation = other.operation
      weights = other.weights.copied()
    }

    public override var details: String {
      settings.details + (weights.directions.first?.weights.details ?? "")
    }

    final func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws -> (
      output: Tensor, memory: RecurrentMemory
    ) {
      let sequence = RecurrentSequence(kind, settings, operation: operation)
      return try sequence.run(
        input, memory, batchSizes: batchSizes, isTraining: isTraining, takesOneSequence: false
      ) { direction, steps, start in
        guard let one = weights[direction.name("")] else { return (steps.data, start) }
        return try one.run(kind, steps, start, isReverse: direction.isReverse)
      }
    }
  }

  /// An LSTM with integer or float16 weights, float32 in and out: input `[T, B, I]` (batch first `[B, T, I]`) or packed, gates
  /// i, f, g, o. torch.ao.nn.quantized.dynamic.LSTM.
  public final class LSTM: RecurrentLayer<LSTMState> {
    /// The dynamic form of a float layer; the weights are quantized by the configuration's weight observer.
    ///
    /// - Throws: `unsupportedModule` for a layer with a projection.
    public convenience init(_ float: OctetNN.LSTM, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }

    init(_ float: OctetNN.LSTM, _ context: ConversionContext) throws {
      try super.init(float, context, "Dynamic.LSTM")
    }

    private init(_ other: LSTM) { super.init(copying: other) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { LSTM(self) }

    public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: LSTMState)
    {
      let result = try run(input, state?.memory, batchSizes)
      return (result.output, LSTMState(result.memory))
    }
  }

  /// A GRU with integer or float16 weights, float32 in and out: input `[T, B, I]` (batch first `[B, T, I]`) or packed, gates
  /// r, z, n. torch.ao.nn.quantized.dynamic.GRU.
  public final class GRU: RecurrentLayer<Tensor> {
    /// The dynamic form of a float layer; the weights are quantized by the configuration's weight observer.
    public convenience init(_ float: OctetNN.GRU, qconfig: QConfig = .defaultDynamic) throws {
      try self.init(float, .dynamic(qconfig))
    }

    init(_ float: OctetNN.GRU, _ context: ConversionContext) throws {
      try super.init(float, context, "Dynamic.GRU")
    }

    private init(_ other: GRU) { super.init(copying: other) }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { GRU(self) }

    public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: Tensor)
    {
      let result = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes)
      return (result.output, result.memory.hidden)
    }
  }
}

extension ConversionContext {
  /// What a dynamic form needs to know.
  static func dynamic(_ qconfig: QConfig) -> ConversionContext {
    ConversionContext(qconfig: qconfig, activation: nil, operation: "quantize_dynamic")
  }
}
