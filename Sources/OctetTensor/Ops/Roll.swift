/// The elements moved along some dimensions, around the end to the front. torch.roll.
struct Roll: DifferentiableOperator {
  static let torchName = "roll"

  let shifts: [Int]
  let dims: [Int]

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    guard shifts.count == dims.count else {
      throw error(
        .invalidArgument, "shifts", expected: "a shift for each of the \(dims.count) dims",
        received: "\(shifts)")
    }
    let moved = try axes(dims, inputs[0])
    try requireMovable(inputs[0], "input") { moved.contains($0) }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try AxisTables.gather(inputs[0], output, operation: name) { () throws(OctetError) in
      var tables = [[Int]?](repeating: nil, count: output.rank)
      for (d, shift) in zip(try axes(dims, output), shifts) {
        let size = output.shape[d]
        let back = (size - shift % size) % size
        tables[d] = (0..<size).map { ($0 + back) % size }
      }
      return tables
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  var saved: SavedForBackward { [] }

  /// `dx` is `dy` moved back.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let shape = context.inputSpecs[0]
    let back = zip(shifts, try axes(dims, shape)).map { -($0 % max(shape.shape[$1], 1)) }
    return [try apply(Roll(shifts: back, dims: dims), [context.gradient])]
  }
}

extension Functional {
  /// The element at `i` comes from `i - shift` along each of `dims`, around the ends; any whole-byte dtype, quantizers are kept.
  /// torch.roll.
  public static func roll(_ input: Tensor, shifts: [Int], dims: [Int]) throws(OctetError)
    -> Tensor
  {
    try apply(Roll(shifts: shifts, dims: dims), [input])
  }
}

extension Tensor {
  /// `Functional.roll`, trapping on mistakes.
  public func roll(shifts: [Int], dims: [Int]) -> Tensor {
    eager { try Functional.roll(self, shifts: shifts, dims: dims) }
  }
}
