import OctetTensor
import OctetTestSupport
import Testing

/// What a double reference says of the derivatives of a draw, at every element: corners and extremes too.
struct ReferenceGradients {
  /// The gradient of each input for a gradient of the result; NaN for an element whose derivative isn't defined.
  var values: (_ flowing: Grid) -> [Grid]
  /// How far a float32 gradient may lie from the reference's, given that one.
  var bound: (Double) -> Double

  /// By a slope for each element of the one input.
  static func slopes(
    at x: Grid, units: Double, scale: Double = 0, floor: Double = 0,
    _ slope: @escaping (Double) -> Double
  ) -> ReferenceGradients {
    let bound = FloatCase.bound(units: units, scale: scale)
    return ReferenceGradients(
      values: { dy in [Grid(x.shape, zip(x.values, dy.values).map { slope($0) * $1 })] },
      bound: { bound($0) + floor })
  }

  /// By central differences of plain loops in double. The step costs less than 2^-30 of what is near 1.
  static func differences(
    at inputs: [Grid], units: Double, scale: Double, _ reference: @escaping ([Grid]) -> Grid
  ) -> ReferenceGradients {
    let bound = FloatCase.bound(units: units, scale: scale)
    let values: (Grid) -> [Grid] = { dy in
      func loss(_ input: Int, _ place: Int, _ value: Double) -> Double {
        var moved = inputs
        var values = inputs[input].values
        values[place] = value
        moved[input] = Grid(inputs[input].shape, values)
        return zip(reference(moved).values, dy.values).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return inputs.indices.map { input in
        let x = inputs[input]
        return Grid(
          x.shape,
          x.values.indices.map { i in
            let step = 0x1p-17
            return
              (loss(input, i, x.values[i] + step) - loss(input, i, x.values[i] - step))
              / (2 * step)
          })
      }
    }
    return ReferenceGradients(values: values, bound: { bound($0) + 0x1p-30 })
  }
}

/// Compares the derivatives of a draw with the reference's, in float32 and float64, on dense or permuted leaves.
func expectReferenceGradients(
  _ draw: FloatCase.Draw, _ reference: ReferenceGradients, _ random: TestRandom, hasDouble: Bool
) throws {
  // Powers of two, so that the chain rule's product doesn't round.
  let flowing = Grid(draw.expected.shape) { _ in random.pick([-2, -1, -0.5, 0.25, 1, 4]) }
  for dtype in hasDouble ? [DType.float32, .float64] : [.float32] {
    let leaves = try draw.inputs.map { grid in
      let order = random.int(0...1) == 0 ? Array((0..<grid.shape.count).reversed()) : nil
      let leaf = try Tensor.of(grid, dtype: dtype, order: order)
      leaf.requiresGrad = true
      return leaf
    }
    try draw.run(leaves).backward(Tensor.of(flowing, dtype: dtype))
    for (number, want) in reference.values(flowing).enumerated() {
      let gradient = try #require(leaves[number].gradient)
      #expect(gradient.shape == want.shape && gradient.dtype == dtype)
      let got: [Double] = try gradient.converted(to: .float64).elements()
      for (i, (y, expected)) in zip(got, want.values).enumerated() where !expected.isNaN {
        #expect(
          abs(y - expected) <= reference.bound(expected),
          "\(dtype), input \(number), \(draw.inputs[number].values[i]): \(y) for \(expected)")
      }
    }
  }
}
