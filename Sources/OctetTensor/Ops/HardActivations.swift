/// `x * min(max(x + 3, 0), 6) / 6`. torch.nn.functional.hardswish.
struct Hardswish: UnaryOperator {
  static let torchName = "hardswish"
  static let onnxName: String? = "HardSwish"

  let output: QuantizedOutput

  func callAsFunction(_ x: Float) -> Float { x * min(max(x + 3, 0), 6) / 6 }

  func derivative(_ x: Float, _ y: Float) -> Float {
    x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1
  }
}

/// `min(max(x + 3, 0), 6) / 6`. torch.nn.functional.hardsigmoid.
struct Hardsigmoid: UnaryOperator {
  static let torchName = "hardsigmoid"
  static let onnxName: String? = "HardSigmoid"

  var output: QuantizedOutput { .unitInterval }

  func callAsFunction(_ x: Float) -> Float { min(max(x + 3, 0), 6) / 6 }

  func derivative(_ x: Float, _ y: Float) -> Float { x > -3 && x < 3 ? 1 / 6 : 0 }
}

extension Functional {
  /// `x * min(max(x + 3, 0), 6) / 6`, keeping the quantizer of quantized tensors. torch.nn.functional.hardswish.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  public static func hardswish(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Hardswish(output: .kept), [input])
  }

  /// `hardswish` of a quantized tensor, rounded to a scale and zero point of its own.
  /// torch.ao.nn.quantized.functional.hardswish.
  public static func hardswish(_ input: Tensor, scale: Double, zeroPoint: Int) throws(OctetError)
    -> Tensor
  {
    try apply(Hardswish(output: .given(scale: scale, zeroPoint: zeroPoint)), [input])
  }

  /// `min(max(x + 3, 0), 6) / 6`. torch.nn.functional.hardsigmoid.
  ///
  /// Quantized results always have scale 1/256 and zero point 0 (quint8) or -128 (qint8); qint32 has 2^-32 and 0.
  public static func hardsigmoid(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Hardsigmoid(), [input])
  }
}

extension Tensor {
  /// `Functional.hardswish`, trapping on mistakes.
  public func hardswish() -> Tensor { eager { try Functional.hardswish(self) } }

  /// `Functional.hardsigmoid`, trapping on mistakes.
  public func hardsigmoid() -> Tensor { eager { try Functional.hardsigmoid(self) } }
}
