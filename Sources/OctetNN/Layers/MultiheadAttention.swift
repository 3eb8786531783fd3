import OctetTensor

/// Attention of several heads: `softmax(q kᵀ / √d) v` on projections of queries, keys and values, projected once more. State under
/// torch's names. torch.nn.MultiheadAttention.
public final class MultiheadAttention: AttentionModule {
  /// `[3E, E]`: the projections of query, key and value one below the other; nil when keys or values have another size.
  public let inProjWeight: Parameter?
  /// `[E, E]`, nil when `inProjWeight` holds it.
  public let qProjWeight: Parameter?
  /// `[E, kE]`, nil when `inProjWeight` holds it.
  public let kProjWeight: Parameter?
  /// `[E, vE]`, nil when `inProjWeight` holds it.
  public let vProjWeight: Parameter?
  /// `[3E]`, nil for none.
  public let inProjBias: Parameter?
  /// A key behind all others, `[1, 1, E]`, nil for none.
  public let biasK: Parameter?
  /// The value of that key.
  public let biasV: Parameter?
  /// E to E.
  public let outProj: NonDynamicallyQuantizableLinear

  /// A module with random weights: projections uniform by Glorot's rule, biases 0.
  ///
  /// - Parameters:
  ///   - embedDim: E; traps unless `numHeads` divides it.
  ///   - numHeads: the heads.
  ///   - dropout: the probability of a weight's being zeroed while training.
  ///   - bias: whether projections have one.
  ///   - addBiasKV: whether a learnt key and value stand behind all others.
  ///   - addZeroAttention: whether a key and value of zeros stand behind all others.
  ///   - keyDim: the size of keys, E when nil.
  ///   - valueDim: the size of values, E when nil.
  ///   - batchFirst: `[N, L, E]` instead of `[L, N, E]`.
  public init(
    _ embedDim: Int, numHeads: Int, dropout: Double = 0, bias: Bool = true,
    addBiasKV: Bool = false, addZeroAttention: Bool = false, keyDim: Int? = nil,
    valueDim: Int? = nil, batchFirst: Bool = false
  ) {
    let sizes = AttentionSizes(embedding: embedDim, heads: numHeads, key: keyDim, value: valueDim)
    func projection(_ rows: Int, _ columns: Int) -> Parameter {
      Parameter(
        uniformWeights(
          [rows, columns], bound: (6 / Double(rows + columns)).squareRoot(), "MultiheadAttention"))
    }
    func row() -> Parameter {
      Parameter(
        uniformWeights([1, 1, embedDim], bound: (3 / Double(embedDim)).squareRoot(), "bias"))
    }
    let isPacked = sizes.key == embedDim && sizes.value == embedDim
    inProjWeight = isPacked ? projection(3 * embedDim, embedDim) : nil
    qProjWeight = isPacked ? nil : projection(embedDim, embedDim)
    kProjWeight = isPacked ? nil : projection(embedDim, sizes.key)
    vProjWeight = isPacked ? nil : projection(embedDim, sizes.value)
    inProjBias =
      bias ? Parameter(eager { try Tensor(repeating: Float(0), shape: [3 * embedDim]) }) : nil
    biasK = addBiasKV ? row() : nil
    biasV = addBiasKV ? row() : nil
    outProj = NonDynamicallyQuantizableLinear(embedDim, embedDim, bias: bias)
    outProj.bias?.value = eager { try Tensor(repeating: Float(0), shape: [embedDim]) }
    super.init(
      sizes: sizes, dropout: dropout, addsZeroAttention: addZeroAttention,
      isBatchFirst: batchFirst)
  }

  private init(_ other: MultiheadAttention, _ copier: ModuleCopier) throws {
    inProjWeight = try copier(other.inProjWeight)
    qProjWeight = try copier(other.qProjWeight)
    kProjWeight = try copier(other.kProjWeight)
    vProjWeight = try copier(other.vProjWeight)
    inProjBias = try copier(other.inProjBias)
    biasK = try copier(other.biasK)
    biasV = try copier(other.biasV)
    outProj = try copier(other.outProj)
    super.init(
      sizes: other.sizes, dropout: other.dropout, addsZeroAttention: other.addsZeroAttention,
      isBatchFirst: other.isBatchFirst)
  }

  public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
    try MultiheadAttention(self, copier)
  }

  /// The part of a projection that makes queries (0), keys (1) or values (2).
  package func projection(_ part: Int) throws -> (weight: Tensor, bias: Tensor?) {
    let rows = (part * sizes.embedding)..<((part + 1) * sizes.embedding)
    let bias = try inProjBias?.value.slice(dim: 0, rows)
    if let inProjWeight { return (try inProjWeight.value.slice(dim: 0, rows), bias) }
    guard let weight = [qProjWeight, kProjWeight, vProjWeight][part] else {
      throw OctetError(
        .stateMismatch, operation: "MultiheadAttention", argument: "in_proj_weight",
        expected: "a weight for each projection", received: "none")
    }
    return (weight.value, bias)
  }

  public override func attend(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ arguments: AttentionArguments
  ) throws -> (output: Tensor, weights: Tensor?) {
    let (q, k, v) = try projected(query, key, value)
    let (output, weights) = try scored(q, k, v, behind: (biasK, biasV), arguments)
    return (try asItLies(output) { outProj($0) }, weights)
  }

  /// Query, key and value by their projections: in one product when they are one tensor.
  private func projected(_ query: Tensor, _ key: Tensor, _ value: Tensor) throws -> (
    Tensor, Tensor, Tensor
  ) {
    let size = sizes.embedding
    if query === key, key === value, let inProjWeight {
      let all = try asItLies(query) {
        try Functional.linear($0, weight: inProjWeight.value, bias: inProjBias?.value)
      }
      return (
        try all.slice(dim: 2, 0..<size), try all.slice(dim: 2, size..<(2 * size)),
        try all.slice(dim: 2, (2 * size)..<(3 * size))
      )
    }
    func linear(_ input: Tensor, _ part: Int) throws -> Tensor {
      let (weight, bias) = try projection(part)
      return try asItLies(input) { try Functional.linear($0, weight: weight, bias: bias) }
    }
    return (try linear(query, 0), try linear(key, 1), try linear(value, 2))
  }
}
