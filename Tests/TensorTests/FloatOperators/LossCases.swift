import OctetTensor
import OctetTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A loss of each element against its target.
private struct Loss: Sendable {
  let name: String
  let run: @Sendable (Tensor, Tensor, LossReduction) throws -> Tensor
  let value: @Sendable (Double, Double) -> Double
  var inputs: ClosedRange<Double> = -3...3
  var targets: ClosedRange<Double> = -3...3
  /// Half-units in the last place of an element's loss, relative to it, and absolute ones.
  var units = 4.0
  var absolute = 0.0
  /// Half-units of a gradient for a gradient of 1, absolute.
  var slopeUnits = 8.0
  /// Distances of input and target where the slope jumps or bends.
  var corners: [Double] = []
}

private func smooth(_ width: Double, _ isHuber: Bool) -> @Sendable (Double, Double) -> Double {
  { x, t in
    let (distance, scale) = (abs(x - t), isHuber ? width : 1)
    return distance < width
      ? 0.5 * distance * distance / width * scale : (distance - 0.5 * width) * scale
  }
}

private let losses: [Loss] = [
  // The difference twice and the product.
  Loss(
    name: "mse_loss", run: { try Functional.meanSquaredError($0, target: $1, reduction: $2) },
    value: { ($0 - $1) * ($0 - $1) }, units: 3, slopeUnits: 24),
  Loss(
    name: "l1_loss", run: { try Functional.absoluteError($0, target: $1, reduction: $2) },
    value: { abs($0 - $1) }, units: 1, slopeUnits: 1, corners: [0]),
  // The difference twice, the square, the quotient, the factor; above the width the difference's error doubles, as no more than half of it
  // is taken off.
  Loss(
    name: "smooth_l1_loss",
    run: { try Functional.smoothAbsoluteError($0, target: $1, beta: 0.75, reduction: $2) },
    value: smooth(0.75, false), units: 6, slopeUnits: 3, corners: [0.75]),
  Loss(
    name: "smooth_l1_loss without a width",
    run: { try Functional.smoothAbsoluteError($0, target: $1, beta: 0, reduction: $2) },
    value: { abs($0 - $1) }, units: 1, slopeUnits: 1, corners: [0]),
  Loss(
    name: "huber_loss",
    run: { try Functional.huberLoss($0, target: $1, delta: 1.5, reduction: $2) },
    value: smooth(1.5, true), units: 6, slopeUnits: 9, corners: [1.5]),
  // x * t and the difference round at |x| ≤ 3, exp and log1p at 0.7 with 4 each, and the sum. The slope is a sigmoid's less t.
  Loss(
    name: "binary_cross_entropy_with_logits",
    run: { try Functional.binaryCrossEntropyWithLogits($0, target: $1, reduction: $2) },
    value: { max($0, 0) - $0 * $1 + log1p(exp(-abs($0))) }, targets: 0...1, absolute: 18,
    slopeUnits: 9),
  // t * (log t - x) for t in 0.05...1 and x in -3...0: log is ≤ 3 with 4, the difference ≤ 3, the product ≤ 3.
  Loss(
    name: "kl_div", run: { try Functional.klDivergence($0, target: $1, reduction: $2) },
    value: { $1 * (log($1) - $0) }, inputs: -3...0, targets: 0.05...1, absolute: 18,
    slopeUnits: 22),
  // exp(t) * (t - x) ≤ 3 with 4 + 1 + 1.
  Loss(
    name: "kl_div of logarithms",
    run: { try Functional.klDivergence($0, target: $1, logTarget: true, reduction: $2) },
    value: { exp($1) * ($1 - $0) }, inputs: -3...0, targets: -3...0, absolute: 18,
    slopeUnits: 30),
]

/// What a reduction makes of losses.
private func reduced(_ losses: Grid, _ reduction: LossReduction) -> Grid {
  let sum = losses.values.reduce(0, +)
  return switch reduction {
  case .none: losses
  case .sum: Grid([], [sum])
  case .mean: Grid([], [sum / Double(losses.values.count)])
  }
}

private let elementwiseLosses: [FloatCase] = losses.map { loss in
  FloatCase(name: loss.name, hasDouble: false) { random in
    let shape = random.shape(random.int(0...3))
    let reduction = random.pick(LossReduction.allCases)
    let t = random.grid(shape, in: loss.targets)
    // Not within a step of a corner.
    let x = Grid(
      shape,
      zip(random.grid(shape, in: loss.inputs).values, t.values).map { x, t in
        loss.corners.contains { abs(abs(x - t) - $0) < 1e-3 } ? x + 0x1p-7 : x
      })
    let reference: ([Grid]) -> Grid = { inputs in
      reduced(
        Grid(shape, zip(inputs[0].values, inputs[1].values).map { loss.value($0, $1) }), reduction)
    }
    // Losses are summed in double, so that a sum has its terms' errors and rounds once.
    let terms = reduction == .sum ? Double(x.values.count) : 1
    let bound = FloatCase.bound(units: loss.units + 1)
    var draw = FloatCase.Draw(
      inputs: [x, t], run: { try loss.run($0[0], $0[1], reduction) }, expected: reference([x, t]),
      bound: { bound($0) + terms * loss.absolute * 0x1p-24 })
    // The flowing gradient is ≤ 4; dividing it for a mean rounds, and so does the product.
    draw.gradients = .differences(
      at: [x, t], units: 4 * (loss.slopeUnits + 2), scale: 1, reference)
    return draw
  }
}

private func crossEntropy(_ name: String, smoothing: Double, isIgnoring: Bool) -> FloatCase {
  FloatCase(name: name, hasDouble: false) { random in
    let isOne = random.int(0...5) == 0
    let classes = random.int(1...5)
    let rest = isOne ? [] : random.shape(random.int(1...3), in: 1...3)
    let shape = isOne ? [classes] : [rest[0], classes] + rest.dropFirst()
    let x = random.grid(shape, in: -8...8)
    let numbers = Grid(rest) { _ in
      isIgnoring && random.int(0...3) == 0 ? -100 : Double(random.int(0...(classes - 1)))
    }
    let target = try Tensor(numbers.values.map { Int64($0) }, shape: rest)
    let reduction = random.pick(LossReduction.allCases)
    let axis = isOne ? 0 : 1
    let reference: ([Grid]) -> Grid = { inputs in
      let losses = zip(inputs[0].lanes([axis]), numbers.values).map { lane, number -> Double in
        if number < 0 { return 0 }
        let largest = lane.values.max() ?? 0
        let total = largest + log(lane.values.reduce(0) { $0 + exp($1 - largest) })
        let all = lane.values.reduce(0) { $0 + total - $1 }
        return (1 - smoothing) * (total - lane.values[Int(number)])
          + smoothing * all / Double(classes)
      }
      let sum = losses.reduce(0, +)
      return switch reduction {
      case .none: Grid(rest, losses)
      case .sum: Grid([], [sum])
      case .mean: Grid([], [sum / Double(numbers.values.count { $0 >= 0 })])
      }
    }
    // In double, rounded once.
    var draw = FloatCase.Draw(
      inputs: [x],
      run: {
        try Functional.crossEntropy(
          $0[0], target: target, reduction: reduction, labelSmoothing: smoothing)
      }, expected: reference([x]), bound: FloatCase.bound(units: 1, scale: 0x1p-20))
    draw.gradients = .differences(at: [x], units: 1, scale: 0x1p-4, reference)
    return draw
  }
}

/// Losses and their three reductions.
let lossCases: [FloatCase] =
  elementwiseLosses + [
    crossEntropy("cross_entropy", smoothing: 0, isIgnoring: false),
    crossEntropy("cross_entropy, ignoring", smoothing: 0, isIgnoring: true),
    crossEntropy("cross_entropy, smoothed", smoothing: 0.125, isIgnoring: true),
  ]
