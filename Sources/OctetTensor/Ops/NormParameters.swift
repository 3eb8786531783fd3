/// What layer, group and instance norm share: their optional affine part and the quantizer of their result.
struct NormParameters: Sendable {
  let name: String
  let epsilon: Double
  let hasWeight: Bool
  let hasBias: Bool
  /// The result's scale and zero point for quantized inputs, nil for real ones.
  let output: NormOutput?

  /// Gamma and beta among an operator's inputs.
  func affine<Value>(_ inputs: [Value]) -> (weight: Value?, bias: Value?) {
    (hasWeight ? inputs[1] : nil, hasBias ? inputs[hasWeight ? 2 : 1] : nil)
  }

  /// Checks the element type, epsilon and the affine part, and says what comes out.
  func outputSpec(_ op: some Operator, _ inputs: [TensorSpec], affineShape: [Int])
    throws(OctetError) -> TensorSpec
  {
    let x = inputs[0]
    let affine = affine(inputs)
    for case (let spec?, let argument) in [(affine.weight, "weight"), (affine.bias, "bias")] {
      try op.require(spec, argument, dtypes: [.float32])
      guard spec.shape == affineShape else {
        throw OctetError(
          .shapeMismatch, operation: name, argument: argument, expected: "shape \(affineShape)",
          received: "shape \(spec.shape)")
      }
    }
    guard epsilon >= 0, epsilon.isFinite else {
      throw OctetError(
        .invalidArgument, operation: name, argument: "eps",
        expected: "a finite number that isn't negative", received: "\(epsilon)")
    }
    return TensorSpec(
      shape: x.shape, dtype: x.dtype, quantizer: try quantizer(op, x))
  }

  /// The result's quantizer; refuses an input of the other kind.
  private func quantizer(_ op: some Operator, _ x: TensorSpec) throws(OctetError) -> Quantizer? {
    guard let output else {
      try op.require(x, "input", dtypes: [.float32])
      return nil
    }
    return try output.quantizer(op, x, name: name)
  }

  /// The affine part's values.
  func values(_ inputs: [Tensor]) throws(OctetError) -> (gamma: [Float]?, beta: [Float]?) {
    let affine = affine(inputs)
    return (try affine.weight?.elements(), try affine.bias?.elements())
  }
}

/// Scale and zero point of a quantized normalization's result.
struct NormOutput: Sendable, Equatable {
  let scale: Double
  let zeroPoint: Int

  /// The quantizer, for quint8 and qint8 inputs per tensor.
  func quantizer(_ op: some Operator, _ x: TensorSpec, name: String) throws(OctetError)
    -> Quantizer
  {
    try op.require(x, "input", dtypes: [.quint8, .qint8])
    guard x.quantizer?.axis == nil else {
      throw OctetError(
        .invalidQuantizer, operation: name, argument: "input", expected: "a per-tensor scheme",
        received: "a per-channel one", fix: "requantize the input per tensor")
    }
    return try Quantizer(scale: scale, zeroPoint: zeroPoint, dtype: x.dtype, operation: name)
  }
}

/// Rows of float32, each moved and scaled to mean 0 and variance 1, sums in double; `finish` gets each row while it is near.
func normalizeRows(
  _ x: Tensor, length: Int, epsilon: Double, into y: Tensor,
  finish: @escaping @Sendable (_ row: Int, _ y: UnsafeMutablePointer<Float>) -> Void
) {
  if length == 0 || x.count == 0 { return }
  let job = FloatElements(
    x: x.baseAddress.assumingMemoryBound(to: Float.self),
    y: y.baseAddress.assumingMemoryBound(to: Float.self))
  parallelFor(x.count / length, grain: max(1, (1 << 13) / length)) { rows in
    for row in rows {
      let (source, target) = (job.x + row * length, job.y + row * length)
      let mean = quarteredSum(length) { Double(source[$0]) } / Double(length)
      let squares = quarteredSum(length) { i in
        let distance = Double(source[i]) - mean
        return distance * distance
      }
      let scale = 1 / (squares / Double(length) + epsilon).squareRoot()
      for i in 0..<length { target[i] = Float((Double(source[i]) - mean) * scale) }
      finish(row, target)
    }
  }
}

/// The sum of `count` terms in one fixed order: every fourth term together, so that additions don't wait for each other.
@inline(__always)
private func quarteredSum(_ count: Int, _ term: (Int) -> Double) -> Double {
  var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
  var i = 0
  while i + 4 <= count {
    a += term(i)
    b += term(i + 1)
    c += term(i + 2)
    d += term(i + 3)
    i += 4
  }
  while i < count {
    a += term(i)
    i += 1
  }
  return (a + b) + (c + d)
}
