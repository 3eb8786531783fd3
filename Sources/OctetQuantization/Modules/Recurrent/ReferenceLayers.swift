import OctetNN
import OctetTensor

/// Weights of a reference module under their names, and how they are quantized and dequantized: the latter is a part of its state.
final class ReferenceWeights: StateGroup {
  /// The float parameters, as given.
  let table: ParameterTable
  /// One for each weight, in the table's order; biases have none.
  private let roundings: [(name: String, rounding: WeightRounding)]

  /// Parameters for each weight.
  var parameters: [String: Reference.WeightParameters] {
    Dictionary(roundings.map { ($0.name, $0.rounding.parameters) }) { first, _ in first }
  }

  /// Takes float parameters over, checking that every weight can be quantized.
  init(
    _ table: ParameterTable, _ parameters: [String: Reference.WeightParameters], _ operation: String
  ) throws {
    var roundings: [(name: String, rounding: WeightRounding)] = []
    for (name, parameter) in table.entries where name.hasPrefix("weight") {
      guard let rule = parameters[name] else {
        throw OctetError(
          .invalidConfiguration, operation: operation, argument: "weight_qparams_dict",
          expected: "parameters for \(name)",
          received: parameters.keys.sorted().joined(separator: ", "))
      }
      try rule.check(parameter.value, operation)
      roundings.append((name, WeightRounding(rule, name: name)))
    }
    self.table = table
    self.roundings = roundings
  }

  var comesLast: Bool { true }

  var entries: [(name: String, tensor: Tensor)] { roundings.flatMap { $0.rounding.entries } }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    for (_, rounding) in roundings { try rounding.load(state, isTrial: true) }
    if isTrial { return }
    for (_, rounding) in roundings { try rounding.load(state, isTrial: false) }
  }

  /// The weights of a direction that the module computes with; `suffix` completes their names.
  func effective(_ suffix: String, _ operation: String) throws -> RecurrentWeights {
    let parameters = parameters
    func tensor(_ stem: String) throws -> Tensor? {
      guard let parameter = table[stem + suffix] else { return nil }
      return try parameters[stem + suffix]?.quantizedAndBack(parameter.value) ?? parameter.value
    }
    guard let input = try tensor("weight_ih"), let hidden = try tensor("weight_hh") else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "weight_ih" + suffix,
        expected: "the layer's weight", received: "none")
    }
    return RecurrentWeights(
      input: input, hidden: hidden, inputBias: try tensor("bias_ih"),
      hiddenBias: try tensor("bias_hh"), projection: try tensor("weight_hr"))
  }
}

extension ConversionContext {
  /// Parameters for every weight of a table, by the configuration's observer.
  func referenceParameters(_ table: ParameterTable) throws -> [String: Reference.WeightParameters] {
    var result: [String: Reference.WeightParameters] = [:]
    for (name, parameter) in table.entries where name.hasPrefix("weight") {
      result[name] = try referenceParameters(parameter.value)
    }
    return result
  }
}

extension Reference {
  /// The base of reference LSTM and GRU: the float layer with its weights quantized and dequantized.
  public class RecurrentLayer<State: RecurrentState>: RecurrentModule<State> {
    /// Sizes and arrangement.
    public let settings: RecurrentSettings
    /// The float weights as given, under torch's names.
    public let weights: ParameterTable
    private let reference: ReferenceWeights
    private let kind: RecurrentKind
    private let operation: String

    init(
      _ float: OctetNN.RecurrentLayer<State>, _ parameters: [String: WeightParameters],
      _ operation: String
    ) throws {
      reference = try ReferenceWeights(float.weights, parameters, operation)
      weights = float.weights
      settings = float.settings
      kind = float.kind
      self.operation = operation
    }

    /// How each weight is quantized, by its name.
    public final var weightParameters: [String: WeightParameters] { reference.parameters }

    /// Fills a new layer's parameters, from which the copy checks that its weights can be quantized.
    final func copyWeights(to table: ParameterTable) throws {
      for (name, parameter) in weights.entries {
        table[name]?.value = try parameter.value.clone()
      }
    }

    public override var details: String { settings.details }

    final func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws -> (
      output: Tensor, memory: RecurrentMemory
    ) {
      let sequence = RecurrentSequence(kind, settings, operation: operation)
      return try sequence.run(input, memory, batchSizes: batchSizes, isTraining: isTraining) {
        direction, steps, start in
        try reference.effective(direction.name(""), operation).run(
          kind, steps, start, isReverse: direction.isReverse)
      }
    }
  }

  /// A float LSTM with its weights quantized and dequantized. torch.ao.nn.quantized.reference.LSTM.
  public final class LSTM: RecurrentLayer<LSTMState> {
    /// A module that shares a float layer's parameters.
    ///
    /// - Parameter weightParameters: for each weight by its name, such as `weight_ih_l0`.
    /// - Throws: `invalidConfiguration` when a weight has none; whatever quantizing a weight throws.
    public init(_ float: OctetNN.LSTM, weightParameters: [String: WeightParameters]) throws {
      try super.init(float, weightParameters, "Reference.LSTM")
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.LSTM, _ context: ConversionContext) throws {
      try self.init(float, weightParameters: context.referenceParameters(float.weights))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      let float = OctetNN.LSTM(settings)
      try copyWeights(to: float.weights)
      return try LSTM(float, weightParameters: weightParameters)
    }

    public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: LSTMState)
    {
      let result = try run(input, state?.memory, batchSizes)
      return (result.output, LSTMState(result.memory))
    }
  }

  /// A float GRU with its weights quantized and dequantized. torch.ao.nn.quantized.reference.GRU.
  public final class GRU: RecurrentLayer<Tensor> {
    /// A module that shares a float layer's parameters.
    ///
    /// - Parameter weightParameters: for each weight by its name, such as `weight_ih_l0`.
    /// - Throws: `invalidConfiguration` when a weight has none; whatever quantizing a weight throws.
    public init(_ float: OctetNN.GRU, weightParameters: [String: WeightParameters]) throws {
      try super.init(float, weightParameters, "Reference.GRU")
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.GRU, _ context: ConversionContext) throws {
      try self.init(float, weightParameters: context.referenceParameters(float.weights))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      let float = OctetNN.GRU(settings)
      try copyWeights(to: float.weights)
      return try GRU(float, weightParameters: weightParameters)
    }

    public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: Tensor)
    {
      let result = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes)
      return (result.output, result.memory.hidden)
    }
  }
}
