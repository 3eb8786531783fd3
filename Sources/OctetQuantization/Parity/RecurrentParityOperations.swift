import OctetNN
import OctetTensor

/// The operations of recurrent modules.
package enum RecurrentParityOperations {
  /// Every line.
  package static let all: [ParityOperation] = dynamic + reference + quantizable

  private static let dynamic: [ParityOperation] = [
    ParityOperation("nn.quantized.dynamic.LSTM") { call in
      try sequence(call, Dynamic.LSTM(lstm(call), qconfig: call.qconfig()))
    },
    ParityOperation("nn.quantized.dynamic.GRU") { call in
      try sequence(call, Dynamic.GRU(gru(call), qconfig: call.qconfig()))
    },
    ParityOperation("nn.quantized.dynamic.RNNCell") { call in
      try step(call, Dynamic.RNNCell(rnnCell(call), qconfig: call.qconfig()))
    },
    ParityOperation("nn.quantized.dynamic.LSTMCell") { call in
      try step(call, Dynamic.LSTMCell(lstmCell(call), qconfig: call.qconfig()))
    },
    ParityOperation("nn.quantized.dynamic.GRUCell") { call in
      try step(call, Dynamic.GRUCell(gruCell(call), qconfig: call.qconfig()))
    },
  ]

  private static let reference: [ParityOperation] = [
    ParityOperation("nn.quantized.reference.LSTM") { call in
      let float = try lstm(call)
      return try sequence(
        call, Reference.LSTM(float, weightParameters: parameters(call, float.weights.entries)))
    },
    ParityOperation("nn.quantized.reference.GRU") { call in
      let float = try gru(call)
      return try sequence(
        call, Reference.GRU(float, weightParameters: parameters(call, float.weights.entries)))
    },
    ParityOperation("nn.quantized.reference.RNNCell") { call in
      let float = try rnnCell(call)
      return try step(
        call, Reference.RNNCell(float, weightParameters: parameters(call, weights(float))))
    },
    ParityOperation("nn.quantized.reference.LSTMCell") { call in
      let float = try lstmCell(call)
      return try step(
        call, Reference.LSTMCell(float, weightParameters: parameters(call, weights(float))))
    },
    ParityOperation("nn.quantized.reference.GRUCell") { call in
      let float = try gruCell(call)
      return try step(
        call, Reference.GRUCell(float, weightParameters: parameters(call, weights(float))))
    },
  ]

  private static let quantizable: [ParityOperation] = [
    ParityOperation("nn.quantizable.LSTM") { call in
      let splitGates = try call.attributes.bool("split_gates", default: false)
      return try sequence(call, Quantizable.LSTM(lstm(call), splitGates: splitGates))
    },
    ParityOperation("nn.quantizable.LSTMCell") { call in
      let a = call.attributes
      let cell = try Quantizable.LSTMCell(
        a.int("input_dim"), a.int("hidden_dim"), bias: a.bool("bias", default: true))
      try cell.load(StateDictionary(call.state.map { ($0, $1) }))
      return try step(call, cell)
    },
    ParityOperation("nn.quantized.LSTM") { call in
      let model = StaticLSTM(try lstm(call)).eval()
      model.qconfig = try call.qconfig()
      try prepare(model)
      for batch in try call.inputs("calib") { _ = try model.evaluate(batch) }
      try convert(model)
      return ParityOutputs(try model.evaluate(call.input()))
    },
  ]

  /// The model of a statically quantized LSTM's cases.
  private final class StaticLSTM: Module {
    private let quant = QuantStub()
    private let lstm: LSTM
    private let dequant = DeQuantStub()

    init(_ lstm: LSTM) { self.lstm = lstm }

    override func forward(_ input: Tensor) -> Tensor { dequant(lstm(quant(input))) }
  }

  /// A sequence module's outputs.
  private static func sequence<State: BatchedState>(
    _ call: ParityCase, _ module: RecurrentModule<State>
  ) throws
    -> ParityOutputs
  {
    let state: State? = try self.state(
      call.optionalInput("h0"), call.optionalInput("c0"))
    module.eval()
    guard let sizes = try call.optionalInput("batch_sizes") else {
      let (output, after) = try module.evaluate(call.input(), state)
      return outputs(output, after)
    }
    let packed = try PackedSequence(
      data: call.input(), batchSizes: sizes.elements(as: Int64.self).map { Int($0) })
    let (output, after) = try module.evaluate(packed, state)
    return outputs(output.data, after)
  }

  /// A cell's outputs.
  private static func step<State>(_ call: ParityCase, _ module: RecurrentModule<State>) throws
    -> ParityOutputs
  {
    let state: State? = try self.state(call.optionalInput("h"), call.optionalInput("c"))
    let (_, after) = try module.evaluate(call.input(), state)
    var results = outputs(after.hidden, after)
    results.tensors["0"] = nil
    return results
  }

  private static func state<State>(_ hidden: Tensor?, _ cell: Tensor?) throws -> State? {
    guard let hidden else { return nil }
    return cell.map { LSTMState(hidden: hidden, cell: $0) as? State } ?? (hidden as? State)
  }

  private static func outputs(_ output: Tensor, _ state: some RecurrentState) -> ParityOutputs {
    var results: ParityOutputs = ["0": output, "h": state.hidden]
    if let both = state as? LSTMState { results.tensors["c"] = both.cell }
    return results
  }

  // MARK: Float modules

  private static func lstm(_ call: ParityCase) throws -> LSTM {
    let settings = try call.recurrentSettings()
    return try loaded(
      call,
      LSTM(
        settings.inputSize, settings.hiddenSize, layers: settings.layerCount,
        bias: settings.hasBias, batchFirst: settings.isBatchFirst,
        bidirectional: settings.isBidirectional))
  }

  private static func gru(_ call: ParityCase) throws -> GRU {
    let settings = try call.recurrentSettings()
    return try loaded(
      call,
      GRU(
        settings.inputSize, settings.hiddenSize, layers: settings.layerCount,
        bias: settings.hasBias, batchFirst: settings.isBatchFirst,
        bidirectional: settings.isBidirectional))
  }

  private static func rnnCell(_ call: ParityCase) throws -> RNNCell {
    let settings = try call.recurrentSettings()
    let isReLU = try call.attributes.string("nonlinearity", default: "tanh") == "relu"
    return try loaded(
      call,
      RNNCell(
        settings.inputSize, settings.hiddenSize, bias: settings.hasBias,
        nonlinearity: isReLU ? .relu : .tanh))
  }

  private static func lstmCell(_ call: ParityCase) throws -> LSTMCell {
    let settings = try call.recurrentSettings()
    return try loaded(
      call, LSTMCell(settings.inputSize, settings.hiddenSize, bias: settings.hasBias))
  }

  private static func gruCell(_ call: ParityCase) throws -> GRUCell {
    let settings = try call.recurrentSettings()
    return try loaded(
      call, GRUCell(settings.inputSize, settings.hiddenSize, bias: settings.hasBias))
  }

  private static func loaded<Float: Module>(_ call: ParityCase, _ module: Float) throws -> Float {
    try module.load(StateDictionary(call.state.map { ($0, $1) }))
    return module
  }

  private static func weights<State>(_ cell: RecurrentCell<State>) -> [(
    name: String, parameter: Parameter
  )] {
    [("weight_ih", cell.weightIh), ("weight_hh", cell.weightHh)]
  }

  private static func parameters(
    _ call: ParityCase, _ weights: [(name: String, parameter: Parameter)]
  ) throws -> [String: Reference.WeightParameters] {
    let given = try call.attributes.dictionary("weight_qparams_dict")
    var result: [String: Reference.WeightParameters] = [:]
    for (name, parameter) in weights where given.has(name) {
      result[name] = try call.weightParameters(
        given.dictionary(name), for: parameter.value.shape)
    }
    return result
  }
}

extension ParityCase {
  /// `qconfig` by its name.
  fileprivate func qconfig() throws(OctetError) -> QConfig {
    try .named(attributes.string("qconfig"))
  }

  /// A recurrent module's constructor arguments.
  fileprivate func recurrentSettings() throws(OctetError) -> RecurrentSettings {
    let a = attributes
    return try RecurrentSettings(
      inputSize: a.int("input_size"), hiddenSize: a.int("hidden_size"),
      layerCount: a.int("num_layers", default: 1), bias: a.bool("bias", default: true),
      batchFirst: a.bool("batch_first", default: false),
      dropout: a.double("dropout", default: 0),
      bidirectional: a.bool("bidirectional", default: false))
  }
}
