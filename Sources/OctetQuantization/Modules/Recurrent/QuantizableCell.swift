import OctetNN
import OctetTensor

extension Quantizable {
  /// One step of an LSTM made of linear layers, sums and products that can be observed: x `[B, I]`, h and c `[B, H]`, float32 or,
  /// after conversion, quint8. torch.ao.nn.quantizable.LSTMCell.
  ///
  /// Without a state it starts from zeros, quantized with scale 1 and zero point 0 when x is.
  public final class LSTMCell: RecurrentModule<LSTMState> {
    public override var isCell: Bool { true }

    /// I.
    public let inputSize: Int
    /// H.
    public let hiddenSize: Int
    private let igates: [String: OctetNN.Linear]
    private let hgates: [String: OctetNN.Linear]
    private let gates: [String: FloatFunctional]
    private let inputGate = Sigmoid()
    private let forgetGate = Sigmoid()
    private let cellGate = Tanh()
    private let outputGate = Sigmoid()
    private let fgateCx = FloatFunctional()
    private let igateCgate = FloatFunctional()
    private let fgateCxIgateCgate = FloatFunctional()
    private let ogateCy = FloatFunctional()

    /// A cell of the same arrangement with copies of the layers.
    private init(copying other: LSTMCell) {
      inputSize = other.inputSize
      hiddenSize = other.hiddenSize
      // Fresh layers, since converted ones have let go of the parameters that a layer is made around.
      func fresh(_ layer: OctetNN.Linear) -> OctetNN.Linear {
        Linear(layer.inFeatures, layer.outFeatures, bias: layer.bias != nil)
      }
      igates = other.igates.mapValues(fresh)
      hgates = other.hgates.mapValues(fresh)
      gates = other.gates.mapValues { _ in FloatFunctional() }
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      LSTMCell(copying: self)
    }

    /// The gates in the order of the weights' rows.
    private static let names = ["input", "forget", "cell", "output"]

    /// A cell with random weights.
    ///
    /// - Parameter splitGates: computes each gate by a layer of its own.
    /// - Throws: `invalidArgument` for sizes that aren't positive.
    public convenience init(
      _ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, splitGates: Bool = false
    ) throws {
      _ = try RecurrentSettings(inputSize: inputSize, hiddenSize: hiddenSize)
      try self.init(OctetNN.LSTMCell(inputSize, hiddenSize, bias: bias), splitGates: splitGates)
    }

    /// The observable form of a float cell.
    public convenience init(_ float: OctetNN.LSTMCell, splitGates: Bool = false) throws {
      try self.init(
        input: (float.weightIh, float.biasIh), hidden: (float.weightHh, float.biasHh), splitGates)
    }

    /// A cell around weights `[4 * H, I]` and `[4 * H, H]` and biases `[4 * H]`.
    init(
      input: (weight: Parameter, bias: Parameter?), hidden: (weight: Parameter, bias: Parameter?),
      _ splitGates: Bool
    ) throws {
      inputSize = input.weight.value.shape[1]
      hiddenSize = hidden.weight.value.shape[1]
      igates = try Self.layers(input, splitGates)
      hgates = try Self.layers(hidden, splitGates)
      gates = Dictionary(uniqueKeysWithValues: igates.keys.map { ($0, FloatFunctional()) })
    }

    /// One layer under an empty name, or one for each gate.
    private static func layers(
      _ parts: (weight: Parameter, bias: Parameter?), _ splitGates: Bool
    ) throws -> [String: OctetNN.Linear] {
      guard splitGates else { return ["": try Linear(weight: parts.weight, bias: parts.bias)] }
      let rows = parts.weight.value.shape[0] / names.count
      var result: [String: OctetNN.Linear] = [:]
      for (i, name) in names.enumerated() {
        func part(_ whole: Parameter) throws -> Parameter {
          Parameter(try whole.value.slice(dim: 0, i * rows..<(i + 1) * rows).clone())
        }
        result[name] = try Linear(
          weight: part(parts.weight), bias: parts.bias.map { try part($0) })
      }
      return result
    }

    public override func ownChildren() -> [(name: String, module: Module)] {
      func children(_ stem: String, _ parts: [String: Module]) -> [(name: String, module: Module)] {
        if let sole = parts[""] { return [(stem, sole)] }
        return Self.names.compactMap { name in parts[name].map { ("\(stem).\(name)", $0) } }
      }
      return children("igates", igates) + children("hgates", hgates) + children("gates", gates) + [
        ("input_gate", inputGate), ("forget_gate", forgetGate), ("cell_gate", cellGate),
        ("output_gate", outputGate), ("fgate_cx", fgateCx), ("igate_cgate", igateCgate),
        ("fgate_cx_igate_cgate", fgateCxIgateCgate), ("ogate_cy", ogateCy),
      ]
    }

    public override var details: String { "\(inputSize), \(hiddenSize)" }

    public override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws
      -> (output: Tensor, state: LSTMState)
    {
      guard input.rank == 2, batchSizes == nil else {
        throw OctetError(
          .shapeMismatch, operation: "Quantizable.LSTMCell", argument: "input",
          expected: "one step [B, \(inputSize)]", received: "shape \(input.shape)")
      }
      let before = try state ?? zeros([input.shape[0], hiddenSize], like: input)
      let sums = try gateSums(input, before.hidden)
      let kept = fgateCx.mul(forgetGate(sums[1]), before.cell)
      let added = igateCgate.mul(inputGate(sums[0]), cellGate(sums[2]))
      let cell = fgateCxIgateCgate.add(kept, added)
      let hidden = ogateCy.mul(outputGate(sums[3]), cell.tanh())
      return (hidden, LSTMState(hidden: hidden, cell: cell))
    }

    /// The gates before their functions, each `[B, H]`.
    private func gateSums(_ input: Tensor, _ hidden: Tensor) throws -> [Tensor] {
      func sum(_ name: String) -> Tensor? {
        guard let i = igates[name], let h = hgates[name], let gate = gates[name] else { return nil }
        return gate.add(i(input), h(hidden))
      }
      guard let all = sum("") else { return Self.names.compactMap(sum) }
      if all.isPlaceholder { return Array(repeating: all, count: 4) }
      return try (0..<4).map {
        try all.slice(dim: 1, $0 * hiddenSize..<($0 + 1) * hiddenSize)
      }
    }
  }

  /// One direction of a layer: the cell over a sequence `[T, B, I]`.
  final class LSTMDirection: RecurrentModule<LSTMState> {
    private let cell: LSTMCell

    init(_ cell: LSTMCell) { self.cell = cell }

    override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LSTMDirection(copier(cell))
    }

    override func forward(_ input: Tensor, _ state: LSTMState?, _ batchSizes: [Int]?) throws -> (
      output: Tensor, state: LSTMState
    ) {
      var state = try state ?? zeros([input.shape[1], cell.hiddenSize], like: input)
      var outputs: [Tensor] = []
      for step in 0..<input.shape[0] {
        let (hidden, after) = cell(try input.select(dim: 0, index: step), state)
        if hidden.isPlaceholder { return (hidden, after) }
        outputs.append(try hidden.unsqueezed(0))
        state = after
      }
      return (try Functional.concatenate(outputs), state)
    }
  }

  /// Both directions of a layer.
  final class LSTMLayer: Module {
    private let layerFw: LSTMDirection
    private let layerBw: LSTMDirection?

    init(_ forward: LSTMDirection, _ backward: LSTMDirection?) {
      layerFw = forward
      layerBw = backward
    }

    override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try LSTMLayer(copier(layerFw), copier(layerBw))
    }

    /// Output `[T, B, directions * H]` and the state of each direction, from theirs.
    func run(_ input: Tensor, _ states: [LSTMState]) throws -> (
      output: Tensor, states: [LSTMState]
    ) {
      let (output, after) = layerFw(input, states.first)
      guard let layerBw, !output.isPlaceholder else { return (output, [after]) }
      let (reversed, last) = layerBw(try Functional.flip(input, dims: [0]), states.last)
      if reversed.isPlaceholder { return (reversed, [after, last]) }
      let backward = try Functional.flip(reversed, dims: [0])
      return (try Functional.concatenate([output, backward], dim: 2), [after, last])
    }
  }
}

/// A first state of zeros, quantized with scale 1 and zero point 0 when the input is quantized.
private func zeros(_ shape: [Int], like input: Tensor) throws -> LSTMState {
  let zeros = try Tensor(repeating: Float(0), shape: shape)
  let state =
    input.isQuantized
    ? try Functional.quantizePerTensor(zeros, scale: 1, zeroPoint: 0, dtype: input.dtype) : zeros
  return LSTMState(hidden: state, cell: state)
}
