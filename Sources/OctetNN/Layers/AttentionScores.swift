import OctetTensor

extension AttentionModule {
  /// Outputs before the last projection `[L, N, E]`, and weights when asked, of projected queries `[L, N, E]`, keys and values
  /// `[S, N, E]`.
  ///
  /// - Parameter extra: a key and a value `[1, 1, E]` behind all others, nil for none.
  package final func scored(
    _ query: Tensor, _ key: Tensor, _ value: Tensor,
    behind extra: (key: StateTensor?, value: StateTensor?), _ arguments: AttentionArguments
  ) throws -> (output: Tensor, weights: Tensor?) {
    let batch = query.shape[1]
    func extended(_ rows: Tensor, _ row: StateTensor?) throws -> Tensor {
      let shape = [1, batch, sizes.embedding]
      var parts = [rows]
      if let row { parts.append(try row.value.expanded(shape)) }
      if addsZeroAttention { parts.append(try Tensor(repeating: Float(0), shape: shape)) }
      return parts.count == 1 ? rows : try Functional.concatenate(parts)
    }
    let (k, v) = (try extended(key, extra.key), try extended(value, extra.value))
    let scores = AttentionScores(
      batch: batch, heads: sizes.heads, dropout: isTraining ? dropout : 0)
    let mask = try scores.mask(
      arguments, targets: query.shape[0], sources: key.shape[0],
      extra: k.shape[0] - key.shape[0])
    let (output, weights) = try scores.attended(
      query, k, v, scale: 1 / Double(sizes.head).squareRoot(), mask: mask,
      needsWeights: arguments.needsWeights)
    return (
      output, try weights.map { try scores.weights($0, averaged: arguments.averagesWeights) }
    )
  }

  /// A function of single rows on `[L, N, E]`, without a copy when that is a view of `[N, L, E]`.
  package final func asItLies(_ x: Tensor, _ function: (Tensor) throws -> Tensor) throws -> Tensor {
    if ExecutionMode.recorder == nil, x.rank == 3, !x.isContiguous {
      let swapped = try x.transposed(0, 1)
      if swapped.isContiguous { return try function(swapped).transposed(0, 1) }
    }
    return try function(x)
  }
}

/// `softmax(q kᵀ + mask) v` for heads side by side, in float32.
package struct AttentionScores {
  /// N, the batch.
  package let batch: Int
  /// The heads.
  package let heads: Int
  /// The probability of a weight's being zeroed.
  package let dropout: Double

  /// Scores for a batch and its heads.
  package init(batch: Int, heads: Int, dropout: Double) {
    self.batch = batch
    self.heads = heads
    self.dropout = dropout
  }

  /// `[L, N, E]` as `[N * heads, L, E / heads]`.
  package func split(_ x: Tensor) throws -> Tensor {
    try x.contiguous().view([x.shape[0], batch * heads, x.shape[2] / heads]).transposed(0, 1)
  }

  /// `[N * heads, L, d]` as `[L, N, heads * d]`.
  package func joined(_ x: Tensor) throws -> Tensor {
    try x.transposed(0, 1).contiguous().view([x.shape[1], batch, heads * x.shape[2]])
  }

  /// Outputs `[N * heads, L, d]` and weights `[N * heads, L, S]` of scaled queries `[N * heads, L, d]` and of keys and values
  /// `[N * heads, S, d]`.
  package func callAsFunction(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?
  ) throws -> (output: Tensor, weights: Tensor) {
    var scores = try Functional.matmul(query, key.transposed(1, 2))
    if let mask {
      let shape = scores.shape
      let byHead = try scores.view([batch, heads, shape[1], shape[2]])
      scores = try Functional.add(byHead, mask).view(shape)
    }
    let weights = try Functional.dropout(
      Functional.softmax(scores, dim: -1), p: dropout, training: dropout > 0)
    return (try Functional.matmul(weights, value), weights)
  }

  /// Outputs `[L, N, E]` and, when asked, weights `[N * heads, L, S]` of queries `[L, N, E]` and of keys and values `[S, N, E]`.
  package func attended(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, scale: Double, mask: Tensor?,
    needsWeights: Bool
  ) throws -> (output: Tensor, weights: Tensor?) {
    let tensors = [query, key, value, mask].compactMap { $0 }
    if !needsWeights, dropout == 0, tensors.allSatisfy({ $0.dtype == .float32 }),
      !tensors.contains(where: \.isPlaceholder), ExecutionMode.joinsSteps(on: tensors)
    {
      let output = try Functional.headAttention(
        query, key, value, heads: heads, scale: scale, mask: mask)
      return (output, nil)
    }
    let scaled = try Functional.multiplyScalar(query, scale)
    let (output, weights) = try self(split(scaled), split(key), split(value), mask: mask)
    return (try joined(output), needsWeights ? weights : nil)
  }

  /// Weights `[N * heads, L, S]` as `[N, heads, L, S]`, or averaged over heads.
  package func weights(_ weights: Tensor, averaged: Bool) throws -> Tensor {
    let byHead = try weights.contiguous().view(
      [batch, heads, weights.shape[1], weights.shape[2]])
    return averaged ? try Functional.mean(byHead, dims: [1]) : byHead
  }

  /// What is added to the scores: of a shape that broadcasts to `[N, heads, L, S + extra]`, nil for nothing. Keys that a module
  /// adds behind the S given ones are never left out.
  package func mask(
    _ arguments: AttentionArguments, targets: Int, sources: Int, extra: Int
  ) throws -> Tensor? {
    var parts: [Tensor] = []
    if let mask = arguments.attentionMask {
      let shapes = [[targets, sources], [batch * heads, targets, sources]]
      guard shapes.contains(mask.shape) else {
        throw error(
          .shapeMismatch, "attentionMask", expected: "shape \(shapes[0]) or \(shapes[1])",
          received: "\(mask.shape)")
      }
      let outer = mask.rank == 2 ? [1, 1] : [batch, heads]
      parts.append(
        try additive(mask, "attentionMask", sources, extra).view(
          outer + [targets, sources + extra]))
    }
    if arguments.isCausal {
      let values = (0..<targets).flatMap { row in
        (0..<sources).map { $0 > row ? -Float.infinity : 0 } + [Float](repeating: 0, count: extra)
      }
      parts.append(try Tensor(values, shape: [1, 1, targets, sources + extra]))
    }
    if let mask = arguments.keyPaddingMask {
      guard mask.shape == [batch, sources] else {
        throw error(
          .shapeMismatch, "keyPaddingMask", expected: "shape \([batch, sources])",
          received: "\(mask.shape)")
      }
      parts.append(
        try additive(mask, "keyPaddingMask", sources, extra).view([batch, 1, 1, sources + extra]))
    }
    guard let first = parts.first else { return nil }
    return try parts.dropFirst().reduce(first) { try Functional.add($0, $1) }
  }

  /// A mask's rows as numbers to add, with `extra` zeros behind each.
  private func additive(_ mask: Tensor, _ argument: String, _ sources: Int, _ extra: Int) throws
    -> Tensor
  {
    let values: [Float]
    switch mask.dtype {
    case .bool:
      let leavesOut: [Bool] = try mask.elements()
      values = leavesOut.map { $0 ? -.infinity : 0 }
    case .float32: values = try mask.elements()
    default:
      throw error(
        .dtypeMismatch, argument, expected: "dtype bool or float32",
        received: "dtype \(mask.dtype.rawValue)")
    }
    if extra == 0 || sources == 0 { return try Tensor(values, shape: [values.count]) }
    let padded = stride(from: 0, to: values.count, by: sources).flatMap { row in
      values[row..<(row + sources)] + [Float](repeating: 0, count: extra)
    }
    return try Tensor(padded, shape: [padded.count])
  }

  private func error(
    _ code: OctetError.Code, _ argument: String, expected: String, received: String
  ) -> OctetError {
    OctetError(
      code, operation: "MultiheadAttention", argument: argument, expected: expected,
      received: received)
  }
}
