/// A function of two quantized tensors of one element type, broadcast, with an output scale and zero point of its own.
protocol QuantizedBinaryOperator: QuantizedOperator {
  var result: QuantizedArithmeticResult { get }
  static var function: Kernel.BinaryFunction { get }

  /// The function of one pair of integers.
  func code(_ a: Int32, _ b: Int32, _ rules: QuantizedBinaryRules) -> Int32
}

/// The output of quantized arithmetic.
struct QuantizedArithmeticResult: Sendable {
  let scale: Double
  let zeroPoint: Int
  let relu: Bool
}

/// The rules of both operands and the result.
struct QuantizedBinaryRules {
  let a: ScalarQuantization
  let b: ScalarQuantization
  let y: ScalarQuantization
}

extension QuantizedBinaryOperator {
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, y) = (inputs[0], inputs[1])
    try require(x, "x", dtypes: Self.elementwiseTypes)
    try require(y, "y", dtypes: Self.elementwiseTypes)
    guard x.dtype == y.dtype else {
      throw error(
        .dtypeMismatch, "y", expected: "x's dtype \(x.dtype.rawValue)",
        received: "dtype \(y.dtype.rawValue)", fix: "quantize both to one dtype")
    }
    try requirePerTensor(x, "x")
    try requirePerTensor(y, "y")
    return TensorSpec(
      shape: try broadcastShape(x.shape, y.shape), dtype: x.dtype,
      quantizer: try Quantizer(
        scale: result.scale, zeroPoint: result.zeroPoint, dtype: x.dtype,
        operation: Self.torchName))
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let rules = QuantizedBinaryRules(
      a: try rules(inputs[0].spec), b: try rules(inputs[1].spec), y: try rules(output))
    let (a, b, format) = try broadcastOperands(inputs[0], inputs[1], output.shape)
    let target = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer,
      format: format)
    if output.dtype != .qint32 {
      try Kernel.binary(
        Self.function, (a, rules.a), (b, rules.b), relu: result.relu, into: (target, rules.y),
        operation: Self.torchName)
      return target
    }
    a.withElements(Int32.self) { x in
      b.withElements(Int32.self) { y in
        target.withMutableElements(Int32.self) { z in
          for i in 0..<z.count { z[i] = code(x[i], y[i], rules) }
        }
      }
    }
    return target
  }
}

/// torch's quantized::add and quantized::add_relu.
struct QuantizedAdd: QuantizedBinaryOperator {
  static let torchName = "quantized::add"
  static let function = Kernel.BinaryFunction.add
  let result: QuantizedArithmeticResult

  func code(_ a: Int32, _ b: Int32, _ rules: QuantizedBinaryRules) -> Int32 {
    let code = rules.y.code(rules.a.real(a) + rules.b.real(b))
    return result.relu ? max(code, rules.y.zeroPoint) : code
  }
}

/// torch's quantized::mul and quantized::mul_relu.
struct QuantizedMultiply: QuantizedBinaryOperator {
  static let torchName = "quantized::mul"
  static let function = Kernel.BinaryFunction.multiply
  let result: QuantizedArithmeticResult

  /// The product of int32 codes is exact in 64 bits but for the two largest differences of all, whose product is beyond every
  /// output anyway.
  func code(_ a: Int32, _ b: Int32, _ rules: QuantizedBinaryRules) -> Int32 {
    let difference = (Int64(a) - Int64(rules.a.zeroPoint), Int64(b) - Int64(rules.b.zeroPoint))
    let (product, overflow) = difference.0.multipliedReportingOverflow(by: difference.1)
    let exact = overflow ? Float(difference.0) * Float(difference.1) : Float(product)
    let multiplier = rules.a.scale * rules.b.scale * (1 / rules.y.scale)
    let bounded = multiplier <= .greatestFiniteMagnitude ? multiplier : .greatestFiniteMagnitude
    let code = rules.y.code(steps: exact * bounded)
    return result.relu ? max(code, rules.y.zeroPoint) : code
  }
}

extension Functional {
  /// `x + y` of quantized tensors: `clamp(zo + rint((sx * (qx - zx) + sy * (qy - zy)) * (1 / so)))`, each operation rounded to
  /// float32, ties to even. torch's quantized::add and, with `relu`, quantized::add_relu.
  ///
  /// - Parameters:
  ///   - x: quint8, qint8 or qint32 with a per-tensor quantizer.
  ///   - y: the same dtype; shapes broadcast.
  ///   - scale: the result's.
  ///   - zeroPoint: the result's.
  ///   - relu: negative sums become 0.
  public static func quantizedAdd(
    _ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int, relu: Bool = false
  ) throws(OctetError) -> Tensor {
    let result = QuantizedArithmeticResult(scale: scale, zeroPoint: zeroPoint, relu: relu)
    return try apply(QuantizedAdd(result: result), [x, y])
  }

  /// `x * y` of quantized tensors: `clamp(zo + rint((qx - zx) * (qy - zy) * m))` with the float32 `m = sx * sy * (1 / so)`, ties to
  /// even. torch's quantized::mul and, with `relu`, quantized::mul_relu.
  ///
  /// - Parameters:
  ///   - x: quint8, qint8 or qint32 with a per-tensor quantizer.
  ///   - y: the same dtype; shapes broadcast.
  ///   - scale: the result's.
  ///   - zeroPoint: the result's.
  ///   - relu: negative products become 0.
  public static func quantizedMultiply(
    _ x: Tensor, _ y: Tensor, scale: Double, zeroPoint: Int, relu: Bool = false
  ) throws(OctetError) -> Tensor {
    let result = QuantizedArithmeticResult(scale: scale, zeroPoint: zeroPoint, relu: relu)
    return try apply(QuantizedMultiply(result: result), [x, y])
  }
}
