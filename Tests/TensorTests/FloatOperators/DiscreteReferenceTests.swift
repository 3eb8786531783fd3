import OctetTensor
import OctetTestSupport
import Testing

/// An operator on reals whose results are truth values or places, and plain loops that say which.
struct DiscreteCase: Sendable, CustomTestStringConvertible {
  /// The operands' number: two of them broadcast.
  enum Form: Sendable {
    case unary(@Sendable (Double) -> Bool)
    case binary(@Sendable (Double, Double) -> Bool)
    /// From one lane to another; its length may differ.
    case lane(@Sendable ([Double]) -> [Int])
  }

  let name: String
  let form: Form
  /// The tensors and a dimension, which only lanes have.
  let run: @Sendable ([Tensor], Int) throws -> Tensor

  var testDescription: String { name }
}

/// NaN is above everything, as in torch; zeros are equal.
private func isBelow(_ x: Double, _ y: Double) -> Bool { y.isNaN ? !x.isNaN : x < y }

private func first(_ lane: [Double], _ isBetter: (Double, Double) -> Bool) -> [Int] {
  var best = 0
  for i in lane.indices where isBetter(lane[i], lane[best]) { best = i }
  return [best]
}

/// Places in order; equal elements keep theirs.
private func order(_ lane: [Double], _ comesFirst: (Double, Double) -> Bool) -> [Int] {
  lane.indices.sorted { a, b in
    if comesFirst(lane[a], lane[b]) { return true }
    return comesFirst(lane[b], lane[a]) ? false : a < b
  }
}

private let cases: [DiscreteCase] = [
  DiscreteCase(name: "eq", form: .binary { $0 == $1 }) { x, _ in
    try Functional.equalElements(x[0], x[1])
  },
  DiscreteCase(name: "ne", form: .binary { $0 != $1 }) { x, _ in
    try Functional.unequalElements(x[0], x[1])
  },
  DiscreteCase(name: "lt", form: .binary { $0 < $1 }) { x, _ in try Functional.less(x[0], x[1]) },
  DiscreteCase(name: "le", form: .binary { $0 <= $1 }) { x, _ in
    try Functional.lessOrEqual(x[0], x[1])
  },
  DiscreteCase(name: "gt", form: .binary { $0 > $1 }) { x, _ in try Functional.greater(x[0], x[1])
  },
  DiscreteCase(name: "ge", form: .binary { $0 >= $1 }) { x, _ in
    try Functional.greaterOrEqual(x[0], x[1])
  },
  DiscreteCase(name: "logical_and", form: .binary { $0 != 0 && $1 != 0 }) { x, _ in
    try Functional.logicalAnd(x[0], x[1])
  },
  DiscreteCase(name: "logical_or", form: .binary { $0 != 0 || $1 != 0 }) { x, _ in
    try Functional.logicalOr(x[0], x[1])
  },
  DiscreteCase(name: "logical_xor", form: .binary { ($0 != 0) != ($1 != 0) }) { x, _ in
    try Functional.logicalXor(x[0], x[1])
  },
  DiscreteCase(name: "logical_not", form: .unary { $0 == 0 }) { x, _ in
    try Functional.logicalNot(x[0])
  },
  DiscreteCase(name: "isnan", form: .unary(\.isNaN)) { x, _ in try Functional.isNaN(x[0]) },
  DiscreteCase(name: "isinf", form: .unary(\.isInfinite)) { x, _ in
    try Functional.isInfinite(x[0])
  },
  DiscreteCase(name: "isfinite", form: .unary(\.isFinite)) { x, _ in
    try Functional.isFinite(x[0])
  },
  DiscreteCase(name: "argmax", form: .lane { first($0) { isBelow($1, $0) } }) { x, dim in
    try Functional.argmax(x[0], dim: dim, keepDim: true)
  },
  DiscreteCase(
    name: "argmin", form: .lane { first($0) { $0.isNaN ? !$1.isNaN : $0 < $1 } }
  ) { x, dim in
    try Functional.argmin(x[0], dim: dim, keepDim: true)
  },
  DiscreteCase(name: "argsort", form: .lane { order($0, isBelow) }) { x, dim in
    try Functional.argsort(x[0], dim: dim)
  },
  DiscreteCase(name: "argsort, descending", form: .lane { order($0) { isBelow($1, $0) } }) {
    x, dim in
    try Functional.argsort(x[0], dim: dim, descending: true)
  },
]

@Suite("Operators on reals with discrete results against plain loops")
struct DiscreteReferenceTests {
  /// Few values, so that ties are common, and all of them in every float type.
  private static let values: [Double] = [
    0, -0.0, 1, -1, 0.5, 2, .infinity, -.infinity, .nan, 0x1p-14,
  ]

  private func grid(_ random: TestRandom, _ shape: [Int]) -> Grid {
    Grid(shape, (0..<shape.reduce(1, *)).map { _ in random.pick(Self.values) })
  }

  @Test(
    "Every float type, dense and permuted, with sizes 0 and 1, broadcast", arguments: cases)
  func equalsLoops(_ operation: DiscreteCase) throws {
    let random = TestRandom(41)
    for number in 0..<600 {
      let dtype = [DType.float32, .float64, .float16, .bfloat16][number % 4]
      let isLane = if case .lane = operation.form { true } else { false }
      let shape = random.shape(random.int(1...3), allowsEmpty: !isLane)
      let dim = random.int(0...(shape.count - 1))
      var grids = [grid(random, shape)]
      if case .binary = operation.form {
        grids.append(grid(random, shape.map { random.int(0...2) == 0 ? 1 : $0 }))
      }
      let tensors = try grids.map { grid in
        let order = Array(grid.shape.indices.reversed())
        return try Tensor.of(grid, dtype: dtype, order: random.int(0...2) == 0 ? order : nil)
      }
      let got = try operation.run(tensors, dim)
      let want: Grid
      switch operation.form {
      case .unary(let value): want = grids[0].map { value($0) ? 1 : 0 }
      case .binary(let value):
        want = Grid(shape) { value(grids[0][$0], grids[1].broadcast($0)) ? 1 : 0 }
      case .lane(let places):
        let lanes = grids[0].lanes([dim]).map { (index: $0.index, places: places($0.values)) }
        var size = shape
        size[dim] = lanes.first?.places.count ?? 0
        var result = Grid(size) { _ in 0 }
        for lane in lanes {
          for (i, place) in lane.places.enumerated() {
            var index = lane.index
            index[dim] = i
            result[index] = Double(place)
          }
        }
        want = result
      }
      #expect(got.shape == want.shape && got.dtype == (isLane ? .int64 : .bool))
      let values: [Double] = try got.converted(to: .float64).elements()
      #expect(values == want.values, "\(dtype) \(grids) along \(dim)")
    }
  }
}
