/// `1 / (1 + exp(-x))`. torch.sigmoid.
struct Sigmoid: UnaryOperator {
  static let torchName = "sigmoid"
  static let onnxName: String? = "Sigmoid"

  let output: QuantizedOutput

  func callAsFunction(_ x: Float) -> Float { 1 / (1 + RealFunction.exp(-x)) }

  func derivative(_ x: Float, _ y: Float) -> Float { y * (1 - y) }
}

/// The hyperbolic tangent. torch.tanh.
struct Tanh: UnaryOperator {
  static let torchName = "tanh"
  static let onnxName: String? = "Tanh"

  var output: QuantizedOutput { .symmetricInterval }

  func callAsFunction(_ x: Float) -> Float { RealFunction.tanh(x) }

  func derivative(_ x: Float, _ y: Float) -> Float { 1 - y * y }
}

extension Functional {
  /// `1 / (1 + exp(-x))`. torch.sigmoid.
  ///
  /// Quantized results have scale 1/256 and zero point 0 (quint8) or -128 (qint8); qint32 has 2^-32 and 0.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  public static func sigmoid(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Sigmoid(output: .unitInterval), [input])
  }

  /// `sigmoid` of a quantized tensor, rounded to a scale and zero point of its own. torch's quantized::sigmoid.
  public static func sigmoid(_ input: Tensor, scale: Double, zeroPoint: Int) throws(OctetError)
    -> Tensor
  {
    try apply(Sigmoid(output: .given(scale: scale, zeroPoint: zeroPoint)), [input])
  }

  /// The hyperbolic tangent. torch.tanh.
  ///
  /// Quantized results have scale 2/256 and zero point 128 (quint8) or 0 (qint8); qint32 has 2^-31 and 0.
  public static func tanh(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Tanh(), [input])
  }
}

extension Tensor {
  /// `Functional.sigmoid`, trapping on mistakes.
  public func sigmoid() -> Tensor { eager { try Functional.sigmoid(self) } }

  /// `Functional.tanh`, trapping on mistakes.
  public func tanh() -> Tensor { eager { try Functional.tanh(self) } }
}
