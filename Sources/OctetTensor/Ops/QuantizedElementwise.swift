/// Differences, quotients and extremes of two quantized tensors, with an output scale and zero point of their own. torch has none of
/// them; the rule is the one of its quantized::add: real values in float32, the function, rounding.
struct QuantizedElementwise: QuantizedOperator {
  static let torchName = "quantized elementwise"

  enum Kind: String, Sendable, CaseIterable {
    case subtract = "quantized::sub"
    case divide = "quantized::div"
    case minimum = "quantized::minimum"
    case maximum = "quantized::maximum"
  }

  let kind: Kind
  let result: QuantizedArithmeticResult

  var name: String { kind.rawValue }

  /// The rule for sums holds for every function of two operands.
  private var sum: QuantizedAdd { QuantizedAdd(result: result) }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    do throws(OctetError) {
      return try sum.outputSpec(inputs)
    } catch {
      var renamed = error
      renamed.operation = name
      throw renamed
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    if kind == .subtract, output.dtype != .qint32 {
      return try sum.evaluateQuantized([inputs[0], inputs[1].complemented()], output)
    }
    let rules = QuantizedBinaryRules(
      a: try rules(inputs[0].spec), b: try rules(inputs[1].spec), y: try rules(output))
    let (a, b, format) = try broadcastOperands(inputs[0], inputs[1], output.shape)
    let target = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer,
      format: format)
    switch output.dtype {
    case .quint8: combine(a, b, target, rules, UInt8.self)
    case .qint8: combine(a, b, target, rules, Int8.self)
    default: combine(a, b, target, rules, Int32.self)
    }
    return target
  }

  private func combine<Scalar: TensorScalar & FixedWidthInteger>(
    _ a: Tensor, _ b: Tensor, _ target: Tensor, _ rules: QuantizedBinaryRules,
    _ type: Scalar.Type
  ) {
    a.withElements(type) { x in
      b.withElements(type) { y in
        target.withMutableElements(type) { z in
          for i in 0..<z.count {
            let value = function(rules.a.real(Int32(x[i])), rules.b.real(Int32(y[i])))
            let code = rules.y.code(value)
            z[i] = Scalar(truncatingIfNeeded: result.relu ? max(code, rules.y.zeroPoint) : code)
          }
        }
      }
    }
  }

  private func function(_ x: Float, _ y: Float) -> Float {
    switch kind {
    case .subtract: x - y
    case .divide: x / y
    case .minimum: min(x, y)
    case .maximum: max(x, y)
    }
  }
}

extension Tensor {
  /// The negated real values, exactly: every code and the zero point from the other end of the range. 8-bit types per tensor.
  fileprivate func complemented() throws(OctetError) -> Tensor {
    guard case .perTensor(let scale, let zeroPoint)? = quantizer?.parameters else { return self }
    let ends: Int32 = dtype == .quint8 ? 255 : -1
    let spec = TensorSpec(
      shape: shape, dtype: dtype,
      quantizer: Quantizer(
        trusted: .perTensor(scale: scale, zeroPoint: Int(ends) - zeroPoint)))
    return try mapCodes(spec, operation: "quantized::sub") { ends - $0 }
  }
}

/// Sums of quantized elements over some dimensions. torch has none; the sum is exact, the rest as in quantized::matmul.
struct QuantizedSum: QuantizedOperator {
  static let torchName = "quantized::sum"

  let dims: [Int]
  let keepDims: Bool
  let scale: Double
  let zeroPoint: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: Self.elementwiseTypes)
    try requirePerTensor(x, "input")
    let gone = try reducedAxes(dims, rank: x.rank)
    return TensorSpec(
      shape: Shapes.reduced(x.shape, gone, keepDims: keepDims), dtype: x.dtype,
      quantizer: try Quantizer(
        scale: scale, zeroPoint: zeroPoint, dtype: x.dtype, operation: Self.torchName))
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (from, to) = (try rules(inputs[0].spec), try rules(output))
    let lanes = try ReducedLanes(inputs[0], reducedAxes(dims, rank: inputs[0].rank))
    let factor = from.scale / to.scale
    func sums<Scalar: TensorScalar & FixedWidthInteger>(_ type: Scalar.Type)
      throws(OctetError) -> Tensor
    {
      try lanes.reduce(output, type) { lane in
        let total = lane.reduce(Int64(0)) { $0 + (Int64($1) - Int64(from.zeroPoint)) }
        return Scalar(truncatingIfNeeded: to.code(steps: Float(total) * factor))
      }
    }
    switch output.dtype {
    case .quint8: return try sums(UInt8.self)
    case .qint8: return try sums(Int8.self)
    default: return try sums(Int32.self)
    }
  }
}

extension Functional {
  // Quantized operands are quint8, qint8 or qint32 of one dtype, per tensor, and broadcast.

  /// `x - y` of quantized tensors, as `quantizedAdd`.
  public static func quantizedSubtract(
    _ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int, relu: Bool = false
  ) throws(OctetError) -> Tensor {
    try combine(.subtract, x, y, scale, zeroPoint, relu)
  }

  /// `x / y` of quantized tensors, the real values divided in float32 and rounded: division by 0 saturates by its sign, and
  /// 0 / 0 is the largest code, as every NaN.
  public static func quantizedDivide(
    _ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int, relu: Bool = false
  ) throws(OctetError) -> Tensor {
    try combine(.divide, x, y, scale, zeroPoint, relu)
  }

  /// The smaller real value of two quantized elements, rounded.
  public static func quantizedMinimum(
    _ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try combine(.minimum, x, y, scale, zeroPoint, false)
  }

  /// The larger real value of two quantized elements, rounded.
  public static func quantizedMaximum(
    _ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try combine(.maximum, x, y, scale, zeroPoint, false)
  }

  private static func combine(
    _ kind: QuantizedElementwise.Kind, _ x: Tensor, _ y: Tensor, _ scale: Double,
    _ zeroPoint: Int, _ relu: Bool
  ) throws(OctetError) -> Tensor {
    let result = QuantizedArithmeticResult(scale: scale, zeroPoint: zeroPoint, relu: relu)
    return try apply(QuantizedElementwise(kind: kind, result: result), [x, y])
  }

  /// The sum of quantized elements over `dims`, all of them when the list is empty:
  /// `clamp(zo + rint(sum(q - z) * s / so))` with the exact sum.
  public static func quantizedSum(
    _ input: Tensor, dims: [Int] = [], keepDims: Bool = false, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    try apply(
      QuantizedSum(dims: dims, keepDims: keepDims, scale: scale, zeroPoint: zeroPoint), [input])
  }

  /// Batches of matrix products on integers: `[B, M, K]` times `[B, K, N]`, as `quantizedMatmul`.
  public static func quantizedBmm(_ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int)
    throws(OctetError) -> Tensor
  {
    try requireBatches(x, y)
    return try quantizedMatmul(x, y, scale: scale, zeroPoint: zeroPoint)
  }

  /// Refuses operands of `bmm` that aren't batches of one size.
  static func requireBatches(_ x: Tensor, _ y: Tensor) throws(OctetError) {
    guard x.rank == 3, y.rank == 3, x.shape[0] == y.shape[0] else {
      throw OctetError(
        .shapeMismatch, operation: "bmm", argument: x.rank == 3 ? "mat2" : "input",
        expected: "shapes [B, M, K] and [B, K, N]", received: "\(x.shape) and \(y.shape)",
        fix: "use matmul, which broadcasts batches")
    }
  }
}
