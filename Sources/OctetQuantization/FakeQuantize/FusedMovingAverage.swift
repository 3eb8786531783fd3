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
  }

  let averagingConstant: Float
  let quantMin: Int
  let quantMax: Int
  /// The channel axis, nil per tensor.
  let axis: Int?
  /// Whether ranges with both signs are made symmetric.
  let isSymmetric: Bool

  /// Follows a batch when `observes`, rounds it when `rounds`. Parameters change only when both hold; extremes whenever
  /// ranges are followed. Nothing changes when an error is thrown.
  func step(_ input: Tensor, observes: Bool, rounds: Bool, _ state: inout State)
    throws(OctetError) -> Tensor
  {
    if input.count == 0 { return input }
    if observes {
      var next = try followed(input, state)
      if rounds { try chooseParameters(&next) }
      state = next
    }
    return rounds ? try apply(rounding(state), [input]) : input
  }

  /// The operator that rounds with the state's parameters.
  func rounding(_ state: State) throws(OctetError) -> FakeQuantization {
    try FakeQuantization(
      "fused_moving_avg_obs_fake_quant", scales: state.scales,
      zeroPoints: .integer(state.zeroPoints), axis: axis, quantMin: quantMin, quantMax: quantMax)
  }

  private func followed(_ input: Tensor, _ state: State) throws(OctetError) -> State {
    let found = try extremes(input)
    var next = state
    if state.minima.isEmpty {
      next.minima = [Float](repeating: .infinity, count: found.count)
      next.maxima = [Float](repeating: -.infinity, count: found.count)
      next.scales = [Float](repeating: 1, count: found.count)
      next.zeroPoints = [Int](repeating: 0, count: found.count)
    }
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
    return next
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
    guard let normalized = Shapes.normalize(axis: axis, rank: input.rank) else {
      throw OctetError(
        .outOfRange, operation: "fused_moving_avg_obs_fake_quant", argument: "ch_axis",
        expected: "an axis of shape \(input.shape)", received: "ch_axis \(axis)")
    }
    return try RangeScan.extremes(of: values, axis: normalized)
  }

  private func moved(_ old: Float, _ new: Float) -> Float {
    old.isInfinite ? new : old + averagingConstant * (new - old)
  }

  private func chooseParameters(_ state: inout State) throws(OctetError) {
    for i in state.minima.indices {
      let chosen = try ParameterRules.chooseParameters(
        min: state.minima[i], max: state.maxima[i], qmin: quantMin, qmax: quantMax,
        preserveSparsity: isSymmetric, operation: "fused_moving_avg_obs_fake_quant")
      state.scales[i] = Float(chosen.scale)
      state.zeroPoints[i] = chosen.zeroPoint
    }
  }
}
