/// A tensor several times along each dimension. torch's `repeat`.
struct Tile: DifferentiableOperator {
  static let torchName = "repeat"
  static let onnxName: String? = "Tile"

  let counts: [Int]

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let x = inputs[0]
    guard counts.count >= x.rank, counts.allSatisfy({ $0 >= 0 }) else {
      throw error(
        .invalidArgument, "repeats", expected: "at least \(x.rank) counts, none negative",
        received: "\(counts)")
    }
    let added = counts.count - x.rank
    try requireMovable(x, "input") { _ in true }
    var spec = x
    spec.shape = []
    for (count, size) in zip(counts, lifted(x.shape)) {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else {
        throw error(
          .shapeMismatch, "repeats", expected: "a result that can be addressed",
          received: "\(counts) for shape \(x.shape) with \(added) dims in front")
      }
      spec.shape.append(product)
    }
    return spec
  }

  /// The shape with sizes 1 in front, one size for each count.
  private func lifted(_ shape: [Int]) -> [Int] {
    [Int](repeating: 1, count: counts.count - shape.count) + shape
  }

  private func tables(_ shape: [Int]) -> [[Int]?] {
    zip(counts, shape).map { count, size in
      count == 1 ? nil : (0..<(count * size)).map { $0 % size }
    }
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let shape = lifted(inputs[0].shape)
    let source = counts.count == inputs[0].rank ? inputs[0] : try inputs[0].reshaped(shape)
    return try AxisTables.gather(source, output, operation: name) { tables(shape) }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  var saved: SavedForBackward { [] }

  /// `dx` sums the gradients of all copies.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    var spec = context.inputSpecs[0]
    let shape = spec.shape
    spec.shape = lifted(shape)
    let wide = try AxisTables.scatterAdd(context.gradient, to: spec) { tables(spec.shape) }
    return [try wide.reshaped(shape)]
  }
}

extension Functional {
  /// The tensor `counts[d]` times along each dimension d; further counts in front add dimensions. Any whole-byte dtype,
  /// per-tensor quantizers are kept. torch's `repeat`.
  public static func tile(_ input: Tensor, counts: [Int]) throws(OctetError) -> Tensor {
    try apply(Tile(counts: counts), [input])
  }
}

extension Tensor {
  /// `Functional.tile`, trapping on mistakes.
  public func tile(_ counts: [Int]) -> Tensor {
    eager { try Functional.tile(self, counts: counts) }
  }
}
