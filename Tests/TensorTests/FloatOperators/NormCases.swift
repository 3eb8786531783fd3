import OctetTensor
import OctetTestSupport

private let epsilon = 1e-2

extension TestRandom {
  /// float32 values around 0, or around a mean that dwarfs their spread.
  fileprivate func around(_ center: Double, _ shape: [Int]) -> Grid {
    operand(shape).map { Double(Float($0 + center)) }
  }
}

private func moments(_ x: [Double]) -> (mean: Double, inverse: Double) {
  let mean = x.reduce(0, +) / Double(x.count)
  let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
  return (mean, 1 / (variance + epsilon).squareRoot())
}

/// `n γ + β` of a lane's normalized value `n`, which the operators make in double and round once: three roundings of what float32 holds,
/// `γ_4 (|n γ| + |β|)`, and double's own of a sum of up to 2^4 terms, `2^-48 max|x| |γ| / σ`.
private func rows(
  _ shape: [Int], _ lanes: [(places: [[Int]], affine: [Int])], _ inputs: [Grid], hasWeight: Bool
) -> BoundedGrid {
  var values = Grid(shape) { _ in 0 }
  var bounds = values
  for lane in lanes {
    let x = lane.places.map { inputs[0][$0] }
    let (mean, inverse) = moments(x)
    let largest = x.map(abs).max() ?? 0
    for (i, place) in lane.places.enumerated() {
      let weight = hasWeight ? inputs[1].values[lane.affine[i]] : 1
      let bias = inputs.count > 2 ? inputs[2].values[lane.affine[i]] : 0
      let scaled = (x[i] - mean) * inverse * weight
      values[place] = scaled + bias
      bounds[place] =
        BoundedSum.gamma(4) * (abs(scaled) + abs(bias))
        + 0x1p-48 * largest * inverse * abs(weight)
    }
  }
  return BoundedGrid(shape) { (values[$0], bounds[$0]) }
}

/// Weight and bias, weight alone, or neither.
private func affine(_ shape: [Int], _ random: TestRandom) -> [Grid] {
  (0..<random.int(0...2)).map { _ in random.operand(shape) }
}

private func layerNorm() -> FloatCase {
  FloatCase(name: "layer_norm", hasDouble: false) { random in
    let shape = random.shape(random.int(1...3))
    let tail = Array(shape.suffix(random.int(1...shape.count)))
    let lead = Array(shape.dropLast(tail.count))
    let center = random.pick([0.0, 0, 100])
    let inner = Grid.indices(tail)
    let lanes = Grid.indices(lead).map { index in
      (places: inner.map { index + $0 }, affine: Array(inner.indices))
    }
    let parameters = affine(tail, random)
    return FloatCase.Draw(
      inputs: [random.around(center, shape)] + parameters, isSmooth: center == 0,
      reference: { rows(shape, lanes, $0, hasWeight: !parameters.isEmpty) },
      run: {
        try Functional.layerNorm(
          $0[0], normalizedShape: tail, weight: $0.count > 1 ? $0[1] : nil,
          bias: $0.count > 2 ? $0[2] : nil, epsilon: epsilon)
      })
  }
}

private func groupNorm(_ name: String, ofInstances: Bool) -> FloatCase {
  FloatCase(name: name, hasDouble: false) { random in
    let (groups, size) = (random.int(1...3), ofInstances ? 1 : random.int(1...3))
    let channels = groups * size
    let images = random.shape(1, in: 1...2)
    let inner = random.shape(random.int((ofInstances ? 1 : 0)...3), in: 1...3)
    let center = random.pick([0.0, 0, 100])
    let lanes = Grid.indices(images + [groups]).map { index in
      let places = Grid.indices([size] + inner).map {
        [index[0], index[1] * size + $0[0]] + $0.dropFirst()
      }
      return (places: places, affine: places.map { $0[1] })
    }
    let shape = images + [channels] + inner
    let parameters = affine([channels], random)
    return FloatCase.Draw(
      inputs: [random.around(center, shape)] + parameters, isSmooth: center == 0,
      reference: { rows(shape, lanes, $0, hasWeight: !parameters.isEmpty) },
      run: {
        let (weight, bias) = ($0.count > 1 ? $0[1] : nil, $0.count > 2 ? $0[2] : nil)
        return ofInstances
          ? try Functional.instanceNorm($0[0], weight: weight, bias: bias, epsilon: epsilon)
          : try Functional.groupNorm(
            $0[0], groups: groups, weight: weight, bias: bias, epsilon: epsilon)
      })
  }
}

/// `d s + β` with `d = x - mean` and the float32 factor `s = γ / √(variance + ε)`: ε, the sum, root, quotient and product of s are rounded,
/// then d, the product and the sum: `γ_9 (|d s| + |β|)`. The batch's own mean and variance are rounded to float32 before: half a rounding
/// more of s, and `u |mean s|`.
private func batchNorm(ofBatch: Bool) -> FloatCase {
  FloatCase(name: "batch_norm, \(ofBatch ? "training" : "evaluating")", hasDouble: false) {
    random in
    let channels = random.int(1...3)
    var shape = random.shape(1, in: 2...3, allowsEmpty: !ofBatch) + [channels]
    shape += random.shape(random.int(0...3), in: 1...3, allowsEmpty: !ofBatch)
    let drawn = shape
    let center = random.pick([0.0, 0, 100])
    func channelwise(_ range: ClosedRange<Double>) -> Grid { random.grid([channels], in: range) }
    let statistics = ofBatch ? [] : [channelwise(-1...1), channelwise(0.25...4)]
    return FloatCase.Draw(
      inputs: [random.around(center, drawn)] + statistics + [
        channelwise(-2...2), channelwise(-2...2),
      ],
      isSmooth: center == 0,
      reference: { inputs in
        let x = inputs[0]
        let own = Set(drawn.indices.filter { $0 != 1 })
        let batch = ofBatch ? x.lanes(own).map { moments($0.values) } : []
        return BoundedGrid(drawn) { index in
          let c = index[1]
          let (mean, inverse) =
            ofBatch
            ? batch[c]
            : (inputs[1].values[c], 1 / (inputs[2].values[c] + epsilon).squareRoot())
          let factor = inverse * inputs[inputs.count - 2].values[c]
          let (scaled, bias) = ((x[index] - mean) * factor, inputs[inputs.count - 1].values[c])
          let ofMean = ofBatch ? 0x1p-24 * abs(mean * factor) : 0
          return (
            scaled + bias,
            BoundedSum.gamma(10) * (abs(scaled) + ofMean + abs(bias)) + ofMean
          )
        }
      },
      run: {
        ofBatch
          ? try Functional.trainingBatchNorm(
            $0[0], weight: $0[1], bias: $0[2], epsilon: epsilon
          ).output
          : try Functional.batchNorm(
            $0[0], mean: $0[1], variance: $0[2], weight: $0[3], bias: $0[4], epsilon: epsilon)
      })
  }
}

/// Normalization by given statistics, the batch's, rows', groups' and instances'.
let normCases: [FloatCase] = [
  batchNorm(ofBatch: false), batchNorm(ofBatch: true), layerNorm(),
  groupNorm("group_norm", ofInstances: false), groupNorm("instance_norm", ofInstances: true),
]
