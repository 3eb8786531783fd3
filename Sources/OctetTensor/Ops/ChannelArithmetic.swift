/// Arithmetic of float32 `[N, C, ...]` with a value for each channel, `[1, C, 1, ...]`: neither is spread out for it, and a channel's
/// gradient is one sum.
extension Arithmetic {
  /// True for operands of these shapes and a kind that has a path of its own here.
  func isChannelwise(_ x: TensorSpec, _ y: TensorSpec) -> Bool {
    guard x.dtype == .float32, y.dtype == .float32, x.rank >= 3, y.rank == x.rank,
      y.shape[1] == x.shape[1], x.shape != y.shape
    else { return false }
    switch kind {
    case .add, .subtract, .multiply, .divide: break
    default: return false
    }
    return y.shape.enumerated().allSatisfy { $0 == 1 || $1 == 1 }
  }

  func combineChannels(_ x: Tensor, _ y: Tensor) throws(OctetError) -> Tensor {
    try Self.channels(kind, x.contiguous(), y.elements())
  }

  private static func channels(_ kind: Kind, _ x: Tensor, _ values: [Float]) throws(OctetError)
    -> Tensor
  {
    let result = try Tensor(uninitialized: x.shape, dtype: .float32)
    if x.count == 0 { return result }
    FloatBatchNorm(shape: x.shape).map(x.floats, values, result.mutableFloats) {
      from, value, to, count in
      switch kind {
      case .add: for i in 0..<count { to[i] = from[i] + value }
      case .subtract: for i in 0..<count { to[i] = from[i] - value }
      case .multiply: for i in 0..<count { to[i] = from[i] * value }
      default: for i in 0..<count { to[i] = from[i] / value }
      }
    }
    return withExtendedLifetime(x) { result }
  }

  /// With `S = Σ dz` and `P = Σ dz * x` of each channel: `dy` is `S`, `-S`, `P` or `-P / y²`; `dx` is `dz`, times or divided by y.
  func channelGradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let dz = try context.gradient.contiguous()
    let isScaling = kind == .multiply || kind == .divide
    let y: [Float] = isScaling ? try context.inputs[1].elements() : []
    var results: [Tensor?] = [nil, nil]
    if context.needs[0] { results[0] = isScaling ? try Self.channels(kind, dz, y) : dz }
    guard context.needs[1] else { return results }
    let planes = FloatBatchNorm(shape: dz.shape)
    var sums = [Double](repeating: 0, count: planes.channels)
    if isScaling {
      let x = try context.inputs[0].contiguous()
      var plain = sums
      planes.sums(
        x.floats, dz.floats, mean: [Float](repeating: 0, count: planes.channels), &plain, &sums)
      withExtendedLifetime(x) {}
    } else {
      planes.sums(dz.floats, &sums)
    }
    withExtendedLifetime(dz) {}
    let slopes = sums.indices.map { c -> Float in
      switch kind {
      case .subtract: return Float(-sums[c])
      case .divide: return Float(-sums[c] / (Double(y[c]) * Double(y[c])))
      default: return Float(sums[c])
      }
    }
    results[1] = try Tensor(slopes, shape: context.inputSpecs[1].shape)
    return results
  }
}
