import OctetNN
import OctetTensor

extension Reference {
  /// A real table that is rounded to a quantizer's steps at every call, then looked up: `embedding(x, dequantize(quantize(weight)))`.
  /// torch.ao.nn.quantized.reference.Embedding.
  public final class Embedding: Module {
    /// float32 `[N, D]`.
    public let weight: Parameter
    private let rounding: WeightRounding
    private let options: EmbeddingOptions

    /// A module around a real table and the parameters that its integers would have.
    ///
    /// - Throws: `invalidQuantizer` when they don't fit the table.
    public convenience init(weight: Tensor, parameters: QuantizationParameters) throws {
      try self.init(weight: weight, parameters: parameters, EmbeddingOptions())
    }

    private init(
      weight: Tensor, parameters: QuantizationParameters, _ options: EmbeddingOptions
    ) throws {
      self.weight = Parameter(weight)
      self.options = options
      rounding = WeightRounding(try checkedParameters(parameters, for: weight))
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.Embedding, _ context: ConversionContext) throws {
      let weight = float.weight.value
      try self.init(
        weight: weight, parameters: context.weightParameters(weight, context.weightObserver),
        float.options)
    }

    private init(_ other: Embedding) {
      weight = Parameter(other.weight.value)
      rounding = WeightRounding(other.rounding.parameters)
      options = other.options
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { Embedding(self) }

    /// How the table is quantized.
    public var weightParameters: WeightParameters { rounding.parameters }

    /// The table that the module computes with. torch's `get_weight()`.
    public func effectiveWeight() throws -> Tensor {
      try weightParameters.quantizedAndBack(weight.value)
    }

    public override var details: String {
      "\(weight.value.shape[0]), \(weight.value.shape[1]), weight: \(rounding.details)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      try Functional.embedding(input, weight: effectiveWeight(), options)
    }
  }

  /// A real table that is rounded to a quantizer's steps at every call, then made into bags.
  /// torch.ao.nn.quantized.reference.EmbeddingBag.
  public final class EmbeddingBag: BagModule {
    /// float32 `[N, D]`.
    public let weight: Parameter
    private let rounding: WeightRounding
    /// How the rows of a bag become one.
    public let mode: EmbeddingBagMode
    /// True when the last offset is the end of the last bag.
    public let includeLastOffset: Bool
    private let options: EmbeddingOptions

    /// A module around a real table and the parameters that its integers would have.
    ///
    /// - Throws: `invalidQuantizer` when they don't fit the table.
    public convenience init(
      weight: Tensor, parameters: QuantizationParameters, mode: EmbeddingBagMode = .mean,
      includeLastOffset: Bool = false
    ) throws {
      try self.init(
        weight: weight, parameters: parameters, mode: mode,
        includeLastOffset: includeLastOffset, EmbeddingOptions())
    }

    private init(
      weight: Tensor, parameters: QuantizationParameters, mode: EmbeddingBagMode,
      includeLastOffset: Bool, _ options: EmbeddingOptions
    ) throws {
      self.options = options
      self.weight = Parameter(weight)
      rounding = WeightRounding(try checkedParameters(parameters, for: weight))
      self.mode = mode
      self.includeLastOffset = includeLastOffset
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.EmbeddingBag, _ context: ConversionContext) throws {
      let weight = float.weight.value
      try self.init(
        weight: weight, parameters: context.weightParameters(weight, context.weightObserver),
        mode: float.mode, includeLastOffset: float.includeLastOffset, float.options)
    }

    private init(_ other: EmbeddingBag) {
      weight = Parameter(other.weight.value)
      rounding = WeightRounding(other.rounding.parameters)
      mode = other.mode
      includeLastOffset = other.includeLastOffset
      options = other.options
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module { EmbeddingBag(self) }

    /// How the table is quantized.
    public var weightParameters: WeightParameters { rounding.parameters }

    /// The table that the module computes with. torch's `get_weight()`.
    public func effectiveWeight() throws -> Tensor {
      try weightParameters.quantizedAndBack(weight.value)
    }

    public override var details: String {
      "\(weight.value.shape[0]), \(weight.value.shape[1]), weight: \(rounding.details)"
    }

    public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
      try Functional.embeddingBag(
        input, weight: effectiveWeight(), offsets: bags.offsets, mode: mode,
        perSampleWeights: bags.perSampleWeights, includeLastOffset: includeLastOffset, options)
    }
  }
}

private func checkedParameters(_ parameters: QuantizationParameters, for weight: Tensor) throws
  -> Reference.WeightParameters
{
  Reference.WeightParameters(
    try parameters.quantizer(for: weight.shape), dtype: parameters.dtype)
}
