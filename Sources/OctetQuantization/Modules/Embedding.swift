import OctetNN
import OctetTensor

extension Quantized {
  /// Rows of a quantized table: int32 or int64 indices of any shape in, float32 of that shape with D appended out,
  /// `fma(scale, q, -zeroPoint * scale)` rounded once. torch.ao.nn.quantized.Embedding.
  public final class Embedding: Module {
    private let table: EmbeddingTable

    /// A module around a quint8, quint4x2 or quint2x4 table `[N, D]` with float zero points for each row. Below 8 bits scale and bias are
    /// kept as float16.
    ///
    /// - Throws: when the table's type, shape or scheme is another.
    public init(weight: Tensor) throws {
      table = try EmbeddingTable(weight, operation: "Quantized.Embedding")
    }

    /// The quantized form of a float layer; its weight observer decides the type. torch's `from_float`.
    convenience init(_ float: OctetNN.Embedding, _ context: ConversionContext) throws {
      try self.init(weight: context.quantizedTable(float.weight.value))
    }

    private init(_ table: EmbeddingTable) { self.table = table }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      Embedding(table.copy())
    }

    /// The table, put together from its packed rows.
    public var weight: Tensor { get throws { try table.packed.weight() } }

    public override var details: String { table.details }

    public override func forward(_ input: Tensor) throws -> Tensor { try table.packed.rows(input) }
  }

  /// Sums over bags of a quantized table's rows: `acc = fma(weight * scale, q, acc + weight * bias)` in the order of indices, in
  /// float32 `[bags, D]`; an empty bag gives 0. Always sums, also where the float layer took means. torch.ao.nn.quantized.EmbeddingBag.
  public final class EmbeddingBag: BagModule {
    private let table: EmbeddingTable
    /// True when the last offset is the end of the last bag.
    public let includeLastOffset: Bool

    /// A module around a quint8, quint4x2 or quint2x4 table `[N, D]` with float zero points for each row. Below 8 bits scale and bias are
    /// kept as float16.
    ///
    /// - Throws: when the table's type, shape or scheme is another.
    public init(weight: Tensor, includeLastOffset: Bool = false) throws {
      table = try EmbeddingTable(weight, operation: "Quantized.EmbeddingBag")
      self.includeLastOffset = includeLastOffset
    }

    /// The quantized form of a float layer; its weight observer decides the type. torch's `from_float`.
    convenience init(_ float: OctetNN.EmbeddingBag, _ context: ConversionContext) throws {
      try self.init(
        weight: context.quantizedTable(float.weight.value),
        includeLastOffset: float.includeLastOffset)
    }

    private init(_ table: EmbeddingTable, _ includeLastOffset: Bool) {
      self.table = table
      self.includeLastOffset = includeLastOffset
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      EmbeddingBag(table.copy(), includeLastOffset)
    }

    /// The table, put together from its packed rows.
    public var weight: Tensor { get throws { try table.packed.weight() } }

    public override var details: String { table.details }

    public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
      try table.packed.sums(
        input, offsets: bags.offsets, perSampleWeights: bags.perSampleWeights,
        includeLastOffset: includeLastOffset)
    }
  }
}

/// A packed table as a part of a module's state.
final class EmbeddingTable: StateGroup {
  private(set) var packed: PackedEmbedding
  private let operation: String

  /// - Throws: when the table's type, shape or scheme is none that can be packed.
  init(_ weight: Tensor, operation: String) throws {
    packed = try PackedEmbedding(weight: weight, operation: operation)
    self.operation = operation
  }

  private init(like other: EmbeddingTable) {
    packed = other.packed
    operation = other.operation
  }

  /// A table that changes on its own.
  func copy() -> EmbeddingTable { EmbeddingTable(like: self) }

  /// Type and sizes for printing.
  var details: String { "\(packed.count), \(packed.dim), dtype: \(packed.dtype.rawValue)" }

  var entries: [(name: String, tensor: Tensor)] { [("weight", eager { try packed.weight() })] }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {
    guard let weight = state["weight"] else { return }
    let loaded = try PackedEmbedding(weight: weight, operation: operation)
    if !isTrial { packed = loaded }
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
