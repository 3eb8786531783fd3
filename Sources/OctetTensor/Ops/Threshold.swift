/// `x` above a threshold, another value elsewhere. torch.nn.functional.threshold.
struct Threshold: UnaryOperator {
  static let torchName = "threshold"

  let threshold: Float
  let value: Float
  var output: QuantizedOutput { .kept }

  func callAsFunction(_ x: Float) -> Float { x <= threshold ? value : x }

  func derivative(_ x: Float, _ y: Float) -> Float { x <= threshold ? 0 : 1 }
}

extension Functional {
  /// `x > threshold ? x : value`, keeping the quantizer of quantized tensors: they are compared and replaced as real
  /// values, and rounded again. torch.nn.functional.threshold.
  ///
  /// - Parameter input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  public static func threshold(_ input: Tensor, threshold: Double, value: Double)
    throws(OctetError) -> Tensor
  {
    try apply(Threshold(threshold: Float(threshold), value: Float(value)), [input])
  }
}

extension Tensor {
  /// `Functional.threshold`, trapping on mistakes.
  public func threshold(_ threshold: Double, value: Double) -> Tensor {
    eager { try Functional.threshold(self, threshold: threshold, value: value) }
  }
}
