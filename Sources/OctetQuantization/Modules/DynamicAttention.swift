import OctetNN
import OctetTensor
import Synchronization

extension Dynamic {
  /// Attention of several heads whose projections quantize their input as it comes; scores, softmax and sums of values are real.
  ///
  /// Computes what four `Dynamic.Linear` layers around `softmax(q kᵀ / √d) v` compute, bit for bit. The projections of queries, keys
  /// and values are one product of integers on one quantized input when they read the same tensor. torch has no such module.
  public final class MultiheadAttention: AttentionModule {
    /// E to 3E: queries, keys and values, one below the other; nil when keys or values have another size.
    public let inProj: Linear?
    /// E to E, nil when `inProj` holds it.
    public let qProj: Linear?
    /// kE to E, nil when `inProj` holds it.
    public let kProj: Linear?
    /// vE to E, nil when `inProj` holds it.
    public let vProj: Linear?
    /// A key behind all others, `[1, 1, E]`, nil for none.
    public let biasK: StateTensor?
    /// The value of that key.
    public let biasV: StateTensor?
    /// E to E.
    public let outProj: Linear
    private let parts = ProjectionParts()

    /// The dynamic form of a float module. Each projection's weight is quantized by its own observer.
    init(_ float: OctetNN.MultiheadAttention, _ context: ConversionContext) throws {
      func layer(_ part: Int) throws -> Linear {
        let (weight, bias) = try float.projection(part)
        return try Linear(
          OctetNN.Linear(weight: Parameter(weight), bias: bias.map { Parameter($0) }), context)
      }
      if let weight = float.inProjWeight?.value {
        inProj = try Self.stacked((0..<3).map(layer), weight, float.inProjBias?.value)
        (qProj, kProj, vProj) = (nil, nil, nil)
      } else {
        inProj = nil
        (qProj, kProj, vProj) = (try layer(0), try layer(1), try layer(2))
      }
      (biasK, biasV) = (float.biasK, float.biasV)
      outProj = try Linear(float.outProj, context)
      super.init(
        sizes: float.sizes, dropout: float.dropout, addsZeroAttention: float.addsZeroAttention,
        isBatchFirst: float.isBatchFirst)
    }

    private init(_ other: MultiheadAttention, _ copier: ModuleCopier) throws {
      inProj = try copier(other.inProj)
      qProj = try copier(other.qProj)
      kProj = try copier(other.kProj)
      vProj = try copier(other.vProj)
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

    /// One layer of the outputs of all: the whole real weight with a scale and zero point for each row, the ones that the layers have.
    private static func stacked(_ layers: [Linear], _ weight: Tensor, _ bias: Tensor?) throws
      -> Linear
    {
      var (scales, zeroPoints): ([Double], [Int]) = ([], [])
      for layer in layers {
        let rows = layer.weight.shape[0]
        switch layer.weight.quantizer?.parameters {
        case nil: return try Linear(roundingToHalf: weight, bias: bias)
        case .perTensor(let scale, let zeroPoint):
          scales += Array(repeating: scale, count: rows)
          zeroPoints += Array(repeating: zeroPoint, count: rows)
        case .perChannel(let own, let zeros, _):
          scales += own
          zeroPoints += zeros
        case .perChannelFloat:
          throw OctetError(
            .invalidConfiguration, operation: "quantize_dynamic", argument: "weight",
            expected: "a weight observer with integer zero points",
            received: layer.weight.quantizer?.scheme.rawValue ?? "")
        }
      }
      let quantizer = try Quantizer(
        scales: scales, zeroPoints: zeroPoints, axis: 0, shape: weight.shape, dtype: .qint8)
      return try Linear(
        weight: Functional.quantize(weight, quantizer, dtype: .qint8), bias: bias,
        reduceRange: layers[0].reduceRange)
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
      func rows(_ part: Int) -> Range<Int> { (part * size)..<((part + 1) * size) }
      guard let inProj else {
        func linear(_ layer: Linear?, _ input: Tensor) throws -> Tensor {
          try asItLies(input) { x in layer?(x) ?? x }
        }
        return (try linear(qProj, query), try linear(kProj, key), try linear(vProj, value))
      }
      if query === key, key === value {
        let all = try asItLies(query) { inProj($0) }
        return (
          try all.slice(dim: 2, rows(0)), try all.slice(dim: 2, rows(1)),
          try all.slice(dim: 2, rows(2))
        )
      }
      func linear(_ input: Tensor, _ part: Int) throws -> Tensor {
        try asItLies(input) { try parts.linear($0, inProj, part, rows(part)) }
      }
      return (try linear(query, 0), try linear(key, 1), try linear(value, 2))
    }
  }
}

/// Packed rows of a layer, made when they are first used: a cache without state.
private final class ProjectionParts: StateGroup, Sendable {
  private struct Cache {
    var whole: PackedLinear?
    var parts: [Int: PackedLinear] = [:]
  }
  private let cache = Mutex(Cache())

  var entries: [(name: String, tensor: Tensor)] { [] }

  func load(_ state: [String: Tensor], isTrial: Bool) throws {}

  func releaseCache() { cache.withLock { $0 = Cache() } }

  /// Some outputs of a layer.
  func linear(_ input: Tensor, _ layer: Dynamic.Linear, _ part: Int, _ rows: Range<Int>) throws
    -> Tensor
  {
    guard let whole = layer.packed else {
      let weight = try layer.weight.slice(dim: 0, rows).converted(to: .float32)
      return try Functional.linear(
        input, weight: weight, bias: layer.bias?.slice(dim: 0, rows))
    }
    let packed = try cache.withLock { cache in
      // Loading a state gives the layer other weights.
      if cache.whole !== whole { cache = Cache(whole: whole) }
      if let known = cache.parts[part] { return known }
      let fresh = try whole.rows(rows)
      cache.parts[part] = fresh
      return fresh
    }
    return try Functional.dynamicLinear(
      input, packed, reduceRange: layer.reduceRange, relu: false)
  }
}
