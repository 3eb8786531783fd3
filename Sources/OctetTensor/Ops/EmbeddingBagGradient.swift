extension EmbeddingBag {
  /// With factors: `dw[row] += f * dy[bag]` and `df = dy[bag] · w[row]`; a mean divides by the bag's size, a maximum goes to the
  /// first row that has it; `dw[row]` is divided by the row's frequency if asked.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let weight = try context.inputs[0].contiguous()
    let bag = try bagArguments(form, context.inputs, rows: weight.shape[0])
    let (indices, starts) = (bag.indices.integers, bag.offsets.integers)
    let counts = options.frequencies(indices, rows: weight.shape[0])
    let factors: [Float]? = try bag.weights?.elements()
    let dy = try context.gradient.contiguous()
    let dim = weight.shape[1]
    let dw = try Tensor(repeating: Float(0), shape: weight.shape)
    var df = [Float](repeating: 0, count: factors?.count ?? 0)
    weight.withElements(Float.self) { table in
      dy.withElements(Float.self) { dy in
        dw.withMutableElements(Float.self) { sums in
          for b in 0..<context.gradient.shape[0] {
            let end = b + 1 < starts.count ? starts[b + 1] : indices.count
            let places = (starts[b]..<end).filter { indices[$0] != options.paddingIndex }
            for d in 0..<dim {
              let flowing = dy[b * dim + d]
              if mode == .max {
                let rows = places.map { indices[$0] }
                guard let top = Self.firstLargest(rows.map { table[$0 * dim + d] }) else {
                  continue
                }
                sums[rows[top] * dim + d] += flowing
                continue
              }
              let share = mode == .mean ? flowing / Float(places.count) : flowing
              for place in places {
                let parts = counts?[indices[place]] ?? 1
                sums[indices[place] * dim + d] += share * (factors?[place] ?? 1) / parts
                if factors != nil { df[place] += flowing * table[indices[place] * dim + d] }
              }
            }
          }
        }
      }
    }
    var results: [Tensor?] = Array(repeating: nil, count: context.needs.count)
    results[0] = dw
    if form.hasWeights {
      results[form.hasOffsets ? 3 : 2] = try Tensor(
        df, shape: context.inputSpecs[form.hasOffsets ? 3 : 2].shape)
    }
    return results
  }

  private static func firstLargest(_ values: [Float]) -> Int? {
    var best: Int?
    for (i, value) in values.enumerated() where best.map({ value > values[$0] }) ?? true {
      best = i
    }
    return best
  }
}
