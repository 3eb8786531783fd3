import OctetTensor
import OctetTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

private struct Reducer: Sendable {
  let name: String
  let run: @Sendable (Tensor, [Int], Bool) throws -> Tensor
  let value: @Sendable ([Double]) -> Double
  /// Of no elements there is no extreme.
  var allowsEmpty = true
  var minimumCount = 0
  var units = 2.0
}

private func variance(_ x: [Double], _ correction: Double) -> Double {
  let mean = x.reduce(0, +) / Double(x.count)
  return x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (Double(x.count) - correction)
}

private func norm(_ order: Double) -> Reducer {
  Reducer(
    name: "norm \(order)", run: { try Functional.norm($0, order: order, dims: $1, keepDims: $2) },
    value: { x in
      switch order {
      case .infinity: x.map(abs).max() ?? 0
      case -.infinity: x.map(abs).min() ?? .infinity
      case 0: Double(x.count { $0 != 0 })
      default: pow(x.reduce(0) { $0 + pow(abs($1), order) }, 1 / order)
      }
    }, allowsEmpty: order >= 0)
}

private let reducers: [Reducer] = [
  Reducer(
    name: "sum", run: { try Functional.sum($0, dims: $1, keepDims: $2) },
    value: { $0.reduce(0, +) }),
  Reducer(
    name: "prod", run: { try Functional.product($0, dims: $1, keepDims: $2) },
    value: { $0.reduce(1, *) }),
  Reducer(
    name: "amax", run: { try Functional.maximum($0, dims: $1, keepDims: $2) },
    value: { $0.max() ?? -.infinity }, allowsEmpty: false, units: 0),
  Reducer(
    name: "amin", run: { try Functional.minimum($0, dims: $1, keepDims: $2) },
    value: { $0.min() ?? .infinity }, allowsEmpty: false, units: 0),
  Reducer(
    name: "var",
    run: { try Functional.variance($0, dims: $1, correction: 0, keepDims: $2) },
    value: { variance($0, 0) }, allowsEmpty: false),
  Reducer(
    name: "std",
    run: { try Functional.standardDeviation($0, dims: $1, correction: 0.5, keepDims: $2) },
    value: { variance($0, 0.5).squareRoot() }, allowsEmpty: false, minimumCount: 2),
  Reducer(
    name: "logsumexp", run: { try Functional.logSumExp($0, dims: $1, keepDims: $2) },
    value: { x in log(x.reduce(0) { $0 + exp($1) }) }),
  norm(0), norm(1), norm(2), norm(3.5), norm(.infinity), norm(-.infinity),
]

private func axes(_ rank: Int, _ random: TestRandom) -> Set<Int> {
  let chosen = Set((0..<rank).filter { _ in random.int(0...1) == 0 })
  return chosen.isEmpty ? Set(0..<rank) : chosen
}

private func reduce(_ reducer: Reducer) -> FloatCase {
  FloatCase(name: reducer.name) { random in
    let shape = random.shape(random.int(0...4), allowsEmpty: reducer.allowsEmpty)
    let x = random.grid(shape)
    let gone = axes(shape.count, random)
    let keepsDims = random.int(0...1) == 0
    let dims = gone.count == shape.count ? [] : gone.map { random.pick([$0, $0 - shape.count]) }
    let kept = shape.indices.compactMap { gone.contains($0) ? (keepsDims ? 1 : nil) : shape[$0] }
    let lanes = x.lanes(gone)
    let count = gone.map { shape[$0] }.reduce(1, *)
    return FloatCase.Draw(
      inputs: [x], run: { try reducer.run($0[0], dims, keepsDims) },
      expected: Grid(kept, lanes.map { reducer.value($0.values) }),
      bound: FloatCase.bound(units: reducer.units, scale: 0x1p-20),
      isSmooth: count >= reducer.minimumCount && lanes.allSatisfy { separated($0.values) })
  }
}

/// No element near 0 and no two magnitudes near each other: no corner and no tie within a step.
private func separated(_ x: [Double]) -> Bool {
  let sorted = ([0] + x.map(abs)).sorted()
  return zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 > 1e-3 }
}

/// A function of a lane that gives a lane.
private func alongLanes(
  _ name: String, units: Double, scale: Double = 0, halfRoundings: Int = 1,
  _ run: @escaping @Sendable (Tensor, Int) throws -> Tensor,
  _ value: @escaping @Sendable ([Double]) -> [Double]
) -> FloatCase {
  FloatCase(name: name, halfRoundings: halfRoundings) { random in
    let shape = random.shape(random.int(1...4))
    let x = random.grid(shape)
    let dim = random.int(0...(shape.count - 1))
    var y = Grid(shape) { _ in 0 }
    for lane in x.lanes([dim]) {
      for (i, element) in value(lane.values).enumerated() {
        var index = lane.index
        index[dim] = i
        y[index] = element
      }
    }
    return FloatCase.Draw(
      inputs: [x], run: { try run($0[0], random.pick([dim, dim - shape.count])) }, expected: y,
      bound: FloatCase.bound(units: units, scale: scale),
      isSmooth: x.lanes([dim]).allSatisfy { separated($0.values) })
  }
}

/// Dimensions that become one number, and functions of whole lanes.
let reductionCases: [FloatCase] =
  reducers.map(reduce) + [
    alongLanes("cumsum", units: 2, scale: 0x1p-20, { try Functional.cumulativeSum($0, dim: $1) }) {
      var sum = 0.0
      return $0.map {
        sum += $0
        return sum
      }
    },
    alongLanes("log_softmax", units: 2, scale: 0x1p-8, { try Functional.logSoftmax($0, dim: $1) }) {
      x in
      let sum = log(x.reduce(0) { $0 + exp($1) })
      return x.map { $0 - sum }
    },
    // Half types round the length and the quotient.
    alongLanes(
      "normalize", units: 6, halfRoundings: 2, { try Functional.normalize($0, dim: $1) }
    ) { x in
      let length = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return x.map { $0 / max(length, 1e-12) }
    },
    alongLanes("sort", units: 0, { try Functional.sort($0, dim: $1).values }) { $0.sorted() },
    FloatCase(name: "rms_norm") { random in
      let rank = random.int(1...3)
      let shape = random.shape(rank, allowsEmpty: false)
      let rows = random.int(1...rank)
      let (x, w) = (random.grid(shape), random.grid(Array(shape.suffix(rows))))
      var y = x
      for lane in x.lanes(Set((rank - rows)..<rank)) {
        let mean = lane.values.reduce(0) { $0 + $1 * $1 } / Double(lane.values.count)
        for tail in Grid.indices(w.shape) {
          let index = lane.index.dropLast(rows) + tail
          y[Array(index)] = x[Array(index)] / (mean + 1e-3).squareRoot() * w[tail]
        }
      }
      return FloatCase.Draw(
        inputs: [x, w],
        run: {
          try Functional.rmsNorm($0[0], normalizedShape: w.shape, weight: $0[1], epsilon: 1e-3)
        }, expected: y, bound: FloatCase.bound(units: 2))
    },
    // Half types round two normalizations, the products and their sum.
    FloatCase(name: "cosine_similarity", halfRoundings: 6, halfScale: 1) { random in
      let shape = random.shape(2, allowsEmpty: false)
      let (x, y) = (random.grid(shape), random.grid(shape))
      let values = zip(x.lanes([1]), y.lanes([1])).map { a, b in
        let dot = zip(a.values, b.values).reduce(0) { $0 + $1.0 * $1.1 }
        func length(_ v: [Double]) -> Double { v.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        return dot / (length(a.values) * length(b.values))
      }
      return FloatCase.Draw(
        inputs: [x, y], run: { try Functional.cosineSimilarity($0[0], $0[1]) },
        expected: Grid([shape[0]], values), bound: FloatCase.bound(units: 40, scale: 1),
        isSmooth: (x.lanes([1]) + y.lanes([1])).allSatisfy {
          $0.values.reduce(0) { $0 + $1 * $1 } > 0.1
        })
    },
  ]
