import OctetNN
import OctetTensor

extension Quantized {
  /// Rows of a quantized table: int32 or int64 indices of any shape in, float32 of that shape with D appended out,
  /// `fma(scale, q, -zeroPoint * scale)` rounded once. torch.ao.nn.quantized.Embedding.
  public final class Embedding: Module {
    private var packed: PackedEmbedding

    /// A module around a quint8, quint4x2 or quint2x4 table `[N, D]` with float zero points for each row. Below 8 bits scale and bias are
    /// kept as float16.
    ///
    /// - Throws: when the table's type, shape or scheme is another.
    public init(weight: Tensor) throws {
      packed = try PackedEmbedding(weight: weight, operation: "Quantized.Embedding")
    }

    /// The quantized form of a float layer; its weight observer decides the type. torch's `from_float`.
    convenience init(_ float: OctetNN.Embedding, _ context: ConversionContext) throws {
      try self.init(weight: context.quantizedTable(float.weight.value))
    }

    /// The table, put together from its packed rows.
    public var weight: Tensor { get throws { try packed.weight() } }

    public override var details: String {
      "\(packed.count), \(packed.dim), dtype: \(packed.dtype.rawValue)"
    }

    public override func forward(_ input: Tensor) throws -> Tensor { try packed.rows(input) }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      [("weight", eager { try weight })]
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      guard let weight = state["weight"] else { return }
      packed = try PackedEmbedding(weight: weight, operation: "Quantized.Embedding")
    }
  }

  /// Sums over bags of a quantized table's rows: `acc = fma(weight * scale, q, acc + weight * bias)` in the order of indices, in
  /// float32 `[bags, D]`; an empty bag gives 0. Always sums, also where the float layer took means. torch.ao.nn.quantized.EmbeddingBag.
  public final class EmbeddingBag: BagModule {
    private var packed: PackedEmbedding
    /// True when the last offset is the end of the last bag.
    public let includeLastOffset: Bool

    /// A module around a quint8, quint4x2 or quint2x4 table `[N, D]` with float zero points for each row. Below 8 bits scale and bias are
    /// kept as float16.
    ///
    /// - Throws: when the table's type, shape or scheme is another.
    public init(weight: Tensor, includeLastOffset: Bool = false) throws {
      packed = try PackedEmbedding(weight: weight, operation: "Quantized.EmbeddingBag")
      self.includeLastOffset = includeLastOffset
    }

    /// The quantized form of a float layer; its weight observer decides the type. torch's `from_float`.
    convenience init(_ float: OctetNN.EmbeddingBag, _ context: ConversionContext) throws {
      try self.init(
        weight: context.quantizedTable(float.weight.value),
        includeLastOffset: float.includeLastOffset)
    }

    /// The table, put together from its packed rows.
    public var weight: Tensor { get throws { try packed.weight() } }

    public override var details: String {
      "\(packed.count), \(packed.dim), dtype: \(packed.dtype.rawValue)"
    }

    public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
      try packed.sums(
        input, offsets: bags.offsets, perSampleWeights: bags.perSampleWeights,
        includeLastOffset: includeLastOffset)
    }

    public override func ownState() -> [(name: String, tensor: Tensor)] {
      [("weight", eager { try weight })]
    }

    public override func loadOwnState(_ state: [String: Tensor]) throws {
      guard let weight = state["weight"] else { return }
      packed = try PackedEmbedding(weight: weight, operation: "Quantized.EmbeddingBag")
    }
  }
}

extension ConversionContext {
  /// An embedding table with a scale and a real zero point for each row.
  func quantizedTable(_ weight: Tensor) throws -> Tensor {
    let observer = weightObserver
    let types: [DType] = [.quint8, .quint4x2, .quint2x4]
    guard observer.scheme == .perChannelAffineFloatQParams, types.contains(observer.dtype) else {
      throw OctetError(
        .invalidConfiguration, operation: operation, argument: "weight",
        expected:
          "a weight observer of scheme per_channel_affine_float_qparams and dtype quint8 or quint4x2",
        received:
          "scheme \(observer.scheme?.rawValue ?? "none") and dtype \(observer.dtype.rawValue)",
        fix: "give embeddings the qconfig floatQParamsWeightOnly")
    }
    let quantizer = try weightParameters(weight, observer).quantizer(for: weight.shape)
    return try Functional.quantize(weight, quantizer, dtype: observer.dtype)
  }
}
