/// Slices of one dimension by number. torch.index_select.
struct IndexSelect: DifferentiableOperator {
  static let torchName = "index_select"
  static let onnxName: String? = "Gather"

  let dim: Int

  func outputSpec(_ inputs: [TensorSpec]) throws(OctetError) -> TensorSpec {
    let (x, index) = (inputs[0], inputs[1])
    let d = try axis(dim, x)
    try requireMovable(x, "input") { $0 == d }
    guard index.rank <= 1, index.dtype == .int64 || index.dtype == .int32 else {
      throw error(
        .dtypeMismatch, "index", expected: "dtype int64 or int32, shape [k]",
        received: "dtype \(index.dtype.rawValue), shape \(index.shape)")
    }
    var spec = x
    spec.shape[d] = index.shape.first ?? 1
    return spec
  }

  /// The numbers, each in `0..<size`.
  private func indices(_ index: Tensor, size: Int) throws(OctetError) -> [Int] {
    let found = try index.converted(to: .int64).elements(as: Int64.self).map(Int.init)
    if let wrong = found.first(where: { !(0..<size).contains($0) }) {
      throw error(
        .outOfRange, "index", expected: "indices in 0..<\(size)", received: "index \(wrong)")
    }
    return found
  }

  func evaluate(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    let d = try axis(dim, output)
    let places = try indices(inputs[1], size: inputs[0].shape[d])
    return try AxisTables.gather(inputs[0], output, operation: name) {
      tables(places, d, output.rank)
    }
  }

  func evaluateQuantized(_ inputs: [Tensor], _ output: TensorSpec) throws(OctetError) -> Tensor {
    try evaluate(inputs, output)
  }

  private func tables(_ places: [Int], _ d: Int, _ rank: Int) -> [[Int]?] {
    var tables = [[Int]?](repeating: nil, count: rank)
    tables[d] = places
    return tables
  }

  /// `dx` sums the gradients of every time a slice was chosen.
  func gradients(_ context: BackwardContext) throws(OctetError) -> [Tensor?] {
    let spec = context.inputSpecs[0]
    let d = try axis(dim, spec)
    let places = try indices(context.inputs[1], size: spec.shape[d])
    return [
      try AxisTables.scatterAdd(context.gradient, to: spec) { tables(places, d, spec.rank) }, nil,
    ]
  }
}

extension Functional {
  /// The slices of `dim` that `index` names, in its order; any whole-byte dtype, quantizers are kept. torch.index_select.
  ///
  /// - Parameter index: int64 or int32 `[k]`, each in `0..<size`.
  public static func indexSelect(_ input: Tensor, dim: Int, index: Tensor) throws(OctetError)
    -> Tensor
  {
    try apply(IndexSelect(dim: dim), [input, index])
  }
}

extension Tensor {
  /// `Functional.indexSelect`, trapping on mistakes.
  public func indexSelect(dim: Int, index: Tensor) -> Tensor {
    eager { try Functional.indexSelect(self, dim: dim, index: index) }
  }
}
