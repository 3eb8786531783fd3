/// The derivative of what layer, group and instance norm compute: rows of one length, each normalized on its own, then an affine
/// part whose entry is `slot(i)` for element i.
struct RowNormGradient {
  let parameters: NormParameters
  let length: Int
  let slot: (Int) -> Int

  /// With `n = (x - mean) * r` and `g = dy * γ`: `dx = r * (g - mean(g) - n * mean(g * n))`, `dγ = Σ dy * n`, `dβ = Σ dy`; sums in
  /// double.
  func callAsFunction(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let x = try context.inputs[0].contiguous()
    let dy = try context.gradient.contiguous()
    let (gamma, _) = try parameters.values(context.inputs)
    let affine = parameters.affine(context.inputSpecs)
    let slots = (affine.weight ?? affine.bias)?.shape ?? []
    var weightSums = [Double](repeating: 0, count: slots.reduce(1, *))
    var biasSums = weightSums
    let dx = try Tensor(uninitialized: x.shape, dtype: .float32)
    x.withElements(Float.self) { x in
      dy.withElements(Float.self) { dy in
        dx.withMutableElements(Float.self) { dx in
          for row in 0..<(length > 0 ? x.count / length : 0) {
            let range = (row * length)..<((row + 1) * length)
            Self.row(range, x, dy, gamma, parameters.epsilon, slot, dx, &weightSums, &biasSums)
          }
        }
      }
    }
    var results: [Tensor?] = [dx]
    if affine.weight != nil {
      results.append(try Tensor(weightSums.map { Float($0) }, shape: slots))
    }
    if affine.bias != nil { results.append(try Tensor(biasSums.map { Float($0) }, shape: slots)) }
    return results
  }

  private static func row(
    _ range: Range<Int>, _ x: UnsafeBufferPointer<Float>, _ dy: UnsafeBufferPointer<Float>,
    _ gamma: [Float]?, _ epsilon: Double, _ slot: (Int) -> Int,
    _ dx: UnsafeMutableBufferPointer<Float>, _ weightSums: inout [Double],
    _ biasSums: inout [Double]
  ) {
    let count = Double(range.count)
    let mean = x[range].reduce(0.0) { $0 + Double($1) } / count
    let squares = x[range].reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let inverse = 1 / (squares / count + epsilon).squareRoot()
    var (sum, projected) = (0.0, 0.0)
    for i in range {
      let flowing = Double(dy[i])
      let normal = (Double(x[i]) - mean) * inverse
      let place = slot(i)
      weightSums[place] += flowing * normal
      biasSums[place] += flowing
      let scaled = flowing * Double(gamma?[place] ?? 1)
      sum += scaled
      projected += scaled * normal
    }
    for i in range {
      let normal = (Double(x[i]) - mean) * inverse
      let scaled = Double(dy[i]) * Double(gamma?[slot(i)] ?? 1)
      dx[i] = Float(inverse * (scaled - sum / count - normal * projected / count))
    }
  }
}
