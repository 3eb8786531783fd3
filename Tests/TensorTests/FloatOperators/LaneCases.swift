import OctetTensor
import OctetTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `exp(x - max) / sum` along a dimension; a lane with NaN, +∞ or -∞ alone is NaN.
private func softmax(_ x: Grid, _ dim: Int) -> Grid {
  var y = x
  for lane in x.lanes(x.shape.isEmpty ? [] : [dim]) {
    let largest = lane.values.contains(where: \.isNaN) ? .nan : lane.values.max() ?? 0
    let sum = lane.values.reduce(0) { $0 + exp($1 - largest) }
    for (i, value) in lane.values.enumerated() {
      var index = lane.index
      if !index.isEmpty { index[dim] = i }
      y[index] = exp(value - largest) / sum
    }
  }
  return y
}

/// The dimension that torch takes when none is given.
private func legacyDimension(_ rank: Int) -> Int { rank <= 1 || rank == 3 ? 0 : 1 }

private let softmaxCases: [FloatCase] = [false, true].map { isLegacy in
  FloatCase(name: isLegacy ? "softmax, no dim" : "softmax", hasDouble: false) { random in
    let shape = random.shape(random.int((isLegacy ? 0 : 1)...4))
    let isExtreme = random.int(0...2) == 0
    let x = random.grid(shape).map {
      isExtreme && random.int(0...5) == 0 ? random.pick([-.infinity, .infinity, .nan, -1e30]) : $0
    }
    let dim = isLegacy ? legacyDimension(shape.count) : random.int(0...(shape.count - 1))
    let given: Int? = isLegacy ? nil : random.pick([dim, dim - shape.count])
    // x - max is rounded, |x - max| ≤ 4: 4 in the argument, 4 of exp; the sum of up to 4 positive terms adds 8 + 3, the quotient 1.
    var draw = FloatCase.Draw(
      inputs: [x], run: { try Functional.softmax($0[0], dim: given) },
      expected: softmax(x, dim), bound: FloatCase.bound(units: 20))
    // y * (dy - Σ dy * y) with |dy| ≤ 4: 4 * 20 and 4 * 24 for the terms, 4 * 2 * 20 for y, 4 roundings.
    draw.gradients = .differences(at: [x], units: 340, scale: 1) { softmax($0[0], dim) }
    if isExtreme { draw.gradients?.values = { [$0.map { _ in .nan }] } }
    return draw
  }
}

/// Sums are taken in double and the mean is rounded once.
private let mean = FloatCase(name: "mean") { random in
  let shape = random.shape(random.int(0...4))
  let x = random.grid(shape)
  let chosen = Set(shape.indices.filter { _ in random.int(0...1) == 0 })
  let gone = chosen.isEmpty ? Set(shape.indices) : chosen
  let dims = gone.count == shape.count ? [] : gone.map { random.pick([$0, $0 - shape.count]) }
  let keepsDims = random.int(0...1) == 0
  let kept = shape.indices.compactMap { gone.contains($0) ? (keepsDims ? 1 : nil) : shape[$0] }
  let reference: ([Grid]) -> Grid = { inputs in
    Grid(
      kept, inputs[0].lanes(gone).map { $0.values.reduce(0, +) / Double($0.values.count) })
  }
  var draw = FloatCase.Draw(
    inputs: [x], run: { try Functional.mean($0[0], dims: dims, keepDims: keepsDims) },
    expected: reference([x]), bound: FloatCase.bound(units: 1, scale: 0x1p-20))
  draw.gradients = .differences(at: [x], units: 1, scale: 0, reference)
  return draw
}

/// `x >= 0 ? x : w * x`, one rounding; both gradients are sums of products.
private let prelu = FloatCase(name: "prelu", hasDouble: false) { random in
  let shape = random.shape(random.int(1...4))
  let channels = shape.count > 1 ? shape[1] : 1
  let weightShape = random.int(0...1) == 0 ? [1] : [channels]
  // At 0 and its neighbours there is a corner, in x alone.
  let x = random.grid(shape).map { abs($0) < 1e-3 ? 0.5 : $0 }
  let w = random.grid(weightShape)
  let reference: ([Grid]) -> Grid = { inputs in
    Grid(shape) { index in
      let value = inputs[0][index]
      let slope = inputs[1].values[weightShape == [1] ? 0 : index[1]]
      return value < 0 ? value * slope : value
    }
  }
  var draw = FloatCase.Draw(
    inputs: [x, w], run: { try Functional.prelu($0[0], weight: $0[1]) },
    expected: reference([x, w]), bound: FloatCase.bound(units: 1))
  // The weight's: products are rounded, |dy * x| ≤ 8 for up to 256 of them, summed in double.
  draw.gradients = .differences(at: [x, w], units: 1, scale: 8 * 256, reference)
  return draw
}

/// A tensor and a number: one rounding.
private func scalar(
  _ name: String, _ run: @escaping @Sendable (Tensor, Float) -> Tensor,
  _ value: @escaping @Sendable (Double, Double) -> Double
) -> FloatCase {
  FloatCase(name: name) { random in
    let x = random.grid(random.shape(random.int(0...4)), in: -8...8).map {
      random.int(0...7) == 0 ? random.pick([0, -0.0, .infinity, -.infinity, .nan, 1e-45]) : $0
    }
    let number = random.pick([Float(3), -0.7, 1e-3, 8, 0])
    let y = x.map { value(Double(Float($0)), Double(number)) }
    var draw = FloatCase.Draw(
      inputs: [x.map { Double(Float($0)) }],
      run: { x in try collectingErrors { run(x[0], number) } }, expected: y,
      bound: FloatCase.bound(units: 1))
    let slope = value(1, Double(number)) - value(0, Double(number))
    draw.gradients = .slopes(at: x, units: 1) { _ in slope.isFinite ? slope : .nan }
    return draw
  }
}

/// Functions of lanes and arithmetic with a number or a number for each channel.
let laneCases: [FloatCase] =
  softmaxCases + [
    mean, prelu,
    scalar("add a number", { $0 + $1 }, { $0 + $1 }),
    scalar("subtract a number", { $0 - $1 }, { $0 - $1 }),
    scalar("multiply by a number", { $0 * $1 }, { $0 * $1 }),
    scalar("divide by a number", { $0 / $1 }, { $0 / $1 }),
  ]
