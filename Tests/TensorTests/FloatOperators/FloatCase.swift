import OctetTensor
import OctetTestSupport
import Testing

/// A float operator with drawn inputs and attributes, and what plain loops in double say it gives.
struct FloatCase: Sendable, CustomTestStringConvertible {
  /// One call.
  struct Draw {
    var inputs: [Grid]
    var run: ([Tensor]) throws -> Tensor
    var expected: Grid
    /// How far a float32 element may lie from the expected one, given that one.
    var bound: (Double) -> Double
    /// Whether derivatives exist at these inputs.
    var isSmooth = true
    /// What a double reference says of the derivatives; differences of the operator itself are taken where there is none.
    var gradients: ReferenceGradients?
    /// Bounds element by element, in place of `bound`.
    var bounds: Grid?
    /// What other inputs give: derivatives are held against its differences instead of the operator's own.
    var reference: (([Grid]) -> Grid)?
  }

  let name: String
  /// False for operators that have no float64 kernel.
  var hasDouble = true
  /// How often a function made of several operators rounds half types on the way to its result; 1 for one operator.
  var halfRoundings = 1
  /// The largest term that its result is made of, when that may be larger than the result.
  var halfScale = 0.0
  let draw: @Sendable (TestRandom) throws -> Draw

  var testDescription: String { name }

  /// `units` half-units in the last place, relative to the result and to `scale`, the largest term it is made of.
  static func bound(units: Double, scale: Double = 0) -> (Double) -> Double {
    { units * 0x1p-24 * max(abs($0), scale) + 0x1p-140 }
  }

  /// Nothing is rounded.
  static let exact: @Sendable (Double) -> Double = { _ in 0 }
}

/// Runs a draw in float32 on dense, permuted, strided or expanded inputs, and in float64.
func expectForward(_ draw: FloatCase.Draw, _ random: TestRandom, hasDouble: Bool) throws {
  for dtype in hasDouble ? [DType.float32, .float64] : [.float32] {
    let inputs = try draw.inputs.map { grid in
      switch random.int(0...5) {
      case 0, 1:
        try Tensor.of(grid, dtype: dtype, order: (0..<grid.shape.count).shuffled(random))
      case 2: try Tensor.strided(grid, dtype: dtype)
      case 3: try Tensor.expanding(grid, dtype: dtype)
      default: try Tensor.of(grid, dtype: dtype)
      }
    }
    let result = try draw.run(inputs)
    #expect(result.shape == draw.expected.shape)
    let got: [Double] = try result.converted(to: .float64).elements()
    let scale = dtype == .float64 ? 0x1p-20 : 1
    for (i, (y, want)) in zip(got, draw.expected.values).enumerated() {
      if want.isNaN {
        #expect(y.isNaN)
      } else if want.isInfinite {
        #expect(y == want)
      } else if draw.bounds == nil, draw.bound(want) == 0 {
        #expect(y == want && y.sign == want.sign, "\(dtype): \(y) for \(want)")
      } else {
        let bound = (draw.bounds?.values[i] ?? draw.bound(want)) * scale
        #expect(abs(y - want) <= bound, "\(dtype): \(y) for \(want), within \(bound)")
      }
    }
  }
}

/// Compares the derivatives of a draw with central differences of its reference, or else of itself in the widest type it runs in;
/// of large inputs at some places.
func expectGradients(_ draw: FloatCase.Draw, _ random: TestRandom, hasDouble: Bool) throws {
  if let gradients = draw.gradients {
    return try expectReferenceGradients(draw, gradients, random, hasDouble: hasDouble)
  }
  let dtype: DType = hasDouble ? .float64 : .float32
  let isExact = draw.reference != nil
  let step = hasDouble ? 0x1p-17 : isExact ? 0x1p-13 : 0x1p-6
  let tolerance = hasDouble ? 1e-7 : isExact ? 0x1p-14 : 2e-3
  let weights = random.grid(draw.expected.shape, in: -1...1)
  func loss(_ inputs: [Grid]) throws -> Double {
    func run() throws -> [Double] {
      let y = try draw.run(inputs.map { try Tensor.of($0, dtype: dtype) })
      return try y.converted(to: .float64).elements()
    }
    let values = try draw.reference?(inputs).values ?? run()
    return zip(values, weights.values).reduce(0) { $0 + $1.0 * $1.1 }
  }
  let leaves = try draw.inputs.map { grid in
    let leaf = try Tensor.of(grid, dtype: dtype)
    leaf.requiresGrad = true
    return leaf
  }
  try draw.run(leaves).backward(Tensor.of(weights, dtype: dtype))
  for (number, grid) in draw.inputs.enumerated() {
    let gradient: [Double] =
      try leaves[number].gradient?.converted(to: .float64).elements()
      ?? [Double](repeating: 0, count: grid.values.count)
    let all = Array(grid.values.indices)
    for i in all.count <= 24 ? all : (0..<24).map({ _ in random.pick(all) }) {
      var shifted = draw.inputs
      var values = grid.values
      values[i] += step
      shifted[number] = Grid(grid.shape, values)
      let above = try loss(shifted)
      values[i] -= 2 * step
      shifted[number] = Grid(grid.shape, values)
      let slope = (above - (try loss(shifted))) / (2 * step)
      #expect(
        abs(gradient[i] - slope) <= tolerance * max(1, abs(slope)),
        "input \(number), element \(i): \(gradient[i]) for \(slope)")
    }
  }
}

extension Range<Int> {
  fileprivate func shuffled(_ random: TestRandom) -> [Int] {
    var order = Array(self)
    for i in order.indices.reversed() where i > 0 { order.swapAt(i, random.int(0...i)) }
    return order
  }
}
