import OctetTensor

/// A table of rows, looked up by index: int32 or int64 of any shape in, float32 of that shape with D appended out.
/// torch.nn.Embedding.
public final class Embedding: Module {
  /// N, the rows.
  public let numEmbeddings: Int
  /// D, the elements of a row.
  public let embeddingDim: Int
  /// A row that starts as zeros and isn't trained, nil for none.
  public var paddingIndex: Int? { options.paddingIndex }
  /// Rows that are looked up and longer than this are scaled down to it, in the table; nil for any length.
  public var maxNorm: Double? { options.maxNorm }
  /// p of the p-norm that measures rows.
  public var normType: Double { options.normType }
  /// Whether a row's gradient is divided by the number of its places among a call's indices.
  public var scaleGradByFreq: Bool { options.scaleGradByFreq }
  /// `[N, D]`.
  public let weight: Parameter
  package let options: EmbeddingOptions

  /// Rows of normally distributed numbers. Traps when `paddingIndex`, counted from the end when negative, isn't a row.
  public init(
    _ numEmbeddings: Int, _ embeddingDim: Int, paddingIndex: Int? = nil, maxNorm: Double? = nil,
    normType: Double = 2, scaleGradByFreq: Bool = false
  ) {
    self.numEmbeddings = positive(numEmbeddings, "numEmbeddings", "Embedding")
    self.embeddingDim = positive(embeddingDim, "embeddingDim", "Embedding")
    options = EmbeddingOptions(
      paddingIndex: row(paddingIndex, of: numEmbeddings, "Embedding"), maxNorm: maxNorm,
      normType: normType, scaleGradByFreq: scaleGradByFreq)
    weight = Parameter(embeddingTable(numEmbeddings, embeddingDim, options.paddingIndex))
  }

  /// A layer around an existing table. torch's `from_pretrained`, which freezes it: here `weight.requiresGrad` does.
  ///
  /// - Throws: `shapeMismatch` when it isn't `[N, D]`; `outOfRange` when `paddingIndex` isn't a row.
  public convenience init(
    weight: Parameter, paddingIndex: Int? = nil, maxNorm: Double? = nil, normType: Double = 2,
    scaleGradByFreq: Bool = false
  ) throws {
    try self.init(
      weight: weight,
      EmbeddingOptions(
        paddingIndex: row(paddingIndex, of: weight.value, "Embedding"), maxNorm: maxNorm,
        normType: normType, scaleGradByFreq: scaleGradByFreq))
  }

  /// A layer around an existing table, with checked options.
  package init(weight: Parameter, _ options: EmbeddingOptions) throws {
    (numEmbeddings, embeddingDim) = try tableSizes(weight.value, "Embedding")
    self.weight = weight
    self.options = options
  }

  private init(_ other: Embedding, _ copier: ModuleCopier) throws {
    numEmbeddings = other.numEmbeddings
    embeddingDim = other.embeddingDim
    options = other.options
    weight = try copier(other.weight)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try Embedding(self, copier)
  }

  public override var details: String { "\(numEmbeddings), \(embeddingDim)\(options.details)" }

  public override func forward(_ input: Tensor) throws -> Tensor {
    try Functional.embedding(input, weight: weight.value, options)
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
  public var paddingIndex: Int? { options.paddingIndex }
  /// Rows that are looked up and longer than this are scaled down to it, in the table; nil for any length.
  public var maxNorm: Double? { options.maxNorm }
  /// p of the p-norm that measures rows.
  public var normType: Double { options.normType }
  /// Whether a row's gradient is divided by the number of its places among a call's indices; not for maxima.
  public var scaleGradByFreq: Bool { options.scaleGradByFreq }
  /// `[N, D]`.
  public let weight: Parameter
  package let options: EmbeddingOptions

  /// Rows of normally distributed numbers. Traps when `paddingIndex`, counted from the end when negative, isn't a row.
  public init(
    _ numEmbeddings: Int, _ embeddingDim: Int, maxNorm: Double? = nil, normType: Double = 2,
    scaleGradByFreq: Bool = false, mode: EmbeddingBagMode = .mean,
    includeLastOffset: Bool = false, paddingIndex: Int? = nil
  ) {
    self.numEmbeddings = positive(numEmbeddings, "numEmbeddings", "EmbeddingBag")
    self.embeddingDim = positive(embeddingDim, "embeddingDim", "EmbeddingBag")
    self.mode = mode
    self.includeLastOffset = includeLastOffset
    options = EmbeddingOptions(
      paddingIndex: row(paddingIndex, of: numEmbeddings, "EmbeddingBag"), maxNorm: maxNorm,
      normType: normType, scaleGradByFreq: scaleGradByFreq)
    weight = Parameter(embeddingTable(numEmbeddings, embeddingDim, options.paddingIndex))
  }

  /// A layer around an existing table. torch's `from_pretrained`, which freezes it: here `weight.requiresGrad` does.
  ///
  /// - Throws: `shapeMismatch` when it isn't `[N, D]`; `outOfRange` when `paddingIndex` isn't a row.
  public convenience init(
    weight: Parameter, maxNorm: Double? = nil, normType: Double = 2,
    scaleGradByFreq: Bool = false, mode: EmbeddingBagMode = .mean,
    includeLastOffset: Bool = false, paddingIndex: Int? = nil
  ) throws {
    try self.init(
      weight: weight, mode: mode, includeLastOffset: includeLastOffset,
      EmbeddingOptions(
        paddingIndex: row(paddingIndex, of: weight.value, "EmbeddingBag"), maxNorm: maxNorm,
        normType: normType, scaleGradByFreq: scaleGradByFreq))
  }

  /// A layer around an existing table, with checked options.
  package init(
    weight: Parameter, mode: EmbeddingBagMode, includeLastOffset: Bool, _ options: EmbeddingOptions
  ) throws {
    (numEmbeddings, embeddingDim) = try tableSizes(weight.value, "EmbeddingBag")
    self.mode = mode
    self.includeLastOffset = includeLastOffset
    self.weight = weight
    self.options = options
  }

  private init(_ other: EmbeddingBag, _ copier: ModuleCopier) throws {
    numEmbeddings = other.numEmbeddings
    embeddingDim = other.embeddingDim
    mode = other.mode
    includeLastOffset = other.includeLastOffset
    options = other.options
    weight = try copier(other.weight)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try EmbeddingBag(self, copier)
  }

  public override var details: String {
    "\(numEmbeddings), \(embeddingDim)\(options.details), mode: \(mode.rawValue)"
  }

  public override func forward(_ input: Tensor, _ bags: Bags) throws -> Tensor {
    try Functional.embeddingBag(
      input, weight: weight.value, offsets: bags.offsets, mode: mode,
      perSampleWeights: bags.perSampleWeights, includeLastOffset: includeLastOffset, options)
  }
}

extension EmbeddingOptions {
  /// What differs from torch's defaults, for printing.
  package var details: String {
    (paddingIndex.map { ", paddingIndex: \($0)" } ?? "")
      + (maxNorm.map { ", maxNorm: \($0)" } ?? "")
      + (normType == 2 ? "" : ", normType: \(normType)")
      + (scaleGradByFreq ? ", scaleGradByFreq: true" : "")
  }
}

/// Normally distributed rows, but for the padding's.
private func embeddingTable(_ rows: Int, _ dim: Int, _ paddingIndex: Int?) -> Tensor {
  var values = RandomSource.shared.normal(count: Shapes.elementCount([rows, dim]) ?? 0)
  if let paddingIndex {
    for i in (paddingIndex * dim)..<((paddingIndex + 1) * dim) { values[i] = 0 }
  }
  return eager { try Tensor(values, shape: [rows, dim]) }
}

/// The row that an index means, counted from the end when negative; traps when there is none.
private func row(_ index: Int?, of rows: Int, _ layer: String) -> Int? {
  guard let index else { return nil }
  precondition(
    (-rows..<rows).contains(index),
    "\(layer): paddingIndex: expected a row in \(-rows)..<\(rows), received \(index)")
  return index < 0 ? index + rows : index
}

/// The row of a table that an index means, counted from the end when negative.
private func row(_ index: Int?, of weight: Tensor, _ layer: String) throws(OctetError) -> Int? {
  let rows = try tableSizes(weight, layer).0
  if let index, !(-rows..<rows).contains(index) {
    throw OctetError(
      .outOfRange, operation: layer, argument: "padding_idx",
      expected: "a row in \(-rows)..<\(rows)", received: "\(index)")
  }
  return row(index, of: rows, layer)
}

private func tableSizes(_ weight: Tensor, _ layer: String) throws(OctetError) -> (Int, Int) {
  guard weight.rank == 2 else {
    throw OctetError(
      .shapeMismatch, operation: layer, argument: "weight",
      expected: "shape [num_embeddings, embedding_dim]", received: "\(weight.shape)")
  }
  return (weight.shape[0], weight.shape[1])
}
