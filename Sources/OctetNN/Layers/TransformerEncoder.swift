import OctetTensor

/// The function between the two linear layers of a transformer's layer.
public enum TransformerActivation: String, Sendable {
  /// `max(x, 0)`.
  case relu
  /// `x * Φ(x)`.
  case gelu
}

/// Self-attention and two linear layers, each with a shortcut and a layer norm. torch.nn.TransformerEncoderLayer.
public final class TransformerEncoderLayer: Module {
  /// Attention of the layer's input to itself.
  public let selfAttn: MultiheadAttention
  /// E to the inner size.
  public let linear1: Linear
  private let dropout: Dropout
  /// The inner size to E.
  public let linear2: Linear
  /// Of the attention's sum, or of its input when norms come first.
  public let norm1: LayerNorm
  /// Of the linear layers' sum, or of their input when norms come first.
  public let norm2: LayerNorm
  private let dropout1: Dropout
  private let dropout2: Dropout
  private let activation: TransformerActivation
  private let isNormFirst: Bool

  /// A layer with random weights.
  ///
  /// - Parameters:
  ///   - modelDim: E; traps unless `heads` divides it.
  ///   - heads: the heads of the attention.
  ///   - feedforwardDim: the inner size.
  ///   - dropout: the probability of a zero while training.
  ///   - activation: between the linear layers.
  ///   - layerNormEpsilon: added to variances.
  ///   - batchFirst: `[N, L, E]` instead of `[L, N, E]`.
  ///   - normFirst: norms come before attention and linear layers instead of behind the sums.
  ///   - bias: whether linear layers and norms have one.
  public init(
    _ modelDim: Int, heads: Int, feedforwardDim: Int = 2048, dropout: Double = 0.1,
    activation: TransformerActivation = .relu, layerNormEpsilon: Double = 1e-5,
    batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true
  ) {
    selfAttn = MultiheadAttention(
      modelDim, numHeads: heads, dropout: dropout, bias: bias, batchFirst: batchFirst)
    linear1 = Linear(modelDim, feedforwardDim, bias: bias)
    self.dropout = Dropout(p: dropout)
    linear2 = Linear(feedforwardDim, modelDim, bias: bias)
    norm1 = LayerNorm([modelDim], epsilon: layerNormEpsilon, bias: bias)
    norm2 = LayerNorm([modelDim], epsilon: layerNormEpsilon, bias: bias)
    dropout1 = Dropout(p: dropout)
    dropout2 = Dropout(p: dropout)
    self.activation = activation
    isNormFirst = normFirst
  }

  private init(_ other: TransformerEncoderLayer, _ copier: ModuleCopier) throws {
    selfAttn = try copier(other.selfAttn)
    linear1 = try copier(other.linear1)
    dropout = try copier(other.dropout)
    linear2 = try copier(other.linear2)
    norm1 = try copier(other.norm1)
    norm2 = try copier(other.norm2)
    dropout1 = try copier(other.dropout1)
    dropout2 = try copier(other.dropout2)
    activation = other.activation
    isNormFirst = other.isNormFirst
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try TransformerEncoderLayer(self, copier)
  }

  public override func forward(_ input: Tensor) throws -> Tensor { layer(input, nil) }

  /// The layer with masks of the attention, trapping on mistakes unless inside `collectingErrors`.
  public func callAsFunction(_ input: Tensor, _ arguments: AttentionArguments) -> Tensor {
    running(TransformerEncoderLayer.self, orElse: Tensor.placeholder) {
      $0.layer(input, arguments)
    }
  }

  private func layer(_ input: Tensor, _ arguments: AttentionArguments?) -> Tensor {
    if isNormFirst {
      let x = input + attended(norm1(input), arguments)
      return x + fed(norm2(x))
    }
    let x = norm1(input, adding: attended(input, arguments))
    return norm2(x, adding: fed(x))
  }

  private func attended(_ x: Tensor, _ arguments: AttentionArguments?) -> Tensor {
    var arguments = arguments ?? AttentionArguments()
    arguments.needsWeights = false
    return dropout1(selfAttn(x, x, x, arguments).output)
  }

  private func fed(_ x: Tensor) -> Tensor {
    let inner = activation == .relu ? linear1.callThenReLU(x) : linear1(x).gelu()
    return dropout2(linear2(dropout(inner)))
  }
}

/// Transformer layers one after the other. torch.nn.TransformerEncoder.
public final class TransformerEncoder: Module {
  private let layers: ModuleList
  private let norm: LayerNorm?

  /// Runs `layers` in order, and `norm` behind them.
  public init(_ layers: [TransformerEncoderLayer], norm: LayerNorm? = nil) {
    self.layers = ModuleList(layers)
    self.norm = norm
  }

  /// Runs `count` copies of a layer in order, and `norm` behind them. torch's arguments.
  ///
  /// - Throws: `unsupportedModule` when the layer holds something that can't be copied.
  public convenience init(
    _ layer: TransformerEncoderLayer, count: Int, norm: LayerNorm? = nil
  ) throws {
    precondition(
      count >= 0, "TransformerEncoder: count: expected a number of layers, received \(count)")
    self.init(try (0..<count).map { _ in try layer.copy() }, norm: norm)
  }

  private init(_ layers: ModuleList, _ norm: LayerNorm?) {
    self.layers = layers
    self.norm = norm
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    TransformerEncoder(try copier(layers), try copier(norm))
  }

  public override func forward(_ input: Tensor) throws -> Tensor {
    let output = layers.reduce(input) { $1($0) }
    return norm?(output) ?? output
  }

  /// All layers with masks of their attention, trapping on mistakes unless inside `collectingErrors`.
  public func callAsFunction(_ input: Tensor, _ arguments: AttentionArguments) -> Tensor {
    running(TransformerEncoder.self, orElse: Tensor.placeholder) {
      let output = $0.layers.reduce(input) { x, layer in
        (layer as? TransformerEncoderLayer).map { $0(x, arguments) } ?? layer(x)
      }
      return $0.norm?(output) ?? output
    }
  }
}
