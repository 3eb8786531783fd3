/// `x > 0 ? x : slope * x`. torch.nn.functional.leaky_relu.
struct LeakyReLU: UnaryOperator {
  static let torchName = "leaky_relu"
  static let onnxName: String? = "LeakyRelu"

  let slope: Float
  let output: QuantizedOutput

  func callAsFunction(_ x: Float) -> Float { x > 0 ? x : x * slope }

  func derivative(_ x: Float, _ y: Float) -> Float { x > 0 ? 1 : slope }
}

extension Functional {
  /// `x > 0 ? x : negativeSlope * x`, keeping the quantizer of quantized tensors. torch.nn.functional.leaky_relu.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  public static func leakyReLU(_ input: Tensor, negativeSlope: Double = 0.01) throws(OctetError)
    -> Tensor
  {
    try apply(LeakyReLU(slope: Float(negativeSlope), output: .kept), [input])
  }

  /// `leakyReLU` of a quantized tensor, rounded to a scale and zero point of its own.
  /// torch.ao.nn.quantized.functional.leaky_relu.
  public static func leakyReLU(
    _ input: Tensor, negativeSlope: Double = 0.01, scale: Double, zeroPoint: Int
  ) throws(OctetError) -> Tensor {
    let output = QuantizedOutput.given(scale: scale, zeroPoint: zeroPoint)
    return try apply(LeakyReLU(slope: Float(negativeSlope), output: output), [input])
  }
}

extension Tensor {
  /// `Functional.leakyReLU`, trapping on mistakes.
  public func leakyReLU(negativeSlope: Double = 0.01) -> Tensor {
    eager { try Functional.leakyReLU(self, negativeSlope: negativeSlope) }
  }
}
