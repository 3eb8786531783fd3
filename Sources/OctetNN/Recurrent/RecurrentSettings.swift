import OctetTensor

/// The sizes and the arrangement of a recurrent layer: torch's constructor arguments.
public struct RecurrentSettings: Sendable, Equatable {
  /// I, the features of a step of the input.
  public let inputSize: Int
  /// H, the units.
  public let hiddenSize: Int
  /// Layers, each of which reads the output of the one before.
  public let layerCount: Int
  /// True when each product has a bias.
  public let hasBias: Bool
  /// True for inputs and outputs `[B, T, ...]`.
  public let isBatchFirst: Bool
  /// The probability that an element between two layers becomes 0 while training.
  public let dropout: Double
  /// True when each layer also reads the sequence from its end, with weights of its own.
  public let isBidirectional: Bool
  /// P, what an LSTM's hidden state is projected to; 0 for none.
  public let projectionSize: Int

  /// Checks the arguments.
  ///
  /// - Throws: `invalidArgument` for sizes that aren't positive, a dropout outside 0...1, or a projection that doesn't shrink.
  public init(
    inputSize: Int, hiddenSize: Int, layerCount: Int = 1, bias: Bool = true,
    batchFirst: Bool = false, dropout: Double = 0, bidirectional: Bool = false,
    projectionSize: Int = 0
  ) throws(OctetError) {
    for (value, argument) in [
      (inputSize, "input_size"), (hiddenSize, "hidden_size"), (layerCount, "num_layers"),
    ] where value <= 0 || value > Self.largest {
      throw OctetError(
        .invalidArgument, operation: "RNN", argument: argument,
        expected: "a number in 1...\(Self.largest)", received: "\(value)")
    }
    guard (0...1).contains(dropout) else {
      throw OctetError(
        .invalidArgument, operation: "RNN", argument: "dropout",
        expected: "a probability in 0...1", received: "\(dropout)")
    }
    guard projectionSize == 0 || (1..<hiddenSize).contains(projectionSize) else {
      throw OctetError(
        .invalidArgument, operation: "RNN", argument: "proj_size",
        expected: "0, or less than hidden_size \(hiddenSize)", received: "\(projectionSize)")
    }
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    hasBias = bias
    isBatchFirst = batchFirst
    self.dropout = dropout
    isBidirectional = bidirectional
    self.projectionSize = projectionSize
  }

  /// The settings of a layer that has no projection.
  func withoutProjection(_ operation: String) throws(OctetError) -> RecurrentSettings {
    guard projectionSize == 0 else {
      throw OctetError(
        .invalidArgument, operation: operation, argument: "proj_size", expected: "0",
        received: "\(projectionSize)", fix: "use an LSTM")
    }
    return self
  }

  /// Keeps products of two sizes and the gates far from overflow.
  private static let largest = 1 << 28

  /// 2 when the sequence is read both ways.
  public var directionCount: Int { isBidirectional ? 2 : 1 }

  /// The features of one direction's output: P, or H without a projection.
  public var outputSize: Int { projectionSize > 0 ? projectionSize : hiddenSize }

  /// Every layer and direction in the order of states and weights.
  package var directions: [RecurrentDirection] {
    (0..<layerCount).flatMap { layer in
      (isBidirectional ? [false, true] : [false]).map {
        RecurrentDirection(layer: layer, isReverse: $0)
      }
    }
  }

  /// The features that a layer reads.
  package func inputSize(of layer: Int) -> Int {
    layer == 0 ? inputSize : outputSize * directionCount
  }

  /// How torch shows the arguments.
  package var details: String {
    var text = "\(inputSize), \(hiddenSize)"
    if projectionSize > 0 { text += ", proj_size=\(projectionSize)" }
    if layerCount > 1 { text += ", num_layers=\(layerCount)" }
    if !hasBias { text += ", bias=false" }
    if isBatchFirst { text += ", batch_first=true" }
    if dropout > 0 { text += ", dropout=\(dropout)" }
    if isBidirectional { text += ", bidirectional=true" }
    return text
  }
}

/// One direction of one layer.
package struct RecurrentDirection: Sendable, Hashable {
  package let layer: Int
  package let isReverse: Bool

  package init(layer: Int, isReverse: Bool) {
    self.layer = layer
    self.isReverse = isReverse
  }

  /// The name of one of its weights: `weight_ih_l0`, `bias_hh_l1_reverse`.
  package func name(_ stem: String) -> String { "\(stem)_l\(layer)\(isReverse ? "_reverse" : "")" }
}

/// The weights of one direction of a layer, float32.
package struct RecurrentWeights: Sendable {
  /// `[gates * H, I]`.
  package var input: Tensor
  /// `[gates * H, P]`.
  package var hidden: Tensor
  /// `[gates * H]`.
  package var inputBias: Tensor?
  /// `[gates * H]`.
  package var hiddenBias: Tensor?
  /// `[P, H]`.
  package var projection: Tensor?

  package init(
    input: Tensor, hidden: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil,
    projection: Tensor? = nil
  ) {
    self.input = input
    self.hidden = hidden
    self.inputBias = inputBias
    self.hiddenBias = hiddenBias
    self.projection = projection
  }

  /// Checks the shapes.
  ///
  /// - Throws: `shapeMismatch` naming the first weight that doesn't fit.
  package func check(
    _ kind: RecurrentKind, _ settings: RecurrentSettings, layer: Int, _ operation: String
  ) throws(OctetError) {
    let rows = kind.gates * settings.hiddenSize
    let wanted: [(String, Tensor?, [Int]?)] = [
      ("weight_ih", input, [rows, settings.inputSize(of: layer)]),
      ("weight_hh", hidden, [rows, settings.outputSize]),
      ("bias_ih", inputBias, settings.hasBias ? [rows] : nil),
      ("bias_hh", hiddenBias, settings.hasBias ? [rows] : nil),
      (
        "weight_hr", projection,
        settings.projectionSize > 0 ? [settings.projectionSize, settings.hiddenSize] : nil
      ),
    ]
    for (name, tensor, shape) in wanted where tensor?.shape != shape {
      throw OctetError(
        .shapeMismatch, operation: operation, argument: name,
        expected: shape.map { "shape \($0)" } ?? "none",
        received: tensor.map { "shape \($0.shape)" } ?? "none")
    }
  }
}
