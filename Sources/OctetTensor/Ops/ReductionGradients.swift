/// The derivative of reductions: one pass that visits each element with its lane's result and gradient.
extension Reduction {
  var saved: SavedForBackward { kind == .sum ? [] : [.inputs, .output] }

  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0].shape
    let gone = try reducedAxes(dims, rank: shape.count)
    let kept = Shapes.reduced(shape, gone, keepDims: true)
    let gradient = try context.gradient.reshaped(kept).expanded(shape)
    guard kind != .sum, let output = context.output else { return [try gradient.contiguous()] }
    let spread = try output.reshaped(kept).expanded(shape)
    let x = context.inputs[0]
    return [
      x.dtype == .float64
        ? try laneGradients(x, spread, gradient, gone, Double.self)
        : try laneGradients(x, spread, gradient, gone, Float.self)
    ]
  }

  /// `x`, results and gradients of one shape; their lanes are walked side by side.
  private func laneGradients<Real: RealScalar>(
    _ x: Tensor, _ output: Tensor, _ gradient: Tensor, _ gone: Set<Int>, _ type: Real.Type
  ) throws(OctetError) -> Tensor {
    let (values, results, flowing) = (
      try ReducedLanes(x, gone), try ReducedLanes(output, gone), try ReducedLanes(gradient, gone)
    )
    let lane = values.count
    let target = try Tensor(uninitialized: values.tensor.shape, dtype: Real.dtype)
    values.tensor.withElements(type) { x in
      results.tensor.withElements(type) { y in
        flowing.tensor.withElements(type) { g in
          target.withMutableElements(type) { d in
            if d.isEmpty { return }
            for start in stride(from: 0, to: d.count, by: lane) {
              let range = start..<(start + lane)
              differentiate(
                UnsafeBufferPointer(rebasing: x[range]), Double(y[start]), Double(g[start]),
                UnsafeMutableBufferPointer(rebasing: d[range]))
            }
          }
        }
      }
    }
    // Back from lanes innermost to the input's own order.
    let order =
      x.shape.indices.filter { !gone.contains($0) }
      + x.shape.indices.filter { gone.contains($0) }
    var inverse = order
    for (place, axis) in order.enumerated() { inverse[axis] = place }
    return try target.permuted(inverse)
  }

  /// One lane: its result `y` and gradient `g`.
  private func differentiate<Real: RealScalar>(
    _ x: UnsafeBufferPointer<Real>, _ y: Double, _ g: Double,
    _ d: UnsafeMutableBufferPointer<Real>
  ) {
    func fill(_ body: (Double) -> Double) { for i in d.indices { d[i] = Real(body(Double(x[i]))) } }
    switch kind {
    case .sum: fill { _ in g }
    case .product:
      // Not `y / x`: factors may be 0.
      var prefix = 1.0
      for i in d.indices {
        d[i] = Real(prefix)
        prefix *= Double(x[i])
      }
      var suffix = 1.0
      for i in d.indices.reversed() {
        d[i] = Real(Double(d[i]) * suffix * g)
        suffix *= Double(x[i])
      }
    case .maximum, .minimum:
      // Equal extremes share the gradient, as in torch's amax.
      let ties = Double(x.reduce(0) { $0 + (Double($1) == y ? 1 : 0) })
      fill { $0 == y ? g / ties : 0 }
    case .variance(let correction):
      let mean = x.reduce(0) { $0 + Double($1) } / Double(x.count)
      let factor = 2 * g / max(Double(x.count) - correction, 0)
      fill { ($0 - mean) * factor }
    case .standardDeviation(let correction):
      let mean = x.reduce(0) { $0 + Double($1) } / Double(x.count)
      let factor = y == 0 ? 0 : g / (y * max(Double(x.count) - correction, 0))
      fill { ($0 - mean) * factor }
    case .norm(let order): fill { g * Self.slope($0, norm: y, order, ties: x) }
    case .logSumExp: fill { g * Double.exp($0 - y) }
    }
  }

  private static func slope<Real: RealScalar>(
    _ x: Double, norm: Double, _ order: Double, ties lane: UnsafeBufferPointer<Real>
  ) -> Double {
    let sign = x > 0 ? 1.0 : x < 0 ? -1 : 0
    switch order {
    case 0: return 0
    case 1: return sign
    case .infinity, -.infinity:
      guard abs(x) == norm else { return 0 }
      return sign / lane.reduce(0.0) { $0 + (abs(Double($1)) == norm ? 1 : 0) }
    default:
      return norm == 0 || x == 0 ? 0 : sign * Double.power(abs(x) / norm, order - 1)
    }
  }
}
