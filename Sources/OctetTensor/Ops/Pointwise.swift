/// Functions of each real on its own. torch.neg, abs, exp, log, sqrt, sin and their like, and the smooth activations silu, mish
/// and logsigmoid.
///
/// On integers `q = quantize(f(dequantize(x)))`, keeping the quantizer or taking the one given.
struct Pointwise: DifferentiableOperator {
  static let torchName = "pointwise"
  static var widensHalf: Bool { true }

  /// Which function. Raw values are torch's names.
  enum Kind: String, Sendable, CaseIterable {
    case negative = "neg"
    case absolute = "abs"
    case sign, square, reciprocal
    case squareRoot = "sqrt"
    case inverseSquareRoot = "rsqrt"
    case exponential = "exp"
    case exponentialMinusOne = "expm1"
    case logarithm = "log"
    case logarithmOnePlus = "log1p"
    case binaryLogarithm = "log2"
    case sine = "sin"
    case cosine = "cos"
    case floor, ceil, round
    case errorFunction = "erf"
    case silu, mish
    case logSigmoid = "logsigmoid"
  }

  let kind: Kind
  /// The scale and zero point of quantized results; the input's when nil.
  var result: (scale: Double, zeroPoint: Int)?

  var name: String { kind.rawValue }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    var spec = inputs[0]
    try require(
      spec, "input",
      dtypes: result == nil ? ElementwiseTypes.quantizedAndReal : ElementwiseTypes.quantized)
    guard spec.isQuantized else { return spec }
    try requirePerTensor(spec, "input")
    if let result {
      spec.quantizer = try Quantizer(
        scale: result.scale, zeroPoint: result.zeroPoint, dtype: spec.dtype, operation: name)
    }
    return spec
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    output.dtype == .float64
      ? try inputs[0].mapReals(Double.self) { value($0) }
      : try inputs[0].mapReals(Float.self) { value($0) }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let (from, to) = (try rules(inputs[0].spec), try rules(output))
    return try inputs[0].mapCodes(output, operation: name) { to.code(value(from.real($0))) }
  }

  /// `dx = dy * f'(x)`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, g) = (context.inputs[0], context.gradient)
    return [
      x.dtype == .float64
        ? try x.mapReals(with: g, Double.self) { derivative($0) * $1 }
        : try x.mapReals(with: g, Float.self) { derivative($0) * $1 }
    ]
  }

  private func value<Real: RealScalar>(_ x: Real) -> Real {
    switch kind {
    case .negative: -x
    case .absolute: abs(x)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : x * 0
    case .square: x * x
    case .reciprocal: 1 / x
    case .squareRoot: x.squareRoot()
    case .inverseSquareRoot: 1 / x.squareRoot()
    case .exponential: Real.exp(x)
    case .exponentialMinusOne: Real.expMinusOne(x)
    case .logarithm: Real.log(x)
    case .logarithmOnePlus: Real.logOnePlus(x)
    case .binaryLogarithm: Real.log2(x)
    case .sine: Real.sin(x)
    case .cosine: Real.cos(x)
    case .floor: x.rounded(.down)
    case .ceil: x.rounded(.up)
    case .round: x.rounded(.toNearestOrEven)
    case .errorFunction: Real.erf(x)
    case .silu: x / (1 + Real.exp(-x))
    case .mish: x * Real.tanh(Softplus.value(x))
    case .logSigmoid: -Softplus.value(-x)
    }
  }

  private func derivative<Real: RealScalar>(_ x: Real) -> Real {
    switch kind {
    case .negative: -1
    case .absolute: x > 0 ? 1 : x < 0 ? -1 : 0
    case .sign, .floor, .ceil, .round: 0
    case .square: 2 * x
    case .reciprocal: -1 / (x * x)
    case .squareRoot: 1 / (2 * x.squareRoot())
    case .inverseSquareRoot: -1 / (2 * x * x.squareRoot())
    case .exponential: Real.exp(x)
    case .exponentialMinusOne: Real.exp(x)
    case .logarithm: 1 / x
    case .logarithmOnePlus: 1 / (1 + x)
    case .binaryLogarithm: 1 / (x * Real.log(2))
    case .sine: Real.cos(x)
    case .cosine: -Real.sin(x)
    case .errorFunction: 2 / Real.pi.squareRoot() * Real.exp(-x * x)
    case .silu: Self.logistic(x) * (1 + x * (1 - Self.logistic(x)))
    case .mish:
      Real.tanh(Softplus.value(x)) + x * Self.logistic(x) * Self.complement(Softplus.value(x))
    case .logSigmoid: Self.logistic(-x)
    }
  }

  /// `1 / (1 + exp(-x))`.
  private static func logistic<Real: RealScalar>(_ x: Real) -> Real { 1 / (1 + Real.exp(-x)) }

  /// `1 - tanh(x)²`.
  private static func complement<Real: RealScalar>(_ x: Real) -> Real {
    let t = Real.tanh(x)
    return 1 - t * t
  }
}

extension Tensor {
  /// Each element through `function`, in the same memory order.
  func mapReals<Real: RealScalar>(_ type: Real.Type, _ function: (Real) -> Real)
    throws(OctetError) -> Tensor
  {
    let format = preferredFormat
    let dense = try contiguous(format)
    let result = try Tensor(uninitialized: shape, dtype: Real.dtype, format: format)
    dense.withElements(type) { x in
      result.withMutableElements(type) { y in
        for i in 0..<x.count { y[i] = function(x[i]) }
      }
    }
    return result
  }

  /// Each element with the one of `other`, which has the same shape, through `function`, in this tensor's memory order.
  func mapReals<Real: RealScalar>(
    with other: Tensor, _ type: Real.Type, _ function: (Real, Real) -> Real
  ) throws(OctetError) -> Tensor {
    let format = preferredFormat
    let (a, b) = (try contiguous(format), try other.contiguous(format))
    let result = try Tensor(uninitialized: shape, dtype: Real.dtype, format: format)
    a.withElements(type) { x in
      b.withElements(type) { y in
        result.withMutableElements(type) { z in
          for i in 0..<x.count { z[i] = function(x[i], y[i]) }
        }
      }
    }
    return result
  }
}
