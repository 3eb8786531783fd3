/// Values outside an interval become its nearer end; on integers the ends are quantized first. torch.clamp, and relu6 and
/// hardtanh with their own ends.
struct Clip: DifferentiableOperator {
  static let torchName = "clamp"
  static let onnxName: String? = "Clip"
  static var widensHalf: Bool { true }

  /// The ends, infinite for none.
  let low: Double
  let high: Double
  /// Whether gradients pass where an element lies on an end: they do in torch's clamp, not in its hardtanh and relu6.
  var endsPass = true

  func functionName(_ inputs: [TensorSpec]) -> String {
    endsPass ? "clamp" : low == 0 && high == 6 ? "relu6" : "hardtanh"
  }

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: Self.elementwiseTypes + [.float32])
    if inputs[0].isQuantized { try requirePerTensor(inputs[0], "input") }
    if low.isNaN || high.isNaN {
      throw error(
        .invalidArgument, low.isNaN ? "min" : "max", expected: "a number", received: "NaN")
    }
    return inputs[0]
  }

  /// NaN stays NaN; where the ends are in the wrong order, the upper one wins, as in torch.
  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let format = inputs[0].preferredFormat
    let dense = try inputs[0].contiguous(format)
    let result = try Tensor(uninitialized: output.shape, dtype: .float32, format: format)
    let (low, high) = (Float(low), Float(high))
    dense.withElements(Float.self) { x in
      result.withMutableElements(Float.self) { y in
        for i in 0..<x.count {
          let raised = x[i] < low ? low : x[i]
          y[i] = raised > high ? high : raised
        }
      }
    }
    return result
  }

  /// `dx = dy` inside the interval, 0 outside.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (low, high, endsPass) = (Float(low), Float(high), endsPass)
    return [
      try context.inputs[0].combined(context.gradient) { x, dy in
        (endsPass ? x >= low && x <= high : x > low && x < high) ? dy : 0
      }
    ]
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let rules = try rules(output)
    let (low, high) = (rules.code(Float(low)), rules.code(Float(high)))
    return try inputs[0].mapCodes(output, operation: Self.torchName) { min(max($0, low), high) }
  }
}

extension Functional {
  /// `min(max(x, low), high)`; on integers between `quantize(low)` and `quantize(high)`, keeping the quantizer. torch.clamp.
  ///
  /// - Parameters:
  ///   - input: float32, quint8, qint8 or qint32 with a per-tensor quantizer, any shape.
  ///   - low: the lower end, nil for none.
  ///   - high: the upper end, nil for none; it wins where it is below `low`.
  public static func clamp(_ input: Tensor, min low: Double? = nil, max high: Double? = nil)
    throws(OctetError) -> Tensor
  {
    try apply(Clip(low: low ?? -.infinity, high: high ?? .infinity), [input])
  }

  /// `clamp` between 0 and 6. torch.nn.functional.relu6.
  public static func relu6(_ input: Tensor) throws(OctetError) -> Tensor {
    try apply(Clip(low: 0, high: 6, endsPass: false), [input])
  }

  /// `clamp` with both ends given, in order. torch.nn.functional.hardtanh.
  public static func hardtanh(_ input: Tensor, min low: Double = -1, max high: Double = 1)
    throws(OctetError) -> Tensor
  {
    guard low <= high else {
      throw OctetError(
        .invalidArgument, operation: "hardtanh", argument: "min_val",
        expected: "a number not above max_val \(high)", received: "\(low)")
    }
    return try apply(Clip(low: low, high: high, endsPass: false), [input])
  }
}

extension Tensor {
  /// `Functional.clamp`, trapping on mistakes.
  public func clamp(min low: Double? = nil, max high: Double? = nil) -> Tensor {
    eager { try Functional.clamp(self, min: low, max: high) }
  }

  /// `Functional.relu6`, trapping on mistakes.
  public func relu6() -> Tensor { eager { try Functional.relu6(self) } }

  /// `Functional.hardtanh`, trapping on mistakes.
  public func hardtanh(min low: Double = -1, max high: Double = 1) -> Tensor {
    eager { try Functional.hardtanh(self, min: low, max: high) }
  }
}
