/// `y = x * wᵀ + bias` between real values: the input is quantized on the way, by its own range. torch's
/// quantized::linear_dynamic and quantized::linear_relu_dynamic.
struct DynamicLinear: Operator {
  static let torchName = "quantized::linear_dynamic"

  let packed: PackedLinear
  let reduceRange: Bool
  let relu: Bool

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32])
    guard x.rank >= 2 else {
      throw error(
        .shapeMismatch, "input",
        expected: "at least two dim[ension]s, shape [..., \(packed.inFeatures)]",
        received: "shape \(x.shape)", fix: "add a batch dimension")
    }
    guard x.shape.last == packed.inFeatures else {
      throw error(
        .shapeMismatch, "input", expected: "shape [..., \(packed.inFeatures)]",
        received: "shape \(x.shape)",
        fix: "the last dimension must equal the weight's in_features")
    }
    return TensorSpec(shape: x.shape.dropLast() + [packed.outFeatures], dtype: .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let y = try Tensor(uninitialized: output.shape, dtype: .float32)
    do {
      try packed.multiplyDynamically(
        x, rows: output.shape.dropLast().reduce(1, *), reduceRange: reduceRange, relu: relu,
        into: y, operation: name)
    } catch {
      throw try nonFinite(x) ?? error
    }
    return y
  }

  /// What to say about an input with NaN or infinity, nil for one without.
  private func nonFinite(_ x: Tensor) throws(OctetError) -> OctetError? {
    let (min, max) = try ObserveKernels.extremes(x, .propagate)
    if x.count == 0 || (min.isFinite && max.isFinite) { return nil }
    return error(
      .invalidQuantizer, "input", expected: "finite values",
      received: "values from \(min) to \(max)",
      fix: "look for the layer that produces NaN or infinity")
  }
}

extension Functional {
  /// `y = s * sw[n] * sum((q - z) * w) + bias` with `q = clamp(z + rint(x / s), 0, 255)` and `s`, `z` chosen for the range of all
  /// of `input`, each float32 step rounded by itself. torch's quantized::linear_dynamic.
  ///
  /// - Parameters:
  ///   - input: float32 `[..., K]`, finite.
  ///   - packed: weights `[N, K]` and bias `[N]`.
  ///   - reduceRange: `s` and `z` for 0...127.
  ///   - relu: ends in a ReLU.
  /// - Throws: `invalidQuantizer` when a value isn't finite.
  package static func dynamicLinear(
    _ input: Tensor, _ packed: PackedLinear, reduceRange: Bool, relu: Bool
  ) throws(OctetError) -> Tensor {
    try apply(DynamicLinear(packed: packed, reduceRange: reduceRange, relu: relu), [input])
  }
}
