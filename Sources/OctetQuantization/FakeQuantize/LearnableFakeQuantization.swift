import OctetTensor

/// Rounding to a grid whose scale and zero point are trained too (Esser et al., 2019, "Learned step size quantization").
/// torch._fake_quantize_learnable_per_tensor_affine and torch._fake_quantize_learnable_per_channel_affine.
struct LearnableFakeQuantization: DifferentiableOperator {
  static let torchName = "_fake_quantize_learnable"

  let axis: Int?
  let quantMin: Int
  let quantMax: Int
  /// What the gradients of scale and zero point are multiplied by.
  let gradientFactor: Float

  /// Inputs: x, scale and zero point, float32; one of each, or one for each index of the axis.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    for (spec, name) in zip(inputs, ["input", "scale", "zero_point"]) {
      try require(spec, name, dtypes: [.float32])
    }
    guard quantMin <= quantMax, quantMin >= Int(Int32.min), quantMax <= Int(Int32.max) else {
      throw error(
        .invalidArgument, "quant_min", expected: "a range of 32-bit integers",
        received: "\(quantMin)...\(quantMax)")
    }
    var count = 1
    if let axis {
      guard let d = Shapes.normalize(axis: axis, rank: inputs[0].rank) else {
        throw error(
          .outOfRange, "axis", expected: "an axis of shape \(inputs[0].shape)",
          received: "axis \(axis)")
      }
      count = inputs[0].shape[d]
    }
    for (spec, name) in zip(inputs[1...], ["scale", "zero_point"]) where spec.shape != [count] {
      throw error(
        .shapeMismatch, name, expected: "shape [\(count)]", received: "shape \(spec.shape)")
    }
    return inputs[0]
  }

  /// One scale, and the integer that stands for 0: rounded and brought into the range.
  private struct Step {
    let scale: Float
    let inverse: Float
    let zero: Float
  }

  private func steps(_ inputs: [Tensor]) throws(OctetError) -> [Step] {
    let scales: [Float] = try inputs[1].elements()
    let zeros: [Float] = try inputs[2].elements()
    for scale in scales where !(scale > 0 && scale.isFinite) {
      throw error(
        .invalidQuantizer, "scale", expected: "positive finite scales", received: "\(scale)",
        fix: "train with a smaller learning rate, or clip the gradients")
    }
    return zip(scales, zeros).map { scale, zero in
      let rounded = zero.isNaN ? 0 : zero.rounded(.toNearestOrEven)
      return Step(
        scale: scale, inverse: 1 / scale,
        zero: min(max(rounded, Float(quantMin)), Float(quantMax)))
    }
  }

  /// The step of each run of elements, and the runs' length.
  private func runs(_ shape: [Int]) -> (count: Int, length: Int) {
    guard let axis, let d = Shapes.normalize(axis: axis, rank: shape.count) else {
      return (1, shape.reduce(1, *))
    }
    return (shape[...d].reduce(1, *), shape[(d + 1)...].reduce(1, *))
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let steps = try steps(inputs)
    let y = try Tensor(uninitialized: x.shape, dtype: .float32)
    let (low, high) = (Float(quantMin), Float(quantMax))
    let runs = runs(x.shape)
    x.withElements(Float.self) { x in
      y.withMutableElements(Float.self) { y in
        for run in 0..<runs.count {
          let step = steps[run % steps.count]
          for i in (run * runs.length)..<((run + 1) * runs.length) {
            let q = step.zero + (x[i] * step.inverse).rounded(.toNearestOrEven)
            y[i] = (min(max(q, low), high) - step.zero) * step.scale
          }
        }
      }
    }
    return y
  }

  /// Inside the range `dx = dy` and `dscale = Σ dy * (y - x) / scale`; beyond it `dscale = Σ dy * (end - zero)` and
  /// `dzero = -Σ dy * scale`; those of scale and zero point times the factor.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let (x, dy) = (try context.inputs[0].contiguous(), try context.gradient.contiguous())
    let steps = try steps(context.inputs)
    let dx = try Tensor(uninitialized: x.shape, dtype: .float32)
    var scales = [Double](repeating: 0, count: steps.count)
    var zeros = scales
    let (low, high) = (Float(quantMin), Float(quantMax))
    let runs = runs(x.shape)
    x.withElements(Float.self) { x in
      dy.withElements(Float.self) { dy in
        dx.withMutableElements(Float.self) { dx in
          for run in 0..<runs.count {
            let channel = run % steps.count
            let step = steps[channel]
            for i in (run * runs.length)..<((run + 1) * runs.length) {
              // Unlike the way there, torch rounds behind the zero point here: ties may go to the other side.
              let q = (step.zero + x[i] * step.inverse).rounded(.toNearestOrEven)
              let isInside = q >= low && q <= high
              dx[i] = isInside ? dy[i] : 0
              if isInside {
                let y = (q - step.zero) * step.scale
                scales[channel] += Double(dy[i] * (y - x[i]) * step.inverse)
              } else {
                scales[channel] += Double(dy[i] * ((q > high ? high : low) - step.zero))
                zeros[channel] -= Double(dy[i] * step.scale)
              }
            }
          }
        }
      }
    }
    func parameter(_ sums: [Double]) throws(OctetError) -> Tensor {
      try Tensor(sums.map { Float($0) * gradientFactor }, shape: [sums.count])
    }
    return [dx, try parameter(scales), try parameter(zeros)]
  }
}

extension Functional {
  /// `y = (clamp(z + rint(x * (1 / scale)), quantMin, quantMax) - z) * scale` with `z` the zero point rounded into the range; gradients
  /// reach x, the scale and the zero point. torch._fake_quantize_learnable_per_tensor_affine.
  ///
  /// - Parameters:
  ///   - input: float32, any shape.
  ///   - scale: float32 `[1]`, positive; `zeroPoint` float32 `[1]`.
  ///   - gradientFactor: what the gradients of scale and zero point are multiplied by; `1 / sqrt(n * quantMax)` for n elements is the
  ///     paper's.
  public static func fakeQuantizeLearnablePerTensorAffine(
    _ input: Tensor, scale: Tensor, zeroPoint: Tensor, quantMin: Int, quantMax: Int,
    gradientFactor: Double = 1
  ) throws(OctetError) -> Tensor {
    try apply(
      LearnableFakeQuantization(
        axis: nil, quantMin: quantMin, quantMax: quantMax, gradientFactor: Float(gradientFactor)),
      [input, scale, zeroPoint])
  }

  /// As above with a scale and zero point for each index of `axis`, `[C]`. torch._fake_quantize_learnable_per_channel_affine.
  public static func fakeQuantizeLearnablePerChannelAffine(
    _ input: Tensor, scale: Tensor, zeroPoint: Tensor, axis: Int, quantMin: Int, quantMax: Int,
    gradientFactor: Double = 1
  ) throws(OctetError) -> Tensor {
    try apply(
      LearnableFakeQuantization(
        axis: axis, quantMin: quantMin, quantMax: quantMax, gradientFactor: Float(gradientFactor)),
      [input, scale, zeroPoint])
  }
}
