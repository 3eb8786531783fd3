import OctetTensor
import OctetTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A function of one tensor, its reference and the interval its arguments are drawn from.
private struct Function: Sendable {
  let name: String
  let run: @Sendable (Tensor) throws -> Tensor
  let value: @Sendable (Double) -> Double
  var range: ClosedRange<Double> = -3...3
  /// Half-units in the last place: each float32 operation and library function gives one or two.
  var units = 4.0
  var scale = 0.0
}

private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
private func sign(_ x: Double) -> Double { x > 0 ? 1 : x < 0 ? -1 : 0 }

private let functions: [Function] = [
  Function(name: "neg", run: { try Functional.negative($0) }, value: { -$0 }, units: 0),
  Function(name: "abs", run: { try Functional.absolute($0) }, value: { abs($0) }, units: 0),
  Function(name: "sign", run: { try Functional.sign($0) }, value: sign, units: 0),
  Function(name: "square", run: { try Functional.square($0) }, value: { $0 * $0 }),
  Function(
    name: "reciprocal", run: { try Functional.reciprocal($0) }, value: { 1 / $0 }, range: 0.1...4),
  Function(
    name: "sqrt", run: { try Functional.squareRoot($0) }, value: { $0.squareRoot() },
    range: 0.1...9),
  Function(
    name: "rsqrt", run: { try Functional.inverseSquareRoot($0) }, value: { 1 / $0.squareRoot() },
    range: 0.1...9),
  Function(name: "exp", run: { try Functional.exponential($0) }, value: { exp($0) }),
  Function(
    name: "expm1", run: { try Functional.exponentialMinusOne($0) }, value: { expm1($0) }),
  Function(
    name: "log", run: { try Functional.logarithm($0) }, value: { log($0) }, range: 0.1...9),
  Function(
    name: "log1p", run: { try Functional.logarithmOnePlus($0) }, value: { log1p($0) },
    range: -0.9...9),
  Function(
    name: "log2", run: { try Functional.binaryLogarithm($0) }, value: { log2($0) },
    range: 0.1...9),
  Function(name: "sin", run: { try Functional.sine($0) }, value: { sin($0) }),
  Function(name: "cos", run: { try Functional.cosine($0) }, value: { cos($0) }),
  Function(
    name: "floor", run: { try Functional.floor($0) }, value: { $0.rounded(.down) }, units: 0),
  Function(name: "ceil", run: { try Functional.ceil($0) }, value: { $0.rounded(.up) }, units: 0),
  Function(
    name: "round", run: { try Functional.round($0) }, value: { $0.rounded(.toNearestOrEven) },
    units: 0),
  Function(name: "erf", run: { try Functional.errorFunction($0) }, value: { erf($0) }),
  Function(
    name: "silu", run: { try Functional.silu($0) }, value: { $0 * logistic($0) }, units: 8),
  Function(
    name: "mish", run: { try Functional.mish($0) }, value: { $0 * tanh(log1p(exp($0))) },
    units: 12),
  Function(
    name: "logsigmoid", run: { try Functional.logSigmoid($0) }, value: { -log1p(exp(-$0)) },
    units: 8, scale: 1),
  Function(
    name: "softplus", run: { try Functional.softplus($0, beta: 2, threshold: 100) },
    value: { log1p(exp(2 * $0)) / 2 }, units: 8, scale: 1),
]

private struct Pair: Sendable {
  let name: String
  let run: @Sendable (Tensor, Tensor) throws -> Tensor
  let value: @Sendable (Double, Double) -> Double
  var first: ClosedRange<Double> = -3...3
  var second: ClosedRange<Double> = -3...3
  var units = 1.0
}

private let pairs: [Pair] = [
  Pair(name: "add", run: { try Functional.add($0, $1) }, value: { $0 + $1 }),
  Pair(name: "sub", run: { try Functional.subtract($0, $1) }, value: { $0 - $1 }),
  Pair(name: "mul", run: { try Functional.multiply($0, $1) }, value: { $0 * $1 }),
  Pair(
    name: "div", run: { try Functional.divide($0, $1) }, value: { $0 / $1 }, second: 0.25...3),
  Pair(
    name: "pow", run: { try Functional.power($0, $1) }, value: { pow($0, $1) }, first: 0.25...3,
    units: 4),
  Pair(
    name: "minimum", run: { try Functional.minimum($0, $1) }, value: { min($0, $1) }, units: 0),
  Pair(
    name: "maximum", run: { try Functional.maximum($0, $1) }, value: { max($0, $1) }, units: 0),
]

/// Element by element, one operand or two.
let elementwiseCases: [FloatCase] =
  functions.map { function in
    FloatCase(name: function.name) { random in
      let x = random.grid(random.shape(random.int(0...4)), in: function.range)
      return FloatCase.Draw(
        inputs: [x], run: { try function.run($0[0]) }, expected: x.map(function.value),
        bound: FloatCase.bound(units: function.units, scale: function.scale),
        // Steps in the neighbourhood of jumps and corners have no slope.
        isSmooth: x.values.allSatisfy { abs($0 * 2 - ($0 * 2).rounded()) > 1e-3 })
    }
  }
  + pairs.map { pair in
    FloatCase(name: pair.name) { random in
      let shape = random.shape(random.int(0...3))
      // Each operand may lack leading dimensions or have size 1 where the other has more.
      func operand(_ range: ClosedRange<Double>, _ full: Bool) -> Grid {
        let sizes = shape.map { full || random.int(0...2) > 0 ? $0 : 1 }
        return random.grid(
          full ? sizes : Array(sizes.suffix(random.int(0...sizes.count))), in: range)
      }
      let isFirstFull = random.int(0...1) == 0
      let (a, b) = (operand(pair.first, isFirstFull), operand(pair.second, !isFirstFull))
      let y = Grid(shape) { pair.value(a.broadcast($0), b.broadcast($0)) }
      return FloatCase.Draw(
        inputs: [a, b], run: { try pair.run($0[0], $0[1]) }, expected: y,
        bound: FloatCase.bound(units: pair.units),
        isSmooth: Grid.indices(shape).allSatisfy {
          abs(a.broadcast($0) - b.broadcast($0)) > 1e-3
        })
    }
  }
