import OctetNN
import OctetTensor

/// What quantizable and quantized attention share: projections, scores and the output's projection as parts of their own. Scores are
/// real in both; stubs mark where integers end and begin.
public class AttentionParts: AttentionModule {
  /// Makes queries.
  public let linearQ: OctetNN.Linear
  /// Makes keys.
  public let linearK: OctetNN.Linear
  /// Makes values.
  public let linearV: OctetNN.Linear
  /// E to E.
  public let outProj: OctetNN.Linear
  /// A key behind all others, `[1, 1, E]`, nil for none; quantized in the quantized form.
  public let biasK: StateTensor?
  /// The value of that key.
  public let biasV: StateTensor?
  private let qScalingProduct: FloatFunctional
  private let quantAttnOutput: QuantStub
  private let quantAttnOutputWeights: QuantStub
  private let dequantQ: DeQuantStub
  private let dequantK: DeQuantStub
  private let dequantV: DeQuantStub

  /// The parts of a float module, sharing its parameters or views of them.
  fileprivate init(of float: OctetNN.MultiheadAttention) throws {
    func projection(_ part: Int) throws -> OctetNN.Linear {
      let (weight, bias) = try float.projection(part)
      return try OctetNN.Linear(
        weight: Parameter(weight), bias: bias.map { Parameter($0) })
    }
    linearQ = try projection(0)
    linearK = try projection(1)
    linearV = try projection(2)
    outProj = try float.outProj.sharing()
    (biasK, biasV) = (float.biasK, float.biasV)
    qScalingProduct = FloatFunctional()
    (quantAttnOutput, quantAttnOutputWeights) = (QuantStub(), QuantStub())
    (dequantQ, dequantK, dequantV) = (DeQuantStub(), DeQuantStub(), DeQuantStub())
    super.init(
      sizes: float.sizes, dropout: float.dropout, addsZeroAttention: float.addsZeroAttention,
      isBatchFirst: float.isBatchFirst)
  }

  /// The same parts, around other extra keys and values.
  fileprivate init(of other: AttentionParts, biasK: StateTensor?, biasV: StateTensor?) {
    (linearQ, linearK, linearV) = (other.linearQ, other.linearK, other.linearV)
    outProj = other.outProj
    (self.biasK, self.biasV) = (biasK, biasV)
    qScalingProduct = other.qScalingProduct
    quantAttnOutput = other.quantAttnOutput
    quantAttnOutputWeights = other.quantAttnOutputWeights
    (dequantQ, dequantK, dequantV) = (other.dequantQ, other.dequantK, other.dequantV)
    super.init(
      sizes: other.sizes, dropout: other.dropout, addsZeroAttention: other.addsZeroAttention,
      isBatchFirst: other.isBatchFirst)
  }

  /// The copies of a module's parts.
  fileprivate init(_ other: AttentionParts, _ copier: ModuleCopier) throws {
    linearQ = try copier(other.linearQ)
    linearK = try copier(other.linearK)
    linearV = try copier(other.linearV)
    outProj = try copier(other.outProj)
    biasK = try copier(other.biasK)
    biasV = try copier(other.biasV)
    qScalingProduct = try copier(other.qScalingProduct)
    quantAttnOutput = try copier(other.quantAttnOutput)
    quantAttnOutputWeights = try copier(other.quantAttnOutputWeights)
    dequantQ = try copier(other.dequantQ)
    dequantK = try copier(other.dequantK)
    dequantV = try copier(other.dequantV)
    super.init(
      sizes: other.sizes, dropout: other.dropout, addsZeroAttention: other.addsZeroAttention,
      isBatchFirst: other.isBatchFirst)
  }

  /// The parts under torch's names: linear_Q, linear_K and linear_V end in capitals.
  public override func ownChildren() -> [(name: String, module: Module)] {
    super.ownChildren().map { name, module in
      (name.hasPrefix("linear_") ? name.capitalizingLast : name, module)
    }
  }

  public override func attend(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ arguments: AttentionArguments
  ) throws -> (output: Tensor, weights: Tensor?) {
    let batch = query.shape[1]
    let q = qScalingProduct.mulScalar(
      linearQ(query), 1 / Double(sizes.head).squareRoot())
    let (k, extra) = try extended(linearK(key), by: biasK)
    let (v, _) = try extended(linearV(value), by: biasV)
    let scores = AttentionScores(
      batch: batch, heads: sizes.heads, dropout: isTraining ? dropout : 0)
    let mask = try scores.mask(
      arguments, targets: query.shape[0], sources: key.shape[0], extra: extra)
    let (output, weights) = try scores(
      dequantQ(scores.split(q)), dequantK(scores.split(k)),
      dequantV(scores.split(v)), mask: mask)
    let result = try outProj(quantAttnOutput(scores.joined(output)))
    let integers = quantAttnOutputWeights(weights)
    return (
      result,
      arguments.needsWeights
        ? try scores.weights(integers, averaged: arguments.averagesWeights) : nil
    )
  }

  /// Keys or values with the extra rows behind them, and how many those are.
  private func extended(_ rows: Tensor, by bias: StateTensor?) throws -> (Tensor, Int) {
    var (result, extra) = (rows, 0)
    let shape = [1, rows.shape[1], sizes.embedding]
    if let bias {
      result = try Functional.concatenate([result, bias.value.expanded(shape)])
      extra += 1
    }
    if addsZeroAttention {
      var zeros = try Tensor(repeating: Float(0), shape: shape)
      if rows.isQuantized {
        zeros = try Functional.quantizePerTensor(
          zeros, scale: rows.qScale(), zeroPoint: rows.qZeroPoint(), dtype: rows.dtype)
      }
      result = try Functional.concatenate([result, zeros])
      extra += 1
    }
    return (result, extra)
  }
}

extension String {
  /// The same with a capital at the end.
  fileprivate var capitalizingLast: String { dropLast() + suffix(1).uppercased() }
}

extension Quantizable {
  /// Attention rebuilt of linear layers and stubs that can be observed: what `prepare` makes of a float one.
  /// torch.ao.nn.quantizable.MultiheadAttention.
  public final class MultiheadAttention: AttentionParts {
    /// The form of a float module: parameters are shared, those of packed projections as views.
    public init(_ float: OctetNN.MultiheadAttention) throws { try super.init(of: float) }

    private override init(_ other: AttentionParts, _ copier: ModuleCopier) throws {
      try super.init(other, copier)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try MultiheadAttention(self, copier)
    }
  }
}

extension Quantized {
  /// Attention whose projections compute on integers and whose scores are real. torch.ao.nn.quantized.MultiheadAttention.
  public final class MultiheadAttention: AttentionParts {
    /// The form of an observed module: its parts, which are converted on their own, and the extra key and value as quint8 by the
    /// run-time rule.
    init(_ observed: Quantizable.MultiheadAttention) throws {
      func quantized(_ bias: StateTensor?) throws -> Buffer? {
        guard let bias else { return nil }
        let chosen = try Functional.chooseQParamsPerTensor(bias.value)
        return Buffer(
          try Functional.quantizePerTensor(
            bias.value, scale: chosen.scale, zeroPoint: chosen.zeroPoint, dtype: .quint8))
      }
      try super.init(
        of: observed, biasK: quantized(observed.biasK), biasV: quantized(observed.biasV))
    }

    private override init(_ other: AttentionParts, _ copier: ModuleCopier) throws {
      try super.init(other, copier)
    }

    public override func makeCopy(_ copier: ModuleCopier) throws -> Module {
      try MultiheadAttention(self, copier)
    }
  }
}
