import OctetTensor

/// What a call of attention has besides query, key and value.
public struct AttentionArguments {
  /// Which keys are left out, `[N, S]` (`[S]` without batch): bool, where true leaves out, or float32, added to the scores.
  public var keyPaddingMask: Tensor?
  /// Which pairs are left out, `[L, S]` or `[N * heads, L, S]`, bool or float32.
  public var attentionMask: Tensor?
  /// Leaves out every key behind the query's own place.
  public var isCausal: Bool
  /// Whether the weights are given back.
  public var needsWeights: Bool
  /// Whether those are averaged over heads.
  public var averagesWeights: Bool

  /// The arguments of one call.
  public init(
    keyPaddingMask: Tensor? = nil, attentionMask: Tensor? = nil, isCausal: Bool = false,
    needsWeights: Bool = true, averagesWeights: Bool = true
  ) {
    self.keyPaddingMask = keyPaddingMask
    self.attentionMask = attentionMask
    self.isCausal = isCausal
    self.needsWeights = needsWeights
    self.averagesWeights = averagesWeights
  }
}

/// The sizes of an attention module.
public struct AttentionSizes: Sendable, Equatable {
  /// E, the size of queries and results.
  public let embedding: Int
  /// Heads, a divisor of `embedding`.
  public let heads: Int
  /// The size of keys.
  public let key: Int
  /// The size of values.
  public let value: Int

  /// The elements that each head sees.
  public var head: Int { embedding / heads }

  /// Traps when the heads don't divide the embedding.
  public init(embedding: Int, heads: Int, key: Int? = nil, value: Int? = nil) {
    self.embedding = positive(embedding, "embedding", "MultiheadAttention")
    self.heads = positive(heads, "heads", "MultiheadAttention")
    self.key = positive(key ?? embedding, "key", "MultiheadAttention")
    self.value = positive(value ?? embedding, "value", "MultiheadAttention")
    precondition(
      embedding % heads == 0,
      "MultiheadAttention: heads: expected a divisor of \(embedding), received \(heads)")
  }
}

/// The base of attention modules: real, quantizable and quantized ones.
open class AttentionModule: Module {
  /// The sizes.
  public let sizes: AttentionSizes
  /// The probability of a weight's being zeroed while training.
  public let dropout: Double
  /// True when keys and values get a row of zeros.
  public let addsZeroAttention: Bool
  /// True when the batch comes first: `[N, L, E]` instead of `[L, N, E]`.
  public let isBatchFirst: Bool

  /// What all forms have.
  public init(sizes: AttentionSizes, dropout: Double, addsZeroAttention: Bool, isBatchFirst: Bool) {
    self.sizes = sizes
    self.dropout = dropout
    self.addsZeroAttention = addsZeroAttention
    self.isBatchFirst = isBatchFirst
  }

  /// Computes outputs and, when asked, weights of sequences-first tensors `[L, N, E]`. Subclasses override this.
  open func attend(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ arguments: AttentionArguments
  ) throws -> (output: Tensor, weights: Tensor?) {
    throw OctetError(
      .unsupportedModule, operation: "forward", expected: "a module that overrides attend",
      received: "\(type(of: self))")
  }

  /// The outputs of self-attention: query, key and value are the input.
  public final override func forward(_ input: Tensor) throws -> Tensor {
    try arranged(input, input, input, AttentionArguments(needsWeights: false)).output
  }

  /// Runs the module, trapping on mistakes unless inside `collectingErrors`.
  ///
  /// - Parameters:
  ///   - query: `[L, N, E]`, with the batch first `[N, L, E]`, without batch `[L, E]`.
  ///   - key: `[S, N, kE]` likewise.
  ///   - value: `[S, N, vE]` likewise.
  ///   - arguments: masks, and which weights to give back.
  /// - Returns: outputs of the query's shape; weights `[N, L, S]`, or `[N, heads, L, S]` when they aren't averaged, without N
  ///   when the query has no batch.
  public final func callAsFunction(
    _ query: Tensor, _ key: Tensor, _ value: Tensor,
    _ arguments: AttentionArguments = AttentionArguments()
  ) -> (output: Tensor, weights: Tensor?) {
    running(AttentionModule.self, orElse: (Tensor.placeholder, Tensor.placeholder)) {
      try $0.recordedAttention(query, key, value, arguments, of: self)
    }
  }

  /// `arranged`, told to the task's recorder as a call of `handle`.
  private func recordedAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ arguments: AttentionArguments,
    of handle: Module
  ) throws -> (output: Tensor, weights: Tensor?) {
    guard let recorder = ExecutionMode.recorder else {
      return try arranged(query, key, value, arguments)
    }
    let tensors = [query, key, value, arguments.keyPaddingMask, arguments.attentionMask]
    let call = AttentionCall(tensors: tensors, arguments: arguments)
    let results = try recorder.record(call, of: handle) {
      let result = try arranged(query, key, value, arguments)
      return [result.output] + (result.weights.map { [$0] } ?? [])
    }
    return (results.first ?? .placeholder, results.dropFirst().first)
  }

  /// Runs the module; the first mistake anywhere inside is thrown with the module's path.
  public final func evaluate(
    _ query: Tensor, _ key: Tensor, _ value: Tensor,
    _ arguments: AttentionArguments = AttentionArguments()
  ) throws -> (output: Tensor, weights: Tensor?) {
    try collectingErrors {
      unrecordedUnlessTraining { callAsFunction(query, key, value, arguments) }
    }
  }

  /// Brings sequences first, computes, and puts the result into the order of the query.
  private func arranged(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ arguments: AttentionArguments
  ) throws -> (output: Tensor, weights: Tensor?) {
    if query.isPlaceholder || key.isPlaceholder || value.isPlaceholder {
      return (Tensor.placeholder, Tensor.placeholder)
    }
    let isBatched = query.rank == 3
    try check(query, "query", sizes.embedding, isBatched)
    try check(key, "key", sizes.key, isBatched)
    try check(value, "value", sizes.value, isBatched)
    guard key.shape.dropLast() == value.shape.dropLast() else {
      throw error(
        "value", expected: "as many places as the key's \(key.shape)", received: "\(value.shape)")
    }
    var arguments = arguments
    if !isBatched, let mask = arguments.keyPaddingMask {
      arguments.keyPaddingMask = try mask.unsqueezed(0)
    }
    func arrange(_ x: Tensor) throws -> Tensor {
      if !isBatched { return try x.unsqueezed(1) }
      return isBatchFirst ? try x.transposed(0, 1) : x
    }
    let q = try arrange(query)
    let k = key === query ? q : try arrange(key)
    let v = value === key ? k : value === query ? q : try arrange(value)
    guard q.shape[1] == k.shape[1] else {
      throw error("key", expected: "a batch of \(q.shape[1])", received: "\(key.shape)")
    }
    let result = try attend(q, k, v, arguments)
    if !isBatched {
      return (try result.output.squeezed(1), try result.weights?.squeezed(0))
    }
    return (isBatchFirst ? try result.output.transposed(0, 1) : result.output, result.weights)
  }

  private func check(_ tensor: Tensor, _ argument: String, _ size: Int, _ isBatched: Bool) throws {
    guard tensor.rank == (isBatched ? 3 : 2), tensor.shape.last == size else {
      let order = isBatchFirst ? "N, L" : "L, N"
      throw error(
        argument,
        expected: isBatched
          ? "shape [\(order), \(size)]" : "shape [L, \(size)] or [\(order), \(size)]",
        received: "\(tensor.shape)")
    }
  }

  private func error(_ argument: String, expected: String, received: String) -> OctetError {
    OctetError(
      .shapeMismatch, operation: "MultiheadAttention", argument: argument, expected: expected,
      received: received)
  }
}
