/// `log(1 + exp(beta * x)) / beta`, and `x` itself above a threshold. torch.nn.functional.softplus.
struct Softplus: DifferentiableOperator {
  static let torchName = "softplus"
  static let onnxName: String? = "Softplus"
  static var widensHalf: Bool { true }

  let beta: Double
  let threshold: Double

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: Self.elementwiseTypes + [.float32, .float64])
    if inputs[0].isQuantized { try requirePerTensor(inputs[0], "input") }
    guard beta > 0, beta.isFinite else {
      throw error(
        .invalidArgument, "beta", expected: "a positive number", received: "\(beta)")
    }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    output.dtype == .float64
      ? try inputs[0].mapReals(Double.self) { value($0) }
      : try inputs[0].mapReals(Float.self) { value($0) }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let rules = try rules(output)
    return try inputs[0].mapCodes(output, operation: name) { rules.code(value(rules.real($0))) }
  }

  /// `dx = dy / (1 + exp(-beta * x))`, `dy` above the threshold.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, g) = (context.inputs[0], context.gradient)
    return [
      x.dtype == .float64
        ? try x.mapReals(with: g, Double.self) { slope($0) * $1 }
        : try x.mapReals(with: g, Float.self) { slope($0) * $1 }
    ]
  }

  private func value<Real: RealScalar>(_ x: Real) -> Real {
    let scaled = x * Real(beta)
    let power = Real.exp(scaled)
    // A threshold beyond the exponential's range doesn't ask for infinity.
    return scaled > Real(threshold) || power.isInfinite ? x : Real.logOnePlus(power) / Real(beta)
  }

  private func slope<Real: RealScalar>(_ x: Real) -> Real {
    let scaled = x * Real(beta)
    return scaled > Real(threshold) ? 1 : 1 / (1 + Real.exp(-scaled))
  }

  /// `log(1 + exp(x))`, without overflow.
  static func value<Real: RealScalar>(_ x: Real) -> Real {
    max(x, 0) + Real.logOnePlus(Real.exp(-abs(x)))
  }
}

extension Functional {
  /// `log(1 + exp(beta * x)) / beta`, and `x` where `beta * x > threshold`; keeps the quantizer of quantized tensors.
  /// torch.nn.functional.softplus.
  ///
  /// - Parameter input: a float dtype, or quint8, qint8 and qint32 with a per-tensor quantizer.
  public static func softplus(_ input: Tensor, beta: Double = 1, threshold: Double = 20)
    throws(OctetError) -> Tensor
  {
    try apply(Softplus(beta: beta, threshold: threshold), [input])
  }
}

extension Tensor {
  /// `Functional.softplus`, trapping on mistakes.
  public func softplus(beta: Double = 1, threshold: Double = 20) -> Tensor {
    eager { try Functional.softplus(self, beta: beta, threshold: threshold) }
  }
}
