extension Functional {
  // All of these take a float dtype (half types are computed in float32), or quint8, qint8 and qint32 with a per-tensor quantizer,
  // which is kept: `quantize(f(dequantize(x)))`.

  /// `-x`. torch.neg.
  public static func negative(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .negative), [input])
  }

  /// `|x|`. torch.abs.
  public static func absolute(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .absolute), [input])
  }

  /// -1, 0 or 1 by the sign of `x`; no gradient. torch.sign.
  public static func sign(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .sign), [input])
  }

  /// `x * x`. torch.square.
  public static func square(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .square), [input])
  }

  /// `1 / x`. torch.reciprocal.
  public static func reciprocal(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .reciprocal), [input])
  }

  /// `√x`, NaN below 0. torch.sqrt.
  public static func squareRoot(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .squareRoot), [input])
  }

  /// `1 / √x`. torch.rsqrt.
  public static func inverseSquareRoot(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .inverseSquareRoot), [input])
  }

  /// `eˣ`. torch.exp.
  public static func exponential(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .exponential), [input])
  }

  /// `eˣ - 1`, exact near 0. torch.expm1.
  public static func exponentialMinusOne(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .exponentialMinusOne), [input])
  }

  /// The natural logarithm, NaN below 0. torch.log.
  public static func logarithm(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .logarithm), [input])
  }

  /// `log(1 + x)`, exact near 0. torch.log1p.
  public static func logarithmOnePlus(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .logarithmOnePlus), [input])
  }

  /// The logarithm to base 2. torch.log2.
  public static func binaryLogarithm(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .binaryLogarithm), [input])
  }

  /// The sine of radians. torch.sin.
  public static func sine(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .sine), [input])
  }

  /// The cosine of radians. torch.cos.
  public static func cosine(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .cosine), [input])
  }

  /// The largest whole number not above `x`; no gradient. torch.floor.
  public static func floor(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .floor), [input])
  }

  /// The smallest whole number not below `x`; no gradient. torch.ceil.
  public static func ceil(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .ceil), [input])
  }

  /// The nearest whole number, ties to even; no gradient. torch.round.
  public static func round(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .round), [input])
  }

  /// `2/√π` times the integral of `exp(-t²)` from 0 to `x`. torch.erf.
  public static func errorFunction(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .errorFunction), [input])
  }

  /// `x / (1 + exp(-x))`. torch.nn.functional.silu.
  public static func silu(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .silu), [input])
  }

  /// `x * tanh(log(1 + exp(x)))`. torch.nn.functional.mish.
  public static func mish(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .mish), [input])
  }

  /// `log(1 / (1 + exp(-x)))`, without overflow. torch.nn.functional.logsigmoid.
  public static func logSigmoid(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Pointwise(kind: .logSigmoid), [input])
  }

  /// `silu` of a quantized tensor, rounded to a scale and zero point of its own.
  public static func silu(_ input: Tensor, scale: Double, zeroPoint: Int) throws(OctetError)
    -> Tensor
  {
    try apply(Pointwise(kind: .silu, result: (scale, zeroPoint)), [input])
  }

  /// `mish` of a quantized tensor, rounded to a scale and zero point of its own.
  public static func mish(_ input: Tensor, scale: Double, zeroPoint: Int) throws(OctetError)
    -> Tensor
  {
    try apply(Pointwise(kind: .mish, result: (scale, zeroPoint)), [input])
  }
}

extension Tensor {
  /// `Functional.negative`, trapping on mistakes.
  public func negative() -> Tensor { eager { try Functional.negative(self) } }

  /// `Functional.absolute`, trapping on mistakes.
  public func absolute() -> Tensor { eager { try Functional.absolute(self) } }

  /// `Functional.sign`, trapping on mistakes.
  public func sign() -> Tensor { eager { try Functional.sign(self) } }

  /// `Functional.square`, trapping on mistakes.
  public func square() -> Tensor { eager { try Functional.square(self) } }

  /// `Functional.reciprocal`, trapping on mistakes.
  public func reciprocal() -> Tensor { eager { try Functional.reciprocal(self) } }

  /// `Functional.squareRoot`, trapping on mistakes.
  public func squareRoot() -> Tensor { eager { try Functional.squareRoot(self) } }

  /// `Functional.inverseSquareRoot`, trapping on mistakes.
  public func inverseSquareRoot() -> Tensor { eager { try Functional.inverseSquareRoot(self) } }

  /// `Functional.exponential`, trapping on mistakes.
  public func exponential() -> Tensor { eager { try Functional.exponential(self) } }

  /// `Functional.exponentialMinusOne`, trapping on mistakes.
  public func exponentialMinusOne() -> Tensor { eager { try Functional.exponentialMinusOne(self) } }

  /// `Functional.logarithm`, trapping on mistakes.
  public func logarithm() -> Tensor { eager { try Functional.logarithm(self) } }

  /// `Functional.logarithmOnePlus`, trapping on mistakes.
  public func logarithmOnePlus() -> Tensor { eager { try Functional.logarithmOnePlus(self) } }

  /// `Functional.binaryLogarithm`, trapping on mistakes.
  public func binaryLogarithm() -> Tensor { eager { try Functional.binaryLogarithm(self) } }

  /// `Functional.sine`, trapping on mistakes.
  public func sine() -> Tensor { eager { try Functional.sine(self) } }

  /// `Functional.cosine`, trapping on mistakes.
  public func cosine() -> Tensor { eager { try Functional.cosine(self) } }

  /// `Functional.floor`, trapping on mistakes.
  public func floor() -> Tensor { eager { try Functional.floor(self) } }

  /// `Functional.ceil`, trapping on mistakes.
  public func ceil() -> Tensor { eager { try Functional.ceil(self) } }

  /// `Functional.round`, trapping on mistakes.
  public func round() -> Tensor { eager { try Functional.round(self) } }

  /// `Functional.errorFunction`, trapping on mistakes.
  public func errorFunction() -> Tensor { eager { try Functional.errorFunction(self) } }

  /// `Functional.silu`, trapping on mistakes.
  public func silu() -> Tensor { eager { try Functional.silu(self) } }

  /// `Functional.mish`, trapping on mistakes.
  public func mish() -> Tensor { eager { try Functional.mish(self) } }

  /// `Functional.logSigmoid`, trapping on mistakes.
  public func logSigmoid() -> Tensor { eager { try Functional.logSigmoid(self) } }

  /// `Functional.negative`, trapping on mistakes.
  public static prefix func - (x: Tensor) -> Tensor { x.negative() }
}
