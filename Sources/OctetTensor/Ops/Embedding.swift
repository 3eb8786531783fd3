/// Rows of a real table. torch.nn.functional.embedding.
struct Embedding: DifferentiableOperator {
  static let torchName = "embedding"
  static let onnxName: String? = "Gather"
  static var widensHalf: Bool { true }

  var options = EmbeddingOptions()

  /// Inputs: weight `[N, D]` and indices of any shape.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try requireTable(inputs[0])
    try requireIndices(inputs[1], "input")
    try check(options)
    return TensorSpec(shape: inputs[1].shape + [inputs[0].shape[1]], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let indices = try inputs[1].contiguous()
    try checkIndices(indices, rows: inputs[0].shape[0])
    options.limitRows(of: inputs[0], at: indices.integers)
    let weight = try inputs[0].contiguous()
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

  /// The table may change before the gradient comes, such as when another call limits its rows.
  func savedInputs(_ inputs: [Tensor]) -> [Tensor] { [inputs[1]] }

  /// Each row's gradient is the sum of those of its places, in their order, divided by their number if asked; `paddingIndex`'s row gets
  /// none.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let table = context.inputSpecs[0].shape
    let indices = try context.inputs[0].contiguous().integers
    let dy = try context.gradient.contiguous()
    let result = try Tensor(repeating: Float(0), shape: table)
    let counts = options.frequencies(indices, rows: table[0])
    dy.withElements(Float.self) { dy in
      result.withMutableElements(Float.self) { sums in
        for (place, row) in indices.enumerated() where row != options.paddingIndex {
          let share = 1 / (counts?[row] ?? 1)
          for d in 0..<table[1] { sums[row * table[1] + d] += dy[place * table[1] + d] * share }
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
  let options: EmbeddingOptions

  /// Inputs: weight `[N, D]`, indices, then offsets and weights where the form has them.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try requireTable(inputs[0])
    guard !form.hasWeights || mode == .sum else {
      throw error(
        .invalidArgument, "per_sample_weights", expected: "none for mode \(mode.rawValue)",
        received: "weights", fix: "use mode sum")
    }
    try check(options)
    guard !options.scaleGradByFreq || mode != .max else {
      throw error(
        .invalidArgument, "scale_grad_by_freq", expected: "false for mode max",
        received: "true", fix: "use mode sum or mean")
    }
    return TensorSpec(shape: [try bagCount(form, inputs), inputs[0].shape[1]], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let bag = try bagArguments(form, inputs, rows: inputs[0].shape[0])
    options.limitRows(of: inputs[0], at: bag.indices.integers)
    let weight = try inputs[0].contiguous()
    let y = try Tensor(repeating: Float(0), shape: output.shape)
    let (indices, dim) = (bag.indices.integers, weight.shape[1])
    let starts = bag.offsets.integers
    let factors: [Float]? = try bag.weights?.elements()
    weight.withElements(Float.self) { table in
      y.withMutableElements(Float.self) { target in
        for b in 0..<output.shape[0] {
          let end = b + 1 < starts.count ? starts[b + 1] : indices.count
          let places = (starts[b]..<end).filter { indices[$0] != options.paddingIndex }
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
  ///   - maxNorm: rows that are looked up and longer than this are first scaled down to it, in place in `weight`, which must be
  ///     float32.
  ///   - normType: p of the p-norm that measures rows.
  ///   - scaleGradByFreq: whether a row's gradient is divided by the number of its places in `input`.
  public static func embedding(
    _ input: Tensor, weight: Tensor, paddingIndex: Int? = nil, maxNorm: Double? = nil,
    normType: Double = 2, scaleGradByFreq: Bool = false
  ) throws(OctetError) -> Tensor {
    try embedding(
      input, weight: weight,
      EmbeddingOptions(
        paddingIndex: paddingIndex, maxNorm: maxNorm, normType: normType,
        scaleGradByFreq: scaleGradByFreq))
  }

  /// `embedding` with its options.
  package static func embedding(_ input: Tensor, weight: Tensor, _ options: EmbeddingOptions)
    throws(OctetError) -> Tensor
  {
    let op = Embedding(options: options)
    try options.requireOwnRows(op, weight)
    return try apply(op, [weight, input])
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
  ///   - maxNorm: rows that are looked up and longer than this are first scaled down to it, in place in `weight`, which must be
  ///     float32.
  ///   - normType: p of the p-norm that measures rows.
  ///   - scaleGradByFreq: whether a row's gradient is divided by the number of its places in `input`; not for maxima. (On CPUs torch
  ///     divides by the number of another row's places when indices repeat.)
  public static func embeddingBag(
    _ input: Tensor, weight: Tensor, offsets: Tensor? = nil, mode: EmbeddingBagMode = .mean,
    perSampleWeights: Tensor? = nil, includeLastOffset: Bool = false, paddingIndex: Int? = nil,
    maxNorm: Double? = nil, normType: Double = 2, scaleGradByFreq: Bool = false
  ) throws(OctetError) -> Tensor {
    try embeddingBag(
      input, weight: weight, offsets: offsets, mode: mode, perSampleWeights: perSampleWeights,
      includeLastOffset: includeLastOffset,
      EmbeddingOptions(
        paddingIndex: paddingIndex, maxNorm: maxNorm, normType: normType,
        scaleGradByFreq: scaleGradByFreq))
  }

  /// `embeddingBag` with its options.
  package static func embeddingBag(
    _ input: Tensor, weight: Tensor, offsets: Tensor?, mode: EmbeddingBagMode,
    perSampleWeights: Tensor?, includeLastOffset: Bool, _ options: EmbeddingOptions
  ) throws(OctetError) -> Tensor {
    let form = BagForm(
      hasOffsets: offsets != nil, hasWeights: perSampleWeights != nil,
      includeLastOffset: includeLastOffset)
    let op = EmbeddingBag(mode: mode, form: form, options: options)
    try options.requireOwnRows(op, weight)
    return try apply(op, [weight, input] + [offsets, perSampleWeights].compactMap { $0 })
  }
}
