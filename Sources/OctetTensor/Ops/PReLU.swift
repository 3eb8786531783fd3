/// `x >= 0 ? x : weight * x` with one weight, or one for each channel. torch.nn.functional.prelu.
struct PReLU: DifferentiableOperator {
  static let torchName = "prelu"
  static let onnxName: String? = "PRelu"
  static var widensHalf: Bool { true }

  /// The scale and zero point of quantized results, nil for real ones.
  let result: (scale: Double, zeroPoint: Int)?

  /// Inputs: x `[N, C, ...]` and the weight, `[1]` or `[C]`.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, weight) = (inputs[0], inputs[1])
    let allowed: [DType] = result == nil ? [.float32] : [.quint8, .qint8]
    try require(x, "input", dtypes: allowed)
    try require(weight, "weight", dtypes: allowed)
    guard weight.dtype == x.dtype else {
      throw error(
        .dtypeMismatch, "weight", expected: "the input's dtype \(x.dtype.rawValue)",
        received: "dtype \(weight.dtype.rawValue)")
    }
    let channels = x.rank >= 2 ? x.shape[1] : 1
    guard weight.rank <= 1, weight.shape == [] || weight.shape == [1] || weight.shape == [channels]
    else {
      throw error(
        .shapeMismatch, "weight",
        expected: "one value, or one for each of the \(channels) channels",
        received: "shape \(weight.shape)")
    }
    guard let result else { return x }
    try requirePerTensor(x, "input")
    try requirePerTensor(weight, "weight")
    return TensorSpec(
      shape: x.shape, dtype: x.dtype,
      quantizer: try Quantizer(
        scale: result.scale, zeroPoint: result.zeroPoint, dtype: x.dtype,
        operation: Self.torchName))
  }

  /// Elements with one weight that lie together in `[N, C, ...]`.
  private func inner(_ shape: [Int], weights: Int) -> Int {
    weights == 1 ? max(shape.reduce(1, *), 1) : max(shape[2...].reduce(1, *), 1)
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let weight: [Float] = try inputs[1].elements()
    let inner = inner(output.shape, weights: weight.count)
    let y = try Tensor(uninitialized: output.shape, dtype: .float32)
    x.withElements(Float.self) { source in
      y.withMutableElements(Float.self) { target in
        for i in 0..<source.count {
          let value = source[i]
          target[i] = value < 0 ? value * weight[i / inner % weight.count] : value
        }
      }
    }
    return y
  }

  /// `dx = dy`, times the weight below 0; `dw` the sum of `dy * x` where x is below 0.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let x = try context.inputs[0].contiguous()
    let dy = try context.gradient.contiguous()
    let weight: [Float] = try context.inputs[1].elements()
    let inner = inner(x.shape, weights: weight.count)
    let dx = try Tensor(uninitialized: x.shape, dtype: .float32)
    var sums = [Double](repeating: 0, count: weight.count)
    x.withElements(Float.self) { x in
      dy.withElements(Float.self) { dy in
        dx.withMutableElements(Float.self) { dx in
          for i in 0..<x.count {
            let slope = i / inner % weight.count
            dx[i] = x[i] > 0 ? dy[i] : dy[i] * weight[slope]
            if x[i] <= 0 { sums[slope] += Double(dy[i] * x[i]) }
          }
        }
      }
    }
    return [dx, try Tensor(sums.map { Float($0) }, shape: context.inputSpecs[1].shape)]
  }

  /// With `one = quantize(1)` by the weight's rule: `(max(q, zx) - zx) * (one - zw) + (min(q, zx) - zx) * (w - zw)`, exact, then
  /// requantized by the float multiplier `sx * sw / so`.
  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try rules(inputs[0].spec)
    let w = try rules(inputs[1].spec)
    let y = try rules(output)
    let multiplier = x.scale * w.scale / y.scale
    let one = w.code(1) - w.zeroPoint
    func result(_ code: Int32, _ weight: Int32) -> Int32 {
      let above = (max(code, x.zeroPoint) - x.zeroPoint) * one
      let below = (min(code, x.zeroPoint) - x.zeroPoint) * (weight - w.zeroPoint)
      return y.code(steps: Float(above + below) * multiplier)
    }
    let weights = try codes(of: inputs[1])
    if weights.count == 1 {
      return try inputs[0].mapCodes(output, operation: Self.torchName) { result($0, weights[0]) }
    }
    let target = try Tensor(
      uninitialized: output.shape, dtype: output.dtype, quantizer: output.quantizer)
    for (channel, weight) in weights.enumerated() {
      let slice = try inputs[0].slice(dim: 1, channel..<(channel + 1))
      let spec = TensorSpec(shape: slice.shape, dtype: output.dtype, quantizer: output.quantizer)
      let mapped = try slice.mapCodes(spec, operation: Self.torchName) { result($0, weight) }
      try target.slice(dim: 1, channel..<(channel + 1)).copyElements(from: mapped)
    }
    return target
  }

  private func codes(of weight: Tensor) throws(OctetError) -> [Int32] {
    if weight.dtype == .qint8 { return try weight.elements(as: Int8.self).map(Int32.init) }
    return try weight.elements(as: UInt8.self).map(Int32.init)
  }
}

extension Functional {
  /// `x >= 0 ? x : weight * x` in float32. torch.nn.functional.prelu.
  ///
  /// - Parameters:
  ///   - input: `[N, C, ...]`.
  ///   - weight: `[1]`, or `[C]`: a slope for each channel.
  public static func prelu(_ input: Tensor, weight: Tensor) throws(OctetError) -> Tensor {
    try apply(PReLU(result: nil), [input, weight])
  }

  /// `prelu` on integers: `(max(q, zx) - zx) * (one - zw) + (min(q, zx) - zx) * (w - zw)`, exact, times the float `sx * sw / so`,
  /// ties to even, with `one` the integer for 1 in the weight's scale. torch's quantized::prelu.
  ///
  /// - Parameters:
  ///   - input: quint8 or qint8 `[N, C, ...]`, per tensor.
  ///   - weight: the same type, per tensor, `[1]` or `[C]`.
  public static func prelu(_ input: Tensor, weight: Tensor, scale: Double, zeroPoint: Int)
    throws(OctetError) -> Tensor
  {
    try apply(PReLU(result: (scale, zeroPoint)), [input, weight])
  }
}
