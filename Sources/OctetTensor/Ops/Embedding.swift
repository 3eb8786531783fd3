/// Rows of a real table. torch.nn.functional.embedding.
struct Embedding: DifferentiableOperator {
  static let torchName = "embedding"
  static let onnxName: String? = "Gather"
  static var widensHalf: Bool { true }

  /// The row that isn't trained, nil for none.
  var paddingIndex: Int?

  /// Inputs: weight `[N, D]` and indices of any shape.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try requireTable(inputs[0])
    try requireIndices(inputs[1], "input")
    return TensorSpec(shape: inputs[1].shape + [inputs[0].shape[1]], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let weight = try inputs[0].contiguous()
    let indices = try inputs[1].contiguous()
    try checkIndices(indices, rows: weight.shape[0])
    let y = try Tensor(uninitialized: output.shape, dtype: .float32)
    let dim = weight.shape[1]
    weight.withElements(Float.self) { table in
      y.withMutableElements(Float.self) { target in
        for (place, row) in indices.integers.enumerated() {
          for d in 0..<dim { target[place * dim + d] = table[row * dim + d] }
        }
      }
    }
    return y
  }

  /// Each row's gradient is the sum of those of its places, in their order; `paddingIndex`'s row gets none.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let table = context.inputSpecs[0].shape
    let indices = try context.inputs[1].contiguous().integers
    let dy = try context.gradient.contiguous()
    let result = try Tensor(repeating: Float(0), shape: table)
    dy.withElements(Float.self) { dy in
      result.withMutableElements(Float.self) { sums in
        for (place, row) in indices.enumerated() where row != paddingIndex {
          for d in 0..<table[1] { sums[row * table[1] + d] += dy[place * table[1] + d] }
        }
      }
    }
    return [result, nil]
  }
}

/// How the rows of a bag become one.
public enum EmbeddingBagMode: String, Sendable, CaseIterable {
  /// Their sum.
  case sum
  /// Their mean.
  case mean
  /// The largest of each element.
  case max
}

/// Sums, means or maxima over bags of rows of a real table. torch.nn.functional.embedding_bag.
struct EmbeddingBag: DifferentiableOperator {
  static let torchName = "embedding_bag"
  static var widensHalf: Bool { true }

  let mode: EmbeddingBagMode
  let form: BagForm
  /// The row that counts for nothing, nil for none.
  let paddingIndex: Int?

  /// Inputs: weight `[N, D]`, indices, then offsets and weights where the form has them.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try requireTable(inputs[0])
    guard !form.hasWeights || mode == .sum else {
      throw error(
        .invalidArgument, "per_sample_weights", expected: "none for mode \(mode.rawValue)",
        received: "weights", fix: "use mode sum")
    }
    return TensorSpec(shape: [try bagCount(form, inputs), inputs[0].shape[1]], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let weight = try inputs[0].contiguous()
    let bag = try bagArguments(form, inputs, rows: weight.shape[0])
    let y = try Tensor(repeating: Float(0), shape: output.shape)
    let (indices, dim) = (bag.indices.integers, weight.shape[1])
    let starts = bag.offsets.integers
    let factors: [Float]? = try bag.weights?.elements()
    weight.withElements(Float.self) { table in
      y.withMutableElements(Float.self) { target in
        for b in 0..<output.shape[0] {
          let end = b + 1 < starts.count ? starts[b + 1] : indices.count
          let places = (starts[b]..<end).filter { indices[$0] != paddingIndex }
          for (turn, place) in places.enumerated() {
            let factor = factors?[place] ?? 1
            for d in 0..<dim {
              let value = table[indices[place] * dim + d] * factor
              let sum = target[b * dim + d]
              target[b * dim + d] =
                mode == .max ? (turn == 0 ? value : Swift.max(sum, value)) : sum + value
            }
          }
          guard mode == .mean, places.count > 1 else { continue }
          for d in 0..<dim { target[b * dim + d] /= Float(places.count) }
        }
      }
    }
    return y
  }
}

extension Operator {
  /// Refuses tables that aren't float32 `[N, D]`.
  fileprivate func requireTable(_ weight: TensorSpec) throws(OctetError) {
    try require(weight, "weight", dtypes: [.float32])
    guard weight.rank == 2 else {
      throw error(
        .shapeMismatch, "weight", expected: "shape [num_embeddings, embedding_dim]",
        received: "\(weight.shape)")
    }
  }
}

extension Functional {
  /// The row of each index. torch.nn.functional.embedding.
  ///
  /// - Parameters:
  ///   - input: int32 or int64 of any shape, each in `0..<N`; the result is float32 of that shape with D appended.
  ///   - weight: float32 `[N, D]`.
  ///   - paddingIndex: a row that gradients don't reach.
  public static func embedding(_ input: Tensor, weight: Tensor, paddingIndex: Int? = nil)
    throws(OctetError) -> Tensor
  {
    try apply(Embedding(paddingIndex: paddingIndex), [weight, input])
  }

  /// Each bag's rows as one: `y[b] = sum(weights[i] * weight[indices[i]])`, their mean or their maximum, in float32 in the order of
  /// indices; an empty bag gives 0. torch.nn.functional.embedding_bag.
  ///
  /// - Parameters:
  ///   - input: int32 or int64 `[n]` with offsets, or `[bags, size]` without, each in `0..<N`.
  ///   - weight: float32 `[N, D]`; the result is `[bags, D]`.
  ///   - offsets: where each bag begins, from 0, never falling.
  ///   - mode: with weights, only the sum.
  ///   - perSampleWeights: float32 of the input's shape.
  ///   - includeLastOffset: the last offset is the end of the last bag.
  ///   - paddingIndex: a row that is left out of its bags.
  public static func embeddingBag(
    _ input: Tensor, weight: Tensor, offsets: Tensor? = nil, mode: EmbeddingBagMode = .mean,
    perSampleWeights: Tensor? = nil, includeLastOffset: Bool = false, paddingIndex: Int? = nil
  ) throws(OctetError) -> Tensor {
    let form = BagForm(
      hasOffsets: offsets != nil, hasWeights: perSampleWeights != nil,
      includeLastOffset: includeLastOffset)
    return try apply(
      EmbeddingBag(mode: mode, form: form, paddingIndex: paddingIndex),
      [weight, input] + [offsets, perSampleWeights].compactMap { $0 })
  }
}
