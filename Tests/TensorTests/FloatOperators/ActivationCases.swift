import OctetTensor
import OctetTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An activation, its value and slope in double, and how far float32 may lie from them.
///
/// Bounds count half-units in the last place, u = 2^-24: each operation that rounds gives 1, a function of the C library no more than
/// 4 (2 units in the last place). A relative error passes through exp, tanh, erf and expm1 no larger than it came, times the argument
/// for exp.
private struct Activation: Sendable {
  let name: String
  let run: @Sendable (Tensor) throws -> Tensor
  let value: @Sendable (Double) -> Double
  /// The slope, at corners torch's choice.
  let slope: @Sendable (Double) -> Double
  var corners: [Double] = []
  var units = 0.0
  /// The largest term that cancels.
  var scale = 0.0
  var slopeUnits = 1.0
  var slopeScale = 0.0
  /// What is lost where an exponential leaves float32: absolute, as in torch.
  var floor = 0.0
}

/// An attribute as float32 operators see it.
private func single(_ x: Double) -> Double { Double(Float(x)) }

private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
private func density(_ x: Double) -> Double { exp(-0.5 * x * x) / (2 * Double.pi).squareRoot() }
private func tanhArgument(_ x: Double) -> Double {
  (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
}

private func tanhSlope(_ x: Double) -> Double {
  let t = tanh(tanhArgument(x))
  let rest = 1 - t * t
  let inner = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
  return 0.5 * (1 + t) + (rest == 0 ? 0 : 0.5 * x * rest * inner)
}

private func clip(_ x: Double, _ low: Double, _ high: Double) -> Double {
  x < low ? low : x > high ? high : x
}

/// Piecewise linear: nothing is rounded, or one product.
private let linearActivations: [Activation] = [
  Activation(
    name: "relu", run: { try Functional.relu($0) }, value: { $0 < 0 ? 0 : $0 },
    slope: { $0 > 0 ? 1 : 0 }, corners: [0]),
  Activation(
    name: "relu6", run: { try Functional.relu6($0) }, value: { clip($0, 0, 6) },
    slope: { $0 > 0 && $0 < 6 ? 1 : 0 }, corners: [0, 6]),
  Activation(
    name: "hardtanh", run: { try Functional.hardtanh($0, min: -1, max: 2) },
    value: { clip($0, -1, 2) }, slope: { $0 > -1 && $0 < 2 ? 1 : 0 }, corners: [-1, 2]),
  Activation(
    name: "clamp", run: { try Functional.clamp($0, min: -0.5, max: 0.75) },
    value: { clip($0, -0.5, 0.75) }, slope: { $0 >= -0.5 && $0 <= 0.75 ? 1 : 0 },
    corners: [-0.5, 0.75]),
  Activation(
    name: "clamp, no upper end", run: { try Functional.clamp($0, min: 0.5) },
    value: { $0 < 0.5 ? 0.5 : $0 }, slope: { $0 >= 0.5 ? 1 : 0 }, corners: [0.5]),
  Activation(
    name: "clamp, ends in the wrong order", run: { try Functional.clamp($0, min: 1, max: -1) },
    value: { $0.isNaN ? $0 : -1 }, slope: { _ in 0 }, corners: [-1, 1]),
  Activation(
    name: "threshold", run: { try Functional.threshold($0, threshold: 0.125, value: 4) },
    value: { $0 <= 0.125 ? 4 : $0 }, slope: { $0 <= 0.125 ? 0 : 1 }, corners: [0.125]),
  Activation(
    name: "leaky_relu", run: { try Functional.leakyReLU($0, negativeSlope: 0.3) },
    value: { $0 > 0 ? $0 : $0 * single(0.3) }, slope: { $0 > 0 ? 1 : single(0.3) },
    corners: [0], units: 1),
  // x + 3, the division and, for hardswish, the product.
  Activation(
    name: "hardsigmoid", run: { try Functional.hardsigmoid($0) },
    value: { clip($0 + 3, 0, 6) / 6 }, slope: { $0 > -3 && $0 < 3 ? 1 / 6 : 0 },
    corners: [-3, 3], units: 2),
  Activation(
    name: "hardswish", run: { try Functional.hardswish($0) },
    value: { $0 * clip($0 + 3, 0, 6) / 6 }, slope: { $0 <= -3 ? 0 : $0 < 3 ? $0 / 3 + 0.5 : 1 },
    corners: [-3, 3], units: 3, slopeUnits: 2, slopeScale: 1),
]

/// Through the C library's functions.
private let curvedActivations: [Activation] = [
  // exp 4 and the sum 1, then the quotient. exp(-x) is infinite below -88.7, where the result is less than 2^-127. The
  // slope y * (1 - y) has an absolute error of 6 from each factor and 3 roundings.
  Activation(
    name: "sigmoid", run: { try Functional.sigmoid($0) }, value: logistic,
    slope: { logistic($0) * logistic(-$0) }, units: 6, slopeUnits: 15, slopeScale: 1,
    floor: 0x1p-127),
  // The slope 1 - y² has twice tanh's error and 2 roundings.
  Activation(
    name: "tanh", run: { try Functional.tanh($0) }, value: { tanh($0) },
    slope: { 1 / (cosh($0) * cosh($0)) }, units: 4, slopeUnits: 10, slopeScale: 1),
  // expm1 and the factor. The slope: exp, the factor twice, and an argument that was rounded twice where |z| * exp(z) < 0.4.
  Activation(
    name: "elu", run: { try Functional.elu($0, alpha: 1.3) },
    value: { $0 < 0 ? expm1($0) * single(1.3) : $0 },
    slope: { $0 <= 0 ? exp($0) * single(1.3) : 1 }, corners: [0], units: 5, slopeUnits: 8,
    slopeScale: 1),
  // The argument x / alpha is rounded, and so is 1 / alpha: 2 more, and 1 for alpha itself.
  Activation(
    name: "celu", run: { try Functional.celu($0, alpha: 0.7) },
    value: { $0 < 0 ? expm1($0 / 0.7) * 0.7 : $0 }, slope: { $0 <= 0 ? exp($0 / 0.7) : 1 },
    corners: [0], units: 9, slopeUnits: 10, slopeScale: 1),
  // 1 + erf has an absolute error of 2 (argument) + 4 (erf) + 2 (sum), times |x| / 2, and the product rounds; from |x| = 6 on erf is
  // ±1. The slope adds x * φ(x) ≤ 0.25 with a relative error of 12.
  Activation(
    name: "gelu", run: { try Functional.gelu($0) },
    value: { $0 * 0.5 * (1 + erf($0 * 0.5.squareRoot())) },
    slope: { 0.5 * erfc(-$0 * 0.5.squareRoot()) + $0 * density($0) }, units: 5, scale: 6,
    slopeUnits: 9, slopeScale: 1.2),
  // The argument of tanh has an error of 7: with tanh's 4 and the sum's 2 that's 13, times |x| / 2. In the slope 1 - t² cancels: its
  // absolute error is 24, near t = ±1 no more than 6, and |x| * inner / 2 grows to 5 and 9 there.
  Activation(
    name: "gelu by tanh", run: { try Functional.gelu($0, approximate: .tanh) },
    value: { 0.5 * $0 * (1 + tanh(tanhArgument($0))) }, slope: tanhSlope, units: 8, scale: 6,
    slopeUnits: 150, slopeScale: 1),
  // As sigmoid; what is lost below -88.7 is multiplied by x. The slope's factor 1 + x * (1 - σ) reaches |x| where σ is small.
  Activation(
    name: "silu, wide", run: { try Functional.silu($0) }, value: { $0 / (1 + exp(-$0)) },
    slope: { logistic($0) * (1 + $0 * logistic(-$0)) }, units: 6, slopeUnits: 30, slopeScale: 1,
    floor: 0x1p-120),
  // exp 4 and log1p 4, of max(x, 0) + log1p(exp(-|x|)): 9 with the sum; tanh 4, the product 1, as |d log tanh(s) / d log s| ≤ 1. The slope
  // is a sum of tanh (13) and x * σ * (1 - tanh²) with |x * σ| < 3 where the last factor isn't small.
  Activation(
    name: "mish, wide", run: { try Functional.mish($0) },
    value: { $0 * tanh(max($0, 0) + log1p(exp(-abs($0)))) },
    slope: { x in
      let s = max(x, 0) + log1p(exp(-abs(x)))
      let rest = 1 / (cosh(s) * cosh(s))
      return tanh(s) + (rest == 0 ? 0 : x * logistic(x) * rest)
    }, units: 14, slopeUnits: 110, slopeScale: 1, floor: 0x1p-120),
  // exp 4 through log1p ≤ 4, log1p 4, the sum 1, relative: both terms have one sign.
  Activation(
    name: "logsigmoid, wide", run: { try Functional.logSigmoid($0) },
    value: { min($0, 0) - log1p(exp(-abs($0))) }, slope: { logistic(-$0) }, units: 9,
    slopeUnits: 6, floor: 0x1p-127),
  // exp(2x) 4 through log1p, log1p 4, the quotient exact; from 2x = 88.7 on, where exp is infinite, x itself.
  Activation(
    name: "softplus, no threshold",
    run: { try Functional.softplus($0, beta: 2, threshold: .infinity) },
    value: { max($0, 0) + log1p(exp(-2 * abs($0))) / 2 }, slope: { logistic(2 * $0) }, units: 9,
    slopeUnits: 6, floor: 0x1p-127),
]

/// Infinite, huge, tiny and subnormal numbers, both zeros and NaN.
private let extremes: [Double] = [
  .infinity, -.infinity, .nan, 0, -0.0, single(3e37), single(-3e37), single(1e-45), single(-1e-40),
  single(1e-30), single(-1e-30), 87, -87, 90, -90, 104, -104,
]

private func elementwise(_ activation: Activation) -> FloatCase {
  FloatCase(name: activation.name, hasDouble: false) { random in
    let special = extremes + activation.corners
    let x = random.grid(random.shape(random.int(0...4)), in: -6...6).map {
      random.int(0...3) == 0 ? random.pick(special) : $0
    }
    let floor = activation.floor
    let isExact = activation.units == 0
    let rounding = FloatCase.bound(units: activation.units, scale: activation.scale)
    var draw = FloatCase.Draw(
      inputs: [x], run: { try activation.run($0[0]) }, expected: x.map(activation.value),
      bound: { isExact ? 0 : rounding($0) + floor })
    draw.gradients = ReferenceGradients.slopes(
      at: x, units: activation.slopeUnits, scale: activation.slopeScale, floor: floor
    ) { $0.isFinite ? activation.slope($0) : .nan }
    return draw
  }
}

/// Activations of each element, from ordinary numbers to the ends of float32.
let activationCases: [FloatCase] = (linearActivations + curvedActivations).map(elementwise)
