/// A quantized tensor plus a number: the result's scale and zero point move with it. torch's quantized::add_scalar and
/// quantized::add_scalar_relu.
struct QuantizedAddScalar: QuantizedOperator {
  static let torchName = "quantized::add_scalar"

  let scalar: Double
  let relu: Bool

  /// The number in the input's steps, rounded to even.
  private func steps(_ scale: Double) throws(OctetError) -> Int {
    let steps = (scalar / scale).rounded(.toNearestOrEven)
    guard let exact = Int32(exactly: steps) else {
      throw error(
        .invalidArgument, "other", expected: "a number within 2^31 steps of scale \(scale)",
        received: "\(scalar)")
    }
    return Int(exact)
  }

  /// The zero point takes the steps up as long as it stays in range; otherwise it stops at the end, and the scale widens.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    var output = inputs[0]
    try require(output, "x", dtypes: [.quint8, .qint8])
    try requirePerTensor(output, "x")
    guard case .perTensor(let scale, let zero)? = output.quantizer?.parameters,
      let range = output.dtype.integerRange
    else { return output }
    let moved = zero - (try steps(scale))
    let (low, high) = (range.lowerBound, range.upperBound)
    let width = Double(high) - Double(low)
    let (newScale, newZero) =
      if moved < low {
        (Double(high - moved) / width * scale, low)
      } else if moved > high {
        (Double(moved - low) / width * scale, high)
      } else {
        (scale, moved)
      }
    output.quantizer = try Quantizer(
      scale: newScale, zeroPoint: newZero, dtype: output.dtype, operation: Self.torchName)
    return output
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    guard case .perTensor(let scale, let zero)? = inputs[0].quantizer?.parameters,
      case .perTensor(let newScale, let newZero)? = output.quantizer?.parameters
    else { return inputs[0] }
    let moved = zero - (try steps(scale))
    let rules = try rules(output)
    let multiplier = Float(scale) * (1 / Float(newScale))
    let floor = relu ? rules.zeroPoint : rules.range.lowerBound
    if newZero == moved {
      return try inputs[0].mapCodes(output, operation: Self.torchName) { max($0, floor) }
    }
    return try inputs[0].mapCodes(output, operation: Self.torchName) {
      max(rules.code(steps: Float(Int($0) - moved) * multiplier), floor)
    }
  }
}

/// A quantized tensor times a number: the scale takes it. torch's quantized::mul_scalar and quantized::mul_scalar_relu.
struct QuantizedMultiplyScalar: QuantizedOperator {
  static let torchName = "quantized::mul_scalar"

  let scalar: Double
  let relu: Bool

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    var output = inputs[0]
    try require(output, "x", dtypes: [.quint8, .qint8])
    try requirePerTensor(output, "x")
    guard scalar.isFinite else {
      throw error(
        .invalidArgument, "other", expected: "a finite number", received: "\(scalar)")
    }
    guard case .perTensor(let scale, let zero)? = output.quantizer?.parameters,
      let range = output.dtype.integerRange
    else { return output }
    let mirrored = range.lowerBound + range.upperBound - zero
    output.quantizer = try Quantizer(
      scale: scalar == 0 ? 1 : scale * scalar.magnitude,
      zeroPoint: scalar == 0 ? 0 : scalar > 0 ? zero : mirrored, dtype: output.dtype,
      operation: Self.torchName)
    return output
  }

  /// A negative number turns the integers round: `low + high - q`.
  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let rules = try rules(output)
    let ends = rules.range.lowerBound + rules.range.upperBound
    let floor = relu ? rules.zeroPoint : rules.range.lowerBound
    return try inputs[0].mapCodes(output, operation: Self.torchName) {
      max(scalar == 0 ? 0 : scalar > 0 ? $0 : ends - $0, floor)
    }
  }
}

extension Functional {
  /// `x + other`, keeping the integers while the zero point can move: `z' = z - rint(other / s)`. Beyond its range it stops at
  /// the end and the scale widens, so that nothing saturates. torch's quantized::add_scalar; real tensors are added in float32.
  ///
  /// - Parameters:
  ///   - x: quint8 or qint8 with a per-tensor quantizer, or real.
  ///   - other: the number, within 2^31 steps.
  ///   - relu: negative sums become 0. quantized::add_scalar_relu.
  public static func addScalar(_ x: Tensor, _ other: Double, relu: Bool = false)
    throws(OctetError) -> Tensor
  {
    if x.isQuantized { return try apply(QuantizedAddScalar(scalar: other, relu: relu), [x]) }
    let sum = try apply(ScalarArithmetic(kind: .add, scalar: Float(other)), [x])
    return relu ? try Functional.relu(sum) : sum
  }

  /// `x * other`: the scale is multiplied, and the integers turned round when `other` is negative; 0 gives scale 1, zero
  /// point 0 and zeros. torch's quantized::mul_scalar; real tensors are multiplied in float32.
  ///
  /// - Parameters:
  ///   - x: quint8 or qint8 with a per-tensor quantizer, or real.
  ///   - other: a finite number.
  ///   - relu: negative products become 0. quantized::mul_scalar_relu.
  public static func multiplyScalar(_ x: Tensor, _ other: Double, relu: Bool = false)
    throws(OctetError) -> Tensor
  {
    if x.isQuantized { return try apply(QuantizedMultiplyScalar(scalar: other, relu: relu), [x]) }
    let product = try apply(ScalarArithmetic(kind: .multiply, scalar: Float(other)), [x])
    return relu ? try Functional.relu(product) : product
  }
}
