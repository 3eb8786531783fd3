/// How `gelu` takes the normal distribution's integral. Raw values are torch's names.
public enum GELUApproximation: String, Sendable, CaseIterable {
  /// By the error function.
  case none
  /// By a hyperbolic tangent.
  case tanh
}

/// `x * Φ(x)`. torch.nn.functional.gelu.
struct GELU: UnaryOperator {
  static let torchName = "gelu"
  static let onnxName: String? = "Gelu"

  let approximation: GELUApproximation
  var output: QuantizedOutput { .kept }

  private static let rootHalf = Float(0.5.squareRoot())
  private static let density = Float((0.5 / Double.pi).squareRoot())
  private static let slope = Float((2 / Double.pi).squareRoot())

  func callAsFunction(_ x: Float) -> Float {
    switch approximation {
    case .none: x * 0.5 * (1 + RealFunction.erf(x * Self.rootHalf))
    case .tanh: 0.5 * x * (1 + RealFunction.tanh(Self.slope * (x + 0.044715 * x * x * x)))
    }
  }

  func runKernel(_ x: Tensor, into y: Tensor) throws(OctetError) -> Bool {
    if approximation == .none { try Kernel.gelu(x, into: y) }
    return approximation == .none
  }

  /// `Φ(x) + x * φ(x)`, or the approximation's own slope.
  func derivative(_ x: Float, _ y: Float) -> Float {
    switch approximation {
    case .none:
      let integral = 0.5 * (1 + RealFunction.erf(x * Self.rootHalf))
      return integral + x * Self.density * RealFunction.exp(-0.5 * x * x)
    case .tanh:
      let t = RealFunction.tanh(Self.slope * (x + 0.044715 * x * x * x))
      let remainder = 1 - t * t
      // Where x * x overflows the curve has long been straight.
      if remainder == 0 { return 0.5 * (1 + t) }
      let inner = Self.slope * (1 + 3 * 0.044715 * x * x)
      return 0.5 * (1 + t) + 0.5 * x * remainder * inner
    }
  }
}

extension Functional {
  /// `x * Φ(x)` with the normal distribution's integral `Φ(x) = (1 + erf(x / √2)) / 2`, or
  /// `(1 + tanh(√(2/π) * (x + 0.044715 * x³))) / 2`; keeps the quantizer of quantized tensors. torch.nn.functional.gelu.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  public static func gelu(_ input: Tensor, approximate: GELUApproximation = .none)
    throws(OctetError) -> Tensor
  {
    try apply(GELU(approximation: approximate), [input])
  }
}

extension Tensor {
  /// `Functional.gelu`, trapping on mistakes.
  public func gelu(approximate: GELUApproximation = .none) -> Tensor {
    eager { try Functional.gelu(self, approximate: approximate) }
  }
}
