import OctetTensor

/// A differentiable function of some tensors, held against finite differences.
package struct GradientCase: Sendable, CustomStringConvertible {
  package let name: String
  package let shapes: [[Int]]
  /// Values are spread over this range.
  package let range: ClosedRange<Double>
  /// Places where the function has a corner or a jump: values keep away from them.
  package let corners: [Float]
  /// Whether no two values are near each other: for functions that compare them.
  package let isSpread: Bool
  package let body: @Sendable ([Tensor]) throws -> Tensor

  package init(
    _ name: String, _ shapes: [[Int]], in range: ClosedRange<Double> = -1...1,
    corners: [Float] = [], isSpread: Bool = false,
    _ body: @escaping @Sendable ([Tensor]) throws -> Tensor
  ) {
    self.name = name
    self.shapes = shapes
    self.range = range
    self.corners = corners
    self.isSpread = isSpread
    self.body = body
  }

  package var description: String { name }

  /// The step of the differences: a power of two, so that it is exact.
  private static let step: Float = 0x1p-8

  /// Seeded values that keep away from corners and, if need be, from each other.
  private func values(_ shape: [Int], _ random: TestRandom) -> [Float] {
    let count = shape.reduce(1, *)
    var values = random.floats(count, in: range)
    if isSpread {
      // A permutation of evenly spaced values.
      let width = Float(range.upperBound - range.lowerBound)
      var places = Array(0..<count)
      for i in stride(from: count - 1, to: 0, by: -1) { places.swapAt(i, random.int(0...i)) }
      values = places.map { Float(range.lowerBound) + width * (Float($0) + 0.5) / Float(count) }
    }
    for (i, value) in values.enumerated() {
      for corner in corners where abs(value - corner) < 4 * Self.step {
        values[i] = corner + (value < corner ? -4 : 4) * Self.step
      }
    }
    return values
  }

  /// The places where `backward` and central differences disagree, with both figures; empty when all is well.
  package func mismatches(seed: UInt64 = 1, tolerance: Double = 4e-3) throws -> [String] {
    let random = TestRandom(seed)
    let data = shapes.map { values($0, random) }
    let inputs = try zip(data, shapes).map { values, shape in
      let tensor = try Tensor(values, shape: shape)
      tensor.requiresGrad = true
      return tensor
    }
    let output = try body(inputs)
    let weights = random.floats(output.count)
    try output.backward(Tensor(weights, shape: output.shape))
    func loss(_ changed: Int, _ place: Int, _ value: Float) throws -> Double {
      let moved = try data.indices.map { i in
        var values = data[i]
        if i == changed { values[place] = value }
        return try Tensor(values, shape: shapes[i])
      }
      let result: [Float] = try body(moved).elements()
      return zip(result, weights).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    var found: [String] = []
    for (i, input) in inputs.enumerated() {
      guard let gradient = input.gradient else {
        found.append("input \(i) has no gradient")
        continue
      }
      if gradient.shape != shapes[i] { found.append("input \(i): shape \(gradient.shape)") }
      let analytic: [Float] = try gradient.elements()
      for (place, value) in data[i].enumerated() {
        let above = try loss(i, place, value + Self.step)
        let below = try loss(i, place, value - Self.step)
        let numeric = (above - below) / Double(2 * Self.step)
        if !(abs(numeric - Double(analytic[place])) <= tolerance * (1 + abs(numeric))) {
          found.append("input \(i) at \(place): \(analytic[place]), by differences \(numeric)")
        }
      }
    }
    return found
  }
}
