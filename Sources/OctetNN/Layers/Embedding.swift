import OctetTensor

/// A table of rows, looked up by index: int32 or int64 of any shape in, float32 of that shape with D appended out.
/// torch.nn.Embedding.
public final class Embedding: Module {
  /// N, the rows.
  public let numEmbeddings: Int
  /// D, the elements of a row.
  public let embeddingDim: Int
  /// A row that starts as zeros, nil for none.
  public let paddingIndex: Int?
  /// `[N, D]`.
  public let weight: Parameter

  /// Rows of normally distributed numbers. Traps when `paddingIndex` isn't a row.
  public init(_ numEmbeddings: Int, _ embeddingDim: Int, paddingIndex: Int? = nil) {
    self.numEmbeddings = positive(numEmbeddings, "numEmbeddings", "Embedding")
    self.embeddingDim = positive(embeddingDim, "embeddingDim", "Embedding")
    self.paddingIndex = paddingIndex
    weight = Parameter(embeddingTable(numEmbeddings, embeddingDim, paddingIndex, "Embedding"))
  }

  /// A layer around an existing table.
  ///
  /// - Throws: `shapeMismatch` when it isn't `[N, D]`; `outOfRange` when `paddingIndex` isn't a row.
  public init(weight: Parameter, paddingIndex: Int? = nil) throws {
    (numEmbeddings, embeddingDim) = try tableSizes(weight.value, paddingIndex, "Embedding")
    self.paddingIndex = paddingIndex
    self.weight = weight
  }

  private init(_ other: Embedding, _ copier: ModuleCopier) throws {
    numEmbeddings = other.numEmbeddings
    embeddingDim = other.embeddingDim
    paddingIndex = other.paddingIndex
    weight = try copier(other.weight)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try Embedding(self, copier)
  }

  public override var details: String { "\(numEmbeddings), \(embeddingDim)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.embedding(input, weight: weight.value, paddingIndex: paddingIndex)
  }
}

/// Sums, means or maxima of bags of rows of a table: indices in, float32 `[bags, D]` out. torch.nn.EmbeddingBag.
public final class EmbeddingBag: BagModule {
  /// N, the rows.
  public let numEmbeddings: Int
  /// D, the elements of a row.
  public let embeddingDim: Int
  /// How the rows of a bag become one.
  public let mode: EmbeddingBagMode
  /// True when the last offset is the end of the last bag.
  public let includeLastOffset: Bool
  /// A row that starts as zeros and is left out of its bags, nil for none.
  public let paddingIndex: Int?
  /// `[N, D]`.
  public let weight: Parameter

  /// Rows of normally distributed numbers. Traps when `paddingIndex` isn't a row.
  public init(
    _ numEmbeddings: Int, _ embeddingDim: Int, mode: EmbeddingBagMode = .mean,
    includeLastOffset: Bool = false, paddingIndex: Int? = nil
  ) {
    self.numEmbeddings = positive(numEmbeddings, "numEmbeddings", "EmbeddingBag")
    self.embeddingDim = positive(embeddingDim, "embeddingDim", "EmbeddingBag")
    self.mode = mode
    self.includeLastOffset = includeLastOffset
    self.paddingIndex = paddingIndex
    weight = Parameter(embeddingTable(numEmbeddings, embeddingDim, paddingIndex, "EmbeddingBag"))
  }

  /// A layer around an existing table.
  ///
  /// - Throws: `shapeMismatch` when it isn't `[N, D]`; `outOfRange` when `paddingIndex` isn't a row.
  public init(
    weight: Parameter, mode: EmbeddingBagMode = .mean, includeLastOffset: Bool = false,
    paddingIndex: Int? = nil
  ) throws {
    (numEmbeddings, embeddingDim) = try tableSizes(weight.value, paddingIndex, "EmbeddingBag")
    self.mode = mode
    self.includeLastOffset = includeLastOffset
    self.paddingIndex = paddingIndex
    self.weight = weight
  }

  private init(_ other: EmbeddingBag, _ copier: ModuleCopier) throws {
    numEmbeddings = other.numEmbeddings
    embeddingDim = other.embeddingDim
    mode = other.mode
    includeLastOffset = other.includeLastOffset
    paddingIndex = other.paddingIndex
    weight = try copier(other.weight)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try EmbeddingBag(self, copier)
  }

  public override var details: String {
    "\(numEmbeddings), \(embeddingDim), mode: \(mode.rawValue)"
  }

  public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
    try Functional.embeddingBag(
      input, weight: weight.value, offsets: bags.offsets, mode: mode,
      perSampleWeights: bags.perSampleWeights, includeLastOffset: includeLastOffset,
      paddingIndex: paddingIndex)
  }
}

private func embeddingTable(_ rows: Int, _ dim: Int, _ paddingIndex: Int?, _ layer: String)
  -> Tensor
{
  var values = normalWeights(rows, dim)
  if let paddingIndex {
    precondition(
      (0..<rows).contains(paddingIndex),
      "\(layer): paddingIndex: expected a row in 0..<\(rows), received \(paddingIndex)")
    for i in (paddingIndex * dim)..<((paddingIndex + 1) * dim) { values[i] = 0 }
  }
  return eager { try Tensor(values, shape: [rows, dim]) }
}

private func normalWeights(_ rows: Int, _ dim: Int) -> [Float] {
  RandomSource.shared.normal(count: Shapes.elementCount([rows, dim]) ?? 0)
}

private func tableSizes(_ weight: Tensor, _ paddingIndex: Int?, _ layer: String)
  throws(OctetError) -> (Int, Int)
{
  guard weight.rank == 2 else {
    throw OctetError(
      .shapeMismatch, operation: layer, argument: "weight",
      expected: "shape [num_embeddings, embedding_dim]", received: "\(weight.shape)")
  }
  if let paddingIndex, !(0..<weight.shape[0]).contains(paddingIndex) {
    throw OctetError(
      .outOfRange, operation: layer, argument: "padding_idx",
      expected: "a row in 0..<\(weight.shape[0])", received: "\(paddingIndex)")
  }
  return (weight.shape[0], weight.shape[1])
}
