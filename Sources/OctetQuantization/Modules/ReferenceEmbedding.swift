import OctetNN
import OctetTensor

extension Reference {
  /// A real table that is rounded to a quantizer's steps at every call, then looked up: `embedding(x, dequantize(quantize(weight)))`.
  /// torch.ao.nn.quantized.reference.Embedding.
  public final class Embedding: Module {
    /// float32 `[N, D]`.
    public let weight: Parameter
    /// float32, one or one for each row.
    public let weightScale: Buffer
    /// int64, or float32 under float zero points; as many as scales.
    public let weightZeroPoint: Buffer
    private let axis: Int?
    private let dtype: DType

    /// A module around a real table and the parameters that its integers would have.
    ///
    /// - Throws: `invalidQuantizer` when they don't fit the table.
    public init(weight: Tensor, parameters: QuantizationParameters) throws {
      _ = try parameters.quantizer(for: weight.shape)
      self.weight = Parameter(weight)
      (weightScale, weightZeroPoint) = try parameterBuffers(parameters)
      (axis, dtype) = (parameters.axis, parameters.dtype)
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.Embedding, _ context: ConversionContext) throws {
      let weight = float.weight.value
      try self.init(
        weight: weight, parameters: context.weightParameters(weight, context.weightObserver))
    }

    public override func forward(_ input: Tensor) throws -> Tensor {
      let table = try rounded(weight, weightScale, weightZeroPoint, axis: axis, dtype: dtype)
      return try Functional.embedding(input, weight: table)
    }
  }

  /// A real table that is rounded to a quantizer's steps at every call, then made into bags.
  /// torch.ao.nn.quantized.reference.EmbeddingBag.
  public final class EmbeddingBag: BagModule {
    /// float32 `[N, D]`.
    public let weight: Parameter
    /// float32, one or one for each row.
    public let weightScale: Buffer
    /// int64, or float32 under float zero points; as many as scales.
    public let weightZeroPoint: Buffer
    /// How the rows of a bag become one.
    public let mode: EmbeddingBagMode
    /// True when the last offset is the end of the last bag.
    public let includeLastOffset: Bool
    private let axis: Int?
    private let dtype: DType

    /// A module around a real table and the parameters that its integers would have.
    ///
    /// - Throws: `invalidQuantizer` when they don't fit the table.
    public init(
      weight: Tensor, parameters: QuantizationParameters, mode: EmbeddingBagMode = .mean,
      includeLastOffset: Bool = false
    ) throws {
      _ = try parameters.quantizer(for: weight.shape)
      self.weight = Parameter(weight)
      (weightScale, weightZeroPoint) = try parameterBuffers(parameters)
      (axis, dtype) = (parameters.axis, parameters.dtype)
      self.mode = mode
      self.includeLastOffset = includeLastOffset
    }

    /// The reference form of a float layer.
    convenience init(_ float: OctetNN.EmbeddingBag, _ context: ConversionContext) throws {
      let weight = float.weight.value
      try self.init(
        weight: weight, parameters: context.weightParameters(weight, context.weightObserver),
        mode: float.mode, includeLastOffset: float.includeLastOffset)
    }

    public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
      let table = try rounded(weight, weightScale, weightZeroPoint, axis: axis, dtype: dtype)
      return try Functional.embeddingBag(
        input, weight: table, offsets: bags.offsets, mode: mode,
        perSampleWeights: bags.perSampleWeights, includeLastOffset: includeLastOffset)
    }
  }
}

private func parameterBuffers(_ parameters: QuantizationParameters) throws -> (Buffer, Buffer) {
  let shape = parameters.axis == nil ? [] : [parameters.scales.count]
  let zeroPoints =
    switch parameters.zeroPoints {
    case .integer(let values): try Tensor(values.map(Int64.init), shape: shape)
    case .real(let values): try Tensor(values, shape: shape)
    }
  return (Buffer(try Tensor(parameters.scales, shape: shape)), Buffer(zeroPoints))
}

private func rounded(
  _ weight: Parameter, _ scale: Buffer, _ zeroPoint: Buffer, axis: Int?, dtype: DType
) throws -> Tensor {
  let zeroPoints: QuantizationParameters.ZeroPoints =
    zeroPoint.value.dtype == .int64
    ? .integer(try zeroPoint.value.elements(as: Int64.self).map(Int.init))
    : .real(try zeroPoint.value.elements())
  let parameters = QuantizationParameters(
    scales: try scale.value.elements(), zeroPoints: zeroPoints, axis: axis, dtype: dtype)
  let quantizer = try parameters.quantizer(for: weight.value.shape)
  return try Functional.dequantize(
    Functional.quantize(weight.value, quantizer, dtype: dtype))
}
