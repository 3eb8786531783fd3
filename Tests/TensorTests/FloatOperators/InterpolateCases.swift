import OctetTensor
import OctetTestSupport

/// How far input elements lie apart in output elements, for one dimension: by sizes, or by a factor.
private struct Resize {
  let (from, to): (Int, Int)
  let factor: Double?

  /// Steps are float32 by definition: they decide which element is nearest.
  var step: Float { factor.map { Float(1 / $0) } ?? Float(from) / Float(to) }

  /// The nearest element, with positions in float32 as well.
  func nearest(_ o: Int, isCentered: Bool) -> Int {
    min(Int((Float(o) + (isCentered ? 0.5 : 0)) * step), from - 1)
  }

  /// The elements around an exact position and the weight of the second.
  func linear(_ o: Int, alignCorners: Bool) -> (first: Int, weight: Double) {
    let exact = factor.map { 1 / $0 } ?? Double(from) / Double(to)
    let corners = to > 1 ? Double(from - 1) / Double(to - 1) : 0
    let position = max(alignCorners ? corners * Double(o) : exact * (Double(o) + 0.5) - 0.5, 0)
    let first = min(Int(position), from - 1)
    return (first, first == from - 1 ? 0 : position - Double(first))
  }

  /// The four elements around an exact position and their weights by the cubic convolution with a = -3/4.
  func cubic(_ o: Int, alignCorners: Bool) -> [(element: Int, weight: Double)] {
    let exact = factor.map { 1 / $0 } ?? Double(from) / Double(to)
    let corners = to > 1 ? Double(from - 1) / Double(to - 1) : 0
    let position = alignCorners ? corners * Double(o) : exact * (Double(o) + 0.5) - 0.5
    let floor = min(position.rounded(.down), Double(from - 1))
    return (-1...2).map { k in
      let x = abs(position - floor - Double(k))
      let weight =
        x <= 1
        ? 1.25 * x * x * x - 2.25 * x * x + 1
        : x < 2 ? -0.75 * (x * x * x - 5 * x * x + 8 * x - 4) : 0
      return (min(max(Int(floor) + k, 0), from - 1), weight)
    }
  }
}

/// Linear modes: the step, its product and the difference are rounded, so that a position below p errs by `δ = 3 u (p + 1)`. The result is
/// continuous in it, with slopes up to the input's range R: `δ R` for each dimension. Weights and blends add four roundings a dimension,
/// `γ_(4 rank) max|x|`.
private func resampling(_ mode: InterpolationMode, rank: Int, alignCorners: Bool? = nil)
  -> FloatCase
{
  let corners = alignCorners.map { $0 ? ", corners" : "" } ?? ""
  return FloatCase(name: "interpolate \(mode.rawValue) \(rank)d\(corners)", hasDouble: false) {
    random in
    let lead = random.shape(2, in: 1...2)
    let input = random.shape(rank, in: 1...5, allowsEmpty: false)
    let factors = (0..<rank).map { _ in random.pick([1.0, 1.5, 1.7, 2, 3]) }
    let bySize = random.int(0...1) == 0
    let axes = (0..<rank).map { d in
      Resize(
        from: input[d], to: bySize ? random.int(1...8) : Int(Double(input[d]) * factors[d]),
        factor: bySize ? nil : factors[d])
    }
    let isLinear = alignCorners != nil
    let scale = random.magnitude()
    let x = random.operand(lead + input, times: scale)
    let largest = x.values.map(abs).max() ?? 0
    let position = axes.map { Double($0.from + 1) }.reduce(0, +)
    let bound =
      isLinear
      ? 3 * 0x1p-24 * position * 2 * largest + BoundedSum.gamma(4 * rank) * largest + 0x1p-146 : 0
    return FloatCase.Draw(
      inputs: [x], isSmooth: scale == 1,
      reference: { inputs in
        BoundedGrid(lead + axes.map(\.to)) { index in
          let place = Array(index.dropFirst(2))
          if !isLinear {
            let nearest = place.indices.map {
              axes[$0].nearest(place[$0], isCentered: mode == .nearestExact)
            }
            return (inputs[0][index.prefix(2) + nearest], 0)
          }
          let taps = place.indices.map {
            axes[$0].linear(place[$0], alignCorners: alignCorners == true)
          }
          var value = 0.0
          for corner in Grid.indices([Int](repeating: 2, count: rank)) {
            let weight = zip(corner, taps).map { $0 == 1 ? $1.weight : 1 - $1.weight }.reduce(1, *)
            if weight == 0 { continue }
            value += weight * inputs[0][index.prefix(2) + zip(corner, taps).map { $0 + $1.first }]
          }
          return (value, bound)
        }
      },
      run: {
        try Functional.interpolate(
          $0[0], size: bySize ? axes.map(\.to) : nil, scaleFactor: bySize ? nil : factors,
          mode: mode, alignCorners: alignCorners)
      })
  }
}

/// The mean of the inputs under each output, a sum and a quotient.
private func area(rank: Int) -> FloatCase {
  FloatCase(name: "interpolate area \(rank)d", hasDouble: false) { random in
    let lead = random.shape(2, in: 1...2)
    let input = random.shape(rank, in: 1...5, allowsEmpty: false)
    let output = input.map { _ in random.int(1...6) }
    return FloatCase.Draw(
      inputs: [random.operand(lead + input)],
      reference: { inputs in
        BoundedGrid(lead + output) { index in
          let spans = output.indices.map { d in
            let o = index[d + 2]
            return (0..<input[d]).filter {
              ($0 + 1) * output[d] > o * input[d] && $0 * output[d] < (o + 1) * input[d]
            }
          }
          var sum = BoundedSum()
          for tap in Grid.indices(spans.map(\.count)) {
            sum.add(inputs[0][index.prefix(2) + zip(spans, tap).map { $0[$1] }])
          }
          let count = Double(sum.count)
          return (sum.value / count, sum.bound(more: 1) / count + 0x1p-149)
        }
      }, run: { try Functional.interpolate($0[0], size: output, mode: .area) })
  }
}

/// Cubic: weights are polynomials of the position with slopes up to 3, four of them a dimension and their sizes summing up to at most
/// 1.6: with the linear modes' `δ` for each dimension, `12 δ * 1.6 max|x|`, and `γ_24` for the roundings of weights and blends.
private func cubic(alignCorners: Bool) -> FloatCase {
  FloatCase(name: "interpolate bicubic\(alignCorners ? ", corners" : "")", hasDouble: false) {
    random in
    let lead = random.shape(2, in: 1...2)
    let input = random.shape(2, in: 1...5, allowsEmpty: false)
    let factors = (0..<2).map { _ in random.pick([1.0, 1.5, 1.7, 2, 3]) }
    let bySize = random.int(0...1) == 0
    let axes = (0..<2).map { d in
      Resize(
        from: input[d], to: bySize ? random.int(1...8) : Int(Double(input[d]) * factors[d]),
        factor: bySize ? nil : factors[d])
    }
    let scale = random.magnitude()
    let x = random.operand(lead + input, times: scale)
    let largest = x.values.map(abs).max() ?? 0
    let position = axes.map { Double($0.from + 1) }.reduce(0, +)
    let bound =
      (3 * 0x1p-24 * position * 12 * 1.6 + 4 * BoundedSum.gamma(24)) * largest + 0x1p-146
    return FloatCase.Draw(
      inputs: [x], isSmooth: scale == 1,
      reference: { inputs in
        BoundedGrid(lead + axes.map(\.to)) { index in
          let taps = (0..<2).map { axes[$0].cubic(index[$0 + 2], alignCorners: alignCorners) }
          var value = 0.0
          for (h, a) in taps[0] {
            for (w, b) in taps[1] { value += a * b * inputs[0][index.prefix(2) + [h, w]] }
          }
          return (value, bound)
        }
      },
      run: {
        try Functional.interpolate(
          $0[0], size: bySize ? axes.map(\.to) : nil, scaleFactor: bySize ? nil : factors,
          mode: .bicubic, alignCorners: alignCorners)
      })
  }
}

/// Every mode of `interpolate`.
let interpolateCases: [FloatCase] =
  [cubic(alignCorners: false), cubic(alignCorners: true)]
  + (1...3).flatMap { rank in
    let linear: InterpolationMode = [.linear, .bilinear, .trilinear][rank - 1]
    return [
      resampling(.nearest, rank: rank), resampling(.nearestExact, rank: rank), area(rank: rank),
      resampling(linear, rank: rank, alignCorners: false),
      resampling(linear, rank: rank, alignCorners: true),
    ]
  }
