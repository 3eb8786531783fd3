import OctetNN
import OctetTensor

extension Reference {
  /// The base of reference cells: the float cell with its weights quantized and dequantized.
  public class RecurrentCell<State: RecurrentState>: RecurrentModule<State> {
    public override var isCell: Bool { true }

    /// Sizes.
    public let settings: RecurrentSettings
    /// The float weights as given, under torch's names.
    public let weights: ParameterTable
    private let reference: ReferenceWeights
    private let kind: RecurrentKind
    private let operation: String

    init(
      _ float: OctetNN.RecurrentCell<State>, _ parameters: [String: WeightParameters],
      _ operation: String
    ) throws {
      weights = float.table
      reference = try ReferenceWeights(weights, parameters, operation)
      settings = float.settings
      kind = float.kind
      self.operation = operation
    }

    /// How each weight is quantized, by its name.
    public final var weightParameters: [String: WeightParameters] { reference.parameters }

    /// Fills a new cell's parameters, from which the copy checks that its weights can be quantized.
    final func copyWeights(to table: ParameterTable) throws {
      for (name, parameter) in weights.entries {
        table[name]?.value = try parameter.value.clone()
      }
    }

    public override var details: String { settings.details }

    final func run(_ input: Tensor, _ memory: RecurrentMemory?, _ batchSizes: [Int]?) throws
      -> RecurrentMemory
    {
      let step = RecurrentStep(kind, settings, operation: operation)
      return try step.run(input, memory, batchSizes: batchSizes) { rows, before in
        let weights = try reference.effective("", operation)
        let projected = try Functional.linear(rows, weight: weights.input, bias: weights.inputBias)
        return try weights.after(kind, projected, before)
      }
    }
  }

  /// A float RNN cell with its weights quantized and dequantized. torch.ao.nn.quantized.reference.RNNCell.
  public final class RNNCell: RecurrentCell<Tensor> {
    private let nonlinearity: RecurrentActivation

    /// A module that shares a float cell's parameters.
    ///
    /// - Parameter weightParameters: for `weight_ih` and `weight_hh`.
    /// - Throws: `invalidConfiguration` when a weight has none; whatever quantizing a weight throws.
    public init(_ float: OctetNN.RNNCell, weightParameters: [String: WeightParameters]) throws {
      nonlinearity = float.nonlinearity
      try super.init(float, weightParameters, "Reference.RNNCell")
    }

    /// The reference form of a float cell.
    convenience init(_ float: OctetNN.RNNCell, _ context: ConversionContext) throws {
      try self.init(float, weightParameters: context.referenceParameters(float.table))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      let float = OctetNN.RNNCell(settings, nonlinearity: nonlinearity)
      try copyWeights(to: float.table)
      return try RNNCell(float, weightParameters: weightParameters)
    }

    public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: Tensor)
    {
      let after = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes).hidden
      return (after, after)
    }
  }

  /// A float GRU cell with its weights quantized and dequantized. torch.ao.nn.quantized.reference.GRUCell.
  public final class GRUCell: RecurrentCell<Tensor> {
    /// A module that shares a float cell's parameters.
    ///
    /// - Parameter weightParameters: for `weight_ih` and `weight_hh`.
    /// - Throws: `invalidConfiguration` when a weight has none; whatever quantizing a weight throws.
    public init(_ float: OctetNN.GRUCell, weightParameters: [String: WeightParameters]) throws {
      try super.init(float, weightParameters, "Reference.GRUCell")
    }

    /// The reference form of a float cell.
    convenience init(_ float: OctetNN.GRUCell, _ context: ConversionContext) throws {
      try self.init(float, weightParameters: context.referenceParameters(float.table))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      let float = OctetNN.GRUCell(settings)
      try copyWeights(to: float.table)
      return try GRUCell(float, weightParameters: weightParameters)
    }

    public override func forward(_ input: Tensor, _ state: Tensor?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: Tensor)
    {
      let after = try run(input, state.map { RecurrentMemory(hidden: $0) }, batchSizes).hidden
      return (after, after)
    }
  }

  /// A float LSTM cell with its weights quantized and dequantized. torch.ao.nn.quantized.reference.LSTMCell.
  public final class LSTMCell: RecurrentCell<LSTMState> {
    /// A module that shares a float cell's parameters.
    ///
    /// - Parameter weightParameters: for `weight_ih` and `weight_hh`.
    /// - Throws: `invalidConfiguration` when a weight has none; whatever quantizing a weight throws.
    public init(_ float: OctetNN.LSTMCell, weightParameters: [String: WeightParameters]) throws {
      try super.init(float, weightParameters, "Reference.LSTMCell")
    }

    /// The reference form of a float cell.
    convenience init(_ float: OctetNN.LSTMCell, _ context: ConversionContext) throws {
      try self.init(float, weightParameters: context.referenceParameters(float.table))
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      let float = OctetNN.LSTMCell(settings)
      try copyWeights(to: float.table)
      return try LSTMCell(float, weightParameters: weightParameters)
    }

    public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: LSTMState)
    {
      let after = LSTMState(try run(input, state?.memory, batchSizes))
      return (after.hidden, after)
    }
  }
}
