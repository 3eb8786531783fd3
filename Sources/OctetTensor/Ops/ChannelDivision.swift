/// `y = x / factor + bias` per channel of `[N, C, ...]`, in one pass: what undoes the scale of a weight behind its layer.
struct ChannelDivision: DifferentiableOperator {
  static let torchName = "div"

  /// Inputs: `x`, `factor [C]`, and `bias [C]` when there is one.
  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    try require(x, "input", dtypes: [.float32])
    guard x.rank >= 2 else {
      throw error(
        .shapeMismatch, "input", expected: "shape [N, C, ...]", received: "\(x.shape)")
    }
    for (spec, argument) in zip(inputs.dropFirst(), ["other", "bias"]) {
      try require(spec, argument, dtypes: [.float32])
      guard spec.shape == [x.shape[1]] else {
        throw error(
          .shapeMismatch, argument, expected: "shape [\(x.shape[1])], one value for each channel",
          received: "\(spec.shape)")
      }
    }
    return x
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let x = try inputs[0].contiguous()
    let factor: [Float] = try inputs[1].elements()
    let bias: [Float]? = inputs.count > 2 ? try inputs[2].elements() : nil
    let result = try Tensor(uninitialized: output.shape, dtype: .float32)
    let planes = FloatBatchNorm(shape: output.shape)
    x.withElements(Float.self) { x in
      result.withMutableElements(Float.self) { y in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        planes.divide(x, by: factor, bias: bias, y)
      }
    }
    return result
  }

  /// `dx = dy / factor`, `dfactor = -Σ dy * x / factor²`, `dbias = Σ dy`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0].shape
    let planes = FloatBatchNorm(shape: shape)
    let (x, dy) = (try context.inputs[0].contiguous(), try context.gradient.contiguous())
    let factor: [Float] = try context.inputs[1].elements()
    var results = [Tensor?](repeating: nil, count: context.needs.count)
    if context.needs[0] {
      let dx = try Tensor(uninitialized: shape, dtype: .float32)
      dy.withElements(Float.self) { dy in
        dx.withMutableElements(Float.self) { dx in
          guard let dy = dy.baseAddress, let dx = dx.baseAddress else { return }
          planes.divide(dy, by: factor, bias: nil, dx)
        }
      }
      results[0] = dx
    }
    guard context.needs.dropFirst().contains(true) else { return results }
    var plain = [Double](repeating: 0, count: planes.channels)
    var weighted = plain
    let zeros = [Float](repeating: 0, count: planes.channels)
    x.withElements(Float.self) { x in
      dy.withElements(Float.self) { dy in
        plain.withUnsafeMutableBufferPointer { plain in
          weighted.withUnsafeMutableBufferPointer { weighted in
            guard let x = x.baseAddress, let dy = dy.baseAddress,
              let plain = plain.baseAddress, let weighted = weighted.baseAddress
            else { return }
            planes.sums(x, dy, mean: zeros, plain, weighted)
          }
        }
      }
    }
    if context.needs[1] {
      let slopes = zip(weighted, factor).map { Float(-$0 / (Double($1) * Double($1))) }
      results[1] = try Tensor(slopes, shape: [slopes.count])
    }
    if context.needs.count > 2, context.needs[2] {
      results[2] = try Tensor(plain.map { Float($0) }, shape: [plain.count])
    }
    return results
  }
}

extension Functional {
  /// `y = x / factor + bias`, with a value for each channel.
  ///
  /// - Parameters:
  ///   - input: float32 `[N, C, ...]`.
  ///   - factor: `[C]`; `bias` as well, nil for none.
  package static func divideChannels(_ input: Tensor, by factor: Tensor, bias: Tensor?)
    throws(OctetError) -> Tensor
  {
    try apply(ChannelDivision(), [input, factor] + (bias.map { [$0] } ?? []))
  }
}
