import OctetNN
import OctetTensor

extension Quantizable {
  /// An LSTM rebuilt of cells whose parts `prepare` can watch: input `[T, B, I]` (batch first `[B, T, I]`), output
  /// `[T, B, directions * H]`, states `[layers * directions, B, H]`. torch.ao.nn.quantizable.LSTM.
  ///
  /// `prepare` installs it in an LSTM's place, and `convert` makes `Quantized.LSTM` of it. The dropout between layers is left out.
  public class LSTM: RecurrentModule<LSTMState> {
    /// Sizes and arrangement.
    public let settings: RecurrentSettings
    private let layers: [LSTMLayer]

    /// The observable form of a float layer; without `splitGates` the two share their parameters.
    ///
    /// - Parameter splitGates: computes each gate by a layer of its own.
    /// - Throws: `unsupportedModule` for a layer with a projection.
    public init(_ float: OctetNN.LSTM, splitGates: Bool = false) throws {
      settings = float.settings
      guard settings.projectionSize == 0 else {
        throw OctetError(
          .unsupportedModule, operation: "Quantizable.LSTM", argument: "proj_size",
          expected: "a layer without projection", received: "proj_size \(settings.projectionSize)",
          fix: "set this layer's qconfig to nil to leave it in float")
      }
      let weights = float.weights
      func one(_ layer: Int, isReverse: Bool) throws -> LSTMDirection {
        let direction = RecurrentDirection(layer: layer, isReverse: isReverse)
        func parameter(_ stem: String) throws -> Parameter {
          let name = direction.name(stem)
          guard let found = weights[name] else {
            throw OctetError(
              .unsupportedModule, operation: "Quantizable.LSTM", argument: name,
              expected: "the layer's parameter", received: "none")
          }
          return found
        }
        return LSTMDirection(
          try LSTMCell(
            input: (parameter("weight_ih"), weights[direction.name("bias_ih")]),
            hidden: (parameter("weight_hh"), weights[direction.name("bias_hh")]), splitGates))
      }
      let isBidirectional = settings.isBidirectional
      layers = try (0..<settings.layerCount).map { layer in
        LSTMLayer(
          try one(layer, isReverse: false),
          isBidirectional ? try one(layer, isReverse: true) : nil)
      }
    }

    /// A module that runs the cells of another one.
    init(sharing other: LSTM) {
      settings = other.settings
      layers = other.layers
    }

    /// A module of the same arrangement with copies of the layers.
    init(copying other: LSTM, _ copier: ModuleCopier) throws {
      settings = other.settings
      layers = try other.layers.map { try copier($0) }
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LSTM(copying: self, copier)
    }

    public override var details: String { settings.details }

    public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: LSTMState)
    {
      guard input.rank == 3, batchSizes == nil, input.shape[settings.isBatchFirst ? 1 : 0] > 0
      else {
        throw OctetError(
          .shapeMismatch, operation: "Quantizable.LSTM", argument: "input",
          expected: "a batch of sequences of at least one step", received: "shape \(input.shape)",
          fix: batchSizes == nil ? "" : "pad packed sequences first")
      }
      var steps = settings.isBatchFirst ? try input.transposed(0, 1) : input
      let directions = settings.directionCount
      try state.map { try check($0, batch: steps.shape[1]) }
      var after: [LSTMState] = []
      for (index, layer) in layers.enumerated() {
        let before = try state.map { try $0.states(index * directions..<(index + 1) * directions) }
        let (output, states) = try layer.run(steps, before ?? [])
        if output.isPlaceholder { return (output, .afterFailure) }
        steps = output
        after += states
      }
      let hidden = try after.map { try $0.hidden.unsqueezed(0) }
      let cells = try after.map { try $0.cell.unsqueezed(0) }
      return (
        settings.isBatchFirst ? try steps.transposed(0, 1) : steps,
        LSTMState(
          hidden: try Functional.concatenate(hidden), cell: try Functional.concatenate(cells))
      )
    }

    private func check(_ state: LSTMState, batch: Int) throws {
      let wanted = [settings.layerCount * settings.directionCount, batch, settings.hiddenSize]
      for (name, tensor) in [("h_0", state.hidden), ("c_0", state.cell)]
      where tensor.shape != wanted {
        throw OctetError(
          .shapeMismatch, operation: "Quantizable.LSTM", argument: name,
          expected: "shape \(wanted)", received: "shape \(tensor.shape)")
      }
    }
  }
}

extension LSTMState {
  /// The states of some layers and directions, each on its own.
  fileprivate func states(_ range: Range<Int>) throws -> [LSTMState] {
    try range.map {
      LSTMState(
        hidden: try hidden.select(dim: 0, index: $0), cell: try cell.select(dim: 0, index: $0))
    }
  }
}

extension Quantized {
  /// An LSTM whose linear layers, sums and products run on integers, quint8 `[T, B, I]` in and out: what `convert` makes of an
  /// observed `Quantizable.LSTM`. torch.ao.nn.quantized.LSTM.
  public final class LSTM: Quantizable.LSTM {
    /// The quantized form of a module whose parts are converted along with it.
    init(_ observed: Quantizable.LSTM) { super.init(sharing: observed) }

    private init(_ other: LSTM, _ copier: ModuleCopier) throws {
      try super.init(copying: other, copier)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LSTM(self, copier)
    }
  }
}
