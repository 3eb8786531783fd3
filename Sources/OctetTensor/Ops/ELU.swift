/// `x < 0 ? alpha * (exp(x * inputFactor) - 1) : x`. torch.nn.functional.elu (factor 1) and celu (factor 1 / alpha).
struct ELU: UnaryOperator {
  static let torchName = "elu"
  static let onnxName: String? = "Elu"

  let alpha: Float
  let inputFactor: Float
  let output: QuantizedOutput

  func callAsFunction(_ x: Float) -> Float {
    x < 0 ? RealFunction.expMinusOne(x * inputFactor) * alpha : x
  }

  func derivative(_ x: Float, _ y: Float) -> Float {
    x <= 0 ? RealFunction.exp(x * inputFactor) * alpha * inputFactor : 1
  }
}

extension Functional {
  /// `x < 0 ? alpha * (exp(x) - 1) : x`, keeping the quantizer of quantized tensors. torch.nn.functional.elu.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  public static func elu(_ input: Tensor, alpha: Double = 1) throws(OctetError) -> Tensor {
    try apply(ELU(alpha: Float(alpha), inputFactor: 1, output: .kept), [input])
  }

  /// `elu` of a quantized tensor, rounded to a scale and zero point of its own.
  /// torch.ao.nn.quantized.functional.elu.
  public static func elu(_ input: Tensor, alpha: Double = 1, scale: Double, zeroPoint: Int)
    throws(OctetError) -> Tensor
  {
    let output = QuantizedOutput.given(scale: scale, zeroPoint: zeroPoint)
    return try apply(ELU(alpha: Float(alpha), inputFactor: 1, output: output), [input])
  }

  /// `x < 0 ? alpha * (exp(x / alpha) - 1) : x`, keeping the quantizer of quantized tensors. torch.nn.functional.celu.
  ///
  /// - Throws: `invalidArgument` when `alpha` is 0.
  public static func celu(_ input: Tensor, alpha: Double = 1) throws(OctetError) -> Tensor {
    try apply(celu(alpha, .kept), [input])
  }

  /// `celu` of a quantized tensor, rounded to a scale and zero point of its own.
  /// torch.ao.nn.quantized.functional.celu.
  public static func celu(_ input: Tensor, alpha: Double = 1, scale: Double, zeroPoint: Int)
    throws(OctetError) -> Tensor
  {
    try apply(celu(alpha, .given(scale: scale, zeroPoint: zeroPoint)), [input])
  }

  private static func celu(_ alpha: Double, _ output: QuantizedOutput) throws(OctetError) -> ELU {
    guard alpha != 0 else {
      throw OctetError(
        .invalidArgument, operation: "celu", argument: "alpha",
        expected: "a number other than 0", received: "0")
    }
    return ELU(alpha: Float(alpha), inputFactor: Float(1 / alpha), output: output)
  }
}

extension Tensor {
  /// `Functional.elu`, trapping on mistakes.
  public func elu(alpha: Double = 1) -> Tensor { eager { try Functional.elu(self, alpha: alpha) } }

  /// `Functional.celu`, trapping on mistakes.
  public func celu(alpha: Double = 1) -> Tensor {
    eager { try Functional.celu(self, alpha: alpha) }
  }
}
