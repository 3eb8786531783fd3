import OctetTensor

/// One step of torch.fused_moving_avg_obs_fake_quant: follow the extremes, choose parameters by the run-time rule, round.
struct FusedMovingAverage {
  /// The buffers, one entry per tensor or per channel. Entries of minima and maxima that are infinite are fresh: the first
  /// batch is copied into them.
  struct State: Equatable {
    var minima: [Float]
    var maxima: [Float]
    var scales: [Float]
    var zeroPoints: [Int]

    /// What buffers are before the first batch.
    static func fresh(count: Int) -> State {
      State(
        minima: [Float](repeating: .infinity, count: count),
        maxima: [Float](repeating: -.infinity, count: count),
        scales: [Float](repeating: 1, count: count), zeroPoints: [Int](repeating: 0, count: count))
    }
  }

  let averagingConstant: Float
  let quantMin: Int
  let quantMax: Int
  /// The channel axis, nil per tensor.
  let axis: Int?
  /// Whether ranges with both signs are made symmetric.
  let isSymmetric: Bool

  /// Follows a batch when `observes`, then chooses parameters and rounds the batch with them when `rounds`. Nothing changes
  /// when an error is thrown.
  func step(_ input: Tensor, observes: Bool, rounds: Bool, _ state: inout State)
    throws(OctetError) -> Tensor
  {
    if input.count == 0 { return input }
    var next = state
    if let axis, state.minima.isEmpty {
      next = .fresh(count: input.shape[try normalized(axis, input.shape)])
    }
    if observes { try follow(input, &next) }
    var output = input
    if rounds {
      try chooseParameters(&next)
      output = try apply(rounding(next), [input])
    }
    state = next
    return output
  }

  private func rounding(_ state: State) throws(OctetError) -> FakeQuantization {
    try FakeQuantization(
      "fused_moving_avg_obs_fake_quant", scales: state.scales,
      zeroPoints: .integer(state.zeroPoints), axis: axis, quantMin: quantMin, quantMax: quantMax)
  }

  private func follow(_ input: Tensor, _ next: inout State) throws(OctetError) {
    let found = try extremes(input)
    guard next.minima.count == found.count, next.maxima.count == found.count else {
      throw OctetError(
        .shapeMismatch, operation: "fused_moving_avg_obs_fake_quant", argument: "self",
        expected: "\(next.minima.count) channels, as running_min has",
        received: "shape \(input.shape)")
    }
    for (i, batch) in found.enumerated() {
      next.minima[i] = moved(next.minima[i], batch.min)
      next.maxima[i] = moved(next.maxima[i], batch.max)
    }
  }

  private func extremes(_ input: Tensor) throws(OctetError) -> [Extremes] {
    guard input.dtype.isFloatingPoint else {
      throw OctetError(
        input.isQuantized ? .quantizationMismatch : .dtypeMismatch,
        operation: "fused_moving_avg_obs_fake_quant", argument: "self",
        expected: "a float tensor", received: "dtype \(input.dtype.rawValue)")
    }
    let values = try input.converted(to: .float32)
    guard let axis else { return [try RangeScan.extremes(of: values)] }
    return try RangeScan.extremes(of: values, axis: normalized(axis, input.shape))
  }

  private func normalized(_ axis: Int, _ shape: [Int]) throws(OctetError) -> Int {
    guard let normalized = Shapes.normalize(axis: axis, rank: shape.count) else {
      throw OctetError(
        .outOfRange, operation: "fused_moving_avg_obs_fake_quant", argument: "ch_axis",
        expected: "an axis of shape \(shape)", received: "ch_axis \(axis)")
    }
    return normalized
  }

  private func moved(_ old: Float, _ new: Float) -> Float {
    old.isInfinite
      ? new : AveragingConstant.moved(old, towards: new, by: averagingConstant)
  }

  /// Parameters for the state's extremes; fresh ones count as zero.
  private func chooseParameters(_ state: inout State) throws(OctetError) {
    for i in state.minima.indices {
      let isFresh = state.minima[i] == .infinity && state.maxima[i] == -.infinity
      let chosen = try ParameterRules.chooseParameters(
        min: isFresh ? 0 : state.minima[i], max: isFresh ? 0 : state.maxima[i], qmin: quantMin,
        qmax: quantMax,
        preserveSparsity: isSymmetric, operation: "fused_moving_avg_obs_fake_quant")
      state.scales[i] = Float(chosen.scale)
      state.zeroPoints[i] = chosen.zeroPoint
    }
  }
}
