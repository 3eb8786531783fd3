/// The elements in reverse order along some dimensions. torch.flip.
struct Flip: DifferentiableOperator {
  static let torchName = "flip"

  let dims: [Int]

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let flipped = try axes(dims, inputs[0])
    try requireMovable(inputs[0], "input") { flipped.contains($0) }
    return inputs[0]
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try AxisTables.gather(inputs[0], output, operation: name) { () throws(OctetError) in
      try tables(output)
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  private func tables(_ spec: TensorSpec) throws(OctetError) -> [[Int]?] {
    var tables = [[Int]?](repeating: nil, count: spec.rank)
    for d in try axes(dims, spec) { tables[d] = Array((0..<spec.shape[d]).reversed()) }
    return tables
  }

  var saved: SavedForBackward { [] }

  /// `dx = flip(dy)`.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    [try apply(self, [context.gradient])]
  }
}

extension Functional {
  /// The elements in reverse order along `dims`, any whole-byte dtype; quantizers are kept. torch.flip.
  public static func flip(_ input: Tensor, dims: [Int]) throws(OctetError) -> Tensor {
    try apply(Flip(dims: dims), [input])
  }
}

extension Tensor {
  /// `Functional.flip`, trapping on mistakes.
  public func flip(dims: [Int]) -> Tensor { eager { try Functional.flip(self, dims: dims) } }
}
