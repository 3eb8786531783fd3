import OctetTensor

/// A rounding, or the way back, spelled out: `clamp(rint(x / s) + z)`, with a true division where the decomposed operators multiply by the
/// inverse; `(clamp(q) - z) * s`. torch's `_reference_quantize_per_tensor_int8` and its kin.
struct ReferenceRounding: Operator {
  static let torchName = "reference_rounding"

  let form: DecomposedForm

  var name: String {
    "reference_\(form.quantizes ? "" : "de")quantize_per_\(form.axis == nil ? "tensor" : "channel")"
  }

  /// Inputs: the tensor; scales and zero points where they aren't attributes.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [form.quantizes ? .float32 : form.dtype])
    if let axis = form.axis, axis >= inputs[0].rank {
      throw error(
        .invalidQuantizer, "axis", expected: "an axis below the rank \(inputs[0].rank)",
        received: "\(axis)")
    }
    return TensorSpec(shape: inputs[0].shape, dtype: form.quantizes ? form.dtype : .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    var scales = [Float(form.scale ?? 1)]
    var zeros = [Float(form.zeroPoint ?? 0)]
    if inputs.count == 3 {
      scales = try inputs[1].converted(to: .float32).elements()
      zeros = try inputs[2].converted(to: .float32).elements()
    }
    let inner = form.axis.map { output.shape[($0 + 1)...].reduce(1, *) } ?? 1
    let count = form.axis.map { output.shape[$0] } ?? 1
    guard scales.count == count, zeros.count == count else {
      throw error(
        .invalidQuantizer, "scales", expected: "\(count) scales and zero points",
        received: "\(scales.count) and \(zeros.count)")
    }
    let (low, high) = (Float(form.bounds.lowerBound), Float(form.bounds.upperBound))
    let values: [Float] = try inputs[0].converted(to: .float32).elements()
    let results = values.indices.map { i in
      let c = i / inner % count
      return form.quantizes
        ? clamped((values[i] / scales[c]).rounded(.toNearestOrEven) + zeros[c], low, high)
        : (clamped(values[i], low, high) - zeros[c]) * scales[c]
    }
    let result = try Tensor(results, shape: output.shape)
    return form.quantizes ? try result.converted(to: form.dtype) : result
  }
}

/// A linear layer on integers: `a = Σ (x - zx) * (w - zw) + trunc(b / (sx * sw))`; then `clamp(trunc(a * (sx * sw / so)) + zo)`, or, when
/// the input's parameters are chosen at run time, the real number `a * (sx * sw)`. Sums are exact; scales are float32.
/// torch's `_reference_quantized_linear` and `_reference_dynamic_quantized_linear`.
struct ReferenceLinear: Operator {
  static let torchName = "reference_linear"

  let input: DecomposedForm
  let weight: DecomposedForm
  /// nil for a real result.
  let output: DecomposedForm?

  /// Inputs: x `[..., K]`, w `[N, K]`, bias `[N]`; scale and zero point of x where they aren't attributes.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.int8])
    try require(inputs[1], "weight", dtypes: [.int8])
    try require(inputs[2], "bias", dtypes: [.float32])
    guard let last = inputs[0].shape.last, inputs[1].rank == 2, inputs[1].shape[1] == last,
      inputs[2].shape == [inputs[1].shape[0]]
    else {
      throw error(
        .shapeMismatch, "weight", expected: "shape [N, K], a bias [N], an input [..., K]",
        received: "\(inputs[1].shape), \(inputs[2].shape) and \(inputs[0].shape)")
    }
    return TensorSpec(
      shape: inputs[0].shape.dropLast() + [inputs[1].shape[0]],
      dtype: output?.dtype ?? .float32)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    var (scale, zero) = (Float(input.scale ?? 1), Int32(clamping: input.zeroPoint ?? 0))
    if inputs.count == 5 {
      scale = Float(try inputs[3].item())
      zero = whole(Float(try inputs[4].item()))
    }
    let x: [Int8] = try inputs[0].elements()
    let w: [Int8] = try inputs[1].elements()
    let bias: [Float] = try inputs[2].elements()
    let (columns, length) = (bias.count, inputs[1].shape[1])
    let weightZero = Int32(clamping: weight.zeroPoint ?? 0)
    let product = scale * Float(weight.scale ?? 1)
    let shifts = bias.map { Int64(whole($0 / product)) }
    var sums = [Int64](repeating: 0, count: output.shape.reduce(1, *))
    for i in sums.indices {
      let (row, column) = (i / columns * length, i % columns)
      var sum = shifts[column]
      for k in 0..<length {
        sum &+= Int64((Int32(x[row + k]) &- zero) &* (Int32(w[column * length + k]) &- weightZero))
      }
      sums[i] = sum
    }
    guard let form = self.output else {
      return try Tensor(sums.map { Float($0) * product }, shape: output.shape)
    }
    let factor = product / Float(form.scale ?? 1)
    return try form.integers(sums.map { whole(Float($0) * factor) }, output.shape)
  }
}

/// A sum on integers: `clamp(rint(x * sx / so) + rint(y * sy / so) + zo)` of centred x and y. With a ReLU both are cut off instead of
/// rounded, and the result isn't below zo. torch's `_reference_quantized_add` and `_reference_quantized_add_relu`.
struct ReferenceAdd: Operator {
  static let torchName = "reference_add"

  let first: DecomposedForm
  let second: DecomposedForm
  let output: DecomposedForm
  let relu: Bool

  var name: String { relu ? "reference_add_relu" : Self.torchName }

  /// Inputs: integers of one shape, or one that broadcasts with the other.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    try require(inputs[0], "input", dtypes: [.int8])
    try require(inputs[1], "other", dtypes: [.int8])
    guard let shape = Shapes.broadcast(inputs[0].shape, inputs[1].shape) else {
      throw error(
        .shapeMismatch, "other", expected: "a shape that broadcasts with \(inputs[0].shape)",
        received: "\(inputs[1].shape)")
    }
    return TensorSpec(shape: shape, dtype: output.dtype)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    func scaled(_ tensor: Tensor, _ form: DecomposedForm) throws(OctetError) -> [Int32] {
      let factor = Float(form.scale ?? 1) / Float(self.output.scale ?? 1)
      let zero = Int32(clamping: form.zeroPoint ?? 0)
      let integers: [Int8] = try tensor.expanded(output.shape).elements()
      return integers.map {
        let value = factor * Float(Int32($0) &- zero)
        return whole(relu ? value : value.rounded(.toNearestOrEven))
      }
    }
    let (x, y) = (try scaled(inputs[0], first), try scaled(inputs[1], second))
    let sums = zip(x, y).map { $0 &+ $1 }
    return try self.output.integers(relu ? sums.map { max($0, 0) } : sums, output.shape)
  }
}

extension DecomposedForm {
  /// Whole numbers behind the zero point, in bounds.
  fileprivate func integers(_ values: [Int32], _ shape: [Int]) throws(OctetError) -> Tensor {
    let zero = Int64(zeroPoint ?? 0)
    let (low, high) = (Int64(bounds.lowerBound), Int64(bounds.upperBound))
    let integers = values.map { Int32(min(max(Int64($0) + zero, low), high)) }
    return try Tensor(integers, shape: shape).converted(to: dtype)
  }
}

private func clamped(_ value: Float, _ low: Float, _ high: Float) -> Float {
  value.isNaN ? low : min(max(value, low), high)
}

/// The number without what stands behind the point; beyond int32's range its end, 0 for NaN.
private func whole(_ value: Float) -> Int32 {
  if value.isNaN { return 0 }
  return value >= 0x1p31 ? .max : value <= -0x1p31 ? .min : Int32(value)
}
