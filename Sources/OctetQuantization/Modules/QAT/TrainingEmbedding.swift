import OctetNN
import OctetTensor

extension QAT {
  /// Rows of a table that is rounded row by row to a grid with real zero points. torch.ao.nn.qat.Embedding.
  public final class Embedding: Module, TrainingForm {
    /// `[N, D]`.
    public let weight: Parameter
    /// Rounds the weight, and follows its range.
    public let weightFakeQuant: Observer
    private let options: EmbeddingOptions

    /// The training form of a float layer; the table is shared.
    ///
    /// - Throws: `invalidConfiguration` unless the configuration's weight is a fake quantizer of rows with real zero points.
    public init(_ float: OctetNN.Embedding, _ qconfig: QConfig) throws {
      weight = float.weight
      options = float.options
      weightFakeQuant = try rowFakeQuantizer(qconfig, "QAT.Embedding")
    }

    private init(_ other: Embedding, _ copier: ModuleCopier) throws {
      weight = try copier(other.weight)
      options = other.options
      weightFakeQuant = try copier(other.weightFakeQuant)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try Embedding(self, copier)
    }

    public override var details: String { "\(weight.value.shape[0]), \(weight.value.shape[1])" }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.embedding(input, weight: weightFakeQuant(weight.value), options)
    }

    /// The float module around the same parameters, batch norms folded.
    public func toFloat() throws -> Module {
      try OctetNN.Embedding(weight: weight, options).train(isTraining)
    }
  }

  /// Bags of rows of a table that is rounded row by row to a grid with real zero points. torch.ao.nn.qat.EmbeddingBag.
  public final class EmbeddingBag: BagModule, TrainingForm {
    /// `[N, D]`.
    public let weight: Parameter
    /// Rounds the weight, and follows its range.
    public let weightFakeQuant: Observer
    private let mode: EmbeddingBagMode
    private let includeLastOffset: Bool
    private let options: EmbeddingOptions

    /// The training form of a float layer; the table is shared.
    ///
    /// - Throws: `invalidConfiguration` unless the configuration's weight is a fake quantizer of rows with real zero points.
    public init(_ float: OctetNN.EmbeddingBag, _ qconfig: QConfig) throws {
      weight = float.weight
      mode = float.mode
      includeLastOffset = float.includeLastOffset
      options = float.options
      weightFakeQuant = try rowFakeQuantizer(qconfig, "QAT.EmbeddingBag")
    }

    private init(_ other: EmbeddingBag, _ copier: ModuleCopier) throws {
      weight = try copier(other.weight)
      mode = other.mode
      includeLastOffset = other.includeLastOffset
      options = other.options
      weightFakeQuant = try copier(other.weightFakeQuant)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try EmbeddingBag(self, copier)
    }

    public override var details: String {
      "\(weight.value.shape[0]), \(weight.value.shape[1]), mode: \(mode.rawValue)"
    }

    public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
      try Functional.embeddingBag(
        input, weight: weightFakeQuant(weight.value), offsets: bags.offsets, mode: mode,
        perSampleWeights: bags.perSampleWeights, includeLastOffset: includeLastOffset, options)
    }

    /// The float module around the same parameters, batch norms folded.
    public func toFloat() throws -> Module {
      try OctetNN.EmbeddingBag(
        weight: weight, mode: mode, includeLastOffset: includeLastOffset, options
      ).train(isTraining)
    }
  }
}

private func rowFakeQuantizer(_ qconfig: QConfig, _ operation: String) throws -> Observer {
  let made = try weightFakeQuantizer(qconfig, operation)
  guard made.scheme == .perChannelAffineFloatQParams else {
    throw OctetError(
      .invalidConfiguration, operation: operation, argument: "qconfig.weight",
      expected: "the scheme per_channel_affine_float_qparams",
      received: made.scheme?.rawValue ?? "none", fix: "use .defaultEmbeddingQAT")
  }
  return made
}
